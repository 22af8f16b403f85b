"""`stagescore score`, `compare` and `fit-bank` from the command line."""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import stored_dives
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))

import made_scorer

from stagescore.cli import output
from stagescore.cli.main import app
from stagescore.media import source
from stagescore.report import score_files
from stagescore.scoring.output_folder import claimed_folder
from stagescore.scoring.scorer import Scorer


def given_flights(load: Any) -> Any:
    """Tiny dives are too small to be watched: their flights are given."""

    def loaded(*arguments: Any, **named: Any) -> Scorer:
        scorer = load(*arguments, **named)
        scorer.networks, scorer.flights, scorer.events = "None in tests.", made_scorer.GivenFlight(), None
        return scorer

    return loaded


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
    assert {"summary.csv", "summary.html", "measures.csv"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }
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


@pytest.mark.parametrize("against", ["a dive", "an exemplar", "joints"])
def test_a_comparison_writes_a_page_that_shows_both(
    base: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    against: str,
) -> None:
    monkeypatch.setattr(Scorer, "load", given_flights(Scorer.load))
    first, second, *_ = (str(dive.frames_path) for dive in stored_dives.dives(tmp_path_factory))
    films = [first] if against == "an exemplar" else [first, second]
    if against == "joints":
        films = [str(dive.poses_path) for dive in stored_dives.dives(tmp_path_factory)[:2]] + [
            "--size",
            "112x64",
        ]
    done = CliRunner().invoke(
        app, ["compare", *films, "--height", "3", "--out", str(tmp_path / "out"), *base, "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["difference"] == pytest.approx(sum(stage["difference"] for stage in told["stages"]))
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"compare.json", "compare.html"} | (
        set() if against == "an exemplar" else {"compare.mp4"}
    )
    page = (tmp_path / "out" / "compare.html").read_text()
    # The bank of these tests has no pictures of its exemplars.
    assert page.count("<img") == (0 if against == "an exemplar" else 18)


@pytest.mark.slow
def test_own_dives_become_a_bank_and_every_score_says_whether_it_is_validated(
    base: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Scorer, "load", given_flights(Scorer.load))
    dives = stored_dives.dives(tmp_path_factory)
    home = Path(dives[0].frames_path).parents[1]
    rows = [f"{Path(d.frames_path).relative_to(home)},{d.score},{d.dive_number}" for d in dives]
    (tmp_path / "labels.csv").write_text("\n".join(["path,score,dive_number", *rows]) + "\n")
    own = tmp_path / "own.safetensors"
    words = ["fit-bank", str(home), "--labels", str(tmp_path / "labels.csv"), "--out", str(own), *base]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    fitted = json.loads(done.stdout)
    assert fitted["num_dives"] == len(fitted["dives"]) == len(dives)
    errors = [abs(dive["score"] - dive["predicted"]) for dive in fitted["dives"]]
    assert fitted["mean_absolute_error"] == pytest.approx(sum(errors) / len(errors))
    assert [dive["dive"] for dive in fitted["dives"]] == [row.split(",")[0] for row in rows]
    assert fitted["validated"] == (fitted["slope"] > 0 and min(g["interval"][0] for g in fitted["gains"]) > 0)
    words = ["score", str(dives[0].frames_path), "--bank", str(own), "--out", str(tmp_path / "out"), *base]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    [result] = json.loads(done.stdout)["dives"]
    assert result["validated"] == fitted["validated"]
    assert any(fitted["film_adds"] in told for told in result["warnings"])
    assert result["validation"]["mean_absolute_error"] == fitted["mean_absolute_error"]
    report = (Path(json.loads(done.stdout)["out"]) / result["input"]["name"] / "report.html").read_text()
    assert f"{fitted['mean_absolute_error']:.2f}" in report
    assert ("Not validated" in report) != fitted["validated"]


def test_a_bank_without_films_says_so(base: list[str], tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,score\nnone.mp4,70\n")
    words = ["fit-bank", str(tmp_path), "--labels", str(tmp_path / "labels.csv"), *base]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "none.mp4" in done.output
    assert not (tmp_path / "bank.safetensors").exists()


def test_what_is_wrong_with_the_table_is_told_before_any_film_is_read(
    base: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*arguments: Any, **named: Any) -> None:
        raise AssertionError("a film was read")

    monkeypatch.setattr(Scorer, "scored", read)
    monkeypatch.setattr(source, "open_media", read)
    labels = tmp_path / "labels.csv"
    words = ["fit-bank", str(tmp_path), "--labels", str(labels), *base]
    for number in range(4):
        (tmp_path / f"{number}.mp4").touch()
    rows = "".join(f"{number}.mp4,70\n" for number in range(4))
    for text, told in (
        ("path,score\n" + rows + "gone.mp4,70\n", "gone.mp4"),
        ("path,colour\n" + rows, "score"),
        ("path,score\n" + rows, "4 of 4 dives can be used; give 5 or more"),
    ):
        labels.write_text(text)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 1 and told in done.output, done.output


def test_progress_is_shown_and_films_that_cannot_be_used_are_named(
    base: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_SECONDS_BETWEEN_LINES", 0.0)
    for name in "abcde":
        (tmp_path / f"{name}.mp4").write_bytes(b"no film")
    (tmp_path / "labels.csv").write_text("path,score\n" + "".join(f"{name}.mp4,70\n" for name in "abcde"))
    done = CliRunner().invoke(
        app, ["fit-bank", str(tmp_path), "--labels", str(tmp_path / "labels.csv"), *base]
    )
    assert done.exit_code == 1
    assert "dives: 1 of 5" in done.output and "dives: 4 of 5" in done.output
    assert "0 of 5 dives can be used; the first that was left out: a.mp4: " in done.output


def test_results_and_comparisons_are_not_written_over(tmp_path: Path) -> None:
    for number, name in enumerate(("summary.csv", "result.json", "compare.json")):
        folder = tmp_path / str(number)
        for _ in range(2):
            with claimed_folder(folder) as claimed:
                assert claimed.path == folder
        (folder / name).write_text("")
        with claimed_folder(folder) as claimed:
            assert claimed.path == tmp_path / f"{number}-2"


@pytest.fixture
def batch(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    """`score` of two dives with as little else as possible."""
    options = made_scorer.given_to_commands(tmp_path_factory, monkeypatch)
    films = [str(dive.frames_path) for dive in stored_dives.dives(tmp_path_factory)[:2]]
    return ["score", *films, "--start", "25", "--end", "60", "--height", "3", *options]


def page_of(scored: Any, folder: Path) -> None:
    (folder / "report.html").write_text(str(scored.result.score))


def test_a_batch_in_the_folder_where_the_films_are(
    batch: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setattr(score_files, "write_dive_files", page_of)
    here = tmp_path / "films"
    here.mkdir()
    for place, film in enumerate(batch[1:3]):
        batch[1 + place] = Path(film).name
        shutil.copytree(film, here / Path(film).name)
    monkeypatch.chdir(here)
    names = [f"{name}-2" for name in batch[1:3]]
    assert CliRunner().invoke(app, [*batch, "--out", "."]).exit_code == 0
    assert all((here / name / "result.json").exists() for name in names)
    assert {path.name for path in here.iterdir()} == {
        *batch[1:3],
        *names,
        "summary.csv",
        "summary.html",
        "measures.csv",
    }
    again = CliRunner().invoke(app, [*batch, "--out", "."])
    assert again.exit_code == 0 and "films-2" in again.stderr
    assert (tmp_path / "films-2" / batch[1] / "result.json").exists()


def test_a_batch_that_is_stopped_says_how_it_goes_on_and_does(
    batch: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[str]()

    def stops_at_second(scored: Any, folder: Path) -> None:
        calls.append(scored.result.input.name)
        page_of(scored, folder)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    monkeypatch.setattr(score_files, "write_dive_files", stops_at_second)
    words = [*batch, "--out", str(tmp_path / "out")]
    before = signal.getsignal(signal.SIGTERM)
    stopped = CliRunner().invoke(app, words)
    assert stopped.exit_code == 143 and "--resume" in stopped.stderr
    assert signal.getsignal(signal.SIGTERM) == before
    assert len((tmp_path / "out" / "summary.csv").read_text().splitlines()) == 2
    assert (tmp_path / "out" / "summary.html").read_text().count("report.html") == 1
    done = CliRunner().invoke(app, [*words, "--resume", "--json"])
    assert done.exit_code == 0, done.output
    assert calls[2:] == [calls[1]]
    assert len(json.loads(done.stdout)["dives"]) == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *calls,
        "summary.csv",
        "summary.html",
        "measures.csv",
    }


def test_what_all_dives_have_in_common_is_said_once(
    batch: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_files, "write_dive_files", page_of)
    hostile = tmp_path / "=\x1b[31mred\u202e.mp4"
    done = CliRunner().invoke(app, [*batch, str(hostile), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert done.stderr.count("never validated on real dives") == 1
    assert f"2 of 3 dives ({batch[1]}, {batch[2]})" in done.stderr
    written = done.output + "".join(
        path.read_text()
        for path in (tmp_path / "out").rglob("*")
        if path.suffix in (".csv", ".html", ".json")
    )
    assert not set(written) & set("\x1b\u202e")
    name = "=\ufffd[31mred\ufffd"
    assert f"\n'{name},failed" in (tmp_path / "out" / "summary.csv").read_text()
    assert json.loads((tmp_path / "out" / name / "result.json").read_bytes())["input"]["path"] == str(hostile)


def test_films_in_sub_folders_are_told_of_and_taken(
    batch: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_files, "write_dive_files", page_of)
    (tmp_path / "films" / "deep" / "er").mkdir(parents=True)
    for name in ("a.mp4", "deep/b.mov", "deep/er/a.mp4", "deep/notes.txt"):
        (tmp_path / "films" / name).write_bytes(b"no film")
    words = ["score", str(tmp_path / "films"), *batch[3:], "--out", str(tmp_path / "films" / "out")]
    told = CliRunner().invoke(app, words)
    assert "2 films in sub-folders were not looked at; --recursive takes them" in told.stderr
    assert {path.name for path in (tmp_path / "films" / "out").iterdir() if path.is_dir()} == {"a"}
    told = CliRunner().invoke(app, [*words, "--recursive"])
    assert "not looked at" not in told.stderr
    assert {path.name for path in (tmp_path / "films" / "out-2").iterdir() if path.is_dir()} == {
        "a",
        "b",
        "a-2",
    }
