"""`stagescore bench films` from the command line."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import stored_dives
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))

import made_scorer

from stagescore.cli.main import app

NUM_FILMS = 3


@pytest.fixture
def words(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    """For three simulated dives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tiny = made_scorer.given_to_commands(tmp_path_factory, monkeypatch)
    folder = str(stored_dives.folder(tmp_path_factory))
    options = ["--most", str(NUM_FILMS), "--out", str(tmp_path / "out")]
    return ["bench", "films", folder, *options, *tiny]


@pytest.mark.slow
def test_scores_are_held_against_labels_beside_what_needs_no_film(
    words: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = CliRunner().invoke(app, [*words, "--variants", "mirrored", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    truth = {dive.dive_id.replace("/", "-"): dive.score for dive in stored_dives.dives(tmp_path_factory)}
    kept = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")}
    assert len(kept) == NUM_FILMS
    assert [condition["condition"] for condition in found["conditions"]] == ["as filmed", "mirrored"]
    for condition, key in zip(found["conditions"], ("original", "mirrored"), strict=True):
        outcomes = {name: record["outcomes"][key] for name, record in kept.items()}
        having = {name: outcome for name, outcome in outcomes.items() if outcome["score"] is not None}
        assert condition["share_scored"] == pytest.approx(len(having) / NUM_FILMS)
        errors = np.array([outcome["score"] - truth[name] for name, outcome in having.items()])
        scores, expected = condition["rows"]
        assert scores["metrics"]["mae"]["value"] == pytest.approx(np.abs(errors).mean())
        assert scores["bias"] == pytest.approx(errors.mean())
        priors = np.array([outcome["prior"][0] - truth[name] for name, outcome in having.items()])
        assert expected["metrics"]["mae"]["value"] == pytest.approx(np.abs(priors).mean())
    changes = [
        abs(record["outcomes"]["mirrored"]["score"] - record["outcomes"]["original"]["score"])
        for record in kept.values()
    ]
    assert found["stability"]["all"]["median"] == pytest.approx(np.median(changes))


def test_without_number_only_the_height_is_told(words: list[str], tmp_path: Path) -> None:
    assert CliRunner().invoke(app, [*words, "--without-number", "--json"]).exit_code == 0
    for path in (tmp_path / "out").glob("*.json"):
        told = json.loads(path.read_text())["options"]
        assert (told["dive_number"], told["difficulty"]) == (None, None)
        assert told["height_m"] is not None


def test_the_same_films_are_chosen_again_and_not_scored_twice(words: list[str], tmp_path: Path) -> None:
    first = CliRunner().invoke(app, [*words, "--json"])
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.json")}
    assert CliRunner().invoke(app, [*words, "--json"]).stdout == first.stdout
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.json")} == times


def test_the_table_says_how_many_films_have_a_score(words: list[str]) -> None:
    said = CliRunner().invoke(app, words).stdout
    assert "3 films, number and difficulty given" in said
    assert any(line.startswith("prior ") for line in said.splitlines())


def test_a_fold_that_is_not_there_is_told(words: list[str]) -> None:
    done = CliRunner().invoke(app, [*words, "--fold", "five-fold/9"])
    assert done.exit_code == 1
    assert "five-fold" in done.stderr
    assert "Traceback" not in done.output
