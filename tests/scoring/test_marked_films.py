"""40 real films whose events somebody read by eye, against the marks that came with the data."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

MARKS = Path(__file__).with_name("marked_films.json")
SECOND_READER = MARKS.with_name("marked_films_second_reader.json")


def marked() -> dict[int, dict[str, int | None]]:
    return {int(name.split(".")[0]): mark for name, mark in json.loads(MARKS.read_text()).items()}


def test_a_second_reader_who_saw_no_marks_read_the_same_frames() -> None:
    second = json.loads(SECOND_READER.read_text())
    assert second.keys() == json.loads(MARKS.read_text()).keys()
    for event, most in (("first_airborne_frame", 1), ("first_water_contact_frame", 0)):
        both = [(mark[event], second[f"{film:03d}.mp4"][event]) for film, mark in marked().items()]
        # Take-off of film 330 is not shown, and both say so.
        assert all((mine is None) == (theirs is None) for mine, theirs in both)
        apart = [abs(mine - theirs) for mine, theirs in both if mine is not None]
        assert max(apart) <= most and sum(apart) <= 2


def test_forty_films_are_marked_and_none_of_them_is_sealed(shared: Path) -> None:
    from stagescore.data import unlv_dive
    from stagescore.data.protocols import sealed_ids

    labels = unlv_dive.load(shared / "data" / "unlv_dive")[0].manifest
    sealed = {int(name.split("/")[1]) for name in sealed_ids([d for d in labels if d.split == "train"])}
    assert len(marked()) == 40 and not sealed & set(marked())


@pytest.mark.parametrize(
    ("hand_mark", "event", "median", "spread"),
    [
        ("jump_begins", "first_airborne_frame", 0.0, 1.0),
        # Not the first contact: two frames after it, as a rule.
        ("ending_begins", "first_water_contact_frame", 2.0, 1.5),
    ],
)
def test_how_far_hand_marks_are_from_the_physical_events(
    hand_mark: str, event: str, median: float, spread: float, shared: Path
) -> None:
    with (shared / "data" / "unlv_dive" / "films.csv").open(encoding="utf-8", newline="") as stream:
        rows = {int(row["id"]): row for row in csv.DictReader(stream)}
    apart = [
        int(rows[film][hand_mark]) - mark[event] for film, mark in marked().items() if mark[event] is not None
    ]
    assert np.median(apart) == median
    assert np.std(apart) == pytest.approx(spread, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [25, 24, 20])
def test_a_flight_at_a_lower_frame_rate_shows_no_cut(rate: int, shared: Path) -> None:
    """Films of 30 frames per second: what was left out made a cut of 30, 28 and 20 of 241 flights, these among them (docs/log.md)."""
    from stagescore.benchmarks.variants import Variant, shown_frames
    from stagescore.media.source import open_media
    from stagescore.scoring.checks import cuts
    from stagescore.scoring.motion_scan import scan_motion

    for film in (2, 42, 96, 187, 191, 253, 336):
        media = open_media(shared / "data" / "unlv_dive" / "films" / f"{film:03d}.mp4")
        frames = shown_frames(media, Variant(name="rate", rate=float(rate)))
        small = scan_motion(picture for _, picture in media.frames(frames)).small
        assert [cut for cut in cuts(small) if 8 <= cut < len(small) - 17] == [], film
