"""A command that is killed leaves no half file and goes on; that it would be noticed otherwise."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stagescore.benchmarks.kills import KilledCommand, kill_often
from stagescore.cli.main import app
from stagescore.errors import DataError

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
    outcomes = kill_often(command, tmp_path, times=5, seed=0, progress=quiet)
    assert any(outcome.half_files == ("a",) and outcome.failed for outcome in outcomes)


def test_another_result_after_the_kill_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = as_command(
        monkeypatch,
        "again = (out / '.begun').exists(); (out / '.begun').touch(); time.sleep(1); (out / 'a').write_text(str(again))",
    )
    outcomes = kill_often(command, tmp_path, times=3, seed=1, progress=quiet)
    assert all(outcome.different == ("a",) for outcome in outcomes if "ended" not in outcome.moment)
    assert any(outcome.failed for outcome in outcomes)


def test_a_command_that_fails_by_itself_is_no_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="fails by itself"):
        kill_often(as_command(monkeypatch, "sys.exit(1)"), tmp_path, times=1, seed=0, progress=quiet)


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
