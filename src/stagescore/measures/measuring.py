"""All measures of a dive, each with where it stands among real dives and the rule that it touches."""

from stagescore.measures.facts import DiveFacts
from stagescore.measures.kinds import KINDS, MeasureKind
from stagescore.measures.measure import Measure, MeasuredValue
from stagescore.measures.reference import Reference
from stagescore.measures.rules import RULES

LEAST_CONFIDENCE = 0.3
"""Confidence below which a value is not told. Set by hand."""
_DIGITS = 3
_NOT_SURE = "What was found is too unsure to be told."


def measure(facts: DiveFacts, reference: Reference | None = None) -> list[Measure]:
    """Measure a dive, in the order of `KINDS`.

    Args:
        facts: What is known of the dive.
        reference: Measures of real dives; None to compare with none.
    """
    return [_measured(kind, kind.find(facts), facts, reference) for kind in KINDS]


def _measured(
    kind: MeasureKind, found: MeasuredValue, facts: DiveFacts, reference: Reference | None
) -> Measure:
    confidence = round(min(max(found.confidence * kind.trust, 0.0), 1.0), _DIGITS)
    known = found.value is not None and confidence >= LEAST_CONFIDENCE
    value = round(found.value, _DIGITS) if found.value is not None and known else None
    number = None if facts.number is None else facts.number.code
    shown = known and found.rows is not None
    return Measure(
        name=kind.name,
        title=kind.title,
        value=value,
        unit=kind.unit,
        stage=kind.stage,
        frames=None
        if found.rows is None or not shown
        else (facts.start_frame + found.rows[0], facts.start_frame + found.rows[1]),
        frame=None if found.row is None or not shown else facts.start_frame + found.row,
        confidence=confidence if known else 0.0,
        why_unknown="" if known else found.why or _NOT_SURE,
        curve=list(found.curve) if known else [],
        percentile=None
        if value is None or reference is None
        else reference.percentile(kind.name, value, number),
        usable=value is not None and reference is not None and reference.is_usable(kind.name),
        worse=kind.worse,
        rule=RULES[kind.rule] if kind.rule else None,
    )
