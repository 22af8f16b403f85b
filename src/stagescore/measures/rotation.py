"""Somersaults and twists counted, and the speed of rotation over time.

Source: none needed. Departs: twists are told from the width of shoulders and hips in the picture, which depends on the joints' left and
right being right.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from stagescore.measures.facts import DiveFacts, share_known
from stagescore.measures.measure import MeasuredValue, unknown
from stagescore.measures.winding import BINS, Winding, wind
from stagescore.skeleton import MPII_16

NO_FLIGHT = "Take-off or water contact is not known."
_FASTEST = 1400.0
"""Degrees per second at most, of somersaults and of twists. Set by hand: the fastest of five films of UNLV-Dive turned at 1,100 degrees
per second of real time over eleven frames."""
_MOST_OFF_TURNS = 0.5
"""Turns by which a count may differ from the dive number's. Set by hand: entries are off by a sixth of a turn at most, and 29 of 40 real films
are within 0.35; others had 1.4 and 1.5 turns for two and a half."""
_MISCOUNTED = "The turns that were counted are not those of the dive number."
_FULL_COST_DEG = 60.0
"""Degrees off from which on a direction costs all that it can."""
_MOST_ROWS = 64
"""Rows of a flight that are looked at: of faster films every other one, and so on."""
_LEAST_KNOWN = 0.5
_NEAR_DEG = 30.0
_SMOOTH = 5
_WIDTH_PERCENT = 90
_LEAST_WIDTH = 0.25
"""Least width of the shoulders in trunks at their widest: a body that shows them narrower all the time is seen from the side."""


def somersaults(facts: DiveFacts) -> MeasuredValue:
    """Turns of the trunk from the take-off to the water."""
    flight, wound = facts.airborne(), _somersault(facts)
    if flight is None or wound is None:
        return unknown(_why(facts))
    if _is_miscounted(facts, wound):
        return unknown(_MISCOUNTED)
    sure = _sure(facts, flight, wound)
    return MeasuredValue(value=_turns(wound), rows=flight, row=flight[0], confidence=sure)


def rotation_speed(facts: DiveFacts) -> MeasuredValue:
    """The fastest rotation, and the speed in every row of the flight."""
    flight, wound = facts.airborne(), _somersault(facts)
    if flight is None or wound is None:
        return unknown(_why(facts))
    if _is_miscounted(facts, wound):
        return unknown(_MISCOUNTED)
    rows, times = _rows(flight), facts.times_s
    if (np.diff(times[rows]) <= 0).any():
        return unknown("The film does not say when its frames were taken.")
    speeds = np.abs(np.gradient(wound.degrees, times[rows]))
    window = min(_SMOOTH, len(speeds))
    smooth = np.convolve(np.pad(speeds, window // 2, mode="edge"), np.ones(window) / window, "valid")[
        : len(speeds)
    ]
    every = np.interp(np.arange(flight[0], flight[1]), rows, smooth)
    best = int(every.argmax())
    return MeasuredValue(
        value=float(every[best]),
        rows=flight,
        row=flight[0] + best,
        confidence=_sure(facts, flight, wound),
        curve=tuple(round(float(speed), 1) for speed in every),
    )


def turns_counterclockwise(facts: DiveFacts) -> bool | None:
    """Whether the body somersaults counterclockwise in the picture; None where that is not known."""
    wound = _somersault(facts)
    return None if wound is None else bool(wound.degrees[-1] > wound.degrees[0])


def twists(facts: DiveFacts) -> MeasuredValue:
    """Turns about the body's long axis, from the width of shoulders and hips."""
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    if facts.number is not None and not facts.number.half_twists:
        return unknown("The dive has no twist.")
    rows = _rows(flight)
    index = MPII_16.index
    trunk = facts.joints[:, index("thorax")] - facts.joints[:, index("pelvis")]
    long = np.linalg.norm(trunk, axis=1)
    across = np.stack((-trunk[:, 1], trunk[:, 0]), axis=1) / np.maximum(long, 1e-6)[:, None]
    size = float(np.nanpercentile(long[rows], _WIDTH_PERCENT)) if np.isfinite(long[rows]).any() else 0.0
    if size <= 0:
        return unknown("Too few joints are known in flight.")
    width = facts.joints[:, index("right_shoulder")] - facts.joints[:, index("left_shoulder")]
    shown = (width * across).sum(1)[rows] / size
    if share_known(shown) < _LEAST_KNOWN:
        return unknown("The shoulders are known in too few frames of the flight.")
    widest = float(np.nanpercentile(np.abs(shown), _WIDTH_PERCENT))
    if widest < _LEAST_WIDTH:
        return unknown("The shoulders are seen from the side all the time.")
    at = np.cos(np.arange(BINS) * 2 * np.pi / BINS)
    costs = np.clip(np.abs(np.clip(shown / widest, -1, 1)[:, None] - at), 0, 1)
    wound = wind(np.nan_to_num(costs, nan=0.0), _fastest(facts, rows))
    turns = _turns(wound)
    sure = share_known(shown) * max(1 - 2 * wound.cost, 0.0)
    return MeasuredValue(value=turns, rows=flight, row=flight[0], confidence=sure)


def _rows(flight: tuple[int, int]) -> list[int]:
    step = max(-(-(flight[1] - flight[0] + 1) // _MOST_ROWS), 1)
    return list(range(flight[0], flight[1] + 1, step))


def _fastest(facts: DiveFacts, rows: list[int]) -> int:
    """Bins from row to row at most; less than half a turn, beyond which nobody can tell which way it went."""
    seconds = float(facts.times_s[rows[-1]] - facts.times_s[rows[0]]) / max(len(rows) - 1, 1)
    return min(max(round(_FASTEST * seconds * BINS / 360.0), 1), BINS // 2 - 1)


def _trunk_deg(facts: DiveFacts) -> Float[np.ndarray, " frames"]:
    """Direction of the trunk, counterclockwise from upright in the picture; NaN where it is not known."""
    trunk = facts.joints[:, MPII_16.index("thorax")] - facts.joints[:, MPII_16.index("pelvis")]
    angles = np.degrees(np.arctan2(-trunk[:, 0], -trunk[:, 1]))
    return np.where(np.abs(trunk).sum(1) > 0, angles, np.nan)


@lru_cache(maxsize=4)
def _somersault(facts: DiveFacts) -> Winding | None:
    flight = facts.airborne()
    if flight is None:
        return None
    seen = _trunk_deg(facts)[_rows(flight)]
    if share_known(seen) < _LEAST_KNOWN:
        return None
    at = np.arange(BINS) * 360.0 / BINS
    off = np.abs((seen[:, None] - at + 180.0) % 360.0 - 180.0)
    return wind(np.nan_to_num(np.clip(off / _FULL_COST_DEG, 0, 1), nan=0.0), _fastest(facts, _rows(flight)))


def _is_miscounted(facts: DiveFacts, wound: Winding) -> bool:
    """Whether more or fewer turns were counted than the dive number has: then joints were wrong, and no speed is right either."""
    number = facts.number
    return number is not None and abs(_turns(wound) - number.half_somersaults / 2) > _MOST_OFF_TURNS


def _turns(wound: Winding) -> float:
    return abs(float(wound.degrees[-1] - wound.degrees[0])) / 360.0


def _why(facts: DiveFacts) -> str:
    return NO_FLIGHT if facts.airborne() is None else "The trunk is known in too few frames of the flight."


def _sure(facts: DiveFacts, flight: tuple[int, int], wound: Winding) -> float:
    """Share of the rows whose trunk points where the path says."""
    off = np.abs((_trunk_deg(facts)[_rows(flight)] - wound.degrees + 180.0) % 360.0 - 180.0)
    return float((off < _NEAR_DEG).mean())
