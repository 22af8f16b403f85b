"""Stages and physical events of one dive made to agree.

The network cuts stages as FineDiving labels them; take-off and water contact are seen apart from it. Both speak of the same
dive: the take-off holds the last contact with the board, and the water is touched within the entry. Where an edge is a
little on the wrong side of its event, as labels are (their spread is 1.5 frames, `docs/data.md`), it is moved there. Where
it is far off, one of the two is wrong: the edge is moved all the same, the confidence of both stages beside it falls, and a
sentence says so.
Source: none.
"""

from dataclasses import dataclass

from stagescore.inference.outcomes import TOLERANCE_FRAMES
from stagescore.scoring.result import EventResult, Events


@dataclass(frozen=True, slots=True)
class AgreedStages:
    """Stages of which none contradicts an event.

    Attributes:
        edges: Edges of the stages in frames of the input, first and last included; increasing.
        confidences: Confidence of each stage, 0 to 1.
        contradictions: What network and events did not agree on, in whole sentences.
    """

    edges: tuple[int, ...]
    confidences: tuple[float, ...]
    contradictions: tuple[str, ...] = ()


def agreed(
    edges: tuple[int, ...],
    confidences: tuple[float, ...],
    events: Events,
    tolerance_frames: float = TOLERANCE_FRAMES,
) -> AgreedStages:
    """Make three stages agree with the events that were seen.

    An edge that is farther from its event than a label's tolerance contradicts it: at most one of the two is right, so the
    stage is at most as sure as the event is unsure.

    Args:
        edges: Four edges in frames of the input: begin of take-off, flight and entry, and the frame after the last.
        confidences: Confidence of each stage.
        events: In frames of the input; None for an event that was not seen.
        tolerance_frames: By how many frames an edge may be off without contradicting its event.
    """
    first, takeoff_end, entry_begin, end = edges
    sure = list(confidences)
    told: list[str] = []
    airborne, contact = events.first_airborne_frame, events.first_water_contact_frame
    # Each stage keeps a frame at least.
    if airborne is not None and takeoff_end < (wanted := min(airborne.frame, end - 2)):
        if wanted - takeoff_end > tolerance_frames:
            _doubt(sure, (0, 1), airborne)
            told.append(
                f"The network ends the take-off at frame {takeoff_end}, before the last contact with the board is seen "
                f"(frame {airborne.frame - 1})."
            )
        takeoff_end = wanted
    if contact is not None and entry_begin > (wanted := max(contact.frame, first + 2)):
        if entry_begin - wanted > tolerance_frames:
            _doubt(sure, (1, 2), contact)
            told.append(
                f"The network begins the entry at frame {entry_begin}, after the water is seen to be touched (frame {contact.frame})."
            )
        entry_begin = wanted
    # An edge that was moved may have met the other one, which gives way as far as its own event lets it.
    least = first + 1 if airborne is None else min(max(airborne.frame, first + 1), end - 2)
    takeoff_end = max(least, min(takeoff_end, entry_begin - 1))
    entry_begin = max(entry_begin, takeoff_end + 1)
    return AgreedStages((first, takeoff_end, entry_begin, end), tuple(sure), tuple(told))


def _doubt(sure: list[float], stages: tuple[int, int], event: EventResult) -> None:
    for stage in stages:
        sure[stage] = min(sure[stage], 1.0 - event.confidence)
