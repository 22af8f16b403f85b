"""Stability: what changes is told by variant, what cannot be scored counts against it, a stopped run goes on."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))

import clips

from stagescore.benchmarks.labelled_films import labelled_films
from stagescore.benchmarks.stability import FilmRecord, KnownFilm, measure_stability, stability_rows
from stagescore.benchmarks.variants import VARIANTS, chosen_variants
from stagescore.errors import DataError
from stagescore.media import open_media
from stagescore.media.film_writing import write_film
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import EventResult, Events, InputFile, Reason

SOME = chosen_variants(["mirrored", "crf-18", "rate-24", "brighter", "darker", "still-before"])
CONTACT = 24


@pytest.fixture
def films(tmp_path: Path) -> list[KnownFilm]:
    known = []
    for name, num in (("one", 30), ("two", 40)):
        write_film(tmp_path / f"{name}.mp4", [clips.bar_code(k) for k in range(num)], 30)
        known.append(KnownFilm(path=tmp_path / f"{name}.mp4", name=name))
    return known


def result(path: Path, score: float | None, contact: int | None = None, code: str | None = None) -> Result:
    info = open_media(path).info
    return Result(
        status="ok" if code is None else "needs_review",
        reasons=[] if code is None else [Reason(code=code, text="It says so.")],
        score=score,
        events=Events()
        if contact is None
        else Events(first_water_contact_frame=EventResult(frame=contact, confidence=1.0)),
        input=InputFile(
            name=path.stem,
            path=str(path),
            sha256="",
            num_frames=info.num_frames,
            width_px=info.width_px,
            height_px=info.height_px,
            duration_s=info.duration_s,
            frame_rate=info.frame_rate,
            condition="ok",
            start_frame=0,
            end_frame=info.num_frames,
        ),
    )


def brightness(path: Path, options: ScoreOptions) -> Result:
    """The mean of the middle frame, of which recoding changes next to nothing."""
    media = open_media(path)
    ((_, picture),) = media.frames([media.num_frames // 2])
    return result(path, float(picture.mean()))


def constant(path: Path, options: ScoreOptions) -> Result:
    """70 points, and the first frame with the bar code of the contact."""
    codes = [
        clips.read_bar_code(p[:, :: -1 if "mirrored" in path.name else 1])
        for _, p in open_media(path).frames()
    ]
    return result(path, 70.0, next(k for k, code in enumerate(codes) if code is not None and code >= CONTACT))


@pytest.mark.slow
def test_a_scorer_that_does_not_look_is_stable_and_its_events_stay_in_their_frames(
    films: list[KnownFilm], tmp_path: Path
) -> None:
    records = measure_stability(constant, films, VARIANTS, tmp_path / "out")
    rows, together = stability_rows(records, VARIANTS)
    assert [row.variant for row in rows] == [variant.name for variant in VARIANTS]
    for row in (*rows, together):
        assert (row.median, row.p95, row.mean, row.within, row.lost) == (0, 0, 0, 1, 0), row.variant
        # At 24 frames per second the frame itself may be left out; the cropped code cannot be read.
        if row.variant not in ("rate-24", "cropped", "all"):
            assert row.contact == (0, 0), row.variant
    assert together.films == len(films) * len(VARIANTS)


def test_a_scorer_of_brightness_moves_where_brightness_does(films: list[KnownFilm], tmp_path: Path) -> None:
    rows, together = stability_rows(measure_stability(brightness, films, SOME, tmp_path / "out"), SOME)
    means = {row.variant: row.mean for row in rows}
    assert means["brighter"] > 10
    assert means["darker"] < -10
    assert all(abs(mean) < 3 for name, mean in means.items() if name not in ("brighter", "darker"))
    assert together.within == pytest.approx(4 / 6)


def test_a_variant_without_a_score_is_no_small_change(films: list[KnownFilm], tmp_path: Path) -> None:
    def afraid_of_the_dark(path: Path, options: ScoreOptions) -> Result:
        dark = "darker" in path.name
        return result(path, None if dark else 50.0, None if dark else 5, "no-person" if dark else None)

    records = measure_stability(afraid_of_the_dark, films, SOME, tmp_path / "out")
    rows, together = stability_rows(records, SOME)
    darker = next(row for row in rows if row.variant == "darker")
    assert (darker.films, darker.lost, darker.within, darker.median) == (2, 2, 0, None)
    assert darker.reasons == {"no-person": 2}
    assert darker.events_lost == 2
    assert (together.median, together.lost) == (0, 2)
    assert together.within == pytest.approx(5 / 6)


def test_a_film_that_has_no_score_itself_counts_for_events_only(
    films: list[KnownFilm], tmp_path: Path
) -> None:
    def refuses_one(path: Path, options: ScoreOptions) -> Result:
        one = path.name.startswith("one")
        return result(path, None if one else 60.0, 3 if path.stem == "one" else 5, "cut" if one else None)

    rows, _ = stability_rows(measure_stability(refuses_one, films, SOME, tmp_path / "out"), SOME)
    crf = next(row for row in rows if row.variant == "crf-18")
    assert (crf.films, crf.lost, crf.median) == (1, 0, 0)
    assert crf.contact == (1.0, 2)


def test_a_run_that_is_killed_goes_on_where_it_was(films: list[KnownFilm], tmp_path: Path) -> None:
    scored: list[str] = []

    def counting(path: Path, options: ScoreOptions) -> Result:
        if len(scored) == 4:
            raise KeyboardInterrupt
        scored.append(path.name)
        return result(path, 50.0)

    with pytest.raises(KeyboardInterrupt):
        measure_stability(counting, films, SOME, tmp_path / "out")
    before, wanted = list(scored), len(films) * (1 + len(SOME))
    again: list[str] = []

    def more(path: Path, options: ScoreOptions) -> Result:
        again.append(path.name)
        return result(path, 50.0)

    records = measure_stability(more, films, SOME, tmp_path / "out")
    assert not set(before) & set(again)
    assert len(before) + len(again) == wanted
    kept = FilmRecord.model_validate_json((tmp_path / "out" / "two.json").read_bytes())
    assert kept == records["two"]
    assert set(kept.outcomes) == {"original", *(variant.name for variant in SOME)}


def test_what_was_measured_otherwise_is_not_taken_for_this(films: list[KnownFilm], tmp_path: Path) -> None:
    out = tmp_path / "out"
    measure_stability(brightness, films, SOME[:1], out, measured_with=["a"])
    before = (out / "one.json").read_bytes()
    with pytest.raises(DataError, match=r"one\.json.*other weights"):
        measure_stability(brightness, films, SOME, out, measured_with=["b"])
    renamed = [
        KnownFilm(path=film.path, name=film.name, options=ScoreOptions(dive_number="107B")) for film in films
    ]
    with pytest.raises(DataError, match="other labels"):
        measure_stability(brightness, renamed, SOME, out, measured_with=["a"])
    assert (out / "one.json").read_bytes() == before
    (out / "one.json").write_text("{")
    with pytest.raises(DataError, match=r"one\.json.*no record"):
        measure_stability(brightness, films, SOME, out, measured_with=["a"])


def test_a_film_that_cannot_be_read_is_named_before_anything_is_scored(
    films: list[KnownFilm], tmp_path: Path
) -> None:
    scored: list[Path] = []

    def noting(path: Path, options: ScoreOptions) -> Result:
        scored.append(path)
        return result(path, 50.0)

    (tmp_path / "torn.mp4").write_bytes(films[0].path.read_bytes()[:200])
    torn = KnownFilm(path=tmp_path / "torn.mp4", name="torn")
    with pytest.raises(DataError, match=r"torn\.mp4"):
        measure_stability(noting, [*films, torn], SOME, tmp_path / "out")
    assert not scored


def test_labels_of_a_table_reach_the_scorer(films: list[KnownFilm], tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text(
        "path,final_score,difficulty,dive_number,marks\none.mp4,80,3.2,407C,8 8 8\ntwo.mp4,70,,,\n"
    )
    found = labelled_films([str(film.path) for film in films], table)
    assert [film.options for film in found] == [
        ScoreOptions(dive_number="407C", difficulty=3.2),
        ScoreOptions(),
    ]
    given: list[float | None] = []

    def noting(path: Path, options: ScoreOptions) -> Result:
        given.append(options.difficulty)
        return result(path, 50.0)

    measure_stability(noting, found, SOME, tmp_path / "out")
    assert given == [3.2] * (1 + len(SOME)) + [None] * (1 + len(SOME))


def test_a_table_of_a_spreadsheet_names_films_of_another_system(
    films: list[KnownFilm], tmp_path: Path
) -> None:
    table = tmp_path / "films.tsv"
    table.write_bytes("Datei\tDN\tDD\r\nC:\\dives\\ONE.MP4\t407 C\t3,2\r\ntwo.MP4\t\t\r\n".encode("utf-16"))
    found = labelled_films([str(film.path) for film in films], table)
    assert [film.options for film in found] == [
        ScoreOptions(dive_number="407C", difficulty=3.2),
        ScoreOptions(),
    ]


def test_a_film_without_labels_and_a_wrong_value_are_named(films: list[KnownFilm], tmp_path: Path) -> None:
    table = tmp_path / "films.csv"
    table.write_text("path,difficulty\none.mp4,3.2\n")
    with pytest.raises(DataError, match=r"two\.mp4 is not among"):
        labelled_films([str(film.path) for film in films], table)
    table.write_text("path,difficulty\none.mp4,3.2\ntwo.mp4,high\n")
    with pytest.raises(DataError, match="line 3"):
        labelled_films([str(film.path) for film in films], table)


def test_changes_are_measured_over_films(films: list[KnownFilm], tmp_path: Path) -> None:
    moved = {"one-mirrored": 1.0, "two-mirrored": -8.0}

    def scripted(path: Path, options: ScoreOptions) -> Result:
        return result(path, 50.0 + moved.get(path.stem, 0.0))

    rows, _ = stability_rows(measure_stability(scripted, films, SOME, tmp_path / "out"), SOME)
    mirrored = next(row for row in rows if row.variant == "mirrored")
    assert mirrored.median == pytest.approx(4.5)
    assert mirrored.mean == pytest.approx(-3.5)
    assert mirrored.p95 == pytest.approx(np.percentile([1, 8], 95))
    assert mirrored.within == 0.5
