"""One look at a whole clip before anything is scored: small pictures, what moves, and who falls.

No network is needed: what moves although the camera moves too (`pose.motion`) is followed like people are
(`pose.tracking`), and whoever falls against the background is the diver.

Films that were converted to a higher frame rate show frames twice. In a repeated frame nothing moves, and the camera
stands still in the middle of its pan; so these are left out, and heights in them lie between those around.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.pose.background_path import BackgroundPath
from stagescore.pose.boxes import Detections, centres, long_edges
from stagescore.pose.motion import FrameMotion, moving_parts
from stagescore.pose.tracking import FrameObservation, Track, camera_path, choose_diver
from stagescore.skeleton import MPII_16

EDGE_PX = 96
"""Longer edge of the small pictures."""
_BLOB_CONFIDENCE = 0.5
_LEAST_MASS = 0.6
_REPEAT_SHARE, _REPEAT_REACH, _REPEAT_CHANGE = 0.2, 3, 0.5
"""Of the largest change in so many steps around, or in grey levels, up to which a frame repeats the one before."""
_MOST_STEPS = 8
"""Between two repeats of a converted film: 25 frames per second shown as 30 repeat every sixth."""
_LEAST_DISTINCT = 12
_NEAR = 1.0
"""Lengths of the body's box between its middle and that of what moves, up to which they are taken for one. Set by hand: limbs and
hair move beside the middle, and other people on a board stand farther away."""
_STRAY = 1.5
"""Usual lengths of the body's box between its middle and that of what falls, from which on the limbs that were found are on somebody
else. Set by hand: a little more than a stretched body, at either end of which something may move."""


@dataclass(frozen=True, slots=True, eq=False)
class HeightCurve:
    """How somebody moves up and down against the background.

    Attributes:
        first: Frame of the clip that the first height is of.
        heights: Height of the middle of the box, or of the centre of mass, in each frame: downwards, in the body's usual size.
    """

    first: int
    heights: Float[np.ndarray, " frames"]


@dataclass(frozen=True, eq=False)
class MotionScan:
    """What one look at a clip tells.

    Attributes:
        small: Pictures of all frames, scaled down to `EDGE_PX`.
        views: What moves in each distinct frame.
        rows: Index into `views` for each frame; one after the other where no frame repeats another.
    """

    small: UInt8[np.ndarray, "frames height width 3"]
    views: tuple[FrameObservation, ...]
    rows: Int[np.ndarray, " frames"]

    @property
    def motions(self) -> list[FrameMotion]:
        """What moves in each distinct frame, for whoever looks at the same frames again."""
        return [view.motion for view in self.views]

    @property
    def num_frames(self) -> int:
        """Number of frames of the clip."""
        return len(self.small)

    @cached_property
    def distinct(self) -> list[int]:
        """The frames that do not repeat the one before."""
        return [int(frame) for frame in np.unique(self.rows, return_index=True)[1]]

    def part(self, start: int, end: int) -> "MotionScan":
        """The same for some of the frames, half-open."""
        rows = self.rows[start:end]
        first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        return MotionScan(self.small[start:end], self.views[first:last], rows - first)

    @cached_property
    def _camera(self) -> list[Float[np.ndarray, "3 3"]]:
        return camera_path(self.views)

    def background(self, start: int = 0) -> BackgroundPath:
        """Where the background lies in the distinct frames, and what falls before it.

        Args:
            start: Number of the clip's first frame.
        """
        frames = [start + frame for frame in self.distinct]
        falling = self.falling
        boxes = (
            {}
            if falling is None
            else {frames[row]: box for row, box in zip(falling.frames, falling.boxes_px, strict=True)}
        )
        return BackgroundPath(maps=dict(zip(frames, self._camera, strict=True)), falling_px=boxes)

    @cached_property
    def falling(self) -> Track | None:
        """What falls farthest among all that moves, be it a diver or a splash; None where nothing falls. Tracks count distinct frames."""
        return choose_diver(self.views).diver

    def heights_of_motion(self, diver_px: Float[np.ndarray, "frames 4"] | None = None) -> HeightCurve | None:
        """The heights of the middle of what falls among all that moves; None where nothing falls.

        Args:
            diver_px: Boxes of the diver in all frames of the clip, in pixels; NaN in frames without. What falls and is nowhere
                near is then somebody else, and has no heights here. None where it is not known who the diver is.
        """
        track = self.falling
        if track is None or (diver_px is not None and not self._is_near(track, diver_px)):
            return None
        return self._heights(track.first, centres(track.boxes_px), track.boxes_px)

    def strays(
        self, diver_px: Float[np.ndarray, "frames 4"], first: int, stop: int
    ) -> Int[np.ndarray, " strays"]:
        """Frames in which the boxes of the diver are not where the diver is seen to fall.

        What falls elsewhere in most of the frames is somebody else, or a logo before a camera that follows the diver: it tells
        nothing.

        Args:
            diver_px: Boxes of the diver in all frames of the clip, in pixels; NaN in frames without.
            first: First frame that is looked at.
            stop: Frame after the last that is looked at.
        """
        track = self.falling
        if track is None or not self._is_near(track, diver_px):
            return np.zeros(0, dtype=int)
        frames = np.arange(first, stop)
        rows = self.rows[frames] - track.first
        frames, rows = (values[(rows >= 0) & (rows < len(track.boxes_px))] for values in (frames, rows))
        boxes = diver_px[frames]
        sizes = long_edges(diver_px[np.isfinite(diver_px).all(1)])
        if not len(sizes) or not len(frames):
            return np.zeros(0, dtype=int)
        away = np.linalg.norm(centres(boxes) - centres(track.boxes_px[rows]), axis=1)
        with np.errstate(invalid="ignore"):
            return np.asarray(frames[away > _STRAY * np.median(sizes)])

    def _is_near(self, track: Track, diver_px: Float[np.ndarray, "frames 4"]) -> bool:
        """Whether a track is the diver, or a part of the body, in most of the frames that both are seen in; true where there is none."""
        boxes = diver_px[self.distinct][track.first : track.frames.stop]
        seen = np.isfinite(boxes).all(1)
        if not seen.any():
            return True
        away = np.linalg.norm(centres(boxes[seen]) - centres(track.boxes_px[seen]), axis=1)
        return bool(np.median(away / np.maximum(long_edges(boxes[seen]), 1.0)) < _NEAR)

    def heights_of_body(
        self,
        joints_px: Float[np.ndarray, "frames joints 2"],
        known: Bool[np.ndarray, "frames joints"],
        boxes_px: Float[np.ndarray, "frames 4"],
    ) -> HeightCurve | None:
        """The heights of the centre of mass, which falls freely whatever the limbs do; None of a body never seen.

        Args:
            joints_px: Joints of MPII in all frames of the clip, in pixels; NaN where unknown.
            known: Joints that may be used. Where they are too few, the centre of mass is taken to lie in the box
                as in the frames around.
            boxes_px: Boxes of the body in all frames of the clip, in pixels; NaN in frames without it, between which they are interpolated.
        """
        joints_px, known, boxes_px = (values[self.distinct] for values in (joints_px, known, boxes_px))
        seen = np.flatnonzero(np.isfinite(boxes_px).all(1))
        if not len(seen):
            return None
        frames = np.arange(seen[0], seen[-1] + 1)
        boxes = _between(frames, seen, boxes_px[seen])
        mass = (known & np.isfinite(joints_px).all(-1))[frames] * np.array(MPII_16.mass_shares)
        enough = np.flatnonzero(mass.sum(1) > _LEAST_MASS)
        middles = centres(boxes)
        if len(enough):
            weights = mass[enough] / mass[enough].sum(1, keepdims=True)
            mean = (weights[..., None] * np.nan_to_num(joints_px[frames[enough]])).sum(1)
            middles = middles + _between(np.arange(len(frames)), enough, mean - middles[enough])
        return self._heights(int(frames[0]), middles, boxes)

    def _heights(
        self, first: int, points_px: Float[np.ndarray, "frames 2"], boxes_px: Float[np.ndarray, "frames 4"]
    ) -> HeightCurve:
        camera = self._camera
        heights = [camera[first + step][1] @ (x, y, 1.0) for step, (x, y) in enumerate(points_px.tolist())]
        at = np.array(self.distinct[first : first + len(heights)])
        frames = np.flatnonzero((self.rows >= first) & (self.rows < first + len(heights)))
        size = max(float(np.median(long_edges(boxes_px))), 1.0)
        return HeightCurve(int(at[0]), np.interp(frames, at, np.array(heights) / size))


def _between(
    at: Int[np.ndarray, " wanted"],
    known: Int[np.ndarray, " known"],
    values: Float[np.ndarray, "known columns"],
) -> Float[np.ndarray, "wanted columns"]:
    """Values at some frames, linear between those where they are known."""
    return np.stack([np.interp(at, known, column) for column in values.T], axis=1)


def scan_motion(frames: Iterable[UInt8[np.ndarray, "height width 3"]]) -> MotionScan:
    """Look at the frames of a clip, one after another; one or more, none of which repeats another."""
    small: list[np.ndarray] = []

    def kept() -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        for frame in frames:
            small.append(small_picture(frame))
            yield frame

    views = []
    for motion in moving_parts(kept()):
        blobs = motion.blobs_px
        views.append(FrameObservation.of(Detections(blobs, np.full(len(blobs), _BLOB_CONFIDENCE)), motion))
    return MotionScan(np.stack(small), tuple(views), np.arange(len(small)))


def small_picture(frame: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """A picture scaled to `EDGE_PX`, in which shots are told apart."""
    scale = EDGE_PX / max(frame.shape[:2])
    return scaled(frame, (max(round(frame.shape[1] * scale), 8), max(round(frame.shape[0] * scale), 8)))


def scan_distinct_motion(
    read: Callable[[Sequence[int]], Iterable[UInt8[np.ndarray, "height width 3"]]], num_frames: int
) -> MotionScan:
    """Look at a clip that may have been converted from a lower frame rate.

    Args:
        read: Gives the pictures of some frames, counted from 0, in increasing order.
        num_frames: Number of frames of the clip, one or more.
    """
    scan = scan_motion(read(range(num_frames)))
    distinct = distinct_frames(scan.small)
    if len(distinct) == num_frames:
        return scan
    again = scan_motion(read(distinct))
    rows = np.searchsorted(distinct, np.arange(num_frames), side="right") - 1
    return MotionScan(again.small[rows], again.views, rows)


def scan_of_span(media: Media, span: range) -> MotionScan:
    """Look at some frames of a film (`scan_distinct_motion`).

    Args:
        media: The film.
        span: Frames that are looked at, one or more.
    """
    return scan_distinct_motion(
        lambda frames: (image for _, image in media.frames([span[frame] for frame in frames])), len(span)
    )


def distinct_frames(small: UInt8[np.ndarray, "frames height width 3"]) -> list[int]:
    """The frames that do not repeat the one before, where the film was converted from a lower rate; else all.

    Of a converted film, repeats go through all of it. Where somebody stands before a camera that stands, frames are
    alike as well, but not in the flight.
    """
    change = np.abs(np.diff(small.astype(np.int16), axis=0)).mean((1, 2, 3))
    around = [
        change[max(step - _REPEAT_REACH, 0) : step + _REPEAT_REACH + 1].max() for step in range(len(change))
    ]
    repeats = np.flatnonzero(change <= np.maximum(_REPEAT_SHARE * np.array(around), _REPEAT_CHANGE)) + 1
    steps = np.diff(np.concatenate(([0], repeats, [len(small)])))
    if len(small) - len(repeats) < _LEAST_DISTINCT or steps.max() > _MOST_STEPS:
        return list(range(len(small)))
    return [int(frame) for frame in np.setdiff1d(np.arange(len(small)), repeats)]
