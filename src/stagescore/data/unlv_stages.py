"""From UNLV-Dive's hand-marked stages to FineDiving's, which are the stages everywhere in this package.

Both label the same dives and mean different frames. UNLV-Dive marks where the jump, the drop, the entry and the ending
begin; its entry begins when the body comes out of its shape. FineDiving's flight is 1.15 times as long (median).

FineDiving's clips are cut elsewhere, so a dive labelled in both says how long its flight is and not where: the shift
of each dive is unknown. The length is a linear function of the three lengths between the hand marks, fitted by
`fit_flight_map`. The place is an assumption: flight begins where the jump is marked, and what FineDiving's flight is
longer comes after the marked entry. FineDiving's entry begins 3 frames before the first touch of the water in the one
dive whose film and labels are both known to us; the marked entry begins some 8 frames before it (10 before the
marked ending, which is mostly 1 to 4 frames after the touch).
Source: ours, fitted to 229 dives that both label, none of them of a sealed athlete (`protocols`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.types import Dive

NUM_MARKS = 4
CONTACT_BEFORE_ENDING = 2
"""Frames from the first touch of the water to the marked ending: median over 40 films whose events were marked by eye
(standard deviation 1.5); the marked jump is the first airborne frame (0, 0.9)."""
# Set by hand: rounds of least squares, frames from which on a dive weighs less, and dives for a fit of four numbers.
_ROUNDS = 50
_ORDINARY_MISS = 2.0
_FEWEST_DIVES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightMap:
    """Frames of FineDiving's flight as a linear function of the hand marks.

    Attributes:
        constant: Number of frames that every flight has.
        per_jump: Weight of the frames from the jump to the drop.
        per_drop: Weight of the frames from the drop to the entry.
        per_entry: Weight of the frames from the entry to the ending.
    """

    constant: float
    per_jump: float
    per_drop: float
    per_entry: float

    def flight_frames(self, marks: Sequence[int]) -> float:
        """Length of FineDiving's flight of a dive with these hand marks."""
        lengths = [after - before for before, after in pairwise(marks)]
        weights = (self.per_jump, self.per_drop, self.per_entry)
        return self.constant + sum(w * length for w, length in zip(weights, lengths, strict=True))


FITTED = FlightMap(constant=13.26, per_jump=0.70, per_drop=0.57, per_entry=0.42)
"""As `fit_flight_map` gives it, rounded; `stagescore data stages` fits it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageAgreement:
    """How well flights agree that are labelled in two ways, each pair moved to where it fits best.

    Attributes:
        num_dives: Dives that are labelled in both ways.
        length_ratio: Median of FineDiving's flight length divided by the other one.
        aiou50: Percent of the dives whose intersection over union is 0.5 or more.
        aiou75: Percent of the dives whose intersection over union is 0.75 or more.
        mean_iou: Mean intersection over union, 0 to 1.
    """

    num_dives: int
    length_ratio: float
    aiou50: float
    aiou75: float
    mean_iou: float


def marks_problem(marks: Sequence[int]) -> str | None:
    """Why hand marks cannot be used, or None."""
    if len(marks) != NUM_MARKS:
        return f"{len(marks)} hand marks instead of {NUM_MARKS}"
    if any(before >= after for before, after in pairwise(marks)):
        return f"the hand marks do not increase: {list(marks)}"
    return f"the jump is marked at frame {marks[0]}, without a take-off before" if marks[0] < 1 else None


def hand_transitions(marks: Sequence[int]) -> tuple[int, int] | None:
    """The hand-marked flight, from jump to entry, as transitions; None for marks that cannot be used.

    >>> hand_transitions((20, 29, 59, 68))
    (19, 58)
    """
    return None if marks_problem(marks) else (marks[0] - 1, marks[2] - 1)


def marked_flight(marks: Sequence[int]) -> tuple[int, int] | None:
    """First airborne frame and first frame of water contact, as hand marks tell; None for marks that cannot be used.

    >>> marked_flight((20, 29, 59, 68))
    (20, 66)
    """
    if marks_problem(marks) or marks[3] - CONTACT_BEFORE_ENDING <= marks[0]:
        return None
    return marks[0], marks[3] - CONTACT_BEFORE_ENDING


def finediving_transitions(marks: Sequence[int], flight_map: FlightMap = FITTED) -> tuple[int, int] | None:
    """Hand marks as FineDiving's transitions; None for marks that cannot be used.

    >>> finediving_transitions((20, 29, 59, 68))
    (19, 59)
    """
    if marks_problem(marks):
        return None
    takeoff = marks[0] - 1
    return takeoff, takeoff + max(round(flight_map.flight_frames(marks)), 1)


def fit_flight_map(marks: Sequence[Sequence[int]], flight_frames: Sequence[float]) -> FlightMap:
    """Fit the map; dives that are off by more than two frames weigh less (Huber, by repeated least squares).

    Args:
        marks: Hand marks of each dive that FineDiving labels too.
        flight_frames: FineDiving's flight length of the same dives.

    Raises:
        DataError: Too few dives.
    """
    if len(marks) < _FEWEST_DIVES or len(marks) != len(flight_frames):
        raise DataError(
            f"{len(marks)} dives with hand marks, {len(flight_frames)} with FineDiving's flight",
            todo=f"give {_FEWEST_DIVES} or more that have both",
        )
    lengths = np.diff(np.array(marks, dtype=np.float64), axis=1)
    inputs, wanted = np.c_[np.ones(len(lengths)), lengths], np.array(flight_frames, dtype=np.float64)
    weights = np.ones(len(wanted))
    solution = np.zeros(inputs.shape[1])
    for _ in range(_ROUNDS):
        solution = np.linalg.lstsq(inputs * weights[:, None], wanted * weights, rcond=None)[0]
        misses = np.abs(wanted - inputs @ solution)
        weights = 1 / np.sqrt(np.maximum(misses / _ORDINARY_MISS, 1))
    constant, per_jump, per_drop, per_entry = solution.tolist()
    return FlightMap(constant=constant, per_jump=per_jump, per_drop=per_drop, per_entry=per_entry)


def agreement(finediving: Float[np.ndarray, " dives"], other: Float[np.ndarray, " dives"]) -> StageAgreement:
    """Compare flight lengths: of two intervals moved to where they fit best, the shorter lies in the longer.

    Args:
        finediving: FineDiving's flight length of each dive, above 0.
        other: Another flight length of each of the same dives, above 0.

    Raises:
        DataError: There is no dive.
    """
    if not len(finediving):
        raise DataError(
            "no dive is labelled in both ways", todo="name FineDiving's labels with --annotations"
        )
    iou = np.minimum(finediving, other) / np.maximum(finediving, other)
    return StageAgreement(
        num_dives=len(iou),
        length_ratio=float(np.median(finediving / other)),
        aiou50=float(100 * np.mean(iou >= 0.5)),
        aiou75=float(100 * np.mean(iou >= 0.75)),
        mean_iou=float(iou.mean()),
    )


def labelled_twice(dives: Sequence[Dive], finediving: Sequence[Dive]) -> list[tuple[Dive, int]]:
    """Dives with usable hand marks whose recording FineDiving labels, and the length of FineDiving's flight.

    Args:
        dives: Dives of UNLV-Dive.
        finediving: Dives of FineDiving.
    """
    flights = {
        dive.recording: dive.transitions[-1] - dive.transitions[0]
        for dive in finediving
        if len(dive.transitions) > 1 and not dive.transitions_problem
    }
    return [
        (dive, flights[dive.recording])
        for dive in dives
        if dive.recording in flights and not marks_problem(dive.hand_marks)
    ]
