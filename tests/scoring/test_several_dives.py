"""A film with several dives gives a result for each; one dive is scored as ever."""

import csv
import io
import sys
from pathlib import Path

import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "sessions"))

import made_pool
import made_scorer

from stagescore.media.film_writing import write_film
from stagescore.scoring import scorer as scorer_module
from stagescore.scoring.batch import BatchRun, score_batch
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.pipeline import open_film
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.dive_span import DiveSpan
from stagescore.scoring.several_dives import dives_of, numbered
from stagescore.scoring.state import ScoringState

OPTIONS = ScoreOptions(difficulty=3.0)
SPANS = [(10, 40), (41, 78)]


def span(begin: int, end: int) -> DiveSpan:
    return DiveSpan(
        begin=begin,
        end=end,
        takeoff=begin + 5,
        contact=end - 5,
        begin_s=begin / 25,
        end_s=end / 25,
        takeoff_s=(begin + 5) / 25,
        contact_s=(end - 5) / 25,
        confidence=0.9,
        told=("motion",),
    )


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Scorer:
    loaded = made_scorer.scorer(tmp_path_factory)
    loaded.flights, loaded.events = made_scorer.GivenFlight(), None
    return loaded


@pytest.fixture
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(str(stored_dives.dives(tmp_path_factory)[0].frames_path))


def test_each_dive_has_a_result_and_a_row_and_is_kept(
    scorer: Scorer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer_module, "dives_of", lambda state, source: [span(*one) for one in SPANS])
    clips = [InputClip(film, "training")]
    results = score_batch(scorer, clips, OPTIONS, tmp_path)
    assert [one.input.name for one in results] == ["training-1", "training-2"]
    assert [(one.input.start_frame, one.input.end_frame) for one in results] == SPANS
    assert "Dive 2 of 2 in the film" in " ".join(results[1].warnings)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text())))
    assert [row["name"] for row in rows] == ["training-1", "training-2"]
    assert not (tmp_path / "training").exists()

    def never(*arguments: object, **named: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr(Scorer, "scored_dives", never)
    assert score_batch(scorer, clips, OPTIONS, tmp_path, how=BatchRun(resume=True)) == results
    (tmp_path / "training-2" / "made_from.json").unlink()
    with pytest.raises(AssertionError, match="scored again"):
        score_batch(scorer, clips, OPTIONS, tmp_path, how=BatchRun(resume=True))


def test_names_of_dives_never_meet_those_of_other_films(
    scorer: Scorer, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = [[span(20, 78)], [span(*one) for one in SPANS]]
    monkeypatch.setattr(scorer_module, "dives_of", lambda state, source: spans.pop())
    results = score_batch(scorer, [InputClip(film, "a"), InputClip(film, "a-1")], OPTIONS, tmp_path)
    assert [one.input.name for one in results] == ["a-dive-1", "a-dive-2", "a-1"]


def test_one_dive_is_scored_as_if_nothing_had_been_looked_for(scorer: Scorer, film: Path) -> None:
    ((scored, which),) = scorer.scored_dives(film, OPTIONS)
    assert which is None
    as_ever = scorer.score(film, OPTIONS)
    assert scored.result.model_copy(update={"timings": {}}) == as_ever.model_copy(update={"timings": {}})
    assert list(scored.result.timings) == list(as_ever.timings)


def test_a_film_that_cannot_be_read_has_one_result_that_says_so(scorer: Scorer, tmp_path: Path) -> None:
    ((scored, which),) = scorer.scored_dives(tmp_path / "none.mp4", OPTIONS)
    assert which is None
    assert [reason.code for reason in scored.result.reasons] == ["unreadable"]


def test_the_dives_of_a_film_are_those_that_fall(tmp_path: Path) -> None:
    film = tmp_path / "pool.mp4"
    takeoffs_s = (1.0, 4.5)
    pictures = [
        picture
        for takeoff_s, x in zip(takeoffs_s, (70.0, 62.0), strict=True)
        for _, picture in made_pool.pictures([made_pool.diver(1.0, x=x)], 3.5)
    ]
    write_film(film, pictures, made_pool.RATE)
    state = ScoringState(path=film, name="pool", options=OPTIONS)
    open_film(state, made_scorer.no_tools())
    found = dives_of(state, lambda slowmo: SessionDetector(slowmo=slowmo))
    assert [one.contact_s for one in found] == pytest.approx(
        [takeoff_s + made_pool.fall_s() for takeoff_s in takeoffs_s], abs=0.3
    )
    state.options = OPTIONS.model_copy(update={"start": 0})
    assert not dives_of(state, lambda slowmo: SessionDetector(slowmo=slowmo))


def test_names_are_numbered() -> None:
    assert numbered("a", 3) == ["a-1", "a-2", "a-3"]
