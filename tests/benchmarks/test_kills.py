"""A command that is killed leaves no half file and goes on; that it would be noticed otherwise."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from stagescore.benchmarks.kills import KilledCommand, content_of, kill_often
from stagescore.cli.main import app
from stagescore.errors import DataError
from stagescore.training.checkpoints import write_file

PROGRAM = (
    "import sys, time, pathlib; out = pathlib.Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True); "
)


def quiet(what: str, done: int, total: int) -> None:
    """Nobody listens."""


def as_command(monkeypatch: pytest.MonkeyPatch, program: str) -> KilledCommand:
    """A command that is this program."""
    import subprocess
    import sys

    from stagescore.benchmarks import kills

    def started(words: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM + program, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    monkeypatch.setattr(kills, "_started", started)
    return KilledCommand(name="made", words=lambda out: [str(out)])


@pytest.mark.slow
def test_a_file_that_grows_under_its_final_name_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = as_command(
        monkeypatch,
        "f = open(out / 'a', 'wb', 0); [(f.write(b'x' * 99), time.sleep(0.01)) for _ in range(150)]",
    )
    outcomes = kill_often(command, tmp_path, numbers=range(5), seed=0, progress=quiet)
    assert any(outcome.half_files == ("a",) and outcome.failed for outcome in outcomes)


def test_another_result_after_the_kill_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = as_command(
        monkeypatch,
        "again = (out / '.begun').exists(); (out / '.begun').touch(); time.sleep(1); (out / 'a').write_text(str(again))",
    )
    outcomes = kill_often(command, tmp_path, numbers=range(3), seed=1, progress=quiet)
    # The second kill waits until something was begun; the others may come before that where the machine is busy.
    assert outcomes[1].different == ("a",) and outcomes[1].failed
    assert all(outcome.different in ((), ("a",)) for outcome in outcomes)


def test_a_command_that_fails_by_itself_is_no_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="fails by itself"):
        kill_often(as_command(monkeypatch, "sys.exit(1)"), tmp_path, numbers=[0], seed=0, progress=quiet)


def test_times_make_no_difference_and_what_was_computed_does(tmp_path: Path) -> None:
    def said(folder: str, seconds: float, loss: float) -> list[bytes]:
        log = tmp_path / folder / "log.jsonl"
        log.parent.mkdir()
        log.write_text(json.dumps({"step": 1, "loss": loss, "seconds": seconds}) + "\n")
        state = {
            "model": {"a": torch.tensor([loss])},
            "progressed": {"step": 1, "log_bytes": log.stat().st_size},
        }
        write_file(log.with_name("step-1.ckpt"), state)
        return [content_of(log), content_of(log.with_name("step-1.ckpt"))]

    first, later, other = said("a", 0.25, 1.5), said("b", 10.125, 1.5), said("c", 0.25, 1.25)
    assert first == later
    assert first[0] != other[0] and first[1] != other[1]


@pytest.mark.parametrize("only", ["train", "train:x", "nothing:1"])
def test_a_kill_that_is_none_is_refused(tmp_path: Path, only: str) -> None:
    run = CliRunner().invoke(app, ["bench", "kills", "--only", only, "--out", str(tmp_path)])
    assert run.exit_code == 1
    assert "names no kill" in run.stderr or "no such command" in run.stderr


@pytest.mark.slow
def test_packing_and_annotating_go_on_after_a_kill(tmp_path: Path) -> None:
    words = [
        "bench",
        "kills",
        "--times",
        "2",
        "--command",
        "weights pack",
        "--command",
        "annotate",
        "--out",
        str(tmp_path),
        "--json",
    ]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    kills = json.loads(run.stdout)["kills"]
    assert [kill["command"] for kill in kills] == ["weights pack"] * 2 + ["annotate"] * 2
    assert not any(kill["failed"] for kill in kills)
