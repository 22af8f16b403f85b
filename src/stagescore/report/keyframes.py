"""Which frames of a dive are worth showing, chosen from its result alone, so that a film is decoded only once.

What one section alone shows is chosen in the section's file (`report.sections`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from stagescore.inference.exemplar_bank import PICTURED_SHARES, frame_within
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import ExemplarVote, StageResult


@dataclass(frozen=True, slots=True)
class AlignedPair:
    """The same share of the same stage in two dives.

    Attributes:
        stage: Index of the stage.
        share: How far into the stage, 0 to 1.
        query_frame: Frame of the query's input file.
        exemplar_frame: Frame of those that the network was shown of the exemplar; of its input file where it is a
            second film.
    """

    stage: int
    share: float
    query_frame: int
    exemplar_frame: int


def seconds_at(result: Result, frame: int) -> float | None:
    """When a frame is shown, between the times that are known of the stages' edges; None without stages."""
    for stage in result.stages:
        if frame < stage.end_frame or stage is result.stages[-1]:
            share = (frame - stage.start_frame) / max(stage.end_frame - stage.start_frame, 1)
            return stage.start_s + share * (stage.end_s - stage.start_s)
    return None


def stage_at(result: Result, frame: int) -> int | None:
    """Index of the stage that a frame lies in; None outside of all stages."""
    spans = [(stage.start_frame, stage.end_frame) for stage in result.stages]
    return next((k for k, (start, end) in enumerate(spans) if start <= frame < end), None)


def contact_frame(result: Result) -> int | None:
    """Frame of the first water contact; None where it is not known."""
    event = result.events.first_water_contact_frame
    return None if event is None else event.frame


def decisive_stage(result: Result) -> int | None:
    """Index of the stage that lost or won most; None without differences."""
    differences = [stage.difference for stage in result.stages]
    if not differences or any(value is None for value in differences):
        return None
    return max(range(len(differences)), key=lambda k: abs(differences[k] or 0.0))


def nearest_exemplar(result: Result) -> int | None:
    """The exemplar that differs least, stage by stage: smallest sum of sizes of its stages' differences."""
    sizes = [fsum(abs(fsum(stage)) for stage in vote.stage_deltas) for vote in result.exemplars]
    return min(range(len(sizes)), key=lambda m: (sizes[m], result.exemplars[m].dive_id)) if sizes else None


def aligned_pairs(result: Result, exemplar: ExemplarVote) -> tuple[AlignedPair, ...]:
    """Three moments of each stage, in the query and in an exemplar, of what the network was shown of both."""
    return pairs_of_stages(shown_edges(result.stages), exemplar.edges)


def shown_edges(stages: Sequence[StageResult]) -> list[int]:
    """Where the stages of a dive begin and the last one ends within what the network was shown of it; empty without any.

    Of an exemplar nothing else is known, so this is what can be laid beside it.
    """
    spans = [stage.shown_frames or (stage.start_frame, stage.end_frame) for stage in stages]
    return [spans[0][0], *(stop for _, stop in spans)] if spans else []


def whole_edges(stages: Sequence[StageResult]) -> list[int]:
    """Where the stages of a dive begin and the last one ends; empty without any."""
    return [stages[0].start_frame, *(stage.end_frame for stage in stages)] if stages else []


def pairs_of_stages(edges: Sequence[int], others: Sequence[int]) -> tuple[AlignedPair, ...]:
    """Three moments of each stage, in a dive that is cut at `edges` and in another one; none if the stages differ."""
    if len(others) != len(edges):
        return ()
    return tuple(
        AlignedPair(k, share, frame_within(*mine, share), frame_within(*theirs, share))
        for k, (mine, theirs) in enumerate(zip(pairwise(edges), pairwise(others), strict=True))
        for share in PICTURED_SHARES
    )
