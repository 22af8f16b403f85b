"""Joints and flights of a whole data set, as `score` sees them."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stored_dives

from stagescore.atomic import write_bytes
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.errors import DataError
from stagescore.locking import alone_in
from stagescore.pose.npz_files import read_npz
from stagescore.scoring import preparing
from stagescore.scoring.events import Flight
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import no_poses
from stagescore.scoring.result_parts import Reason
from stagescore.scoring.state import ScoringState
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack


class SeesAFlight:
    """Stands for a scorer whose clips begin with two stray frames; the third dive shows nobody."""

    def __init__(self) -> None:
        self.looked: list[str] = []

    def observe(self, path: str) -> ScoringState:
        self.looked.append(path)
        state = ScoringState(path=Path(path), name="made", options=ScoreOptions())
        state.media = preparing_media(path)
        state.start, state.end = 2, state.media.num_frames
        state.poses = no_poses(state.end - 2)
        if path.endswith("/3"):
            state.flag_for_review(Reason(code="no-person", text="Nobody."))
            return state
        state.flight = Flight(
            first=10,
            stop=40,
            apex=15.0,
            misfit=0.01,
            fallen=5.0,
            gravity=0.01,
            starts_in_air=False,
            no_takeoff=False,
            ends_in_air=False,
        )
        return state


def preparing_media(path: str):
    from stagescore.media.source import open_media

    return open_media(path)


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dives = tuple(
        dive.with_changes(poses_path=None) for dive in read_manifest(stored_dives.folder(tmp_path_factory))
    )
    write_bytes(tmp_path / "manifest.jsonl", Manifest(dives).to_bytes())
    return tmp_path


def test_flights_and_joints_are_in_frames_of_the_film(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = SeesAFlight()
    monkeypatch.setattr(preparing.Scorer, "load", lambda **_: scorer)
    before = read_manifest(folder)
    preparing._observe_all(before.dives, folder / preparing.FOLDER, None)
    prepared = preparing.prepare(folder, workers=1)
    first = prepared.manifest.dives[0]
    assert first.flight == (12, 42)
    assert read_manifest(folder).dives == prepared.manifest.dives
    track = read_npz(Path(str(first.poses_path)))
    assert track.num_frames == first.num_frames and not np.isfinite(track.joints_px).any()
    assert list(prepared.unseen) == [d.dive_id for d in before if d.number == 3]
    assert set(prepared.doubtful.values()) == {("no-person",)}


def test_joints_that_were_filled_stay_marked_as_filled_in_frames_of_the_film(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fills(SeesAFlight):
        """Knows all joints, the first of them by filling only, and the second in every frame but the first."""

        def observe(self, path: str) -> ScoringState:
            state = super().observe(path)
            shape = state.end - state.start, MPII_16.num_joints
            joints, filled = np.ones((*shape, 2)), np.zeros(shape, bool)
            filled[:, 0] = filled[0, 1] = True
            track = PoseTrack(joints, np.full(shape, 0.9), filled, derived=("pelvis",))
            state.poses = replace(no_poses(shape[0]), track=track)
            return state

    monkeypatch.setattr(preparing.Scorer, "load", lambda **_: Fills())
    dive = read_manifest(folder).dives[0]
    preparing._observe_all((dive,), folder / preparing.FOLDER, None)
    path = Path(str(preparing.prepare(folder, workers=1).manifest.dives[0].poses_path))
    track = read_npz(path)
    assert track.filled is not None and track.derived == ("pelvis",)
    assert not track.known[:2].any() and track.known[2:].all() and not track.filled[:2].any()
    assert track.filled[2:, 0].all() and track.filled[:, 1].nonzero()[0].tolist() == [2]
    assert not track.filled[:, 2:].any()
    with np.load(path) as arrays:
        assert np.array_equal(arrays["measured"], track.known & ~track.filled)


def test_a_preparation_goes_on_where_it_was_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = SeesAFlight()
    monkeypatch.setattr(preparing.Scorer, "load", lambda **_: scorer)
    manifest = read_manifest(folder)
    preparing._observe_all(manifest.dives[:2], folder / preparing.FOLDER, None)
    done = preparing._read(folder / preparing.FOLDER)
    assert set(done) == {dive.dive_id for dive in manifest.dives[:2]}
    note = next((folder / preparing.FOLDER).glob("*/*.json"))
    note.write_text(json.dumps({"dive_id": "x"}))
    with pytest.raises(DataError, match="torn"):
        preparing.prepare(folder, workers=1)


def test_a_film_that_could_not_be_read_is_tried_again_and_one_that_shows_nobody_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = SeesAFlight()
    monkeypatch.setattr(preparing.Scorer, "load", lambda **_: scorer)
    manifest = read_manifest(folder)
    preparing._observe_all(manifest.dives, folder / preparing.FOLDER, None)
    (note,) = (folder / preparing.FOLDER).glob("*/1.json")
    gone = {**json.loads(note.read_text()), "flight": [], "problem": "it cannot be read"}
    note.write_text(json.dumps(gone))
    asked: list[str] = []
    monkeypatch.setattr(
        preparing, "_observe_all", lambda dives, *_: asked.extend(dive.dive_id for dive in dives)
    )
    monkeypatch.setattr(preparing, "worker_pool", lambda *_, **__: ThreadPoolExecutor(1))
    preparing.prepare(folder, workers=1)
    assert asked == [gone["dive_id"]]


def test_a_second_preparation_waits_and_finds_what_the_first_has_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = SeesAFlight()
    monkeypatch.setattr(preparing.Scorer, "load", lambda **_: scorer)
    manifest = read_manifest(folder)
    preparing._observe_all(manifest.dives, folder / preparing.FOLDER, None)
    told: list[tuple[str, int, int]] = []

    class StopError(Exception):
        pass

    def stop(*what: object) -> None:
        raise StopError(*what)

    with alone_in(folder / preparing.FOLDER), pytest.raises(StopError) as stopped:
        preparing.prepare(folder, workers=1, progress=stop)
    assert stopped.value.args == ("waiting for another process to look at films", 5, 5)
    assert read_manifest(folder) == manifest
    preparing.prepare(folder, workers=1, progress=lambda *what: told.append(what))
    assert told == [("films", 5, 5)]
    assert sum(bool(dive.flight) for dive in read_manifest(folder)) == 4
