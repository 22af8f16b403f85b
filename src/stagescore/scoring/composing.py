"""What the network found of a dive, in the words of a result: votes, stages, events, warnings.

Source: paper, section III-F and eq. 24, for the votes.
"""

from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import TransitionCalibration
from stagescore.inference.voting import VotedDive
from stagescore.media.source import Media
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.draft import Draft
from stagescore.scoring.events import Flight
from stagescore.scoring.looking import Look
from stagescore.scoring.result import Events, ExemplarVote, StageName, StageResult
from stagescore.types import STAGE_NAMES
from stagescore.weights.own import Card

_NO_CALIBRATION = TransitionCalibration(temperature=1.0)
_STAGES: tuple[StageName, ...] = ("take-off", "flight", "entry")


def exemplar_votes(
    voted: VotedDive, bank: ExemplarBank, *, execution: bool = False, slope: float = 1.0
) -> list[ExemplarVote]:
    """Each exemplar's say, with its parts.

    Args:
        voted: the dive and its differences to the exemplars.
        bank: that they are from.
        execution: the differences are in score / difficulty, multiplied back.
        slope: what they are multiplied by, fitted on the user's own dives.
    """
    rows = dict(zip((dive.dive_id for dive in bank.dives), range(len(bank)), strict=True))
    factor = voted.dive.difficulty if execution else None
    votes = []
    for dive_id, parts in zip(
        voted.prediction.exemplar_ids, voted.stage_deltas.double().tolist(), strict=True
    ):
        exemplar = bank.dives[rows[dive_id]]
        base = exemplar.score
        if factor is not None and exemplar.difficulty is not None:
            base = factor * exemplar.score / exemplar.difficulty
        deltas = [[slope * part for part in stage] for stage in parts]
        votes.append(
            ExemplarVote(
                dive_id=dive_id,
                dive_number=exemplar.dive_number,
                score=base,
                delta=sum(map(sum, deltas)),
                stage_deltas=deltas,
                edges=bank.edges[rows[dive_id]].tolist(),
            )
        )
    return votes


def stage_results(
    draft: Draft, looked: Look, flight: Flight | None, votes: list[ExemplarVote], card: Card
) -> list[StageResult]:
    """The stages that the clip shows.

    Args:
        draft: the film, the frames that are used, and what speaks against a score.
        looked: where the network cuts.
        flight: None where none was seen.
        votes: none without a score.
        card: of the weights, for their confidence.
    """
    media, edges = draft.media, looked.stage_edges(draft.start, draft.end)
    if media is None or len(edges) != len(STAGE_NAMES) + 1:
        return []
    content = card.transition_confidence
    calibration = TransitionCalibration.from_json(content) if content else _NO_CALIBRATION
    sure = list(looked.confidences(calibration))
    spans = list(zip(_STAGES, edges[:-1], edges[1:], sure, strict=True))
    if flight is not None and flight.starts_in_air:
        spans = [("flight", edges[0], edges[2], sure[2]), *spans[2:]]
    if flight is not None and flight.ends_in_air:
        spans = [*spans[:-2], ("flight", spans[-2][1], edges[3], sure[0] if len(spans) == 3 else 1.0)]
    if flight is None and any(reason.code in ("still", "no-person") for reason in draft.reasons):
        return []
    seen = looked.frames[0], looked.frames[-1] + 1
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


def protocol_words(voted: VotedDive | None) -> str:
    """Who voted, and how they were chosen."""
    if voted is None:
        return ""
    who = f"{len(voted.prediction.votes)} exemplars"
    if voted.fallback:
        return f"{who}; {voted.fallback}"
    if voted.dive.dive_number is None:
        return f"{who} of any dive (w/o DN): no dive number was given"
    return f"{who} with dive number {voted.dive.dive_number} (w/ DN)"


def warn(draft: Draft, media: Media, card: Card, fit: BankFit | None) -> None:
    """Note what the reader of a score has to know."""
    if media.info.kind == "joints":
        draft.warnings.append(
            "Joints were scored without their film: less is seen of the dive, how far the score is off is not known, "
            "and nothing tells whether this is a whole dive of one diver."
        )
    if fit is not None:
        v = fit.validation
        draft.warnings.append(
            f"Exemplars are {v.num_dives} dives of your own; predicted from each other, "
            f"their mean absolute error is {v.mean_absolute_error:.2f} points."
        )
    elif not card.validated:
        draft.warnings.append(
            f"The weights were trained on {card.trained_on} and never validated on real dives."
        )
    number = draft.known.number
    if number is not None and draft.known.known_difficulty is None:
        draft.warnings.append(
            f"The difficulty of {number.code} is not known here; give --height or --difficulty for judges' marks."
        )


def moved(events: Events, offset: int) -> Events:
    """Events in frames of the input."""
    found = {
        name: None if event is None else event.model_copy(update={"frame": event.frame + offset})
        for name, event in (
            ("first_airborne_frame", events.first_airborne_frame),
            ("first_water_contact_frame", events.first_water_contact_frame),
        )
    }
    return Events(**found)


def _time(media: Media, frame: int) -> float:
    """When a frame begins; the end of the film for the frame after the last."""
    if frame < media.num_frames:
        return float(media.times_s[frame])
    return float(media.times_s[0]) + media.info.duration_s
