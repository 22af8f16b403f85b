"""How straight the body enters the water, and whether it is short of vertical or past it."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from stagescore.measures.facts import DiveFacts, share_known, upright
from stagescore.measures.joint_angles import angle_at_entry
from stagescore.measures.measure import MeasuredValue, unknown
from stagescore.measures.rotation import NO_FLIGHT, turns_counterclockwise
from stagescore.skeleton import MPII_16

_ROWS = 6
"""Rows up to the contact that an angle at the entry rests on, as `angle_at_entry` has it."""
_LEAST_KNOWN = 4
_MOST_SCATTER_DEG = 8.0
"""Degrees by which the angles of these rows may scatter around a steady turn. Set by hand."""
_MOST_DEG = 90.0
_NOT_AGREED = "The frames before the water do not agree on it."


def entry_trunk(facts: DiveFacts) -> MeasuredValue:
    """Angle of the trunk to the vertical at the first touch of the water, in degrees."""
    if facts.contact is None:
        return unknown(NO_FLIGHT)
    degrees = upright(facts.joints[:, MPII_16.index("thorax")] - facts.joints[:, MPII_16.index("pelvis")])
    value = angle_at_entry(degrees, facts.contact)
    if value is None:
        return unknown(_NOT_AGREED)
    first, last = max(facts.contact - _ROWS + 1, 0), min(facts.contact, facts.num_rows - 1)
    return MeasuredValue(
        value=value, rows=(first, last + 1), row=last, confidence=share_known(degrees[first : last + 1])
    )


def entry_legs(facts: DiveFacts) -> MeasuredValue:
    """Angle of the legs to the vertical at the first touch of the water, in degrees."""
    found = _past_vertical(facts, facts.middle("right_hip", "left_hip") - facts.ankles)
    return found if found.value is None else replace(found, value=abs(found.value))


def entry_rotation(facts: DiveFacts) -> MeasuredValue:
    """Degrees past the vertical (+) or short of it (-) of the line from neck to ankles, in the direction of the somersault."""
    found = _past_vertical(facts, facts.joints[:, MPII_16.index("thorax")] - facts.ankles)
    counterclockwise = turns_counterclockwise(facts)
    if found.value is None:
        return found
    if counterclockwise is None:
        return unknown("The direction of the somersault is not known.")
    return replace(found, value=found.value if counterclockwise else -found.value)


def _past_vertical(facts: DiveFacts, way: Float[np.ndarray, "frames 2"]) -> MeasuredValue:
    """Degrees counterclockwise from the vertical, up or down, at the contact: where a steady turn of the last rows has come to."""
    if facts.contact is None:
        return unknown(NO_FLIGHT)
    first, last = max(facts.contact - _ROWS + 1, 0), min(facts.contact, facts.num_rows - 1)
    near = way[first : last + 1]
    known = np.flatnonzero(np.isfinite(near).all(1))
    if len(known) < _LEAST_KNOWN or known[-1] < len(near) - 2:
        return unknown(_NOT_AGREED)
    up = near[known[-1], 1] < 0
    near = near[known] if up else -near[known]
    degrees = np.degrees(np.unwrap(np.arctan2(-near[:, 0], -near[:, 1])))
    since = facts.times_s[first + known] - facts.times_s[last]
    turn, at_contact = np.polyfit(since, degrees, 1)
    scatter = float(np.std(degrees - turn * since - at_contact))
    if scatter > _MOST_SCATTER_DEG or abs(at_contact) > _MOST_DEG:
        return unknown(_NOT_AGREED)
    sure = share_known(way[first : last + 1, 0]) * (1 - scatter / (2 * _MOST_SCATTER_DEG))
    return MeasuredValue(value=float(at_contact), rows=(first, last + 1), row=last, confidence=sure)
