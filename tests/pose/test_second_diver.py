import numpy as np
import pytest

from stagescore.pose.boxes import Detections
from stagescore.pose.motion import FrameMotion
from stagescore.pose.second_diver import REPEATED, JointPeaks, falls_like, moving_body, repetition
from stagescore.pose.tracking import FrameObservation, Track, camera_path

SIZE = 20.0
FRAMES = range(60)
NO_BOXES = np.zeros((0, 4))


def box(x: float, y: float, size: float = SIZE) -> tuple[float, float, float, float]:
    return (x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def fallen(t: float, begin: float = 10) -> float:
    """A body that falls 15 of its lengths within 30 frames, and then is gone."""
    return 0.33 * max(t - begin, 0) ** 2


def views_of(others) -> list[FrameObservation]:
    """The diver falls at x = 200; others are blobs, given as functions of the frame that tell their middle or None."""
    views = []
    for t in FRAMES:
        seen = [box(*place) for other in others if (place := other(t)) is not None]
        blobs = np.array(seen, float).reshape(-1, 4)
        motion = FrameMotion(np.eye(2, 3), np.full((500, 400), 5.0, np.float32), blobs, 1.0)
        views.append(FrameObservation.of(Detections(NO_BOXES, np.zeros(0)), motion))
    return views


def diver() -> Track:
    frames = range(5, 41)
    boxes = np.array([box(200, 40 + fallen(t)) for t in frames])
    num = len(frames)
    return Track(5, boxes, np.full(num, 0.5), np.full(num, 5.0), ("network",) * num)


def ends(t: float) -> bool:
    return fallen(t) < fallen(40)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(lambda t: (260, 40 + fallen(t)) if ends(t) else None, True, id="beside"),
        pytest.param(lambda t: (205, 40 + fallen(t - 12)) if ends(t - 12) else None, True, id="later"),
        pytest.param(lambda t: (260, 200), False, id="waits"),
        pytest.param(lambda t: (260, 40 + 8 * t), False, id="sinks evenly"),
        pytest.param(lambda t: (260, 340 - abs(t - 45)) if t > 40 else None, False, id="splash"),
        pytest.param(lambda t: (260, 40 + fallen(t)) if t % 8 == 0 else None, False, id="too seldom"),
        pytest.param(lambda t: (201, 40 + fallen(t)), False, id="the diver"),
        pytest.param(lambda t: (391, 40 + fallen(t)), False, id="cut off by the rim"),
    ],
)
def test_a_second_diver_falls_as_the_first_does(other, expected: bool) -> None:
    views = views_of([other])
    assert falls_like(views, diver(), camera_path(views)) == expected


def test_who_does_not_fall_has_nobody_beside() -> None:
    views = views_of([lambda t: (260, 40 + fallen(t))])
    waiting = Track(0, np.array([box(200, 40)] * 60), np.ones(60), np.full(60, 5.0), ("network",) * 60)
    assert not falls_like(views, waiting, camera_path(views))


def peaks_of(step, *, strewn: bool = False, late: float = 0.0, frames=range(14, 40)) -> list[JointPeaks]:
    """Joints that turn with the body; each has a second high place a step away, or anywhere."""
    rng = np.random.default_rng(0)
    found = []
    for t in frames:
        middle = np.array((200.0, 40 + fallen(t)))
        joints = middle + SIZE / 2 * rng.uniform(-1, 1, (16, 2))
        lag = np.array((0.0, fallen(t - late) - fallen(t)))
        second = middle + SIZE / 2 * rng.uniform(-1, 1, (16, 2)) if strewn else joints + step + lag
        places = np.zeros((16, 4, 3))
        places[:, 0], places[:, 1] = np.c_[joints, np.full(16, 0.4)], np.c_[second, np.full(16, 0.1)]
        found.append(JointPeaks(t, places))
    return found


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        (peaks_of((8.0, 3.0)), True),
        (peaks_of((8.0, 3.0), late=1.0), True),
        (peaks_of((8.0, 3.0), strewn=True), False),
        (peaks_of((1.0, 0.0)), False),  # the same place twice
        (peaks_of((8.0, 3.0), frames=range(14, 17)), False),  # too few frames to tell
        ([], False),
    ],
)
def test_two_who_cover_each_other_are_told_by_the_step_that_every_joint_repeats(
    peaks, expected: bool
) -> None:
    path = camera_path(views_of([]))
    assert (repetition(peaks, diver(), path) > REPEATED) == expected


def test_graphics_that_stay_in_the_picture_are_no_falling_body() -> None:
    """The camera goes down after the diver, so that against the hall a logo falls as well, and more steadily."""
    views = []
    for t in FRAMES:
        pan = fallen(t) - fallen(t - 1)
        blobs = np.array([box(30, 30), box(200 + 3 * np.sin(t), 100 + 6 * np.cos(t), 24 + 8 * (t % 3))])
        share = np.full((200, 400), 5.0, np.float32)
        motion = FrameMotion(np.array(((1.0, 0, 0), (0, 1, -pan))), share, blobs, 1.0)
        views.append(FrameObservation.of(Detections(NO_BOXES, np.zeros(0)), motion))
    body = moving_body(views)
    assert body is not None
    middles = (body.boxes_px[:, :2] + body.boxes_px[:, 2:]) / 2
    assert np.abs(middles - (200, 100)).max() < 30
    logo = [
        FrameObservation.of(
            v.people, FrameMotion(v.motion.camera, v.motion.share, v.motion.blobs_px[:1], 1.0)
        )
        for v in views
    ]
    assert moving_body(logo) is None
