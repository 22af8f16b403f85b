"""The steps of scoring: what one finds is handed on, one that aborts ends the work, and what is known until then stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import made_scorer
import numpy as np
import pytest
import stored_dives

from stagescore.benchmarks.result_laws import broken_laws
from stagescore.media import held
from stagescore.media.film_writing import write_film
from stagescore.media.source import open_media
from stagescore.pose.networks import PoseNetworks
from stagescore.pose.tracking import Track
from stagescore.scoring import pipeline
from stagescore.scoring.events import Flight
from stagescore.scoring.motion_scan import HeightCurve, MotionScan
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.poses import Poses, no_poses
from stagescore.scoring.result_builder import build_result
from stagescore.scoring.result_parts import PoseShares, Reason
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.state import ScoringState
from stagescore.simulate.dataset import Order, simulate_dataset
from stagescore.types import PoseTrack


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

    steps = [*pipeline.SEEING, ("network", gives_up), *pipeline.STEPS[-3:]]
    state = pipeline.run(state_of(film), scorer.tools, steps)
    assert list(state.timings.seconds) == [name for name, _ in pipeline.STEPS[:-3]]
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


@pytest.mark.slow
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


class TwoPaths:
    """Finds flights of given lengths in the path of the body and in that of what moves, which are told apart by their sizes."""

    def __init__(self, body: int | None, moving: int | None) -> None:
        self.lengths = [body, moving]

    def find(self, curve: HeightCurve, num_frames: int) -> Flight | None:
        length = self.lengths.pop(0)
        return (
            None
            if length is None
            else made_scorer.GivenFlight(first=20, stop=20 + length).find(curve, num_frames)
        )


def test_what_moves_is_believed_only_where_it_falls_for_much_longer_than_the_body(
    scorer: Scorer, film: Path
) -> None:
    """What moves may be the splash, which falls on after the diver is gone."""
    state = state_of(film)
    pipeline.run(state, scorer.tools, pipeline.STEPS[:3])
    assert state.scan is not None and state.scan.falling is not None
    state.poses = boxes_along(state.scan.falling, state.num_frames)
    cases = [(30, 36, 30), (30, 37, 37), (30, None, 30), (None, 25, 25), (None, None, None)]
    for body, moving, taken in cases:
        pipeline.find_flight(state, replace(scorer.tools, flights=TwoPaths(body, moving)))
        assert (None if state.flight is None else state.flight.num_frames) == taken


def test_what_falls_far_from_the_diver_is_somebody_else(scorer: Scorer, film: Path) -> None:
    state = state_of(film)
    pipeline.run(state, scorer.tools, pipeline.STEPS[:3])
    assert state.scan is not None and state.scan.falling is not None
    for away_px, taken in [(0.0, 37), (400.0, 30)]:
        state.poses = boxes_along(state.scan.falling, state.num_frames, away_px)
        pipeline.find_flight(state, replace(scorer.tools, flights=TwoPaths(30, 37)))
        assert state.flight is not None and state.flight.num_frames == taken
    # Nobody was found by a network: then what falls is all that is known.
    state.poses = no_poses(state.num_frames)
    pipeline.find_flight(state, replace(scorer.tools, flights=OnlyFlight()))
    assert state.flight is not None


class OnlyFlight:
    """Finds a flight in whatever falls."""

    def find(self, curve: HeightCurve, num_frames: int) -> Flight | None:
        return made_scorer.GivenFlight(first=20, stop=50).find(curve, num_frames)


def boxes_along(track: Track, num_frames: int, away_px: float = 0.0) -> Poses:
    """A diver whose box is that of a track, so far to the right of it."""
    boxes = np.full((num_frames, 4), np.nan)
    boxes[track.first : track.frames.stop] = track.boxes_px + np.array([away_px, 0, away_px, 0])
    return replace(no_poses(num_frames), boxes_px=boxes)


@pytest.mark.parametrize(
    ("known", "span"),
    [
        ({}, (0, 79)),
        ({"start": 0, "end": 78}, (0, 79)),
        ({"start": 30, "end": 41}, (30, 42)),
        ({"end": 20}, (0, 21)),
        ({"start": 67}, (67, 79)),
    ],
)
def test_the_last_frame_that_is_asked_for_is_used(
    scorer: Scorer, film: Path, known: dict[str, int], span: tuple[int, int]
) -> None:
    state = ScoringState(path=film, name="film", options=ScoreOptions.model_validate(known))
    pipeline.run(state, scorer.tools, pipeline.STEPS[:2])
    assert not state.aborted and (state.start, state.end) == span


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"end": 79}, "wrong-span"),
        ({"start": -1}, "wrong-span"),
        ({"start": 40, "end": 39}, "wrong-span"),
        ({"start": 30, "end": 40}, "too-short"),
        ({"start": 79}, "wrong-span"),
    ],
)
def test_frames_that_are_not_there_or_too_few_end_the_work_at_once(
    scorer: Scorer, film: Path, known: dict[str, int], code: str
) -> None:
    state = ScoringState(path=film, name="film", options=ScoreOptions.model_validate(known))
    pipeline.run(state, scorer.tools)
    assert [reason.code for reason in state.reasons] == [code]
    assert list(state.timings.seconds) == ["open", "span"]
    if code == "wrong-span":
        assert "the clip has 0 to 78" in state.reasons[0].text


def test_a_flight_is_timed_in_seconds_of_the_dive_and_not_of_the_film(scorer: Scorer, film: Path) -> None:
    """Thirty frames at 25 per second are 1.2 s, too short for a fall from 10 m only where the film is not slowed down."""
    scorer.flights = made_scorer.GivenFlight(first=20, stop=50)

    def told(**known: float) -> list[str]:
        options = ScoreOptions.model_validate({"frame_rate": 25.0, "start": 3, "end": 60, **known})
        state = ScoringState(path=film, name="film", options=options)
        pipeline.run(state, scorer.tools, pipeline.SEEING)
        return [warning for warning in state.warnings if "a fall from" in warning]

    assert told(height_m=10.0) == [] == told()
    (warning,) = told(height_m=10.0, slowmo=1.5)
    assert "0.80 s" in warning and "1.43 s" in warning
    assert told(height_m=3.0, slowmo=1.5) == []
    scorer.flights = made_scorer.GivenFlight(first=20, stop=50, ends_in_air=True)
    assert told(height_m=10.0, slowmo=4.0) == []


def test_a_film_shown_at_twice_its_rate_is_scored_and_its_repeats_are_counted(
    scorer: Scorer, film: Path, tmp_path: Path
) -> None:
    pictures = [image.copy() for _, image in open_media(film).frames(range(20, 60))]
    doubled = made_scorer.write_frames(tmp_path / "doubled", [one for one in pictures for _ in range(2)][1:])
    state = state_of(doubled)
    pipeline.run(state, scorer.tools, pipeline.STEPS[:3])
    assert state.scan is not None and state.num_frames == 79
    assert not state.begins_at_cut
    assert state.scan.distinct == [0, *range(1, 79, 2)]
    assert any("39 frames repeat the one before" in told for told in state.warnings)


def test_stray_frames_at_both_ends_are_left_out_in_frames_of_the_film(
    scorer: Scorer, film: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    pictures = [image.copy() for _, image in open_media(film).frames(range(20, 70))]
    other = [np.full_like(pictures[0], (30, 160, 90)) + rng.integers(0, 40, pictures[0].shape, np.uint8)] * 3
    folder = made_scorer.write_frames(tmp_path / "strays", [*pictures[:2], *other, *pictures, *other])
    options = ScoreOptions(start=2)
    state = ScoringState(path=folder, name="film", options=options)
    pipeline.run(state, scorer.tools, pipeline.STEPS[:3])
    assert (state.start, state.end, state.begins_at_cut) == (5, 55, True)
    assert state.scan is not None and state.scan.num_frames == 50
    assert any("6 frames of another shot were left out; frames 5 to 54" in told for told in state.warnings)
    assert not state.reasons


@pytest.fixture
def something_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flight is looked for only where something is followed."""
    curve = HeightCurve(0, np.zeros(300))
    monkeypatch.setattr(MotionScan, "heights_of_motion", lambda scan, boxes=None: curve)


@pytest.fixture(scope="module")
def tripod(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of which the dive takes one."""
    noise = np.random.default_rng(1).integers(0, 255, (300, 48, 64, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("tripod") / "long.mp4"
    write_film(path, iter(noise), 25.0)
    return path


@pytest.mark.usefixtures("something_moves")
def test_of_a_long_film_the_frames_around_the_dive_are_used_and_named(
    tmp_path_factory: pytest.TempPathFactory, tripod: Path
) -> None:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight(first=150, stop=170)
    result = scorer.score(tripod, difficulty=3.0)
    assert (result.input.start_frame, result.input.end_frame) == (25, 245)
    assert result.stages[0].start_frame == 25 and result.stages[-1].end_frame == 245
    events = result.events.first_airborne_frame, result.events.first_water_contact_frame
    assert [event and event.frame for event in events] == [150, 170]
    told = "The dive was found in frames 25 to 244; 80 frames before and after it were left out."
    assert told in result.warnings and broken_laws(result) == []


@pytest.mark.usefixtures("something_moves")
@pytest.mark.parametrize(
    ("flight", "span"),
    [
        ({"first": 150, "stop": 170}, {"start": 0}),  # the user says which frames
        ({"first": 120, "stop": 190}, {}),  # less than two seconds lie outside
        ({"first": 0, "stop": 20, "starts_in_air": True}, {}),
        ({"first": 280, "stop": 300, "ends_in_air": True}, {}),
    ],
)
def test_other_films_are_used_whole(
    tmp_path_factory: pytest.TempPathFactory, tripod: Path, flight: dict[str, Any], span: dict[str, int]
) -> None:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight(**flight)
    state = scorer.observe(tripod, ScoreOptions(**span))
    assert state.flight is not None
    assert (state.start, state.end) == (0, 300) and not any("left out" in told for told in state.warnings)


def test_joints_of_some_frames_keep_what_is_weak_and_filled() -> None:
    known = np.ones((6, 16), dtype=bool)
    filled, weak = np.zeros_like(known), np.zeros_like(known)
    filled[2], weak[2], weak[3] = True, True, True
    track = PoseTrack(np.zeros((6, 16, 2)), known.astype(float), filled)
    poses = Poses(track=track, weak=weak, shares=PoseShares(source="given", measured=4 / 6, filled=1 / 6))
    part = poses.part(2, 5)
    assert part.track.num_frames == 3 and part.weak[:, 0].tolist() == [True, True, False]
    assert [getattr(part.shares, name) for name in ("measured", "filled", "doubtful")] == pytest.approx(
        [1 / 3] * 3, abs=1e-3
    )


def test_edges_that_the_user_gives_are_the_edges_of_the_stages(scorer: Scorer, film: Path) -> None:
    own = scorer.score(film, difficulty=3.0)
    given = scorer.score(film, difficulty=3.0, edges=(24, 62))
    assert (own.stages_from, given.stages_from) == ("network", "given")
    assert [stage.start_frame for stage in given.stages] == [0, 24, 62]
    assert [stage.confidence for stage in given.stages] == [1.0] * 3
    assert given.score != own.score and broken_laws(given) == []
    for name in ("first_airborne_frame", "first_water_contact_frame"):
        assert getattr(given.events, name).frame == getattr(own.events, name).frame, (
            "seen apart from the stages"
        )
    assert any(
        told.startswith("You begin the entry at frame 62, the water is seen") for told in given.warnings
    )
    first, last = given.stages[0], given.stages[-1]
    assert (first.start_frame, last.end_frame) == (given.input.start_frame, given.input.end_frame)


@pytest.mark.parametrize("edges", [(1, 2), (77, 78), (1, 78), (40, 41)])
def test_every_stage_keeps_a_frame_whatever_edges_are_given(
    scorer: Scorer, film: Path, edges: tuple[int, int]
) -> None:
    result = scorer.score(film, difficulty=3.0, edges=edges)
    assert [stage.start_frame for stage in result.stages] == [0, *edges] and broken_laws(result) == []


def test_a_diver_who_is_pointed_at_needs_a_frame_that_is_used_and_somebody_who_can_be_followed(
    scorer: Scorer, film: Path
) -> None:
    blind = scorer.score(film, difficulty=3.0, diver="40,20@10")
    assert (blind.status, [reason.code for reason in blind.reasons]) == ("failed", ["wrong-diver"])
    assert "nobody can be followed" in blind.reasons[0].text
    state = ScoringState(
        path=film, name="film", options=ScoreOptions(difficulty=3.0, start=20, diver="40,20@10")
    )
    tools = replace(scorer.tools, pose_networks=PoseNetworks.__new__(PoseNetworks))
    pipeline.run(state, tools)
    assert [reason.code for reason in state.reasons] == ["wrong-diver"]
    assert "you point at the diver in frame 10, and frames 20 to" in state.reasons[0].text.lower()
    with pytest.raises(ValueError, match="--poses says already"):
        scorer.score(film, diver="40,20@10", poses=film)
    with pytest.raises(ValueError, match="X,Y@FRAME"):
        scorer.score(film, diver="here")


def test_edges_outside_of_the_frames_are_refused(scorer: Scorer, film: Path) -> None:
    result = scorer.score(film, difficulty=3.0, edges=(24, 200))
    assert (result.status, result.reasons[0].code) == ("failed", "wrong-edges")
    with pytest.raises(ValueError, match="the entry after the flight"):
        scorer.score(film, edges=(30, 20))
