"""Scores of films whose dive number is not known, as `score` gives them without `--dive-number`, for many dives at once.

`score` itself goes further in two ways: exemplars of a number that is sure share it, and an unfamiliar film is moved towards
the prior.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stagescore.inference.dive_numbers import NumberEvidence
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.outcomes import Outcomes
from stagescore.inference.unknown_numbers import score_without_number


def at_difficulty(outcomes: Outcomes, executions: Sequence[Sequence[float]], difficulty: float) -> Outcomes:
    """Dives scored as if all had one degree of difficulty.

    Args:
        outcomes: Outcomes of the dives, with the labels.
        executions: Score / difficulty by each exemplar, a row for each dive.
        difficulty: Degree of difficulty that all dives get.
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
        evidence: What the network says of the dive numbers, by the name of the fold.
        temperatures: Temperature of the probabilities of each fold, fitted on other folds.
        intervals: Interval model of each fold, fitted on other folds; None where it could not be fitted.

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
