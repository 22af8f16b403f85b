"""The score of a film whose dive number is not known: a mixture over the numbers that it may show.

The network gives execution, by exemplars of any number; the recognised number gives the difficulty. The score is the mean
over the numbers by their probability, and its interval holds their spread. Not part of the paper, which knows the number and the
difficulty of every dive.
"""

import math
from collections.abc import Sequence

from stagescore.inference.intervals import IntervalModel, mixture_interval
from stagescore.inference.outcomes import Pair

LIKELY = 0.1
"""Probability from which numbers without a known difficulty leave no score: a mean without them would leave out more than
the tenth that a 90 % interval may miss. Not fitted."""


def score_without_number(
    executions: Sequence[float],
    numbers: Sequence[tuple[float, float | None]],
    intervals: IntervalModel | None,
) -> tuple[float, Pair | None] | None:
    """The score of one film.

    Args:
        executions: Score / difficulty by each exemplar.
        numbers: Probability and difficulty of each number that the film may show; None for an unknown difficulty.
        intervals: Interval of a score whose number is known; None to give no interval.

    Returns:
        Score and interval in points; None where numbers of unknown difficulty have a probability of `LIKELY` or more.

    >>> model = IntervalModel(base=3.0, quantile=2.0, level=0.9, num_dives=100)
    >>> score_without_number([25.0], [(1.0, 3.0)], model)
    (75.0, (69.0, 81.0))
    >>> score_without_number([25.0], [(0.5, 3.0), (0.5, None)], model) is None
    True
    """
    known = [(p, difficulty) for p, difficulty in numbers if difficulty is not None]
    total = math.fsum(p for p, _ in known)
    if math.fsum(p for p, difficulty in numbers if difficulty is None) >= LIKELY or not known:
        return None
    execution = math.fsum(executions) / len(executions)
    parts = [(p / total, difficulty * execution, difficulty) for p, difficulty in known]
    score = math.fsum(p * points for p, points, _ in parts)
    if intervals is None:
        return score, None
    ends = [
        intervals.interval(points, [difficulty * one for one in executions])[1]
        for _, points, difficulty in parts
    ]
    return score, mixture_interval([p for p, _, _ in parts], [points for _, points, _ in parts], ends)
