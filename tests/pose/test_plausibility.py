"""Joints that somebody gives are told from noise, and limbs that no body has are doubtful."""

import numpy as np
import pytest

from stagescore.pose.plausibility import implausible, impossible
from stagescore.skeleton import MPII_16

PICTURE_PX = (640, 360)
RATE = 25.0
INDEX = MPII_16.joints.index


def body(num_frames: int = 60, turns: float = 2.0) -> np.ndarray:
    """A stick figure seen from the side that turns about its middle, and bends and stretches its knees."""
    upright = {
        "head_top": (0, -80),
        "upper_neck": (0, -55),
        "thorax": (0, -45),
        "pelvis": (0, 10),
        **{f"{s}_{joint}": (x, y) for s in ("right", "left") for joint, x, y in _LIMBS},
    }
    places = np.array([upright[joint] for joint in MPII_16.joints], dtype=float)
    found = []
    for frame in range(num_frames):
        pose = places.copy()
        bend = 20 * np.sin(np.pi * frame / num_frames) ** 2
        for side in ("right", "left"):
            pose[INDEX(f"{side}_knee"), 0] += bend
            pose[INDEX(f"{side}_ankle"), 1] -= bend
        angle = 2 * np.pi * turns * frame / num_frames
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(pose @ turn.T + (320, 180))
    return np.array(found)


_LIMBS = (
    ("hip", 2, 10),
    ("knee", 4, 55),
    ("ankle", 2, 100),
    ("shoulder", 3, -44),
    ("elbow", 8, -15),
    ("wrist", 6, 12),
)


def told(joints: np.ndarray, rate: float = RATE, *, whole_dive: bool = True) -> str | None:
    known = np.isfinite(joints).all(-1)
    return implausible(joints, known, PICTURE_PX, rate, whole_dive=whole_dive)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (96, 16, 2)) * PICTURE_PX


def test_a_body_that_turns_is_plausible() -> None:
    assert told(body()) is None
    unsteady = body() + np.random.default_rng(0).normal(0, 2.0, (60, 16, 2))
    assert told(unsteady) is None
    unsteady[:, INDEX("left_wrist")] = np.nan
    assert told(unsteady) is None


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_body(seed: int) -> None:
    assert told(noise(seed)) is not None


@pytest.mark.parametrize("reach", [3, 9, 25])
def test_slow_noise_is_no_body(reach: int) -> None:
    kernel = np.hanning(reach + 2)[1:-1] / np.hanning(reach + 2)[1:-1].sum()
    slow = np.apply_along_axis(np.convolve, 0, noise(1), kernel, "valid")
    assert told(slow) is not None


def test_joints_in_another_order_are_no_body() -> None:
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(16)
        assert "as long as legs" in str(told(body()[:, order]))


def test_collapsed_legs_are_no_body() -> None:
    joints = body()
    for side in ("right", "left"):
        joints[:, INDEX(f"{side}_knee")] = joints[:, INDEX(f"{side}_hip")]
        joints[:, INDEX(f"{side}_ankle")] = joints[:, INDEX(f"{side}_hip")] + 1.0
    assert "thighs have no length" in str(told(joints))


def test_frames_out_of_order_are_no_motion() -> None:
    mixed = body()[np.random.default_rng(3).permutation(60)]
    assert told(mixed) is not None
    assert told(mixed, rate=5.0) is None  # so few rows a second need not be alike


def test_a_body_that_does_not_turn_is_no_dive() -> None:
    standing = body(turns=0.05)
    assert "turns by" in str(told(standing))
    assert told(standing, whole_dive=False) is None


def test_joints_of_a_larger_picture_lie_outside() -> None:
    assert "outside of the picture of 640 x 360" in str(told(body() * 4))


def test_a_few_images_say_nothing() -> None:
    assert told(noise(2)[:11]) is None


def test_a_folded_knee_is_doubtful_and_a_bent_one_is_not() -> None:
    joints = body()[:3]
    hip, knee, ankle = (INDEX(f"right_{joint}") for joint in ("hip", "knee", "ankle"))
    joints[1, ankle] = joints[1, knee] + 0.9 * (joints[1, hip] - joints[1, knee]) + (1.0, 0.0)
    doubtful = impossible(joints)
    assert doubtful[1, [knee, ankle]].all() and doubtful.sum() == 2
    joints[2, hip] = np.nan
    assert impossible(joints).sum() == 2
