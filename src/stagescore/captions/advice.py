"""Which corrections a dive calls for: what happened, what it costs, what to change, each tied to a measure and its frames.

A correction is said only where its measure goes with the judges' marks on real dives (`Measure.usable`), was seen surely in this dive,
and is worse than in most measured dives; what follows from another fault is not said beside it. So most dives get few, and some get none.
"""

import math
from collections.abc import Mapping, Sequence

from pydantic import Field

from stagescore.captions.facts import SIGNED, Change, Fact, Happened, RuleTakes, Side, Sign, StageLost
from stagescore.captions.grammar import Grammar, told_value
from stagescore.config import Config
from stagescore.measures.measure import Measure

MOST = 3
"""Corrections that are said of a dive: a coach gives no more at once. Set by hand."""
LEAST_CONFIDENCE = 0.5
"""Confidence of a measure from which on advice rests on it. Set by hand."""
LEAST_PERCENT = 75.0
"""Share of measured dives, in percent, that must be better for a value to be called a fault. Set by hand."""
_LEAST_POINTS = 0.5
"""Points by which a stage must lie below the exemplars for that to be said. Set by hand."""
_LEAST_FAULT = {
    "knee_bend": 15.0,
    "leg_split": 10.0,
    "entry_trunk": 8.0,
    "entry_legs": 8.0,
    "entry_rotation": 8.0,
}
"""Degrees below which nobody calls it a fault, whatever others do. Set by hand."""
_MOST_FAULT = {"opening_time": 0.15}
"""Seconds above which nobody calls it a fault: 0.15 s before the water a body that falls from 10 m has its own length still to go. Set by
hand: simulated dives without a fault of the rotation open 0.18 to 0.3 s before."""
_FOLLOWS: dict[str, frozenset[str]] = {
    "opening_time": frozenset({"jump_height", "tightness", "entry_trunk", "entry_legs", "entry_rotation"})
}
"""Measures by what they follow from: less height, a looser fold or a fault of the rotation leave less time. What follows from a fault is not
told beside it."""
_BORNE_OUT = {"splash_width": "splash_area", "splash_height": "splash_area"}
"""Measures by those that must bear them out: the extent of a splash is that of whatever is white, be it a part of the diver or the edge of a
tile, and says nothing where little is white in all."""
_BORNE_OUT_PERCENT = 50.0
"""Share of measured dives, in percent, that must be better in what bears a measure out. Set by hand."""


class Correction(Config):
    """One thing to change.

    Attributes:
        measure: Name of the measure that it rests on.
        stage: Stage of the dive that it belongs to.
        frames: First frame of the input that it rests on, and the frame after the last.
        frame: Frame that shows it best.
        confidence: How far the measure can be trusted in this dive, 0 to 1.
        happened: What happened, as a sentence.
        costs: What it costs, as sentences; empty where nothing says so.
        change: What to change, as a sentence.
    """

    measure: str
    stage: str
    frames: tuple[int, int]
    frame: int
    confidence: float = Field(ge=0, le=1)
    happened: str
    costs: str = ""
    change: str

    @property
    def text(self) -> str:
        """All of it, as sentences."""
        return " ".join(part for part in (self.happened, self.costs, self.change) if part)


def corrections(
    measures: Sequence[Measure], lost: Mapping[str, float], grammar: Grammar, *, most: int = MOST
) -> list[Correction]:
    """What a dive calls for, the plainest fault first; the points of a stage are said once, with its first fault.

    Args:
        measures: Measures of the dive.
        lost: Points by which each stage lies below the exemplars, by the name of the stage; empty without a score.
        grammar: Grammar of the language.
        most: Largest number of corrections.
    """
    faults = sorted(
        (one for one in _causes(measures) if one.name in grammar.advised),
        key=lambda one: (-_worse_than(one) * one.confidence, one.name),
    )
    said: list[Correction] = []
    stages_told: set[str] = set()
    shown: set[str] = set()
    for fault in faults:
        rule = "" if fault.rule is None else fault.rule.name
        if rule and rule in shown:
            continue  # the width and the area of a splash are one fault
        shown.add(rule)
        happened, costs, change = facts_of(fault, {} if fault.stage in stages_told else lost)
        stages_told.add(fault.stage)
        frames = fault.frames or (0, 1)
        said.append(
            Correction(
                measure=fault.name,
                stage=fault.stage,
                frames=frames,
                frame=frames[0] if fault.frame is None else fault.frame,
                confidence=fault.confidence,
                happened=grammar.say(happened),
                costs=" ".join(grammar.say(cost) for cost in costs),
                change=grammar.say(change),
            )
        )
        if len(said) == most:
            break
    return said


def is_fault(measure: Measure) -> bool:
    """Whether a measure says surely that something was worse than in most dives.

    Args:
        measure: A measure of a dive.
    """
    if measure.value is None or measure.frames is None or not measure.usable or measure.worse is None:
        return False
    return (
        measure.confidence >= LEAST_CONFIDENCE
        and abs(measure.value) >= _LEAST_FAULT.get(measure.name, 0.0)
        and measure.value <= _MOST_FAULT.get(measure.name, math.inf)
        and _worse_than(measure) >= LEAST_PERCENT
    )


def _causes(measures: Sequence[Measure]) -> list[Measure]:
    """The faults that follow from no other one and are borne out by what they rest on."""
    by_name = {one.name: one for one in measures}
    faults = {name: one for name, one in by_name.items() if is_fault(one)}

    def is_borne_out(name: str) -> bool:
        other = by_name.get(_BORNE_OUT.get(name, ""))
        return other is None or _worse_than(other) >= _BORNE_OUT_PERCENT

    return [
        one
        for name, one in faults.items()
        if not _FOLLOWS.get(name, frozenset()) & faults.keys() and is_borne_out(name)
    ]


def facts_of(measure: Measure, lost: Mapping[str, float]) -> tuple[Happened, tuple[Fact, ...], Change]:
    """What happened, what it costs and what to change.

    Args:
        measure: A measure whose value is known.
        lost: Points by which each stage lies below the exemplars.
    """
    costs: list[Fact] = []
    if measure.rule is not None and measure.rule.least is not None and measure.rule.most is not None:
        costs.append(RuleTakes(least=measure.rule.least, most=measure.rule.most))
    points = round(lost.get(measure.stage, 0.0), 1)
    if points >= _LEAST_POINTS:
        costs.append(StageLost(stage=measure.stage, points=points))
    return happened_of(measure), tuple(costs), Change(measure=measure.name, sign=_sign(measure))


def happened_of(measure: Measure) -> Happened:
    """What was measured, as it is told.

    Args:
        measure: A measure whose value is known.
    """
    first, after = measure.frames or (0, 1)
    share, side = None, None
    if measure.percentile is not None:
        below = measure.percentile.value
        side = _side(measure, below)
        share = round(below if side == "more" else 100 - below)
    return Happened(
        measure=measure.name,
        value=told_value(measure.name, measure.value or 0.0),
        frames=(first, after - 1),
        percent=share,
        side=side,
    )


def _sign(measure: Measure) -> Sign | None:
    if measure.name not in SIGNED:
        return None
    return "-" if (measure.value or 0.0) < 0 else "+"


def _side(measure: Measure, below: float) -> Side:
    if measure.worse is not None:
        return "more" if measure.worse == "higher" else "less"
    return "more" if below >= 50 else "less"


def _worse_than(measure: Measure) -> float:
    """Share of measured dives that are better, in percent; 0 where none is comparable."""
    if measure.percentile is None:
        return 0.0
    return measure.percentile.value if measure.worse == "higher" else 100 - measure.percentile.value
