"""From the state of a dive to its result, as far as it goes: the one place where results are made."""

from collections.abc import Sequence
from typing import Any, Literal

from stagescore.captions.advice import corrections
from stagescore.captions.grammar import Grammar
from stagescore.inference.intervals import TransitionCalibration
from stagescore.inference.outcomes import TOLERANCE_FRAMES
from stagescore.inference.prediction import PredictedDive
from stagescore.media.source import Media
from stagescore.scoring.agreement import AgreedStages, agreed, contradicted
from stagescore.scoring.angles import angles_of
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.estimate import Estimate
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import (
    Angles,
    Events,
    ExemplarVote,
    InputFile,
    Networks,
    PoseShares,
    StageName,
    StageResult,
)
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.scoring.state import ScoringState, Speaker
from stagescore.types import STAGE_NAMES
from stagescore.weights.checkpoint import Card

_NO_CALIBRATION = TransitionCalibration(temperature=1.0)
_STAGES: tuple[StageName, ...] = ("take-off", "flight", "entry")


def build_result(state: ScoringState, scoring_networks: Sequence[ScoringNetwork]) -> Result:
    """The result of a dive, with whatever is known of it.

    Args:
        state: The dive, after the last step that was possible.
        scoring_networks: The networks that were to be asked; the first stands for all where none of them could speak.
    """
    speaker, poses, media = state.speaker, state.poses, state.media
    estimate = state.estimate or Estimate()
    events = _events(state)
    warnings, found = [*state.warnings], dict[str, Any]()
    if speaker is not None and media is not None:
        stages = agreed_stages(state, speaker, media, events)
        warnings += collect_warnings(state, media, speaker.network.card, speaker.network.fit)
        if stages is not None:
            events, warnings = stages.events, [*warnings, *stages.contradictions]
        found = _of_speaker(speaker)
        found["stages"] = (
            [] if stages is None else stage_results(state, speaker, media, stages, estimate.votes)
        )
    number, recognised = state.known.number, state.recognised
    return Result(
        status="failed" if state.aborted else "needs_review" if state.reasons else "ok",
        reasons=state.reasons,
        warnings=warnings,
        score=estimate.score,
        interval=estimate.interval,
        execution=estimate.execution,
        difficulty=estimate.difficulty,
        prior=estimate.prior,
        dive_number=None if number is None else number.code,
        dive_number_source=_number_source(state),
        recognised=[] if recognised is None else recognised.likeliest,
        disagrees=recognised is not None and recognised.disagrees,
        words=None if number is None else str(number),
        height_m=state.options.height_m,
        input=_input_file(state),
        networks=_networks(state, scoring_networks),
        protocol=protocol_words(estimate.predicted),
        events=events,
        exemplars=estimate.votes,
        judging=estimate.judging,
        angles=_angles(state, events),
        measures=state.measures,
        corrections=corrections(state.measures, _lost(found.get("stages", ())), Grammar.of("en")),
        timings=state.timings.seconds,
        poses=PoseShares(source="none") if poses is None else poses.shares,
        **found,
    )


def _lost(stages: Sequence[StageResult]) -> dict[str, float]:
    """Points by which each stage lies below the exemplars."""
    return {stage.name: -stage.difference for stage in stages if stage.difference is not None}


def _of_speaker(speaker: Speaker) -> dict[str, Any]:
    """What is known because a network has seen the dive."""
    network, encoding = speaker.network, speaker.encoding
    return {
        "unfamiliarity": speaker.unfamiliarity,
        "film_share": speaker.film_share,
        "modalities": encoding.modalities,
        "validated": network.card.validated if network.fit is None else network.fit.validation.film_counts,
        "validation": None if network.fit is None else network.fit.validation,
        "stages_from": "network" if encoding.given is None else "given",
        "branches": network.branches,
        "attention": None if encoding.attention is None else list(encoding.attention),
        "attention_frames": None if encoding.attention is None else list(encoding.frames),
    }


def _number_source(state: ScoringState) -> Literal["given", "recognised"] | None:
    if state.known.number is None:
        return None
    return "recognised" if state.options.dive_number is None else "given"


def _input_file(state: ScoringState) -> InputFile:
    info = None if state.media is None else state.media.info
    return InputFile(
        name=state.name,
        path=str(state.path),
        sha256=state.sha256,
        num_frames=0 if info is None else info.num_frames,
        width_px=0 if info is None else info.width_px,
        height_px=0 if info is None else info.height_px,
        duration_s=None if info is None else info.duration_s,
        frame_rate=None if info is None else info.frame_rate,
        condition="unreadable" if info is None else info.verdict,
        start_frame=state.start,
        end_frame=state.end,
        slowmo=state.options.slowmo,
    )


def _networks(state: ScoringState, scoring_networks: Sequence[ScoringNetwork]) -> Networks:
    poses = state.poses
    network = scoring_networks[0] if state.speaker is None else state.speaker.network
    return Networks(
        weights=network.card.name,
        weights_sha256=network.card.weights_hash,
        bank_sha256=network.bank_sha256,
        trained_on=network.card.trained_on,
        shown_on=network.card.shown_on,
        asked={one.card.name: one.unfamiliarity(seen) for one, seen in state.encodings},
        detector=None if poses is None else poses.detector,
        estimator=None if poses is None else poses.estimator,
    )


def _events(state: ScoringState) -> Events:
    """Events in frames of the input; none of joints without a film, and where nobody falls."""
    if state.flight is None:
        return Events()
    events = state.flight.events()
    found = {
        name: None if event is None else event.model_copy(update={"frame": event.frame + state.start})
        for name, event in (
            ("first_airborne_frame", events.first_airborne_frame),
            ("first_water_contact_frame", events.first_water_contact_frame),
        )
    }
    return Events(**found)


def _angles(state: ScoringState, events: Events) -> Angles | None:
    if state.poses is None or not state.poses.track.known.any():
        return None
    contact = events.first_water_contact_frame
    return angles_of(
        state.poses.track, state.start, None if contact is None else contact.frame, state.poses.weak
    )


def agreed_stages(state: ScoringState, speaker: Speaker, media: Media, events: Events) -> AgreedStages | None:
    """Where the stages are, in agreement with the events; None of a model without three stages.

    Args:
        state: State of the dive, of which the frames that are used are read.
        speaker: The network that cuts the stages; its card has the calibration of its confidence.
        media: The film.
        events: Events in frames of the input.
    """
    encoding, content = speaker.encoding, speaker.network.card.transition_confidence
    edges = encoding.stage_edges(state.start, state.end)
    if len(edges) != len(STAGE_NAMES) + 1:
        return None
    calibration = TransitionCalibration.from_json(content) if content else _NO_CALIBRATION
    if encoding.given is not None:
        return contradicted(edges, events)
    # A label's tolerance is a tenth of a second, at 30 frames per second.
    tolerance = TOLERANCE_FRAMES * max((media.info.frame_rate or 0.0) * media.info.slowmo / 30.0, 1.0)
    return agreed(edges, encoding.confidences(calibration), events, tolerance)


def stage_results(
    state: ScoringState, speaker: Speaker, media: Media, stages: AgreedStages, votes: Sequence[ExemplarVote]
) -> list[StageResult]:
    """The stages that the clip shows; all of them where exemplars vote, since their parts add up to the score.

    A clip may begin a frame or two after the take-off and still be scored: the flight then says that its first frame was not seen,
    and the take-off is as short as the network cuts it.

    Args:
        state: State of the dive, of which the flight and what speaks against a score are read.
        speaker: The network that cuts the stages, and the frames that it was shown.
        media: The film.
        stages: Edges of the stages, in agreement with the events.
        votes: Votes of the exemplars; none without a score.
    """
    encoding, flight, edges, sure = speaker.encoding, state.flight, stages.edges, stages.confidences
    spans = list(zip(_STAGES, edges[:-1], edges[1:], sure, strict=True))
    if flight is not None and flight.starts_in_air and not votes:
        spans = [("flight", edges[0], edges[2], sure[2]), *spans[2:]]
    if flight is not None and flight.ends_in_air and not votes:
        spans = [*spans[:-2], ("flight", spans[-2][1], edges[3], sure[0] if len(spans) == 3 else 1.0)]
    if flight is None and any(reason.code in ("still", "no-person") for reason in state.reasons):
        return []
    seen = encoding.frames[0], encoding.frames[-1] + 1
    return [
        StageResult(
            name=name,
            start_frame=first,
            end_frame=stop,
            start_s=_time(media, first),
            end_s=_time(media, stop),
            confidence=min(max(confidence, 0.0), 1.0),
            difference=sum(sum(vote.stage_deltas[k]) for vote in votes) / len(votes) if votes else None,
            shown_frames=_within((first, stop), seen),
        )
        for k, (name, first, stop, confidence) in enumerate(spans)
    ]


def _within(stage: tuple[int, int], seen: tuple[int, int]) -> tuple[int, int]:
    """What of a stage lies in the part that was shown, both half-open; a frame of it at least.

    >>> _within((0, 40), (31, 90)), _within((40, 80), (31, 90)), _within((0, 20), (31, 90))
    ((31, 40), (40, 80), (19, 20))
    """
    first = min(max(stage[0], seen[0]), stage[1] - 1)
    return first, max(min(stage[1], seen[1]), first + 1)


def protocol_words(predicted: PredictedDive | None) -> str:
    """Who voted, and how they were chosen; empty where nobody did."""
    if predicted is None or not predicted.prediction.votes:
        return ""
    who = f"{len(predicted.prediction.votes)} exemplars"
    if predicted.fallback:
        return f"{who}; {predicted.fallback}"
    if predicted.dive.dive_number is None:
        return f"{who} of any dive (w/o DN): no dive number was given"
    return f"{who} with dive number {predicted.dive.dive_number} (w/ DN)"


def collect_warnings(state: ScoringState, media: Media, card: Card, fit: BankFit | None) -> list[str]:
    """What the reader of a score has to know of the film and of the network that speaks, in whole sentences."""
    told = []
    if media.info.kind == "joints":
        told.append(
            "Joints were scored without their film: less is seen of the dive, how far the score is off is not known, "
            "and nothing tells whether this is a whole dive of one diver."
        )
    if fit is not None:
        v = fit.validation
        told.append(
            f"Exemplars are {v.num_dives} dives of your own; predicted from each other, "
            f"their mean absolute error is {v.mean_absolute_error:.2f} points. {v.gain_words}"
        )
    elif not card.validated:
        told.append(f"The weights were trained on {card.trained_on} and never validated on real dives.")
    number = state.known.number
    if number is not None and state.known.known_difficulty is None:
        told.append(
            f"The difficulty of {number.code} is not known here; give --height or --difficulty for judges' marks."
        )
    return told


def _time(media: Media, frame: int) -> float:
    """When a frame begins; the end of the film for the frame after the last."""
    if frame < media.num_frames:
        return float(media.times_s[frame])
    return float(media.times_s[0]) + media.info.duration_s
