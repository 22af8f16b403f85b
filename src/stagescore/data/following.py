"""A window that follows the diver, so that the body fills the picture whatever the camera does.

In a broadcast the diver is a tenth of the frame. Networks that see 112 pixels of the whole frame see twenty of the
diver; of the window they see fifty. After the first water contact the window stays where the body went in and grows,
so that the splash is seen.
Source: ours.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float
from pydantic import Field

from stagescore.config import Config
from stagescore.types import PoseTrack

# Set by hand: a frame counts where so many joints are seen, each surer than this.
_LEAST_JOINTS = 6
_LEAST_CONFIDENCE = 0.15
_EXTENT = (5, 95)
"""Percentiles of the joints that the body reaches between: one stray joint does not move the window."""
_STRETCHED = 85
"""Percentile of the body's extent over the flight that is taken for its length: most of a flight is bent."""
# Set by hand: frames of the median filter, standard deviation of the smoothing after it, frames
# that it reaches over (four deviations to either side), fewest frames that count.
_MEDIAN_FRAMES = 5
_SMOOTHING_FRAMES = 1.5
_SMOOTHING_SIZE = 13
_LEAST_FRAMES = 5
_LEAD = 0.5
"""Flight lengths before the take-off from which on the body is looked at: earlier it walks."""


class Follow(Config):
    """How large the window is.

    Attributes:
        size: Width of the window, in lengths of the stretched body.
        growth: Share of its width by which the window grows after the first water contact.
        growing: Time that the window takes to grow, in lengths of the flight.
        least: Smallest length of the body that is believed, as a share of the frame's height.
        most: Largest length of the body that is believed, as a share of the frame's height.
        beside: Whether the whole frame is seen too, as three more channels before those of the window.
    """

    # Set by hand. A stretched diver has 0.24 of the frame's height, so `least` keeps windows wide;
    # nearer ones gained nothing on the fold where they were tried (docs/log.md).
    size: float = Field(default=2.3, gt=0)
    growth: float = Field(default=0.25, ge=0)
    growing: float = Field(default=0.15, gt=0)
    least: float = Field(default=0.32, gt=0)
    most: float = Field(default=0.5, gt=0)
    beside: bool = False


def diver_windows(
    track: PoseTrack, flight: Sequence[int], size_px: tuple[int, int], follow: Follow
) -> Float[np.ndarray, "frames 3"] | None:
    """Where the window is in every frame: x and y of its middle and its width, in pixels of the film.

    Args:
        track: The diver's joints in every frame of the clip.
        flight: First airborne frame and first frame in the water; empty where no flight is known.
        size_px: Width and height of the film, in pixels.
        follow: Settings of the window.

    Returns:
        Windows of all frames; None where the body is seen in too few frames, or no flight is known.
    """
    if not flight:
        return None
    first, stop = flight
    seen = track.known & (track.confidence > _LEAST_CONFIDENCE)
    frames, middles, lengths = [], [], []
    for frame in range(max(0, round(first - _LEAD * (stop - first))), min(stop, track.num_frames)):
        joints = track.joints_px[frame][seen[frame]]
        if len(joints) >= _LEAST_JOINTS:
            low, high = np.percentile(joints, _EXTENT, axis=0)
            frames.append(frame)
            middles.append((low + high) / 2)
            lengths.append(float(np.hypot(*(high - low))))
    if len(frames) < _LEAST_FRAMES:
        return None
    every = np.arange(track.num_frames)
    steady = _running_median(np.array(middles))
    path = np.stack([np.interp(every, frames, steady[:, axis]) for axis in (0, 1)], axis=1)
    path[frames[-1] :] = path[max(frames[-1] - 2, 0) : frames[-1] + 1].mean(axis=0)
    path = cv2.GaussianBlur(
        path, (1, _SMOOTHING_SIZE), sigmaX=1, sigmaY=_SMOOTHING_FRAMES, borderType=cv2.BORDER_REPLICATE
    )
    height = size_px[1]
    body = float(np.clip(np.percentile(lengths, _STRETCHED), follow.least * height, follow.most * height))
    grown = np.clip((every - stop) / (follow.growing * (stop - first)), 0, 1)
    widths = follow.size * body * (1 + follow.growth * grown)
    return np.column_stack([path, widths])


def whole_frame(num_frames: int, size_px: tuple[int, int], aspect: float) -> Float[np.ndarray, "frames 3"]:
    """Windows as large as the frame, for clips in which nobody can be followed.

    Args:
        num_frames: Number of frames of the clip.
        size_px: Width and height of the film, in pixels.
        aspect: Width of a window divided by its height.
    """
    width, height = size_px
    return np.tile([width / 2, height / 2, min(width, height * aspect)], (num_frames, 1)).astype(float)


def _running_median(path: Float[np.ndarray, "frames 2"]) -> Float[np.ndarray, "frames 2"]:
    half = _MEDIAN_FRAMES // 2
    padded = np.pad(path, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_FRAMES, axis=0)
    return np.asarray(np.median(windows, axis=-1))
