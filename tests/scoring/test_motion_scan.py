"""The path of a body against the background."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from stagescore.pose.boxes import Detections
from stagescore.pose.motion import FrameMotion
from stagescore.pose.tracking import FrameObservation
from stagescore.scoring.motion_scan import MotionScan, distinct_frames, scan_distinct_motion, scan_motion
from stagescore.skeleton import MPII_16

FRAMES = 20


@pytest.fixture
def scan() -> MotionScan:
    """A camera that goes down by 3 pixels a frame."""
    step = np.array(((1.0, 0, 0), (0, 1, -3.0)))
    motion = FrameMotion(step, np.zeros((9, 9), np.float32), np.zeros((0, 4)), 1.0)
    view = FrameObservation.of(Detections(np.zeros((0, 4)), np.zeros(0)), motion)
    return MotionScan(np.zeros((FRAMES, 9, 9, 3), np.uint8), (view,) * FRAMES, np.arange(FRAMES))


def body(waving_px: float = 20.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hangs still on the screen and waves an arm, which moves the box and hardly the centre of mass."""
    joints = np.full((FRAMES, MPII_16.num_joints, 2), 50.0)
    joints[:, MPII_16.index("right_ankle")] = 50, 80
    joints[:, MPII_16.index("right_wrist"), 1] = 50 - waving_px * (np.arange(FRAMES) % 2)
    boxes = np.concatenate((joints.min(1), joints.max(1) + 1), axis=1)
    return joints, np.ones((FRAMES, MPII_16.num_joints), bool), boxes


def test_shares_of_the_mass_are_alike_on_both_sides() -> None:
    for name, share in zip(MPII_16.joints, MPII_16.mass_shares, strict=True):
        if name.startswith("left_"):
            other = MPII_16.mass_shares[MPII_16.index(name.replace("left_", "right_"))]
            assert share == pytest.approx(other, abs=1.5e-3)


def test_the_centre_of_mass_is_followed_and_not_the_box(scan: MotionScan) -> None:
    path = scan.heights_of_body(*body())
    assert path is not None
    steps = np.diff(path.heights)
    assert np.abs(steps - steps.mean()).max() < 0.02
    assert steps.mean() * 31 == pytest.approx(3.0, rel=0.6)  # in sizes of the box, 31 to 51 px


def test_frames_without_joints_or_boxes_are_bridged(scan: MotionScan) -> None:
    joints, known, boxes = body(waving_px=0)
    whole = scan.heights_of_body(joints, known, boxes)
    known[7:9] = False
    joints[12], boxes[12], known[12] = np.nan, np.nan, False
    path = scan.heights_of_body(joints, known, boxes)
    assert whole is not None
    assert path is not None
    assert len(path.heights) == FRAMES
    np.testing.assert_allclose(path.heights, whole.heights, atol=1e-9)
    boxes[:] = np.nan
    assert scan.heights_of_body(joints, known, boxes) is None


def noisy(num: int, shift: int = 3) -> list[np.ndarray]:
    """A hall that rushes by, with a camera's noise."""
    rng = np.random.default_rng(0)
    hall = cv2.GaussianBlur(rng.integers(0, 255, (64, 96 + shift * num, 3)).astype(np.uint8), (0, 0), 2)
    hall = cv2.normalize(hall, None, 20, 230, cv2.NORM_MINMAX)
    return [
        np.clip(hall[:, shift * k : shift * k + 96] + rng.normal(0, 2, (64, 96, 3)), 0, 255).astype(np.uint8)
        for k in range(num)
    ]


@pytest.mark.parametrize(("rate", "other"), [(30, 60), (24, 30), (25, 30), (30, 50), (24, 60)])
def test_frames_that_a_conversion_repeats_are_found(rate: int, other: int) -> None:
    film = noisy(40)
    shown = [
        frame for frame in (int((k + 0.5) * rate / other) for k in range(40 * other // rate)) if frame < 40
    ]
    again = np.random.default_rng(1)
    converted = np.array(
        [np.clip(film[k] + again.normal(0, 0.3, film[k].shape), 0, 255) for k in shown], np.uint8
    )
    first = [k for k, frame in enumerate(shown) if not k or shown[k - 1] != frame]
    assert distinct_frames(converted) == first


def test_a_film_that_stands_still_for_a_while_repeats_nothing() -> None:
    film = noisy(30)
    for still in (
        [film[0]] * 20 + film,
        film + [film[-1]] * 20,
        [*film[:10], film[10], *film[10:]],
        [film[0]] * 30,
    ):
        assert distinct_frames(np.array(still)) == list(range(len(still)))


def test_a_converted_film_has_the_path_of_the_film_stretched() -> None:
    film = noisy(30)

    def read(frames: Sequence[int]) -> list[np.ndarray]:
        return [film[frame // 2] for frame in frames]

    slow = scan_distinct_motion(lambda frames: [film[frame] for frame in frames], 30)
    fast = scan_distinct_motion(read, 60)
    assert (slow.num_frames, fast.num_frames) == (30, 60)
    assert fast.distinct == list(range(0, 60, 2))
    assert slow.distinct == list(range(30))
    joints = np.full((60, MPII_16.num_joints, 2), 30.0)
    joints[..., 1] += np.linspace(0, 20, 60)[:, None] ** 1.5
    joints = joints[2 * (np.arange(60) // 2)]
    boxes = np.concatenate((joints.min(1) - 5, joints.max(1) + 5), axis=1)
    known = np.ones((60, MPII_16.num_joints), bool)
    paths = (
        slow.heights_of_body(joints[::2], known[::2], boxes[::2]),
        fast.heights_of_body(joints, known, boxes),
    )
    assert paths[0] is not None
    assert paths[1] is not None
    np.testing.assert_allclose(paths[1].heights[::2], paths[0].heights, atol=1e-9)
    np.testing.assert_allclose(paths[1].heights[1:-1:2], (paths[0].heights[1:] + paths[0].heights[:-1]) / 2)
    part = fast.part(11, 41)
    assert part.num_frames == 30
    assert part.distinct == [0, *range(1, 30, 2)]
    later = part.heights_of_body(joints[11:41], known[11:41], boxes[11:41])
    assert later is not None
    assert (later.first, len(later.heights)) == (0, 30)


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((64, 96), (64, 96)),
        ((192, 108), (96, 54)),
        ((33, 47), (67, 96)),
        ((9, 300), (8, 96)),
        ((300, 9), (96, 8)),
    ],
)
def test_small_pictures_keep_the_proportions_of_the_film(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    """Portrait films, odd sizes, and strips of which no side becomes shorter than eight pixels."""
    pictures = np.random.default_rng(0).integers(0, 255, (4, *size, 3)).astype(np.uint8)
    seen = scan_motion(pictures)
    assert seen.small.shape == (4, *small, 3)
    assert len(seen.views) == seen.num_frames == 4 and seen.distinct == [0, 1, 2, 3]


def test_one_frame_is_a_clip_and_a_part_may_be_empty() -> None:
    seen = scan_distinct_motion(lambda frames: [np.full((20, 30, 3), 90, np.uint8) for _ in frames], 1)
    assert (seen.num_frames, seen.distinct) == (1, [0])
    nothing = seen.part(1, 1)
    assert (nothing.num_frames, nothing.distinct, nothing.views) == (0, [], ())


def test_a_part_that_begins_with_a_repeat_begins_with_the_frame_that_it_repeats(scan: MotionScan) -> None:
    repeated = MotionScan(scan.small, scan.views[:10], np.arange(FRAMES) // 2)
    part = repeated.part(3, 8)
    assert part.rows.tolist() == [0, 1, 1, 2, 2] and part.distinct == [0, 1, 3] and len(part.views) == 3


def test_a_box_without_joints_stands_for_the_body_at_the_place_that_the_joints_around_have_in_it(
    scan: MotionScan,
) -> None:
    """The centre of mass lies higher than the middle of the box; in frames without joints it still does."""
    joints, known, boxes = body(waving_px=0)
    still = MotionScan(scan.small, still_views(), scan.rows)
    seen = still.heights_of_body(joints, known, boxes)
    assert seen is not None
    middle = still.heights_of_body(joints, np.zeros_like(known), boxes)
    assert middle is not None and (middle.heights > seen.heights + 0.1).all()
    known[10:] = False
    boxes[10:] += (0, 31, 0, 31)  # the box falls by its height
    fallen = still.heights_of_body(joints, known, boxes)
    assert fallen is not None
    np.testing.assert_allclose(fallen.heights[:10], seen.heights[:10], atol=1e-9)
    np.testing.assert_allclose(fallen.heights[10:], seen.heights[10:] + 1.0, atol=1e-9)


def test_a_body_seen_late_begins_its_path_late(scan: MotionScan) -> None:
    joints, known, boxes = body(waving_px=0)
    boxes[:6], boxes[17:] = np.nan, np.nan
    found = scan.heights_of_body(joints, known, boxes)
    assert found is not None and (found.first, len(found.heights)) == (6, 11)


def still_views() -> tuple[FrameObservation, ...]:
    """A camera that stands."""
    motion = FrameMotion(
        np.array(((1.0, 0, 0), (0, 1, 0))), np.zeros((9, 9), np.float32), np.zeros((0, 4)), 1.0
    )
    return (FrameObservation.of(Detections(np.zeros((0, 4)), np.zeros(0)), motion),) * FRAMES
