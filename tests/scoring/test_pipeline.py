"""The steps of scoring: what one finds is handed on, one that aborts ends the work, and what is known until then stays."""

from pathlib import Path

import made_scorer
import numpy as np
import pytest
import stored_dives

from stagescore.media import held
from stagescore.scoring import pipeline
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Reason
from stagescore.scoring.result_builder import build_result
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.state import ScoringState
from stagescore.simulate.dataset import Order, simulate_dataset


@pytest.fixture
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight()
    return scorer


@pytest.fixture
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = stored_dives.dives(tmp_path_factory)[0].frames_path
    assert path is not None
    return Path(path)


def state_of(film: Path) -> ScoringState:
    return ScoringState(path=film, name="film", options=ScoreOptions(difficulty=3.0))


def test_the_steps_run_in_the_order_in_which_they_stand(scorer: Scorer, film: Path) -> None:
    state = pipeline.run(state_of(film), scorer.tools)
    assert list(state.timings.seconds) == [name for name, _ in pipeline.STEPS]
    assert state.estimate is not None and state.speaker is not None and state.flight is not None


def test_what_is_known_before_a_step_aborts_stands_in_the_result(scorer: Scorer, film: Path) -> None:
    def gives_up(state: ScoringState, tools: pipeline.Tools) -> None:
        state.abort(Reason(code="no-weights-fit", text="None fits."))

    steps = [*pipeline.SEEING, ("network", gives_up), *pipeline.STEPS[-2:]]
    state = pipeline.run(state_of(film), scorer.tools, steps)
    assert list(state.timings.seconds) == [name for name, _ in pipeline.STEPS[:-2]]
    result = build_result(state, scorer.scoring_networks)
    assert (result.status, result.score) == ("failed", None)
    assert [reason.code for reason in result.reasons][-1] == "no-weights-fit"
    airborne, contact = result.events.first_airborne_frame, result.events.first_water_contact_frame
    assert airborne is not None and contact is not None and state.flight is not None
    assert (airborne.frame, contact.frame) == (state.flight.first, state.flight.stop)


def test_building_a_result_changes_nothing(scorer: Scorer, film: Path) -> None:
    state = pipeline.run(state_of(film), scorer.tools)
    first, again = (build_result(state, scorer.scoring_networks) for _ in range(2))
    assert first == again and any("never validated" in told for told in first.warnings)


def test_an_error_of_the_program_leaves_a_result_without_what_it_may_be_about(
    scorer: Scorer, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stagescore.scoring.scorer.build_result", _fails_once(build_result))
    result = scorer.score(film, difficulty=3.0)
    assert (result.status, result.score, result.stages) == ("failed", None, [])
    assert "something unforeseen" in result.reasons[-1].text


def _fails_once(build):
    calls = []

    def wrapped(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("something unforeseen")
        return build(*arguments)

    return wrapped


def test_a_film_that_does_not_fit_into_memory_is_seen_smaller_and_told_in_its_own_pixels(
    nano: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_dataset(tmp_path / "dives", Order(num_dives=2, seed=3, size_px=(320, 180)), workers=1)
    path = next((tmp_path / "dives" / "frames").glob("*/*"))
    whole = nano.observe(path)
    monkeypatch.setattr(held, "LEAST_EDGE_PX", 200)
    monkeypatch.setattr(held, "MOST_BYTES", 3 * whole.num_frames * 240 * 135)
    small = nano.observe(path)
    assert small.working is not None and small.working.info.width_px == pytest.approx(240, abs=1)
    assert small.media is not None and small.media.info.width_px == 320
    assert whole.poses is not None and small.poses is not None and whole.flight is not None
    assert small.flight is not None
    assert small.flight.first == pytest.approx(whole.flight.first, abs=2)
    assert small.flight.stop == pytest.approx(whole.flight.stop, abs=2)
    off = np.linalg.norm(small.poses.track.joints_px - whole.poses.track.joints_px, axis=-1)
    assert np.nanmedian(off) < 3.0
    boxes, others = small.poses.boxes(), whole.poses.boxes()
    assert np.nanmedian(np.abs(boxes - others)) < 6.0
