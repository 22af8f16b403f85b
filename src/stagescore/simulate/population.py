"""What competition dives are like on the whole: counts and histograms, no single dive.

The table in the package is derived from FineDiving's individual dives by
`stagescore data population --annotations DIR --out FILE`, so that simulating needs no data beside the
project. Only what many dives share is kept: how often a dive is dived, how long clips are, where in
them the labelled flight lies, and how judges' marks spread.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from stagescore.data.heights import HEIGHTS_M
from stagescore.diving import MAX_MARK, DiveNumber, usual_difficulty
from stagescore.errors import DataError
from stagescore.json_files import parse_json
from stagescore.types import Dive

BIN_FRAMES = 8
"""Width of a bin of clip lengths, where they are counted together with the first transition; set by hand."""

BIN_SHARE = 0.05
"""Width of a bin of the first transition's place in the clip, 0 to 1; set by hand."""

_WHOLE_PANEL = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveKind:
    """A dive that is dived in competitions.

    Attributes:
        code: Dive number such as `107B`.
        height_m: Height of the board in metres, 3 or 10.
        difficulty: Degree of difficulty.
        count: Number of labelled dives of this kind.
    """

    code: str
    height_m: float
    difficulty: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingBin:
    """A bin of clips: how long they are, and where in them the first labelled transition lies.

    Attributes:
        frames: Smallest clip length in the bin, in frames; the bin is `BIN_FRAMES` wide.
        share: Smallest place of the first transition in the bin, 0 to 1; the bin is `BIN_SHARE` wide.
        count: Number of labelled dives in the bin.
    """

    frames: int
    share: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The table of the package.

    Attributes:
        kinds: Kinds of dives with their frequencies.
        timing: Clip lengths and first transitions, by group and height in metres.
        clip_frames: Number of labelled dives by clip length, all kinds together.
        num_transitions: Number of labelled dives by dive number and labelled number of transitions (2 to 4).
        marks: How often each mark stands in rows with all seven marks.
        figures: Score and timing of all individual dives, as `derive_population` names them.
    """

    kinds: tuple[DiveKind, ...]
    timing: dict[tuple[str, float], tuple[TimingBin, ...]]
    clip_frames: dict[int, int]
    num_transitions: dict[str, dict[int, int]]
    marks: dict[float, int]
    figures: dict[str, float]


def derive_population(dives: Sequence[Dive]) -> dict[str, Any]:
    """The table, from labelled dives; synchronised ones are left out.

    A dive of unknown height counts at the height at which its difficulty is usual; where both or
    neither are, at the height from which that dive number is dived more often.

    Args:
        dives: Labelled dives as a loader returns them.

    Returns:
        Counts for `dives` (rows of number, height, difficulty, count), `timing`, `clip_frames`,
        `num_transitions`, `marks`, and `figures`: number of dives, mean and sd of the score, mean and
        sd of the flight's first and last transition and of their difference as shares of the clip.

    Raises:
        DataError: There is no individual dive with difficulty, dive number and clip length.
    """
    known = [d for d in dives if not d.synchronised and d.dive_number and d.difficulty and d.num_frames]
    if not known:
        raise DataError(
            "no individual dive has a difficulty, a dive number and a clip length",
            where="population",
            todo="use FineDiving's annotations",
        )
    heights = _heights(known)
    kinds = Counter(
        (d.dive_number or "", h, d.difficulty or 0.0) for d, h in zip(known, heights, strict=True)
    )
    timed = [(d, h) for d, h in zip(known, heights, strict=True) if d.stages() is not None]
    transitions: dict[str, Counter[int]] = defaultdict(Counter)
    for dive, _ in timed:
        transitions[dive.dive_number or ""][len(dive.transitions)] += 1
    marks = Counter(
        mark
        for d in known
        if len(d.marks) == _WHOLE_PANEL
        for mark in d.marks
        if 0 <= mark <= MAX_MARK  # one row of the release holds a mark of 45
    )
    return {
        "source": "FineDiving, individual dives; derived by `stagescore data population`",
        "figures": _figures(known, [dive for dive, _ in timed]),
        "dives": [[code, height, difficulty, n] for (code, height, difficulty), n in sorted(kinds.items())],
        "clip_frames": _by_text(Counter(d.num_frames or 0 for d in known)),
        "num_transitions": {code: _by_text(counts) for code, counts in sorted(transitions.items())},
        "marks": _by_text(marks),
        "timing": _timing(timed),
    }


def _heights(dives: Sequence[Dive]) -> list[float]:
    often: dict[str | None, Counter[float]] = defaultdict(Counter)
    for dive in dives:
        if dive.height_m is not None:
            often[dive.dive_number][dive.height_m] += 1
    heights: list[float] = []
    for dive in dives:
        if dive.height_m is not None:
            heights.append(dive.height_m)
            continue
        fitting = [h for h in HEIGHTS_M if usual_difficulty(dive.dive_number or "", h) == dive.difficulty]
        options = fitting or list(HEIGHTS_M)
        heights.append(max(options, key=lambda h: (often[dive.dive_number][h], h)))
    return heights


def _figures(dives: Sequence[Dive], timed: Sequence[Dive]) -> dict[str, float]:
    scores = np.array([dive.score for dive in dives])
    first = np.array([dive.transitions[0] / (dive.num_frames or 1) for dive in timed])
    last = np.array([dive.transitions[-1] / (dive.num_frames or 1) for dive in timed])
    figures: dict[str, float] = {
        "num_dives": float(len(dives)),
        "score_mean": float(scores.mean()),
        "score_sd": float(scores.std()),
    }
    for name, values in (("first", first), ("last", last), ("flight", last - first)):
        if len(values):
            figures[f"{name}_share_mean"] = float(values.mean())
            figures[f"{name}_share_sd"] = float(values.std())
    return {name: round(value, 4) for name, value in figures.items()}


def _timing(timed: Iterable[tuple[Dive, float]]) -> dict[str, list[list[int | float]]]:
    bins: dict[str, Counter[tuple[int, float]]] = defaultdict(Counter)
    for dive, height in timed:
        frames = dive.num_frames or 0
        share_bin = int(dive.transitions[0] / frames / BIN_SHARE)
        key = (frames // BIN_FRAMES * BIN_FRAMES, round(share_bin * BIN_SHARE, 2))
        bins[f"{DiveNumber.parse(dive.dive_number or '').group} {height:g}"][key] += 1
    return {
        kind: [[frames, share, n] for (frames, share), n in sorted(counts.items())]
        for kind, counts in sorted(bins.items())
    }


def _by_text(counts: Counter[Any]) -> dict[str, int]:
    return {f"{value:g}": count for value, count in sorted(counts.items())}


@cache
def population() -> Population:
    """The table of the package."""
    text = files("stagescore").joinpath("tables/dive_population.json").read_text(encoding="utf-8")
    return read_population(parse_json(text))


def read_population(document: dict[str, Any]) -> Population:
    """What `derive_population` returns, with names and types."""
    timing: dict[tuple[str, float], tuple[TimingBin, ...]] = {}
    for kind, rows in document["timing"].items():
        group, height = kind.split()
        timing[group, float(height)] = tuple(
            TimingBin(frames=int(frames), share=float(share), count=int(n)) for frames, share, n in rows
        )
    return Population(
        kinds=tuple(
            DiveKind(code=code, height_m=float(height), difficulty=float(difficulty), count=int(n))
            for code, height, difficulty, n in document["dives"]
        ),
        timing=timing,
        clip_frames={int(frames): n for frames, n in document["clip_frames"].items()},
        num_transitions={
            code: {int(number): n for number, n in counts.items()}
            for code, counts in document["num_transitions"].items()
        },
        marks={float(mark): n for mark, n in document["marks"].items()},
        figures={name: float(value) for name, value in document["figures"].items()},
    )


def table_bytes(document: dict[str, Any]) -> bytes:
    """The table as the package stores it: JSON with one row a line, so that changes can be compared."""
    parts: list[str] = []
    for name, value in document.items():
        if name == "timing":
            rows = ",\n".join(f"  {json.dumps(kind)}: {json.dumps(bins)}" for kind, bins in value.items())
            parts.append(f' "timing": {{\n{rows}\n }}')
        elif name == "dives":
            rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
            parts.append(f' "dives": [\n{rows}\n ]')
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()
