"""The path of a body against the background."""

import numpy as np
import pytest

from stagescore.pose.boxes import Detections
from stagescore.pose.motion import Motion
from stagescore.pose.tracking import View
from stagescore.scoring.watching import Watched
from stagescore.skeleton import JOINTS, MASS_SHARES, NUM_JOINTS

FRAMES = 20


@pytest.fixture
def watched() -> Watched:
    """A camera that goes down by 3 pixels a frame."""
    step = np.array(((1.0, 0, 0), (0, 1, -3.0)))
    motion = Motion(step, np.zeros((9, 9), np.float32), np.zeros((0, 4)), 1.0)
    view = View.of(Detections(np.zeros((0, 4)), np.zeros(0)), motion)
    return Watched(np.zeros((FRAMES, 9, 9, 3), np.uint8), (view,) * FRAMES)


def body(waving_px: float = 20.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hangs still on the screen and waves an arm, which moves the box and hardly the centre of mass."""
    joints = np.full((FRAMES, NUM_JOINTS, 2), 50.0)
    joints[:, JOINTS.index("right_ankle")] = 50, 80
    joints[:, JOINTS.index("right_wrist"), 1] = 50 - waving_px * (np.arange(FRAMES) % 2)
    boxes = np.concatenate((joints.min(1), joints.max(1) + 1), axis=1)
    return joints, np.ones((FRAMES, NUM_JOINTS), bool), boxes


def test_shares_of_the_mass_are_a_whole_body_and_alike_on_both_sides() -> None:
    assert sum(MASS_SHARES) == pytest.approx(1.0, abs=1e-9)
    for name, share in zip(JOINTS, MASS_SHARES, strict=True):
        if name.startswith("left_"):
            other = MASS_SHARES[JOINTS.index(name.replace("left_", "right_"))]
            assert share == pytest.approx(other, abs=1.5e-3)


def test_the_centre_of_mass_is_followed_and_not_the_box(watched: Watched) -> None:
    path = watched.path_of_body(*body())
    assert path is not None
    steps = np.diff(path.heights)
    assert np.abs(steps - steps.mean()).max() < 0.02
    assert steps.mean() * 31 == pytest.approx(3.0, rel=0.6)  # in sizes of the box, 31 to 51 px


def test_frames_without_joints_or_boxes_are_bridged(watched: Watched) -> None:
    joints, known, boxes = body(waving_px=0)
    whole = watched.path_of_body(joints, known, boxes)
    known[7:9] = False
    joints[12], boxes[12], known[12] = np.nan, np.nan, False
    path = watched.path_of_body(joints, known, boxes)
    assert whole is not None
    assert path is not None
    assert len(path.heights) == FRAMES
    np.testing.assert_allclose(path.heights, whole.heights, atol=1e-9)
    boxes[:] = np.nan
    assert watched.path_of_body(joints, known, boxes) is None
