"""Whatever the input, a result does not contradict itself: its parts add up or there is no score, its frames lie in the film, its files exist."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.benchmarks.result_laws import broken_folder_laws, broken_laws
from stagescore.hashing import hash_unit
from stagescore.media.film_writing import write_film
from stagescore.media.source import open_media
from stagescore.report.score_files import write_dive_files, write_summary
from stagescore.scoring.batch import score_batch
from stagescore.scoring.events import Flight
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.motion_scan import HeightCurve
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import EventResult, Events, Reason
from stagescore.scoring.scorer import Scorer


class DrawnFlight(made_scorer.GivenFlight):
    """A flight anywhere in the clip, or none, drawn by hash; at the ends of the clip it may be cut off."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def find(self, curve: HeightCurve, num_frames: int) -> Flight | None:  # type: ignore[override]
        def unit(name: str) -> float:
            return hash_unit(self.seed, "drawn flight", name)

        if unit("none") < 0.15:
            return None
        first, stop = sorted(int(unit(name) * num_frames) for name in ("one", "other"))
        starts, ends = unit("starts") < 0.3, unit("ends") < 0.3
        return replace(
            made_scorer.GivenFlight().find(curve, num_frames),
            first=0 if starts else first,
            stop=num_frames if ends else min(max(stop, first + 1), num_frames - 1),
            starts_in_air=starts,
            no_takeoff=starts and unit("no take-off") < 0.7,
            ends_in_air=ends,
        )


def odd_films(folder: Path) -> dict[str, Path]:
    """Films that show no dive."""
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 255, (40, 48, 64, 3), dtype=np.uint8)
    films = {
        "noise": noise,
        "still": np.repeat(noise[:1], 40, axis=0),
        "black": np.zeros_like(noise),
        "two frames": noise[:2],
        "flashes": np.where(np.arange(40)[:, None, None, None] % 7 == 0, np.uint8(255), noise // 8),
    }
    for name, frames in films.items():
        write_film(folder / f"{name}.mp4", iter(frames), 25.0)
    return {name: folder / f"{name}.mp4" for name in films}


def scored(scorer: Scorer, clips: list[InputClip], out: Path, options: ScoreOptions) -> list[str]:
    out.mkdir()
    score_batch(scorer, clips, options, out, extras=write_dive_files, finish=write_summary)
    return broken_folder_laws(out)


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return made_scorer.scorer(tmp_path_factory)


@pytest.mark.parametrize("seed", range(12))
def test_results_of_cut_dives_do_not_contradict_themselves(
    scorer: Scorer, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, seed: int
) -> None:
    scorer.flights = DrawnFlight(seed)
    if seed % 3 == 1:
        scorer.scoring_networks = (made_scorer.executing(scorer.scoring_networks[0], 0.5 * seed),)
    film = Path(str(stored_dives.dives(tmp_path_factory)[seed % 3].frames_path))
    num = open_media(str(film)).num_frames
    start, end = sorted(int(hash_unit(seed, "span", name) * num) for name in ("one", "other"))
    known: dict[str, Any] = [{}, {"difficulty": 3.0}, {"dive_number": "107B", "height_m": 3.0}][seed % 3]
    options = ScoreOptions(start=start, end=end, **known)
    assert scored(scorer, [InputClip(film, "dive & <co>")], tmp_path / "out", options) == []


def test_results_of_films_without_a_dive_do_not_contradict_themselves(scorer: Scorer, tmp_path: Path) -> None:
    films = odd_films(tmp_path)
    scorer.flights = DrawnFlight(3)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(films["noise"].read_bytes()[:4000])
    clips = [InputClip(path, name) for name, path in {**films, "torn": torn}.items()]
    assert scored(scorer, clips, tmp_path / "out", ScoreOptions(difficulty=3.0)) == []


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Result:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight()
    film = stored_dives.dives(tmp_path_factory)[0].frames_path
    result = scorer.score(str(film), difficulty=3.0)
    assert result.status == "ok" and broken_laws(result) == []
    return result


def later(event: EventResult | None, by: int) -> EventResult | None:
    return None if event is None else event.model_copy(update={"frame": event.frame + by})


BREAKS: dict[str, tuple[Callable[[Result], dict[str, Any]], str]] = {
    "a point more": (lambda r: {"score": (r.score or 0) + 0.01}, "the votes and the prior give"),
    "a reason": (lambda r: {"reasons": [Reason(code="cut", text="A cut.")]}, "1 reasons"),
    "refused with a score": (
        lambda r: {"status": "needs_review", "reasons": [Reason(code="cut", text="A cut.")]},
        "it has a score though",
    ),
    "no score": (lambda r: {"score": None}, "no score, but"),
    "interval": (lambda r: {"interval": (0.0, 1.0)}, "outside of its interval"),
    "a stage's difference": (
        lambda r: {
            "stages": [s.model_copy(update={"difference": (s.difference or 0) + 1}) for s in r.stages]
        },
        "do not add up to the mean difference",
    ),
    "a gap": (
        lambda r: {
            "stages": [r.stages[0].model_copy(update={"end_frame": r.stages[0].end_frame - 1}), *r.stages[1:]]
        },
        "is a gap",
    ),
    "frames": (
        lambda r: {"input": r.input.model_copy(update={"end_frame": r.input.end_frame - 1})},
        "outside of those used",
    ),
    "events": (
        lambda r: {
            "events": Events(
                first_airborne_frame=r.events.first_water_contact_frame,
                first_water_contact_frame=r.events.first_airborne_frame,
            )
        },
        "before the board is left",
    ),
    "a contact far before the entry": (
        lambda r: {
            "warnings": [],
            "events": r.events.model_copy(
                update={"first_water_contact_frame": later(r.events.first_water_contact_frame, -15)}
            ),
            "stages": [
                r.stages[0],
                r.stages[1].model_copy(update={"end_frame": r.input.end_frame - 1, "shown_frames": None}),
                r.stages[2].model_copy(update={"start_frame": r.input.end_frame - 1, "shown_frames": None}),
            ],
        },
        "contradicts its event",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_result_that_contradicts_itself_is_told(good: Result, name: str) -> None:
    change, told = BREAKS[name]
    found = broken_laws(good.model_copy(update=change(good)))
    assert any(told in one for one in found), found


def test_a_page_that_links_to_nothing_is_told(scorer: Scorer, tmp_path: Path) -> None:
    film = odd_films(tmp_path)["noise"]
    out = tmp_path / "out"
    assert scored(scorer, [InputClip(film, "noise")], out, ScoreOptions()) == []
    (out / "noise" / "report.html").unlink()
    found = broken_folder_laws(out)
    assert any("no report" in one for one in found)
    assert any(one.startswith("summary.html: noise/report.html") for one in found)
    (out / "summary.csv").write_text("name,status,score\nnoise,ok,3\ngone,ok,4\n")
    found = broken_folder_laws(out)
    assert any("noise is ok here" in one for one in found) and any(
        "gone has no folder" in one for one in found
    )
