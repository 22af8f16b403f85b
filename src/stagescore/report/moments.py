"""Which frames of a dive to show, chosen from its result alone, so that a film is decoded only once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum

from stagescore.inference.exemplar_bank import PICTURED_SHARES, frame_within
from stagescore.scoring.result import ExemplarVote, Result, StageResult

_SKELETON_SHARES = ((0, 0.8), (1, 0.1), (1, 0.35), (1, 0.6), (1, 0.85), (2, 0.25))


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame worth showing.

    Attributes:
        frame: of the input file.
        name: what happens, in words.
        field: of the result, that says so.
    """

    frame: int
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class AlignedPair:
    """The same share of the same stage in two dives.

    Attributes:
        stage: index.
        share: how far into the stage, 0 to 1.
        query_frame: of the input file.
        exemplar_frame: of those that the network was shown of the exemplar; of its input file where it is a second film.
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
    """Index of the stage that a frame lies in."""
    spans = [(stage.start_frame, stage.end_frame) for stage in result.stages]
    return next((k for k, (start, end) in enumerate(spans) if start <= frame < end), None)


def telling_stage(result: Result) -> int | None:
    """The stage that lost or won most; None without differences."""
    differences = [stage.difference for stage in result.stages]
    if not differences or any(value is None for value in differences):
        return None
    return max(range(len(differences)), key=lambda k: abs(differences[k] or 0.0))


def telling_frames(result: Result, stage: int) -> tuple[int, ...]:
    """One frame from each third of a stage: the one with most attention, or the middle one without attention."""
    start, end = result.stages[stage].start_frame, result.stages[stage].end_frame
    edges = [start + round(third * (end - start) / 3) for third in range(4)]
    weights = dict(zip(result.attention_frames or [], result.attention or [], strict=False))
    chosen = []
    for low, high in pairwise(edges):
        inside = [frame for frame in weights if low <= frame < high]
        middle = min((low + high) // 2, end - 1)
        chosen.append(max(inside, key=lambda frame: (weights[frame], -frame)) if inside else middle)
    return tuple(dict.fromkeys(chosen))


def timeline_moments(result: Result) -> tuple[Moment, ...]:
    """Beginning of each stage, the physical events, and the last frame, in order of time."""
    if not result.stages:
        return ()
    moments = [
        *(
            Moment(stage.start_frame, f"{stage.name} begins", f"stages[{k}].start_frame")
            for k, stage in enumerate(result.stages)
        ),
        Moment(
            result.stages[-1].end_frame - 1, "last frame used", f"stages[{len(result.stages) - 1}].end_frame"
        ),
    ]
    if event := result.events.first_airborne_frame:
        moments.append(Moment(event.frame, "leaves the board", "events.first_airborne_frame.frame"))
    if event := result.events.first_water_contact_frame:
        moments.append(Moment(event.frame, "touches the water", "events.first_water_contact_frame.frame"))
    return tuple(sorted(moments, key=lambda moment: moment.frame))


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


def skeleton_frames(result: Result) -> tuple[int, ...]:
    """Six frames from the end of the take-off to the entry, to see whether the joints can be believed."""
    if not result.stages:
        return ()
    spans = [(stage.start_frame, stage.end_frame) for stage in result.stages]
    shares = _SKELETON_SHARES if len(spans) == 3 else [(0, share / 6 + 1 / 12) for share in range(6)]
    return tuple(dict.fromkeys(frame_within(*spans[k], share) for k, share in shares))


def seen_frames(result: Result) -> tuple[int, ...]:
    """Of a dive without stages: where the reasons point to, and three frames of the whole."""
    start, end = result.input.start_frame, result.input.end_frame
    if end <= start:
        return ()
    pointed = [
        r.start_frame for r in result.reasons if r.start_frame is not None and start <= r.start_frame < end
    ]
    return tuple(sorted({*pointed, *(frame_within(start, end, share) for share in PICTURED_SHARES)}))


def frames_wanted(result: Result) -> list[int]:
    """All frames of the input file that a report shows, increasing."""
    stage, nearest = telling_stage(result), nearest_exemplar(result)
    wanted = {moment.frame for moment in timeline_moments(result)} | set(skeleton_frames(result))
    if not result.stages:
        wanted |= set(seen_frames(result))
    if stage is not None:
        wanted |= set(telling_frames(result, stage))
    if nearest is not None:
        wanted |= {pair.query_frame for pair in aligned_pairs(result, result.exemplars[nearest])}
    return sorted(frame for frame in wanted if 0 <= frame < result.input.num_frames)


def exemplar_frames_wanted(result: Result) -> list[int]:
    """The sampled frames of the nearest exemplar that a report shows where there are pictures of it, increasing."""
    nearest = nearest_exemplar(result)
    if nearest is None:
        return []
    return sorted({pair.exemplar_frame for pair in aligned_pairs(result, result.exemplars[nearest])})


def heaviest_frame(result: Result, stage: int) -> int | None:
    """The frame of a stage with most attention; None without attention."""
    weights = zip(result.attention_frames or [], result.attention or [], strict=False)
    inside = [(weight, -frame) for frame, weight in weights if stage_at(result, frame) == stage]
    return -max(inside)[1] if inside else None


def smallest(
    values: Sequence[float | None], frames: Sequence[int], start: int, end: int
) -> tuple[int, float] | None:
    """Frame and value of the smallest known value between two frames.

    >>> smallest([170.0, 90.0, None, 120.0], [10, 11, 12, 13], 10, 13)
    (11, 90.0)
    >>> smallest([None], [10], 10, 13) is None
    True
    """
    inside = [(v, f) for v, f in zip(values, frames, strict=True) if v is not None and start <= f < end]
    return (min(inside)[1], min(inside)[0]) if inside else None
