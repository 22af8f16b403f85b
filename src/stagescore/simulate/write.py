"""One simulated dive on the disk: frames and poses for models, everything else in `truth/`.

    OUT/frames/<event>/<number>/00000.jpg ...      what the camera saw
    OUT/poses/<event>/pred_comp_<number>.npz       joints as an estimator gives them, at 96 frames
    OUT/truth/<event>/<number>.npz                 exact joints, boxes, motion, frame by frame
    OUT/truth/<event>/<number>.json                plan, faults, splash, marks, events; written last

A dive whose JSON file is there is complete: frames are written to a hidden folder that is renamed when it
is whole, and the JSON file follows when all else is in place. Equal dives give equal bytes: archives
carry no time, and nothing depends on when or by which process a dive was made.
"""

import io
import json
import shutil
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Shaped

from stagescore.atomic import write_bytes
from stagescore.data.attachments import POSE_FRAMES
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.json_files import read_json
from stagescore.media.sampling import sample_indices
from stagescore.simulate.estimator import Sight, estimate_joints
from stagescore.simulate.render import Picture
from stagescore.simulate.types import BodyMotion, DivePlan, Judgement, Splash
from stagescore.skeleton import MPII_16

TRUTH_VERSION = 1
FRAMES, POSES, TRUTH = "frames", "poses", "truth"
_NO_DATE = (1980, 1, 1, 0, 0, 0)
_PART = ".part"
_SPRAY_SHARE = 0.02
"""Spray over this share of the picture hides the diver completely, set by hand; see `_sight`."""

# Set by hand: later than this spray hides 60 % of the diver at most.
_SPRAY_LASTS_S = 0.25

Array = Shaped[np.ndarray, "..."]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedDive:
    """A dive that is ready to be written.

    Attributes:
        index: Index of the dive within the data set.
        event: Name of the event.
        number: Number of the dive within the event, from 1.
        plan: Plan of the dive.
        motion: Motion of the dive.
        splash: Splash of the entry.
        judgement: Marks and score that the judges gave.
        pictures: Pictures, one per frame; read once.
        jpeg_quality: Quality of the JPEG files, 1 to 95.
    """

    index: int
    event: str
    number: int
    plan: DivePlan
    motion: BodyMotion
    splash: Splash
    judgement: Judgement
    pictures: Iterable[Picture]
    jpeg_quality: int = 90


def write_dive(dive: SimulatedDive, out: Path) -> None:
    """Write everything of a dive; what an interrupted run left of it is replaced.

    Args:
        dive: Dive whose pictures are drawn here, one after the other.
        out: Folder of the data set.

    Raises:
        DataError: A picture too few or too many, or something that cannot be written.
    """
    folder = frames_folder(out, dive.event, dive.number)
    record = record_path(out, dive.event, dive.number)
    part = folder.with_name(f".{folder.name}{_PART}")
    try:
        record.unlink(missing_ok=True)
        for leftover in (part, folder):
            if leftover.exists():
                shutil.rmtree(leftover)
        part.mkdir(parents=True)
        seen, num_bytes = _write_frames(dive, part)
        part.rename(folder)
    except OSError as error:
        raise DataError(
            f"cannot write ({error.strerror or error})",
            where=folder,
            todo="free some space or choose a folder you may write to, then use --resume",
        ) from error
    estimate = estimate_joints(
        seen["joints_px"].astype(np.float64), _sight(dive, seen), hash_u64(dive.plan.seed, "estimator")
    )
    sampled = np.array(sample_indices(0, len(estimate) - 1, POSE_FRAMES))
    write_bytes(
        out / POSES / dive.event / f"pred_comp_{dive.number}.npz",
        npz_bytes({"pred": estimate[sampled].astype(np.float32)}),
    )
    motion = dive.motion
    exact = {
        name: np.asarray(getattr(motion, name), dtype=np.float32)
        for name in ("joints_m", "toes_m", "fingers_m", "centre_of_mass_m", "angular_momentum")
    }
    write_bytes(record.with_suffix(".npz"), npz_bytes({**seen, **exact}))
    write_bytes(record, (json.dumps(_record(dive, num_bytes), indent=1) + "\n").encode())


def frames_folder(out: Path, event: str, number: int) -> Path:
    """Where the frames of a dive are."""
    return out / FRAMES / event / str(number)


def record_path(out: Path, event: str, number: int) -> Path:
    """Where the true record of a dive is; its arrays are beside it."""
    return out / TRUTH / event / f"{number}.json"


def read_record(out: Path, event: str, number: int) -> dict[str, Any] | None:
    """The true record of a dive, or None where the dive is not complete.

    Complete means that record, arrays and poses are there and that the frames have their number and
    their size altogether, so that neither a kill nor a lost write of the operating system is missed.
    """
    path = record_path(out, event, number)
    try:
        record: dict[str, Any] = read_json(path)
        sizes = [f.stat().st_size for f in frames_folder(out, event, number).iterdir()]
        (out / POSES / event / f"pred_comp_{number}.npz").stat()
        path.with_suffix(".npz").stat()
        whole = len(sizes) == record["num_frames"] and sum(sizes) == record["frame_bytes"]
        return record if whole and record["version"] == TRUTH_VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def npz_bytes(arrays: dict[str, Array]) -> bytes:
    """A compressed NumPy archive that depends on the arrays alone."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_NO_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same on every system
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content.getvalue())
    return stream.getvalue()


def _write_frames(dive: SimulatedDive, folder: Path) -> tuple[dict[str, Array], int]:
    """Draw and write the frames; what is known of them by frame, and their bytes altogether."""
    joints: list[Array] = []
    diver_boxes: list[Array] = []
    people_boxes: list[Array] = []
    splash_areas: list[float] = []
    size_px = (0, 0)
    num_bytes = 0
    for frame, picture in enumerate(dive.pictures):
        if frame == 0:
            size_px = (picture.image.shape[1], picture.image.shape[0])
        done, encoded = cv2.imencode(
            ".jpg",
            np.ascontiguousarray(picture.image[..., ::-1]),
            (cv2.IMWRITE_JPEG_QUALITY, dive.jpeg_quality),
        )
        if not done:
            raise DataError("a frame cannot be encoded", where=folder, todo="report this as a defect")
        content = encoded.tobytes()
        (folder / f"{frame:05d}.jpg").write_bytes(content)
        num_bytes += len(content)
        joints.append(np.asarray(picture.joints_px, dtype=np.float32))
        diver_boxes.append(picture.diver_box)
        people_boxes.extend(np.concatenate([[frame], box]) for box in picture.people_boxes)
        splash_areas.append(float(picture.splash_area_px))
    if len(joints) != dive.motion.num_frames:
        raise DataError(
            f"{len(joints)} pictures of {dive.motion.num_frames} frames",
            where=f"{dive.event}/{dive.number}",
            todo="report this as a defect",
        )
    return {
        "joints_px": np.array(joints).reshape(-1, MPII_16.num_joints, 2),
        "diver_box": np.array(diver_boxes, dtype=np.float32),
        "people_boxes": np.array(people_boxes, dtype=np.float32).reshape(-1, 5),
        "splash_area_px": np.array(splash_areas, dtype=np.float32),
        "size_px": np.array(size_px, dtype=np.int64),
    }, num_bytes


def _sight(dive: SimulatedDive, seen: dict[str, Array]) -> Sight:
    """What an estimator can see: joints in the picture, above the water, not behind the spray."""
    joints, (width, height) = seen["joints_px"], seen["size_px"]
    inside = ((joints >= 0) & (joints < np.array([width, height]))).all(-1)
    frames = np.arange(len(joints))
    since_s = (frames - dive.motion.first_water_contact_frame) / dive.motion.frame_rate
    covered = np.clip(seen["splash_area_px"] / (width * height) / _SPRAY_SHARE, 0.0, 1.0)
    spray = np.where(since_s >= 0, covered, 0.0)
    spray = np.where(since_s > _SPRAY_LASTS_S, np.minimum(spray, 0.6), spray)
    return Sight(
        visible=np.asarray(inside, dtype=np.bool_),
        underwater=np.asarray(dive.motion.joints_m[..., 2] < 0.0, dtype=np.bool_),
        spray=np.asarray(spray, dtype=np.float64),
    )


def _record(dive: SimulatedDive, num_bytes: int) -> dict[str, Any]:
    plan = asdict(dive.plan)
    plan["number"] = dive.plan.number.code
    motion = dive.motion
    return {
        "version": TRUTH_VERSION,
        "index": dive.index,
        "event": dive.event,
        "number": dive.number,
        "plan": plan,
        "splash": asdict(dive.splash),
        "execution": dive.judgement.execution,
        "deductions": dive.judgement.deductions,
        "marks": list(dive.judgement.marks),
        "score": dive.judgement.score,
        "num_frames": motion.num_frames,
        "frame_bytes": num_bytes,
        "frame_rate": motion.frame_rate,
        "label_transitions": [int(t) for t in motion.label_transitions],
        "first_airborne_frame": int(motion.first_airborne_frame),
        "first_water_contact_frame": int(motion.first_water_contact_frame),
        "somersaults": float(motion.somersaults),
        "twists": float(motion.twists),
        "entry_speed_m_s": float(motion.entry_speed_m_s),
    }
