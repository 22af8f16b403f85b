"""Take-off and water contact as a network sees them, in `score`."""

import sys
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import torch

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.data.manifest import read_manifest
from stagescore.media.source import open_media
from stagescore.models.event_network import EventNetwork, PlacedEvents
from stagescore.scoring import checks, event_refinement
from stagescore.scoring.event_refinement import EventNetworkRefiner
from stagescore.scoring.events import Flight
from stagescore.simulate.dataset import Order, simulate_dataset
from stagescore.training.event_training import labelled_events


class Places(EventNetwork):
    """Says what it is told to."""

    def __init__(self, first: float, stop: float, sure: float = 0.9) -> None:
        super().__init__(width=8)
        self.said = PlacedEvents(frames=(first, stop), confidence=(sure, sure))
        self.in_air = (0.0, 0.0)
        self.shown: list[int] = []

    def place(self, described, frames):
        assert len(described) == len(frames)
        self.shown += frames.tolist()
        return self.said

    def seen_in_air(self, described, frames, num_frames):
        return self.in_air


def flight(**changes) -> Flight:
    return made_scorer.GivenFlight(first=30, stop=70, **changes).find(None, 100)  # type: ignore[arg-type]


@pytest.fixture
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(stored_dives.dives(tmp_path_factory)[0].frames_path)


def test_the_flight_is_moved_to_where_the_network_sees_it(film: str) -> None:
    media = open_media(film)
    network = Places(33.2, 68.9)
    refined = EventNetworkRefiner(network).refine(media, (0, media.num_frames), flight())
    assert (refined.first, refined.stop) == (33, 69) and refined.apex == flight().apex
    assert min(network.shown) >= 0 and max(network.shown) < media.num_frames


def test_frames_are_counted_from_the_start_of_the_span(film: str) -> None:
    media = open_media(film)
    network = Places(33.2, 68.9)
    refined = EventNetworkRefiner(network).refine(media, (10, 75), flight())
    assert (refined.first, refined.stop) == (33, 69) and max(network.shown) == 64


def test_a_clip_that_begins_in_the_air_is_told_by_the_network_alone(film: str) -> None:
    media = open_media(film)
    network = Places(33.2, 68.9)
    span = 0, media.num_frames
    # The jump before the take-off is a fall upwards: the fall of the body takes it for a part of the flight.
    refined = EventNetworkRefiner(network).refine(media, span, flight(starts_in_air=True, no_takeoff=True))
    assert (refined.first, refined.starts_in_air, refined.no_takeoff) == (33, False, False)
    refined = EventNetworkRefiner(Places(33.2, 68.9, sure=0.7)).refine(
        media, span, flight(starts_in_air=True)
    )
    assert refined.starts_in_air  # of a film that the network does not know the fall of the body tells
    for sure, no_takeoff in ((0.95, False), (0.99, True)):
        network.in_air = (sure, 0.0)
        refined = EventNetworkRefiner(network).refine(media, span, flight())
        assert (refined.first, refined.starts_in_air, refined.no_takeoff) == (0, True, no_takeoff)


def test_a_clip_that_ends_in_the_air_is_told_by_either(film: str) -> None:
    media = open_media(film)
    network = Places(33.2, 68.9)
    span = 0, media.num_frames
    refined = EventNetworkRefiner(network).refine(media, span, flight(ends_in_air=True))
    assert (refined.stop, refined.ends_in_air) == (70, True)
    network.in_air = (0.0, 0.95)
    refined = EventNetworkRefiner(network).refine(media, span, flight())
    assert (refined.stop, refined.ends_in_air) == (70, True)


def test_score_tells_the_moved_events(film: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight(first=30, stop=70)
    before = scorer.score(film).events
    scorer.events = EventNetworkRefiner(Places(33.2, 68.9))
    after = scorer.score(film).events
    assert before.first_airborne_frame is not None and after.first_airborne_frame is not None
    assert (before.first_airborne_frame.frame, after.first_airborne_frame.frame) == (30, 33)
    assert after.first_water_contact_frame is not None and after.first_water_contact_frame.frame == 69


@pytest.mark.slow
def test_what_ships_places_the_events_of_new_simulated_dives(tmp_path: Path) -> None:
    simulate_dataset(tmp_path, Order(num_dives=12, seed=4711, size_px=(256, 144)))
    manifest = read_manifest(tmp_path)
    refiner = EventNetworkRefiner.load()
    assert refiner is not None
    off = []
    for dive in manifest:
        media = open_media(str(dive.frames_path))
        first, stop = labelled_events(dive, tmp_path)
        rough = made_scorer.GivenFlight(first=first - 5, stop=stop + 3).find(None, media.num_frames)  # type: ignore[arg-type]
        refined = refiner.refine(media, (0, media.num_frames), rough)
        off.append((refined.first - first, refined.stop - stop))
    assert np.abs(np.median(off, 0)).max() <= 1 and (np.abs(off) <= 3).mean() > 0.9


class SeesPhases(Places):
    """Says of every frame what it shows, by its number in the span, and where the events are."""

    def __init__(self, takeoff: int, contact: int, sure: float = 0.99) -> None:
        super().__init__(takeoff, contact, sure=0.8)
        self.events, self.sure = (takeoff, contact), sure

    def phases(self, described):
        place = np.searchsorted(self.events, described[:, 0].numpy(), side="right")
        rest = (1 - self.sure) / 2
        return torch.full((3, len(described)), rest).scatter_(0, torch.from_numpy(place)[None], self.sure)


@pytest.mark.parametrize(
    ("span", "sure", "found"),
    [
        ((0, 79), 0.99, None),  # a whole dive
        ((40, 79), 0.99, (0, 20, True, False)),  # begins in the air, twenty frames before the contact
        ((40, 79), 0.9, None),  # not sure enough where the body shows no fall
        ((10, 35), 0.99, (20, 25, False, True)),
        ((40, 50), 0.99, (0, 10, True, True)),
        ((65, 79), 0.99, None),  # after the contact
        ((5, 28), 0.99, None),  # before the take-off
    ],
)
def test_a_clip_that_shows_too_little_of_a_flight_to_see_a_fall_is_in_the_air_all_the_same(
    film: str, monkeypatch: pytest.MonkeyPatch, span: tuple[int, int], sure: float, found: tuple | None
) -> None:
    media = open_media(film)
    monkeypatch.setattr(
        event_refinement._Described,
        "at",
        lambda described, frames: torch.from_numpy(np.asarray(frames, dtype=float))[:, None],
    )
    network = SeesPhases(30 - span[0], 60 - span[0], sure)
    flight = EventNetworkRefiner(network).cut_off_flight(media, span)
    if found is None:
        assert flight is None
        return
    assert flight is not None
    assert (flight.first, flight.stop, flight.starts_in_air, flight.ends_in_air) == found
    whole = flight.starts_in_air and flight.ends_in_air
    assert flight.confidence == pytest.approx(sure if whole else 0.8), "that of the event that the clip shows"
    assert checks.partial_reason(flight, span[0], begins_at_cut=True) is not None
