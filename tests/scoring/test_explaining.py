"""Marks, angles and names that a reader can check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.diving import score_from_marks
from stagescore.scoring.angles import angles_of
from stagescore.scoring.inputs import find_clips
from stagescore.scoring.judging import plausible_judging
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack


@given(st.floats(0, 30), st.sampled_from([1.6, 2.8, 3.2, 4.1]))
def test_marks_follow_the_rules_and_come_near(execution: float, difficulty: float) -> None:
    judging = plausible_judging(execution * difficulty, difficulty)
    assert judging is not None
    assert len(judging.marks) == 7
    assert sorted(judging.marks)[2:5] == sorted(
        mark for judge, mark in enumerate(judging.marks) if judge not in judging.dropped
    )
    assert judging.score == score_from_marks(judging.marks, difficulty)
    assert judging.score == pytest.approx(judging.total * difficulty, abs=0.006)
    # Totals go in halves.
    assert abs(judging.total - execution) <= 0.25 + 1e-9


def test_impossible_scores_have_no_marks() -> None:
    assert plausible_judging(100.0, 3.0) is None


def body(**joints: tuple[float, float]) -> PoseTrack:
    places = np.full((1, 16, 2), np.nan)
    for name, place in joints.items():
        places[0, MPII_16.index(name)] = place
    return PoseTrack(places, np.where(np.isnan(places).any(-1), 0.0, 1.0))


def test_angles_of_a_body_that_enters_upside_down_with_one_bent_knee() -> None:
    track = body(
        pelvis=(50, 40),
        thorax=(50, 60),
        right_shoulder=(50, 60),
        right_hip=(50, 40),
        right_knee=(50, 20),
        right_ankle=(70, 20),
    )
    angles = angles_of(track, start_frame=10, contact_frame=12)
    assert angles.frames == [10]
    assert angles.knee == [90.0]
    assert angles.hip == [180.0]
    assert angles.trunk == [180.0]
    assert angles.trunk_at_entry is None, "one frame is not enough"
    assert angles_of(track, start_frame=10, contact_frame=20).trunk_at_entry is None
    assert angles_of(body(pelvis=(0, 0)), 0, None).trunk == [None]


def test_a_joint_that_is_wrong_in_one_frame_or_weak_makes_no_angle() -> None:
    one = body(right_hip=(50, 20), right_knee=(50, 40), right_ankle=(50, 60))
    joints, weak = np.repeat(one.joints_px, 9, axis=0), np.zeros((9, 16), bool)
    joints[4, MPII_16.index("right_ankle")] = 60, 22
    track = PoseTrack(joints, np.repeat(one.confidence, 9, axis=0))
    assert angles_of(track, 0, None).knee == [180.0] * 9
    weak[2, MPII_16.index("right_knee")] = True
    assert angles_of(track, 0, None, weak).knee == [180.0, 180.0, None, *[180.0] * 6]


def test_inputs_are_found_once_and_named_apart(tmp_path) -> None:
    for name in (
        "a/dive.mp4",
        "a/dive.mov",
        "a/.hidden.mp4",
        "a/notes.txt",
        "b/DIVE.gif",
        "c/0.jpg",
        "c/1.jpg",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    words = [
        str(tmp_path / word) for word in ("a", "*/*.gif", "c", "a/dive.mov", "none*.mp4", "a/summary.csv.mp4")
    ]
    clips = find_clips(words)
    assert [clip.name for clip in clips] == ["dive", "dive-2", "DIVE-3", "c", "none*", "summary.csv-2"]
    assert [clip.path.name for clip in clips][:3] == ["dive.mov", "dive.mp4", "DIVE.gif"]
