"""Two dives in one film: bodies of one length on each other, whatever the size of the films."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_flights import joints_at, made_scored
from made_results import NAMES

from stagescore.errors import DataError
from stagescore.media.source import open_media
from stagescore.report.film_kinds import Align, CompareFilm
from stagescore.report.ghost import (
    EDGE_PX,
    FollowedDive,
    body_length,
    centre_of_mass,
    laid_over,
    skeleton_ghosts,
)
from stagescore.report.keyframes import AlignedPair
from stagescore.report.score_files import write_comparison
from stagescore.scoring.compare import DiveComparison, Moment, StageDifference

NUM_FRAMES = 16
FRAMES = list(range(NUM_FRAMES))
NONE = (None, None, None)


@pytest.fixture(scope="module")
def dives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return made_scored(folder / "one", 1, NUM_FRAMES), made_scored(folder / "two", 2, NUM_FRAMES)


@pytest.fixture(scope="module")
def followed(dives):
    return tuple(FollowedDive.of(dive, FRAMES) for dive in dives)


def compared(first, second):
    moments = [
        Moment(time=1 + k / 8, first_frame=f, second_frame=f, first_angles=NONE, second_angles=NONE)
        for k, f in enumerate((4, 8, 12, 15))
    ]
    stages = [StageDifference(name=name, difference=0.0, by_branch=[0.0]) for name in NAMES]
    return DiveComparison(
        first=first.result,
        second=second.result,
        branches=["b"],
        difference=0.0,
        stages=stages,
        moments=moments,
    )


def test_a_body_has_its_length_and_its_centre_of_mass():
    joints = joints_at()
    # From the head to the thorax, to the pelvis, from the hip to the knee, to the ankle.
    expected = 9 + 10 + np.hypot(0, 7) + np.hypot(0, 8)
    assert body_length(np.stack([joints, joints])) == pytest.approx(expected)
    shares = np.array([joints[k] for k in range(16)])
    from stagescore.skeleton import MPII_16

    assert centre_of_mass(joints) == pytest.approx((shares * np.array(MPII_16.mass_shares)[:, None]).sum(0))
    lost = joints.copy()
    lost[:12] = np.nan
    assert centre_of_mass(lost) is None
    assert body_length(np.full((3, 16, 2), np.nan)) is None


@pytest.mark.parametrize("align", list(Align))
def test_the_ghost_of_the_same_dive_in_a_larger_film_lies_on_the_diver(followed, align):
    mine, theirs = followed
    assert theirs.length_px == pytest.approx(2 * mine.length_px)
    for frame in (6, 12):
        shift = np.zeros(2)
        if align == Align.take_off:
            shift = (theirs.from_take_off(frame) - mine.from_take_off(frame)) * EDGE_PX / 2.0
        here, there = (
            one.ghost(frame, one.window(frame, moved))[..., 0] > 0.3
            for one, moved in ((mine, np.zeros(2)), (theirs, shift))
        )
        assert here.sum() > 1000
        assert (here & there).sum() / (here | there).sum() > 0.7


def test_a_film_of_ghosts_shows_both_until_the_water(dives, tmp_path):
    first, second = dives
    write_comparison(compared(first, second), first, second, tmp_path, film=CompareFilm.both)
    assert {"compare.mp4", "ghost.mp4"} <= {path.name for path in tmp_path.iterdir()}
    film = open_media(tmp_path / "ghost.mp4")
    assert film.info.width_px == EDGE_PX
    shown = [image.astype(int) for _, image in film.frames()]
    assert len(shown) == 3  # the last moment lies in the water
    middle = slice(EDGE_PX // 2 - 60, EDGE_PX // 2 + 60)
    for image in shown:
        # The ghost's colour: much more blue than red.
        assert (image[middle, middle, 2] - image[middle, middle, 0]).max() > 60


def test_the_skeleton_of_an_exemplar_is_laid_over_the_dive(dives, followed):
    first, _ = dives
    pairs = [
        AlignedPair(1, 0.3, 4, 38),
        AlignedPair(1, 0.5, 10, 40),
        AlignedPair(1, 0.7, 12, 42),
        AlignedPair(2, 0.7, 15, 44),
    ]
    kept = {40: joints_at(np.zeros(2)) / 300}
    ((text, image),) = skeleton_ghosts(pairs, NAMES, first, kept)
    assert text == "flight  A 10  ghost: exemplar"
    plain = followed[0].shown(10, followed[0].window(10)).astype(int)
    changed = np.abs(image.astype(int) - plain).max(axis=2) > 40
    rows, columns = np.nonzero(changed)
    assert abs(columns.mean() - EDGE_PX / 2) < 20 and abs(rows.mean() - EDGE_PX / 2) < 40
    with pytest.raises(DataError, match="no whole skeleton"):
        next(skeleton_ghosts(pairs, NAMES, first, {}))


def test_a_ghost_is_as_strong_as_its_share():
    shown, other = np.full((4, 4, 3), 100, np.uint8), np.full((4, 4, 3), 255, np.uint8)
    share = np.zeros((4, 4, 1))
    share[1], share[2] = 0.5, 1.0
    image = laid_over(shown, other, share)
    assert (image[0] == 100).all()
    assert (image[2] == (90, 230, 255)).all()
    assert (image[1] == (95, 165, 178)).all()


def test_a_dive_without_joints_has_no_ghost(dives):
    from dataclasses import replace

    with pytest.raises(DataError, match="no diver was followed"):
        FollowedDive.of(replace(dives[0], poses=None), FRAMES)
