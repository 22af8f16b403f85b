"""Which exemplars a query is compared with (paper, section III-F; method, section 7).

The release shuffles the candidates anew each time, fills a short list with copies, and can pair a dive
with itself. Here the choice is a hash of the seed and the dive: the same on every machine, never the
dive itself, never one twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stagescore.hashing import hash_u64
from stagescore.types import Dive

Protocol = Literal["w/ DN", "w/o DN", "w/ DD"]
"""Exemplars share the dive number, need not, or share the degree of difficulty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemplarChoice:
    """The exemplars of one query.

    Attributes:
        query_id: Id of the query.
        protocol: Protocol that was asked for, such as `w/ DN`.
        exemplars: The chosen dives, best hash first; may be fewer than asked for.
        num_candidates: Number of dives there were to choose from.
        fallback: What was done where no candidate fitted, in words; empty otherwise.
    """

    query_id: str
    protocol: Protocol
    exemplars: tuple[Dive, ...]
    num_candidates: int
    fallback: str = ""


def choose_exemplars(
    query: Dive, pool: Sequence[Dive], *, protocol: Protocol = "w/ DN", num: int = 10, seed: int = 0
) -> ExemplarChoice:
    """Choose the exemplars of a query.

    Args:
        query: Dive whose exemplars are wanted; it may be part of the pool.
        pool: Dives to choose from, as a rule the training split.
        protocol: What exemplars share with the query: `w/ DN` the dive number, `w/ DD` the difficulty, `w/o DN`
            nothing.
        num: Number of exemplars wanted; ten in the paper.
        seed: Seed of the hash that ranks the candidates.

    Returns:
        Up to `num` exemplars; with fewer candidates, all of them. With none that fits, the dives of the
        nearest difficulty, or any dive where difficulties are unknown too, and `fallback` says so.
        Empty only where the pool holds nothing but the query.
    """
    others = _without(query, pool)
    fitting = [dive for dive in others if _fits(query, dive, protocol)]
    fallback = ""
    if not fitting and others:
        fitting, fallback = _nearest_difficulty(query, others)
        fallback = f"no exemplar fits {protocol}: {fallback}"
    ranked = sorted(fitting, key=lambda dive: (hash_u64(seed, query.dive_id, dive.dive_id), dive.dive_id))
    return ExemplarChoice(
        query_id=query.dive_id,
        protocol=protocol,
        exemplars=tuple(ranked[:num]),
        num_candidates=len(fitting),
        fallback=fallback,
    )


def _without(query: Dive, pool: Sequence[Dive]) -> list[Dive]:
    """Every recording of the pool once, and never the query's own."""
    kept: dict[str, Dive] = {}
    for dive in pool:
        if dive.recording != query.recording:
            kept.setdefault(dive.recording, dive)
    return list(kept.values())


def _fits(query: Dive, candidate: Dive, protocol: Protocol) -> bool:
    if protocol == "w/ DN":
        return query.dive_number is not None and candidate.dive_number == query.dive_number
    if protocol == "w/ DD":
        return query.difficulty is not None and candidate.difficulty == query.difficulty
    return True


def _nearest_difficulty(query: Dive, others: Sequence[Dive]) -> tuple[list[Dive], str]:
    rated = [(abs(d.difficulty - query.difficulty), d) for d in others if d.difficulty and query.difficulty]
    if not rated:
        return list(others), "difficulties are unknown too, any dive is taken"
    nearest = min(gap for gap, _ in rated)
    chosen = [dive for gap, dive in rated if gap <= nearest + 1e-9]
    found = ", ".join(sorted({f"{dive.difficulty:g}" for dive in chosen}))
    return chosen, f"the nearest difficulty is taken ({found} for {query.difficulty:g})"
