"""From a model and labelled dives to tables, on five tiny dives."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.card_files import weights_hash
from stagescore.data.manifest import Manifest
from stagescore.data.preprocessing import View
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError
from stagescore.evaluation.evaluate import Case, EncodedDives, Evaluator
from stagescore.evaluation.evaluated_model import EvaluatedModel, EvaluationSet, evaluate, set_against
from stagescore.inference.encoding import encode_dives
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.voting import Voting, bank_of
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.tensors import DiveInputs


@pytest.fixture(scope="module")
def model() -> HPMCoRe:
    torch.manual_seed(1)
    return tiny_runs.make_model(tiny_runs.settings()).eval()


@pytest.fixture(scope="module")
def evaluation_set(tmp_path_factory: pytest.TempPathFactory) -> EvaluationSet:
    dives = stored_dives.dives(tmp_path_factory)
    split = [dive.with_changes(split="test" if k < 3 else "train") for k, dive in enumerate(dives)]
    return EvaluationSet(
        manifest=Manifest(tuple(split)),
        part="test",
        store=stored_dives.store(tmp_path_factory),
        exemplars_from="train",
    )


@pytest.fixture(scope="module")
def evaluated(model: HPMCoRe) -> EvaluatedModel:
    return EvaluatedModel(
        name="tiny", states={"": model}, preprocessing=tiny_runs.settings().data.preprocessing, votes=2
    )


def test_one_evaluation_prints_every_case(evaluated: EvaluatedModel, evaluation_set: EvaluationSet) -> None:
    result = evaluate(evaluated, evaluation_set)
    document = result.report.as_json()
    assert set(document["metrics"]) == {"srcc", "rl2x100", "aiou50", "aiou75", "mae", "kendall"}
    assert all(set(figure) == {"value", "low", "high"} for figure in document["metrics"].values())
    assert document["protocol"]["dives"] == 3 and document["protocol"]["joints"] == "estimated"
    rows = document["tables"]["Model"]
    asked = {(row["protocol"], row["joints"], row["missing"]) for row in rows}
    assert {("w/ DN", "estimated", ""), ("w/o DN", "estimated", ""), ("w/ DD", "exact", "")} <= asked
    assert {("w/ DN", "estimated", "video"), ("w/ DN", "estimated", "skeleton")} <= asked
    assert any(row["kind"] == "floor" for rows in document["tables"].values() for row in rows)


def test_the_figures_are_those_of_predicting_one_by_one(
    model: HPMCoRe,
    evaluated: EvaluatedModel,
    evaluation_set: EvaluationSet,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    result = evaluate(evaluated, evaluation_set)
    source = tiny_runs.live(tmp_path_factory)
    queries = [dive.dive_id for dive in evaluation_set.queries]
    pool = [dive.dive_id for dive in evaluation_set.pool]
    bank = bank_of(encode_dives(model, source, pool), source.dives, weights_hash(model))
    voting = Voting(model=model, bank=bank, task=PredictionTask(num=2))
    voted = voting.predict_all([encode_dives(model, source, queries)], source.dives)
    by_hand = [one.prediction.score for one in voted]
    assert result.outcomes.predicted_scores.tolist() == pytest.approx(by_hand, abs=1e-3)
    errors = [abs(one.prediction.score - one.dive.score) for one in voted]
    assert result.report.as_json()["metrics"]["mae"]["value"] == pytest.approx(np.mean(errors), abs=1e-3)


def test_a_model_that_recognises_dive_numbers_is_measured_at_that_too(
    evaluated: EvaluatedModel, evaluation_set: EvaluationSet
) -> None:
    assert "Dive number recognised" not in evaluate(evaluated, evaluation_set, scope="headline").report.tables
    torch.manual_seed(1)
    model = tiny_runs.make_model(tiny_runs.settings("model.recognition.on=true")).eval()
    result = evaluate(replace(evaluated, states={"": model}), evaluation_set, scope="headline")
    document = result.report.as_json()
    rows = document["tables"]["Dive number recognised"]
    assert [row["name"] for row in rows] == [
        "all dive numbers",
        "numbers with fewer than 5 training films",
    ]
    right = [dive.recognised[0][0] == dive.dive_number for dive in result.outcomes]
    assert rows[0]["metrics"]["number_top1"]["value"] == pytest.approx(100 * np.mean(right))
    pool = [dive.dive_number for dive in evaluation_set.pool]
    for dive, one in zip(result.outcomes, result.evidence, strict=True):
        assert one.num_films == dive.number_films == pool.count(dive.dive_number)
        assert one.likeliest(1.0) == dive.recognised  # too few validation dives to fit a temperature
        assert np.exp(one.log_probabilities(1.0)).sum() == pytest.approx(1)
    assert "not calibrated" in document["notes"][0]
    page = result.report.markdown()
    table = page.split("## Dive number recognised")[1].split("##")[0]
    assert "dive number recognised, %" in table and "SRCC" not in table


@pytest.mark.slow
def test_two_models_are_compared_dive_by_dive(
    evaluated: EvaluatedModel, evaluation_set: EvaluationSet
) -> None:
    torch.manual_seed(2)
    other = replace(evaluated, name="other", states={"": tiny_runs.make_model(tiny_runs.settings()).eval()})
    results = [evaluate(one, evaluation_set) for one in (evaluated, other)]
    compared = set_against(results[0], {"other": results[1], "itself": results[0]}).report
    mine, theirs = (result.report.as_json()["metrics"]["mae"]["value"] for result in results)
    found = compared.as_json()["paired"]["other"]["mae"]
    assert found["value"] == pytest.approx(mine - theirs, abs=1e-9) and found["low"] <= found["high"]
    itself = compared.as_json()["paired"]["itself"]["mae"]
    assert itself == {"value": 0.0, "low": 0.0, "high": 0.0, "share_better": 0.0}
    assert "## tiny less other, on the same dives" in compared.markdown()


@pytest.mark.slow
def test_a_model_that_averages_its_branches_is_set_against_each_of_them(
    evaluated: EvaluatedModel, evaluation_set: EvaluationSet
) -> None:
    assert not evaluate(
        evaluated, evaluation_set
    ).report.paired  # added up, one branch alone predicts nothing
    averaging = tiny_runs.settings("model.regression.average_branches=true")
    torch.manual_seed(3)
    model = tiny_runs.make_model(averaging).eval()
    result = evaluate(replace(evaluated, states={"": model}), evaluation_set)
    rows = result.report.as_json()["tables"]["Each branch of the regression alone"]
    assert [row["name"] for row in rows] == ["tiny, fused branch alone", "tiny, static branch alone"]
    alone = []
    for branch in model.averaged_branches:
        heard = replace(evaluated, states={"": model.single_branch(branch)})
        alone.append(evaluate(heard, evaluation_set).outcomes.predicted_scores)
    mean = np.mean(alone, axis=0)
    assert result.outcomes.predicted_scores == pytest.approx(mean, abs=1e-3)
    assert alone[0] != pytest.approx(alone[1], abs=1e-3)
    truth = result.outcomes.true_scores
    mae = [np.abs(scores - truth).mean() for scores in (mean, *alone)]
    for row, name, lone in zip(rows, ("fused", "static"), mae[1:], strict=True):
        assert row["metrics"]["mae"]["value"] == pytest.approx(lone, abs=1e-3)
        difference = result.report.paired[f"its {name} branch alone"]["mae"].difference.value
        assert difference == pytest.approx(mae[0] - lone, abs=1e-3)


def test_a_withheld_modality_changes_the_answer(
    model: HPMCoRe, evaluation_set: EvaluationSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tiny_runs.samples(tmp_path_factory)
    ids = sorted(samples.dives)
    source = EncodedDives(model, samples, ids)
    bank = bank_of(encode_dives(model, source, ids), source.dives, weights_hash(model))
    evaluator = Evaluator(model=model, bank=bank, votes=3)
    scores = {
        missing: evaluator.outcomes(
            source, ids, Case(protocol="w/o DN", missing=missing)
        ).predicted_scores.tolist()
        for missing in ("", "video", "skeleton")
    }
    assert scores[""] != scores["video"] and scores[""] != scores["skeleton"]


def test_transitions_come_back_in_frames_of_the_clip(
    model: HPMCoRe, evaluation_set: EvaluationSet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tiny_runs.samples(tmp_path_factory)
    ids = sorted(samples.dives)
    source = EncodedDives(model, samples, ids)
    bank = bank_of(encode_dives(model, source, ids), source.dives, weights_hash(model))
    outcomes = Evaluator(model=model, bank=bank).outcomes(source, ids, Case(protocol="w/o DN"))
    encoded = encode_dives(model, source, ids)
    for row, outcome in enumerate(outcomes):
        frames = samples.store.indices(ids[row])
        last_of_takeoff = int(encoded.edges[row, 1]) - 1
        assert outcome.predicted_transitions is not None
        assert frames[last_of_takeoff] <= outcome.predicted_transitions[0] <= frames[last_of_takeoff + 1]


@pytest.mark.parametrize(
    ("overrides", "withheld"),
    [
        ((), {"", "video", "skeleton"}),
        (("model.stand_ins=false", "modality_dropout.video=0"), {"", "skeleton"}),
        (("model.skeleton.on=false",), {""}),
        (("model.static.on=false", "model.dynamic.on=false"), {""}),
        (("model.segmentation.stages='2'",), {"", "video", "skeleton"}),
    ],
)
def test_every_kind_of_model_is_measured_and_only_what_it_can_do_without_is_withheld(
    evaluation_set: EvaluationSet, overrides: tuple[str, ...], withheld: set[str]
) -> None:
    settings = tiny_runs.settings(*overrides)
    torch.manual_seed(1)
    model = tiny_runs.make_model(settings).eval()
    evaluated = EvaluatedModel(
        name="tiny", states={"": model}, preprocessing=settings.data.preprocessing, votes=2
    )
    report = evaluate(evaluated, evaluation_set).report.as_json()
    assert {row["missing"] for row in report["tables"]["Model"]} == withheld
    assert report["metrics"]["mae"]["value"] is not None


@pytest.mark.slow
def test_dives_without_joints_are_measured_beside_others(
    evaluation_set: EvaluationSet, model: HPMCoRe, evaluated: EvaluatedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [dive.dive_id for dive in evaluation_set.manifest]

    def forget(samples: Samples, dive_ids: Sequence[str], views: Sequence[View] | None = None) -> DiveInputs:
        found = plain_inputs(samples, dive_ids, views)
        known = torch.tensor([dive_id != ids[0] for dive_id in dive_ids])
        return replace(found, has_skeleton=found.has_skeleton & known)

    plain_inputs = Samples.inputs
    monkeypatch.setattr(Samples, "inputs", forget)
    monkeypatch.setattr("stagescore.evaluation.evaluate._DIVES_AT_ONCE", 1)
    report = evaluate(evaluated, evaluation_set).report.as_json()
    assert {row["missing"] for row in report["tables"]["Model"]} == {"", "skeleton"}


def test_certainty_is_fitted_for_any_number_of_stages(
    evaluation_set: EvaluationSet, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Five dives are too few for the interval of a score; whether transitions are calibrated is what is asked.
    monkeypatch.setattr(IntervalModel, "fit", partial(IntervalModel.fit, level=0.5))
    samples = tiny_runs.samples(tmp_path_factory)
    ids = sorted(samples.dives)
    for stages in ("'1'", "'2'", "2*", "'3'"):
        settings = tiny_runs.settings(f"model.segmentation.stages={stages}")
        model = tiny_runs.make_model(settings).eval()
        source = EncodedDives(model, samples, ids)
        bank = bank_of(encode_dives(model, source, ids), source.dives, weights_hash(model))
        fitted = Evaluator(model=model, bank=bank, votes=3).fitted(source, ids)
        assert fitted.calibration is not None
        assert (fitted.calibration.transitions is not None) == (stages == "'3'")


@pytest.mark.slow
def test_best_on_test_takes_each_figure_from_its_own_epoch(
    evaluation_set: EvaluationSet, model: HPMCoRe, evaluated: EvaluatedModel
) -> None:
    other = tiny_runs.make_model(tiny_runs.settings("run.seed=5")).eval()
    column = "best on test (paper protocol)"
    both = replace(evaluated, states={"last": model, column: model}, best_rl2=other)
    rows = {
        row["column"]: row["metrics"]
        for row in evaluate(both, evaluation_set).report.as_json()["tables"]["Model"]
        if (row["protocol"], row["joints"], row["missing"]) == ("w/ DN", "estimated", "")
    }
    first = replace(evaluated, states={column: model}, best_rl2=other)  # as of a run without validation dives
    assert evaluate(first, evaluation_set).report.as_json()["metrics"]["rl2x100"] == rows[column]["rl2x100"]
    alone = evaluate(replace(evaluated, states={"": other}), evaluation_set).report.as_json()["metrics"]
    assert rows[column]["rl2x100"]["value"] == alone["rl2x100"]["value"] != rows["last"]["rl2x100"]["value"]
    assert rows[column]["srcc"] == rows["last"]["srcc"]


def test_a_bank_that_is_not_there_is_asked_for(
    evaluated: EvaluatedModel, evaluation_set: EvaluationSet
) -> None:
    with pytest.raises(ConfigError, match="have no bank"):
        evaluate(evaluated, replace(evaluation_set, exemplars_from="bank"))


def test_the_same_twice_and_for_any_batch(
    model: HPMCoRe, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tiny_runs.samples(tmp_path_factory)
    ids = sorted(samples.dives)
    together = EncodedDives(model, samples, ids)
    for dive_id in ids[:2]:
        alone = EncodedDives(model, samples, [dive_id])
        a, b = together.plain([dive_id]).seen, alone.plain([dive_id]).seen
        torch.testing.assert_close(a.static, b.static, atol=1e-5, rtol=1e-4)  # type: ignore[union-attr]
        torch.testing.assert_close(a.dynamic, b.dynamic, atol=1e-5, rtol=1e-4)  # type: ignore[union-attr]
