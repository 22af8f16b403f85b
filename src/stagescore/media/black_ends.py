"""Black frames at either end of a film, which show nothing and are left out.

The AVIs of UNLV-Dive are published with black frames in front, so that all have 151; broadcasts begin and end with some.
Only frames without any picture count as black: a pool at night, or a picture that is faded in, stays.
Source: none; the limits are ours.
"""

from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import UInt8

BLACK_LEVEL = 20
"""Brightest channel (0 to 255) of a black pixel; compression lifts black by some levels."""
BLACK_SHARE = 0.995
"""Least share of black pixels in a black frame; a clock or a logo already covers more than the rest."""

# Set by hand: points of a picture that are looked at first, and the mean brightness above which it cannot be black.
_POINTS = 601
_SURELY_LIT = 48
# The brightness plane of these comes first, with 8 bits each; black is 0 or 16 in it.
_BRIGHTNESS_FIRST = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray")


@dataclass(slots=True)
class BlackEnds:
    """Counts black frames at the ends while frames come in their order.

    Attributes:
        num_frames: Number of frames so far.
        at_start: Number of black frames before the first picture.
        at_end: Number of black frames since the last picture.
    """

    num_frames: int = 0
    at_start: int = 0
    at_end: int = 0

    def add(self, *, black: bool) -> None:
        """Take in the next frame."""
        self.at_end = self.at_end + 1 if black else 0
        self.at_start += black and self.at_start == self.num_frames
        self.num_frames += 1

    def counts(self) -> tuple[int, int]:
        """Frames to leave out at the start and at the end; none of a film that is black as a whole."""
        return (0, 0) if self.at_start == self.num_frames else (self.at_start, self.at_end)


def is_black(picture: UInt8[np.ndarray, "height width 3"]) -> bool:
    """Whether a picture (RGB) shows nothing.

    >>> is_black(np.full((8, 8, 3), 12, np.uint8)), is_black(np.full((8, 8, 3), 30, np.uint8))
    (True, False)
    """
    return bool(picture.mean() <= _SURELY_LIT and np.mean(picture.max(-1) <= BLACK_LEVEL) >= BLACK_SHARE)


def is_black_frame(frame: VideoFrame) -> bool:
    """The same of a decoded frame; most are told by a few points of their brightness."""
    if frame.format.name in _BRIGHTNESS_FIRST:
        plane = frame.planes[0]
        brightness = np.frombuffer(bytes(plane), np.uint8)
        if brightness[:: max(len(brightness) // _POINTS, 1)].mean() > _SURELY_LIT:
            return False
    return is_black(frame.to_ndarray(format="rgb24"))


def black_notes(at_start: int, at_end: int) -> list[str]:
    """What the user should know of the frames that are left out."""
    return [
        f"{num} black frame{'' if num == 1 else 's'} {where} picture {'is' if num == 1 else 'are'} left out."
        for num, where in ((at_start, "before the first"), (at_end, "after the last"))
        if num
    ]
