"""The recipes in examples/: every command in them exists, takes these options, and is resumed by a second run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from stagescore.cli.main import app
from stagescore.config import load_config
from stagescore.training.pose_training import PoseTrainSettings
from stagescore.training.settings import PretrainSettings, TrainSettings

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SETTINGS = {
    ("pretrain",): PretrainSettings,
    ("train",): TrainSettings,
    ("data", "features"): TrainSettings,
    ("pose", "train"): PoseTrainSettings,
}
INPUTS = {"train_tower.sh": ("films", "network.pt")}
"""What a recipe is given before the folder that it works in; files that it does not open itself."""
STAND_IN = f"""#!{sys.executable}
import json, pathlib, sys
words = sys.argv[1:]
with open("calls.jsonl", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if "train" in words or "pretrain" in words:
    if "--out" in words:
        run = pathlib.Path(words[words.index("--out") + 1])
        run.mkdir()
        (run / "config.yaml").touch()
if "train-events" in words:
    fold = words[words.index("--protocol") + 1] + "-with-sealed" * ("--sealed" in words)
    fold = pathlib.Path(words[words.index("--out") + 1]) / fold
    fold.mkdir(parents=True, exist_ok=True)
    (fold / "events.safetensors").touch()
if "import" in words and "weights" in words:
    pathlib.Path(words[words.index("--out") + 1]).mkdir(exist_ok=True)
"""


def run(recipe: Path, folder: Path, programs: Path, **more: str) -> list[list[str]]:
    folder.mkdir(exist_ok=True)
    (folder / "calls.jsonl").unlink(missing_ok=True)
    environment = {**os.environ, **more, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    inputs = [str(programs / name) for name in INPUTS.get(recipe.name, ())]
    subprocess.run(["bash", str(recipe), *inputs, str(folder)], check=True, env=environment, timeout=60)
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def parsed(words: list[str]) -> tuple[tuple[str, ...], dict[str, object]]:
    """Name and parameters of a command, without running it."""
    command: Any = typer.main.get_command(app)
    context, names = command.context_class(command, info_name="stagescore"), []
    while hasattr(command, "get_command"):
        name, *words = words
        parent, command = context, command.get_command(context, name)
        assert command is not None, name
        names.append(name)
        context = command.context_class(command, info_name=name, parent=parent)
    return tuple(names), command.make_context(names[-1], list(words), parent=parent).params


@pytest.mark.parametrize("name", ["train_nano.sh", "train_pose.sh", "train_tower.sh"])
def test_a_recipe_calls_what_exists_and_goes_on_where_it_was_stopped(name: str, tmp_path: Path) -> None:
    program = tmp_path / "programs" / "stagescore"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    calls = run(EXAMPLES / name, tmp_path / "made", program.parent)
    begun = set()
    for words in calls:
        command, given = parsed(words)
        if (settings := SETTINGS.get(command)) is not None:
            config = given["config"]
            assert isinstance(config, list | tuple), words
            load_config(settings, config[0], config[1:])
            if command != ("data", "features"):
                begun.add(str(given["out_dir"]))
    assert begun
    again = run(EXAMPLES / name, tmp_path / "made", program.parent)
    resumed = {
        words[words.index("--resume") + 1] for words in again if "train" in words[:2] or "pretrain" in words
    }
    assert resumed == begun


def test_another_seed_trains_runs_of_its_own_and_keeps_to_them(tmp_path: Path) -> None:
    program = tmp_path / "programs" / "stagescore"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    recipe, made = EXAMPLES / "train_tower.sh", tmp_path / "made"
    run(recipe, made, program.parent)
    calls = run(recipe, made, program.parent, SEED="2")
    trained = {words[words.index("--out") + 1] for words in calls if words[0] == "train" and "--out" in words}
    assert trained == {f"five-fold-{k}-seed-2" for k in range(5)} | {"all-seed-2", "all-seed-3"}
    assert all(
        "run.seed=2" in words for words in calls if words[0] == "train" and "five-fold-0-seed-2" in words
    )
    evaluated = next(words for words in calls if words[0] == "evaluate-folds")
    assert set(evaluated) >= {f"five-fold-{k}-seed-2" for k in range(5)}
    averaged = next(words for words in calls if words[0] == "average")
    assert averaged[1:3] == ["all-seed-2", "all-seed-3"]
    packed = next(words for words in calls if words[:2] == ["weights", "pack"])
    assert packed[2] == "all-mean-seed-2"
