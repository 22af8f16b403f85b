"""When frames are shown: from time stamps that may be missing, rounded or damaged to seconds.

Source: none needed; the rules are in the comments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from stagescore.media.info import DEFAULT_FRAME_RATE

# Set by hand: a rate outside of these, in frames per second, is not believed.
_MIN_RATE, _MAX_RATE = 0.01, 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a file says of its pictures' times as a whole.

    Attributes:
        base: Seconds per unit of the stamps; None if the file does not say.
        rate: Frames per second; None if the file does not say.
        start: Stamp of the beginning; None if the file does not say.
        duration: Duration in units of the stamps; None if the file does not say.
    """

    base: Fraction | None = None
    rate: Fraction | None = None
    start: int | None = None
    duration: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """Times of decoded frames.

    Attributes:
        times_s: Time of each frame, in seconds of the file, non-decreasing.
        frame_rate: Average frames per second; None for a single frame of unknown rate.
        variable_rate: Whether the distances between frames differ by more than rounding.
        duration_s: Time from the first frame until the end of the last one, in seconds of the file.
        num_missing: Number of frames that would fit into the gaps of an otherwise constant rate and before the declared
            end.
        problems: Sentences that are evidence of damage.
        notes: Sentences for the user that are no evidence of damage.
    """

    times_s: Float[np.ndarray, " frames"]
    frame_rate: float | None
    variable_rate: bool
    duration_s: float
    num_missing: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def timeline_of(
    pts: Sequence[int | None],
    dts: Sequence[int | None],
    declared: Declared,
    *,
    prefer_dts: bool,
    accounts_for_gaps: bool,
) -> Timeline:
    """Make seconds of time stamps.

    Args:
        pts: Presentation stamp of each frame, in the order of decoding; None where it is missing.
        dts: Stamp of the packet that each frame came from; None where it is missing.
        declared: Time base, rate and duration as the file says.
        prefer_dts: Whether packet stamps count first, since presentation stamps are guesses of FFmpeg's (AVI has none).
        accounts_for_gaps: Whether another check has shown that no frame is missing, so that gaps are the film's own.
    """
    declared_rate = _sane(declared.rate)
    base = float(declared.base or 0) or 1 / DEFAULT_FRAME_RATE
    problems, notes = [], []
    stamps = _complete(dts if prefer_dts else pts)
    if stamps is None:
        stamps = _complete(pts if prefer_dts else dts)
    if stamps is None:
        rate = declared_rate or DEFAULT_FRAME_RATE
        notes.append(
            f"The file does not say when its frames are shown; {rate:g} frames per second are assumed."
        )
        times_s = np.arange(len(pts), dtype=np.float64) / rate
        base = 1e-6
    else:
        times_s = stamps * base
    if np.any(np.diff(times_s) < 0):
        problems.append("the times of its frames go backwards")
        times_s = np.maximum.accumulate(times_s)
    steps_s = np.diff(times_s)
    step_s = float(np.median(steps_s)) if len(steps_s) else 0.0
    step_s = step_s or (1 / declared_rate if declared_rate else 1 / DEFAULT_FRAME_RATE)
    # Time stamps are rounded to the time base (milliseconds in mkv, hundredths in gif).
    even = np.abs(steps_s - step_s) <= max(1.5 * base, 0.1 * step_s)
    span_s = float(times_s[-1] - times_s[0])
    average_step_s = span_s / len(steps_s) if span_s > 0 else step_s
    num_missing = 0
    if len(steps_s) >= 4 and even.mean() >= 0.9:
        gaps = steps_s[steps_s > 1.9 * step_s]
        num_missing = int(np.sum(np.rint(gaps / step_s) - 1))
        if num_missing and not accounts_for_gaps:
            problems.append(f"there are gaps in the times of its frames, {num_missing} frames long")
    num_missing += _num_after_end(times_s, step_s, declared, base)
    measured_rate = 1 / average_step_s if len(steps_s) and span_s > 0 else None
    if measured_rate is not None and not _MIN_RATE <= measured_rate <= _MAX_RATE:
        problems.append(f"the times of its frames amount to {measured_rate:.2g} frames per second")
        measured_rate = None
    # The declared rate is exact (30000/1001) where the measured one suffers from rounding.
    agrees = declared_rate and measured_rate and abs(declared_rate / measured_rate - 1) < 0.01
    last_step_s = step_s if even.all() else average_step_s
    return Timeline(
        times_s=times_s,
        frame_rate=declared_rate if agrees or measured_rate is None else measured_rate,
        variable_rate=not bool(even.all()),
        duration_s=span_s + last_step_s,
        num_missing=num_missing,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _sane(rate: Fraction | None) -> float | None:
    return float(rate) if rate is not None and _MIN_RATE <= rate <= _MAX_RATE else None


def _complete(stamps: Sequence[int | None]) -> Float[np.ndarray, " frames"] | None:
    """As numbers, a few missing ones filled in between their neighbours; None if most are missing."""
    known = np.array([stamp is not None for stamp in stamps])
    if 2 * known.sum() <= len(known):
        return None
    values = np.array([0 if stamp is None else stamp for stamp in stamps], dtype=np.float64)
    if known.all():
        return values
    where = np.flatnonzero(known)
    filled = np.interp(np.arange(len(values)), where, values[where])
    step = float(np.median(np.diff(values[where]) / np.diff(where))) if len(where) > 1 else 0.0
    filled[: where[0]] = values[where[0]] - step * np.arange(where[0], 0, -1)
    after = len(values) - 1 - where[-1]
    filled[where[-1] + 1 :] = values[where[-1]] + step * np.arange(1, after + 1)
    return filled


def _num_after_end(
    times_s: Float[np.ndarray, " frames"], step_s: float, declared: Declared, base: float
) -> int:
    """Frames that the declared duration of the track has room for after the last one."""
    if not declared.duration:
        return 0
    start_s = (declared.start or 0) * base
    rest_s = start_s + declared.duration * base - float(times_s[-1]) - step_s
    return max(0, int(np.rint(rest_s / step_s))) if rest_s > 1.5 * step_s else 0
