"""Many films: one bad one never stops the others, names never meet, and the table says what the results say."""

import csv
import io
import os
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.errors import DataError
from stagescore.media.source import Media
from stagescore.scoring import batch
from stagescore.scoring.events import Flight
from stagescore.scoring.inputs import InputClip, find_clips, name_of, named_apart, sha256_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.output_folder import claimed_folder
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import LikelyNumber, StageResult
from stagescore.scoring.scorer import Scorer

SHORT = ScoreOptions(difficulty=3.0, start=25, end=60)
"""A few frames of each film, which take less time."""


class FailsAt:
    """A defect that only one film shows, while its events are placed."""

    def __init__(self, film: Path) -> None:
        self.film = film

    def refine(self, media: Media, span: tuple[int, int], flight: Flight) -> Flight:
        if media.info.path == str(self.film):
            raise ZeroDivisionError("no such luck")
        return flight

    def cut_off_flight(self, media: Media, span: tuple[int, int]) -> Flight | None:
        return None


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight()
    return scorer


@pytest.fixture
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [Path(str(dive.frames_path)) for dive in stored_dives.dives(tmp_path_factory)]


def claimed(wanted: Path) -> Path:
    with claimed_folder(wanted) as found:
        return found.path


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_film_on_which_the_program_fails_is_one_failed_row_among_the_others(
    scorer: Scorer, films: list[Path], tmp_path: Path
) -> None:
    scorer.events = FailsAt(films[1])
    clips = [InputClip(film, f"film-{k}") for k, film in enumerate(films[:3])]
    told: list[tuple[str, int, int]] = []
    finished: list[list[str]] = []

    def finish(results: Sequence[Result], out: Path) -> None:
        finished.append([result.status for result in results])

    out = tmp_path / "out"
    results = batch.score_batch(
        scorer,
        clips,
        SHORT,
        out,
        finish=finish,
        progress=lambda *what: told.append(what),
    )
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert finished[-1] == ["ok", "failed", "ok"]
    assert told == [("dives", k, 3) for k in range(4)]
    assert results[1].reasons[-1].code == "program-error"
    assert "ZeroDivisionError: no such luck" in results[1].reasons[-1].text
    for clip, result in zip(clips, results, strict=True):
        written = Result.model_validate_json((out / clip.name / batch.RESULT).read_bytes())
        assert written == result and written.input.name == clip.name
    assert [row["status"] for row in table((out / batch.SUMMARY).read_bytes())] == ["ok", "failed", "ok"]


def test_a_film_whose_name_is_no_utf_8_is_scored_and_written_like_any_other(
    scorer: Scorer, films: list[Path], tmp_path: Path
) -> None:
    """Archives from elsewhere leave such names. Its result could not be written, which ended the batch."""
    named = tmp_path / os.fsdecode(b"plong\xe9on")
    try:
        named.mkdir()
    except OSError:
        pytest.skip("the disk has only names in UTF-8")
    for image in films[0].glob("*.jpg"):
        (named / image.name).write_bytes(image.read_bytes())
    clips = find_clips([str(named), os.fsdecode(b"nowhere\xff.mp4"), str(films[1])])
    out = tmp_path / "out"

    def extras(scored: Any, folder: Path) -> None:
        raise ValueError(scored.media.info.path if scored.media else "nothing")

    results = batch.score_batch(scorer, clips, SHORT, out, extras=extras)
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert results[0].input.name == "plong\ufffdon"
    assert "ValueError: " in results[0].warnings[-1] and "plong\ufffdon." in results[0].warnings[-1]
    for result in results:
        content = (out / result.input.name / batch.RESULT).read_bytes()
        assert Result.model_validate_json(content) == result
    assert [row["name"] for row in table((out / batch.SUMMARY).read_bytes())] == [
        "plong\ufffdon",
        "nowhere\ufffd",
        films[1].name,
    ]


def test_the_table_says_what_the_results_say(scorer: Scorer, films: list[Path], tmp_path: Path) -> None:
    scored = scorer.score(films[0], SHORT, dive_number="107B", height_m=10.0)
    scored = scored.model_copy(
        update={"recognised": [LikelyNumber(dive_number="107B", probability=0.5)], "unfamiliarity": 1.25}
    )
    failed = scorer.score(tmp_path / "a, b.mp4", name="a, b")
    rows = table(batch.summary_csv([scored, failed]))
    assert tuple(rows[0]) == batch.COLUMNS
    first, second = rows
    assert scored.score is not None and scored.interval is not None
    assert first["score"] == f"{scored.score:.2f}" and first["validated"] == "false"
    assert (first["interval_low"], first["interval_high"]) == tuple(f"{end:.2f}" for end in scored.interval)
    for column, stage in zip(
        ("take_off_frames", "flight_frames", "entry_frames"), scored.stages, strict=True
    ):
        assert first[column] == f"{stage.start_frame}-{stage.end_frame}"
    airborne = scored.events.first_airborne_frame
    assert airborne is not None and first["first_airborne_frame"] == str(airborne.frame)
    assert (first["recognised"], first["unfamiliarity"], first["reasons"]) == ("107B:0.500", "1.250", "")
    assert scored.prior is not None and first["prior_score"] == f"{scored.prior.score:.2f}"
    assert scored.execution is not None and first["execution"] == f"{scored.execution:.3f}"
    assert (second["name"], second["reasons"], second["path"]) == (
        "a, b",
        "unreadable",
        str(tmp_path / "a, b.mp4"),
    )
    empty = {"score", "interval_low", "take_off_frames", "first_airborne_frame", "prior_sd", "execution"}
    assert {second[column] for column in empty} == {""}


def test_a_dive_seen_in_part_fills_only_the_columns_of_its_stages(scorer: Scorer, films: list[Path]) -> None:
    whole = scorer.score(films[0], SHORT)
    entry = StageResult(name="entry", start_frame=40, end_frame=79, start_s=0, end_s=1, confidence=1)
    (row,) = table(batch.summary_csv([whole.model_copy(update={"stages": [entry]})]))
    assert (row["take_off_frames"], row["flight_frames"], row["entry_frames"]) == ("", "", "40-79")


@pytest.mark.parametrize("told_by", ["the system", "a file of ours"])
def test_a_full_disk_is_a_failure_of_that_dive_alone(
    scorer: Scorer, films: list[Path], tmp_path: Path, told_by: str
) -> None:
    clips = [InputClip(film, f"film-{k}") for k, film in enumerate(films[:3])]

    def full_at_second(scored: Any, folder: Path) -> None:
        (folder / "part").write_text("some")
        if scored.result.input.name == "film-1":
            full = OSError(28, "No space left on device")
            if told_by == "the system":
                raise full
            raise DataError("cannot write") from full

    out = tmp_path / "out"
    results = batch.score_batch(scorer, clips, SHORT, out, extras=full_at_second)
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert results[1].reasons[0].code == batch.NOT_WRITTEN and results[1].score is None
    assert "No space left on device" in results[1].reasons[0].text
    assert sorted(path.name for path in out.iterdir()) == ["film-0", "film-2", "summary.csv"]
    assert [row["reasons"] for row in table((out / "summary.csv").read_bytes())] == ["", "not-written", ""]


def test_a_result_is_not_written_over_another_one(scorer: Scorer, films: list[Path], tmp_path: Path) -> None:
    scored = scorer.scored(films[0], SHORT)
    (tmp_path / "dive").mkdir()
    (tmp_path / "dive" / "mine").write_text("kept")
    with pytest.raises(DataError, match="cannot write"):
        batch.write_result(scored, tmp_path / "dive", lambda scored, folder: None)
    assert [path.name for path in tmp_path.iterdir()] == ["dive"]
    assert (tmp_path / "dive" / "mine").read_text() == "kept"


@pytest.mark.parametrize("held", ["summary.csv", "result.json", "compare.json", "dive/result.json"])
def test_a_folder_with_results_gets_a_neighbour(held: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / held).parent.mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    assert claimed(out) == out
    (out / held).write_text("{}")
    (tmp_path / "out-2").write_text("a file")
    assert claimed(out) == tmp_path / "out-3"


def test_a_number_that_another_name_ends_with_is_not_given_twice() -> None:
    paths = [
        Path(name) for name in ("a/dive.mp4", "b/dive.mp4", "dive-2.mp4", "Summary.HTML.mov", "...", "c/.mp4")
    ]
    names = [clip.name for clip in named_apart(paths)]
    assert names == ["dive", "dive-2", "dive-2-2", "Summary.HTML-2", "clip", ".mp4"]
    assert len({name.casefold() for name in names}) == len(names)


def test_a_folder_of_images_is_one_film_whatever_else_lies_in_it(tmp_path: Path) -> None:
    made_scorer.write_frames(tmp_path / "dive", [np.zeros((8, 8, 3), np.uint8)])
    (tmp_path / "dive" / "making-of.mp4").touch()
    (tmp_path / "empty").mkdir()
    clips = find_clips([str(tmp_path / "dive"), str(tmp_path / "empty"), str(tmp_path / "none.mp4")])
    assert [clip.name for clip in clips] == ["dive", "empty", "none"]
    assert name_of(tmp_path / "dive" / ".." / "dive") == "dive"


def test_the_hash_of_a_folder_is_that_of_its_images_in_their_order(tmp_path: Path) -> None:
    for name, content in (("2.jpg", b"second"), ("10.jpg", b"third"), ("1.jpg", b"first"), ("x.txt", b"no")):
        (tmp_path / name).write_bytes(content)
    assert sha256_of(tmp_path) == sha256(b"firstsecondthird").hexdigest()
    assert sha256_of(tmp_path / "x.txt") == sha256(b"no").hexdigest()
    (tmp_path / "empty").mkdir()
    assert sha256_of(tmp_path / "empty") == sha256_of(tmp_path / "none") == ""
