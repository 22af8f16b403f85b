"""Results and joints in a notebook, and errors for whoever scores from Python."""

import math
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
import stored_dives

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.media.source import Media
from stagescore.scoring.batch import TRACEBACK, score_batch
from stagescore.scoring.events import Flight
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scorer import Scorer
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack


class Breaks:
    """A defect of the program, which shows while events are placed."""

    def refine(self, media: Media, span: tuple[int, int], flight: Flight) -> Flight:
        raise ZeroDivisionError("no such luck")

    def cut_off_flight(self, media: Media, span: tuple[int, int]) -> Flight | None:
        raise ZeroDivisionError("no such luck")


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight()
    return scorer


@pytest.fixture
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(str(stored_dives.dives(tmp_path_factory)[0].frames_path))


def test_a_result_is_a_table_of_frames_and_a_few_lines_in_a_notebook(scorer: Scorer, film: Path) -> None:
    result = scorer.score(film, difficulty=3.0, name="<b>dive</b>")
    table = result.to_frame()
    assert len(table) == result.input.end_frame - result.input.start_frame
    for stage in result.stages:
        rows = table[table["stage"] == stage.name]
        assert rows["frame"].min() == stage.start_frame and rows["frame"].max() == stage.end_frame - 1
    assert table["time_s"].diff().dropna().gt(0).all() or result.input.frame_rate is None
    shown = result._repr_html_()
    assert f"{result.score:.2f} points" in shown and "&lt;b&gt;dive" in shown and "<b>dive" not in shown
    refused = scorer.score(film.parent / "none.mp4")
    assert "no score (failed)" in refused._repr_html_() and len(refused.to_frame()) == 0


def test_joints_are_a_table_of_joints_and_a_picture() -> None:
    joints = np.zeros((3, 16, 2))
    joints[1, 2] = np.nan
    known = np.isfinite(joints).all(-1)
    filled = np.zeros_like(known)
    filled[2, 5] = True
    track = PoseTrack(joints, known.astype(float), filled)
    table = track.to_frame()
    assert len(table) == 48 and table["filled"].sum() == 1 and table["x_px"].isna().sum() == 1
    row = table[(table["frame"] == 1) & (table["joint"] == MPII_16.joints[2])].iloc[0]
    assert math.isnan(row["y_px"]) and row["confidence"] == 0
    assert "3 frames, 16 joints (mpii-16)" in track._repr_html_()
    assert len(track.plot().axes) == 3 and len(track.plot(num=2).axes) == 2
    assert len(PoseTrack.unknown(0).plot().axes) == 1 and len(PoseTrack.unknown(0).to_frame()) == 0


def test_a_defect_keeps_its_traceback_for_python_and_in_the_dives_folder(
    scorer: Scorer, film: Path, tmp_path: Path
) -> None:
    scorer.events = Breaks()
    scored = scorer.scored(film)
    assert isinstance(scored.error, ZeroDivisionError) and scored.result.reasons[0].code == "program-error"
    assert "no such luck" in "".join(traceback.format_exception(scored.error))
    score_batch(scorer, [InputClip(film, "dive")], ScoreOptions(), tmp_path / "out")
    told = (tmp_path / "out" / "dive" / TRACEBACK).read_text()
    assert told.startswith("Traceback") and "ZeroDivisionError: no such luck" in told


def test_a_damaged_film_is_an_error_without_a_traceback_file(scorer: Scorer, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    assert scorer.scored(film).error is not None
    score_batch(scorer, [InputClip(film, "film")], ScoreOptions(), tmp_path / "out")
    assert not (tmp_path / "out" / "film" / TRACEBACK).exists()


def test_weights_and_bank_are_taken_as_text(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = made_scorer.weights_dir(tmp_path_factory)
    bank = folder / "tiny-bank.safetensors"
    loaded = Scorer.load("tiny", bank=str(bank), weights_dir=str(folder), event_network=False)
    assert loaded.scoring_networks[0].bank is not None
