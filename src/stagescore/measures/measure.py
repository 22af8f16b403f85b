"""The nouns of measures: what one function reads off a dive (`MeasuredValue`), and what the result tells (`Measure`)."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from stagescore.config import Config

Stage = Literal["take-off", "flight", "entry"]
Worse = Literal["higher", "lower"]
"""Which values judges like less, by the rules: the higher or the lower ones."""


class JudgingRule(Config):
    """A rule of World Aquatics that a measure touches, in words of our own.

    Attributes:
        name: Name of the rule here.
        words: What it says, in our own words, from memory.
        least: Points that a judge takes off at least where the fault is seen; None where the rule names no range.
        most: Points that a judge takes off at most for it; None where the rule names no range.
    """

    name: str
    words: str
    least: float | None = None
    most: float | None = None


class Percentile(Config):
    """Where a value stands among measured real dives.

    Attributes:
        value: Share of the dives with a smaller value, in percent; those of the number count as far as there are enough of them.
        num_dives: Number of dives of the same dive number that it rests on; 0 where there are none or the number is not known.
        group: Dives that it rests on, in words.
    """

    value: float = Field(ge=0, le=100)
    num_dives: int
    group: str


class Measure(Config):
    """One thing that was measured on a dive.

    Attributes:
        name: Name of the measure, such as `knee_bend`.
        title: The measure in words.
        value: Value in the unit; None where it is not known.
        unit: Unit of the value.
        stage: Stage of the dive that it belongs to.
        frames: First frame of the input that it rests on, and the frame after the last; None where it is not known.
        frame: Frame of the input that shows it best; None where it is not known.
        confidence: How far the value can be trusted, 0 to 1; 0 where it is not known.
        why_unknown: Why it is not known, as a sentence; empty where it is known.
        curve: Value in each frame of `frames`, for measures over time; None in a frame without; empty for others.
        percentile: Place of the value among real dives; None where it is not known.
        usable: Whether the measure goes with the judges' marks on real dives of one number, so that advice may rest on it.
        worse: Values that the rules like less, `higher` or `lower`; None where they favour neither.
        rule: The rule that it touches; None where no rule speaks of it.
    """

    name: str
    title: str
    value: float | None
    unit: str
    stage: Stage
    frames: tuple[int, int] | None = None
    frame: int | None = None
    confidence: float = Field(default=0.0, ge=0, le=1)
    why_unknown: str = ""
    curve: list[float | None] = Field(default_factory=list)
    percentile: Percentile | None = None
    usable: bool = False
    worse: Worse | None = None
    rule: JudgingRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredValue:
    """What a function of a measure reads off a dive; rows count the frames that are used, from 0.

    Attributes:
        value: Value in the unit of the measure; None where it is not known.
        rows: First row that it rests on, and the row after the last; None where it is not known.
        row: Row that shows it best.
        confidence: How far the value can be trusted by what was seen of this dive, 0 to 1.
        why: Why it is not known, as a sentence.
        curve: Value in each row of `rows`, for measures over time.
    """

    value: float | None = None
    rows: tuple[int, int] | None = None
    row: int | None = None
    confidence: float = 0.0
    why: str = ""
    curve: tuple[float | None, ...] = ()


def unknown(why: str) -> MeasuredValue:
    """Nothing found, and why."""
    return MeasuredValue(why=why)
