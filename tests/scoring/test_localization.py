"""`--start auto`: the dive in a longer film."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy import ndarray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import DataError
from stagescore.media.source import Media, open_media
from stagescore.scoring import localization
from stagescore.scoring.events import Flight, FlightFinder, FreeFall
from stagescore.scoring.localization import localize_action, only_whole_dive
from stagescore.scoring.motion_scan import HeightCurve, MotionScan, scan_distinct_motion, scan_motion

FALL = range(120, 150)
SIZE = (320, 200)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hall where somebody stands for four seconds, jumps and falls on a parabola, and a pool that stays."""
    folder = tmp_path_factory.mktemp("film")
    rng = np.random.default_rng(0)
    hall = rng.integers(60, 200, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    for frame in range(220):
        picture = hall.copy()
        if frame < FALL.stop:
            apex = FALL.start + 6
            fallen = max(frame - FALL.start, 0) and 0.26 * ((frame - apex) ** 2 - (FALL.start - apex) ** 2)
            top = 10 + round(fallen)
            sway = 3 * (frame % 2)
            picture[top : top + 30, 140 + sway : 158 + sway] = (250, 40, 40)
        Image.fromarray(picture).save(folder / f"{frame:04d}.png")
    return folder


def test_the_fall_is_found_with_some_time_before_and_after(film: Path) -> None:
    start, end = localize_action(open_media(film), FreeFall())
    assert start < FALL.start
    assert end > FALL.stop
    assert 2 * len(FALL) < end - start + len(FALL) / 2 < 4 * len(FALL)


def test_where_nobody_falls_no_dive_is_found(film: Path, tmp_path: Path) -> None:
    for image in sorted(film.iterdir())[:60]:
        (tmp_path / image.name).symlink_to(image)
    with pytest.raises(DataError, match="no dive"):
        localize_action(open_media(tmp_path), FreeFall())


def frames(film: Path, first: int, stop: int) -> list[ndarray]:
    return [image for _, image in open_media(film).frames(range(first, stop))]


def elsewhere(num: int) -> list[ndarray]:
    """Bubbles under water that rise."""
    rng = np.random.default_rng(1)
    pool = np.clip((30, 120, 190) + 12 * rng.standard_normal((SIZE[1], SIZE[0], 1)), 0, 255).astype(np.uint8)
    return [np.roll(pool, -2 * t, axis=0) for t in range(num)]


@pytest.mark.parametrize("before", [0, 30])
def test_the_shot_with_the_whole_dive_is_used_and_the_others_are_not(film: Path, before: int) -> None:
    dive = frames(film, 90, 200)
    scan = scan_motion([*elsewhere(before), *dive, *elsewhere(20)])
    cuts = [*([before] if before else []), before + len(dive)]
    assert only_whole_dive(scan, cuts, FreeFall()) == (before, before + len(dive))


@pytest.mark.parametrize("cut", [FALL.start + 12, FALL.stop - 8])
def test_a_dive_that_is_cut_in_the_air_is_not_whole(film: Path, cut: int) -> None:
    first = frames(film, 90, cut)
    scan = scan_motion([*first, *elsewhere(60)])
    assert only_whole_dive(scan, [len(first)], FreeFall()) is None
    rest = frames(film, cut, 200)
    assert only_whole_dive(scan_motion([*elsewhere(60), *rest]), [60], FreeFall()) is None


def test_of_two_dives_none_is_chosen(film: Path) -> None:
    dive = frames(film, 90, 200)
    assert only_whole_dive(scan_motion([*dive, *dive]), [len(dive)], FreeFall()) is None


def test_a_last_shot_under_water_is_cut_off_and_said(
    film: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = made_scorer.write_frames(tmp_path / "dive", [*frames(film, 90, 200), *elsewhere(20)])
    result = made_scorer.scorer(tmp_path_factory).score(folder)
    assert [reason.code for reason in result.reasons] == []
    assert (result.input.start_frame, result.input.end_frame) == (0, 110)
    assert any("20 frames of another shot were left out" in told for told in result.warnings)


class Falls:
    """Stands for what is found in each window, in their order."""

    def __init__(self, *flights: Flight | None) -> None:
        self.flights = list(flights)
        self.looked: list[tuple[int, int]] = []

    def __call__(self, shot: MotionScan, finder: FlightFinder) -> Flight | None:
        first = round(float(shot.small[0].mean()) / 2)
        self.looked.append((first, first + shot.num_frames))
        return self.flights.pop(0)


def flight(first: int, stop: int, fallen: float, **changes: bool) -> Flight:
    return made_scorer.GivenFlight(first=first, stop=stop, fallen=fallen, **changes).find(
        HeightCurve(0, np.zeros(1)), 100
    )


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Ninety-nine frames whose brightness is twice their number."""
    pictures = [np.full((24, 40, 3), 2 * frame, np.uint8) for frame in range(99)]
    return open_media(made_scorer.write_frames(tmp_path_factory.mktemp("counted") / "film", pictures))


@pytest.mark.parametrize(
    ("flights", "span"),
    [
        # 0.7 of a flight before it and 0.5 after it; windows begin at 0, 20, 40, and 60.
        ((flight(14, 24, 3.0), None, None, None), (7, 29)),
        ((flight(2, 12, 3.0), None, None, None), (0, 17)),
        ((None, None, None, flight(26, 36, 3.0)), (79, 99)),
        # The deepest fall is the dive, unless only a part of it is in the window.
        ((flight(14, 24, 3.0), None, flight(14, 24, 4.0), None), (47, 69)),
        ((flight(14, 24, 3.0), None, flight(14, 24, 9.0, ends_in_air=True), None), (7, 29)),
        ((flight(14, 24, 1.7), None, flight(14, 24, 9.0, starts_in_air=True), None), (47, 69)),
    ],
)
def test_the_deepest_whole_fall_is_the_dive_and_stays_within_the_film(
    counted: Media,
    monkeypatch: pytest.MonkeyPatch,
    flights: tuple[Flight | None, ...],
    span: tuple[int, int],
) -> None:
    monkeypatch.setattr(localization, "WINDOW_FRAMES", 40)
    monkeypatch.setattr(localization, "cuts_of", lambda scan: [])
    falls = Falls(*flights)
    monkeypatch.setattr(localization, "_flight", falls)
    assert localize_action(counted, FreeFall()) == span
    assert falls.looked == [(0, 40), (20, 60), (40, 80), (60, 99)]


def test_a_film_of_hours_is_refused_before_it_is_decoded(
    counted: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(localization, "MOST_FRAMES", 98)
    with pytest.raises(DataError, match="99 frames"):
        localize_action(counted, FreeFall())


def test_a_cut_is_told_in_frames_of_the_film_also_where_frames_are_repeated() -> None:
    rng = np.random.default_rng(2)
    halls = [cv2.GaussianBlur(rng.integers(*span, (60, 96, 3)).astype(np.uint8), (0, 0), 1) for span in SPANS]
    once = [np.roll(hall, 3 * t, axis=1) for hall in halls for t in range(20)]
    assert localization.cuts_of(scan_motion(once)) == [20]
    twice = [picture for picture in once for _ in range(2)]
    scan = scan_distinct_motion(lambda chosen: [twice[frame] for frame in chosen], len(twice))
    assert scan.distinct == list(range(0, 80, 2))
    assert localization.cuts_of(scan) == [40]


SPANS = ((0, 200), (70, 255))
