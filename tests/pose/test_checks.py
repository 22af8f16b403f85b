import numpy as np
import pytest

from stagescore.pose.checks import LONGEST_GAP, check_joints, consistent_sides, interpolated, is_outlier
from stagescore.skeleton import MPII_16


def body(frames=20, speed=2.0):
    rng = np.random.default_rng(1)
    shape = rng.uniform(20, 80, (16, 2))
    joints = shape + speed * np.arange(frames)[:, None, None]
    return np.concatenate((joints, np.full((frames, 16, 1), 0.8)), axis=-1)


SIZES = np.full(20, 60.0)


def test_exchanged_sides_are_put_right():
    true = body()
    wrong = true.copy()
    for t in (5, 6, 7, 12):
        wrong[t] = true[t, list(MPII_16.flip_order)]
    fixed, exchanged = consistent_sides(wrong, SIZES)
    np.testing.assert_array_equal(fixed, true)
    assert np.flatnonzero(exchanged).tolist() == [5, 6, 7, 12]


def test_sides_stay_as_the_estimator_says_without_a_reason():
    true = body()
    fixed, exchanged = consistent_sides(true, SIZES)
    assert not exchanged.any()
    np.testing.assert_array_equal(fixed, true)


def test_frames_without_the_diver_do_not_disturb_the_sides():
    wrong = body()
    wrong[8] = np.nan
    fixed, exchanged = consistent_sides(wrong, np.where(np.arange(20) == 8, np.nan, 60.0))
    assert not exchanged.any()
    assert np.isnan(fixed[8]).all()


def test_a_joint_that_jumps_away_and_back_is_an_outlier():
    joints = body()[..., :2]
    joints[9, 4] += 50
    found = is_outlier(joints, SIZES)
    assert np.argwhere(found).tolist() == [[9, 4]]


def test_a_joint_that_goes_and_stays_is_none():
    joints = body()[..., :2]
    joints[9:, 4] += 50
    assert not is_outlier(joints, SIZES).any()


def test_missing_joints_lie_on_the_line_as_equation_27_says():
    joints, sure = body()[..., :2], np.full((20, 16), 0.8)
    true = joints.copy()
    joints[4:9, 3], sure[4:9, 3] = np.nan, 0
    filled_joints, filled_sure, filled = interpolated(joints, sure)
    for t in range(4, 9):
        share = (t - 3) / (9 - 3)
        np.testing.assert_allclose(filled_joints[t, 3], true[3, 3] + share * (true[9, 3] - true[3, 3]))
        assert filled_sure[t, 3] == pytest.approx(0.8 / (1 + min(t - 3, 9 - t)))
    assert np.argwhere(filled).tolist() == [[t, 3] for t in range(4, 9)]


def test_nothing_is_made_up_before_after_or_over_long_gaps():
    frames = LONGEST_GAP + 10
    joints, sure = body(frames)[..., :2], np.full((frames, 16), 0.8)
    joints[:2, 0] = joints[-2:, 0] = np.nan
    joints[3 : 4 + LONGEST_GAP, 1] = np.nan
    joints[3 : 3 + LONGEST_GAP, 2] = np.nan
    _, _, filled = interpolated(joints, np.where(np.isnan(joints[..., 0]), 0, sure))
    assert not filled[:, 0].any()
    assert not filled[:, 1].any()
    assert filled[:, 2].sum() == LONGEST_GAP


def test_unsure_outlying_and_outside_joints_are_not_measured_and_filled_ones_are_marked():
    found = body()
    found[5, 2, 2] = 0.1
    found[7, 4, :2] += 55
    found[11, 6, 0] = -3
    checked = check_joints(found, SIZES, (400, 400))
    assert not checked.measured[[5, 7, 11], [2, 4, 6]].any()
    assert checked.filled[[5, 7, 11], [2, 4, 6]].all()
    assert checked.outliers.sum() == 1
    assert checked.measured.sum() == 20 * 16 - 3
    assert not (checked.measured & checked.filled).any()
    np.testing.assert_allclose(checked.joints_px[5, 2], body()[5, 2, :2])


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_short_clips(frames):
    checked = check_joints(body(frames), np.full(frames, 60.0), (400, 400))
    assert checked.joints_px.shape == (frames, 16, 2)
    assert not checked.filled.any()
