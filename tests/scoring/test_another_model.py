"""CoRe through the same commands as HP-MCoRe: trained, resumed exactly, evaluated, and scoring a film with a bank."""

import json
from pathlib import Path

import made_scorer
import pytest
import stored_dives
import torch
from typer.testing import CliRunner

from stagescore.card_files import weights_hash
from stagescore.cli.main import app
from stagescore.config import load_config
from stagescore.data.dive_sources import LiveSource, Views
from stagescore.data.samples import Samples
from stagescore.inference.encoding import encode_dives
from stagescore.inference.voting import bank_of
from stagescore.models import build
from stagescore.report.dive_report import dive_report
from stagescore.report.pictures import Pictures
from stagescore.scoring.scorer import Scorer
from stagescore.training.assembly.starting_weights import read_state
from stagescore.training.settings import TrainSettings
from stagescore.weights.checkpoint import Card, load_weights, save_weights

CORE = [
    "model={name: core, dynamic: {trunk: small, widths: [8, 8, 8, 8], mixed: false}, theta: 60, depth: 3, width: 8}",
    "optimiser={learning_rate: 0.003, warmup_steps: 2, cosine_epochs: 0}",
    "data.preprocessing={num_frames: 96, width: 56, height: 32, crop_width: 40, crop_height: 28}",
    "batches={pairing: one-partner, groups: 1, protocol: w/o DN}",
]


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def train(data: Path, folder: Path, name: str, epochs: int) -> Path:
    (folder / "tiny.yaml").write_text("{}\n")
    run = f"run={{epochs: {epochs}, threads: 1, checkpoint_steps: 1, validate_epochs: 0}}"
    shared = [f"data.folder={data}", f"data.clips={folder / 'clips'}"]
    call("train", str(folder / "tiny.yaml"), *CORE, run, *shared, "--out", str(folder / name), "--quiet")
    return folder / name


def test_it_is_trained_resumed_evaluated_and_scores_a_film(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = stored_dives.folder(tmp_path_factory)
    run, whole = train(data, tmp_path, "run", 1), train(data, tmp_path, "whole", 2)
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("epochs: 1", "epochs: 2"))
    call("train", "--resume", str(run), "--quiet")
    states = read_state(run), read_state(whole)
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    edges = states[0]["edges"]
    assert (
        torch.equal(edges, -edges.flip(0))
        and edges[-1] == 60
        and not torch.equal(edges.diff(), edges.diff()[:1].expand(4))
    )

    out = call("evaluate", str(run), "--split", "all", "--json", "--clips", str(tmp_path / "clips"))
    assert json.loads(out)["protocol"]["dives"] == 5

    settings = load_config(TrainSettings, config)
    model = build(settings.model)
    model.load_state_dict(states[0])
    model.eval()
    dives = stored_dives.dives(tmp_path_factory)
    source = LiveSource(Samples(stored_dives.store(tmp_path_factory), dives), Views())
    card = Card(
        name="core",
        model=settings.model,
        preprocessing=settings.data.preprocessing,
        trained_on="nothing",
        weights_hash=weights_hash(model),
    )
    save_weights(tmp_path / "core.safetensors", model, card)
    encoded = encode_dives(model, source, [dive.dive_id for dive in dives])
    bank = bank_of(encoded, {dive.dive_id: dive for dive in dives}, card.weights_hash)
    bank.save(tmp_path / "core-bank.safetensors")
    assert load_weights(tmp_path / "core.safetensors").card.model == settings.model

    scorer = Scorer.load(tmp_path / "core.safetensors", event_network=False)
    scorer.networks, scorer.flights = "None in tests.", made_scorer.GivenFlight()
    result = scorer.score(dives[0].frames_path, difficulty=3.0)
    assert (result.status, result.branches, result.stages) == ("ok", ["difference"], [])
    assert result.score == pytest.approx(sum(vote.score + vote.delta for vote in result.exemplars) / 5)
    assert f"{result.score:.2f}" in dive_report(result, Pictures(query={}))
    named = ["--weights", str(tmp_path / "core.safetensors"), "--out", str(tmp_path / "out"), "--quiet"]
    CliRunner().invoke(app, ["score", str(dives[0].frames_path), "--difficulty", "3.0", *named])
    written = list((tmp_path / "out").glob("*/report.html"))
    assert len(written) == 1
