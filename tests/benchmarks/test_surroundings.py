"""What is right of a command that has little, and that anything else is noticed."""

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stagescore.benchmarks import surroundings
from stagescore.benchmarks.surroundings import (
    TRIALS,
    SurroundingsOutcome,
    TriedCommand,
    TriedSurroundings,
    judged,
    key_of,
    markdown,
)
from stagescore.benchmarks.whole_files import half_files, is_whole
from stagescore.cli.main import app
from stagescore.errors import DataError

SHORT = TriedSurroundings(key="short", name="little")
OTHER = TriedSurroundings(key="other", name="other", must_work=True)
COMMAND = TriedCommand(name="score", words=lambda needed, out: ["score"], makes="result.json")
SAID = TriedCommand(name="doctor", words=lambda needed, out: ["doctor"])
FULL = "error: the disk is full (/a/b); free some space\n"


def ended(code: int, stderr: str = "", stdout: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.CompletedProcess([], code, stdout, stderr)


def test_a_result_or_one_line_that_says_what_is_short_is_right(tmp_path: Path) -> None:
    assert judged(ended(1, "warning: this is long\n" + FULL), tmp_path, SHORT, COMMAND) == (
        "told",
        FULL.strip(),
    )
    assert judged(ended(0, stdout="PyTorch 2"), tmp_path, OTHER, SAID) == ("works", "")
    (tmp_path / "result.json").write_text("{}\n")
    assert judged(ended(0), tmp_path, OTHER, COMMAND) == ("works", "")


@pytest.mark.parametrize(
    ("code", "stderr", "told"),
    [
        (0, "", "without a result"),
        (1, "Traceback (most recent call last):\nMemoryError\n", "a traceback"),
        (1, FULL + FULL, "2 lines of error"),
        (1, FULL + "and more\n", "says more"),
        (1, "error: something happened; try again\n", "does not say what is short"),
        (1, "error: the disk is full \x1b[2J\n", "says more"),
        (-11, "", "exit code -11"),
        (2, FULL, "exit code 2"),
    ],
)
def test_anything_else_is_wrong(tmp_path: Path, code: int, stderr: str, told: str) -> None:
    verdict, said = judged(ended(code, stderr), tmp_path, SHORT, COMMAND)
    assert verdict == "WRONG" and told in said


def test_where_nothing_is_short_a_command_has_to_work(tmp_path: Path) -> None:
    assert judged(ended(1, FULL), tmp_path, OTHER, COMMAND)[0] == "WRONG"


def test_a_half_file_is_wrong_whatever_is_said(tmp_path: Path) -> None:
    (tmp_path / "dive").mkdir()
    (tmp_path / "dive" / "result.json").write_text('{"score": 7')
    verdict, said = judged(ended(1, FULL), tmp_path, SHORT, COMMAND)
    assert (verdict, said) == ("WRONG", "half files: dive/result.json")


def archive(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as members:
        members.writestr("a.npy", content)
    return stream.getvalue()


WHOLE = {
    "a.json": b'{"a": [NaN, 1]}',
    "a.jsonl": b'{"a": 1}\n{"a": 2}\n',
    "a.html": b"<html><body></body></html>\n",
    "a.svg": b"<svg></svg>",
    "a.jpg": b"\xff\xd8 \xff\xd9",
    "a.png": b"\x89PNG IEND\xaeB`\x82",
    "a.csv": b"a,b\n1,2\n",
    "a.npz": archive(b"0" * 100),
}


@pytest.mark.parametrize("name", WHOLE)
def test_half_of_a_file_is_not_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(WHOLE[name])
    assert is_whole(path)
    path.write_bytes(WHOLE[name][:-3])
    assert not is_whole(path)
    path.write_bytes(b"")
    assert not is_whole(path)


def test_files_that_are_being_written_and_locks_are_no_half_files(tmp_path: Path) -> None:
    for name in (".lock", ".a.json.x.part", ".1.part/a.json", "b.json.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert half_files(tmp_path) == []
    (tmp_path / "film.mp4").write_bytes(b"no film")
    assert half_files(tmp_path) == ["film.mp4"]
    assert half_files(tmp_path / "none") == []


def test_every_trial_has_a_key_of_its_own() -> None:
    keys = [key_of(one, command) for one, commands in TRIALS for command in commands]
    assert len(set(keys)) == len(keys) and {"files-64:score", "ascii:score accents"} <= set(keys)


def test_the_table_says_what_was_tried_and_what_happened() -> None:
    told = SurroundingsOutcome(
        key="a:b", surroundings="64 | 40 files", command="score", verdict="told", code=1, said="error: x"
    )
    skipped = SurroundingsOutcome(
        key="a:c", surroundings="disk", command="score", verdict="skipped", said="no root"
    )
    wrong = SurroundingsOutcome(
        key="a:d", surroundings="disk", command="score", verdict="WRONG", code=2, said="exit code 2"
    )
    assert markdown([told, skipped, wrong]).splitlines() == [
        "| surroundings | command | exit code | what happens |",
        "|---|---|---|---|",
        "| 64 \\| 40 files | score | 1 | error: x |",
        "| disk | score |  | no root |",
        "| disk | score | 2 | WRONG: exit code 2 |",
    ]


def test_what_was_right_before_is_not_tried_again(tmp_path: Path) -> None:
    def outcome(key: str, verdict: str) -> SurroundingsOutcome:
        return SurroundingsOutcome(key=key, surroundings="a", command="b", verdict=verdict)  # type: ignore[arg-type]

    outcomes = [outcome("a:b", "works"), outcome("a:c", "WRONG"), outcome("a:d", "skipped")]
    assert surroundings._kept(tmp_path) == []
    (tmp_path / "outcomes.json").write_text(json.dumps([one.as_json() for one in outcomes]))
    assert surroundings._kept(tmp_path) == outcomes[:1]
    (tmp_path / "outcomes.json").write_text("[{}]")
    with pytest.raises(DataError, match="no outcomes can be read"):
        surroundings._kept(tmp_path)


def test_a_trial_that_is_none_is_refused(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["bench", "surroundings", "--only", "moon:score", "--out", str(tmp_path)])
    assert run.exit_code == 1 and "files-64:score" in run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("only", ["read-only:weights list", "disk-4:simulate", "file-20:simulate"])
def test_a_command_is_tried_alone(tmp_path: Path, only: str) -> None:
    run = CliRunner().invoke(app, ["bench", "surroundings", "--only", only, "--out", str(tmp_path), "--json"])
    assert run.exit_code == 0, run.output
    (outcome,) = json.loads(run.stdout)["surroundings"]
    assert outcome["key"] == only and outcome["verdict"] in ("works", "told", "skipped")
    assert (tmp_path / "table.md").read_text().count("\n") == 3
