"""A film says which dive number it shows; without one the score is the mean over what the dive may be."""

import copy
import csv
import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stored_dives
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.cli.main import app
from stagescore.data.score_prior import ScorePrior
from stagescore.diving import NUM_NUMBER_CLASSES, usual_difficulty
from stagescore.inference.familiarity import film_share
from stagescore.models.recognition import NumberRecognition, candidate_numbers
from stagescore.report.dive_report import dive_report
from stagescore.report.pictures import Pictures
from stagescore.report.score_breakdown import breakdown_of
from stagescore.scoring import batch
from stagescore.scoring.blending import Blend, mixed
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork

HALVES, POSITIONS = 2, 4
UNKNOWN = "107A"
"""A dive of the bank that has no usual difficulty at 10 m."""
SOMERSAULTS = {7: 0.8, 9: 0.2}


class Told(NumberRecognition):
    """Sees a forward dive of given half somersaults and positions in every film."""

    def __init__(self, halves: dict[int, float], positions: dict[str, float]) -> None:
        super().__init__(in_width=8)
        parts = [torch.full((size,), -40.0) for size in NUM_NUMBER_CLASSES]
        for part in (0, 1, 3):
            parts[part][0] = 0.0
        for half_somersaults, probability in halves.items():
            parts[HALVES][half_somersaults] = math.log(probability)
        for letter, probability in positions.items():
            parts[POSITIONS]["ABCD".index(letter)] = math.log(probability)
        self.logits = torch.cat(parts)

    def forward(self, described: torch.Tensor) -> torch.Tensor:
        return self.logits.repeat(len(described), 1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ScoringNetwork:
    """Recognises nothing; its exemplars are dives from 10 m, one of them of no usual difficulty."""
    (network,) = made_scorer.scorer(tmp_path_factory).scoring_networks
    numbers = (UNKNOWN, "107B", "107B", "107C", "407C")
    dives = tuple(
        dive.with_changes(dive_number=number, height_m=10.0, difficulty=3.0)
        for dive, number in zip(network.bank.dives, numbers, strict=True)
    )
    return replace(network, bank=replace(network.bank, dives=dives))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(stored_dives.dives(tmp_path_factory)[0].frames_path)


def seeing(
    network: ScoringNetwork,
    positions: dict[str, float],
    *,
    halves: dict[int, float] | None = None,
    distance: float | None = 0.5,
    target: str = "execution",
    temperature: float = 1.0,
) -> Scorer:
    """A scorer whose network sees these positions of a forward dive."""
    model = copy.deepcopy(network.model)
    model.encoders.numbers = Told(halves or {7: 1.0}, positions)
    card = {"number_recognition": {"temperature": temperature, "num_dives": 50.0}}
    if target == "score":
        network = replace(network, card=network.card.model_copy(update=card))
    else:
        network = made_scorer.executing(network, distance, **card)
    return made_scorer.scorer_of(replace(network, model=model))


def blind(network: ScoringNetwork, distance: float = 0.5) -> Scorer:
    """The same without eyes for the number."""
    return made_scorer.scorer_of(made_scorer.executing(network, distance))


def without_number(result: Result) -> dict[str, Any]:
    """Everything but what is said of where the number comes from."""
    dump = result.model_dump(mode="json")
    for name in ("timings", "dive_number_source", "recognised", "warnings", "height_m"):
        dump.pop(name)
    return dump


@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_a_sure_number_scores_as_if_it_had_been_given(
    plain: ScoringNetwork, film: str, distance: float
) -> None:
    scorer = seeing(plain, {"B": 0.95, "C": 0.05}, distance=distance)
    found = scorer.score(film)
    said = blind(plain, distance).score(film, dive_number="107B", height_m=10.0)
    assert found.status == "ok" and without_number(found) == without_number(said)
    assert (found.dive_number, found.dive_number_source) == ("107B", "recognised")
    assert (said.dive_number_source, said.recognised) == ("given", [])
    assert found.height_m is None and any("10 m is assumed" in told for told in found.warnings)
    assert not any("is assumed" in told for told in scorer.score(film, height_m=10.0).warnings)
    assert "somersaults" in (found.words or "")


def test_the_three_likeliest_are_listed_with_their_difficulties(plain: ScoringNetwork, film: str) -> None:
    found = seeing(plain, {"B": 0.7, "C": 0.3}, halves=SOMERSAULTS).score(film, height_m=10.0)
    assert [one.dive_number for one in found.recognised] == ["107B", "107C", "109B"]
    assert [one.probability for one in found.recognised] == pytest.approx([0.56, 0.24, 0.14])
    assert [one.difficulty for one in found.recognised] == [
        usual_difficulty(code, 10.0) for code in ("107B", "107C", "109B")
    ]
    assert found.dive_number is None and found.dive_number_source is None
    # Numbers of another height do not come into question.
    lower = seeing(plain, {"B": 0.7, "C": 0.3}).score(film, height_m=3.0)
    assert {one.difficulty for one in lower.recognised[:2]} == {
        usual_difficulty(code, 3.0) for code in ("107B", "107C")
    }


@pytest.mark.parametrize("distance", [0.5, 1.4])
def test_an_unsure_number_gives_the_mean_over_all_numbers(
    plain: ScoringNetwork, film: str, distance: float
) -> None:
    found = seeing(plain, {"B": 0.7, "C": 0.3}, halves=SOMERSAULTS, distance=distance).score(
        film, height_m=10.0
    )
    assert found.status == "ok" and found.score is not None
    # The network alone, at difficulty 1 and with exemplars of any number.
    execution = blind(plain).score(film, difficulty=1.0, height_m=10.0).score
    assert execution is not None
    table, share = ScorePrior.shipped(), film_share(distance)
    probabilities = {
        "107B": 0.7 * 0.8,
        "107C": 0.3 * 0.8,
        "109B": 0.7 * 0.2,
        "109C": 0.3 * 0.2,
    }
    temperature = max(distance, 1.0)
    weights = {code: p ** (1 / temperature) for code, p in probabilities.items()}
    total, wanted, wanted_execution, difficulty = sum(weights.values()), 0.0, 0.0, 0.0
    for code, weight in weights.items():
        factor = usual_difficulty(code, 10.0)
        assert factor is not None
        prior = table.expect(difficulty=factor, dive_number=code, height_m=10.0).score
        one = share * execution * factor + (1 - share) * prior
        wanted += weight / total * one
        wanted_execution += weight / total * one / factor
        difficulty += weight / total * factor
    assert found.score == pytest.approx(wanted, rel=1e-6)
    assert found.execution == pytest.approx(wanted_execution, rel=1e-6)
    assert found.difficulty == pytest.approx(difficulty, rel=1e-6)
    balance = breakdown_of(found)
    assert sum(balance.parts) == pytest.approx(found.score)
    assert found.judging is None and "no dive number" in found.protocol
    assert (
        found.prior is not None and found.prior.num_dives == 0 and "by their probability" in found.prior.group
    )


def test_the_spread_of_the_numbers_enters_the_interval(plain: ScoringNetwork, film: str) -> None:
    def width(positions: dict[str, float], halves: dict[int, float]) -> float:
        interval = seeing(plain, positions, halves=halves).score(film, height_m=10.0).interval
        assert interval is not None
        return interval[1] - interval[0]

    near, far = width({"B": 0.5, "C": 0.5}, {7: 1.0}), width({"B": 0.5, "C": 0.5}, {3: 0.5, 9: 0.5})
    assert width({"B": 1.0}, {7: 1.0}) < near < far


def normal_below(x: float, mean: float, sd: float) -> float:
    return 0.5 * (1 + math.erf((x - mean) / (sd * math.sqrt(2))))


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(20, 100), st.floats(1, 19)), min_size=2, max_size=6
    ),
)
def test_a_mixture_is_that_of_a_plain_loop(parts: list[tuple[float, float, float]]) -> None:
    total = sum(weight for weight, _, _ in parts)
    blends = [
        (weight / total, Blend(score=score, interval=(score - half, score + half), prior_part=half / 2))
        for weight, score, half in parts
    ]
    found = mixed(blends)
    assert found.score == pytest.approx(sum(p * one.score for p, one in blends))
    assert found.prior_part == pytest.approx(sum(p * one.prior_part for p, one in blends))
    assert found.interval is not None
    for end, wanted in zip(found.interval, (0.05, 0.95), strict=True):
        below = sum(weight / total * normal_below(end, score, half / 1.6449) for weight, score, half in parts)
        # An end below 0 is cut off.
        assert below == pytest.approx(wanted, abs=1e-6) or (end == 0.0 and below > wanted)


def test_a_mixture_of_one_is_itself_and_without_intervals_there_is_none() -> None:
    one = Blend(score=3.0, interval=(0.0, 9.0), prior_part=0.0)
    assert mixed([(1.0, one)]) == one
    assert mixed([(0.5, one), (0.5, replace(one, interval=None))]).interval is None


def test_a_likely_number_without_a_difficulty_leaves_execution_and_no_score(
    plain: ScoringNetwork, film: str
) -> None:
    scorer = seeing(plain, {"A": 0.2, "B": 0.8})
    found = scorer.score(film, height_m=10.0)
    assert (found.status, found.score, found.interval) == ("needs_review", None, None)
    assert [reason.code for reason in found.reasons] == ["unknown-difficulty"]
    assert UNKNOWN in found.reasons[0].text and "--difficulty" in found.reasons[0].text
    assert [one.difficulty for one in found.recognised[:2]] == [3.0, None]
    wanted = blind(plain).score(film, difficulty=2.5, height_m=10.0).score
    assert wanted is not None and found.execution == pytest.approx(wanted / 2.5)
    assert len(found.stages) == 3 and not found.exemplars
    assert "Execution: " in dive_report(found, Pictures())
    # With a difficulty there is a score, and the same execution.
    told = scorer.score(film, height_m=10.0, difficulty=2.5)
    assert told.status == "ok" and told.execution == pytest.approx(found.execution)
    assert told.judging is not None and told.judging.difficulty == 2.5
    sure = seeing(plain, {"A": 1.0}).score(film, height_m=10.0)
    assert (sure.dive_number, sure.reasons[0].code) == (UNKNOWN, "unknown-difficulty")


def test_an_unlikely_number_without_a_difficulty_is_left_out(plain: ScoringNetwork, film: str) -> None:
    found = seeing(plain, {"A": 0.09, "B": 0.51, "C": 0.4}).score(film, height_m=10.0)
    without = seeing(plain, {"B": 0.51 / 0.91, "C": 0.4 / 0.91}).score(film, height_m=10.0)
    assert found.status == "ok" and found.score == pytest.approx(without.score)
    assert found.recognised[2].dive_number == UNKNOWN


@pytest.mark.parametrize(
    ("positions", "disagrees"),
    [({"B": 0.03, "C": 0.97}, True), ({"B": 0.2, "C": 0.8}, False), ({"B": 0.97, "C": 0.03}, False)],
)
def test_a_given_number_counts_and_the_film_may_disagree(
    plain: ScoringNetwork, film: str, positions: dict[str, float], disagrees: bool
) -> None:
    found = seeing(plain, positions).score(film, dive_number="107b", height_m=10.0)
    said = blind(plain).score(film, dive_number="107B", height_m=10.0)
    assert (found.score, found.interval, found.judging) == (said.score, said.interval, said.judging)
    assert (found.dive_number, found.dive_number_source, found.disagrees) == ("107B", "given", disagrees)
    assert any("check the dive number" in told for told in found.warnings) == disagrees
    assert ("but the film looks like 107C" in dive_report(found, Pictures())) == disagrees


def test_a_number_given_without_its_height_is_scored_at_the_height_of_the_exemplars(
    plain: ScoringNetwork, film: str
) -> None:
    for scorer in (blind(plain), seeing(plain, {"B": 0.97, "C": 0.03})):
        found, said = (scorer.score(film, dive_number="107B", **more) for more in ({}, {"height_m": 10.0}))
        assert found.status == "ok" and without_number(found) == without_number(said)
        assert sum("10 m is assumed" in told for told in found.warnings) == 1
    # Where nothing depends on the height, none is assumed.
    whole = blind(plain).score(film, dive_number="107B", difficulty=3.0)
    assert not any("is assumed" in told for told in whole.warnings)


def test_a_given_number_that_nobody_expects_comes_into_question(plain: ScoringNetwork, film: str) -> None:
    assert "105A" not in candidate_numbers(10.0, plain.bank.dives)
    found = seeing(plain, {"A": 1.0}, halves={5: 1.0}).score(
        film, dive_number="105A", height_m=10.0, difficulty=2.6
    )
    assert found.recognised[0].dive_number == "105A" and not found.disagrees


@pytest.mark.slow
def test_a_stranger_film_makes_no_number_surer(plain: ScoringNetwork, film: str) -> None:
    top = [
        seeing(plain, {"B": 0.95, "C": 0.05}, distance=distance).score(film, height_m=10.0)
        for distance in (0.2, 1.0, 1.5, 2.5)
    ]
    probabilities = [one.recognised[0].probability for one in top]
    assert probabilities[0] == probabilities[1] > probabilities[2] > probabilities[3]
    assert [one.dive_number for one in top] == ["107B", "107B", None, None]
    flat = seeing(plain, {"B": 0.95, "C": 0.05}, temperature=1.5).score(film, height_m=10.0)
    assert flat.recognised[0].probability == pytest.approx(probabilities[2])


def test_weights_that_recognise_nothing_ask_for_a_difficulty(plain: ScoringNetwork, film: str) -> None:
    bare = blind(plain).score(film, height_m=10.0)
    assert [reason.code for reason in bare.reasons] == ["no-difficulty"]
    assert bare.score is None and bare.recognised == [] and not bare.disagrees
    # A head whose probabilities were never calibrated is not asked.
    (network,) = seeing(plain, {"B": 1.0}).scoring_networks
    card = network.card.model_copy(update={"number_recognition": {}})
    raw = made_scorer.scorer_of(replace(network, card=card)).score(film, height_m=10.0)
    assert raw.recognised == [] and raw.reasons == bare.reasons


def test_no_number_is_recognised_in_what_is_no_whole_dive(
    plain: ScoringNetwork, film: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    far = seeing(plain, {"B": 1.0}, distance=3.5).score(film)
    assert [reason.code for reason in far.reasons] == ["unfamiliar"] and far.recognised == []
    scorer = seeing(plain, {"B": 1.0})
    scorer.flights = made_scorer.GivenFlight(ends_in_air=True)
    half = scorer.score(film)
    assert [reason.code for reason in half.reasons] == ["partial"] and half.recognised == []
    joints = str(stored_dives.dives(tmp_path_factory)[0].poses_path)
    alone = scorer.score(joints, size_px=(112, 64), dive_number="107B", height_m=10.0)
    assert alone.status == "ok" and alone.recognised == [] and alone.interval is None


def test_a_network_that_predicts_points_needs_no_mean_over_numbers(plain: ScoringNetwork, film: str) -> None:
    bare = made_scorer.scorer_of(plain)
    unsure = seeing(plain, {"B": 0.6, "C": 0.4}, target="score").score(film, height_m=10.0)
    assert unsure.score == bare.score(film, height_m=10.0).score
    assert len(unsure.recognised) == 3 and unsure.difficulty is None
    assert "mean over" not in dive_report(unsure, Pictures())
    sure = seeing(plain, {"B": 0.96, "C": 0.04}, target="score").score(film, height_m=10.0)
    given = bare.score(film, dive_number="107B", height_m=10.0)
    assert (sure.score, sure.execution) == (given.score, given.execution)


def test_reports_and_tables_say_which_number_it_is(plain: ScoringNetwork, film: str) -> None:
    sure = seeing(plain, {"B": 0.95, "C": 0.05}).score(film, height_m=10.0)
    unsure = seeing(plain, {"B": 0.61, "C": 0.39}).score(film, height_m=10.0)
    assert "Dive number: 107B (recognised, 95\u00a0%)." in dive_report(sure, Pictures())
    page = dive_report(unsure, Pictures())
    assert "most likely 107B (61\u00a0%), 107C (39\u00a0%) or " in page and "mean over all numbers" in page
    rows = list(csv.DictReader(io.StringIO(batch.summary_csv([sure, unsure]).decode())))
    assert [row["dive_number_source"] for row in rows] == ["recognised", ""]
    assert rows[1]["recognised"].startswith("107B:0.610 107C:0.390 ")
    assert float(rows[1]["execution"]) == pytest.approx(unsure.execution, abs=1e-3)
    for result in (sure, unsure):
        assert Result.model_validate_json(result.to_bytes()) == result


def test_the_command_prints_the_number(
    plain: ScoringNetwork, film: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    def loaded(*arguments: Any, **named: Any) -> Scorer:
        return seeing(plain, {"B": 0.95, "C": 0.05})

    monkeypatch.setattr(Scorer, "load", loaded)
    done = CliRunner().invoke(app, ["score", film, "--height", "10", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "Dive number: 107B (recognised, 95\u00a0%)." in " ".join(done.output.split(" "))
    (written,) = (tmp_path / "out").glob("*/result.json")
    assert json.loads(written.read_text())["dive_number"] == "107B"
