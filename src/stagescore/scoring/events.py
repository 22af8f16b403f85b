"""When the diver leaves the board and when the water is touched, from the path of the body.

A body in free fall follows a parabola, wherever the camera looks and however fast the film is (its scale and its
frames per second need not be known). The flight is the piece of the path that one parabola explains: the body
leaves it when the feet touch the board and when the water slows it down.
Source: none. The constants were chosen on simulated dives; docs/log.md tells on which, and what was seen of real clips.
"""

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from stagescore.scoring.motion_scan import HeightCurve
from stagescore.scoring.result_parts import EventResult, Events

LEAST_FALL = 1.5
"""Body sizes that somebody must fall to be a diver. Chosen on simulated dives, as all of these unless they say otherwise."""
_MISFIT = 0.15
"""Tolerance of the parabola, in body sizes, where the piece of the path is chosen; twice as much leaves no confidence."""
_AIRBORNE_MISFIT = 0.15
"""Body sizes off the parabola before the take-off. On simulated dives 0.10 to 0.20 were nearly alike; it was the best on four
real clips (docs/log.md, 26 November 2026)."""
_CONTACT_MISFIT = 0.6
"""Body sizes off the parabola after the water contact."""
_STRAY_SHARE, _LEAST_STRAY = 0.09, 3
"""Share of the flight, and frames, from which on a path that leaves the parabola has left it for good."""
_REACH = 0.6
"""Body sizes that the centre of mass falls from the first touch of the water until it is seen to be slowed down. Measured on 24
simulated dives (docs/log.md, 26 November 2026)."""
_INNER = 0.2
"""Share of the piece that is left out, half of it at either end, when the parabola is fitted again."""
_SHORTEST = 6
"""Frames of the shortest piece."""
_LATEST_APEX = 0.6
"""Share of the piece by which the highest point must have come."""
_EARLIEST_APEX = 0.12
"""Share of the frames until the contact: where a clip starts in the air and the highest point lies earlier, there is no take-off."""
_END_FRAMES = 3
"""Frames before the end of the clip: a flight that lasts until then ends in the air."""
_JUST_BEGUN = 0.07
"""Share of the flight: a clip that is cut off in the air has no take-off either if it begins so shortly before. Asked
of any clip it cost two of 24 simulated dives their first event (docs/log.md, 26 November 2026)."""
_MOST_ROWS = 240
"""Heights that the search looks at, every other one of longer paths and so on: its time grows with their square. Set by hand."""
_SURE_FALL = 4.0
"""Body sizes of a fall from which its length takes nothing off the confidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """Where somebody is in free fall.

    Attributes:
        first: First airborne frame.
        stop: First frame that touches the water, or the one after the last seen.
        apex: Frame of the highest point; it may lie before `first`.
        misfit: Root mean square distance from the parabola, in body sizes.
        fallen: How far the body falls from the highest point on, in body sizes.
        gravity: Acceleration of the fall, in body sizes per squared frame.
        starts_in_air: Whether the body is in the air in the clip's first frames.
        no_takeoff: Whether the clip surely starts some frames after the take-off: by what a network sees, or because the highest
            point is near or past.
        ends_in_air: Whether the clip ends before the entry.
        seen: How sure a network is of a flight that only it has seen, where the path of the body shows none: of the end that the clip
            shows, 0 to 1. Misfit, fall and gravity
            are 0 then, and the highest point is not known. None of a flight that the path of the body shows.
    """

    first: int
    stop: int
    apex: float
    misfit: float
    fallen: float
    gravity: float
    starts_in_air: bool
    no_takeoff: bool
    ends_in_air: bool
    seen: float | None = None

    @property
    def num_frames(self) -> int:
        """Frames in the air."""
        return self.stop - self.first

    @property
    def confidence(self) -> float:
        """How much the path looks like a fall, 0 to 1: how well it fits, and how far it goes; or what a network says."""
        if self.seen is not None:
            return self.seen
        return float(np.clip(1 - self.misfit / (2 * _MISFIT), 0, 1) * min(self.fallen / _SURE_FALL, 1.0))

    def earlier(self, frames: int) -> "Flight":
        """The same flight in a clip that begins so many frames later."""
        return replace(self, first=self.first - frames, stop=self.stop - frames, apex=self.apex - frames)

    def events(self) -> Events:
        """The two events; None where the clip does not show them."""
        sure = round(self.confidence, 4)
        return Events(
            first_airborne_frame=None
            if self.starts_in_air
            else EventResult(frame=self.first, confidence=sure),
            first_water_contact_frame=None
            if self.ends_in_air
            else EventResult(frame=self.stop, confidence=sure),
        )


@runtime_checkable
class FlightFinder(Protocol):
    """Finds the flight in the heights of somebody."""

    def find(self, curve: HeightCurve, num_frames: int) -> Flight | None:
        """The flight; None where nobody falls.

        Args:
            curve: Heights of somebody's body against the background.
            num_frames: Number of frames of the clip.
        """


class FreeFall:
    """The flight as the piece of the curve that one parabola explains best."""

    def find(self, curve: HeightCurve, num_frames: int) -> Flight | None:
        """See `FlightFinder`."""
        stride = -(-len(curve.heights) // _MOST_ROWS)
        found = _longest_parabola(curve.heights[::stride])
        if found is None:
            return None
        first, last = found[0] * stride, min(found[1] * stride, len(curve.heights) - 1)
        frames = np.arange(len(curve.heights))
        trimmed = int(_INNER * (last - first + 1) / 2)
        inner = slice(first + trimmed, last + 1 - trimmed)
        parabola = np.polyfit(frames[inner], curve.heights[inner], 2)
        off = np.abs(np.polyval(parabola, frames) - curve.heights)
        if parabola[0] <= 0:
            return None
        middle = (first + last) // 2
        stray = max(_LEAST_STRAY, round(_STRAY_SHARE * (last + 1 - first)))
        first = middle - _until_off(off[:middle][::-1] >= _AIRBORNE_MISFIT, stray)
        stop = middle + _until_off(off[middle:] >= _CONTACT_MISFIT, stray)
        apex = -parabola[1] / (2 * parabola[0])
        if stop < len(off):
            speed = 2 * parabola[0] * max(stop - apex, 1.0)
            stop = max(stop - round(_REACH / speed), middle + 1)
        fallen = float(parabola[0] * (stop - 1 - max(apex, first)) ** 2)
        if fallen < LEAST_FALL:
            return None
        ends_in_air = curve.first + stop >= num_frames - _END_FRAMES
        begun = _JUST_BEGUN * (stop - first) if ends_in_air else 0
        starts_in_air = curve.first + first <= begun
        return Flight(
            first=curve.first + first,
            stop=curve.first + stop,
            apex=curve.first + float(apex),
            misfit=float(np.sqrt(np.mean(off[inner] ** 2))),
            fallen=fallen,
            gravity=float(2 * parabola[0]),
            starts_in_air=starts_in_air,
            no_takeoff=starts_in_air and bool(apex < _EARLIEST_APEX * stop),
            ends_in_air=ends_in_air,
        )


def _until_off(off: Bool[np.ndarray, " frames"], stray: int) -> int:
    """Frames until the path has left the parabola for at least so many in a row, or for good."""
    run = 0
    for frame, is_off in enumerate(off.tolist()):
        run = run + 1 if is_off else 0
        if run == stray:
            return frame + 1 - run
    return len(off) - run


def _longest_parabola(heights: Float[np.ndarray, " frames"]) -> tuple[int, int] | None:
    """First and last frame of the piece for which `frames - sum of squares / tolerance^2` is largest.

    Only pieces count that curve downwards, whose highest point lies early, and that fall far enough.
    """
    best: tuple[float, int, int] | None = None
    for first in range(len(heights) - _SHORTEST + 1):
        x = np.arange(len(heights) - first, dtype=float)
        y = heights[first:] - heights[first]
        powers = [np.cumsum(x**k) for k in range(5)]
        moments = np.stack([np.cumsum(y * x**k) for k in range(3)], -1)[_SHORTEST - 1 :]
        normal = np.empty((len(moments), 3, 3))
        for i, j in combinations_with_replacement(range(3), 2):
            normal[:, i, j] = normal[:, j, i] = powers[i + j][_SHORTEST - 1 :]
        curves = np.linalg.solve(normal, moments[..., None])[..., 0]
        squares = np.cumsum(y * y)[_SHORTEST - 1 :] - (curves * moments).sum(-1)
        last = x[_SHORTEST - 1 :]
        bend = np.maximum(curves[:, 2], 1e-12)
        apex = -curves[:, 1] / (2 * bend)
        falls = (curves[:, 2] > 0) & (apex < _LATEST_APEX * last)
        falls &= bend * (last - np.maximum(apex, 0)) ** 2 > LEAST_FALL
        merit = np.where(falls, last + 1 - squares / _MISFIT**2, -np.inf)
        end = int(merit.argmax())
        if np.isfinite(merit[end]) and (best is None or merit[end] > best[0]):
            best = float(merit[end]), first, first + _SHORTEST - 1 + end
    return None if best is None else best[1:]
