"""One look at a whole clip before anything is scored: small pictures, what moves, and who falls.

No network is needed: what moves although the camera moves too (`pose.motion`) is followed like people are
(`pose.tracking`), and whoever falls against the background is the diver.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from stagescore.media.scaling import scaled
from stagescore.pose.boxes import Detections, centres, long_edges
from stagescore.pose.motion import Motion, moving_parts
from stagescore.pose.tracking import Choice, Track, View, camera_path, choose_diver
from stagescore.skeleton import MASS_SHARES

EDGE_PX = 96
"""Longer edge of the small pictures."""
_BLOB_CONFIDENCE = 0.5
_LEAST_MASS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """How somebody moves up and down against the background.

    Attributes:
        first: frame of the first height.
        heights: of the middle of the box or the centre of mass, downwards, in the body's usual size.
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
    def motions(self) -> list[Motion]:
        """What moves in each frame, for whoever looks at the same frames again."""
        return [view.motion for view in self.views]

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
        """The heights of the middle of a track's boxes."""
        return self._path(track.first, centres(track.boxes_px), track.boxes_px)

    def path_of_body(
        self,
        joints_px: Float[np.ndarray, "frames joints 2"],
        known: Bool[np.ndarray, "frames joints"],
        boxes_px: Float[np.ndarray, "frames 4"],
    ) -> Path | None:
        """The heights of the centre of mass, which falls freely whatever the limbs do; None of a body never seen.

        Args:
            joints_px: in all frames; NaN where unknown.
            known: joints that may be used. Where they are too few, the centre of mass is taken to lie in the box
                as in the frames around.
            boxes_px: likewise; NaN in frames without the body. Between them they are interpolated.
        """
        seen = np.flatnonzero(np.isfinite(boxes_px).all(1))
        if not len(seen):
            return None
        frames = np.arange(seen[0], seen[-1] + 1)
        boxes = _between(frames, seen, boxes_px[seen])
        mass = (known & np.isfinite(joints_px).all(-1))[frames] * np.array(MASS_SHARES)
        enough = np.flatnonzero(mass.sum(1) > _LEAST_MASS)
        middles = centres(boxes)
        if len(enough):
            weights = mass[enough] / mass[enough].sum(1, keepdims=True)
            mean = (weights[..., None] * np.nan_to_num(joints_px[frames[enough]])).sum(1)
            middles = middles + _between(np.arange(len(frames)), enough, mean - middles[enough])
        return self._path(int(frames[0]), middles, boxes)

    def _path(
        self, first: int, points_px: Float[np.ndarray, "frames 2"], boxes_px: Float[np.ndarray, "frames 4"]
    ) -> Path:
        camera = camera_path(self.views)
        heights = [camera[first + step][1] @ (x, y, 1.0) for step, (x, y) in enumerate(points_px.tolist())]
        return Path(first, np.array(heights) / max(float(np.median(long_edges(boxes_px))), 1.0))


def _between(
    at: Int[np.ndarray, " wanted"],
    known: Int[np.ndarray, " known"],
    values: Float[np.ndarray, "known columns"],
) -> Float[np.ndarray, "wanted columns"]:
    """Values at some frames, linear between those where they are known."""
    return np.stack([np.interp(at, known, column) for column in values.T], axis=1)


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
