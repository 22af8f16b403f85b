"""What `score` knows of a dive reaches its measures: frames of the input, events, and what is not known."""

from dataclasses import replace
from pathlib import Path

import made_scorer
import numpy as np
import pytest
from made_facts import CONTACT, ROWS, TAKEOFF, made_facts

from stagescore.measures.kinds import KINDS
from stagescore.media.source import open_media
from stagescore.scoring.events import Flight
from stagescore.scoring.measured import dive_facts, measured
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import Poses
from stagescore.scoring.result_parts import PoseShares
from stagescore.scoring.state import ScoringState

FLIGHT = Flight(
    first=TAKEOFF,
    stop=CONTACT,
    apex=TAKEOFF + 9.0,
    misfit=0.02,
    fallen=5.0,
    gravity=0.01,
    starts_in_air=False,
    no_takeoff=False,
    ends_in_air=False,
)


@pytest.fixture
def state(tmp_path: Path) -> ScoringState:
    path = made_scorer.write_frames(tmp_path / "film", [np.zeros((16, 16, 3), np.uint8)] * (7 + ROWS))
    track = made_facts(code="105A").track
    poses = Poses(
        track=track,
        weak=np.zeros(track.known.shape, np.bool_),
        shares=PoseShares(source="given", measured=1.0),
        num_divers=1,
    )
    return ScoringState(
        path=path,
        name="film",
        options=ScoreOptions(dive_number="105A"),
        working=open_media(path, frame_rate=25.0),
        start=7,
        end=7 + ROWS,
        poses=poses,
        flight=FLIGHT,
    )


def test_measures_count_frames_of_the_input_and_say_what_is_missing(state: ScoringState) -> None:
    found = {one.name: one for one in measured(state)}
    assert list(found) == [kind.name for kind in KINDS]
    turned = found["somersaults"]
    assert turned.value == pytest.approx(2.5, abs=0.05) and turned.frames == (7 + TAKEOFF, 7 + CONTACT)
    # Nobody watched the camera or the water.
    assert found["jump_height"].value is None and "camera" in found["jump_height"].why_unknown
    assert found["splash_area"].value is None and found["splash_area"].why_unknown


def test_events_that_the_film_does_not_show_and_two_divers_are_not_measured(state: ScoringState) -> None:
    state.flight = replace(FLIGHT, starts_in_air=True)
    facts = dive_facts(state)
    assert facts is not None and (facts.takeoff, facts.contact) == (None, CONTACT)
    assert state.poses is not None
    state.poses = replace(state.poses, num_divers=2)
    assert measured(state) == []
