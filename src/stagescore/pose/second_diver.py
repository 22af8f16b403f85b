"""Whether a second diver falls: beside the diver, some time after the diver, or so near that the two look like one.

Who stands apart is told by the fall. A second body goes down as the diver did, the same time earlier or later from frame to frame,
the same way aside; a railing, a board or a spectator waits, and the splash does not reach such speeds. Who is covered by the diver
for the detector is told by the joints: of a pair the estimator's map of each joint has two high places, and from the one to the other
it is as far, in the same direction, for every joint and frame. Places that are mistaken in a single body are strewn.
Source: none. Limits were chosen on real single dives of one half of 300, on pairs made of them, on simulated pairs and on two clips (one of a
pair); falls on 85 of the films, joints on 39 (docs/log.md, 2026-11-30). Numbers of frames are meant for 25 to 30 per second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.pose.boxes import Detections, box_iou, centres, long_edges
from stagescore.pose.estimation import Follower, read_peaks
from stagescore.pose.motion import MOVING
from stagescore.pose.networks import PeakEstimator
from stagescore.pose.tracking import FrameObservation, Track, choose_diver, falling_frames

# Set by hand: boxes that may be a second diver, in lengths of the diver's box.
_SMALLEST, _LARGEST = 0.4, 1.9
_LEAST_CONFIDENCE = 0.1
_BLOB_CONFIDENCE = 0.5
_OWN_IOU, _OWN_REACH = 0.15, 0.4  # what is nearer to the diver is the diver's
_RIM_PX = 2.0  # boxes that the picture's rim cuts off: a panned hall comes and goes there
_LEAST_FALLEN = 0.15
_FEW_FRAMES = 5
_FALLING_SHARES = (1.0, 0.75, 0.5)  # of the way down, where the splash or what sinks is followed on
# Set by hand: what belongs to one fall, in lengths of the box.
_OFF_PATH, _OFF_ASIDE = 0.4, 0.4
_LATEST_FRAMES = 30
"""Frames by which a second diver may fall earlier or later."""
_BESIDE_FRAMES = 4.0
"""Frames by which the fall of two who dive together may differ."""
_BESIDE_SHARE = 0.4
_BESIDE_WAY = 1.2
"""Of the frames of the diver's fall, and lengths of the box over which the other must be seen to fall: single dives up to 0.32, pairs
apart from each other from 0.58 (docs/log.md)."""
_AFTER_FRAMES, _AFTER_ASIDE, _AFTER_WAY, _AFTER_SEEN = 3.0, 1.0, 1.1, 4
"""Frames later, lengths of the box aside and down, and frames in which one who dives after the other is seen."""
# Set by hand: graphics, which stay in the picture while the hall goes by.
_STAYING_IOU, _STAYING_REACH, _STAYING_SHARE = 0.8, 6, 0.65
# How often a step from one place of a joint to another comes, in lengths of the box.
_SAME_PLACE, _SIGMA, _CELL, _NEAREST, _FARTHEST = 0.1, 0.08, 0.06, 0.15, 0.9
_SLIPS = (-1.0, 0.0, 1.0)
"""Frames by which the second diver may be late: the one is above the other by more and more."""
_LATE_WORTH = 0.7
"""What a repetition with such a step counts for: there are more of them that may come by chance (single dives up to 0.35)."""
# Single dives: how often a step of such a length comes, as a share of all that was surely seen (39 real films of the first half).
_RINGS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_STREWN = (0.0193, 0.0199, 0.0159, 0.0112, 0.0076, 0.0048, 0.0028, 0.0019)
_FLOOR = 0.01
_USUAL_FRAMES = 25
"""Frames of a fall: in fewer of them a step comes again by chance more easily, as the square root of their number."""
REPEATED = 0.26
"""From this `repetition` on there are two: 40 single dives up to 0.25, a real pair 0.32 (docs/log.md, 2026-11-30)."""


def falls_like(views: Sequence[FrameObservation], diver: Track, path: Sequence[np.ndarray]) -> bool:
    """Whether something of the diver's size goes down as the diver does, apart from the diver or some time later.

    Args:
        views: Views of every frame of the clip.
        diver: Track of the diver.
        path: Map of each frame, from its pixels to those of the first (`tracking.camera_path`).
    """
    fall = _Fall.of(diver, path)
    if fall is None:
        return False
    seen = _candidates(views, diver, path, fall)
    beside = np.abs(seen[:, 1]) <= _BESIDE_FRAMES
    if _most_together(seen[beside], fall, _BESIDE_WAY) >= _BESIDE_SHARE * len(fall.frames):
        return True
    after = (seen[:, 1] > _AFTER_FRAMES) & (np.abs(seen[:, 2]) < _AFTER_ASIDE)
    return _most_together(seen[after], fall, _AFTER_WAY) >= _AFTER_SEEN


@dataclass(frozen=True, slots=True, eq=False)
class _Fall:
    """A free fall: height = top + half the gravity x (frame - apex) squared, in pixels of the first frame."""

    apex: float
    top: float
    half_gravity: float
    aside: np.ndarray  # line of the place aside over frames
    size: float
    frames: range

    @classmethod
    def of(cls, diver: Track, path: Sequence[np.ndarray]) -> "_Fall | None":
        """The fall of a track; None where too little of it is seen, or it is none."""
        frames = [frame for frame in falling_frames(diver, path) if frame in diver.frames]
        for share in _FALLING_SHARES:
            part = frames[: round(share * len(frames))]
            seen = [frame for frame in part if diver.sources[frame - diver.first] != "carried"]
            if len(seen) < _FEW_FRAMES:
                return None
            places = np.array([_in_hall(path[t], centres(diver.boxes_px[t - diver.first])) for t in seen])
            gravity, speed, offset = np.polyfit(seen, places[:, 1], 2)
            if gravity > 0:
                apex = -speed / (2 * gravity)
                return cls(
                    apex=float(apex),
                    top=float(np.polyval((gravity, speed, offset), apex)),
                    half_gravity=float(gravity),
                    aside=np.polyfit(seen, places[:, 0], 1),
                    size=float(np.median(long_edges(diver.boxes_px[np.array(part) - diver.first]))),
                    frames=range(part[0], part[-1] + 1),
                )
        return None


def _candidates(
    views: Sequence[FrameObservation], diver: Track, path: Sequence[np.ndarray], fall: _Fall
) -> Float[np.ndarray, "boxes 4"]:
    """Boxes that may be of somebody else: frame, frames later than the diver was there, and how far aside and how far down it is."""
    found = []
    first = max(int(fall.apex) - _LATEST_FRAMES, 0)
    for frame in range(first, min(fall.frames[-1] + _LATEST_FRAMES + 1, len(views))):
        view = views[frame]
        sure = (view.people.confidence >= _LEAST_CONFIDENCE) & (view.moving >= MOVING)
        boxes = np.concatenate((view.people.boxes_px[sure], view.motion.blobs_px))
        # After the fall the track may go on with the splash, out of which a second diver comes to be seen.
        own = diver.box(frame) if frame <= fall.frames[-1] + 1 else None
        for box in boxes[_may_be_another(boxes, view, own, fall.size)]:
            aside, height = _in_hall(path[frame], centres(box))
            fallen = height - fall.top
            if fallen < _LEAST_FALLEN * fall.size:
                continue
            there = fall.apex + (fallen / fall.half_gravity) ** 0.5
            if abs(frame - there) <= _LATEST_FRAMES and there <= fall.frames[-1] + 2:
                off = aside - np.polyval(fall.aside, there)
                found.append((frame, frame - there, off / fall.size, fallen / fall.size))
    return np.array(found, dtype=np.float64).reshape(-1, 4)


def _may_be_another(
    boxes: np.ndarray, view: FrameObservation, own: np.ndarray | None, size: float
) -> Bool[np.ndarray, " boxes"]:
    """Boxes of about the diver's size that are neither the diver's nor cut off by the rim."""
    rows, columns = np.array(view.motion.share.shape) / view.motion.scale
    edges = long_edges(boxes)
    whole = (boxes[:, :2] > _RIM_PX).all(1) & (boxes[:, 2:] < np.array((columns, rows)) - _RIM_PX).all(1)
    passing = whole & (edges > _SMALLEST * size) & (edges < _LARGEST * size)
    if own is not None:
        away = np.abs(centres(boxes) - centres(own)).max(1) >= _OWN_REACH * size
        passing &= away & (box_iou(own, boxes) <= _OWN_IOU)
    return np.asarray(passing)


def _most_together(seen: Float[np.ndarray, "boxes 4"], fall: _Fall, way: float) -> int:
    """Most frames that one fall like the diver's goes through, which is seen over so many lengths of the box."""
    most = 0
    for later, aside in seen[:, 1:3]:
        since = np.maximum(seen[:, 0] - later - fall.apex, 0.0)
        expected = fall.half_gravity / fall.size * since**2
        on_path = (np.abs(seen[:, 3] - expected) <= _OFF_PATH) & (np.abs(seen[:, 2] - aside) <= _OFF_ASIDE)
        if np.ptp(seen[on_path, 3]) >= way:
            most = max(most, len(np.unique(seen[on_path, 0])))
    return most


def _in_hall(path: np.ndarray, point: np.ndarray) -> Float[np.ndarray, "2"]:
    """A point of a frame, in pixels of the first frame."""
    return np.asarray((path @ (*point, 1.0))[:2])


def moving_body(views: Sequence[FrameObservation]) -> Track | None:
    """What falls among all that moves, though a detector may not know it for a body; graphics are left out."""
    blobs = [view.motion.blobs_px for view in views]
    kept = [boxes[~_staying(blobs, frame)] for frame, boxes in enumerate(blobs)]
    moving = [
        FrameObservation.of(
            Detections(boxes, np.full(len(boxes), _BLOB_CONFIDENCE)), replace(view.motion, blobs_px=boxes)
        )
        for boxes, view in zip(kept, views, strict=True)
    ]
    return choose_diver(moving).diver


def _staying(blobs: Sequence[np.ndarray], frame: int) -> Bool[np.ndarray, " blobs"]:
    """Moving parts of a frame that are in the same place in most frames around it."""
    around = range(max(frame - _STAYING_REACH, 0), min(frame + _STAYING_REACH + 1, len(blobs)))
    others = [blobs[k] for k in around if k != frame]
    return np.array(
        [
            sum(len(other) > 0 and box_iou(box, other).max() > _STAYING_IOU for other in others)
            >= max(_STAYING_SHARE * len(others), 1)
            for box in blobs[frame]
        ],
        dtype=np.bool_,
    )


@dataclass(frozen=True, slots=True, eq=False)
class JointPeaks:
    """The high places of each joint's map in one frame.

    Attributes:
        frame: Frame of the clip.
        places: x and y in pixels of the picture and height, 0 to 1, of each joint's places, the highest first; height 0 for none.
    """

    frame: int
    places: Float[np.ndarray, "joints places 3"]


def joint_peaks(
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
    diver: Track,
    path: Sequence[np.ndarray],
    estimator: PeakEstimator,
) -> list[JointPeaks]:
    """The high places of each joint's map in the frames in which a diver falls.

    Args:
        frames: All frames of the clip.
        diver: Track of the diver.
        path: Map of each frame, from its pixels to those of the first.
        estimator: Estimator that tells them.
    """
    fall = _Fall.of(diver, path)
    if fall is None:
        return []
    follower = Follower(estimator)
    found = []
    for frame, image in enumerate(frames):
        box = diver.box(frame)
        if frame >= fall.frames.stop:
            break
        if box is not None and frame in fall.frames:
            follower.read(image, box)
            found.append(JointPeaks(frame, read_peaks(estimator, image, box, follower.turn)))
    return found


def repetition(peaks: Sequence[JointPeaks], diver: Track, path: Sequence[np.ndarray]) -> float:
    """How much more often one and the same step leads from a high place of a joint to another than in single dives.

    Args:
        peaks: High places in the frames of the fall.
        diver: Track of the diver.
        path: Map of each frame, from its pixels to those of the first.

    Returns:
        0 for as often as in the mean of single dives.
    """
    fall = _Fall.of(diver, path)
    if fall is None or len(peaks) < _FEW_FRAMES:
        return 0.0
    steps, weights, speeds, total = [np.zeros((0, 2))], [np.zeros(0)], [np.zeros(0)], 1e-6
    for one in peaks:
        height = one.places[..., 2]
        total += float(height[:, 0].sum())
        for a, b in zip(*np.triu_indices(height.shape[1], 1), strict=True):
            step = (one.places[:, b, :2] - one.places[:, a, :2]) / fall.size
            both = (height[:, b] > 0) & (np.linalg.norm(step, axis=1) > _SAME_PLACE)
            steps.append(step[both])
            weights.append(np.minimum(height[both, a], height[both, b]))
            speeds.append(np.full(both.sum(), 2 * fall.half_gravity * (one.frame - fall.apex) / fall.size))
    step, weight, speed = (np.concatenate(part) for part in (steps, weights, speeds))
    reach = np.arange(0, _FARTHEST + _CELL, _CELL)
    across, down = np.meshgrid(np.concatenate((-reach[:0:-1], reach)), np.concatenate((-reach[:0:-1], reach)))
    distance = np.hypot(across, down)
    ring = (distance > _NEAREST) & (distance < _FARTHEST)
    strewn = np.interp(distance[ring], _RINGS, _STREWN)
    most = 0.0
    for slip in _SLIPS:
        come = np.zeros(int(ring.sum()))
        for sign in (1, -1):
            x = across[ring] - sign * step[:, :1]
            y = down[ring] - sign * step[:, 1:] + slip * speed[:, None]
            come += weight @ np.exp(-(x**2 + y**2) / (2 * _SIGMA**2))
        worth = _LATE_WORTH if slip else 1.0
        most = max(most, worth * float(((come / total - strewn) / np.sqrt(strewn + _FLOOR)).max()))
    return most * float(np.sqrt(len(peaks) / _USUAL_FRAMES))
