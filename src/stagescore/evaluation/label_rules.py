"""What the labels of a fold's training dives say of a dive's score, before any film is seen."""

from collections.abc import Callable, Sequence

import numpy as np

from stagescore.data.manifest import Manifest
from stagescore.data.score_prior import ScorePrior
from stagescore.types import Dive

LabelRule = Callable[[Sequence[Dive]], Callable[[Dive], float]]
"""From training dives to a score for any dive; the film is not seen."""


def constant(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The mean training score, whatever the dive."""
    mean = float(np.mean([dive.score for dive in train]))
    return lambda dive: mean


def by_difficulty(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The mean training execution times the dive's difficulty."""
    mean = float(np.mean([dive.execution for dive in train if dive.execution is not None]))
    return lambda dive: mean * (dive.difficulty or 1.0)


def by_number(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The shrunken mean execution of the dive number in the training dives, times the difficulty."""
    return _expected(ScorePrior.fit(train))


def by_table(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The same from the table that ships, which none of these dives is part of."""
    return _expected(ScorePrior.shipped())


LABEL_RULES: dict[str, LabelRule] = {
    "constant": constant,
    "difficulty": by_difficulty,
    "number's mean execution, shrunken": by_number,
    "table of FineDiving without London": by_table,
}


def _expected(prior: ScorePrior) -> Callable[[Dive], float]:
    def predict(dive: Dive) -> float:
        return prior.expect(
            difficulty=dive.difficulty or 1.0, dive_number=dive.dive_number, height_m=dive.height_m, sex=None
        ).score

    return predict


def label_scores(rule: LabelRule, manifest: Manifest, dive_ids: Sequence[str]) -> tuple[float, ...]:
    """What a rule says of some dives of a fold, fitted on the fold's training dives.

    Args:
        rule: A rule of `LABEL_RULES`.
        manifest: Manifest whose split is the fold.
        dive_ids: Ids of the dives to predict.

    Returns:
        Scores in points, in the order of `dive_ids`.
    """
    predict = rule(manifest.select("train").dives)
    # Equal expectations must tie in rank, however they were summed.
    return tuple(round(predict(manifest[dive_id]), 9) for dive_id in dive_ids)
