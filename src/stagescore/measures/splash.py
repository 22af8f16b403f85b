"""Width, height and area of the splash within half a second of the contact."""

import numpy as np
from jaxtyping import Float

from stagescore.measures.facts import DiveFacts
from stagescore.measures.measure import MeasuredValue, unknown

_LARGEST_PERCENT = 90
_FULL = 8
"""Pictures after the contact from which on the number takes nothing off the confidence."""


def splash_width(facts: DiveFacts) -> MeasuredValue:
    """Largest width of the splash, in body lengths."""
    return _largest(facts, None if facts.splash is None else facts.splash.width)


def splash_height(facts: DiveFacts) -> MeasuredValue:
    """Largest height of the splash in the picture, foam at its foot included, in body lengths."""
    return _largest(facts, None if facts.splash is None else facts.splash.height)


def splash_area(facts: DiveFacts) -> MeasuredValue:
    """Mean area of the splash, in squared body lengths."""
    trace = facts.splash
    if trace is None:
        return unknown(facts.no_splash)
    return MeasuredValue(
        value=float(trace.area.mean()),
        rows=(trace.rows[0], trace.rows[-1] + 1),
        row=trace.rows[int(trace.area.argmax())],
        confidence=_sure(facts),
    )


def _largest(facts: DiveFacts, values: Float[np.ndarray, " frames"] | None) -> MeasuredValue:
    trace = facts.splash
    if trace is None or values is None:
        return unknown(facts.no_splash)
    return MeasuredValue(
        value=float(np.percentile(values, _LARGEST_PERCENT)),
        rows=(trace.rows[0], trace.rows[-1] + 1),
        row=trace.rows[int(values.argmax())],
        confidence=_sure(facts),
    )


def _sure(facts: DiveFacts) -> float:
    trace = facts.splash
    return 0.0 if trace is None else trace.seen * min(len(trace.rows) / _FULL, 1.0)
