"""Dives come out of a stream when they are over, with what belongs to them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import made_pool as made

from stagescore.errors import DataError
from stagescore.media.sound import SuddenSounds
from stagescore.scoring.sessions.confirming import EventConfirmer, SeenEvents
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.dive_span import DiveSpan
from stagescore.scoring.sessions.falls import Fall


def two_dives() -> list[tuple[float, np.ndarray]]:
    """One after the other from one board, the second from another place on it."""
    first = list(made.pictures([made.diver(1.0)], 4.0))
    second = [(4.0 + time_s, picture) for time_s, picture in made.pictures([made.diver(1.5, x=62.0)], 4.5)]
    return first + second


@pytest.fixture(scope="module")
def found() -> tuple[list[DiveSpan], int]:
    detector = SessionDetector(sounds=SuddenSounds(np.array([1.0 + made.fall_s() + 0.1])))
    spans = []
    most = 0
    for frame, (time_s, picture) in enumerate(two_dives()):
        spans += detector.feed(picture, time_s, frame)
        most = max(most, len(detector._looked), len(detector._kept))
    return spans + detector.finish(), most


def test_each_dive_is_one_span(found: tuple[list[DiveSpan], int]) -> None:
    spans, _ = found
    assert len(spans) == 2
    for span, takeoff_s in zip(spans, (1.0, 5.5), strict=True):
        assert span.takeoff_s == pytest.approx(takeoff_s, abs=0.35)
        assert span.contact_s == pytest.approx(takeoff_s + made.fall_s(), abs=0.25)
        assert span.takeoff == pytest.approx(span.takeoff_s * made.RATE, abs=1)
        assert 0 < span.confidence <= 1


def test_no_span_has_a_part_of_the_other_dives_flight(found: tuple[list[DiveSpan], int]) -> None:
    (first, second), _ = found
    assert first.end <= second.takeoff
    assert second.begin >= first.contact


def test_a_sound_near_the_contact_is_told(found: tuple[list[DiveSpan], int]) -> None:
    (first, second), _ = found
    assert "sound" in first.told
    assert "sound" not in second.told


def test_pictures_of_some_seconds_are_kept(found: tuple[list[DiveSpan], int]) -> None:
    assert found[1] <= 15 * 31


def test_another_shot_ends_what_belongs_to_a_dive() -> None:
    detector = SessionDetector()
    frames = [(time_s, 255 - picture) for time_s, picture in made.pictures([made.walker()], 1.0, seed=3)]
    frames += [(1.0 + time_s, picture) for time_s, picture in made.pictures([made.diver(1.0)], 3.5)]
    spans = []
    for frame, (time_s, picture) in enumerate(frames):
        spans += detector.feed(picture, time_s, frame)
    (span,) = spans + detector.finish()
    assert span.begin == 25


def test_slow_motion_that_is_told_is_taken_out_of_the_times() -> None:
    spans = []
    detector = SessionDetector(slowmo=4.0)
    for frame, (time_s, picture) in enumerate(made.pictures([made.diver(1.0)], 3.5)):
        spans += detector.feed(picture, 4 * time_s, frame)
    (span,) = spans + detector.finish()
    assert span.takeoff_s == pytest.approx(4.0, abs=1.0)
    assert span.contact_s - span.takeoff_s == pytest.approx(4 * made.fall_s(), abs=1.0)


def test_a_dive_whose_frames_are_out_of_order_is_refused() -> None:
    with pytest.raises(DataError, match="in the order of time"):
        DiveSpan(
            begin=5,
            end=9,
            takeoff=4,
            contact=8,
            begin_s=0.0,
            end_s=1.0,
            takeoff_s=0.1,
            contact_s=0.5,
            confidence=1.0,
            told=("motion",),
        )


class Sees(EventConfirmer):
    """A network that is as sure of flight and water as it is told, of whatever falls."""

    __slots__ = ("phases",)

    def __init__(self, phases: float) -> None:
        object.__setattr__(self, "phases", phases)

    def look(self, fall: Fall, times_s: np.ndarray, pictures: Sequence[np.ndarray]) -> SeenEvents:
        return SeenEvents(
            takeoff_s=fall.takeoff_s, contact_s=fall.contact_s + 0.2, confidence=0.9, phases=self.phases
        )


@pytest.mark.parametrize(("share", "phases", "told"), [(0.85, 0.7, 1), (0.85, 0.5, 0), (0.93, 0.0, 1)])
def test_a_body_that_is_lost_in_its_fall_is_a_dive_if_the_network_sees_one(
    share: float, phases: float, told: int
) -> None:
    def lost(time_s: float) -> tuple[float, float, float] | None:
        return whole(time_s) if time_s < 3.0 + share * made.fall_s() else None

    whole = made.diver(3.0)
    detector = SessionDetector(confirmer=Sees(phases))
    spans = [
        one
        for frame, (time_s, picture) in enumerate(made.pictures([lost], 12.0))
        for one in detector.feed(picture, time_s, frame)
    ]
    spans += detector.finish()
    assert len(spans) == told


@pytest.mark.parametrize(("phases", "told"), [(0.95, 1), (0.3, 0), (None, 0)])
def test_a_camera_that_falls_is_a_dive_only_if_the_network_sees_one(phases: float | None, told: int) -> None:
    detector = SessionDetector(confirmer=None if phases is None else Sees(phases))
    spans = [
        one
        for frame, (time_s, picture) in enumerate(made.following(12.0, made.falling_camera(3.0)))
        for one in detector.feed(picture, time_s, frame)
    ]
    spans += detector.finish()
    assert len(spans) == told
    assert all("events" in span.told for span in spans)
