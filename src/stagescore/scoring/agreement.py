"""Stages and physical events of one dive made to agree.

The network cuts stages as FineDiving labels them; take-off and water contact are seen apart from it. Both speak of the same
dive: the take-off holds the last contact with the board, and the water is touched within the entry. Where an edge is a
little on the wrong side of its event, as labels are (their spread is 1.5 frames, `docs/data.md`), it is moved there. Where
it is far off, at most one of the two is right, and which cannot be told: both stay, neither is believed much, and a
sentence says so. Of twenty real films looked at two were such, and there the event was wrong, by 15 frames (docs/log.md).
Source: none.
"""

from dataclasses import dataclass

from stagescore.inference.outcomes import TOLERANCE_FRAMES
from stagescore.scoring.result_parts import EventResult, Events


@dataclass(frozen=True, slots=True)
class AgreedStages:
    """Stages and events that agree, or of which neither is believed much.

    Attributes:
        edges: Edges of the stages in frames of the input, first and last included; increasing.
        confidences: Confidence of each stage, 0 to 1.
        events: The events, less sure where a stage contradicts them.
        contradictions: What network and events did not agree on, in whole sentences.
    """

    edges: tuple[int, ...]
    confidences: tuple[float, ...]
    events: Events
    contradictions: tuple[str, ...] = ()


def agreed(
    edges: tuple[int, ...],
    confidences: tuple[float, ...],
    events: Events,
    tolerance_frames: float = TOLERANCE_FRAMES,
) -> AgreedStages:
    """Make three stages agree with the events that were seen.

    Of an edge and an event that are farther apart than a label's tolerance at most one is right, so each is at most as sure
    as the other is unsure.

    Args:
        edges: Four edges in frames of the input: begin of take-off, flight and entry, and the frame after the last.
        confidences: Confidence of each stage, 0 to 1.
        events: Events in frames of the input; None for an event that was not seen.
        tolerance_frames: Number of frames by which an edge may be off without contradicting its event.
    """
    first, takeoff_end, entry_begin, end = edges
    sure = list(confidences)
    told: list[str] = []
    airborne, contact = events.first_airborne_frame, events.first_water_contact_frame
    # Each stage keeps a frame at least.
    if airborne is not None and takeoff_end < (wanted := min(airborne.frame, entry_begin - 1, end - 2)):
        if airborne.frame - takeoff_end > tolerance_frames:
            told.append(
                f"The network ends the take-off at frame {takeoff_end}, the last contact with the board is seen at frame "
                f"{airborne.frame - 1}: one of the two is wrong."
            )
            airborne = _doubted(sure, (0, 1), airborne)
        else:
            takeoff_end = wanted
    if contact is not None and entry_begin > (wanted := max(contact.frame, takeoff_end + 1, first + 2)):
        if entry_begin - contact.frame > tolerance_frames:
            told.append(
                f"The network begins the entry at frame {entry_begin}, the water is seen to be touched at frame {contact.frame}: "
                "one of the two is wrong."
            )
            contact = _doubted(sure, (1, 2), contact)
        else:
            entry_begin = wanted
    return AgreedStages(
        (first, takeoff_end, entry_begin, end),
        tuple(sure),
        Events(first_airborne_frame=airborne, first_water_contact_frame=contact),
        tuple(told),
    )


def contradicted(edges: tuple[int, ...], events: Events) -> AgreedStages:
    """Three stages as the user cut them, and what the events that were seen say against them.

    Args:
        edges: Four edges in frames of the input, as for `agreed`.
        events: Events in frames of the input; None for an event that was not seen.
    """
    _, takeoff_end, entry_begin, _ = edges
    told = []
    airborne, contact = events.first_airborne_frame, events.first_water_contact_frame
    if airborne is not None and airborne.frame > takeoff_end:
        told.append(
            f"You end the take-off at frame {takeoff_end}, the last contact with the board is seen at frame {airborne.frame - 1}: "
            "one of the two is wrong."
        )
    if contact is not None and contact.frame < entry_begin:
        told.append(
            f"You begin the entry at frame {entry_begin}, the water is seen to be touched at frame {contact.frame}: one of the two is "
            "wrong."
        )
    return AgreedStages(edges, (1.0,) * 3, events, tuple(told))


def _doubted(sure: list[float], stages: tuple[int, int], event: EventResult) -> EventResult:
    """The event, at most as sure as the surer of the two stages beside it is unsure; both stages, at most as sure as it is unsure."""
    seen = max(sure[stage] for stage in stages)
    for stage in stages:
        sure[stage] = min(sure[stage], 1.0 - event.confidence)
    return event.model_copy(update={"confidence": round(min(event.confidence, 1.0 - seen), 4)})
