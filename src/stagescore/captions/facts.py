"""What a sentence may say: what happened, what it costs, what to change. Every number is rounded as it is told."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["more", "less"]
"""Whether a value is larger or smaller than in most dives."""
Sign = Literal["+", "-"]
"""Sign of a value whose direction has words of its own, such as past the vertical and short of it."""

SIGNED = frozenset({"entry_rotation"})
"""Measures whose values have a direction: above 0 past the vertical, below 0 short of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What was measured, and in which frames.

    Attributes:
        measure: Name of the measure, such as `knee_bend`.
        value: Value in the unit of the measure, rounded as it is told.
        frames: First and last frame of the input that it rests on.
        percent: Share of measured dives that have a smaller (`more`) or larger (`less`) value, in whole percent; None where no
            dive is comparable.
        side: Kind of share that `percent` is; None without one.
    """

    measure: str
    value: float
    frames: tuple[int, int]
    percent: int | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTakes:
    """What each judge takes off a mark for such a fault by the rules.

    Attributes:
        least: Least deduction, in points of a mark.
        most: Largest deduction, in points of a mark.
    """

    least: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLost:
    """How many points the stage of the fault lies below the exemplars, as the network compares them.

    Attributes:
        stage: Name of the stage.
        points: Points of the score, above 0, rounded as they are told.
    """

    stage: str
    points: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to change.

    Attributes:
        measure: Name of the measure.
        sign: Direction of the fault, where the measure has two; else None.
    """

    measure: str
    sign: Sign | None = None


Fact = Happened | RuleTakes | StageLost | Change
