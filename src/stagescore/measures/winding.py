"""How far something has turned, from directions that are sometimes wrong or missing: the cheapest path over all frames.

Counting from frame to frame loses a whole turn with one wrong direction. Here every row says what each direction costs, and the path
that is chosen turns one way only, and changes its speed little from row to row. Source: Viterbi's algorithm.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

BINS = 72
"""Directions that are told apart."""
_QUICKER = 2
"""Bins by which the speed changes from row to row at most. Set by hand."""
_CHANGE = 0.25
"""Cost of a change of the speed by a bin; that of a wrong direction is 1 at most. Set by hand: of 40 real dives it counts 29 within 0.35 turns of the number, at 0.08 26."""


@dataclass(frozen=True, slots=True, eq=False)
class Winding:
    """A turn that was followed.

    Attributes:
        degrees: Direction in each row, counted on over full turns; it only grows, or only falls.
        cost: Mean cost of a row, 0 to 1.
    """

    degrees: Float[np.ndarray, " rows"]
    cost: float


def wind(costs: Float[np.ndarray, "rows bins"], fastest: int) -> Winding:
    """The cheapest turn, either way round.

    Args:
        costs: Cost of each direction in each row, 0 to 1; a row of zeros where nothing is known.
        fastest: Bins from row to row at most.
    """
    one, other = _one_way(costs, fastest), _one_way(costs[:, ::-1], fastest)
    if one.cost <= other.cost:
        return one
    return Winding(360.0 - 360.0 / BINS - other.degrees, other.cost)


def _one_way(costs: Float[np.ndarray, "rows bins"], fastest: int) -> Winding:
    rows, bins = costs.shape
    speeds = np.arange(fastest + 1)
    # State: direction and the speed with which it was reached.
    best = np.repeat(costs[0][:, None], len(speeds), axis=1)
    came = np.zeros((rows, bins, len(speeds)), np.int8)
    for row in range(1, rows):
        options = np.full((2 * _QUICKER + 1, bins, len(speeds)), np.inf)
        for place, change in enumerate(range(-_QUICKER, _QUICKER + 1)):
            to = speeds[(speeds - change >= 0) & (speeds - change <= fastest)]
            options[place][:, to] = best[:, to - change] + _CHANGE * abs(change)
        chosen = options.argmin(0)
        least = np.take_along_axis(options, chosen[None], axis=0)[0]
        # The state's direction is reached by its own speed.
        for speed in speeds.tolist():
            best[:, speed] = np.roll(least[:, speed], speed) + costs[row]
            came[row, :, speed] = np.roll(chosen[:, speed], speed) - _QUICKER
    place, speed = (int(k) for k in np.unravel_index(int(best.argmin()), best.shape))
    total = float(best[place, speed])
    steps = np.zeros(rows, np.int64)
    first = place
    for row in range(rows - 1, 0, -1):
        steps[row] = speed
        change = int(came[row, first, speed])
        first = (first - speed) % bins
        speed -= change
    degrees = (first + np.cumsum(steps)) * 360.0 / bins
    return Winding(degrees, total / rows)
