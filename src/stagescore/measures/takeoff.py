"""Height of the jump, and the distance to the board where the head passes it.

Source: a body in free fall follows a parabola. Departs: both are of the picture; what happens towards the camera is not seen.
"""

import numpy as np

from stagescore.measures.facts import DiveFacts, share_known
from stagescore.measures.measure import MeasuredValue, unknown
from stagescore.measures.rotation import NO_FLIGHT
from stagescore.skeleton import MPII_16

_FITTED = 0.6
"""Share of the flight to which the parabola is fitted: it holds the highest point, and the camera is still near the board."""
_LEAST_KNOWN = 0.6
_MISFIT = 0.15
"""Body lengths off the parabola at which nothing is believed any more."""
_AT_BOARD = 3
"""Rows up to the take-off in which the feet stand on the board's end."""
NO_CAMERA = "The motion of the camera is not known."
NO_SIZE = "Too few joints are known to tell how large the body is."


def jump_height(facts: DiveFacts) -> MeasuredValue:
    """How far the centre of mass rises above where it is at the take-off, in body lengths."""
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    if facts.to_common is None:
        return unknown(NO_CAMERA)
    if facts.number is not None and facts.number.armstand:
        return unknown("An armstand has no jump.")
    first, stop = flight[0], flight[0] + max(round(_FITTED * (flight[1] - flight[0])), 6)
    rows = np.arange(first, min(stop, flight[1]))
    heights, size = facts.mass_px[rows, 1], facts.body_px(first)
    if size is None or share_known(heights) < _LEAST_KNOWN:
        return unknown(NO_SIZE)
    if (np.diff(facts.times_s[rows]) <= 0).any():
        return unknown("The film does not say when its frames were taken.")
    known = np.isfinite(heights)
    since = (facts.times_s[rows] - facts.times_s[first])[known]
    fall, speed, _ = np.polyfit(since, heights[known], 2)
    misfit = float(np.std(np.polyval((fall, speed, _), since) - heights[known])) / size
    if fall <= 0 or misfit > _MISFIT:
        return unknown("The path of the body is no fall.")
    rise = float(speed**2 / (4 * fall)) / size if speed < 0 else 0.0
    apex = first + int(
        np.searchsorted(facts.times_s[rows] - facts.times_s[first], max(-speed / (2 * fall), 0.0))
    )
    return MeasuredValue(
        value=rise,
        rows=(first, int(rows[-1]) + 1),
        row=min(apex, flight[1]),
        confidence=share_known(heights) * (1 - misfit / _MISFIT),
    )


def board_distance(facts: DiveFacts) -> MeasuredValue:
    """Distance in the picture from the board's end to the head where it passes the board's height, in body lengths.

    The board's end is where the feet were before the take-off, or the hands of an armstand.
    """
    flight = facts.airborne()
    if flight is None:
        return unknown(NO_FLIGHT)
    if facts.to_common is None:
        return unknown(NO_CAMERA)
    first, last = flight
    armstand = facts.number is not None and facts.number.armstand
    ends = ("right_wrist", "left_wrist") if armstand else ("right_ankle", "left_ankle")
    standing = facts.steadied(facts.middle(*ends))[max(first - _AT_BOARD, 0) : first + 1]
    standing = standing[np.isfinite(standing).all(1)]
    if not len(standing):
        return unknown("The feet are not seen on the board.")
    board = np.median(standing, axis=0)
    head = facts.steadied(facts.joints[:, MPII_16.index("head_top")])[first : last + 1]
    # The last time: an armstand begins below, and a jump rises past it.
    above = np.flatnonzero(head[:, 1] <= board[1])
    below = np.flatnonzero(head[:, 1] > board[1])
    after = below[below > above[-1]] if len(above) else below
    if not len(after):
        return unknown("The head is not seen to pass the board.")
    size = facts.body_px(first)
    if size is None:
        return unknown(NO_SIZE)
    at = int(after[0])
    gap = at - int(above[-1]) if len(above) else at + 1
    place = head[at]
    if len(above):
        high = head[int(above[-1])]
        share = (board[1] - high[1]) / max(place[1] - high[1], 1e-6)
        place = high + share * (place - high)
    return MeasuredValue(
        value=float(abs(place[0] - board[0])) / size,
        rows=(max(first - _AT_BOARD, 0), first + at + 1),
        row=first + at,
        confidence=share_known(head[: at + 1, 0]) / gap,
    )
