"""What simulated dives really were, as targets to pretrain encoders on.

Stands in for Kinetics and ImageNet, whose weights are not at hand everywhere. Source: the `truth/` folder of
`stagescore simulate` (see `simulate.write`). Nothing that scores a dive reads it.

Splash area is stored frame by frame: pixels that spray and foam cover. The sideways lean of the entry is
taken without its sign: a mirrored picture shows the other side of the dive, and the judges ask for its size
only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from stagescore.array_archives import read_arrays
from stagescore.data.clip_store import ClipStore
from stagescore.data.preprocessing import View, framed_joints, times_of, viewed_joints
from stagescore.errors import DataError
from stagescore.json_files import read_json
from stagescore.simulate.judge import RULES
from stagescore.simulate.types import Faults
from stagescore.simulate.write import record_path
from stagescore.skeleton import MPII_16
from stagescore.types import Dive, PoseTrack

FAULTS: tuple[str, ...] = tuple(fault.name for fault in fields(Faults))
"""What `SimulationTargets.faults` counts, in its order."""

DEDUCTIONS: tuple[str, ...] = tuple(rule.fault for rule in RULES)
"""What `SimulationTargets.deductions` counts; a failed dive's further points are not among them."""

PHASES: tuple[str, ...] = ("board", "air", "water")
"""Physical phases: before nothing touches the board, until the first touch of the water, and after."""

MEASURES: tuple[str, ...] = ("knees", "hips", "split", "trunk", "legs")
"""Angles of the body in space, in radians, that deductions follow from: mean bend of knees and of hips, angle
between the thighs, and of trunk and legs to a body that hangs head down."""

_UNSIGNED = "entry_lean_deg"
_BY_FRAME = ("stage", "phase", "splash_area", "measures")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationTargets:
    """The truth about some dives on the frames that a view shows.

    Attributes:
        stage: Labelled stage of each frame: 0 take-off, 1 flight, 2 entry.
        phase: Physical phase of each frame, by place in `PHASES`.
        splash_area: Share of the whole resized picture that spray and foam cover, 0 to 1.
        joints: Exact x and y of each joint, in the units of `DiveInputs.joints`; 0 under water.
        measures: Angles of `MEASURES` in radians, unsigned, whatever the view; meaningless under water.
        visible: Whether each joint lies in the picture and above the water; the body may hide it even so.
        faults: Sizes of the faults, in the order of `FAULTS`, each in its own unit.
        deductions: Points deducted for each of `DEDUCTIONS`.
        execution: Mark that the rules give before any judge sees the dive, 0 to 10.
        splash_size: Size of the dive's splash, 0 to 1.
        somersaults: Somersaults between board and water, in turns.
        twists: Twists between board and water, in turns.
    """

    stage: Int[Tensor, "dives frames"]
    phase: Int[Tensor, "dives frames"]
    splash_area: Float[Tensor, "dives frames"]
    joints: Float[Tensor, "dives frames joints 2"]
    measures: Float[Tensor, "dives frames measures"]
    visible: Bool[Tensor, "dives frames joints"]
    faults: Float[Tensor, "dives faults"]
    deductions: Float[Tensor, "dives deductions"]
    execution: Float[Tensor, " dives"]
    splash_size: Float[Tensor, " dives"]
    somersaults: Float[Tensor, " dives"]
    twists: Float[Tensor, " dives"]


class SimulationGroundTruth:
    """The truth about the dives of a simulated data set, held in memory (20 KB a dive).

    Args:
        dives: Dives, one or more, by the folder of their data set.
        store: Store of the dives' clips, which says which frames are meant.

    Raises:
        DataError: The truth about a dive is missing or damaged, or its clip is not stored.
    """

    def __init__(self, dives: Mapping[Path, Sequence[Dive]], store: ClipStore) -> None:
        if not any(dives.values()):
            raise DataError("no dives are given", where="truth", todo="give at least one")
        self.preprocessing = store.preprocessing
        rooted = [(root, dive) for root, some in dives.items() for dive in some]
        self._places = {dive.dive_id: place for place, (_, dive) in enumerate(rooted)}
        read = [_read(root, dive, store) for root, dive in rooted]
        self._arrays = {name: np.stack([one[name] for one in read]) for name in read[0]}

    @property
    def fault_scale(self) -> tuple[Float[Tensor, " faults"], Float[Tensor, " faults"]]:
        """Mean and standard deviation of each fault over all these dives, to standardise sizes with.

        A fault that is the same in all of them has a standard deviation of 1.
        """
        faults = self._arrays["faults"]
        sd = faults.std(0)
        return torch.from_numpy(faults.mean(0)), torch.from_numpy(np.where(sd > 0, sd, np.float32(1)))

    def batch(self, dive_ids: Sequence[str], views: Sequence[View] | None = None) -> SimulationTargets:
        """The truth about some dives as `Samples.batch` shows them with the same views.

        Args:
            dive_ids: Ids of the dives; the same one may stand more than once.
            views: View of each dive; plain ones by default.

        Raises:
            DataError: An unknown dive, or not one view a dive.
        """
        views = [View.plain()] * len(dive_ids) if views is None else views
        if strangers := [dive_id for dive_id in dive_ids if dive_id not in self._places]:
            raise DataError("its truth was not read", where=strangers[0], todo="check its id")
        if len(views) != len(dive_ids):
            raise DataError(f"{len(views)} views of {len(dive_ids)} dives", todo="give one view a dive")
        rows = [self._places[dive_id] for dive_id in dive_ids]
        taken = {name: array[rows] for name, array in self._arrays.items()}
        for place, view in enumerate(views):
            times = times_of(view, self.preprocessing.num_frames)
            for name in _BY_FRAME:
                taken[name][place] = taken[name][place, times]
            taken["joints"][place] = viewed_joints(taken["joints"][place], view, self.preprocessing)
        joints = taken.pop("joints")
        edge = np.array([self.preprocessing.crop_width / self.preprocessing.crop_height, 1]) / 2
        visible = (np.abs(joints[..., :2]) < edge).all(-1) & (joints[..., 2] > 0)
        return SimulationTargets(
            joints=torch.from_numpy(joints[..., :2].copy()),
            visible=torch.from_numpy(visible),
            **{name: torch.from_numpy(array) for name, array in taken.items()},
        )


def _read(root: Path, dive: Dive, store: ClipStore) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The truth about one dive, by attribute of `SimulationTargets`; joints as `framed_joints` has them."""
    path = record_path(root, dive.event, dive.number)
    frames = np.array(store.indices(dive.dive_id))
    try:
        record: dict[str, Any] = read_json(path)
        arrays = read_arrays(path.with_suffix(".npz"), ("joints_px", "splash_area_px", "joints_m", "size_px"))
        joints_px, splash_px = arrays["joints_px"][frames], arrays["splash_area_px"][frames]
        joints_m = arrays["joints_m"][frames]
        above_water = joints_m[..., 2] >= 0
        width, height = (int(edge) for edge in arrays["size_px"])
        track = PoseTrack(joints_px.astype(np.float64), above_water.astype(np.float64))
        faults = [float(record["plan"]["faults"][name]) for name in FAULTS]
        faults[FAULTS.index(_UNSIGNED)] = abs(faults[FAULTS.index(_UNSIGNED)])
        first, *_, last = record["label_transitions"]
        contact = record["first_water_contact_frame"]
        return {
            "stage": (frames > first).astype(np.int64) + (frames > last),
            "phase": (frames >= record["first_airborne_frame"]).astype(np.int64) + (frames >= contact),
            "splash_area": (splash_px / (width * height)).astype(np.float32),
            "joints": framed_joints(track, (width, height), store.preprocessing),
            "measures": body_angles(joints_m).astype(np.float32),
            "faults": np.array(faults, dtype=np.float32),
            "deductions": np.array([record["deductions"][name] for name in DEDUCTIONS], dtype=np.float32),
            "execution": np.float32(record["execution"]),
            "splash_size": np.float32(record["splash"]["size"]),
            "somersaults": np.float32(record["somersaults"]),
            "twists": np.float32(record["twists"]),
        }
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
        raise DataError(
            f"cannot read the truth about {dive.dive_id} ({str(error)[:80]})",
            where=path,
            todo="simulate the dives again with --resume",
        ) from None


def body_angles(joints_m: Float[np.ndarray, "frames joints 3"]) -> Float[np.ndarray, "frames measures"]:
    """The angles of `MEASURES`, in radians from 0 to pi.

    Args:
        joints_m: Places of the joints in metres, the third axis pointing up.
    """
    joint = {name: joints_m[:, k] for k, name in enumerate(MPII_16.joints)}
    trunk = joint["thorax"] - joint["pelvis"]
    thighs = [joint[f"{side}_knee"] - joint[f"{side}_hip"] for side in ("right", "left")]
    shanks = [joint[f"{side}_ankle"] - joint[f"{side}_knee"] for side in ("right", "left")]
    legs = (joint["right_ankle"] + joint["left_ankle"]) / 2 - joint["pelvis"]
    up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), trunk.shape)
    knees = [_angle(thigh, shank) for thigh, shank in zip(thighs, shanks, strict=True)]
    hips = [_angle(-trunk, thigh) for thigh in thighs]
    angles = (sum(knees) / 2, sum(hips) / 2, _angle(*thighs), _angle(-trunk, up), _angle(legs, up))
    return np.stack(angles, axis=1)


def _angle(
    a: Float[np.ndarray, "frames 3"], b: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, " frames"]:
    """Angles between directions, in radians."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1) / np.maximum(lengths, 1e-9)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))
