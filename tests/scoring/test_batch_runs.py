"""Batches that are stopped, gone on with, or shared between processes give what one quiet run gives."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import DataError
from stagescore.locking import FolderInUseError
from stagescore.scoring.batch import (
    WORKER_LOST,
    BatchRun,
    BatchWorkers,
    score_batch,
)
from stagescore.scoring.inputs import InputClip, find_films, name_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.output_folder import claimed_folder
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer

SHORT = ScoreOptions(difficulty=3.0, start=25, end=60)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> made_scorer.TinySource:
    return made_scorer.TinySource(made_scorer.weights_dir(tmp_path_factory))


@pytest.fixture(scope="module")
def scorer(source: made_scorer.TinySource) -> Scorer:
    return source.load()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[InputClip]:
    films = [Path(str(dive.frames_path)) for dive in stored_dives.dives(tmp_path_factory)[:3]]
    return [InputClip(film, f"film-{k}") for k, film in enumerate(films)]


@pytest.fixture(scope="module")
def quiet(scorer: Scorer, clips: list[InputClip], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run without a disturbance writes."""
    out = tmp_path_factory.mktemp("quiet")
    score_batch(scorer, clips, SHORT, out, extras=made_scorer.DiesAt("nobody"))
    return written(out)


def written(out: Path) -> dict[str, Any]:
    """Every file of a batch with its content, results without their timings."""
    content: dict[str, Any] = {}
    for path in out.rglob("*"):
        if path.is_file():
            content[str(path.relative_to(out))] = path.read_bytes()
        if path.name == "result.json":
            content[str(path.relative_to(out))] = json.loads(path.read_bytes()) | {"timings": None}
    return content


def stopping_at(name: str, seen: list[str]) -> Callable[[Any, Path], None]:
    def extras(scored: Any, folder: Path) -> None:
        seen.append(scored.result.input.name)
        made_scorer.DiesAt("nobody")(scored, folder)
        if scored.result.input.name == name:
            raise KeyboardInterrupt

    return extras


def test_a_batch_that_was_stopped_is_gone_on_with_where_it_stopped(
    scorer: Scorer, clips: list[InputClip], quiet: dict[str, Any], tmp_path: Path
) -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        score_batch(scorer, clips, SHORT, tmp_path, extras=stopping_at("film-1", seen))
    assert [line.split(",")[0] for line in (tmp_path / "summary.csv").read_text().splitlines()[1:]] == [
        "film-0"
    ]
    (tmp_path / ".scoring-left").mkdir()  # as a killed process leaves it
    told: list[tuple[str, int, int]] = []
    results = score_batch(
        scorer,
        clips,
        SHORT,
        tmp_path,
        extras=stopping_at("nobody", seen),
        progress=lambda *what: told.append(what),
        how=BatchRun(resume=True),
    )
    assert seen == ["film-0", "film-1", "film-1", "film-2"]
    assert told == [("dives", k, 3) for k in (1, 2, 3)]
    assert [result.input.name for result in results] == [clip.name for clip in clips]
    assert written(tmp_path) == quiet


@pytest.mark.parametrize("change", ["options", "networks", "film", "torn", "defect"])
def test_a_result_that_would_be_another_one_is_made_anew(
    change: str, scorer: Scorer, clips: list[InputClip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    clip, out, options = InputClip(film, "film"), tmp_path / "out", SHORT
    score_batch(scorer, [clip], SHORT, out)
    path = out / "film" / "result.json"
    if change == "options":
        options = SHORT.model_copy(update={"difficulty": 2.0})
    elif change == "networks":
        monkeypatch.setattr(Scorer, "made_of", ["another"])
    elif change == "film":
        film.write_bytes(b"nor this")
    elif change == "torn":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.write_text(path.read_text().replace("unreadable", "program-error", 1))
    seen: list[str] = []
    extras = stopping_at("nobody", seen)
    score_batch(scorer, [clip], options, out, extras=extras, how=BatchRun(resume=True))
    assert seen == ["film"]
    assert Result.model_validate_json(path.read_bytes()).reasons[0].code == "unreadable"
    score_batch(scorer, [clip], options, out, extras=extras, how=BatchRun(resume=True))
    assert seen == ["film"]
    assert {one.name for one in out.iterdir()} == {"film", "summary.csv"}


@pytest.mark.slow
def test_several_processes_write_what_one_does_and_lose_only_the_dive_of_one_that_dies(
    scorer: Scorer,
    source: made_scorer.TinySource,
    clips: list[InputClip],
    quiet: dict[str, Any],
    tmp_path: Path,
) -> None:
    how = BatchRun(workers=BatchWorkers(2, source))
    results = score_batch(scorer, clips, SHORT, tmp_path, extras=made_scorer.DiesAt("film-1"), how=how)
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert results[1].reasons[0].code == WORKER_LOST and "-9" in results[1].reasons[0].text
    assert written(tmp_path)["film-2/result.json"] == quiet["film-2/result.json"]
    assert not list(tmp_path.glob(".*"))
    how = BatchRun(resume=True, workers=how.workers)
    score_batch(scorer, clips, SHORT, tmp_path, extras=made_scorer.DiesAt("nobody"), how=how)
    assert written(tmp_path) == quiet


def test_an_output_folder_is_of_one_run_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with claimed_folder(out) as first:
        with claimed_folder(out) as second:
            assert (first.path, second.path) == (out, tmp_path / "out-2")
        with pytest.raises(FolderInUseError), claimed_folder(out, resume=True):
            pass
    (out / "summary.csv").touch()
    monkeypatch.chdir(out)
    with claimed_folder(Path()) as beside, claimed_folder(Path(), resume=True) as here:
        assert (beside.path, here.path) == (tmp_path / "out-2", Path())


def test_a_disk_that_is_full_for_the_summary_only_is_told_at_the_end(
    scorer: Scorer, clips: list[InputClip], tmp_path: Path
) -> None:
    def full(results: Any, out: Path) -> None:
        raise DataError("cannot write (No space left on device)", where=out)

    with pytest.raises(DataError, match="No space left"):
        score_batch(scorer, clips[:2], SHORT, tmp_path, finish=full)
    assert all((tmp_path / clip.name / "result.json").exists() for clip in clips[:2])


def test_sub_folders_that_lead_back_or_hold_results_are_left_out(tmp_path: Path) -> None:
    for name in ("a.mp4", "one/b.mp4", "one/.hidden/c.mp4", "out/d/overlay.mp4", "frames/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "out" / "d" / "result.json").touch()
    (tmp_path / "one" / "back").symlink_to(tmp_path)
    found = find_films([str(tmp_path)], recursive=True)
    assert found.paths == [tmp_path / "a.mp4", tmp_path / "frames", tmp_path / "one" / "b.mp4"]
    assert found.passed_over == {}
    assert find_films([str(tmp_path)]).passed_over == {tmp_path: 2}


def test_a_long_name_leaves_room_for_a_number() -> None:
    name = name_of(Path(os.fsdecode(b"\xff" * 250 + b".mp4")))
    assert name and len(f"{name}-1000".encode()) < 255


def test_names_are_ascii_where_the_system_takes_no_others() -> None:
    program = (
        "import os, pathlib, sys\n"
        "from stagescore.scoring.inputs import name_of\n"
        "assert sys.getfilesystemencoding() == 'ascii'\n"
        "name = name_of(pathlib.Path(os.fsdecode(b'plong\\xc3\\xa9e.mp4')))\n"
        "os.fsencode(name)\n"
        "print(name)"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout == "plong__e\n", done.stderr
