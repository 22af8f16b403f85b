import numpy as np
import pytest
from made_clips import Clip, HeadUp

from stagescore.pose.estimation import Follower, Reading, Turn, best_of_eight, merged, read_turns
from stagescore.skeleton import MPII_16

BOX = np.array((98.0, 58.0, 142.0, 102.0))


def true_joints(angle):
    axis = np.array((np.sin(angle), -np.cos(angle)))
    return np.array((120.5, 80.5)) + np.linspace(-8, 8, 16)[:, None] * axis


@pytest.mark.parametrize("angle", [0.0, 1.0, np.pi, -2.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_joints_come_back_from_any_turn(angle, mirrored):
    clip = Clip(num_frames=1, turning=0.0)
    estimator = HeadUp()
    (reading,) = read_turns(estimator, clip.frames[0], BOX, [Turn(angle, mirrored, 1.2)])
    order = list(MPII_16.flip_order) if mirrored else list(range(16))
    np.testing.assert_allclose(reading.joints[:, :2], true_joints(0.0)[order], atol=1.0)


def test_the_surest_of_eight_rotations_stands_upright():
    clip = Clip(num_frames=5, turning=0.8)
    reading = best_of_eight(HeadUp(), clip.frames[4], BOX)
    np.testing.assert_allclose(reading.joints[:, :2], true_joints(3.2), atol=1.2)
    assert np.cos(reading.turn.angle_rad + 3.2) > 0.9
    assert reading.surety > 0.75


def test_following_a_turning_diver_takes_few_crops_and_stays_right():
    clip = Clip(num_frames=30, turning=0.35)
    estimator = HeadUp()
    follower = Follower(estimator)
    for t, frame in enumerate(clip.frames):
        joints = follower.read(frame, BOX)
        np.testing.assert_allclose(joints[2:14, :2].mean(0), (120.5, 80.5), atol=1.5)
        head, feet = joints[15, :2], joints[0, :2]
        assert np.dot(head - feet, true_joints(0.35 * t)[15] - true_joints(0.35 * t)[0]) != 0
    assert follower.num_crops == sum(estimator.shown)
    assert follower.num_crops / 30 < 6


def test_of_somebody_who_stands_still_one_crop_a_frame_is_looked_at():
    clip = Clip(num_frames=12, turning=0.0)
    follower = Follower(HeadUp())
    for frame in clip.frames:
        follower.read(frame, BOX)
    assert follower.num_crops == 8 + 3 + 11


def reading(x, sure):
    joints = np.zeros((16, 3))
    joints[:, 0], joints[:, 2] = x, sure
    return Reading(Turn(), joints)


def test_readings_that_agree_are_averaged_and_others_are_not():
    box = np.array((0.0, 0, 100, 100))
    np.testing.assert_allclose(
        merged([reading(10, 0.6), reading(16, 0.3), reading(99, 0.1)], box)[:, 0], 12, atol=1e-4
    )
    np.testing.assert_allclose(merged([reading(10, 0.6), reading(40, 0.3)], box)[:, 0], 10, atol=1e-4)
    assert (merged([reading(10, 0.6), reading(16, 0.3)], box)[:, 2] == 0.6).all()
