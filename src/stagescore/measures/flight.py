"""Body in flight: how tight the fold is, knees and legs where they should be stretched and together, when the body opens."""

import numpy as np
from jaxtyping import Bool, Float

from stagescore.measures.facts import LEAST_FOLDED, DiveFacts, share_known
from stagescore.measures.joint_angles import angle_at, steady
from stagescore.measures.measure import MeasuredValue, unknown
from stagescore.measures.rotation import NO_FLIGHT
from stagescore.measures.takeoff import NO_SIZE
from stagescore.skeleton import MPII_16

_TIGHTEST_PERCENT = 20
"""Percentile of the folded frames that is told: a single wrong joint makes one frame tighter than any body."""
_BEFORE_FOLD = 0.15
"""Share of the flight in which no fold is looked for. Set by hand."""
_LARGEST_PERCENT = 90
_LEAST_OPENING_S = 0.1
"""Seconds before the water at which nobody opens any more: there the joints of the fold were wrong. Set by hand; one of twenty real films
had 0.04."""
_LEAST_KNOWN = 0.6
_LEAST_OPEN = 3
_STRETCHED = 0.8
"""Share of trunk and legs stretched from which on a body counts as open: limbs of a fold hide each other, and what is found of them is
a guess (docs/log.md, 30 November, night), so knees and legs are measured in these frames alone."""
_LEFT_PERCENT = 20
"""Percentile of the bend of knees that is told of a tuck after its opening, the bend that is left. The larger ones are of knees that are still
coming straight: 50 to 80 degrees where neck and ankles are 80 to 90 % of the stretched length apart, in simulated dives without a fault."""


def tightness(facts: DiveFacts) -> MeasuredValue:
    """Distance from neck to ankles in the tightest part of the fold, as a share of trunk and legs stretched."""
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    if facts.number is not None and facts.number.position not in ("tuck", "pike"):
        return unknown("The dive has no tuck or pike.")
    # Just after the take-off nobody is folded tightly: what is found there are joints of the fast first frames.
    first = flight[0] + round(_BEFORE_FOLD * (flight[1] - flight[0]))
    reach = facts.reach[first : flight[1]]
    folded = np.flatnonzero(reach < facts.fold_limit)
    if share_known(reach) < _LEAST_KNOWN:
        return unknown(NO_SIZE)
    if len(folded) < LEAST_FOLDED:
        return unknown("The body is not seen folded.")
    value = float(np.percentile(reach[folded], _TIGHTEST_PERCENT))
    nearest = folded[int(np.abs(reach[folded] - value).argmin())]
    inside = reach[folded[0] : folded[-1] + 1]
    return MeasuredValue(
        value=value,
        rows=(first + int(folded[0]), first + int(folded[-1]) + 1),
        row=first + int(nearest),
        confidence=share_known(inside),
    )


def opening_time(facts: DiveFacts) -> MeasuredValue:
    """Seconds from the opening of the fold to the first touch of the water."""
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    if facts.number is not None and facts.number.position not in ("tuck", "pike"):
        return unknown("The dive has no tuck or pike to open from.")
    opening = facts.opening
    if opening is None:
        return unknown("The body is not seen folded, or not seen to open.")
    before = int(opening)
    seconds = float(
        np.interp(flight[1], range(facts.num_rows), facts.times_s)
        - np.interp(opening, range(facts.num_rows), facts.times_s)
    )
    if seconds < _LEAST_OPENING_S:
        return unknown("The body is not seen to open before the water.")
    after = facts.reach[before + 1 : flight[1] + 1]
    return MeasuredValue(
        value=seconds,
        rows=(before, flight[1] + 1),
        row=min(before + 1, flight[1]),
        confidence=share_known(after),
    )


def knee_bend(facts: DiveFacts) -> MeasuredValue:
    """How far the knees bend from stretched where the body is open, in degrees; out of a tuck, how far at the straightest."""
    bends = 180.0 - facts.knees_deg
    worse = np.where(np.isfinite(bends).any(1), np.where(np.isfinite(bends), bends, -1).max(1), np.nan)
    return _at_percent(facts, steady(worse), _LEFT_PERCENT if _opens_from_tuck(facts) else _LARGEST_PERCENT)


def leg_split(facts: DiveFacts) -> MeasuredValue:
    """Angle between the legs, from the middle of the hips to each ankle, where the body is open, in degrees."""
    hips = facts.middle("right_hip", "left_hip")
    right, left = (facts.joints[:, MPII_16.index(f"{side}_ankle")] for side in ("right", "left"))
    return _at_percent(facts, steady(angle_at(hips, right, left)), _LARGEST_PERCENT)


def _opens_from_tuck(facts: DiveFacts) -> bool:
    """Whether knees may come straight as the body opens: there is a fold, and the number does not say that the legs are straight in it."""
    return facts.opening is not None and (
        facts.number is None or facts.number.position not in ("straight", "pike")
    )


def _open_rows(facts: DiveFacts, flight: tuple[int, int]) -> Bool[np.ndarray, " frames"]:
    """Rows in which legs are to be straight and together and can be seen: of a dive with a fold from its opening on."""
    rows = np.zeros(facts.num_rows, dtype=bool)
    first = flight[0] if facts.opening is None else int(facts.opening) + 1
    rows[first : flight[1] + 1] = True
    with np.errstate(invalid="ignore"):
        return np.asarray(rows & (facts.reach >= _STRETCHED))


def _at_percent(facts: DiveFacts, values: Float[np.ndarray, " frames"], percent: float) -> MeasuredValue:
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    rows = np.flatnonzero(_open_rows(facts, flight))
    if len(rows) < _LEAST_OPEN:
        return unknown("The body is open in too few frames before the water.")
    known = share_known(values[rows])
    if known < _LEAST_KNOWN:
        return unknown("The legs are known in too few frames in which the body is open.")
    rows = rows[np.isfinite(values[rows])]
    value = float(np.percentile(values[rows], percent))
    return MeasuredValue(
        value=value,
        rows=(int(rows[0]), int(rows[-1]) + 1),
        row=int(rows[int(np.abs(values[rows] - value).argmin())]),
        confidence=known,
    )
