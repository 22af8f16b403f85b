"""`stagescore score`, `compare` and `fit-bank` from the command line."""

import json
import sys
from pathlib import Path

import pytest
import stored_dives
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))

import made_scorer

from stagescore.cli.main import app
from stagescore.scoring.batch import new_folder


@pytest.fixture
def base(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    return ["--weights", "tiny", "--weights-dir", str(made_scorer.weights_dir(tmp_path_factory))]


def test_scoring_writes_everything_and_never_over_what_is_there(
    base: list[str], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    dive = stored_dives.dives(tmp_path_factory)[0]
    words = [
        "score",
        str(dive.frames_path),
        str(tmp_path / "none.mp4"),
        "--out",
        str(tmp_path / "out"),
        *base,
    ]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)["dives"]
    assert [result["status"] for result in found][1] == "failed"
    folder = tmp_path / "out" / found[0]["input"]["name"]
    assert not [told for told in found[0]["warnings"] if "could not be made" in told]
    assert {"result.json", "report.html", "overlay.mp4"} <= {path.name for path in folder.iterdir()}
    assert (tmp_path / "out" / "none" / "result.json").exists()
    assert {"summary.csv", "summary.html"} <= {path.name for path in (tmp_path / "out").iterdir()}
    again = CliRunner().invoke(
        app, ["score", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"), *base]
    )
    assert "out-2" in again.output
    assert (tmp_path / "out-2" / "none" / "result.json").exists()


def test_the_schema_is_printed() -> None:
    done = CliRunner().invoke(app, ["score", "--schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["title"] == "Result"


def test_a_wrong_dive_number_is_refused_before_anything_is_done(base: list[str], tmp_path: Path) -> None:
    words = ["score", "x.mp4", "--out", str(tmp_path / "out"), "--dive-number", "999Z", *base]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "999Z" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_has_no_score_is_not_compared(
    base: list[str], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    dive = str(stored_dives.dives(tmp_path_factory)[0].frames_path)
    words = ["compare", str(tmp_path / "none.mp4"), dive, "--out", str(tmp_path / "out"), *base]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "nothing to compare" in done.stderr
    assert "none.mp4" in done.stderr
    assert not (tmp_path / "out").exists()


def test_results_and_comparisons_are_not_written_over(tmp_path: Path) -> None:
    for number, name in enumerate(("summary.csv", "result.json", "compare.json")):
        folder = tmp_path / str(number)
        assert new_folder(folder) == folder
        folder.mkdir()
        assert new_folder(folder) == folder
        (folder / name).write_text("")
        assert new_folder(folder) == tmp_path / f"{number}-2"
