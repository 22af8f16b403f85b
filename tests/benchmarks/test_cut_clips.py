"""Clips cut near or in the flight: what is counted, and which clips are left out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_scorer import GivenFlight

from stagescore.benchmarks.cut_clips import MarkedFilm, marked_films, measure_cut_clips
from stagescore.errors import DataError
from stagescore.media.film_writing import write_film
from stagescore.media.source import open_media
from stagescore.scoring.checks import partial_reason
from stagescore.scoring.events import Flight
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.state import ScoringState


class SeesByMarks(Scorer):
    """Knows where the flight is, and says whether a span of the film begins or ends in it."""

    def __init__(self, film: MarkedFilm, num_frames: int) -> None:
        super().__init__([])
        self.film, self.num_frames = film, num_frames

    def observe(self, path: str | Path, options: ScoreOptions | None = None) -> ScoringState:
        options = options or ScoreOptions()
        first = int(options.start or 0)
        last = self.num_frames - 1 if options.end is None else options.end
        state = ScoringState(path=Path(path), name="film", options=options, media=open_media(str(path)))
        whole = GivenFlight().find(None, self.num_frames)  # type: ignore[arg-type]
        flight: Flight = replace(
            whole,
            starts_in_air=first >= self.film.takeoff,
            no_takeoff=first >= self.film.takeoff + 6,
            ends_in_air=last < self.film.contact,
        )
        state.flight = flight
        state.flag_for_review(partial_reason(flight, first))
        return state


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> MarkedFilm:
    path = tmp_path_factory.mktemp("cut") / "film.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    write_film(path, iter(noise), 25.0)
    return MarkedFilm(path=path, takeoff=12, contact=28, begin=4)


def test_an_end_in_the_air_is_counted_where_it_is_said(film: MarkedFilm) -> None:
    scorer = SeesByMarks(film, 40)
    rows = measure_cut_clips(
        [film, film], lambda path: scorer, begins=(-12, -8, -1, 0, 6), ends=(-4, 0, 1, 30)
    )
    told = {(row.end, row.offset): (row.num_clips, row.in_air, row.refused) for row in rows}
    assert told["begins", -12] == (0, 0, 0), "the dive's own shot begins later"
    assert told["begins", -8] == told["begins", -1] == (2, 0, 0)
    assert told["begins", 0][:2] == told["begins", 6][:2] == (2, 2)
    assert told["begins", 6][2] == 2, "surely after the take-off"
    assert told["ends", -4] == told["ends", 0] == (2, 2, 2)
    assert told["ends", 1] == (2, 0, 0)
    assert told["ends", 30] == (0, 0, 0), "the film ends before"
    assert [row.is_in_air for row in rows] == [False, False, False, True, True, True, True, False, False]


def test_films_whose_events_nobody_marked_are_left_out(tmp_path: Path) -> None:
    labels = tmp_path / "labels.json"
    both = {"first_airborne_frame": 21, "first_water_contact_frame": 58, "first_shot_frames": 3}
    labels.write_text(
        json.dumps({"a.mp4": both, "b.mp4": {**both, "first_airborne_frame": None}, "c.mp4": both})
    )
    films = {name: tmp_path / name for name in ("a.mp4", "b.mp4")}
    assert marked_films(labels, films) == [MarkedFilm(path=films["a.mp4"], takeoff=21, contact=58, begin=3)]
    with pytest.raises(DataError, match="none of the labelled films"):
        marked_films(labels, {})
    labels.write_text(json.dumps({"a.mp4": {"first_airborne_frame": 21}}))
    with pytest.raises(DataError, match="lacks an event"):
        marked_films(labels, films)
