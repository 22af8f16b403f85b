"""Following people from frame to frame, and choosing the diver among them.

Source: paper, section IV-B, eq. 25: nearest-neighbour tracking by the distance of box centres together
with detection confidence (reading: cost = distance / size - weight x confidence).
Departs: a gate on size and on motion; where the detector misses somebody who moves, the box of what moves
is taken instead; the diver is the one who falls and moves against the background over the whole clip, not
whoever is found in the first frame.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.pose.boxes import Detections, box_iou, centres, long_edges
from stagescore.pose.motion import MOVING, FrameMotion

Source = Literal["network", "motion", "carried"]

CONFIDENCE_WEIGHT = 0.5
"""Weight of a detection's confidence against a distance of one box size. Set by hand: eq. 25 has no number."""
GATE = 0.6
"""Farthest a person moves from where they are expected, in box sizes. Set by hand."""
GATE_A_MISS = 0.15
"""Box sizes by which the gate is wider for every frame in which the person was not seen. Set by hand."""
LARGEST_GROWTH = 1.9
"""Largest growth of a box from a frame to the next. Set by hand: opening from a tuck takes several frames."""
MOST_CARRIED = 8
"""Frames for which a track goes on unseen. Set by hand."""
LEAST_CONFIDENCE = 0.05
"""Least confidence of a detection that is looked at; divers in mid-air seldom have more than 0.3. Set on the two
labelled real dives (docs/poses.md)."""
LONGEST_UNSEEN = 16
"""Frames in a row, as before a bare wall, in which the camera's motion is taken from the frames around them. It was 4
until 24 simulated dives were looked at (docs/log.md, 2026-11-26)."""
# Set by hand: steps that halt within a pan (`_steady`).
_AROUND = 3  # steps on either side
_LEAST_PAN_PX = 4.0  # pixels per frame
_HALTING = 0.6  # share of the lesser step on either side
LONGEST_BRIDGE = 4
"""Frames from one detection to the next between which boxes are interpolated. Set by hand."""
# Set by hand: least confidence of the detection that a track begins with, and the number of tracks.
SEED_CONFIDENCE = 0.1
MOST_TRACKS = 10
_POINTED_REACH, _POINTED_ROOM = 3, 1.3
"""Frames around the one that is pointed at in which somebody is looked for, and how much larger a box may be for the point to lie in
it: divers move by a third of their size from frame to frame. Set by hand."""
_NO_FALL = 0.2
"""Box sizes; who goes down by less is no diver, however much arms are waved. Set by hand."""

# Set by hand: one person from frame to frame.
_UNCHANGED_IOU = 0.4  # who overlaps the last box so much need not move
_SAME_IOU = 0.4  # from here on a detection belongs to a track
_BLOB_SMALLEST, _BLOB_LARGEST = 0.35, 1.5  # a moving part, in box sizes
_STEADINESS = 0.5  # weight of the last step in the velocity
# A second diver. Those without a source were set by hand.
_SECOND_SHARE = 0.5  # of the diver's merit
_SECOND_FRAMES = 5  # in which two tracks are apart, at least
# Share of common frames: one diver who is found twice has 0.15, a pair 0.46 (docs/log.md, 2026-11-26).
_SECOND_APART = 0.3
_APART_IOU = 0.2  # below it two boxes are apart
# Frames of the fall, and their share: single dives have up to 0.29, a pair 0.59 (docs/log.md, 2026-11-29).
_SECOND_FALLING, _APART_FALLING = 3, 0.4
_LEAST_WITH = 0.8  # of the diver's way: what waits goes down by 0.58 of it (`_falls_beside`)
_TOLD_APART = 0.8
"""Share of the frames of the fall in which another must be seen apart from the diver whom the user points at, for the joints to be that
diver's. In a clip of a real pair who cover each other it is 0.54 (docs/log.md)."""
_FALL_BEGINS, _FALL_ENDS = 0.1, 0.9
"""Shares of the way down. Set by hand."""
_PAIR_CONFIDENCE = 0.15  # of each of the two, at least
_PAIR_HEIGHTS = 0.5  # box sizes by which one is below the other, at most
_PAIR_SHARE = 0.2  # of the frames with somebody: single dives up to 0.14, pairs from 0.36 (`_move_in_pairs`)


@dataclass(frozen=True, slots=True, eq=False)
class FrameObservation:
    """What is seen in one frame.

    Attributes:
        people: People that the detector finds; empty where it was not asked.
        moving: Share of motion of each of the people.
        motion: Motion of the whole frame.
    """

    people: Detections
    moving: Float[np.ndarray, " people"]
    motion: FrameMotion

    @classmethod
    def of(cls, people: Detections, motion: FrameMotion) -> "FrameObservation":
        """What is seen, without people who are hardly there."""
        people = people.above(LEAST_CONFIDENCE)
        return cls(people, motion.of_boxes(people.boxes_px), motion)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person over some frames.

    Attributes:
        first: Frame of the first box.
        boxes_px: Left, top, right, bottom of the box in each frame from `first` on, in pixels.
        confidence: Confidence of the detection in each frame, 0 to 1; 0 where the box is not the detector's.
        moving: Share of motion in the box of each frame.
        sources: Source of each box: the detector (`network`), what moves (`motion`), or the boxes before (`carried`).
    """

    first: int
    boxes_px: Float[np.ndarray, "frames 4"]
    confidence: Float[np.ndarray, " frames"]
    moving: Float[np.ndarray, " frames"]
    sources: tuple[Source, ...]

    @property
    def frames(self) -> range:
        """The frames in which there is a box."""
        return range(self.first, self.first + len(self.boxes_px))

    def box(self, frame: int) -> Float[np.ndarray, "4"] | None:
        """The box in a frame of the clip, or None."""
        return self.boxes_px[frame - self.first] if frame in self.frames else None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The diver among the people of a clip.

    Attributes:
        diver: Track of the diver; None where nobody moves of their own.
        fall: How far the diver falls against the background, in box sizes.
        is_pair: Whether somebody else falls at the same time, or moves beside: the partner in a synchronised dive.
        is_apart: Whether that one is seen apart from the diver, so that the joints are not of both.
    """

    diver: Track | None
    fall: float = 0.0
    is_pair: bool = False
    is_apart: bool = False


class NobodyThereError(DataError):
    """Nobody is seen where the user points."""


@dataclass(frozen=True, slots=True, eq=False)
class Pointed:
    """Where the user points at the diver.

    Attributes:
        frame: Frame of the clip.
        box_px: Left, top, right, bottom of a box around the diver, in pixels; a point is a box without extent.
    """

    frame: int
    box_px: Float[np.ndarray, "4"]

    @classmethod
    def parse(cls, text: str) -> "Pointed":
        """Read `X,Y@FRAME` or `X0,Y0,X1,Y1@FRAME`.

        Args:
            text: A point, or left, top, right and bottom of a box, in pixels, and the number of a frame.

        Raises:
            DataError: It is neither.

        >>> Pointed.parse("410,220@35").frame
        35
        """
        place, _, frame = text.replace(" ", "").partition("@")
        try:
            numbers, at = np.array([float(number) for number in place.split(",")]), int(frame)
        except ValueError:
            numbers, at = np.zeros(0), -1
        if len(numbers) not in (2, 4) or at < 0 or not np.isfinite(numbers).all():
            raise DataError(
                f"{text!r} is no place of a diver", todo="write X,Y@FRAME or X0,Y0,X1,Y1@FRAME, in pixels"
            )
        if len(numbers) == 4 and not (numbers[2:] > numbers[:2]).all():
            raise DataError(
                f"the box of {text!r} is empty", todo="write left, top, right and bottom: X0,Y0,X1,Y1@FRAME"
            )
        return cls(at, np.tile(numbers, 2) if len(numbers) == 2 else numbers)

    @property
    def is_point(self) -> bool:
        """Whether it is a point and no box."""
        return bool((self.box_px[2:] <= self.box_px[:2]).all())


def pointed_diver(views: Sequence[FrameObservation], pointed: Pointed) -> Choice:
    """The person at whom the user points.

    A box is taken as it is. At a point somebody must be seen or something must move, in that frame or in one of those around it.

    Args:
        views: Views of every frame of the clip.
        pointed: Place at which the user points.

    Raises:
        NobodyThereError: Nobody is seen there.
    """
    diver, down = _pointed_track(views, pointed), camera_path(views)
    falling = falling_frames(diver, down)
    is_apart = any(
        len(_apart_in(track, diver, falling)) >= max(_TOLD_APART * len(falling), 1)
        for track in _tracks(views)
    )
    return Choice(diver, _fall(diver, down), is_pair=is_apart, is_apart=is_apart)


def _pointed_track(views: Sequence[FrameObservation], pointed: Pointed) -> Track:
    if not pointed.is_point:
        return _followed_from(views, pointed.frame, pointed.box_px)
    around = sorted(range(len(views)), key=lambda frame: abs(frame - pointed.frame))[: 2 * _POINTED_REACH + 1]
    for seen in ("people", "motion"):
        for frame in around:
            view = views[frame]
            boxes = view.people.boxes_px if seen == "people" else view.motion.blobs_px
            away = np.abs(centres(boxes) - centres(pointed.box_px))
            there = (away <= _POINTED_ROOM * (boxes[:, 2:] - boxes[:, :2]) / 2).all(1)
            if there.any():
                nearest = int(np.where(there, away.max(1), np.inf).argmin())
                return _followed_from(views, frame, boxes[nearest])
    raise NobodyThereError(
        "nobody is seen where you point",
        todo="point at the middle of the diver, or give a box around the diver",
    )


def _followed_from(views: Sequence[FrameObservation], frame: int, box: np.ndarray) -> Track:
    """The track of whoever is in a box, which is believed as if the detector had surely found it."""
    seed = Detections(box[None].astype(np.float64), np.ones(1))
    seen = [*views]
    seen[frame] = FrameObservation.of(seed, views[frame].motion)
    return follow(seen, frame, 0)


def choose_diver(views: Sequence[FrameObservation]) -> Choice:
    """Follow everybody who moves, and choose who falls; nobody where nobody does.

    Args:
        views: Views of every frame of the clip.
    """
    down = camera_path(views)
    ranked = sorted(
        ((_merit(track, down), _fall(track, down), track) for track in _tracks(views)), key=lambda t: -t[0]
    )
    if not ranked or ranked[0][1] < _NO_FALL:
        return Choice(None)
    merit, fall, diver = ranked[0]
    falling = falling_frames(diver, down)
    partners = (
        m >= _SECOND_SHARE * merit > 0 and _apart(t, diver) and _falls_beside(t, diver, falling, down)
        for m, _, t in ranked[1:]
    )
    return Choice(diver, fall, any(partners) or _move_in_pairs([views[frame] for frame in falling]))


def _tracks(views: Sequence[FrameObservation]) -> list[Track]:
    """Everybody who moves, one track each, the most telling first."""
    tracks: list[Track] = []
    for frame, person in _seeds(views):
        if len(tracks) == MOST_TRACKS:
            break
        box = views[frame].people.boxes_px[person]
        if not any(_same(track.box(frame), box) for track in tracks):
            tracks.append(follow(views, frame, person))
    return tracks


def follow(views: Sequence[FrameObservation], frame: int, person: int) -> Track:
    """The track of one person, forwards and backwards from one detection.

    Args:
        views: Views of every frame of the clip.
        frame: Frame of the detection.
        person: Index of the person among the people of that frame.
    """
    seed = views[frame]
    start = _Step(
        seed.people.boxes_px[person],
        float(seed.people.confidence[person]),
        float(seed.moving[person]),
        "network",
    )
    after = _walk(start, [views[t] for t in range(frame + 1, len(views))])
    before = _walk(start, [views[t] for t in range(frame - 1, -1, -1)])
    steps = [*before[::-1], start, *after]
    sources = [step.source for step in steps]
    return Track(
        first=frame - len(before),
        boxes_px=_bridged(np.array([step.box for step in steps]), sources),
        confidence=np.array([step.confidence for step in steps]),
        moving=np.array([step.moving for step in steps]),
        sources=tuple(sources),
    )


def _bridged(boxes_px: np.ndarray, sources: Sequence[Source]) -> Float[np.ndarray, "frames 4"]:
    """Between detections that are near in time, boxes are interpolated: what moves is not the whole body."""
    seen = [index for index, source in enumerate(sources) if source == "network"]
    bridged = boxes_px.copy()
    for start, end in pairwise(seen):
        if 1 < end - start <= LONGEST_BRIDGE:
            share = (np.arange(start + 1, end) - start)[:, None] / (end - start)
            bridged[start + 1 : end] = (1 - share) * boxes_px[start] + share * boxes_px[end]
    return bridged


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    box: np.ndarray
    confidence: float
    moving: float
    source: Source


def _seeds(views: Sequence[FrameObservation]) -> list[tuple[int, int]]:
    """Detections that move, the most telling first."""
    found = [
        (-float(confidence * min(moving, 10.0)), frame, person)
        for frame, view in enumerate(views)
        for person, (confidence, moving) in enumerate(zip(view.people.confidence, view.moving, strict=True))
        if confidence >= SEED_CONFIDENCE and moving >= MOVING
    ]
    return [(frame, person) for _, frame, person in sorted(found)]


def _walk(start: _Step, views: Sequence[FrameObservation]) -> list[_Step]:
    """From one box to the nearest of the next frame, again and again, until nobody is near for too long."""
    steps, last, velocity, unseen = [start], start.box, np.zeros(2), 0
    for view in views:
        expected = last + np.tile(velocity, 2)
        step = _nearest(view, last, expected, unseen) or _moving_part(view, last, expected, unseen)
        if step is None:
            unseen += 1
            if unseen > MOST_CARRIED:
                break
            step = _Step(expected, 0.0, float(view.motion.of_boxes(expected[None])[0]), "carried")
        else:
            velocity += _STEADINESS * ((centres(step.box) - centres(last)) - velocity)
            unseen = 0
        steps.append(step)
        last = step.box
    confirmed = max(index for index, step in enumerate(steps) if step.source == "network")
    steps = steps[
        : confirmed + 1 + LONGEST_BRIDGE
    ]  # the splash moves too, but the detector sees nobody in it
    while steps[-1].source == "carried":
        steps.pop()
    return steps[1:]


def _nearest(view: FrameObservation, last: np.ndarray, expected: np.ndarray, unseen: int) -> _Step | None:
    """Eq. 25: the detection that is nearest and surest, if any passes the gates."""
    people = view.people
    if not len(people.confidence):
        return None
    size = float(long_edges(last))
    distance = np.linalg.norm(centres(people.boxes_px) - centres(expected), axis=1) / size
    growth = long_edges(people.boxes_px) / size
    passing = (distance < GATE + GATE_A_MISS * unseen) & (np.maximum(growth, 1 / growth) < LARGEST_GROWTH)
    passing &= (view.moving >= MOVING) | (box_iou(last, people.boxes_px) > _UNCHANGED_IOU)
    if not passing.any():
        return None
    cost = np.where(passing, distance - CONFIDENCE_WEIGHT * people.confidence, np.inf)
    best = int(cost.argmin())
    return _Step(people.boxes_px[best], float(people.confidence[best]), float(view.moving[best]), "network")


def _moving_part(view: FrameObservation, last: np.ndarray, expected: np.ndarray, unseen: int) -> _Step | None:
    """The moving part of the picture where the person is expected, if it is about as large."""
    blobs = view.motion.blobs_px
    if not len(blobs):
        return None
    size = float(long_edges(last))
    distance = np.linalg.norm(centres(blobs) - centres(expected), axis=1) / size
    growth = long_edges(blobs) / size
    passing = (distance < GATE + GATE_A_MISS * unseen) & (growth > _BLOB_SMALLEST) & (growth < _BLOB_LARGEST)
    if not passing.any():
        return None
    best = int(np.where(passing, distance, np.inf).argmin())
    # What moves may be an arm, or the diver and a railing: the size changes half as much as it says.
    half = (blobs[best, 2:] - blobs[best, :2]) / 2 / np.sqrt(growth[best])
    middle = centres(blobs[best])
    box = np.concatenate((middle - half, middle + half))
    return _Step(box, 0.0, float(view.motion.of_boxes(box[None])[0]), "motion")


def camera_path(views: Sequence[FrameObservation]) -> list[Float[np.ndarray, "3 3"]]:
    """For each frame, the map from its pixels to those of the first; see `path_of_steps`."""
    return path_of_steps([view.motion.camera for view in views])


def path_of_steps(
    cameras: Sequence[Float[np.ndarray, "2 3"] | None],
) -> list[Float[np.ndarray, "3 3"]]:
    """For each frame, the map from its pixels to those of the first, from the background's steps to each frame.

    A camera has inertia: steps that halt in the middle of a pan are not believed, and up to `LONGEST_UNSEEN` unknown
    steps lie evenly between the known ones around them; others
    count as none.
    """
    steps = _steady([np.eye(2, 3), *cameras[1:]])
    known = [frame for frame, step in enumerate(steps) if step is not None]
    path = [np.eye(3)]
    for frame in range(1, len(cameras)):
        step = steps[frame]
        if step is None:
            place = bisect(known, frame)
            before, after = (
                known[place - 1],
                known[place] if place < len(known) else len(cameras) + LONGEST_UNSEEN,
            )
            step = np.eye(2, 3)
            if before and after - before - 1 <= LONGEST_UNSEEN:
                share = (frame - before) / (after - before)
                step = (1 - share) * np.asarray(steps[before]) + share * np.asarray(steps[after])
        path.append(path[-1] @ np.linalg.inv(np.concatenate((step, ((0.0, 0.0, 1.0),)))))
    return path


def _steady(steps: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
    """The steps without those that are much shorter than both those before and those after.

    In such frames something was followed that stands still in the picture: the diver, graphics, the splash.
    """
    known = [frame for frame, step in enumerate(steps) if frame and step is not None]
    steady = list(steps)
    for place, frame in enumerate(known):
        around = (known[max(place - _AROUND, 0) : place], known[place + 1 : place + 1 + _AROUND])
        if not all(around):
            continue
        before, after = (np.median([np.asarray(steps[k])[:, 2] for k in some], axis=0) for some in around)
        least = min(float(np.linalg.norm(shift)) for shift in (before, after))
        if least < _LEAST_PAN_PX or before @ after <= 0:
            continue
        way = (before + after) / float(np.linalg.norm(before + after))
        if float(np.asarray(steps[frame])[:, 2] @ way) < _HALTING * least:
            steady[frame] = None
    return steady


def _heights(track: Track, path: Sequence[np.ndarray]) -> Float[np.ndarray, " frames"]:
    """Heights of the middles of a track's boxes against the background, downwards, in pixels."""
    middles = centres(track.boxes_px)
    return np.array(
        [path[frame][1] @ (x, y, 1.0) for frame, (x, y) in zip(track.frames, middles, strict=True)]
    )


def falling_frames(track: Track, path: Sequence[np.ndarray]) -> range:
    """The frames in which somebody is well off the board and not yet in the water: most of the farthest way down.

    Before it a railing, and after it the splash, is taken for a second person again and again.

    Args:
        track: Track of somebody.
        path: Map of each frame, from its pixels to those of the first.
    """
    heights = _heights(track, path)
    bottom = int((heights - np.minimum.accumulate(heights)).argmax())
    top = int(heights[: bottom + 1].argmin())
    share = (heights[top : bottom + 1] - heights[top]) / max(heights[bottom] - heights[top], 1e-9)
    above, below = np.flatnonzero(share < _FALL_BEGINS), np.flatnonzero(share > _FALL_ENDS)
    start = top + (int(above[-1]) + 1 if len(above) else 0)
    return range(track.first + start, track.first + top + (int(below[0]) if len(below) else 0) + 1)


def _fall(track: Track, path: Sequence[np.ndarray]) -> float:
    """Farthest way down against the background, in the track's usual box size."""
    heights = _heights(track, path)
    fallen = float((heights - np.minimum.accumulate(heights)).max())
    return fallen / max(float(np.median(long_edges(track.boxes_px))), 1e-9)


def _merit(track: Track, path: Sequence[np.ndarray]) -> float:
    """How much of a diver a track is: it falls, and it is its own motion, in many frames."""
    return (_fall(track, path) + 0.1) * float(np.minimum(track.moving, 10.0).sum())


def _move_in_pairs(views: Sequence[FrameObservation]) -> bool:
    """Whether two people of about the same size and height move side by side, in many of the frames with somebody.

    Needs no tracks, so it holds where a detector sees now one of the two and now the other. The least share is between
    that of 241 real single dives (up to 0.14; 60 simulated ones 0) and that of 30 simulated ones with the diver put in twice
    (0.36 or more), in the frames of the fall.

    Args:
        views: Views of the frames in which the diver falls.
    """
    seen = pairs = 0
    for view in views:
        shown = (view.people.confidence >= _PAIR_CONFIDENCE) & (view.moving >= MOVING)
        boxes = view.people.boxes_px[shown]
        seen += bool(len(boxes))
        pairs += any(_beside(box, other) for box, other in combinations(boxes, 2))
    return pairs >= max(_SECOND_FALLING, _PAIR_SHARE * seen)


def _beside(box: np.ndarray, other: np.ndarray) -> bool:
    sizes = long_edges(np.stack((box, other)))
    below = abs(float((centres(box) - centres(other))[1]))
    alike = sizes.max() < LARGEST_GROWTH * sizes.min() and below < _PAIR_HEIGHTS * sizes.max()
    return bool(alike and box_iou(box, other[None])[0] < _APART_IOU)


def _same(box: np.ndarray | None, other: np.ndarray) -> bool:
    return box is not None and float(box_iou(box, other[None])[0]) > _SAME_IOU


def _apart(track: Track, other: Track) -> bool:
    """Two people rather than one that was found twice: apart in several of their common frames, and often."""
    common = [frame for frame in track.frames if frame in other.frames]
    return len(_apart_in(track, other, common)) >= max(_SECOND_FRAMES, _SECOND_APART * len(common))


def _apart_in(track: Track, other: Track, frames: Iterable[int]) -> set[int]:
    """The frames in which two tracks have boxes apart from each other."""
    return {
        frame
        for frame in frames
        if (mine := track.box(frame)) is not None
        and (others := other.box(frame)) is not None
        and float(box_iou(mine, others[None])[0]) < _APART_IOU
    }


def _falls_beside(other: Track, diver: Track, falling: range, path: Sequence[np.ndarray]) -> bool:
    """Whether somebody goes down with the diver while the two are apart.

    The detector takes a railing for a person; a track that begins there waits until the diver falls past and goes on
    with the diver. Of such a track only the last part falls, and that is the diver's. Tracks that part in the splash are apart in
    up to 0.26 of the frames of a fall (241 real single dives), those of a real pair in 0.59; what waits goes down by up to 0.58
    of the diver's way, the pair's by 1.1.
    """
    common = [frame for frame in falling if frame in diver.frames and frame in other.frames]
    apart = _apart_in(other, diver, common)
    if len(apart) < max(_SECOND_FALLING, _APART_FALLING * len(common)):
        return False
    theirs, divers = (
        sum(
            heights[frame - track.first] - heights[frame - 1 - track.first]
            for frame in apart
            if frame - 1 in apart
        )
        for track, heights in ((track, _heights(track, path)) for track in (other, diver))
    )
    return bool(divers > 0 and _LEAST_WITH < theirs / divers < 1 / _LEAST_WITH)
