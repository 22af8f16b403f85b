"""USDL through the same commands as models that compare: cached, trained, evaluated, packed, and scoring a film without exemplars."""

import json
from pathlib import Path
from typing import Any

import made_scorer
import pytest
import stored_dives
import torch
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.config import load_config
from stagescore.data.dive_sources import LiveSource, Views
from stagescore.data.manifest import Manifest
from stagescore.data.samples import Samples
from stagescore.errors import CheckpointError, DataError
from stagescore.evaluation import out_of_fold
from stagescore.evaluation.evaluated_model import read_evaluated_model
from stagescore.inference.encoding import encode_dives
from stagescore.inference.intervals import IntervalModel
from stagescore.inference.prediction import PredictionTask
from stagescore.models.usdl import USDL
from stagescore.scoring.bank_fitting import fit_bank
from stagescore.scoring.compare import compare_dives, compare_with_best
from stagescore.scoring.scorer import Scorer
from stagescore.training.assembly.starting_weights import read_state
from stagescore.training.settings import TrainSettings
from stagescore.training.validation import ModelValidation
from stagescore.weights.checkpoint import load_weights

MODEL = [
    "model={name: usdl, dynamic: {trunk: small, widths: [8, 8, 8, 8], mixed: false}, highest: 30, bins: 21, widths: [16, 8]}",
    "optimiser={learning_rate: 0.003, cosine_epochs: 0}",
    "data.preprocessing={num_frames: 96, width: 56, height: 32, crop_width: 40, crop_height: 28}",
    "data.target=execution",
    "data.views=2",
    "batches.groups=2",
]
INTERVAL = IntervalModel(base=4.0, quantile=2.0, level=0.9, num_dives=5)


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout if code == 0 else result.output


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored_dives.folder(tmp_path_factory)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("usdl")
    (folder / "usdl.yaml").write_text("{}\n")
    return folder


def train(home: Path, data: Path, name: str, *overrides: str, epochs: int = 1) -> Path:
    run = (
        f"run={{epochs: {epochs}, threads: 1, checkpoint_steps: 1, validate_epochs: 1, validate_test: true}}"
    )
    shared = [f"data.folder={data}", f"data.clips={home / 'clips'}", "data.workers=1"]
    call("train", home / "usdl.yaml", *MODEL, run, *shared, *overrides, "--out", home / name, "--quiet")
    return home / name


@pytest.fixture(scope="module")
def run(home: Path, data: Path) -> Path:
    return train(home, data, "run")


@pytest.fixture(scope="module")
def folds(home: Path, data: Path) -> list[Path]:
    return [train(home, data, f"fold-{k}", f"data.fold=five-fold/{k}", "data.sealed=true") for k in range(5)]


@pytest.fixture
def packed(home: Path, run: Path, folds: list[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights whose interval comes from the folds; five dives are too few to fit one, so it is given."""
    monkeypatch.setattr(out_of_fold.IntervalModel, "fit", lambda outcomes: INTERVAL)
    options = [option for fold in folds for option in ("--folds", fold)]
    out = call("weights", "pack", run, "--name", "usdl", "--out", home / "weights", *options, "--quiet")
    assert "exemplars beside" not in out
    return home / "weights" / "usdl.safetensors"


@pytest.fixture
def scorer(packed: Path) -> Scorer:
    scorer = Scorer.load(packed, event_network=False)
    scorer.networks, scorer.flights, scorer.events = "None in tests.", made_scorer.GivenFlight(), None
    return scorer


def test_a_run_is_validated_by_the_scores_that_the_model_says(
    run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = stored_dives.dives(tmp_path_factory)
    held_out = [dive.with_changes(split="train", validation=True) for dive in dives]
    source = LiveSource(Samples(stored_dives.store(tmp_path_factory), held_out), Views())
    model = read_evaluated_model(str(run)).model
    figures = ModelValidation(
        model=model,
        source=source,
        manifest=Manifest(tuple(held_out)),
        task=PredictionTask(execution=True),
    )()
    with torch.no_grad():
        told = model.predict(encode_dives(model, source, [dive.dive_id for dive in dives]).stages)
    difficulties = torch.tensor([dive.difficulty for dive in dives])
    truth = torch.tensor([dive.score for dive in dives])
    errors = (told.chosen * difficulties - truth) / (truth.max() - truth.min())
    assert figures["val_minus_rl2x100"] == pytest.approx(-100 * errors.square().mean().item(), rel=1e-3)


def test_a_run_goes_on_bit_for_bit(home: Path, data: Path, run: Path) -> None:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert all(row["distribution"] > 0 for row in rows)
    whole, stopped = train(home, data, "whole", epochs=2), train(home, data, "stopped")
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 1\n", "epochs: 2\n"))
    call("train", "--resume", stopped, "--quiet")
    states = read_state(whole), read_state(stopped)
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_a_head_on_cached_features_is_the_head_on_the_live_encoder(home: Path, data: Path) -> None:
    shared = [f"data.folder={data}", f"data.clips={home / 'clips'}", "data.workers=1"]
    whole = "run={threads: 1, validate_test: true}"
    call("data", "features", home / "usdl.yaml", *MODEL, *shared, whole, "--out", home / "cache", "--quiet")
    cached = train(home, data, "cached", f"features={home / 'cache'}")
    live = train(home, data, "live", "optimiser.groups=[{path: encoders, factor: 0}]")
    ours, theirs = read_state(cached), read_state(live)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-5)


def test_an_evaluation_says_that_no_exemplars_are_read_and_what_its_own_spread_holds(
    home: Path, run: Path, tmp_path: Path
) -> None:
    out = call("evaluate", run, "--split", "all", "--json", "--clips", home / "clips", "--out", tmp_path)
    document = json.loads(out)
    assert document["protocol"]["dives"] == 5 and document["protocol"]["exemplars"] == ""
    rows = document["tables"]["Model"]
    assert {row["protocol"] for row in rows} == {""}  # no row for each way to choose exemplars
    assert any("not calibrated: the middle 90 %" in note for note in document["notes"])
    assert "exemplars:" not in (tmp_path / "evaluation.md").read_text()


def test_folds_are_pooled_and_kept_with_the_spread_that_their_intervals_need(
    folds: list[Path], tmp_path: Path
) -> None:
    document = json.loads(call("evaluate-folds", *folds, "--keep", tmp_path / "kept", "--json"))
    again = json.loads(call("evaluate-folds", *(tmp_path / "kept").iterdir(), "--json"))
    assert document == again
    assert document["protocol"]["dives"] == 5 and document["protocol"]["exemplars"] == ""
    assert "known at test: difficulty." in document["notes"][0]
    kept = json.loads(next((tmp_path / "kept").iterdir()).read_text())
    assert kept["exemplars"] == 0 and all(sd > 0 for sd in kept["model"]["sd"])
    assert all(votes == [] for votes in kept["model"]["votes"])


def test_packed_weights_have_no_bank_and_know_their_training_films(
    packed: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert not packed.with_name("usdl-bank.safetensors").exists()
    card = load_weights(packed).card
    fitted = [d for d in stored_dives.dives(tmp_path_factory) if d.split == "train" and not d.validation]
    assert sorted(str(film.dive_number) for film in card.films) == sorted(str(d.dive_number) for d in fitted)
    out = call(
        "evaluate", packed, "--data", stored_dives.folder(tmp_path_factory), "--split", "all", "--json"
    )
    assert json.loads(out)["protocol"]["exemplars"] == ""


def test_folds_that_tested_the_dives_of_the_run_are_left_out_and_that_is_said(
    home: Path, folds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out_of_fold.IntervalModel, "fit", lambda outcomes: INTERVAL)
    options = [option for fold in folds for option in ("--folds", fold)]
    pack = ["weights", "pack", folds[0], "--name", "of-a-fold", "--out", home / "of-a-fold", *options]
    result = CliRunner().invoke(app, list(map(str, pack)))
    assert result.exit_code == 0, result.output
    assert "1 of the folds tested dives that this run is tested on too" in result.stderr
    assert "the card gets no figures" in result.stderr
    assert load_weights(home / "of-a-fold" / "of-a-fold.safetensors").card.figures == {}


def test_a_film_is_scored_by_the_film_alone(
    scorer: Scorer, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dive = stored_dives.dives(tmp_path_factory)[0]
    result = scorer.score(dive.frames_path, difficulty=3.0, dive_number="107B", height_m=10.0)
    assert result.status == "ok" and result.score is not None and result.interval is not None
    assert (result.exemplars, result.branches, result.stages, result.protocol) == ([], [], [], "")
    assert result.networks is not None and result.networks.bank_sha256 is None
    # The same as the model says of the stored clip, times the difficulty; half the width from the calibrated interval.
    source = LiveSource(Samples(stored_dives.store(tmp_path_factory), [dive]), Views())
    model = scorer.scoring_networks[0].model
    assert isinstance(model, USDL)
    with torch.no_grad():
        told = model.predict(encode_dives(model, source, [dive.dive_id]).stages)
    execution, sd = told.chosen.item(), told.sd.item()
    assert result.execution == pytest.approx(result.score / 3.0)
    assert result.execution == pytest.approx(execution, rel=0.05)  # the film is decoded anew
    low, high = INTERVAL.interval(3.0 * execution, (), 3.0 * sd)
    assert result.interval[1] - result.interval[0] == pytest.approx(high - low, rel=0.05)
    harder = scorer.score(dive.frames_path, difficulty=1.5)
    assert harder.score == pytest.approx(result.score / 2)
    unknown = scorer.score(dive.frames_path)
    assert unknown.score is None and unknown.execution == pytest.approx(result.execution)


def test_its_report_shows_the_score_and_says_nothing_of_exemplars(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    load = Scorer.load

    def loaded(*arguments: Any, **named: Any) -> Scorer:
        scorer = load(*arguments, **named)
        scorer.networks, scorer.flights, scorer.events = "None in tests.", made_scorer.GivenFlight(), None
        return scorer

    monkeypatch.setattr(Scorer, "load", loaded)
    film = stored_dives.dives(tmp_path_factory)[0].frames_path
    call("score", film, "--difficulty", 3.0, "--weights", packed, "--out", tmp_path / "out", "--quiet")
    (page,) = (tmp_path / "out").glob("*/report.html")
    text = page.read_text()
    result = json.loads(page.with_name("result.json").read_text())
    assert f"{result['score']:.2f}" in text
    body = text[text.index("<body") :]
    assert "xemplar" not in body and "ifference" not in body
    told = call("compare", film, "--difficulty", 3.0, "--weights", packed, "--quiet", code=1)
    assert "usdl predicts scores without comparing dives" in told and "such as nano" in told


def test_what_needs_exemplars_says_that_there_are_none(
    scorer: Scorer, packed: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = stored_dives.dives(tmp_path_factory)
    scored = [scorer.scored(dive.frames_path, difficulty=3.0) for dive in dives[:2]]
    without = "predicts scores without comparing dives"
    with pytest.raises(DataError, match=without):
        compare_dives(scorer, *scored)
    with pytest.raises(DataError, match=without):
        compare_with_best(scorer, scored[0])
    with pytest.raises(DataError, match=without):
        fit_bank(scorer, dives)
    with pytest.raises(CheckpointError, match="leave the bank out"):
        Scorer.load(packed, bank=tmp_path / "bank.safetensors")


def test_pairing_of_a_model_that_compares_nothing_is_none(data: Path) -> None:
    settings = load_config(TrainSettings, None, [*MODEL, "batches.pairing=one-partner"])
    assert settings.effective_batches.pairing == "none"
