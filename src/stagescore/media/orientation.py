"""Turning pictures upright and making their pixels square: display matrices of films and EXIF orientations of images.

Matrices and orientations are one of eight turns and mirrorings; a film's matrix is rounded to the nearest of them.

Source: ISO/IEC 14496-12 (matrix in `tkhd`), EXIF 2.32 (tag 0x0112). An orientation is the 2x2 matrix
that takes x (to the right) and y (downwards) of the stored picture to those of the upright one.
"""

import struct
from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Int, UInt8

UPRIGHT = np.eye(2, dtype=np.int64)
_CLOCKWISE = np.array([[0, -1], [1, 0]], dtype=np.int64)
_MIRRORED = np.array([[-1, 0], [0, 1]], dtype=np.int64)

# Set by hand: anamorphic lenses widen by 2 at most, and halved or doubled lines once more.
_ROUNDING, _MAX_RATIO = 0.01, 4.0

EXIF_ORIENTATIONS: dict[int, Int[np.ndarray, "2 2"]] = {
    1: UPRIGHT,
    2: _MIRRORED,
    3: _CLOCKWISE @ _CLOCKWISE,
    4: _CLOCKWISE @ _CLOCKWISE @ _MIRRORED,
    5: _CLOCKWISE @ _CLOCKWISE @ _CLOCKWISE @ _MIRRORED,
    6: _CLOCKWISE,
    7: _CLOCKWISE @ _MIRRORED,
    8: _CLOCKWISE @ _CLOCKWISE @ _CLOCKWISE,
}
"""Value of the EXIF tag -> what makes the picture upright."""


def frame_orientation(frame: VideoFrame) -> Int[np.ndarray, "2 2"]:
    """What makes a decoded frame upright, rounded to quarter turns; `UPRIGHT` without a display matrix."""
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side_data)[:36])
    matrix = np.array([[a, c], [b, d]], dtype=np.float64)
    # The nearest of the eight; a matrix of another angle cannot be followed without black corners.
    candidates = list(EXIF_ORIENTATIONS.values())
    best = max(candidates, key=lambda candidate: float((candidate * matrix).sum()))
    return best if np.any(matrix) else UPRIGHT


def is_transposed(orientation: Int[np.ndarray, "2 2"]) -> bool:
    """Whether width and height change places."""
    return bool(orientation[0, 0] == 0)


def square_pixel_size(size_px: tuple[int, int], aspect_ratio: Fraction | None) -> tuple[int, int]:
    """Width and height of the stored picture once its pixels are square: the height stays.

    A ratio within a hundredth of 1 comes from rounding and is left alone; one that no camera has comes from damage.

    Args:
        size_px: Width and height of the stored picture, in pixels.
        aspect_ratio: Width of a pixel by its height; None or 0 if the file does not say.

    >>> square_pixel_size((720, 576), Fraction(16, 15)), square_pixel_size((720, 480), Fraction(8, 9))
    ((768, 576), (640, 480))
    """
    ratio = float(aspect_ratio or 1)
    if abs(ratio - 1) < _ROUNDING or not 1 / _MAX_RATIO <= ratio <= _MAX_RATIO:
        return size_px
    return round(size_px[0] * ratio), size_px[1]


def clockwise_deg(orientation: Int[np.ndarray, "2 2"]) -> int:
    """Clockwise turn in degrees (0, 90, 180, 270), after mirroring left and right if it mirrors at all.

    >>> clockwise_deg(EXIF_ORIENTATIONS[6])
    90
    """
    turn = orientation if np.linalg.det(orientation) > 0 else orientation @ _MIRRORED
    return int(np.rint(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))) % 360


def turned(
    picture: UInt8[np.ndarray, "height width 3"], orientation: Int[np.ndarray, "2 2"]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """The picture made upright."""
    if np.linalg.det(orientation) < 0:
        picture = picture[:, ::-1]
    picture = np.rot90(picture, k=-clockwise_deg(orientation) // 90)
    return np.ascontiguousarray(picture)
