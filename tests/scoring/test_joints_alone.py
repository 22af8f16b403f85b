"""Joints without their film: scored as evaluation does with the video withheld, and the result says so."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import tiny_runs

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.data.samples import Samples
from stagescore.evaluation.evaluate import EncodedDives
from stagescore.inference.encoding import encode_dives
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.media.source import open_media
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.report.result_folder import read_result, saved_pictures
from stagescore.report.score_files import write_dive_files
from stagescore.scoring.batch import write_result
from stagescore.scoring.estimating import query_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scorer import Scorer
from stagescore.types import Dive, PoseTrack


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return made_scorer.scorer(tmp_path_factory)


@pytest.fixture
def dive(tmp_path_factory: pytest.TempPathFactory) -> Dive:
    return stored_dives.dives(tmp_path_factory)[0]


def size_of(dive: Dive) -> tuple[int, int]:
    info = open_media(str(dive.frames_path)).info
    return info.width_px, info.height_px


def test_the_score_is_that_of_the_dive_without_its_video(
    scorer: Scorer, dive: Dive, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ids, network = [dive.dive_id], scorer.scoring_networks[0]
    source = EncodedDives(network.model, Samples(stored_dives.store(tmp_path_factory), [dive]), ids)
    stages = encode_dives(network.model, source, ids, missing="video").stages
    # As a file the dive is nobody, so that it votes as an exemplar as well.
    query = query_of("0" * 16, ScoreOptions(), None)
    task = PredictionTask(protocol="w/o DN", num=len(network.exemplars))
    predictor = predictor_of(network.model, task, network.bank)
    wanted = predictor.predict(query, [stages]).prediction.score
    found = scorer.score(str(dive.poses_path), size_px=size_of(dive), exemplars=len(network.bank))
    assert found.status == "ok" and found.modalities == ["skeleton"]
    assert found.score == pytest.approx(wanted, abs=1e-3)
    assert found.interval is None  # none was fitted to joints alone
    assert any("without their film" in warning for warning in found.warnings)
    assert found.poses.source == "given" and found.angles is not None
    with_film = scorer.score(str(dive.frames_path), poses=dive.poses_path, exemplars=len(network.bank))
    assert with_film.score != pytest.approx(found.score, abs=1e-3)


def test_what_the_network_saw_is_said(scorer: Scorer, dive: Dive) -> None:
    scorer.flights = made_scorer.GivenFlight()
    assert scorer.score(str(dive.frames_path)).modalities == ["video"]
    assert scorer.score(str(dive.frames_path), poses=dive.poses_path).modalities == ["video", "skeleton"]
    assert scorer.score("nowhere.mp4").modalities == []


def test_a_report_and_an_overlay_show_the_joints(scorer: Scorer, dive: Dive, tmp_path: Path) -> None:
    scored = scorer.scored(str(dive.poses_path), size_px=size_of(dive))
    write_result(scored, tmp_path / "dive", write_dive_files)
    result = read_result(tmp_path / "dive")
    assert not [told for told in result.warnings if "could not be made" in told]
    assert {"report.html", "overlay.mp4", "joints.npz"} <= {
        path.name for path in (tmp_path / "dive").iterdir()
    }
    overlay = open_media(tmp_path / "dive" / "overlay.mp4")
    assert overlay.num_frames == result.input.num_frames
    assert max(int(frame.max()) for _, frame in overlay.frames()) > 100
    pictures, missing = saved_pictures(result, tmp_path / "dive")
    assert missing is None and pictures.query


def test_what_cannot_be_scored_is_said(scorer: Scorer, dive: Dive, tmp_path: Path) -> None:
    joints = str(dive.poses_path)
    size_px = size_of(dive)
    assert "--size" in scorer.score(joints).reasons[0].text
    assert scorer.score(joints, size_px=size_px, start="auto").status == "failed"
    assert scorer.score(joints, size_px=size_px, poses=dive.poses_path).status == "failed"
    assert scorer.score(joints, size_px=(0, 5)).status == "failed"
    assert scorer.score(joints, size_px=size_px, diver="5,5@3").reasons[0].code == "wrong-diver"
    track = read_npz(Path(joints))
    none = PoseTrack(np.full_like(track.joints_px, np.nan), np.zeros_like(track.confidence))
    (tmp_path / "none.npz").write_bytes(npz_bytes(none, np.zeros(none.known.shape, bool)))
    assert scorer.score(tmp_path / "none.npz", size_px=size_px).reasons[0].code == "bad-poses"
    (tmp_path / "torn.npz").write_bytes(Path(joints).read_bytes()[:200])
    assert scorer.score(tmp_path / "torn.npz", size_px=size_px).reasons[0].code == "unreadable"


def test_a_model_that_cannot_do_without_a_video_says_so(scorer: Scorer, dive: Dive) -> None:
    settings = tiny_runs.settings("model.stand_ins=false", "modality_dropout.video=0")
    scorer.scoring_networks = (
        replace(scorer.scoring_networks[0], model=tiny_runs.make_model(settings).eval()),
    )
    found = scorer.score(str(dive.poses_path), size_px=size_of(dive))
    assert found.status == "failed" and "no video" in found.reasons[0].text
