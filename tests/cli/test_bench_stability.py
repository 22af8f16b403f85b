"""`stagescore bench stability` from the command line."""

import json
import sys
from pathlib import Path

import pytest
import stored_dives
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))

import made_scorer

from stagescore.cli.main import app


@pytest.fixture
def words(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[str]:
    """For one simulated dive."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tiny = made_scorer.given_to_commands(tmp_path_factory, monkeypatch)
    film, labels = stored_dives.dives(tmp_path_factory)[0].frames_path, stored_dives.folder(tmp_path_factory)
    options = ["--labels", str(labels), "--variants", "mirrored,rate-60", "--out", str(tmp_path / "out")]
    return ["bench", "stability", str(film), *options, *tiny]


@pytest.mark.slow
def test_a_dive_and_its_variants_are_scored_compared_and_kept(
    words: list[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert isinstance(done.exception, SystemExit | None), done.exception
    found = json.loads(done.stdout)
    assert done.exit_code == (0 if found["goal"]["holds"] else 1)
    assert [row["variant"] for row in found["variants"]] == ["mirrored", "rate-60"]
    (record,) = found["films"].values()
    dive = stored_dives.dives(tmp_path_factory)[0]
    assert record["options"]["dive_number"] == dive.dive_number
    outcomes = record["outcomes"]
    assert set(outcomes) == {"original", "mirrored", "rate-60"}
    change = outcomes["mirrored"]["score"] - outcomes["original"]["score"]
    assert found["variants"][0]["mean"] == pytest.approx(change)
    (kept,) = (tmp_path / "out").glob("*.json")
    assert json.loads(kept.read_text()) == record
    before = kept.stat().st_mtime_ns
    assert json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout) == found
    assert kept.stat().st_mtime_ns == before


def test_the_table_ends_with_the_goal(words: list[str]) -> None:
    said = CliRunner().invoke(app, words).stdout.strip().splitlines()
    assert any(line.startswith("rate-60") for line in said)
    assert said[-1].startswith("All variants: median change")
    assert "goal: at most 2" in said[-1]


def test_a_wrong_variant_and_a_film_without_labels_end_with_one_line(
    words: list[str], tmp_path: Path
) -> None:
    for changed, told in (
        (("mirrored,rate-60", "rate-61"), "no variant 'rate-61'"),
        ((words[2], "no.mp4"), "no.mp4"),
    ):
        wrong = [changed[1] if word == changed[0] else word for word in words]
        done = CliRunner().invoke(app, wrong)
        assert done.exit_code == 1
        assert told in done.stderr
        assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()
