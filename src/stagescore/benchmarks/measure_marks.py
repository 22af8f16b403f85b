"""Measures of real dives beside the execution that their judges gave: which of them go with it?

    OUT/camera/<event>/<number>.npz      the camera's path, which takes most of the time
    OUT/measures/<event>/<number>.json   the measures, for this version of them

A run that was stopped goes on where it was. Source: Spearman's correlation; Efron's percentile bootstrap over dives. Within a number
means: ranks among the dives of the same number, as shares of their count, so that neither the number nor its difficulty is seen.
"""

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from stagescore.array_archives import read_arrays
from stagescore.atomic import write_bytes, write_text
from stagescore.data.manifest import Manifest
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.measures.facts import DiveFacts
from stagescore.measures.kinds import KINDS
from stagescore.measures.measure import Measure
from stagescore.measures.measuring import measure
from stagescore.measures.reference import Agreement, Reference
from stagescore.measures.water import with_splash
from stagescore.media.source import Media, open_media
from stagescore.pose.motion import background_steps
from stagescore.pose.npz_files import read_measured, read_npz
from stagescore.pose.plausibility import impossible
from stagescore.pose.tracking import path_of_steps
from stagescore.types import Dive

CAMERA, MEASURES = "camera", "measures"
LEAST_OF_A_NUMBER = 5
"""Dives that a number must have for ranks among them."""
_LEAST_DIVES = 20
_AROUND_TAKEOFF, _AFTER_S = 3, 0.6
_RESAMPLES, _TAILS = 2000, (2.5, 97.5)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDive:
    """The measures of a real dive.

    Attributes:
        dive: The dive, with its labels.
        measures: Its measures, in the order of the kinds.
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
        within: The same within a dive number.
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
    progress: Progress = lambda what, done, total: None,
) -> list[MeasuredDive]:
    """Measure the dives of a prepared folder.

    Args:
        manifest: Dives with films, joints and flights (`stagescore data prepare`).
        flights: Flights that stand in for those of the manifest, by id of the dive; empty to take the manifest's.
        out: Folder that keeps what was done.
        frame_rate: True frames per second of the films, where the files say otherwise.
        progress: Called as (what, done, total) after every film.

    Raises:
        DataError: A film or its joints cannot be read, or nothing can be written.
    """
    dives = [dive for dive in manifest if dive.frames_path and dive.poses_path and dive.dive_number]
    found = []
    for done, dive in enumerate(dives):
        progress("measured dives", done, len(dives))
        path = out / MEASURES / dive.event / f"{dive.number}.json"
        if not path.is_file():
            flight = flights.get(dive.dive_id) or dive.flight
            facts = None if len(flight) != 2 else _facts(dive, flight, out, frame_rate)
            measures = [] if facts is None else measure(facts)
            write_text(path, json.dumps([one.model_dump(mode="json") for one in measures]) + "\n")
        content = json.loads(path.read_text(encoding="utf-8"))
        found.append(MeasuredDive(dive=dive, measures=tuple(Measure.model_validate(one) for one in content)))
    progress("measured dives", len(dives), len(dives))
    return found


def _facts(dive: Dive, flight: Sequence[int], out: Path, frame_rate: float | None) -> DiveFacts | None:
    """What `score` would know of a film, from the joints that are kept; frames count in the film."""
    media = open_media(Path(str(dive.frames_path)), frame_rate=frame_rate)
    facts = dive_facts(dive, flight, media, out)
    return with_splash(facts, media)


def dive_facts(dive: Dive, flight: Sequence[int], media: Media, out: Path) -> DiveFacts:
    """What is known of a dive from its film and the joints that are kept, but for the water.

    Args:
        dive: The dive, with joints.
        flight: First airborne frame, and first frame in the water.
        media: Its film.
        out: Folder that keeps the camera's path.

    Raises:
        DataError: Film or joints cannot be read, or the path cannot be written.
    """
    path = Path(str(dive.poses_path))
    track, seen = read_npz(path), read_measured(path)
    believed = track.known & ~impossible(track.joints_px)
    believed = believed if seen is None else believed & seen
    takeoff, contact = flight
    return DiveFacts(
        track=track,
        believed=believed,
        times_s=media.times_s / media.info.slowmo,
        takeoff=takeoff if takeoff > 0 else None,
        contact=contact if contact < media.num_frames else None,
        to_common=_camera(dive, media, (takeoff, contact), out),
        number=DiveNumber.parse(str(dive.dive_number)),
    )


def _camera(dive: Dive, media: Media, flight: tuple[int, int], out: Path) -> Float[np.ndarray, "frames 3 3"]:
    """The camera's path around the flight; it stands still before and after."""
    path = out / CAMERA / dive.event / f"{dive.number}.npz"
    if path.is_file():
        kept = read_arrays(path, ("path", "flight"))
        if tuple(int(frame) for frame in kept["flight"]) == flight:
            return np.asarray(kept["path"], dtype=float)
    after = _AFTER_S * (media.info.frame_rate or 30.0)
    first, stop = max(flight[0] - _AROUND_TAKEOFF, 0), min(flight[1] + round(after) + 1, media.num_frames)
    steps = background_steps(image for _, image in media.frames(range(first, stop)))
    rows = np.clip(np.arange(media.num_frames) - first, 0, stop - first - 1)
    camera = np.stack(path_of_steps(steps))[rows]
    stream = io.BytesIO()
    np.savez_compressed(stream, path=camera, flight=np.array(flight))
    write_bytes(path, stream.getvalue())
    return camera


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
) -> Agreement | None:
    """Correlation of ranks among the dives of the same number, with a bootstrap interval over dives; None of too few dives.

    Args:
        values: Value of the measure of each dive.
        marks: Execution of each dive.
        numbers: Dive number of each; all alike to rank over all dives.
        seed: Seed of the resamples.
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
        for rows in random.integers(0, len(enough), (_RESAMPLES, len(enough)))
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
        dives: Which dives they are, in words.

    Raises:
        DataError: Nothing was measured.
    """
    values = [
        (measure.name, str(one.dive.dive_number), measure.value)
        for one in measured
        for measure in one.measures
        if measure.value is not None
    ]
    if not values:
        raise DataError("nothing was measured", todo="give dives with films, joints and flights")
    return Reference.of(
        dives,
        values,
        {row.name: row.over_all for row in rows if row.over_all is not None},
        {row.name: row.within for row in rows if row.within is not None},
        tuple(row.name for row in rows if row.usable),
    )
