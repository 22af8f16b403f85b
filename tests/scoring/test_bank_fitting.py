"""Exemplars of one's own: which dives become some, and an error that no dive helped to make small for itself."""

import shutil
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
from stagescore.scoring.bank_fitting import FittedBank, film_names, fit_bank, problem_of
from stagescore.scoring.bank_validation import cross_validated, fitted_slope, known_of
from stagescore.scoring.result_parts import Reason, Validation
from stagescore.scoring.scored import Scored
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
    assert told == [
        *(("dives", k, len(dives)) for k in range(len(dives))),
        *(("pairs of films", k, 10) for k in range(10)),
    ]
    return scorer, dives, found


def test_whole_dives_become_exemplars_and_of_the_others_it_is_said_why(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank],
) -> None:
    _, dives, found = fitted
    assert [dive.dive_id for dive in found.bank.dives] == [dive.dive_id for dive in dives[:5]]
    names = film_names(dives)
    assert found.left_out == {
        dives[5].dive_id: "there is no film of it",
        names[dives[6].dive_id]: f"there is no {dives[6].frames_path}",
        names[dives[7].dive_id]: "its difficulty is not known",
    }
    assert "none.mp4" in names[dives[6].dive_id]
    assert list(found.predictions) == [names[dive.dive_id] for dive in found.bank.dives]
    assert found.copies == ()
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
    assert {Path(str(vote.film)).name for vote in result.exemplars} == {
        str(dive.number) for dive in dives[1:5]
    }, "the films' names"
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


class Closed(Scorer):
    """A scorer that must not be shown a film."""

    def scored(self, *arguments: object, **named: object) -> Scored:
        raise AssertionError("a film was read")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"frames_path": None},
            "4 of 5 dives can be used; the first that was left out: .*there is no film of it",
        ),
        ({"frames_path": "gone.mp4"}, "4 of 5 dives can be used; .*gone.mp4: there is no gone.mp4"),
        (
            {"difficulty": None, "dive_number": None},
            "4 of 5 dives can be used; .*its difficulty is not known",
        ),
    ],
)
def test_too_few_dives_are_told_before_any_film_is_read(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank], wrong: dict[str, None], words: str
) -> None:
    scorer, dives, _ = fitted
    dives = (*dives[:4], dives[4].with_changes(**wrong))
    with pytest.raises(DataError, match=words):
        fit_bank(Closed(scorer.scoring_networks), dives)


def test_one_film_in_five_rows_is_one_dive(fitted: tuple[Scorer, tuple[Dive, ...], FittedBank]) -> None:
    scorer, dives, _ = fitted
    with pytest.raises(DataError, match="1 of 5 dives can be used"):
        fit_bank(Closed(scorer.scoring_networks), [dives[0].with_changes(number=50 + k) for k in range(5)])


def test_copies_are_named_by_their_films_and_too_few_different_dives_are_refused(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank], tmp_path: Path
) -> None:
    scorer, dives, _ = fitted
    copied = []
    for dive in dives[:4]:
        folder = tmp_path / f"film-{dive.number}"
        shutil.copytree(str(dive.frames_path), folder)
        copied.append(dive.with_changes(frames_path=str(folder)))
    mirror = [image[:, ::-1].copy() for _, image in open_media(copied[0].frames_path or "").frames(range(30))]
    made_scorer.write_frames(tmp_path / "mirror", mirror)
    copied.append(copied[0].with_changes(number=60, frames_path=str(tmp_path / "mirror")))
    with pytest.raises(DataError) as caught:
        fit_bank(scorer, copied, folder=tmp_path)
    assert str(caught.value).startswith(
        f"5 films show 4 different dives: film-{copied[0].number} and mirror show the same dive, one of them mirrored;"
    )


def test_a_dive_is_named_by_its_film_and_by_its_row_only_where_a_film_stands_twice(tmp_path: Path) -> None:
    def dive(number: int, path: str | None) -> Dive:
        known = {
            "dataset": "own",
            "event": "own",
            "recording": f"own/{number}",
            "split": "train",
            "score": 5.0,
        }
        return Dive(number=number, frames_path=path and str(tmp_path / path), **known)

    dives = [dive(2, "monday/a.mp4"), dive(3, "monday/b.mp4"), dive(4, "monday/b.mp4"), dive(5, None)]
    assert list(film_names(dives, tmp_path).values()) == [
        "monday/a.mp4",
        "monday/b.mp4 (dive 3)",
        "monday/b.mp4 (dive 4)",
        "own/5",
    ]
    assert film_names(dives[:2])["own/2"] == "a.mp4"


def test_a_bank_at_slope_nought_gives_no_score_and_says_why(
    fitted: tuple[Scorer, tuple[Dive, ...], FittedBank],
) -> None:
    scorer, dives, found = fitted
    (network,) = scorer.scoring_networks
    flat = found.fit.model_copy(update={"slope": 0.0})
    result = made_scorer.scorer_of(replace(network, bank=found.bank, fit=flat)).score(
        str(dives[0].frames_path), difficulty=3.0
    )
    assert (result.status, result.score, result.validated) == ("needs_review", None, False)
    assert [reason.code for reason in result.reasons] == ["bank-adds-nothing"]
    assert len(result.stages) == 3
