"""Scores of films whose dive number is not known, as `score` gives them without `--dive-number`, for many dives at once.

The network gives execution, by exemplars of any number; the recognised number gives the difficulty. The score is the mean
over the numbers by their probability, and its interval holds their spread. `score` itself goes further in two ways: exemplars of a
number that is sure share it, and an unfamiliar film is moved towards the prior.
Not part of the paper, which knows the number and the difficulty of every dive.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stagescore.evaluation.intervals import IntervalModel, mixture_interval
from stagescore.evaluation.outcomes import Outcomes, Pair
from stagescore.evaluation.recognition import NumberEvidence

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


def at_difficulty(outcomes: Outcomes, executions: Sequence[Sequence[float]], difficulty: float) -> Outcomes:
    """Dives scored as if all had one degree of difficulty.

    Args:
        outcomes: with the labels.
        executions: score / difficulty by each exemplar, a row a dive.
        difficulty: of all dives.
    """
    dives = [
        replace(
            dive,
            predicted_score=difficulty * math.fsum(votes) / len(votes),
            votes=tuple(difficulty * vote for vote in votes),
            predicted_transitions=None,
        )
        for dive, votes in zip(outcomes, executions, strict=True)
    ]
    return replace(outcomes, dives=tuple(dives))


def without_numbers(
    by_fold: Mapping[str, Outcomes],
    executions: Mapping[str, Sequence[Sequence[float]]],
    evidence: Mapping[str, Sequence[NumberEvidence]],
    temperatures: Mapping[str, float],
    intervals: Mapping[str, IntervalModel | None],
) -> tuple[Outcomes, int]:
    """The test dives of all folds, scored as if their numbers and difficulties were unknown.

    Args:
        by_fold: Outcomes with the numbers known, by the name of the fold; labels are taken from them.
        executions: Score / difficulty by exemplars of any number, of the same dives.
        evidence: What the network says of their numbers.
        temperatures: Of the probabilities of each fold, fitted on others.
        intervals: Of each fold, fitted on others; None where they could not be.

    Returns:
        Outcomes of the dives that get a score, and how many get none.
    """
    scored, without = [], 0
    for fold, outcomes in by_fold.items():
        for dive, votes, seen in zip(outcomes, executions[fold], evidence[fold], strict=True):
            probabilities = [math.exp(value) for value in seen.log_probabilities(temperatures[fold])]
            numbers = list(zip(probabilities, seen.difficulties, strict=True))
            found = score_without_number(votes, numbers, intervals[fold])
            if found is None:
                without += 1
                continue
            score, interval = found
            scored.append(
                replace(dive, predicted_score=score, interval=interval, votes=(), predicted_transitions=None)
            )
    return Outcomes(tuple(scored)), without
