"""One network of several runs."""

import shutil
from pathlib import Path

import pytest
import stored_dives
import tiny_runs
import torch

from stagescore.cli.main import app
from stagescore.errors import CheckpointError, ConfigError
from stagescore.training.assembly.starting_weights import read_state
from stagescore.training.averaging import average_runs
from stagescore.training.run_folder import keep_settings, settings_of
from stagescore.training.runs import train
from stagescore.training.settings import TrainSettings


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs from the same random weights."""
    source, base = stored_dives.folder(tmp_path_factory), tmp_path_factory.mktemp("runs")
    folders = []
    for seed in range(3):
        settings = tiny_runs.settings(
            f"data.folder={source}",
            f"data.clips={base / 'clips'}",
            "data.workers=1",
            "model.recognition.on=true",
            "batches={group_size: 2, groups: 1, protocol: w/o DN}",
            "run={epochs: 2, number_epochs: 3, validate_epochs: 0, threads: 1, weights_seed: 7}",
            f"run.seed={seed}",
        )
        folder = base / f"seed-{seed}"
        keep_settings(folder, settings)
        for _ in train(settings, folder):
            pass
        folders.append(folder)
    return folders


def test_runs_of_one_seed_of_weights_begin_alike(runs: list[Path]) -> None:
    first, other = (tiny_runs.make_model(settings_of(run, TrainSettings)).state_dict() for run in runs[:2])
    assert all(torch.equal(value, other[name]) for name, value in first.items())
    ends = [read_state(run) for run in runs[:2]]
    assert not all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_the_mean_of_runs_is_a_run_with_a_head_of_its_own(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        app(["average", *map(str, runs), "--out", str(tmp_path / "mean"), "--quiet"])
    assert not ended.value.code
    assert settings_of(tmp_path / "mean", TrainSettings).run.averaged_seeds == (0, 1, 2)
    found, states = read_state(tmp_path / "mean"), [read_state(run) for run in runs]
    for name, value in found.items():
        mean = torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        if name.startswith("encoders.numbers."):
            assert not torch.equal(value, mean) or "norm" in name
        elif value.is_floating_point():
            torch.testing.assert_close(value, mean)
    settings = settings_of(tmp_path / "mean", TrainSettings)
    assert not list(train(settings, tmp_path / "mean"))  # nothing is left to do
    assert all(torch.equal(value, found[name]) for name, value in read_state(tmp_path / "mean").items())


def test_runs_that_have_no_mean_are_refused(
    runs: list[Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(ConfigError, match="two runs or more"):
        average_runs(runs[:1], tmp_path / "one")
    with pytest.raises(ConfigError, match="different"):
        average_runs([runs[0], runs[0]], tmp_path / "twice")
    with pytest.raises(ConfigError, match="holds a run"):
        average_runs(runs, runs[0])
    keep_settings(tmp_path / "torn", average_runs(runs, tmp_path / "whole"))
    with pytest.raises(CheckpointError, match="not here, or torn"):
        list(train(settings_of(tmp_path / "torn", TrainSettings), tmp_path / "torn"))
    settings = settings_of(runs[0], TrainSettings)
    for name, change, error in (
        ("alone", {"seed": 9, "weights_seed": None}, "random weights of seed"),
        ("longer", {"seed": 9, "epochs": 3}, "settings are not those"),
        ("begun", {"seed": 9}, "not finished"),
    ):
        keep_settings(
            tmp_path / name, settings.model_copy(update={"run": settings.run.model_copy(update=change)})
        )
        with pytest.raises((ConfigError, CheckpointError), match=error):
            average_runs([runs[0], tmp_path / name], tmp_path / f"mean-{name}")
        assert not (tmp_path / f"mean-{name}").exists()


def test_what_counts_is_the_seed_that_the_random_weights_come_from(runs: list[Path], tmp_path: Path) -> None:
    settings = settings_of(runs[1], TrainSettings)
    # A run of seed 7 that says nothing of its weights began like the others, whose weights are of seed 7.
    alike = settings.model_copy(
        update={"run": settings.run.model_copy(update={"seed": 7, "weights_seed": None})}
    )
    keep_settings(tmp_path / "plain", alike)
    shutil.copytree(runs[1] / "checkpoints", tmp_path / "plain" / "checkpoints", dirs_exist_ok=True)
    made = average_runs([tmp_path / "plain", runs[0]], tmp_path / "mean")
    assert made.run.averaged_seeds == (7, 0) and made.run.begins_with == 7
