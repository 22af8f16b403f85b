"""Exemplars of one's own: which dives become some, and an error that no dive helped to make small for itself."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import CheckpointError, DataError
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.media.source import open_media
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.bank_fitting import (
    FittedBank,
    cross_validated,
    fit_bank,
    fitted_slope,
    known_of,
    problem_of,
)
from stagescore.scoring.result_parts import Reason, Validation
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.tensors import joined
from stagescore.types import Dive


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> ScoringNetwork:
    return made_scorer.scorer(tmp_path_factory).scoring_networks[0]


def larger(network: ScoringNetwork, times: int) -> ExemplarBank:
    """The same exemplars several times, as other dives with other scores."""
    bank = network.exemplars
    dives = tuple(
        dive.with_changes(
            number=dive.number + 100 * k, recording=f"{dive.recording}-{k}", score=dive.score + 7.0 * k
        )
        for k in range(times)
        for dive in bank.dives
    )
    return replace(
        bank,
        dives=dives,
        stages=joined([bank.stages] * times),
        edges=bank.edges.repeat(times, 1),
        pictures={},
    )


@pytest.mark.parametrize("executes", [False, True])
def test_each_dive_is_predicted_from_the_others_with_a_slope_that_is_fitted_without_it(
    network: ScoringNetwork, executes: bool
) -> None:
    network = made_scorer.executing(network) if executes else network
    bank = network.exemplars
    scores = (60.1, 59.7, 60.5, 59.9, 59.8)
    known = zip(bank.dives, scores, strict=True)
    bank = replace(
        bank,
        dives=tuple(
            dive.with_changes(score=score, dive_number=None, difficulty=3.0) for dive, score in known
        ),
    )
    num = len(bank)
    views = [[bank.stages.select(bank.rows([dive]))] for dive in bank.dives]
    fit, predictions = cross_validated(network, bank, views, 10)
    base, delta, truth = [], [], [dive.score for dive in bank.dives]
    for dive, seen in zip(bank.dives, views, strict=True):
        kept = [row for row, other in enumerate(bank.dives) if other != dive]
        others = replace(
            bank,
            dives=tuple(bank.dives[row] for row in kept),
            stages=joined([views[row][0] for row in kept]),
            edges=bank.edges[kept],
            pictures={},
        )
        task = PredictionTask(protocol="w/o DN", num=10, execution=executes)
        found = predictor_of(network.model, task, others).predict(dive, seen)
        votes, parts = found.prediction.votes, found.stage_deltas.sum(dim=(1, 2)).tolist()
        delta.append(sum(parts) / len(parts))
        base.append(sum(votes) / len(votes) - delta[-1])
    slopes = []
    for one in range(num):
        rest = [k for k in range(num) if k != one]
        above = sum((truth[k] - base[k]) * delta[k] for k in rest)
        slopes.append(min(max(above / sum(delta[k] ** 2 for k in rest), 0.0), 1.5))
    assert 0.0 < min(slopes) < max(slopes) < 1.5  # none of them is held
    wanted = [b + s * d for b, s, d in zip(base, slopes, delta, strict=True)]
    assert [predictions[dive.dive_id][0] for dive in bank.dives] == truth
    assert [predictions[dive.dive_id][1] for dive in bank.dives] == pytest.approx(wanted, abs=1e-4)
    errors = [abs(t - w) for t, w in zip(truth, wanted, strict=True)]
    assert fit.validation.mean_absolute_error == pytest.approx(np.mean(errors), abs=1e-4)
    assert fit.validation.num_dives == num and fit.slope == fit.validation.slope
    assert fit.slope == pytest.approx(fitted_slope(np.subtract(truth, base), np.array(delta)), abs=1e-3)


def test_an_interval_needs_nine_dives(network: ScoringNetwork) -> None:
    """Of fewer, none could be as wide as 90 % ask for."""

    def fit_of(num: int) -> BankFit:
        whole = larger(network, 2)
        bank = replace(
            whole,
            dives=whole.dives[:num],
            stages=whole.stages.select(whole.rows(whole.dives[:num])),
            edges=whole.edges[:num],
        )
        views = [[bank.stages.select(bank.rows([dive]))] for dive in bank.dives]
        return cross_validated(network, bank, views, 10)[0]

    assert fit_of(8).score_intervals == {}
    assert fit_of(9).score_intervals["level"] == 0.9


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scorer, tuple[Dive, ...], FittedBank]:
    """Five dives that can be used, one without a film, and one that is cut off."""
    scorer = made_scorer.scorer(tmp_path_factory)
    (network,) = scorer.scoring_networks
    scorer.scoring_networks = (made_scorer.executing(network, blends_with_prior=False),)
    scorer.flights = made_scorer.GivenFlight()
    dives = stored_dives.dives(tmp_path_factory)
    films = tmp_path_factory.mktemp("own")
    short = []
    for dive in dives:  # some frames of each, which take less time
        media = open_media(str(dive.frames_path))
        pictures = [image.copy() for _, image in media.frames(range(25, 55))]
        film = made_scorer.write_frames(films / str(dive.number), pictures)
        short.append(dive.with_changes(difficulty=3.0, frames_path=str(film), poses_path=None))
    dives = (
        *short,
        dives[0].with_changes(number=90, frames_path=None),
        dives[0].with_changes(number=91, frames_path=str(tmp_path_factory.getbasetemp() / "none.mp4")),
        short[0].with_changes(number=92, difficulty=None, dive_number=None, height_m=None),
    )
    told: list[tuple[str, int, int]] = []
    found = fit_bank(scorer, dives, progress=lambda *what: told.append(what))
    assert told == [("dives", k, len(dives)) for k in range(len(dives))]
    return scorer, dives, found


def test_whole_dives_become_exemplars_and_of_the_others_it_is_said_why(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank],
) -> None:
    _, dives, found = fitted
    assert [dive.dive_id for dive in found.bank.dives] == [dive.dive_id for dive in dives[:5]]
    assert [found.left_out[dive.dive_id] for dive in dives[5:]] == [
        "there is no film of it",
        found.left_out[dives[6].dive_id],
        "its difficulty is not known",
    ]
    assert (
        "none.mp4" in found.left_out[dives[6].dive_id]
        or "no such" in found.left_out[dives[6].dive_id].lower()
    )
    assert set(found.predictions) == {dive.dive_id for dive in found.bank.dives}
    assert all(len(one) > 0 for one in found.bank.pictures.values()) and len(found.bank.pictures) == 5


def test_a_bank_comes_back_with_its_fit_and_scores_with_its_slope(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank], tmp_path: Path
) -> None:
    scorer, dives, found = fitted
    found.save(tmp_path / "own.safetensors")
    bank = ExemplarBank.load(tmp_path / "own.safetensors")
    fit = BankFit.beside(tmp_path / "own.safetensors", bank.weights_hash)
    assert fit == found.fit and list(bank.pictures) == list(found.bank.pictures)
    half = fit.model_copy(update={"slope": 0.5})
    (network,) = scorer.scoring_networks
    own = made_scorer.scorer_of(replace(network, bank=bank, fit=half))
    result = own.score(str(dives[0].frames_path), difficulty=3.0)
    # The film itself is in the bank under its hash, and does not vote.
    assert {vote.dive_id for vote in result.exemplars} == {dive.dive_id for dive in dives[1:5]}
    plain = made_scorer.scorer_of(replace(network, bank=bank)).score(
        str(dives[0].frames_path), difficulty=3.0
    )
    assert result.score == pytest.approx(
        np.mean([vote.score + vote.delta / 2 for vote in plain.exemplars]), abs=1e-6
    )
    assert [one.difference for one in result.stages] == pytest.approx(
        [0.5 * (two.difference or 0.0) for two in plain.stages]
    )


def test_a_fit_that_is_damaged_or_of_other_weights_is_refused(tmp_path: Path) -> None:
    bank = tmp_path / "own.safetensors"
    assert BankFit.beside(bank, "abc") is None
    validation = Validation(num_dives=5, mean_absolute_error=1.0, slope=0.5)
    text = BankFit(weights_hash="abc", slope=0.5, validation=validation).model_dump_json()
    beside = tmp_path / "own.json"
    beside.write_text(text)
    assert BankFit.beside(bank, "abc") is not None
    with pytest.raises(CheckpointError, match="fitted with weights abc, the network has def"):
        BankFit.beside(bank, "def")
    for harm in (text[:20], text.replace('"slope":0.5,', "", 1), "{}"):
        beside.write_text(harm)
        with pytest.raises(CheckpointError, match="cannot be read"):
            BankFit.beside(bank, "abc")


def test_what_speaks_against_a_score_speaks_against_an_exemplar_unless_own_exemplars_cure_it(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank],
) -> None:
    scorer, dives, _ = fitted
    seen = scorer.scored(str(dives[0].frames_path), known_of(dives[0]))

    def problem(*codes: str) -> str:
        reasons: Sequence[Reason] = [Reason(code=code, text=f"It is {code}.") for code in codes]
        return problem_of(replace(seen, result=seen.result.model_copy(update={"reasons": reasons})))

    assert problem() == problem("unfamiliar", "no-difficulty", "unknown-difficulty") == ""
    assert problem("unfamiliar", "cut", "two-divers") == "It is cut. It is two-divers."


def test_all_that_a_label_says_is_known_when_its_film_is_seen() -> None:
    dive = Dive(
        dataset="own",
        event="cup",
        number=1,
        recording="own/cup/1",
        split="train",
        score=60.0,
        difficulty=3.2,
        dive_number="407C",
        height_m=10.0,
        poses_path="joints.npz",
    )
    known = known_of(dive)
    assert (known.dive_number, known.difficulty, known.height_m) == ("407C", 3.2, 10.0)
    assert known.poses == Path("joints.npz")
    assert known_of(dive.with_changes(poses_path=None)).poses is None


def test_too_few_dives_are_refused_with_the_first_problem(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank],
) -> None:
    scorer, dives, _ = fitted
    with pytest.raises(DataError, match="0 of 1 dives can be used") as caught:
        fit_bank(scorer, dives[5:6])
    assert f"{dives[5].dive_id}: there is no film of it" in str(caught.value)
