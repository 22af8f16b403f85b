"""Train, resume, pack and evaluate by the commands, on five tiny dives."""

import json
from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.locking import alone_in
from stagescore.training.assembly.starting_weights import read_state

RUN = [
    *tiny_runs.MODEL,
    "data.views=2",
    "run={epochs: 2, threads: 1, checkpoint_steps: 2, validate_epochs: 0}",
    "batches={group_size: 3, groups: 1, protocol: w/o DN}",
]


@pytest.fixture
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored_dives.folder(tmp_path_factory)


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout if result.exit_code == 0 else result.output


def test_pretrain_cache_train_evaluate(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("{}\n")
    config = str(tmp_path / "tiny.yaml")
    shared = [f"data.folder={data}", f"data.clips={tmp_path / 'clips'}"]
    model = [line for line in tiny_runs.MODEL if line.startswith(("model", "data"))]
    pre, cache, run = (str(tmp_path / name) for name in ("pre", "cache", "run"))
    code, out = call(
        "pretrain", config, *model, *shared, "run={epochs: 1, threads: 1}", "dives_at_once=3", "--out", pre
    )
    assert code == 0, out
    code, out = call("data", "features", config, *RUN, *shared, f"start.model={pre}", "--out", cache)
    assert code == 0, out
    asked = [config, *RUN, *shared, f"start.model={pre}", f"features={cache}"]
    code, out = call("train", *asked, "--out", run, "--json")
    assert code == 0, out
    assert json.loads(out)["finished"]
    assert (tmp_path / "run" / "tensorboard").is_dir()
    with alone_in(tmp_path / "run"):
        code, out = call("train", "--resume", run)
    assert code == 1 and "another process" in out
    code, out = call("train", "--resume", run)
    assert code == 0 and "finished already" in out
    code, out = call("train", *asked, "--out", run)
    assert code == 1  # a run is never overwritten
    code, out = call(
        "evaluate",
        run,
        "--split",
        "all",
        "--json",
        "--out",
        str(tmp_path / "eval"),
        "--clips",
        str(tmp_path / "clips"),
    )
    assert code == 0, out
    document = json.loads(out)
    assert document["protocol"]["dives"] == 5
    assert json.loads((tmp_path / "eval" / "evaluation.json").read_text()) == document
    assert (tmp_path / "eval" / "dives.csv").read_text().count("\n") == 6
    assert "# Evaluation" in (tmp_path / "eval" / "evaluation.md").read_text()


def test_a_pretraining_goes_on_from_an_earlier_one(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("{}\n")
    model = [line for line in tiny_runs.MODEL if line.startswith(("model", "data"))]
    shared = [*model, f"data.folder={data}", f"data.clips={tmp_path / 'clips'}", "dives_at_once=3"]
    run = "run={epochs: 1, threads: 1}"
    first, second = tmp_path / "first", tmp_path / "second"
    asked = ["pretrain", str(tmp_path / "tiny.yaml"), *shared, run]
    code, out = call(*asked, "--out", str(first))
    assert code == 0, out
    # So small a step leaves the weights where they were.
    still = "optimiser={learning_rate: 1.0e-12, warmup_steps: 0}"
    code, out = call(*asked, still, f"start={first}", "--out", str(second))
    assert code == 0, out
    before, after = read_state(first), read_state(second)
    assert all(torch.allclose(after[name], value, atol=1e-6) for name, value in before.items())
    code, out = call(*asked, "start=nowhere.safetensors", "--out", str(tmp_path / "third"))
    assert code == 1 and "nowhere.safetensors" in out


def test_a_cache_of_other_encoders_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("{}\n")
    config = str(tmp_path / "tiny.yaml")
    shared = [f"data.folder={data}", f"data.clips={tmp_path / 'clips'}"]
    code, out = call("data", "features", config, *RUN, *shared, "--out", str(tmp_path / "cache"))
    assert code == 0, out
    code, _ = call(
        "train",
        config,
        *RUN,
        *shared,
        "run.seed=5",
        f"features={tmp_path / 'cache'}",
        "--out",
        str(tmp_path / "run"),
    )
    assert code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("train", "nano"),
        ("train", "--out", "x"),
        ("train", "nano", "--out", "x", "--resume", "y"),
        ("train", "nono", "--out", "x"),
        ("train", "nano", "model.statik.on=false", "--out", "x"),
        ("train", "--resume", "nowhere"),
        ("evaluate", "nowhere.safetensors", "--data", "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _ = call(*arguments)
    assert code == 1
    assert not (tmp_path / "x").exists()
