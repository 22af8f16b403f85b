"""`split` and `bench sessions`: clips and a table of a long film's dives, and what is found in sessions that were put together."""

import csv
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring" / "sessions"))

import made_pool as made

from stagescore.cli.main import app
from stagescore.media.film_writing import write_film
from stagescore.media.source import open_media


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dives of a pool, eight seconds apart."""
    path = tmp_path_factory.mktemp("session") / "training.mp4"
    pictures = [picture for _, picture in made.pictures([made.diver(1.0)], 8.0)]
    pictures += [picture for _, picture in made.pictures([made.diver(1.5, x=62.0)], 6.0)]
    write_film(path, pictures, made.RATE, crf=12)
    return path


def run(*options: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(options))
    return done.exit_code, done.stdout, done.stderr


def test_a_session_is_split_into_its_dives(session: Path, tmp_path: Path) -> None:
    code, told, _ = run("split", str(session), "--out", str(tmp_path), "--json")
    assert code == 0
    dives = json.loads(told)["dives"]
    assert [one["name"] for one in dives] == ["training-1", "training-2"]
    for dive, takeoff_s in zip(dives, (1.0, 9.5), strict=True):
        # The event network has never seen such a pool, and may place the take-off anywhere before the fall.
        assert dive["takeoff_s"] < takeoff_s + made.fall_s() / 2
        assert dive["contact_s"] == pytest.approx(takeoff_s + made.fall_s(), abs=0.5)
        clip = open_media(tmp_path / f"{dive['name']}.mp4")
        # Copied from the key frame before: nothing of the dive is lost.
        assert clip.num_frames >= dive["end"] - dive["begin"]
    with (tmp_path / "dives.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["training-1", "training-2"]
    assert [float(row["takeoff_s"]) for row in rows] == [one["takeoff_s"] for one in dives]


def test_a_film_without_a_dive_leaves_an_empty_table_and_says_so(tmp_path: Path) -> None:
    film = tmp_path / "walk.mp4"
    write_film(film, [picture for _, picture in made.pictures([made.walker()], 3.0)], made.RATE)
    code, _, said = run("split", str(film), "--out", str(tmp_path / "out"), "--no-clips")
    assert code == 0 and "no dive was found" in said
    assert (tmp_path / "out" / "dives.csv").read_text().count("\n") == 1
    assert run("split", str(film), "--out", str(tmp_path / "out"), "--slowmo", "0")[0] != 0
    code, _, said = run("split", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"))
    assert code == 1 and "none.mp4" in said


def kept(folder: Path, **changes: object) -> None:
    """The outcome of a session that was measured before."""
    content = {
        "name": "tripod-reporting-2-8-000",
        "kind": "tripod",
        "num_frames": 900,
        "seconds": 36.0,
        "dives": [[3.0, 4.5], [20.0, 21.5]],
        "found": [[3.1, 4.4, 0.9], [30.0, 31.2, 0.5]],
        "told": ["motion", "motion"],
        "cpu_s": 6.0,
    }
    (folder / "tripod-reporting-2-8-000.json").write_text(json.dumps(content | changes))


def test_a_measurement_goes_on_from_the_sessions_that_are_done(tmp_path: Path) -> None:
    kept(tmp_path)
    options = ("--simulated", "1", "--dives", "2", "--most-pause", "8", "--out", str(tmp_path))
    code, told, _ = run("bench", "sessions", *options, "--json")
    (tripod, whole) = json.loads(told)["rates"]
    assert tripod == whole | {"kind": "tripod"}
    assert (tripod["dives"], tripod["hits"], tripod["false_alarms"], tripod["hours"]) == (2, 1, 1, 0.01)
    assert tripod["times_faster"] == pytest.approx(6.0)
    assert json.loads(told)["sessions"][0]["hits"] == [0, -1]
    kept(tmp_path, dives=None)
    code, _, said = run("bench", "sessions", *options)
    assert code == 1 and "a kept session is torn" in said


@pytest.mark.slow
def test_a_session_is_put_together_and_looked_through(tmp_path: Path) -> None:
    options = ("--simulated", "1", "--dives", "1", "--most-pause", "4", "--out", str(tmp_path))
    code, told, _ = run("bench", "sessions", *options, "--choosing", "--json")
    (session,) = json.loads(told)["sessions"]
    assert code in (0, 1) and len(session["dives"]) == 1 and session["seconds"] > 8
    assert len(list(tmp_path.glob("tripod-choosing-*.json"))) == 1
