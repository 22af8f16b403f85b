"""A pool before a camera that stands still, and bodies that fall, walk and go downstairs in it: a few small pictures a second."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

RATE = 25.0
SIZE_PX = (160, 120)
BODY_PX = 14.0
GRAVITY_PX = 9.81 * BODY_PX / 1.75
WATER_PX, BOARD_PX = 105.0, 30.0
_STIRS_S = 0.8
CAMERA_FALLS_S = 1.5
"""Seconds for which a camera falls that follows a body."""
JUMP_PX_S = 16.0
"""Speed with which the board is left upwards."""

Body = Callable[[float], tuple[float, float, float] | None]
"""Middle of a body in pixels, and its turn in degrees, at a time in seconds; None where nobody is seen."""


def pool(seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 200, (15, 20, 3)).astype(np.uint8)
    return cv2.resize(coarse, SIZE_PX, interpolation=cv2.INTER_LINEAR)


def diver(takeoff_s: float, x: float = 70.0, slowmo: float = 1.0) -> Body:
    """Walks to the end of the board, jumps, falls, and stirs the water for a while."""

    def middle(time_s: float) -> tuple[float, float, float] | None:
        since = (time_s - takeoff_s) / slowmo
        if since < 0:
            return x + max(8.0 * since, -12.0), BOARD_PX, 0.0
        y = BOARD_PX - JUMP_PX_S * since + GRAVITY_PX * since**2 / 2
        if since > fall_s() + _STIRS_S:
            return None
        return x + 6.0 * min(since, fall_s()), min(y, WATER_PX), 560.0 * since

    return middle


def fall_s() -> float:
    """Seconds from the take-off to the water."""
    way = WATER_PX - BOARD_PX
    return float((JUMP_PX_S + np.sqrt(JUMP_PX_S**2 + 2 * GRAVITY_PX * way)) / GRAVITY_PX)


def walker(y: float = 60.0) -> Body:
    return lambda time_s: (10.0 + (11.0 * time_s) % 140.0, y, 0.0)


def downstairs(begin_s: float = 1.0) -> Body:
    """Goes down at an even pace, as on stairs or a slide."""
    return lambda time_s: (
        120.0,
        20.0 + 38.0 * min(max(time_s - begin_s, 0.0), 2.2),
        0.0,
    )


def pictures(bodies: list[Body], seconds: float, seed: int = 0) -> Iterator[tuple[float, np.ndarray]]:
    """Time and picture of each frame."""
    background = pool(seed)
    for frame in range(round(seconds * RATE)):
        time_s = frame / RATE
        picture = background.copy()
        for number, body in enumerate(bodies):
            middle = body(time_s)
            if middle is not None:
                centre = round(middle[0]), round(middle[1])
                # Arms and legs move: a body that only slides looks like noise to nobody.
                axes = (3 + frame % 2, round(BODY_PX / 2))
                cv2.ellipse(picture, centre, axes, middle[2], 0, 360, (230, 190 - 60 * number, 150), -1)
        yield time_s, picture


def following(
    seconds: float, top_px: Callable[[float], float], seed: int = 0
) -> Iterator[tuple[float, np.ndarray]]:
    """Time and picture of each frame of a camera that looks at a high hall, so many pixels below its ceiling, and holds nobody in its middle."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 200, (80, 20, 3)).astype(np.uint8)
    hall = cv2.resize(coarse, (SIZE_PX[0], 640), interpolation=cv2.INTER_LINEAR)
    for frame in range(round(seconds * RATE)):
        top = round(top_px(frame / RATE))
        yield frame / RATE, hall[top : top + SIZE_PX[1]].copy()


def falling_camera(begin_s: float = 2.0) -> Callable[[float], float]:
    """Goes down as a body of a third of the picture falls: 5 of its sizes per squared second."""
    gravity_px = 5.0 * SIZE_PX[1] / 3
    return lambda time_s: 20.0 + gravity_px * min(max(time_s - begin_s, 0.0), CAMERA_FALLS_S) ** 2 / 2


def closer(picture: np.ndarray, zoom: float) -> np.ndarray:
    """The middle of a picture, so many times as large."""
    matrix = cv2.getRotationMatrix2D((SIZE_PX[0] / 2, SIZE_PX[1] / 2), 0, zoom)
    return cv2.warpAffine(picture, matrix, SIZE_PX, borderMode=cv2.BORDER_REFLECT)
