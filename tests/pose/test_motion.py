import cv2
import numpy as np
import pytest
from made_clips import Clip

from stagescore.pose.motion import MOVING, background_step, moving_parts


def test_the_camera_is_found_though_the_diver_stays_in_the_middle():
    clip = Clip()
    seen = list(moving_parts(clip()))
    assert len(seen) == clip.num_frames
    assert seen[0].camera is None
    for t in range(5, 25):
        true = int(min(0.45 * t * t, 700)) - int(min(0.45 * (t - 1) ** 2, 700))
        assert seen[t].camera[1, 2] == pytest.approx(-true, abs=0.7)
        assert abs(seen[t].camera[0, 2]) < 0.7


def test_the_diver_moves_and_spectators_do_not():
    clip = Clip()
    for t, motion in enumerate(moving_parts(clip())):
        if not 5 < t < 25:
            continue
        assert motion.of_boxes(np.array(clip.diver_boxes[t], float)).min() > MOVING
        inside = [b for b in clip.people[t] if b[1] > 20 and b[3] < 140]
        if inside:
            assert motion.of_boxes(np.array(inside, float)).max() < MOVING


def test_what_moves_is_boxed():
    clip = Clip()
    motion = list(moving_parts(clip()))[15]
    left, top, right, bottom = motion.blobs_px[0]
    assert abs((left + right) / 2 - 120) < 6
    assert abs((top + bottom) / 2 - 80) < 6


def test_a_single_frame_and_an_empty_clip_have_no_motion():
    (only,) = moving_parts(Clip(num_frames=1)())
    assert only.camera is None
    assert len(only.blobs_px) == 0
    assert not list(moving_parts([]))


def test_a_plain_picture_gives_no_camera():
    plain = np.full((90, 120), 77, np.uint8)
    assert background_step(plain, plain) is None


@pytest.mark.parametrize("down", [10, 55])
def test_a_fast_pan_that_blurs_the_hall_is_found(down: int) -> None:
    rng = np.random.default_rng(4)
    hall = cv2.GaussianBlur(rng.integers(0, 256, (420, 320)).astype(np.uint8), (0, 0), 3)
    hall = cv2.normalize(hall, None, 0, 255, cv2.NORM_MINMAX)
    blurred = cv2.blur(hall, (1, max(down // 2, 1)))
    step = background_step(blurred[100:280], blurred[100 + down : 280 + down])
    assert step is not None
    assert step[:, 2] == pytest.approx((0, -down), abs=2) and step[:, :2] == pytest.approx(
        np.eye(2), abs=0.03
    )


def test_boxes_outside_the_picture_do_not_move():
    motion = list(moving_parts(Clip(num_frames=4)()))[2]
    assert motion.of_boxes(np.array([[-50.0, -50, -10, -10], [500, 500, 600, 600]])).tolist() == [0, 0]
