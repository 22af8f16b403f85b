"""Scaling pictures so that coordinates scale with them: x_new = x * width_new / width, no half pixel off."""

import math

import cv2
import numpy as np
from jaxtyping import Float, UInt8


def scaled(
    picture: UInt8[np.ndarray, "height width 3"], size_px: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """Scale a picture to (width, height): by area where it shrinks, linearly where it grows."""
    if picture.shape[1::-1] == tuple(size_px):
        return picture
    shrinks = size_px[0] < picture.shape[1] and size_px[1] < picture.shape[0]
    resized = cv2.resize(
        picture, tuple(size_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, dtype=np.uint8)


def windowed(
    picture: UInt8[np.ndarray, "height width 3"], window_px: Float[np.ndarray, "3"], size_px: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """A part of a picture, scaled; what lies outside the picture repeats its nearest pixels.

    Args:
        picture: RGB picture of any size.
        window_px: Middle of the part, x and y, and its width, in pixels; whole pixels are taken.
        size_px: Width and height of the result, in pixels, whose proportions the part has.

    >>> windowed(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), np.array([1.0, 1.0, 2.0]), (2, 2))[..., 0].tolist()
    [[0, 3], [12, 15]]
    """
    x, y, width = window_px.tolist()
    wide = max(round(width), 1)
    high = max(round(width * size_px[1] / size_px[0]), 1)
    left, top = math.floor(x - wide / 2 + 0.5), math.floor(y - high / 2 + 0.5)
    rows = np.clip(np.arange(top, top + high), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + wide), 0, picture.shape[1] - 1)
    return scaled(np.ascontiguousarray(picture[rows[:, None], columns]), size_px)


def fitted(
    image: UInt8[np.ndarray, "h w 3"], size_px: tuple[int, int]
) -> tuple[UInt8[np.ndarray, "shown_h shown_w 3"], float]:
    """A picture scaled into the upper left of a black one, and the scale.

    Args:
        image: RGB picture of any size.
        size_px: Width and height of the result, in pixels.
    """
    height, width = image.shape[:2]
    scale = min(size_px[0] / width, size_px[1] / height)
    small = scaled(image, (max(round(width * scale), 1), max(round(height * scale), 1)))
    canvas = np.zeros((size_px[1], size_px[0], 3), np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas, scale
