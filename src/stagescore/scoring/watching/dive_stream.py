"""What says that a dive has just been seen, in pictures that come one by one.

Source: none. Numbers were set by hand.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from stagescore.diving import LEAST_FRAMES
from stagescore.media.scaling import scaled
from stagescore.pose.motion import EDGE_PX
from stagescore.scoring.events import FlightFinder, FreeFall
from stagescore.scoring.localization import cuts_of
from stagescore.scoring.motion_scan import scan_distinct_motion

_RATE = 15.0
"""Pictures per second that are looked at: half of a usual film's, since looking takes longer than filming otherwise."""
_WINDOW_S, _HOP_S = 8.0, 4.0
"""Seconds that are looked at together, and after which the next look comes: every flight is whole in one of two windows."""
_BEFORE_S, _AFTER_S = 2.5, 1.5
"""Seconds before the take-off and after the contact that belong to a dive."""
_SURE = 0.5
"""Least confidence of a fall (`Flight.confidence`)."""
_APART_S = 1.0
"""Seconds between the contacts of two dives."""


@runtime_checkable
class TimeSpan(Protocol):
    """A dive lies between these times."""

    @property
    def begin_s(self) -> float:
        """Time at which what belongs to the dive begins, in seconds."""

    @property
    def end_s(self) -> float:
        """Time at which what belongs to the dive ends, in seconds."""


@runtime_checkable
class DiveStream(Protocol):
    """Finds dives while pictures come."""

    def feed(
        self, picture: UInt8[np.ndarray, "height width 3"], time_s: float, frame: int
    ) -> Sequence[TimeSpan]:
        """Look at the next picture; gives dives that are over, each once.

        Args:
            picture: RGB picture, of any size, the same for all.
            time_s: Time at which it is shown, in seconds; later than the one before.
            frame: Number of the picture, larger than the one before.
        """


@dataclass(frozen=True, slots=True)
class SeenDive:
    """A dive that was seen.

    Attributes:
        begin_s: Time at which what belongs to the dive begins, in seconds.
        end_s: Time at which what belongs to the dive ends, in seconds.
        contact_s: Time of the first contact with the water, in seconds, roughly.
    """

    begin_s: float
    end_s: float
    contact_s: float


@dataclass(slots=True, eq=False)
class WindowedFalls:
    """Looks at the last seconds every few seconds: whoever falls freely and reaches the water has dived.

    Attributes:
        flights: What finds a fall.
    """

    flights: FlightFinder = field(default_factory=FreeFall)
    _seen: deque[tuple[float, UInt8[np.ndarray, "height width 3"]]] = field(default_factory=deque)
    _looked_s: float | None = None
    _waiting: list[SeenDive] = field(default_factory=list)
    _last_contact_s: float = -np.inf

    def feed(self, picture: UInt8[np.ndarray, "height width 3"], time_s: float, frame: int) -> list[SeenDive]:
        """See `DiveStream`."""
        if self._looked_s is None:
            self._looked_s = time_s
        # A little less than the usual time between pictures, so that no rounding drops every third one.
        if not self._seen or time_s >= self._seen[-1][0] + 0.9 / _RATE:
            scale = min(EDGE_PX / max(picture.shape[:2]), 1.0)
            size_px = max(round(picture.shape[1] * scale), 8), max(round(picture.shape[0] * scale), 8)
            self._seen.append((time_s, scaled(picture, size_px)))
            while self._seen[0][0] < time_s - _WINDOW_S:
                self._seen.popleft()
        if time_s >= self._looked_s + _HOP_S:
            self._looked_s = time_s
            self._look()
        over = [dive for dive in self._waiting if dive.end_s <= time_s]
        self._waiting = [dive for dive in self._waiting if dive.end_s > time_s]
        return over

    def _look(self) -> None:
        """Look for falls in each shot of the last seconds."""
        times, window = [one for one, _ in self._seen], [one for _, one in self._seen]
        if len(window) < LEAST_FRAMES:
            return
        scan = scan_distinct_motion(lambda frames: [window[frame] for frame in frames], len(window))
        for first, last in pairwise([0, *cuts_of(scan), scan.num_frames]):
            shot = scan.part(first, last)
            heights = shot.heights_of_motion() if shot.num_frames >= LEAST_FRAMES else None
            flight = None if heights is None else self.flights.find(heights, shot.num_frames)
            if flight is None or flight.ends_in_air or flight.starts_in_air or flight.confidence < _SURE:
                continue
            contact_s = times[min(first + flight.stop, last - 1)]
            if contact_s < self._last_contact_s + _APART_S:
                continue
            self._last_contact_s = contact_s
            begin_s = max(times[first + flight.first] - _BEFORE_S, times[first])
            # The last shot may go on.
            end_s = contact_s + _AFTER_S
            self._waiting.append(
                SeenDive(begin_s, min(end_s, times[last - 1]) if last < len(times) else end_s, contact_s)
            )
