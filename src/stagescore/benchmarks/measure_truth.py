"""Measures of simulated dives against what is true of them: which error has each, and in which venues?

True are: what the simulation notes (turns), what follows from its places in metres (jump, board), and for everything else the same
measure taken on the exact joints by a camera that stands still, exactly from the side. Of the splash true are its droplets in metres and
the pixels that it covers. Joints are the exact ones in the picture (`exact`), or those that `score` finds (`found`). Source: none.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

from stagescore.array_archives import read_arrays
from stagescore.atomic import write_text
from stagescore.data.manifest import Manifest
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.json_files import read_json, read_object
from stagescore.measures.facts import DiveFacts
from stagescore.measures.kinds import KINDS
from stagescore.measures.measuring import measure
from stagescore.measures.splash_trace import SECONDS
from stagescore.measures.water import with_splash
from stagescore.media.source import open_media
from stagescore.pose.motion import background_steps
from stagescore.pose.tracking import path_of_steps
from stagescore.scoring.measured import dive_facts
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scorer import Scorer
from stagescore.simulate.appearance import draw_appearance
from stagescore.simulate.types import GRAVITY_M_S2, Splash
from stagescore.simulate.water import throw_spray
from stagescore.simulate.write import frames_folder, record_path
from stagescore.skeleton import MPII_16
from stagescore.types import Dive, PoseTrack

Joints = Literal["exact", "found"]
Progress = Callable[[str, int, int], None]

_SIDE_PX = 100.0
"""Pixels for a metre of the camera from the side."""
_SPRAY_PERCENT = (2.0, 98.0)
_LARGEST_PERCENT = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthPair:
    """One measure of one simulated dive.

    Attributes:
        dive_id: The dive.
        venue: Venue of the dive in words.
        name: Name of the measure.
        true: What is true; None where the measure does not exist in this dive.
        found: What was measured; None where it is not told.
    """

    dive_id: str
    venue: str
    name: str
    true: float | None
    found: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRow:
    """The error of a measure in the dives of some venues.

    Attributes:
        name: Name of the measure.
        unit: Unit of the measure.
        venue: The venues in words.
        possible: Dives in which the measure exists.
        told: Dives of which it is told.
        bias: Median of found minus true; None where none is told.
        error: Median of their distance; None where none is told.
        srcc: Spearman's correlation of found and true; None of fewer than five dives.
    """

    name: str
    unit: str
    venue: str
    possible: int
    told: int
    bias: float | None
    error: float | None
    srcc: float | None


def truth_pairs(
    folder: Path,
    manifest: Manifest,
    joints: Joints,
    out: Path | None = None,
    *,
    most: int | None = None,
    scorer: Scorer | None = None,
    progress: Progress = lambda what, done, total: None,
) -> list[TruthPair]:
    """Measure simulated dives.

    Args:
        folder: Folder that `stagescore simulate` wrote.
        manifest: Simulated dives.
        joints: The exact joints, or those that `score` finds.
        out: Folder that keeps what was done, so that a run that was stopped goes on; None to keep nothing.
        most: Dives at most, by hash of their names; None for all.
        scorer: Who finds joints and events, for `found`.
        progress: Called as (what, done, total) after every dive.

    Raises:
        DataError: A dive is not whole, or nothing can be written.
    """
    dives = sorted(manifest, key=lambda dive: hash_u64(0, "measures", dive.dive_id))[:most]
    pairs: list[TruthPair] = []
    for done, dive in enumerate(dives):
        progress("simulated dives", done, len(dives))
        path = None if out is None else out / joints / dive.event / f"{dive.number}.json"
        if path is not None and path.is_file():
            rows = read_json(path, finite=False)
        else:
            rows = _rows(folder, dive, joints, scorer)
            if path is not None:
                write_text(path, json.dumps(rows) + "\n")
        pairs += [TruthPair(dive_id=dive.dive_id, **row) for row in rows]
    progress("simulated dives", len(dives), len(dives))
    return pairs


def truth_rows(pairs: Sequence[TruthPair]) -> list[TruthRow]:
    """Errors of each measure, over all venues and in each kind of them."""
    venues = ["all", *sorted({pair.venue for pair in pairs})]
    rows = []
    for kind in KINDS:
        for venue in venues:
            some = [
                pair
                for pair in pairs
                if pair.name == kind.name and pair.true is not None and venue in ("all", pair.venue)
            ]
            told = np.array([(p.true, p.found) for p in some if p.found is not None], dtype=float).reshape(
                -1, 2
            )
            off = told[:, 1] - told[:, 0]
            rows.append(
                TruthRow(
                    name=kind.name,
                    unit=kind.unit,
                    venue=venue,
                    possible=len(some),
                    told=len(told),
                    bias=float(np.median(off)) if len(off) else None,
                    error=float(np.median(np.abs(off))) if len(off) else None,
                    srcc=_srcc(told) if len(told) >= 5 and np.ptp(told, axis=0).all() else None,
                )
            )
    return rows


def _srcc(told: Float[np.ndarray, "dives 2"]) -> float:
    ranks = [
        np.searchsorted(np.sort(column), column, "left") + np.searchsorted(np.sort(column), column, "right")
        for column in told.T
    ]
    return float(np.corrcoef(*ranks)[0, 1])


def exact_facts(folder: Path, event: str, number: int) -> DiveFacts:
    """A simulated dive with its exact joints and events, and the water as the film shows it.

    Args:
        folder: Folder that `stagescore simulate` wrote.
        event: Event of the dive.
        number: Number of the dive in the event.

    Raises:
        DataError: The dive is not whole.
    """
    record, arrays = _truth(folder, event, number)
    return _with_water(folder, event, number, record, _exact(folder, event, number, record, arrays))


def _truth(
    folder: Path, event: str, number: int
) -> tuple[dict[str, Any], dict[str, Shaped[np.ndarray, "..."]]]:
    path = record_path(folder, event, number)
    try:
        record = read_json(path)
        names = ("joints_px", "joints_m", "toes_m", "centre_of_mass_m", "splash_area_px")
        return record, read_arrays(path.with_suffix(".npz"), names)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the truth of a dive cannot be read ({error})", where=path, todo="simulate the dives again"
        ) from None


def _with_water(folder: Path, event: str, number: int, record: dict[str, Any], facts: DiveFacts) -> DiveFacts:
    pictures = open_media(frames_folder(folder, event, number), frame_rate=float(record["frame_rate"]))
    return with_splash(facts, pictures)


def _rows(folder: Path, dive: Dive, joints: Joints, scorer: Scorer | None) -> list[dict[str, Any]]:
    record, arrays = _truth(folder, dive.event, dive.number)
    facts = _exact(folder, dive.event, dive.number, record, arrays)
    true = _true_values(record, arrays, facts)
    if joints == "found":
        found_facts = _found(folder, dive, scorer)
    else:
        found_facts = _with_water(folder, dive.event, dive.number, record, facts)
    found = {} if found_facts is None else {one.name: one.value for one in measure(found_facts)}
    plan = record["plan"]
    look = draw_appearance(hash_u64(int(plan["seed"]), "look"), float(plan["height_m"]))
    venue = f"{plan['height_m']:g} m, {'outdoors' if look.venue.outdoor else 'in a hall'}"
    return [
        {"venue": venue, "name": kind.name, "true": true.get(kind.name), "found": found.get(kind.name)}
        for kind in KINDS
    ]


def _exact(
    folder: Path,
    event: str,
    number: int,
    record: dict[str, Any],
    arrays: dict[str, Shaped[np.ndarray, "..."]],
) -> DiveFacts:
    """Exact joints and events, seen by the camera of the film."""
    media = open_media(frames_folder(folder, event, number), frame_rate=float(record["frame_rate"]))
    joints = np.asarray(arrays["joints_px"], dtype=float)
    track = PoseTrack(joints, np.ones(joints.shape[:2]))
    steps = background_steps(image for _, image in media.frames())
    return DiveFacts(
        track=track,
        believed=track.known,
        times_s=np.arange(len(joints)) / float(record["frame_rate"]),
        takeoff=int(record["first_airborne_frame"]),
        contact=int(record["first_water_contact_frame"]),
        to_common=np.stack(path_of_steps(steps)),
        number=DiveNumber.parse(str(record["plan"]["number"])),
    )


def _found(folder: Path, dive: Dive, scorer: Scorer | None) -> DiveFacts | None:
    """What `score` sees of the film."""
    if scorer is None:
        raise DataError("nobody looks for joints", todo="give a scorer, or take the exact joints")
    path = frames_folder(folder, dive.event, dive.number)
    options = ScoreOptions(dive_number=dive.dive_number, frame_rate=_rate(folder, dive))
    state = scorer.observe(path, options)
    facts = dive_facts(state)
    return facts if facts is None or state.working is None else with_splash(facts, state.working)


def _rate(folder: Path, dive: Dive) -> float:
    path = record_path(folder, dive.event, dive.number)
    todo = "simulate the dives again"
    return float(read_object(path, ["frame_rate"], what="truth of a dive", todo=todo)["frame_rate"])


def _true_values(
    record: dict[str, Any], arrays: dict[str, Shaped[np.ndarray, "..."]], facts: DiveFacts
) -> dict[str, float | None]:
    joints_m = np.asarray(arrays["joints_m"], dtype=float)
    side = np.stack((joints_m[..., 0], -joints_m[..., 2]), axis=-1) * _SIDE_PX
    first, contact = int(record["first_airborne_frame"]), int(record["first_water_contact_frame"])
    ideal = replace(
        facts,
        track=PoseTrack(side, np.ones(side.shape[:2])),
        to_common=np.broadcast_to(np.eye(3), (len(side), 3, 3)),
        splash=None,
    )
    true = {one.name: one.value for one in measure(ideal)}
    size_px = ideal.body_px(first)
    if size_px is None:
        raise DataError("the exact joints have no size", todo="report this as a defect")
    body_m = size_px / _SIDE_PX
    mass = np.asarray(arrays["centre_of_mass_m"], dtype=float)[first : contact + 1, 2]
    true["somersaults"] = abs(float(record["somersaults"]))
    if true["twists"] is not None or (facts.number is not None and facts.number.half_twists):
        true["twists"] = abs(float(record["twists"]))
    if true["jump_height"] is not None:
        true["jump_height"] = float(mass.max() - mass[0]) / body_m
    head = joints_m[first : contact + 1, MPII_16.index("head_top")]
    above = np.flatnonzero(head[:, 2] >= float(record["plan"]["height_m"]))
    if len(above) and above[-1] + 1 < len(head):
        # The end of the board is at x = 0.
        true["board_distance"] = abs(float(head[above[-1] + 1, 0])) / body_m
    return true | _true_splash(record, arrays, facts, body_m)


def _true_splash(
    record: dict[str, Any],
    arrays: dict[str, Shaped[np.ndarray, "..."]],
    facts: DiveFacts,
    body_m: float,
) -> dict[str, float | None]:
    """Width and height of the flying droplets, and the area that the splash covers in the pictures."""
    splash, plan = Splash(**record["splash"]), record["plan"]
    look = draw_appearance(hash_u64(int(plan["seed"]), "look"), float(plan["height_m"]))
    spray = throw_spray(splash, look)
    rate, contact = float(record["frame_rate"]), int(record["first_water_contact_frame"])
    widths, heights = [], []
    for step in range(round(SECONDS * rate) + 1):
        age = step / rate - spray.start_s
        place = spray.start_m + spray.velocity_m_s * age[:, None]
        place[:, 2] -= 0.5 * GRAVITY_M_S2 * age**2
        flying = place[(age >= 0) & (place[:, 2] > 0) & (spray.weight > 0)]
        if len(flying):
            left, right = np.percentile(flying[:, 0], _SPRAY_PERCENT)
            widths.append(right - left)
            heights.append(np.percentile(flying[:, 2], _SPRAY_PERCENT[1]))
    size = facts.body_px(contact)
    area = np.asarray(arrays["splash_area_px"], dtype=float)[contact : contact + round(SECONDS * rate) + 1]
    zoom = facts.zoom[contact]
    return {
        "splash_width": float(np.percentile(widths, _LARGEST_PERCENT)) / body_m if widths else 0.0,
        "splash_height": float(np.percentile(heights, _LARGEST_PERCENT)) / body_m if heights else 0.0,
        "splash_area": None if size is None else float(area.mean()) * float(zoom) ** 2 / size**2,
    }
