from itertools import pairwise

import cv2
import numpy as np
import pytest
from made_clips import Clip

from stagescore.pose.motion import MOVING, background_step, moving_parts, scene_of


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


def with_graphics(pan_px: int, *, hall: bool = True) -> list[np.ndarray]:
    """A wall that goes up by so much a frame, with a station's logo and a score board that stay."""
    rng = np.random.default_rng(1)
    wall = cv2.resize(
        rng.integers(90, 130, (90, 40)).astype(np.uint8), (320, 720), interpolation=cv2.INTER_CUBIC
    )
    if not hall:
        wall[:] = 110
    frames = []
    for t in range(24):
        picture = cv2.cvtColor(wall[60 + pan_px * t : 240 + pan_px * t].copy(), cv2.COLOR_GRAY2RGB)
        cv2.putText(picture, "SPORT 1", (200, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
        cv2.rectangle(picture, (12, 140), (150, 170), (20, 20, 90), -1)
        cv2.putText(picture, "AQUARIA 107B", (16, 160), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
        frames.append(picture)
    return frames


def greys_of(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]


@pytest.mark.parametrize("pan_px", [4, 12])
def test_graphics_that_stay_on_the_screen_are_no_background(pan_px: int) -> None:
    scene = scene_of(greys_of(with_graphics(pan_px)))
    assert scene is not None
    assert not scene[15:30, 205:300].any()
    assert scene[60:120].all()
    for motion in list(moving_parts(with_graphics(pan_px)))[1:]:
        assert motion.camera is not None
        assert motion.camera[1, 2] == pytest.approx(-pan_px, abs=0.7)
    # Before a bare wall nothing tells how the camera moves, and the graphics do not say that it stands still.
    bare = with_graphics(pan_px, hall=False)
    assert all(background_step(a, b, scene) is None for a, b in pairwise(greys_of(bare)))


def test_a_camera_that_stands_still_has_no_graphics() -> None:
    assert scene_of(greys_of(with_graphics(0))) is None
    assert scene_of([]) is None


def test_boxes_outside_the_picture_do_not_move():
    motion = list(moving_parts(Clip(num_frames=4)()))[2]
    assert motion.of_boxes(np.array([[-50.0, -50, -10, -10], [500, 500, 600, 600]])).tolist() == [0, 0]
