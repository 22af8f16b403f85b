"""Measures of real dives beside the execution that their judges gave: which of them go with it?

    OUT/<event>/<number>.json   what the pictures show: the camera's path and the water, which takes most of the time

A run that was stopped goes on where it was. Source: Spearman's correlation; Efron's percentile bootstrap over dives. Within a number
means: ranks among the dives of the same number, as shares of their count, so that neither the number nor its difficulty is seen.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from stagescore.atomic import write_text
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import without_sealed
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.json_files import read_object
from stagescore.measures.facts import DiveFacts
from stagescore.measures.kinds import KINDS
from stagescore.measures.measure import Measure
from stagescore.measures.measuring import measure
from stagescore.measures.reference import Agreement, Reference
from stagescore.measures.splash_trace import SplashTrace
from stagescore.measures.water import with_splash
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.source import Media, open_media
from stagescore.pose.motion import background_steps
from stagescore.pose.npz_files import read_measured, read_npz
from stagescore.pose.plausibility import impossible
from stagescore.pose.tracking import path_of_steps
from stagescore.types import Dive

LEAST_OF_A_NUMBER = 5
"""Dives that a number must have for ranks among them."""
_LEAST_DIVES = 20
_AROUND_TAKEOFF, _AFTER_S = 3, 0.6
RESAMPLES = 2000
_TAILS = (2.5, 97.5)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDive:
    """The measures of a real dive.

    Attributes:
        dive: The dive, with its labels.
        measures: Measures of the dive, in the order of the kinds.
    """

    dive: Dive
    measures: tuple[Measure, ...]

    def value(self, name: str) -> float | None:
        """Value of a measure; None where it is not known."""
        return next((one.value for one in self.measures if one.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarksRow:
    """How one measure goes with the execution.

    Attributes:
        name: Name of the measure.
        known: Dives of which it is known.
        over_all: Correlation with the execution over all of them; None of too few dives.
        within: Agreement with the execution within a dive number.
        usable: Whether advice may rest on it: the interval within a number lies on that side of zero that the rules want, or on either
            where the rules favour neither.
    """

    name: str
    known: int
    over_all: Agreement | None
    within: Agreement | None
    usable: bool


def measured_dives(
    manifest: Manifest,
    flights: Mapping[str, tuple[int, ...]],
    out: Path,
    *,
    frame_rate: float | None = None,
    most: int | None = None,
    sealed: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> list[MeasuredDive]:
    """Measure the dives of a prepared folder.

    Args:
        manifest: Dives with films, joints and flights (`stagescore data prepare`).
        flights: Flights that stand in for those of the manifest, by id of the dive; empty to take the manifest's.
        out: Folder that keeps what was done.
        frame_rate: True frames per second of the films, where the files say otherwise.
        most: Dives at most, by hash of their names; None for all.
        sealed: Whether the sealed athletes take part; they come last.
        progress: Called as (what, done, total) after every film.

    Raises:
        DataError: A film or its joints cannot be read, or nothing can be written.
    """
    whole = [dive for dive in manifest if dive.frames_path and dive.poses_path and dive.dive_number]
    shown = {dive.dive_id for dive in without_sealed(whole)}
    dives = sorted(
        without_sealed(whole, sealed=sealed),
        key=lambda dive: (dive.dive_id not in shown, hash_u64(0, "twenty", dive.dive_id)),
    )[:most]
    found = []
    for done, dive in enumerate(dives):
        progress("measured dives", done, len(dives))
        flight = flights.get(dive.dive_id) or dive.flight
        facts = None if len(flight) != 2 else dive_facts(dive, (flight[0], flight[1]), out, frame_rate)
        found.append(MeasuredDive(dive=dive, measures=() if facts is None else tuple(measure(facts))))
    progress("measured dives", len(dives), len(dives))
    return found


def dive_facts(dive: Dive, flight: tuple[int, int], out: Path, frame_rate: float | None = None) -> DiveFacts:
    """What `score` would know of a film, from the joints that are kept; frames count in the film.

    Args:
        dive: The dive, with film and joints.
        flight: First airborne frame, and first frame in the water.
        out: Folder that keeps what the pictures show.
        frame_rate: True frames per second of the film, where the file says otherwise.

    Raises:
        DataError: Film or joints cannot be read, or nothing can be written.
    """
    path = Path(str(dive.poses_path))
    track, seen = read_npz(path), read_measured(path)
    believed = track.known & ~impossible(track.joints_px)
    facts = DiveFacts(
        track=track,
        believed=believed if seen is None else believed & seen,
        times_s=np.zeros(track.num_frames),
        takeoff=flight[0] if flight[0] > 0 else None,
        contact=flight[1] if flight[1] < track.num_frames else None,
        number=DiveNumber.parse(str(dive.dive_number)),
    )
    kept = out / dive.event / f"{dive.number}.json"
    if kept.is_file():
        content = read_object(
            kept, ("flight", "frame_rate"), what="note of a dive", todo="remove it", finite=False
        )
        if content["flight"] == list(flight) and content["frame_rate"] == frame_rate:
            return _with_kept(facts, content)
    media = open_media(Path(str(dive.frames_path)), frame_rate=frame_rate)
    facts = replace(facts, times_s=media.times_s / media.info.slowmo, to_common=_camera(media, flight))
    facts = with_splash(facts, media)
    write_text(kept, json.dumps({"flight": list(flight), "frame_rate": frame_rate, **_to_keep(facts)}) + "\n")
    return facts


def _to_keep(facts: DiveFacts) -> dict[str, Any]:
    trace = facts.splash
    splash = (
        None if trace is None else {name: np.asarray(value).tolist() for name, value in asdict(trace).items()}
    )
    camera = [] if facts.to_common is None else facts.to_common.tolist()
    return {
        "times_s": facts.times_s.tolist(),
        "camera": camera,
        "splash": splash,
        "no_splash": facts.no_splash,
    }


def _with_kept(facts: DiveFacts, content: dict[str, Any]) -> DiveFacts:
    splash = content["splash"]
    arrays = {name: np.array(splash[name]) for name in ("width", "height", "area")} if splash else {}
    return replace(
        facts,
        times_s=np.array(content["times_s"]),
        to_common=np.array(content["camera"]),
        splash=SplashTrace(rows=tuple(splash["rows"]), seen=float(splash["seen"]), **arrays)
        if splash
        else None,
        no_splash=str(content["no_splash"]),
    )


def _camera(media: Media, flight: tuple[int, int]) -> Float[np.ndarray, "frames 3 3"]:
    """The camera's path around the flight; it stands still before and after."""
    after = _AFTER_S * (media.info.frame_rate or DEFAULT_FRAME_RATE)
    first, stop = max(flight[0] - _AROUND_TAKEOFF, 0), min(flight[1] + round(after) + 1, media.num_frames)
    steps = background_steps(image for _, image in media.frames(range(first, stop)))
    rows = np.clip(np.arange(media.num_frames) - first, 0, stop - first - 1)
    return np.stack(path_of_steps(steps))[rows]


def marks_rows(measured: Sequence[MeasuredDive], seed: int = 0) -> list[MarksRow]:
    """How each measure goes with the execution, over all dives and within a number."""
    rows = []
    for kind in KINDS:
        known = [
            one for one in measured if one.value(kind.name) is not None and one.dive.execution is not None
        ]
        values = np.array([one.value(kind.name) for one in known], dtype=float)
        values = np.abs(values) if kind.size else values
        marks = np.array([one.dive.execution for one in known], dtype=float)
        numbers = [str(one.dive.dive_number) for one in known]
        over_all = agreement(values, marks, ["" for _ in known], seed)
        within = agreement(values, marks, numbers, seed)
        wanted = {"higher": -1, "lower": 1}.get(kind.worse or "")
        sign = 0 if within is None else within.sign
        rows.append(
            MarksRow(
                name=kind.name,
                known=len(known),
                over_all=over_all,
                within=within,
                usable=sign != 0 and (wanted is None or sign == wanted),
            )
        )
    return rows


def agreement(
    values: Float[np.ndarray, " dives"],
    marks: Float[np.ndarray, " dives"],
    numbers: Sequence[str],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Agreement | None:
    """Correlation of ranks among the dives of the same number, with a bootstrap interval over dives; None of too few dives.

    Args:
        values: Value of the measure of each dive.
        marks: Execution of each dive.
        numbers: Dive number of each; all alike to rank over all dives.
        seed: Seed of the resamples.
        resamples: Number of resamples.
    """
    groups = np.unique(np.array(numbers, dtype=str), return_inverse=True)[1]
    enough = (
        np.flatnonzero(np.bincount(groups)[groups] >= LEAST_OF_A_NUMBER) if len(groups) else np.zeros(0, int)
    )
    if len(enough) < _LEAST_DIVES:
        return None
    values, marks, groups = values[enough], marks[enough], groups[enough]
    random = np.random.default_rng(hash_u64(seed, "measures", len(enough)))
    drawn = [
        _correlation(values[rows], marks[rows], groups[rows])
        for rows in random.integers(0, len(enough), (resamples, len(enough)))
    ]
    low, high = (round(float(end), 3) for end in np.nanpercentile(drawn, _TAILS))
    value = round(_correlation(values, marks, groups), 3)
    return None if math.isnan(value) else Agreement(value, low, high, len(enough))


def _correlation(
    values: Float[np.ndarray, " dives"], marks: Float[np.ndarray, " dives"], groups: np.ndarray
) -> float:
    one, other = (_ranks(some, groups) for some in (values, marks))
    spread = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / spread) if spread else math.nan


def _ranks(values: Float[np.ndarray, " dives"], groups: np.ndarray) -> Float[np.ndarray, " dives"]:
    """Ranks within each group as shares of its size, around zero; equal values share theirs."""
    order = np.lexsort((values, groups))
    ordered, owner = values[order], groups[order]
    new_group = np.concatenate(([True], owner[1:] != owner[:-1]))
    new = new_group | np.concatenate(([True], ordered[1:] != ordered[:-1]))
    run, first = np.cumsum(new) - 1, np.flatnonzero(new)
    counts = np.diff(np.concatenate((first, [len(order)])))
    middle = first + (counts - 1) / 2
    starts = np.flatnonzero(new_group)
    sizes = np.diff(np.concatenate((starts, [len(order)])))
    group = np.cumsum(new_group) - 1
    ranks = np.empty(len(order))
    ranks[order] = (middle[run] - starts[group] - (sizes[group] - 1) / 2) / sizes[group]
    return ranks


def reference_of(measured: Sequence[MeasuredDive], rows: Sequence[MarksRow], dives: str) -> Reference:
    """The table of measures of real dives.

    Args:
        measured: The dives.
        rows: How each measure goes with the execution.
        dives: The dives in words.

    Raises:
        DataError: Nothing was measured.
    """
    values = [
        (measure.name, str(one.dive.dive_number), measure.value)
        for one in measured
        for measure in one.measures
        if measure.value is not None
    ]
    heights = {one.dive.height_m for one in measured}
    if not values:
        raise DataError("nothing was measured", todo="give dives with films, joints and flights")
    return Reference.of(
        dives,
        values,
        {row.name: row.over_all for row in rows if row.over_all is not None},
        {row.name: row.within for row in rows if row.within is not None},
        tuple(row.name for row in rows if row.usable),
        heights.pop() if len(heights) == 1 else None,
    )
