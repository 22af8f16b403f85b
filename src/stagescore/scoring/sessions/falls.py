"""Bodies that fall, in a stream of small pictures: the cheap look at hours of film.

About a dozen pictures a second are compared as in `pose.motion`. A moving part that goes down against the background in
several steps is followed backwards and forwards, and its heights are given to the finder of flights that `score` uses.

What tells a fall from all else that goes down needs no scale: gravity is 9.81 m/s2, so a body of usual size falls so many of its own
lengths per squared second, whoever films it from wherever; and from a board the fall lasts about a second. A replay in
slow motion fails both.

A camera that follows a diver down the whole way keeps the diver in the middle, and pans so fast that little else is told apart; but then
it falls itself. So the middle of the picture is followed like a body, with the background for its heights.
Source: none.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.pose.boxes import Detections, centres, long_edges
from stagescore.pose.motion import FrameMotion, MotionBetween, PartsThatCount, background_step
from stagescore.pose.tracking import FrameObservation, camera_path
from stagescore.scoring.events import FlightFinder, FreeFall
from stagescore.scoring.motion_scan import HeightCurve

RATE = 12.5
"""Pictures per second of the event that are compared: every other one of a film of 25 a second. Set by hand."""
GRID = 25.0
"""Heights per second that the finder of flights gets, which are interpolated: its constants are of films of this rate."""
WINDOW_S = 5.0
"""Seconds that are looked back over. Set by hand: a flight takes two at most, and the start is seen before it."""
_SETTLES_S = 0.9
"""Seconds after the last step down until a fall is looked at: the water must have slowed the body down. Set by hand."""
_LONGEST_WAIT_S = 2.6
"""Seconds after the first step down until a fall is looked at all the same. Set by hand: people who walk downstairs never settle."""
_STEP_DOWN = 0.1
"""Lengths of a moving part that it goes down from a picture to the next, at least. At its end a fall does about half a length. Set by hand."""
_STEPS, _ALL_STEPS = 3, 0.8
"""Steps down one after another, and lengths of all together, from which on a moving part is followed. Set by hand."""
_MOST_MISSES = 2
"""Steps one after another that may be none down, in between. Set by hand."""
_LINK, _LINK_GROWTH = 0.8, 2.5
"""Lengths between a moving part and where the one before was going, and factor by which lengths may differ, at most. Set by hand."""
_LINK_NEW = 1.3
"""The same for one of which it is not known where it was going. Set by hand."""
_MOST_LAG, _LAG_COST = 3, 0.3
"""Pictures back in which the part before is looked for, and lengths that each picture without it counts. Set by hand."""
_STEADINESS = 0.5
"""Weight of the last step in the velocity of a part, as in `pose.tracking`."""
_PARTS = PartsThatCount(most=8, reach=0.01, share=3.0, change=4.0, area=0.0004)
"""Moving parts that are followed. Set by hand: swimmers and splashes are larger than a diver who is far away, and more pale; with
a wider reach divers are one with who walks behind them. With the thresholds for divers who fill much of the picture a whole session of four
dives before stands of their colour was missed."""
_SAME_S = 0.7
"""Seconds between two water contacts up to which they are one dive, or a pair's. Set by hand."""
_LEAST_WAY = 4
"""Pictures in which a moving part must be seen. Set by hand."""
_STOOD = 8
"""Heights for which a body is taken to have stood before it is seen to move. Set by hand: a third of a second."""
_AIM_SHARE = 1 / 3
"""Size of the body that a camera follows, as a share of the picture's height: in films of competitions a third to a half (`confirming`)."""
_MOST_WAYS = 6
"""Ways of moving parts that are looked at at once. Set by hand: it bounds the time of a look at a busy pool."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fall:
    """Somebody who falls.

    Attributes:
        takeoff_s: Time of the take-off, in the seconds that were given.
        contact_s: Time of the water contact, in the seconds that were given.
        fallen: How far the body falls from the highest point on, in body sizes.
        gravity: Acceleration of the fall, in body sizes per squared second.
        fit: How well a parabola fits, 0 to 1 (`Flight.confidence`).
        times_s: Times at which the body was followed.
        centres_px: Middle of the body at each of them, in pixels of the pictures.
        size_px: Usual longer edge of the body's box, in pixels of the pictures.
        complete: Whether both ends of the flight are seen.
        of_camera: Whether it is the camera that falls, as one does that follows a body.
    """

    takeoff_s: float
    contact_s: float
    fallen: float
    gravity: float
    fit: float
    times_s: Float[np.ndarray, " steps"]
    centres_px: Float[np.ndarray, "steps 2"]
    size_px: float
    complete: bool
    of_camera: bool = False

    @property
    def duration_s(self) -> float:
        """Seconds in the air."""
        return self.contact_s - self.takeoff_s

    def delayed(self, seconds: float) -> "Fall":
        """The same fall so many seconds later."""
        return replace(
            self,
            takeoff_s=self.takeoff_s + seconds,
            contact_s=self.contact_s + seconds,
            times_s=self.times_s + seconds,
        )


@dataclass(frozen=True, slots=True)
class PlausibleFall:
    """What a fall from a board is like.

    Attributes:
        duration_s: Shortest and longest time in the air, in seconds.
        gravity: Least and largest acceleration, in body sizes per squared second.
        fallen: Least fall, in body sizes.
        fit: Least fit.
        complete: Whether both ends must be seen.
    """

    duration_s: tuple[float, float] = (0.6, 2.5)
    gravity: tuple[float, float] = (3.0, 25.0)
    fallen: float = 1.5
    fit: float = 0.3
    complete: bool = True

    def holds(self, fall: Fall) -> bool:
        """Whether it may be a dive."""
        return (
            self.duration_s[0] <= fall.duration_s <= self.duration_s[1]
            and self.gravity[0] <= fall.gravity <= self.gravity[1]
            and fall.fallen >= self.fallen
            and fall.fit >= self.fit
            and (fall.complete or not self.complete)
        )


@dataclass(slots=True, eq=False)
class _Part:
    """A moving part of a picture, and the one that it was before.

    Attributes:
        serial: Number of the picture.
        time_s: Time of the picture, in seconds.
        middle_px: Middle of its box, in pixels.
        size_px: Longer edge of its box, in pixels.
        velocity: Pixels per second; None where nothing came before.
        before: Part that this one was in an earlier picture; None where there is none, or that is long ago.
        steps: Number of steps down until now, with few between that are none.
        way: How far it went in these steps, in its lengths.
        misses: Number of steps since the last one down.
        is_aim: Whether it is no moving part but the middle of the picture.
    """

    serial: int
    time_s: float
    middle_px: Float[np.ndarray, "2"]
    size_px: float
    velocity: Float[np.ndarray, "2"] | None = None
    before: "_Part | None" = None
    steps: int = 0
    way: float = 0.0
    misses: int = 0
    is_aim: bool = False

    @property
    def falls(self) -> bool:
        """Whether it has gone down for long enough to be followed."""
        return self.steps >= _STEPS and self.way >= _ALL_STEPS and not self.misses

    def count_steps(self, before: "_Part", step: Float[np.ndarray, "3 3"]) -> None:
        """Go on counting steps down from what the part was before; the step takes pixels of that picture to those of this one."""
        there_px = float(step[1] @ (*before.middle_px, 1.0))
        down = (float(self.middle_px[1]) - there_px) / min(self.size_px, before.size_px)
        if down >= _STEP_DOWN * (self.serial - before.serial):
            self.steps, self.way = before.steps + 1, before.way + down
        elif before.misses < _MOST_MISSES:
            # Where the camera moves fast, a step of the background may be wrong or unknown.
            self.steps, self.way, self.misses = before.steps, before.way, before.misses + 1


@dataclass(frozen=True, slots=True, eq=False)
class _SeenParts:
    """What moves in a picture."""

    view: FrameObservation
    parts: tuple[_Part, ...]


class FallStream:
    """Finds falls while pictures come.

    Args:
        flights: What finds a flight in heights; by default a piece of a parabola.
    """

    def __init__(self, flights: FlightFinder | None = None) -> None:
        self.flights = FreeFall() if flights is None else flights
        self._motions = MotionBetween(_PARTS)
        self._grey: UInt8[np.ndarray, "h w"] | None = None
        self._time_s = -np.inf
        self._seen: deque[_SeenParts] = deque()
        self._times: deque[float] = deque()
        self._first_down_s: float | None = None
        self._last_down_s = 0.0
        self._told: deque[Fall] = deque(maxlen=16)
        self._serial = 0
        self._steps: deque[Float[np.ndarray, "3 3"]] = deque(maxlen=_MOST_LAG)
        self._aim: _Part | None = None

    def feed(self, picture: UInt8[np.ndarray, "height width 3"], time_s: float) -> list[Fall]:
        """Look at the next picture; those that come sooner than needed are passed over.

        Args:
            picture: RGB picture whose longer edge is about 320 pixels, of the same size as all others.
            time_s: Time at which it was taken, in seconds of the event itself.

        Returns:
            Falls that have become sure to be over, each once.
        """
        if time_s < self._time_s + 0.95 / RATE:
            return []
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        step = None if self._grey is None else background_step(self._grey, grey)
        motion = self._motions.feed(grey, 1.0, step)
        before, self._grey, self._time_s = self._time_s, grey, time_s
        if motion is not None:
            self._note(motion, before)
        due = self._first_down_s is not None and (
            time_s > self._last_down_s + _SETTLES_S or time_s > self._first_down_s + _LONGEST_WAIT_S
        )
        return self._look() if due else []

    def finish(self) -> list[Fall]:
        """Falls that are not over when the film ends."""
        motion = self._motions.finish()
        if motion is not None:
            self._note(motion, self._time_s)
        return self._look() if self._first_down_s is not None else []

    def _note(self, motion: FrameMotion, time_s: float) -> None:
        """Keep what moves, and see what goes down."""
        # From picture to picture only: over minutes the zooms of steps that are a little wrong multiply to anything.
        self._steps.appendleft(
            np.eye(3) if motion.camera is None else np.concatenate((motion.camera, ((0.0, 0.0, 1.0),)))
        )
        boxes = motion.blobs_px
        parts = [
            _Part(self._serial, time_s, middle, float(size))
            for middle, size in zip(centres(boxes), long_edges(boxes), strict=True)
        ]
        for part in parts:
            self._link(part)
        if self._grey is not None:
            parts.append(self._aimed(time_s, *self._grey.shape))
        # The change of the whole picture is large, and nobody asks for it any more.
        slim = replace(motion, share=np.zeros((1, 1), np.float32))
        nobody = Detections(np.zeros((0, 4)), np.zeros(0))
        self._seen.append(_SeenParts(FrameObservation(nobody, np.zeros(0), slim), tuple(parts)))
        self._times.append(time_s)
        self._serial += 1
        while self._times[0] < time_s - WINDOW_S:
            self._times.popleft()
            for part in self._seen.popleft().parts:
                part.before = None  # else all that ever moved would stay in memory
        if any(part.falls for part in parts):
            self._first_down_s = time_s if self._first_down_s is None else self._first_down_s
            self._last_down_s = time_s

    def _aimed(self, time_s: float, height_px: int, width_px: int) -> _Part:
        """The middle of the picture, at which a camera holds whom it follows."""
        middle = np.array((width_px / 2, height_px / 2))
        aim = _Part(
            self._serial,
            time_s,
            middle,
            _AIM_SHARE * height_px,
            before=self._aim,
            is_aim=True,
        )
        if aim.before is not None:
            aim.count_steps(aim.before, self._steps[0])
        self._aim = aim
        return aim

    def _link(self, part: _Part) -> None:
        """Find where a moving part was before."""
        best, least = None, np.inf
        for lag in range(1, min(_MOST_LAG, len(self._seen)) + 1):
            for other in self._seen[-lag].parts:
                if other.is_aim:
                    continue
                size = max(part.size_px, other.size_px)
                if size > _LINK_GROWTH * min(part.size_px, other.size_px):
                    continue
                seconds = part.time_s - other.time_s
                if other.velocity is None:
                    away = float(np.linalg.norm(part.middle_px - other.middle_px)) / size * _LINK / _LINK_NEW
                else:
                    there = other.middle_px + other.velocity * seconds
                    away = float(np.linalg.norm(part.middle_px - there)) / size
                cost = away + _LAG_COST * (lag - 1)
                if away < _LINK and cost < least:
                    best, least = other, cost
        if best is None:
            return
        part.before = best
        pace = (part.middle_px - best.middle_px) / (part.time_s - best.time_s)
        part.velocity = (
            pace if best.velocity is None else best.velocity + _STEADINESS * (pace - best.velocity)
        )
        step = np.eye(3)
        for earlier in list(self._steps)[: part.serial - best.serial]:
            step = step @ earlier
        part.count_steps(best, step)

    def _look(self) -> list[Fall]:
        """Follow what went down, and tell which of it falls."""
        begin = self._first_down_s if self._first_down_s is not None else -np.inf
        self._first_down_s = None
        parts = [part for seen in self._seen for part in seen.parts]
        earlier = {id(part.before) for part in parts}
        ways = [_way_to(part) for part in parts if id(part) not in earlier]
        falling = [
            (max(part.way for part in way), way)
            for way in ways
            if any(part.falls and part.time_s >= begin for part in way)
        ]
        path = camera_path([seen.view for seen in self._seen])
        falls: list[Fall] = []
        # That of the camera comes last, and always: parts that it passes seem to go farther.
        ordered = sorted(falling, key=lambda one: -one[0])
        bodies = [one for one in ordered if not one[1][-1].is_aim][:_MOST_WAYS]
        for _, way in (*bodies, *(one for one in ordered if one[1][-1].is_aim)):
            fall = self._fall_of(way, path)
            if fall is not None and not any(self._is_same(fall, other) for other in (*self._told, *falls)):
                falls.append(fall)
        self._told.extend(falls)
        return falls

    def _fall_of(self, way: Sequence[_Part], path: Sequence[Float[np.ndarray, "3 3"]]) -> Fall | None:
        """The flight in the way of a part, with heights evenly spread over time."""
        first = self._serial - len(self._seen)
        way = [part for part in way if part.serial >= first]
        when = np.array([part.time_s for part in way])
        if len(way) < _LEAST_WAY:
            return None
        heights = np.array([path[part.serial - first][1] @ (*part.middle_px, 1.0) for part in way])
        size = max(float(np.median([part.size_px for part in way])), 1.0)
        grid = np.arange(when[0], when[-1] + 0.5 / GRID, 1 / GRID)
        # Who stands still is not seen to move: before, the body was where it is seen first.
        stood = _STOOD if way[0].serial > first + 1 else 0
        curve = HeightCurve(0, np.interp(grid, when, heights / size))
        curve = replace(curve, heights=np.concatenate((np.full(stood, curve.heights[0]), curve.heights)))
        flight = self.flights.find(curve, len(curve.heights))
        if flight is None:
            return None
        begin_s = float(when[0]) - stood / GRID
        return Fall(
            takeoff_s=begin_s + flight.first / GRID,
            contact_s=begin_s + flight.stop / GRID,
            fallen=flight.fallen,
            gravity=flight.gravity * GRID**2,
            fit=flight.confidence,
            times_s=when,
            centres_px=np.stack([part.middle_px for part in way]),
            size_px=size,
            complete=not (flight.starts_in_air or flight.ends_in_air),
            of_camera=way[-1].is_aim,
        )

    @staticmethod
    def _is_same(fall: Fall, other: Fall) -> bool:
        if fall.of_camera != other.of_camera:
            return False
        near = abs(fall.contact_s - other.contact_s) < _SAME_S
        return near or (fall.takeoff_s < other.contact_s and other.takeoff_s < fall.contact_s)


def _way_to(part: _Part) -> list[_Part]:
    """A part and all that it was before, in the order of time."""
    way = [part]
    while way[-1].before is not None:
        way.append(way[-1].before)
    return way[::-1]
