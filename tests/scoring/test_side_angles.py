"""Angles of both sides and the turn of the trunk: right on bodies that are drawn with them, honest where joints are missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.scoring.angles import COUNTED_ANEW, DOUBTED, SEEN, UNKNOWN, angles_of, side_angles
from stagescore.skeleton import COCO_17, MPII_16
from stagescore.types import PoseTrack


def at(degrees):
    """Up in the picture, turned counterclockwise."""
    turn = np.radians(degrees)
    return np.stack((-np.sin(turn), -np.cos(turn)), axis=-1)


def body(turns, knee=180.0, hip=180.0):
    """A body that is turned by so many degrees in each frame, with these angles on both sides."""
    turns = np.asarray(turns, dtype=np.float64)
    joints = np.full((len(turns), 16, 2), np.nan)
    place = dict(zip(MPII_16.joints, range(16), strict=True))
    pelvis = np.full((len(turns), 2), 200.0)
    joints[:, place["pelvis"]] = pelvis
    joints[:, place["thorax"]] = pelvis + 50 * at(turns)
    for side in ("right", "left"):
        joints[:, place[f"{side}_hip"]] = pelvis
        joints[:, place[f"{side}_shoulder"]] = pelvis + 50 * at(turns)
        knees = pelvis + 40 * at(turns + hip)
        joints[:, place[f"{side}_knee"]] = knees
        joints[:, place[f"{side}_ankle"]] = knees + 40 * at(turns + hip + 180 + knee)
    known = ~np.isnan(joints).any(-1)
    return PoseTrack(joints, known.astype(float))


def angles(track, rate=30.0, believed=None):
    found = side_angles(
        track, track.known if believed is None else believed, np.arange(track.num_frames) / rate
    )
    return {name: found.degrees[:, place] for place, name in enumerate(found.names)}, {
        name: [row[place] for row in found.states] for place, name in enumerate(found.names)
    }


@settings(max_examples=40, deadline=None)
@given(st.floats(-180, 180), st.floats(0, 180), st.floats(0, 180))
def test_angles_are_those_that_the_body_was_drawn_with(turn, knee, hip):
    degrees, states = angles(body([turn] * 3, knee, hip))
    for side in ("right", "left"):
        np.testing.assert_allclose(degrees[f"{side}_knee"], knee, atol=1e-5)
        np.testing.assert_allclose(degrees[f"{side}_hip"], hip, atol=1e-5)
    assert np.abs((degrees["trunk"] - turn + 180) % 360 - 180).max() < 1e-9
    assert set(states["trunk"]) == {SEEN}


@pytest.mark.parametrize("direction", [1, -1])
def test_three_and_a_half_somersaults_are_counted_through(direction):
    turns = direction * np.linspace(0, 1260, 43)  # 900 degrees per second at 30 frames per second
    degrees, states = angles(body(turns))
    np.testing.assert_allclose(degrees["trunk"][2:-2], turns[2:-2], atol=1e-6)
    assert abs(degrees["trunk"][-1] - turns[-1]) <= 31
    assert set(states["trunk"]) == {SEEN}


def test_a_trunk_that_is_upside_down_in_one_frame_is_left_out_and_costs_no_turn():
    turns = np.linspace(0, 720, 37)
    wrong = turns.copy()
    wrong[[9, 20]] += 180
    degrees, states = angles(body(wrong))
    assert [frame for frame, state in enumerate(states["trunk"]) if state != SEEN] == [9, 20]
    assert {states["trunk"][frame] for frame in (9, 20)} == {DOUBTED}
    assert np.isnan(degrees["trunk"][[9, 20]]).all()
    seen = np.delete(np.arange(2, 35), [7, 18])
    np.testing.assert_allclose(degrees["trunk"][seen], turns[seen], atol=11)
    assert degrees["trunk"][34] == pytest.approx(turns[34])


def test_turns_are_counted_anew_after_a_gap_that_may_hide_half_a_turn():
    track = body(np.linspace(0, 900, 31))
    believed = track.known
    believed[10:13] = False
    degrees, states = angles(track, believed=believed)
    assert states["trunk"][10:14] == [DOUBTED] * 3 + [COUNTED_ANEW]
    assert np.isnan(degrees["trunk"][10:13]).all()
    assert -180 <= degrees["trunk"][13] <= 180
    # The same gap in a film of 240 frames per second hides nothing.
    assert (
        COUNTED_ANEW not in angles(body(np.linspace(0, 100, 31)), rate=240.0, believed=believed)[1]["trunk"]
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-180, 180), min_size=1, max_size=12))
def test_each_count_begins_within_half_a_turn_and_keeps_the_direction(turns):
    """Whatever the trunk does: even at random, a count never jumps by what could be a hidden half turn."""
    degrees, states = angles(body(turns))
    begins = [frame for frame, state in enumerate(states["trunk"]) if frame == 0 or state == COUNTED_ANEW]
    assert np.abs(degrees["trunk"][begins]).max() <= 180
    steps = np.diff(degrees["trunk"])
    within = [frame - 1 for frame in range(1, len(turns)) if states["trunk"][frame] == SEEN]
    assert not (np.abs(steps[within]) >= 180).any()


def test_a_trunk_without_length_has_no_direction():
    track = body([10, 10, 10])
    joints = track.joints_px.copy()
    joints[1, MPII_16.index("thorax")] = joints[1, MPII_16.index("pelvis")]
    degrees, states = angles(PoseTrack(joints, track.confidence))
    assert states["trunk"] == [SEEN, DOUBTED, SEEN]
    np.testing.assert_allclose(degrees["trunk"], [10, np.nan, 10])


def test_why_an_angle_is_missing_is_told():
    track = body([0, 10, 20])
    joints, filled = track.joints_px.copy(), np.zeros((3, 16), bool)
    joints[1, MPII_16.index("left_ankle")] = np.nan
    filled[2, MPII_16.index("right_hip")] = True
    track = PoseTrack(joints, (~np.isnan(joints).any(-1)).astype(float), filled)
    degrees, states = angles(track, believed=track.known & ~filled)
    assert states["left_knee"] == [SEEN, UNKNOWN, SEEN]
    assert states["right_knee"] == states["right_hip"] == [SEEN, SEEN, DOUBTED]
    for name, column in degrees.items():
        expected = [state not in (SEEN, COUNTED_ANEW) for state in states[name]]
        assert np.isnan(column).tolist() == expected


def test_the_report_has_the_mean_of_both_sides():
    draw = np.random.default_rng(3)
    track = body(np.linspace(0, 200, 20), knee=120.0, hip=95.0)
    track = PoseTrack(track.joints_px + draw.normal(0, 0.5, (20, 16, 2)), track.confidence)
    degrees, _ = angles(track)
    told = angles_of(track, 0, None)
    both = (degrees["right_knee"] + degrees["left_knee"]) / 2
    np.testing.assert_allclose(told.knee, both, atol=3)


def test_other_skeletons_have_the_same_angles():
    track = body([0, 5, 10], knee=100.0)
    other = track.mapped(COCO_17)
    np.testing.assert_allclose(angles(other)[0]["right_knee"], angles(track)[0]["right_knee"])
    np.testing.assert_allclose(angles(other)[0]["trunk"], angles(track)[0]["trunk"], atol=1e-9)
