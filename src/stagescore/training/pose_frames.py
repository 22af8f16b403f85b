"""Frames with known joints and boxes: what pose networks learn from. The pictures stay on the disk.

Simulated dives know every joint and box; of dives labelled by hand the joints are known and the box is theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from stagescore.array_archives import read_arrays
from stagescore.errors import DataError
from stagescore.pose.formats import LabelledImage, read_json
from stagescore.pose.labels import read_labels
from stagescore.simulate.write import frames_folder, read_record, record_path
from stagescore.skeleton import MPII_16
from stagescore.types import STAGE_NAMES, Dive

FLIGHT = STAGE_NAMES.index("flight")
GONE = len(STAGE_NAMES)
"""Stage of frames in which the diver is not to be seen."""
LEAST_SEEN = 6
"""Least number of joints to be seen. Set by hand: frames with fewer are no good to learn joints from."""
LABELS, SPANS, PICTURES = "annotations_examples.json", "dives.json", "frames"
"""Names of labels, spans and pictures in a folder of dives labelled by hand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DiveFrames:
    """The frames of one dive.

    Attributes:
        name: Name of the dive.
        pictures: Files of the pictures, in order.
        joints_px: Places of the joints, in pixels; NaN where unknown.
        seen: Whether each joint is in the picture and above the water.
        boxes_px: Left, top, right and bottom of the diver, in pixels; NaN where nothing of the diver is seen.
        stage: Stage of each frame by take-off and water contact, as index in `STAGE_NAMES`; `GONE` without a box.
    """

    name: str
    pictures: tuple[Path, ...]
    joints_px: Float[np.ndarray, "frames joints 2"]
    seen: Bool[np.ndarray, "frames joints"]
    boxes_px: Float[np.ndarray, "frames 4"]
    stage: Int[np.ndarray, " frames"]

    @property
    def known(self) -> Bool[np.ndarray, "frames joints"]:
        """Whether the place of each joint is known."""
        return np.asarray(np.isfinite(self.joints_px).all(-1))

    @property
    def readable(self) -> Bool[np.ndarray, " frames"]:
        """Whether a frame has a box and enough joints to be seen."""
        return np.asarray((self.stage != GONE) & (self.seen.sum(1) >= LEAST_SEEN))


def read_simulated(
    folder: Path, dives: Sequence[Dive], skipped: dict[str, str] | None = None
) -> tuple[DiveFrames, ...]:
    """The frames of simulated dives, as `stagescore simulate` writes them.

    Args:
        folder: Folder of the data set.
        dives: Dives of the data set's manifest.
        skipped: Takes up why dives cannot be used, by their ids; None for an error instead.

    Raises:
        DataError: The truth about a dive or one of its pictures is missing or damaged, where `skipped` is None; or there are
            no dives.
    """
    found = []
    for dive in dives:
        try:
            found.append(_simulated(folder, dive))
        except DataError as error:
            if skipped is None or not (folder / "truth").is_dir():
                raise
            skipped[dive.dive_id] = f"{error.where}: {error.what}"
    if not found:
        raise DataError("there are no dives to learn from", where=folder, todo="simulate some")
    return tuple(found)


def _simulated(folder: Path, dive: Dive) -> DiveFrames:
    path = record_path(folder, dive.event, dive.number)
    record = read_record(folder, dive.event, dive.number)
    if record is None:
        raise DataError("the dive is not complete", where=path, todo="simulate it again with --resume")
    try:
        arrays = read_arrays(path.with_suffix(".npz"), ("joints_px", "diver_box", "joints_m", "size_px"))
        joints, boxes = arrays["joints_px"], arrays["diver_box"]
        above, size = arrays["joints_m"][..., 2] >= 0, arrays["size_px"]
    except (OSError, ValueError, LookupError) as error:
        raise DataError(
            f"cannot read the truth ({str(error)[:80]})", where=path, todo="simulate it again"
        ) from None
    frame = np.arange(len(joints))
    stage = (frame >= record["first_airborne_frame"]).astype(np.int64)
    stage += frame >= record["first_water_contact_frame"]
    has_box = np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    with np.errstate(invalid="ignore"):
        inside = ((joints >= 0) & (joints <= size)).all(-1)
    pictures = frames_folder(folder, dive.event, dive.number)
    there = {path.name for path in pictures.glob("*.jpg")}
    missing = [name for name in (f"{k:05d}.jpg" for k in range(len(joints))) if name not in there]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(joints)} pictures are missing",
            where=pictures / missing[0],
            todo="simulate the dive again with --resume",
        )
    return DiveFrames(
        name=dive.dive_id,
        pictures=tuple(pictures / f"{k:05d}.jpg" for k in range(len(joints))),
        joints_px=joints,
        seen=np.asarray(inside & above & has_box[:, None]),
        boxes_px=np.where(has_box[:, None], boxes, np.float32(np.nan)),
        stage=np.where(has_box, stage, GONE),
    )


def read_hand_labelled(folder: Path) -> tuple[DiveFrames, ...]:
    """Dives labelled by hand: `frames/`, the authors' JSON, and `dives.json` with each dive's first and last image.

    All frames count as flight, which is what is labelled.

    Raises:
        DataError: One of them is missing or torn, or names what is not there.
    """
    labels = sorted(read_labels(folder / LABELS), key=lambda label: label.image)
    for label in labels:
        label.skeleton.require(MPII_16, "training", folder / LABELS)
    return tuple(
        _labelled(name, labels[first : last + 1], folder / PICTURES)
        for name, (first, last) in _spans(folder / SPANS, len(labels)).items()
    )


def _spans(path: Path, num_labels: int) -> dict[str, tuple[int, int]]:
    content: Any = read_json(path)
    try:
        spans = {str(name): (int(first), int(last)) for name, (first, last) in content.items()}
        sensible = bool(spans) and all(0 <= a <= b < num_labels for a, b in spans.values())
    except (AttributeError, TypeError, ValueError):
        sensible = False
    if not sensible:
        raise DataError(
            f"it does not name the first and last of {num_labels} labels of each dive",
            where=path,
            todo='write {"dive": [first, last], ...}',
        )
    return spans


def _labelled(name: str, labels: Sequence[LabelledImage], pictures: Path) -> DiveFrames:
    joints = np.array([label.joints_px for label in labels], dtype=np.float32)
    known = np.asarray(np.isfinite(joints).all(-1))
    paths = tuple(pictures / label.image for label in labels)
    if missing := [path for path in paths if not path.is_file()]:
        raise DataError("a labelled picture is missing", where=missing[0], todo="put it there")
    box = np.concatenate((np.nanmin(joints, axis=1), np.nanmax(joints, axis=1)), axis=1)
    return DiveFrames(
        name=name,
        pictures=paths,
        joints_px=joints,
        seen=known,
        boxes_px=box,
        stage=np.full(len(labels), FLIGHT),
    )
