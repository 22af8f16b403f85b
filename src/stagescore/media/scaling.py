"""Scaling pictures so that coordinates scale with them: x_new = x * width_new / width, no half pixel off."""

import cv2
import numpy as np
from jaxtyping import UInt8


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
