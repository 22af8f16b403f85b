"""One look at a whole clip before anything is scored: small pictures, what moves, and who falls.

No network is needed: what moves although the camera moves too (`pose.motion`) is followed like people are
(`pose.tracking`), and whoever falls against the background is the diver.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from stagescore.media.scaling import scaled
from stagescore.pose.boxes import Detections, centres, long_edges
from stagescore.pose.motion import moving_parts
from stagescore.pose.tracking import Choice, Track, View, camera_path, choose_diver

EDGE_PX = 96
"""Longer edge of the small pictures."""
_BLOB_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """How somebody moves up and down against the background.

    Attributes:
        first: frame of the first height.
        heights: of the middle of the box, downwards, in the body's usual size.
    """

    first: int
    heights: Float[np.ndarray, " frames"]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What one look at a clip tells.

    Attributes:
        small: the pictures, scaled down.
        views: what moves in each frame.
    """

    small: UInt8[np.ndarray, "frames height width 3"]
    views: tuple[View, ...]

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return len(self.views)

    def part(self, start: int, end: int) -> "Watched":
        """The same for some of the frames, half-open."""
        return Watched(self.small[start:end], self.views[start:end])

    def choice(self) -> Choice:
        """The diver among all that moves."""
        return choose_diver(self.views)

    def path(self, track: Track) -> Path:
        """The heights of a track."""
        return self.path_of_boxes(track.first, track.boxes_px)

    def path_of_boxes(self, first: int, boxes_px: Float[np.ndarray, "frames 4"]) -> Path:
        """The heights of boxes in successive frames."""
        camera = camera_path(self.views)
        heights = [
            camera[first + step][1] @ (x, y, 1.0) for step, (x, y) in enumerate(centres(boxes_px).tolist())
        ]
        return Path(first, np.array(heights) / max(float(np.median(long_edges(boxes_px))), 1.0))


def watch(frames: Iterable[UInt8[np.ndarray, "height width 3"]]) -> Watched:
    """Look at the frames of a clip, one after another; one or more."""
    small: list[np.ndarray] = []

    def kept() -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        for frame in frames:
            scale = EDGE_PX / max(frame.shape[:2])
            size_px = max(round(frame.shape[1] * scale), 8), max(round(frame.shape[0] * scale), 8)
            small.append(scaled(frame, size_px))
            yield frame

    views = []
    for motion in moving_parts(kept()):
        blobs = motion.blobs_px
        views.append(View.of(Detections(blobs, np.full(len(blobs), _BLOB_CONFIDENCE)), motion))
    return Watched(np.stack(small), tuple(views))
