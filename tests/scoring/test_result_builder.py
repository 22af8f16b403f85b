"""From what is known of a dive to its result: frames of the input, seconds of the film, and no more than was seen."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stored_dives
import torch

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.scoring import pipeline
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Result
from stagescore.scoring.result_builder import agreed_stages, build_result
from stagescore.scoring.result_parts import FilmGain, Validation
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.state import ScoringState, Speaker

START = 6


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    scorer = made_scorer.scorer(tmp_path_factory)
    scorer.flights = made_scorer.GivenFlight(first=20, stop=50)
    return scorer


@pytest.fixture(scope="module")
def done(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> ScoringState:
    """A dive whose first frames are left out, after the last step; tests must not change it."""
    dive = stored_dives.dives(tmp_path_factory)[0]
    options = ScoreOptions(difficulty=3.0, start=START, poses=dive.poses_path, frame_rate=50.0)
    state = ScoringState(path=Path(str(dive.frames_path)), name="dive", options=options)
    return pipeline.run(state, scorer.tools)


def again(state: ScoringState, **changes: object) -> ScoringState:
    """A state of its own, with other contents."""
    return replace(state, warnings=[*state.warnings], reasons=[*state.reasons], **changes)


def cut_at(state: ScoringState, *transitions: int) -> ScoringState:
    """As if the network had cut after some sampled frames, and were 95 % sure of it."""
    speaker = state.speaker
    assert speaker is not None
    edges = torch.tensor([[0, *(one + 1 for one in transitions), len(speaker.encoding.frames)]])
    probabilities = torch.full((1, len(transitions), len(speaker.encoding.frames)), 1e-6)
    for row, last in enumerate(transitions):
        probabilities[0, row, [last, -1]] = torch.tensor((0.95, 0.05))
    encoding = replace(speaker.encoding, edges=edges, log_probabilities=probabilities.log())
    return again(state, speaker=replace(speaker, encoding=encoding))


def sampled(state: ScoringState, frame: int) -> int:
    """The sampled frame that is a frame of the input, the last one of these."""
    assert state.speaker is not None
    return int(np.flatnonzero(np.array(state.speaker.encoding.frames) == frame)[-1])


def built(state: ScoringState, scorer: Scorer) -> Result:
    return build_result(state, scorer.scoring_networks)


def test_frames_are_those_of_the_input_and_seconds_those_of_the_film(
    done: ScoringState, scorer: Scorer
) -> None:
    result = built(done, scorer)
    media = done.media
    assert media is not None
    assert (result.input.start_frame, result.input.end_frame) == (START, media.num_frames)
    for stage in result.stages:
        assert stage.start_s == pytest.approx(stage.start_frame / 50.0)
        assert stage.end_s == pytest.approx(stage.end_frame / 50.0)
    assert result.stages[-1].end_s == pytest.approx(result.input.duration_s)
    events = result.events
    assert events.first_airborne_frame is not None and events.first_water_contact_frame is not None
    assert (events.first_airborne_frame.frame, events.first_water_contact_frame.frame) == (
        START + 20,
        START + 50,
    )
    assert result.angles is not None and result.angles.frames == list(range(START, media.num_frames))
    assert Result.model_validate_json(result.to_bytes()) == result


def test_a_tenth_of_a_second_is_more_frames_of_a_film_with_more_frames(
    done: ScoringState, scorer: Scorer
) -> None:
    """At 50 frames per second five frames are a tenth of a second; at 30 three are, and of a film slowed down fourfold twelve."""
    events, media = built(done, scorer).events, done.media
    assert events.first_airborne_frame is not None and events.first_airborne_frame.frame == START + 20
    assert media is not None

    def found(off: int, rate: float | None, slowmo: float = 1.0) -> tuple[int, bool]:
        """Where the take-off ends that the network ends some frames before the event, and whether that is a contradiction."""
        cut = cut_at(done, sampled(done, START + 19 - off), sampled(done, START + 60))
        info = replace(media.info, frame_rate=rate, slowmo=slowmo)
        assert cut.speaker is not None
        stages = agreed_stages(cut, cut.speaker, replace(media, info=info), events)
        assert stages is not None
        return stages.edges[1], any("take-off" in told for told in stages.contradictions)

    assert found(5, 50.0) == (START + 20, False)
    assert found(5, 30.0) == found(5, 15.0) == found(5, None) == (START + 15, True)
    assert found(5, 30.0, slowmo=4.0) == (START + 20, False)
    # A label is never nearer than three frames.
    assert found(3, 30.0) == found(3, 15.0) == found(3, None) == (START + 20, False)


def test_a_contradiction_is_a_warning_and_makes_stages_and_event_less_sure(
    done: ScoringState, scorer: Scorer
) -> None:
    calm, odd = (
        built(cut_at(done, sampled(done, START + off), sampled(done, START + 49)), scorer) for off in (19, 2)
    )
    assert not any("one of the two is wrong" in told for told in calm.warnings)
    assert any(
        f"the last contact with the board is seen at frame {START + 19}" in told for told in odd.warnings
    )
    before, after = calm.events.first_airborne_frame, odd.events.first_airborne_frame
    assert before is not None and after is not None
    assert (before.confidence, after.confidence) == (0.9, pytest.approx(0.05, abs=0.01))
    assert [stage.confidence for stage in calm.stages] == pytest.approx([0.95, 0.9, 0.95], abs=0.01)
    assert [stage.confidence for stage in odd.stages] == pytest.approx([0.1, 0.1, 0.95], abs=0.01)
    assert odd.stages[0].end_frame == START + 3 and calm.stages[0].end_frame == START + 20


def test_a_network_that_cuts_no_stages_leaves_none_and_the_events_stay(
    done: ScoringState, scorer: Scorer
) -> None:
    one_stage = cut_at(done)
    result = built(one_stage, scorer)
    assert result.stages == [] and result.score == built(done, scorer).score
    assert result.events.first_water_contact_frame == built(done, scorer).events.first_water_contact_frame


@pytest.mark.parametrize("code", ["still", "no-person"])
def test_where_nobody_falls_no_stages_are_told(done: ScoringState, scorer: Scorer, code: str) -> None:
    nobody = again(done, flight=None)
    assert len(built(nobody, scorer).stages) == 3
    nobody.reasons.append(pipeline.Reason(code=code, text="Nobody."))
    result = built(nobody, scorer)
    assert (result.status, result.stages, result.events.first_airborne_frame) == ("needs_review", [], None)


def test_a_dive_without_a_speaker_says_which_network_would_have_been_asked(
    done: ScoringState, scorer: Scorer
) -> None:
    result = built(again(done, speaker=None, encodings=[], estimate=None, aborted=True), scorer)
    (network,) = scorer.scoring_networks
    assert result.networks is not None and result.networks.weights == network.card.name
    assert (result.status, result.score, result.exemplars, result.networks.asked) == ("failed", None, [], {})
    assert result.angles is not None and result.poses.source == "given"


def test_a_bank_of_own_dives_says_its_error_in_place_of_never_validated(
    done: ScoringState, scorer: Scorer
) -> None:
    speaker = done.speaker
    assert speaker is not None
    gain = FilmGain(over="mean of the scores", mean_absolute_error=6.0, points=1.556, interval=(0.5, 2.6))
    validation = Validation(num_dives=7, mean_absolute_error=4.444, slope=0.5, gains=[gain])
    fit = BankFit(weights_hash="x", slope=0.5, validation=validation)
    fitted = Speaker(network=replace(speaker.network, fit=fit), encoding=speaker.encoding, unfamiliarity=None)
    result = built(again(done, speaker=fitted), scorer)
    assert result.validated and result.validation == validation
    assert any("7 dives of your own" in told and "4.44 points" in told for told in result.warnings)
    assert any("The film adds 1.56 points" in told for told in result.warnings)
    assert not any("never validated" in told for told in result.warnings)
    assert any("never validated" in told for told in built(done, scorer).warnings)


def test_a_bank_that_is_not_shown_to_beat_the_mean_is_not_validated_whatever_its_network_is(
    done: ScoringState, scorer: Scorer
) -> None:
    speaker = done.speaker
    assert speaker is not None
    card = speaker.network.card.model_copy(update={"validated": True})
    gain = FilmGain(over="mean of the scores", mean_absolute_error=4.5, points=0.1, interval=(-1.0, 1.2))
    for gains, words in (([gain], "not surely better than the mean"), ([], "was not measured")):
        validation = Validation(num_dives=7, mean_absolute_error=4.4, slope=0.5, gains=gains)
        fit = BankFit(weights_hash="x", slope=0.5, validation=validation)
        network = replace(speaker.network, card=card, fit=fit)
        result = built(
            again(done, speaker=Speaker(network=network, encoding=speaker.encoding, unfamiliarity=None)),
            scorer,
        )
        assert not result.validated
        assert any("Not validated" in told and words in told for told in result.warnings)


def test_a_number_whose_difficulty_is_not_known_is_named(done: ScoringState, scorer: Scorer) -> None:
    def told(**known: object) -> list[str]:
        options = ScoreOptions.model_validate(known)
        result = built(again(done, options=options), scorer)
        return [warning for warning in result.warnings if "difficulty of" in warning]

    assert told(dive_number="107B", difficulty=3.0) == told(dive_number="407C", height_m=10.0) == told() == []
    (warning,) = told(dive_number="107B", height_m=2.5)
    assert "107B" in warning


def test_a_table_of_a_failed_dive_is_empty_and_its_figure_says_that_there_is_no_score(
    scorer: Scorer, done: ScoringState, tmp_path: Path
) -> None:
    failed = scorer.score(tmp_path / "none.mp4")
    assert len(failed.table()) == 0 and list(failed.table())[:3] == ["name", "start_frame", "end_frame"]
    assert "no score (failed)" in failed.plot().axes[0].get_title()
    result = built(done, scorer)
    upper, lower = result.plot().axes
    assert f"{result.score:.2f} points" in upper.get_title()
    lines = {line.get_label(): line for line in lower.lines}
    assert result.angles is not None and set(lines) == {"knee", "hip", "trunk"}
    known = [angle for angle in result.angles.trunk if angle is not None]
    drawn = np.asarray(lines["trunk"].get_ydata())
    assert drawn[~np.isnan(drawn)].tolist() == known and len(drawn) == len(result.angles.frames)
