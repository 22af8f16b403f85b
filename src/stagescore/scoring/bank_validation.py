"""How good a bank of a user's own dives is: each dive is predicted from the others, with and without its film.

The recalibration is one number: the slope by which the network's differences are multiplied. At 0 a dive gets the
mean of its exemplars, at 1 what the network says. One number suits few dives, and all parts still add up.
A bank is worth something if its errors are smaller than those of what needs no film: the mean of the other dives' scores,
and the mean execution of the same dive number times the difficulty.
Source: none; least squares and leave-one-out are textbook.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from stagescore.data.exemplars import Protocol
from stagescore.data.score_prior import ScorePrior
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.figure_intervals import mean_interval, share_interval
from stagescore.inference.intervals import LEVEL, IntervalModel
from stagescore.inference.outcomes import Outcome, Outcomes
from stagescore.inference.prediction import PredictedDive, PredictionTask
from stagescore.inference.voting import Voting
from stagescore.scoring.bank_fit import STEEPEST, BankFit
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result_parts import FilmGain, Validation
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import Representation
from stagescore.types import Dive

FilmLess = Literal["mean of the scores", "mean of the dive numbers"]


@dataclass(frozen=True, slots=True)
class Folds:
    """Which dives are held out together: copies of one dive must not predict each other.

    Attributes:
        groups: Number of the group of each dive.
    """

    groups: tuple[int, ...]

    @property
    def num_groups(self) -> int:
        """Number of different groups."""
        return len(set(self.groups))

    @property
    def others(self) -> Bool[np.ndarray, "dives dives"]:
        """For each dive, the dives of all other groups."""
        numbers = np.array(self.groups)
        return np.asarray(numbers[:, None] != numbers[None, :])


def cross_validated(
    network: ScoringNetwork,
    bank: ExemplarBank,
    views: Sequence[Sequence[Representation]],
    exemplars: int,
    folds: Folds | None = None,
) -> tuple[BankFit, dict[str, tuple[float, float]]]:
    """Fit a bank: each of its dives is predicted from the others, with a slope that is fitted without it too.

    Args:
        network: Network that encoded the bank.
        bank: The dives, each an exemplar for the others.
        views: Stage features of every view of each dive, the plain one first.
        exemplars: Number of exemplars that vote on each dive.
        folds: Dives that are held out together, of two groups or more; each dive alone by default.

    Returns:
        The fit, and the true and the predicted score by dive id.
    """
    folds = Folds(tuple(range(len(bank)))) if folds is None else folds
    found = _predicted_from_others(network, _held_out_together(bank, folds), views, exemplars)
    truth = np.array([dive.score for dive in bank.dives])
    delta = np.array([float(one.stage_deltas.sum(dim=(1, 2)).mean()) for one in found])
    base = np.array([one.prediction.score for one in found]) - delta
    slopes = np.array([fitted_slope(truth[o] - base[o], delta[o]) for o in folds.others])
    predicted = base + slopes * delta
    outcomes = Outcomes(
        tuple(
            _outcome(one, p, k) for one, p, k in zip(found, predicted.tolist(), slopes.tolist(), strict=True)
        )
    )
    slope = fitted_slope(truth - base, delta)
    fit = BankFit(
        weights_hash=bank.weights_hash,
        slope=slope,
        validation=_validation(bank.dives, outcomes, slope, folds),
        score_intervals=IntervalModel.fit(outcomes).as_json() if _show_nine_in_ten(len(outcomes)) else {},
    )
    pairs = zip(truth.tolist(), predicted.tolist(), strict=True)
    return fit, dict(zip((dive.dive_id for dive in bank.dives), pairs, strict=True))


def without_film(dives: Sequence[Dive], folds: Folds) -> dict[FilmLess, Float[np.ndarray, " dives"]]:
    """What would be said of each dive without its film, from the labels of the other dives.

    The mean of the dive numbers is that of executions, shrunken towards the mean of all dives (`data.score_prior`), times the
    dive's difficulty. It is one of scores where a difficulty is not known, and is left out where neither numbers nor
    difficulties are.

    Args:
        dives: Labelled dives.
        folds: Dives that are held out together.
    """
    scores = np.array([dive.score for dive in dives])
    said: dict[FilmLess, Float[np.ndarray, " dives"]] = {
        "mean of the scores": np.array([scores[o].mean() for o in folds.others])
    }
    difficulties = [known_of(dive).known_difficulty for dive in dives]
    rated = [
        dive.with_changes(synchronised=False, difficulty=1.0 if None in difficulties else difficulty)
        for dive, difficulty in zip(dives, difficulties, strict=True)
    ]
    if None in difficulties and not any(dive.dive_number for dive in dives):
        return said
    said["mean of the dive numbers"] = np.array(
        [
            ScorePrior.fit(other for other, taken in zip(rated, o, strict=True) if taken)
            .expect(difficulty=dive.difficulty or 1.0, dive_number=dive.dive_number, height_m=dive.height_m)
            .score
            for dive, o in zip(rated, folds.others, strict=True)
        ]
    )
    return said


def known_of(dive: Dive) -> ScoreOptions:
    """What may be known of a labelled dive when it is scored: dive number, difficulty, height, and its joints."""
    return ScoreOptions(
        dive_number=dive.dive_number,
        difficulty=dive.difficulty,
        height_m=dive.height_m,
        poses=None if dive.poses_path is None else Path(dive.poses_path),
    )


def fitted_slope(wanted: Float[np.ndarray, " dives"], delta: Float[np.ndarray, " dives"]) -> float:
    """The slope of least squares through the origin, held between 0 and 1.5.

    >>> fitted_slope(np.array([1.0, -2.0]), np.array([2.0, -4.0]))
    0.5
    """
    squares = float((delta * delta).sum())
    return 0.0 if squares == 0 else float(np.clip((wanted * delta).sum() / squares, 0.0, STEEPEST))


def _held_out_together(bank: ExemplarBank, folds: Folds) -> ExemplarBank:
    """The bank with one recording per group, since dives of one recording do not vote on each other."""
    firsts = {group: row for row, group in reversed(list(enumerate(folds.groups)))}
    dives = [
        dive.with_changes(recording=bank.dives[firsts[group]].recording)
        for dive, group in zip(bank.dives, folds.groups, strict=True)
    ]
    return replace(bank, dives=tuple(dives))


def _predicted_from_others(
    network: ScoringNetwork, bank: ExemplarBank, views: Sequence[Sequence[Representation]], exemplars: int
) -> list[PredictedDive]:
    found = []
    for row, dive in enumerate(bank.dives):
        protocol: Protocol = "w/o DN" if dive.dive_number is None else "w/ DN"
        task = PredictionTask(protocol=protocol, num=exemplars, execution=network.executes)
        found.append(Voting(model=network.contrastive, bank=bank, task=task).predict(dive, views[row]))
    return found


def _validation(dives: Sequence[Dive], outcomes: Outcomes, slope: float, folds: Folds) -> Validation:
    truth = outcomes.true_scores
    errors = np.abs(truth - outcomes.predicted_scores)
    gains = []
    for over, said in without_film(dives, folds).items():
        filmless = np.abs(truth - said)
        gains.append(
            FilmGain(
                over=over,
                mean_absolute_error=float(filmless.mean()),
                points=float((filmless - errors).mean()),
                interval=mean_interval(filmless - errors, folds.groups),
            )
        )
    low, high = mean_interval(errors, folds.groups)
    held = _held(outcomes, folds)
    return Validation(
        num_dives=len(truth),
        mean_absolute_error=float(errors.mean()),
        slope=slope,
        error_interval=(max(low, 0.0), high),
        coverage=None if held is None else sum(held) / len(held),
        coverage_interval=None if held is None else share_interval(sum(held), len(held)),
        gains=gains,
    )


def _held(outcomes: Outcomes, folds: Folds) -> list[bool] | None:
    """Whether each dive's score lies in the interval that is fitted to the others; None where these are too few."""
    held = []
    for dive, others in zip(outcomes, folds.others, strict=True):
        if not _show_nine_in_ten(int(others.sum())):
            return None
        low, high = IntervalModel.fit(outcomes.where(others)).interval(dive.predicted_score, dive.votes)
        held.append(low <= dive.true_score <= high)
    return held


def _show_nine_in_ten(num: int) -> bool:
    """Whether so many dives can show what nine in ten do."""
    return bool(np.ceil((num + 1) * LEVEL) <= num)


def _outcome(own: PredictedDive, predicted: float, slope: float) -> Outcome:
    parts = own.stage_deltas.sum(dim=(1, 2)).tolist()
    votes = [v - d + slope * d for v, d in zip(own.prediction.votes, parts, strict=True)]
    dive = own.dive
    return Outcome(
        dive_id=dive.dive_id,
        dive_number=dive.dive_number,
        difficulty=dive.difficulty,
        true_score=dive.score,
        predicted_score=predicted,
        num_frames=dive.num_frames or 1,
        votes=tuple(votes),
    )
