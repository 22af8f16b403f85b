"""A bank is validated only where its films tell more than the scores alone: made-up dives of which the network sees one number."""

import numpy as np
import pytest
import torch

from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import IntervalModel
from stagescore.models.base import ContrastiveModel
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.bank_validation import Folds, cross_validated, without_film
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import ClipVectors, Comparison
from stagescore.types import Dive


class SeesOneNumber(ContrastiveModel):
    """A network whose difference between two dives is that of the one number that it sees of each."""

    device = torch.device("cpu")
    # What a network is trained by is not asked for here.
    branches = loss_names = ()  # type: ignore[assignment]
    encode = segment = represent = losses = None  # type: ignore[assignment]

    def compare(self, query: ClipVectors, exemplar: ClipVectors, scores: torch.Tensor) -> Comparison:
        delta = (query.vectors - exemplar.vectors)[:, 0]
        return Comparison(delta=delta, stage_deltas=delta[:, None, None])


class OneNumberNetwork(ScoringNetwork):
    """Such a network, with nothing else that a network has."""

    contrastive = SeesOneNumber()  # type: ignore[assignment]
    executes = False  # type: ignore[assignment]

    def __init__(self) -> None: ...


NETWORK = OneNumberNetwork()
MEAN, NUMBERS = "mean of the scores", "mean of the dive numbers"


def dive(number: int, score: float, **changes: object) -> Dive:
    known: dict = {"dataset": "own", "event": "own", "recording": f"film-{number}", "split": "train"}
    return Dive(number=number, score=score, **(known | changes))


def fitted(dives: list[Dive], seen: list[float], folds: Folds | None = None) -> BankFit:
    """The fit of a bank of dives of which the network sees these numbers."""
    stages = ClipVectors(vectors=torch.tensor(seen)[:, None])
    bank = ExemplarBank(
        dives=tuple(dives),
        stages=stages,
        edges=torch.tensor([[0, 10, 20, 30]] * len(dives)),
        weights_hash="abc",
    )
    views = [[stages.select(torch.tensor([row]))] for row in range(len(dives))]
    return cross_validated(NETWORK, bank, views, 10, folds)[0]


SCORES = [84.0, 60.0, 86.4, 54.0, 47.6, 60.0, 71.5, 92.0, 66.3, 78.2]
NOISE = [1.0, -2.0, 0.5, 2.5, -1.5, -0.5, 1.5, -1.0, 0.0, -0.5]


def test_a_bank_whose_films_tell_the_scores_is_validated_and_says_what_they_add() -> None:
    dives = [dive(k, score) for k, score in enumerate(SCORES)]
    known = fitted(dives, [s + n for s, n in zip(SCORES, NOISE, strict=True)]).validation
    (gain,) = known.gains
    assert known.film_counts and known.slope == pytest.approx(1.0, abs=0.1)
    assert gain.over == MEAN and gain.points == pytest.approx(
        gain.mean_absolute_error - known.mean_absolute_error
    )
    assert 0 < gain.interval[0] < gain.points < gain.interval[1]
    said = f"The film adds {gain.points:.2f} points of accuracy (95 % interval {gain.interval[0]:.2f} to {gain.interval[1]:.2f})"
    assert known.gain_words == f"{said} over the mean of the scores."


def test_scores_against_what_the_network_sees_are_no_better_than_the_mean_and_it_says_so() -> None:
    known = fitted([dive(k, s) for k, s in enumerate(SCORES[:6])], [-s for s in SCORES[:6]]).validation
    assert known.slope == 0 and not known.film_counts
    assert known.gain_words.startswith("Not validated: no better than the mean of the scores.")


def test_a_gain_that_may_be_chance_is_not_validated() -> None:
    seen = [60.0, 62.0, 81.0, 70.0, 52.0, 64.0]
    known = fitted([dive(k, s) for k, s in enumerate(SCORES[:6])], seen).validation
    (gain,) = known.gains
    assert gain.points > 0 > gain.interval[0] and known.slope > 0 and not known.film_counts
    assert "not surely better than the mean of the scores" in known.gain_words


def test_a_bank_that_only_knows_the_dive_numbers_is_not_validated() -> None:
    """Easy and hard dives: the network tells them apart, as their numbers do, and sees nothing else."""
    easy, hard = [40.1, 39.0, 41.3, 40.6, 38.7, 40.2], [80.4, 78.8, 82.0, 79.5, 81.1, 80.0]
    # The mean of the numbers is shrunken, so it takes many dives to come as near as the network.
    dives = [
        dive(k, score, dive_number=number, difficulty=difficulty)
        for number, difficulty, scores in (("101B", 1.5, easy * 4), ("107B", 3.0, hard * 4))
        for k, score in enumerate(scores, start=0 if number == "101B" else 100)
    ]
    known = fitted(dives, [0.0] * 24 + [40.0] * 24).validation
    gains = {gain.over: gain for gain in known.gains}
    assert gains[MEAN].interval[0] > 0 and not known.film_counts
    assert NUMBERS in known.gain_words and known.gain_words.startswith("Not validated")


def test_what_needs_no_film_is_said_from_the_labels_of_other_folds() -> None:
    dives = [
        dive(0, 60.0, dive_number="101B", difficulty=1.5),
        dive(1, 66.0, dive_number="101B", difficulty=1.5),
        dive(2, 90.0, dive_number="107B", difficulty=3.0),
        dive(3, 81.0, dive_number="107B", difficulty=3.0),
    ]
    said = without_film(dives, Folds((0, 0, 2, 3)))
    assert said[MEAN].tolist() == [85.5, 85.5, pytest.approx(69.0), pytest.approx(72.0)]
    # Of dive 3: executions 40, 44 and 30 of the others, their mean 38, moved by one part in eleven to 30, times 3.0.
    assert said[NUMBERS][3] == pytest.approx(3.0 * (38.0 - 8.0 / 11.0))
    assert said[NUMBERS][0] == pytest.approx(1.5 * 28.5)
    # With one difficulty unknown it is the mean of scores; without any number or difficulty there is none.
    dives[0] = dives[0].with_changes(dive_number=None, difficulty=None)
    assert without_film(dives, Folds((0, 0, 2, 3)))[NUMBERS][0] == pytest.approx(85.5)
    bare = [one.with_changes(dive_number=None, difficulty=None) for one in dives]
    assert list(without_film(bare, Folds((0, 0, 2, 3)))) == [MEAN]


def test_copies_of_a_dive_do_not_predict_each_other() -> None:
    dives = [dive(k, s) for k, s in enumerate([*SCORES, SCORES[0]])]
    seen = [0.0] * len(dives)
    alone = fitted(dives, seen)
    together = fitted(dives, seen, Folds((*range(len(SCORES)), 0)))
    assert together.validation.gains[0].mean_absolute_error > alone.validation.gains[0].mean_absolute_error
    # With all others voting the bank says the mean of the scores too, whoever is held out with whom.
    assert together.validation.mean_absolute_error == pytest.approx(
        np.mean([abs(s - np.mean([t for t in set(SCORES) if t != s])) for s in SCORES]), abs=2.0
    )
    assert together.validation.num_dives == 11


def test_error_and_coverage_come_with_intervals_and_scores_get_one() -> None:
    dives = [dive(k, score) for k, score in enumerate(SCORES)]
    fit = fitted(dives, [s + n for s, n in zip(SCORES, NOISE, strict=True)])
    known = fit.validation
    assert known.error_interval is not None and known.coverage is not None and known.coverage_interval
    assert 0 <= known.error_interval[0] < known.mean_absolute_error < known.error_interval[1]
    assert 0 <= known.coverage_interval[0] < known.coverage <= known.coverage_interval[1] <= 1
    low, high = IntervalModel.from_json(fit.score_intervals).interval(70.0, (69.0, 71.0))
    assert 0 < high - low < 20
    fewer = fitted(dives[:9], SCORES[:9])
    assert fewer.score_intervals and fewer.validation.coverage is None
