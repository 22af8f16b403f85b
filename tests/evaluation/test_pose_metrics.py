import numpy as np

from stagescore.evaluation.pose_metrics import LIMBS, head_lengths, hits, limb_hits, pckh, tight_boxes
from stagescore.skeleton import MPII_16


def test_pckh_equals_a_plain_loop():
    rng = np.random.default_rng(0)
    found, true = rng.normal(0, 5, (7, 12, 2)), rng.normal(0, 5, (7, 12, 2))
    heads = rng.uniform(5, 25, 7)
    for share in (0.1, 0.5, 1.0):
        got = limb_hits(found, true, heads, share)
        for frame in range(7):
            for joint in range(12):
                dx, dy = found[frame, joint] - true[frame, joint]
                assert got[frame, joint] == ((dx * dx + dy * dy) ** 0.5 < heads[frame] * share)
    assert 0.1 < limb_hits(found, true, heads).mean() < 0.9


def test_the_limbs_are_mpii_joints_without_trunk_and_head():
    assert sorted(LIMBS) == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    assert MPII_16.joints[LIMBS[0]] == "right_ankle"


def body():
    joints = np.zeros((3, 16, 2))
    joints[:, :, 0] = 30 * np.arange(16)
    joints[:, 9] = joints[:, 8] + (0, 20)
    return joints


def test_left_and_right_are_kept_apart_and_unknown_joints_are_misses():
    true = body()
    assert pckh(true, true) == 1
    assert pckh(true[:, list(MPII_16.flip_order)], true) == 0
    found = true.copy()
    found[0, 0] = np.nan
    found[1, 1] += (0, 9)
    found[2, 2] += (0, 11)
    assert pckh(found, true) == 1 - 2 / 36
    assert pckh(found, true, 1.0) == 1 - 1 / 36
    assert (~hits(found, true)).sum() == 2
    assert (head_lengths(true) == 20).all()


def test_tight_boxes_hold_every_known_joint():
    joints = body()
    joints[1, 15] = np.nan
    np.testing.assert_array_equal(tight_boxes(joints)[1], (0, 0, 420, 20))
