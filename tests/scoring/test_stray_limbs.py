"""Limbs that were found on somebody else while the diver falls are doubtful."""

import numpy as np
import pytest

from stagescore.pose.tracking import Track
from stagescore.scoring.motion_scan import MotionScan

NUM = 40


class Falls(MotionScan):
    """A clip in which what falls is given."""

    def __init__(self, boxes_px: np.ndarray) -> None:
        super().__init__(np.zeros((NUM, 8, 8, 3), np.uint8), (), np.arange(NUM))
        ones = np.ones(len(boxes_px))
        object.__setattr__(self, "falling", Track(0, boxes_px, ones, ones, ("motion",) * len(boxes_px)))


def boxes(x: float, y: float) -> np.ndarray:
    """A box of 20 x 40 pixels around a place that falls by a pixel a frame."""
    middle = np.stack([np.full(NUM, x), y + np.arange(NUM)], axis=1)
    half = np.array([10.0, 20.0])
    return np.concatenate((middle - half, middle + half), axis=1)


def test_frames_with_the_limbs_elsewhere_are_found() -> None:
    diver, found = boxes(100, 50), boxes(104, 55)
    found[12:18] += 90
    found[30] = np.nan
    assert Falls(diver).strays(found, 5, 35).tolist() == list(range(12, 18))
    assert Falls(diver).strays(found, 20, 35).tolist() == []


@pytest.mark.parametrize("away", [90.0, -90.0])
def test_what_falls_elsewhere_all_the_time_tells_nothing(away: float) -> None:
    assert Falls(boxes(100 + away, 50)).strays(boxes(100, 50), 0, NUM).tolist() == []
