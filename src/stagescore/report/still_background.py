"""The hall behind a flight as one still picture, though the camera pans, and the diver cut out of each frame.

The motion of the camera from frame to frame (`pose.motion`) lays all frames on one canvas. There a body in free fall follows a
parabola, which tells joints that were found on somebody else, and where the diver is in frames without joints. The background
is the median of what lies on each place, without the diver; what differs from it where the diver is, is the diver.
Source: none; a mosaic with a median is textbook. Numbers without a source were set by hand on twenty real films.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.errors import DataError
from stagescore.pose.background_path import BackgroundPath
from stagescore.pose.boxes import centres, long_edges
from stagescore.scoring.motion_scan import scan_motion
from stagescore.skeleton import MPII_16

Image = UInt8[np.ndarray, "_ _ 3"]
"""Red, green, blue, of any size."""
Joints = Mapping[int, Float[np.ndarray, "joints 2"]]
"""Joints by frame, in pixels; NaN where unknown."""
Boxes = dict[int, Float[np.ndarray, "4"]]
"""Left, top, right and bottom by frame, in pixels."""

_LEAST_JOINTS = 8
"""Joints that a frame must have for a box around them; half of MPII's 16."""
_FARTHEST = 2.0
"""Longer edges of the picture at which a joint may lie at most; divers are cut by the picture's edge now and then."""
_ROOM = 0.2
"""Longer edges of the diver's box by which it is grown: limbs that were not found, and the blur of a fast turn."""
_OFF_PATH = 0.7
"""Body lengths off the parabola from which on joints are somebody else's."""
_LEAST_ON_PATH = 6
"""Frames with a box that a parabola is laid through."""
_ROUNDS = 4
"""Times that the parabola is laid again without the boxes that are off it."""
_MOST_CANVAS = 24.0
"""Area of the canvas in pictures, at most. A pan of 10 m takes about five; more is a camera that was not followed."""
_ENOUGH = 24
"""Frames, evenly spread, whose median is the background: with twice as many it looks the same and takes twice the time."""
_STRIP_ROWS = 32
"""Rows of the canvas whose median is made at a time, so that memory stays small."""
_HIDDEN, _FREE = 1, 2
"""Places of a frame where the diver may hide the background, and all others."""
_PAINT_PX = 4.0
"""Reach of what is painted in, in pixels."""
_CHANGE = 26
"""Grey levels of a channel by which a place differs from the background."""
_ON_BONE, _NEAR_BONE = 0.08, 0.3
"""Body lengths from a bone up to which a place is surely the diver's, and up to which it is if it differs."""
_SMOOTHING_PX, _FEATHER_PX = 0.8, 1.2
"""Sigma of the blur of differences, and of the rim of what is cut out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StillBackground:
    """The background of some frames on a canvas of its own, and where frames and diver lie.

    Attributes:
        picture: The background; painted in from around where the diver always hides it, and black where no frame reaches.
        reached: Places that a frame reaches.
        maps: Map from pixels of a frame to those of the canvas, by frame.
        joints_px: Joints that are the diver's, in pixels of the frame, by frame; NaN where unknown.
        boxes_px: Box of the diver in pixels of the frame, by frame; empty where the diver was never seen.
    """

    picture: Image
    reached: Bool[np.ndarray, "height width"]
    maps: Mapping[int, Float[np.ndarray, "3 3"]]
    joints_px: Joints
    boxes_px: Boxes

    @classmethod
    def of(
        cls,
        pictures: Mapping[int, Image],
        joints_px: Joints,
        airborne: range,
        path: BackgroundPath | None = None,
    ) -> "StillBackground":
        """Lay frames of one shot on a canvas.

        Args:
            pictures: Pictures of one size by frame, two or more; each frame follows on the one before.
            joints_px: Joints of the diver in pixels of the pictures; frames may lack.
            airborne: Frames in which the diver is in free fall.
            path: Place of the background in these pictures; found in them by default.

        Raises:
            DataError: There are too few pictures, or the motion of the camera could not be followed.
        """
        frames = sorted(pictures)
        if len(frames) < 2:
            raise DataError("a background needs two frames or more", todo="give more frames of the dive")
        if path is None:
            found = scan_motion(pictures[frame] for frame in frames).background()
            path = found.numbered(frames)
        height, width = pictures[frames[0]].shape[:2]
        rim = np.array([(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)])
        spread = np.concatenate([_moved(one, rim) for one in path.maps.values()])
        low, high = np.floor(spread.min(axis=0)), np.ceil(spread.max(axis=0))
        across, down = (high - low).astype(int).tolist()
        if across * down > _MOST_CANVAS * width * height:
            raise DataError(
                "the motion of the camera cannot be followed", todo="use a film in which it pans less"
            )
        shift = np.array(((1.0, 0.0, -low[0]), (0.0, 1.0, -low[1]), (0.0, 0.0, 1.0)))
        maps = {frame: np.asarray(shift @ one) for frame, one in path.maps.items()}
        # Joints far outside of the picture are nobody's, and too large for what draws them.
        inside = {
            frame: joints
            for frame, joints in joints_px.items()
            if not (np.abs(joints) > _FARTHEST * max(width, height)).any()
        }
        joints, boxes = _diver(inside, path.falling_px, maps, airborne)
        some = frames[:: max(-(-len(frames) // _ENOUGH), 1)]
        picture, reached = _median({frame: pictures[frame] for frame in some}, maps, boxes, (across, down))
        return cls(picture=picture, reached=reached, maps=maps, joints_px=joints, boxes_px=boxes)

    def placed(self, frame: int, points_px: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points of a frame on the canvas."""
        return _moved(self.maps[frame], points_px)

    def cut_out(self, frame: int, image: Image) -> Float[np.ndarray, "_ _"]:
        """How much of each pixel of a frame is the diver, 0 to 1.

        Args:
            frame: One of the frames.
            image: Picture of the frame.
        """
        size = image.shape[1], image.shape[0]
        body, near = self._limbs(frame, size)
        back = cv2.warpPerspective(
            self.picture, self.maps[frame], size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        known = cv2.warpPerspective(
            self.reached.astype(np.uint8),
            self.maps[frame],
            size,
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        )
        change = cv2.GaussianBlur(cv2.absdiff(back, image), (0, 0), _SMOOTHING_PX).max(axis=2)
        found = ((change > _CHANGE) & near & (known > 0)).astype(np.uint8)
        found = np.asarray(cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), dtype=np.uint8)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        mask = cv2.morphologyEx(found, cv2.MORPH_CLOSE, disc)
        _, labels = cv2.connectedComponents(mask)
        touching = np.unique(labels[body & (mask > 0)])
        kept = np.isin(labels, touching[touching > 0])
        return np.asarray(cv2.GaussianBlur(kept.astype(np.float64), (0, 0), _FEATHER_PX))

    def _limbs(
        self, frame: int, size: tuple[int, int]
    ) -> tuple[Bool[np.ndarray, "_ _"], Bool[np.ndarray, "_ _"]]:
        """Places that are surely the diver's, and those that may be; of a body without joints, inner and outer ellipse of its box."""
        joints, box = self.joints_px.get(frame), self.boxes_px.get(frame)
        if box is None:
            nothing = np.zeros(size[::-1], np.bool_)
            return nothing, nothing
        if joints is None:
            inner, outer = (np.zeros(size[::-1], np.uint8) for _ in range(2))
            middle = tuple(np.rint(centres(box)).astype(int).tolist())
            for drawn, share in ((inner, 0.2), (outer, 0.5 + _ROOM)):
                axes = tuple(np.rint(share * (box[2:] - box[:2])).astype(int).tolist())
                cv2.ellipse(drawn, middle, axes, 0, 0, 360, 1, -1)
            return inner > 0, outer > 0
        away = np.full(size[::-1], 255, np.uint8)
        for start, end in MPII_16.bone_indices:
            if np.isfinite(joints[[start, end]]).all():
                (x0, y0), (x1, y1) = np.rint(joints[[start, end]] - 0.5).astype(int).tolist()
                cv2.line(away, (x0, y0), (x1, y1), 0, 1)
        distance = cv2.distanceTransform(away, cv2.DIST_L2, 3)
        length = float(long_edges(box))
        return distance <= max(_ON_BONE * length, 1.0), distance <= max(_NEAR_BONE * length, 3.0)


def _moved(
    place: Float[np.ndarray, "3 3"], points: Float[np.ndarray, "points 2"]
) -> Float[np.ndarray, "points 2"]:
    return np.asarray(points @ place[:2, :2].T + place[:2, 2])


def joint_box(joints_px: Float[np.ndarray, "joints 2"]) -> Float[np.ndarray, "4"] | None:
    """Box around the joints of a frame, in pixels; None where too few are known."""
    known = joints_px[np.isfinite(joints_px).all(axis=-1)]
    return None if len(known) < _LEAST_JOINTS else np.concatenate((known.min(axis=0), known.max(axis=0)))


def _diver(
    joints_px: Joints,
    falling_px: Mapping[int, Float[np.ndarray, "4"]],
    maps: Mapping[int, Float[np.ndarray, "3 3"]],
    airborne: range,
) -> tuple[Joints, Boxes]:
    """Joints that are the diver's, and a box in every frame: around them, of what is seen to fall, or where the parabola says."""
    frames = sorted(maps)
    boxes: Boxes = {
        frame: box
        for frame in frames
        if frame in joints_px and (box := joint_box(joints_px[frame])) is not None
    }
    seen = set(boxes)
    boxes = {**falling_px, **boxes}
    if not boxes:
        return {}, {}
    usual = float(np.median([long_edges(box) for box in ([boxes[one] for one in seen] or boxes.values())]))
    path = _parabola({f: _moved(maps[f], centres(boxes[f])[None])[0] for f in boxes if f in airborne}, usual)
    if path is not None:
        for frame in (frame for frame in frames if frame in airborne):
            there = _moved(np.linalg.inv(maps[frame]), path.at([frame]))[0]
            box = boxes.get(frame)
            if box is None or np.linalg.norm(centres(box) - there) > _OFF_PATH * usual:
                boxes[frame] = _square(there, usual)
                seen.discard(frame)
    for frame in frames:
        if frame not in boxes:  # who is not found before the flight stands still
            other = min(boxes, key=lambda one: abs(one - frame))
            place = _moved(maps[other], centres(boxes[other])[None])
            boxes[frame] = _square(_moved(np.linalg.inv(maps[frame]), place)[0], usual)
    return {frame: joints_px[frame] for frame in seen}, boxes


def _square(middle: Float[np.ndarray, "2"], side: float) -> Float[np.ndarray, "4"]:
    return np.concatenate((middle - side / 2, middle + side / 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Parabola:
    across: Float[np.ndarray, "2"]
    down: Float[np.ndarray, "3"]

    def at(self, frames: Sequence[int]) -> Float[np.ndarray, "frames 2"]:
        return np.stack(
            [np.polyval(one, np.array(frames, dtype=float)) for one in (self.across, self.down)], -1
        )


def _parabola(places: Mapping[int, Float[np.ndarray, "2"]], usual: float) -> _Parabola | None:
    """The way of a body in free fall through most of the places; None where too few lie on one."""
    frames, points = sorted(places), np.array([places[frame] for frame in sorted(places)])
    kept, at = np.ones(len(frames), np.bool_), np.array(frames, dtype=float)
    for _ in range(_ROUNDS):
        if kept.sum() < _LEAST_ON_PATH:
            return None
        found = _Parabola(np.polyfit(at[kept], points[kept, 0], 1), np.polyfit(at[kept], points[kept, 1], 2))
        off = np.linalg.norm(points - found.at(frames), axis=1)
        kept = off <= max(_OFF_PATH * usual, float(np.median(off)))
    return found if found.down[0] > 0 else None


def _median(
    pictures: Mapping[int, Image],
    maps: Mapping[int, Float[np.ndarray, "3 3"]],
    boxes: Boxes,
    size: tuple[int, int],
) -> tuple[Image, Bool[np.ndarray, "height width"]]:
    """The background on a canvas, and what frames reach of it; strip by strip."""
    across, down = size
    picture = np.zeros((down, across, 3), np.uint8)
    reached, free = np.zeros((down, across), np.bool_), np.zeros((down, across), np.bool_)
    kinds = {frame: _kinds(image.shape, boxes.get(frame)) for frame, image in pictures.items()}
    for top in range(0, down, _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, down))
        layers = list(_strips(pictures, kinds, maps, top, (across, rows.stop - top)))
        if not layers:
            continue
        values, shown = np.stack([layer for layer, _ in layers]), np.stack([kind for _, kind in layers])
        reached[rows], valid = (shown > 0).any(axis=0), shown == _FREE
        values[~valid] = 255  # sorted behind all that is seen
        values.sort(axis=0)
        count = valid.sum(axis=0)
        middle = (count // 2).clip(max=len(values) - 1)[None, ..., None]
        picture[rows] = np.take_along_axis(values, np.broadcast_to(middle, (1, *values.shape[1:])), axis=0)[0]
        free[rows] = count > 0
    hidden = reached & ~free
    if hidden.any():
        picture[~reached] = 0
        painted = cv2.inpaint(picture, hidden.astype(np.uint8), _PAINT_PX, cv2.INPAINT_TELEA)
        picture = np.asarray(painted, dtype=np.uint8)
    picture[~reached] = 0
    return picture, reached


def _strips(
    pictures: Mapping[int, Image],
    kinds: Mapping[int, UInt8[np.ndarray, "_ _"]],
    maps: Mapping[int, Float[np.ndarray, "3 3"]],
    top: int,
    size: tuple[int, int],
) -> Iterator[tuple[Image, UInt8[np.ndarray, "_ _"]]]:
    """What each frame shows of a strip of the canvas, and of what kind it is; frames that show nothing of it are left out."""
    up = np.array(((1.0, 0.0, 0.0), (0.0, 1.0, -float(top)), (0.0, 0.0, 1.0)))
    for frame, picture in pictures.items():
        place, (height, width) = up @ maps[frame], picture.shape[:2]
        rim = _moved(place, np.array([(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)]))
        if rim[:, 1].max() < 0 or rim[:, 1].min() > size[1]:
            continue
        kind = cv2.warpPerspective(kinds[frame], place, size, flags=cv2.INTER_NEAREST)
        yield np.asarray(cv2.warpPerspective(picture, place, size), dtype=np.uint8), np.asarray(kind)


def _kinds(shape: tuple[int, ...], box: Float[np.ndarray, "4"] | None) -> UInt8[np.ndarray, "_ _"]:
    """Places of a frame that show the background, those of the diver, and 0 at the rim, which belongs to nothing."""
    kinds = np.zeros(shape[:2], np.uint8)
    kinds[1:-1, 1:-1] = _FREE
    if box is not None:
        room = _ROOM * float(long_edges(box))
        grown = np.rint(box + np.array((-room, -room, room, room)))
        left, top, right, bottom = np.clip(grown, 0, (shape[1], shape[0]) * 2).astype(int).tolist()
        kinds[top:bottom, left:right] = np.minimum(kinds[top:bottom, left:right], _HIDDEN)
    return kinds
