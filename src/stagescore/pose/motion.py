"""What moves in a clip although the camera moves too.

The camera pans after the diver: in the picture the diver stays in the middle and the hall rushes by. The
motion of the background between neighbouring frames is found from corners that most agree on; what is
left after it has been taken away is motion of people's own. Spectators have none, whatever the camera does.

Source: none; Lucas-Kanade flow and a robust similarity are textbook. Thresholds were set once on four
clips and two dives, in which the diver's share of motion is 3 to 100 and a spectator's 0.6 to 2.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from stagescore.media.ahead import ahead
from stagescore.media.scaling import scaled

EDGE_PX = 320
"""Longer edge of the pictures in which motion is looked at, in pixels. Set by hand."""
MOVING = 2.0
"""From this share of motion on, somebody moves of their own: spectators have 0.6 to 2 (module header)."""

# Set by hand on the clips and dives of the module header: corners, and the flow that follows them.
_NUM_CORNERS = 120
_CORNER_QUALITY = 0.01
_CORNER_DISTANCE_PX = 5
_WINDOW_PX = 15
_LEVELS = 4
_RETURN_PX = 1.0
_INLIER_PX = 2.0
_LEAST_CORNERS = 10
# Set by hand: what a panning camera does from frame to frame, and how wide its background is (share of the picture).
_MOST_TURN = np.deg2rad(3.0)
_MOST_ZOOM = 0.06
_LEAST_WIDTH = 0.35
_FAR_PEAK = 0.15
"""Least height of the peak of a phase correlation, which is 1 for a mere shift. Set by hand."""
_FAR_SMOOTHING_PX = 1.5
_LOOKED_AHEAD = 600
"""Frames in which graphics are looked for before motion is; of longer films those of the start. Set by hand."""
# Set by hand: graphics, which stay and were taken for the background (docs/log.md, 2026-11-26).
_GRAPHICS_FRAMES = 48  # frames that are compared, spread over the clip
_GRAPHICS_LEAST = 16  # frames; in a shorter clip none are looked for
_GRAPHICS_EDGE = 40.0  # mean slope of an edge, grey levels
_MOST_HIDDEN = 0.2  # share of the picture
_GRAPHICS_CHANGE = 16.0  # grey levels by which a place that changes does so
_CHANGING_SHARE = 0.4  # least share of the picture that changes where the camera moves
_GRAPHICS_REACH_PX = 8  # margin around edges that stay
_SMOOTHING_PX = 2.0  # sigma of the blur of changes; set by hand
_LEAST_CHANGE = 1.0
"""Grey levels; a clip without any noise would make everything a large share of nothing. Set by hand."""
# Set by hand on the clips and dives of the module header: parts that move.
_BLOB_SHARE = 5.0  # share of motion
_BLOB_CHANGE = 8.0  # grey levels
_BLOB_AREA = 0.0008  # least share of the picture
_BLOB_REACH = 0.02  # share of the longer edge across which places are one part
_MOST_BLOBS = 3


@dataclass(frozen=True, slots=True, eq=False)
class FrameMotion:
    """What moves in one frame.

    Attributes:
        camera: Map that takes the background of the frame before to this one (pixels; rotation, scale, shift); None for
            the first frame and where it cannot be told.
        share: Change that the camera does not explain, as a multiple of the picture's median change, at
            the working scale.
        blobs_px: Left, top, right, bottom of the boxes of the largest moving parts, in pixels of the picture.
        scale: Working pixels per pixel of the picture.
    """

    camera: Float[np.ndarray, "2 3"] | None
    share: Float32[np.ndarray, "rows columns"]
    blobs_px: Float[np.ndarray, "blobs 4"]
    scale: float

    def of_boxes(self, boxes_px: Float[np.ndarray, "boxes 4"]) -> Float[np.ndarray, " boxes"]:
        """Mean share of motion within each box; 0 outside the picture."""
        rows, columns = self.share.shape
        edges = np.clip(np.rint(boxes_px * self.scale), 0, (columns, rows, columns, rows)).astype(int)
        return np.array(
            [
                float(self.share[top:bottom, left:right].mean()) if right > left and bottom > top else 0.0
                for left, top, right, bottom in edges
            ],
            dtype=np.float64,
        )


def moving_parts(frames: Iterable[UInt8[np.ndarray, "h w 3"]]) -> Iterator[FrameMotion]:
    """What moves in each frame of a clip, compared with the frame before and the one after.

    A place counts as changed by the lesser of the two changes: so the place which the diver has just left
    does not. A clip of a single frame has no motion. Up to 600 frames are taken before the first is answered.
    """
    motions = MotionBetween()
    for following, scale, step in ahead(_steps(frames)):
        motion = motions.feed(following, scale, step)
        if motion is not None:
            yield motion
    last = motions.finish()
    if last is not None:
        yield last


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsThatCount:
    """Which moving parts of a picture are told.

    Attributes:
        most: Number of parts, the largest first.
        reach: Share of the longer edge across which places are one part.
        share: Share of motion from which on a place moves.
        change: Change from which on a place moves, in grey levels.
        area: Least share of the picture.
    """

    most: int = _MOST_BLOBS
    reach: float = _BLOB_REACH
    share: float = _BLOB_SHARE
    change: float = _BLOB_CHANGE
    area: float = _BLOB_AREA


class MotionBetween:
    """What moves in one frame after another, for whoever gets them one by one.

    A place counts as changed by the lesser of two changes, so a frame is answered when the next one comes.

    Args:
        parts: Parts that are told; by default those of a diver who fills much of the picture.
    """

    def __init__(self, parts: PartsThatCount | None = None) -> None:
        self.parts = PartsThatCount() if parts is None else parts
        self._before: np.ndarray | None = None  # change against the frame before, at the present frame
        self._grey: np.ndarray | None = None
        self._camera: np.ndarray | None = None
        self._scale = 1.0

    def feed(
        self,
        following: UInt8[np.ndarray, "h w"],
        scale: float,
        step: Float[np.ndarray, "2 3"] | None,
    ) -> FrameMotion | None:
        """What moves in the frame before this one; None at the first.

        Args:
            following: The next grey picture, at the working scale.
            scale: Working pixels per pixel of the picture.
            step: What the background does from the frame before to this one, at the working scale (`background_step`); None where it
                cannot be told.
        """
        grey, motion = self._grey, None
        self._scale = scale
        if grey is not None:
            after = _change(following, grey, None if step is None else cv2.invertAffineTransform(step))
            change = after if self._before is None else np.minimum(self._before, after)
            motion = _motion(self._camera, change, scale, self.parts)
            self._before = _change(grey, following, step)
            self._camera = None if step is None else _unscaled(step, scale)
        self._grey = following
        return motion

    def finish(self) -> FrameMotion | None:
        """What moves in the last frame; None where there was none."""
        if self._grey is None:
            return None
        change = np.zeros(self._grey.shape, np.float32) if self._before is None else self._before
        return _motion(self._camera, change, self._scale, self.parts)


def background_steps(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
) -> list[Float[np.ndarray, "2 3"] | None]:
    """How the background moves from each frame to the next, in pixels of the frames; None where nobody knows, and for the first.

    The same steps as those of `moving_parts`, in half its time.
    """
    return [None if step is None else _unscaled(step, scale) for _, scale, step in _steps(frames)]


def _steps(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
) -> Generator[tuple[UInt8[np.ndarray, "h w"], float, Float[np.ndarray, "2 3"] | None], None, None]:
    """Grey pictures at the working scale, that scale, and the step of the background from the picture before."""
    pictures = _working(frames)
    first = list(islice(pictures, _LOOKED_AHEAD))
    scene = scene_of([picture for picture, _ in first])
    before: np.ndarray | None = None
    for grey, scale in chain(first, pictures):
        yield grey, scale, None if before is None else background_step(before, grey, scene)
        before = grey


def _working(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
) -> Iterator[tuple[UInt8[np.ndarray, "h w"], float]]:
    """Grey pictures at the working scale, and that scale."""
    for frame in frames:
        scale = min(EDGE_PX / max(frame.shape[:2]), 1.0)
        small = scaled(frame, (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1)))
        yield cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), scale


def scene_of(greys: Sequence[UInt8[np.ndarray, "h w"]]) -> UInt8[np.ndarray, "h w"] | None:
    """Where the scene is to be seen: 255, and 0 where a broadcaster's graphics lie over it; None for everywhere.

    Graphics have edges that stay where they are while the camera moves, and would be taken for a background that
    stands still. Where little changes in most of the picture, the camera stands still.
    """
    if len(greys) < _GRAPHICS_LEAST or len({grey.shape for grey in greys}) > 1:
        return None
    some = np.stack(greys[:: -(-len(greys) // _GRAPHICS_FRAMES)])
    low, high = np.percentile(some, (3, 97), axis=0)
    edges = np.mean([_slope(grey.astype(np.float32)) for grey in some], axis=0)
    changing = high - low >= _GRAPHICS_CHANGE
    staying = (edges > _GRAPHICS_EDGE) & ~changing
    if not staying.any() or changing.mean() < _CHANGING_SHARE:
        return None
    reach = np.ones((2 * _GRAPHICS_REACH_PX + 1,) * 2, np.uint8)
    hidden = cv2.dilate(staying.astype(np.uint8), reach)
    # What stays by chance is strewn over the picture, and hides all of it.
    return None if hidden.mean() > _MOST_HIDDEN else np.asarray(255 * (1 - hidden), dtype=np.uint8)


def background_step(
    before: UInt8[np.ndarray, "h w"],
    after: UInt8[np.ndarray, "h w"],
    scene: UInt8[np.ndarray, "h w"] | None = None,
) -> Float[np.ndarray, "2 3"] | None:
    """The turn, scale and shift that takes most of a grey picture to the next; None if none does.

    Where too few corners can be followed, as in a fast pan that blurs the hall, a mere shift is looked for.

    Args:
        before: A grey picture at the working scale.
        after: The next grey picture, of the same size.
        scene: Mask that is 0 where graphics hide the scene, as `scene_of` tells; None for no graphics.
    """
    near = _near_step(before, after, scene)
    return _far_step(before, after, scene) if near is None else near


def _near_step(before: np.ndarray, after: np.ndarray, scene: np.ndarray | None) -> np.ndarray | None:
    """The step that follows from corners, followed from one picture to the next and back."""
    corners = cv2.goodFeaturesToTrack(before, _NUM_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE_PX, mask=scene)
    if corners is None or len(corners) < _LEAST_CORNERS:
        return None
    there, found = _flow(before, after, corners)
    back, found_back = _flow(after, before, there)
    kept = (found.ravel() > 0) & (found_back.ravel() > 0)
    kept &= np.linalg.norm((back - corners).reshape(-1, 2), axis=1) < _RETURN_PX
    if kept.sum() < _LEAST_CORNERS:
        return None
    step, agreeing = cv2.estimateAffinePartial2D(corners[kept], there[kept], ransacReprojThreshold=_INLIER_PX)
    if step is None or agreeing.sum() < _LEAST_CORNERS:
        return None
    # A camera that pans hardly turns or zooms from frame to frame, and its background is wide: else a body was followed.
    wide = np.ptp(corners[kept][agreeing.ravel() > 0].reshape(-1, 2), axis=0) / before.shape[1::-1]
    turn, zoom = np.arctan2(step[1, 0], step[0, 0]), np.hypot(step[1, 0], step[0, 0])
    if abs(turn) > _MOST_TURN or abs(np.log(zoom)) > _MOST_ZOOM or wide.max() < _LEAST_WIDTH:
        return None
    return np.asarray(step, dtype=np.float64)


def _far_step(before: np.ndarray, after: np.ndarray, scene: np.ndarray | None) -> np.ndarray | None:
    """The shift by which the edges of two pictures fit best (phase correlation)."""
    rim = cv2.createHanningWindow(before.shape[1::-1], cv2.CV_32F)
    seen = 1.0 if scene is None else (scene > 0).astype(np.float32)
    (across, down), peak = cv2.phaseCorrelate(_edges(before) * seen, _edges(after) * seen, rim)
    if peak < _FAR_PEAK:
        return None
    return np.array(((1.0, 0.0, across), (0.0, 1.0, down)))


def _edges(grey: np.ndarray) -> np.ndarray:
    return _slope(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _FAR_SMOOTHING_PX))


def _slope(grey: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.magnitude(*(cv2.Sobel(grey, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1)))))


def _flow(source: np.ndarray, target: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points of a picture lie in another, and which of them were found (Lucas and Kanade)."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        source, target, points, np.empty_like(points), winSize=(_WINDOW_PX, _WINDOW_PX), maxLevel=_LEVELS
    )
    return np.asarray(there), np.asarray(found)


def _change(
    source: np.ndarray, target: np.ndarray, step: np.ndarray | None
) -> Float32[np.ndarray, "rows columns"]:
    """Grey levels by which a picture differs from another that is laid on it; 0 where nothing lies."""
    if step is None:
        step = np.eye(2, 3)
    size = target.shape[1::-1]
    laid = cv2.warpAffine(source, step, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.full_like(source, 255), step, size, flags=cv2.INTER_NEAREST)
    change = cv2.absdiff(laid, target)
    change[covered == 0] = 0
    return np.asarray(cv2.GaussianBlur(change.astype(np.float32), (0, 0), _SMOOTHING_PX))


def _motion(
    camera: np.ndarray | None, change: np.ndarray, scale: float, parts: PartsThatCount
) -> FrameMotion:
    usual = max(float(np.median(change)), _LEAST_CHANGE)
    share = (change / usual).astype(np.float32)
    mask = ((share > parts.share) & (change > parts.change)).astype(np.uint8)
    reach = max(round(parts.reach * max(mask.shape)), 1)
    joined = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(joined)
    labels = labels * mask
    area = np.bincount(labels.ravel(), minlength=len(boxes))
    area[0] = 0
    blobs = []
    for label in np.argsort(-area, kind="stable")[: parts.most]:
        if area[label] >= max(parts.area * mask.size, 4):
            rows, columns = np.nonzero(labels == label)
            blobs.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return FrameMotion(camera, share, np.array(blobs, dtype=np.float64).reshape(-1, 4) / scale, scale)


def _unscaled(step: np.ndarray, scale: float) -> Float[np.ndarray, "2 3"]:
    return np.concatenate((step[:, :2], step[:, 2:] / scale), axis=1)
