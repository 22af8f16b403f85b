"""Files of joints in all forms that are read; the reader writes what it has read in every form again."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import numpy as np

from stagescore.benchmarks.campaign.sample import Reader, Sample, Simulated
from stagescore.errors import StagescoreError
from stagescore.pose.formats import LabelledImage
from stagescore.pose.labels import Form, read_labels_and_empty, write_labels
from stagescore.printable import printable
from stagescore.skeleton import COCO_17, HALPE_26, MPII_16, Skeleton

_SIZE_PX = (320, 240)
_SKELETONS = {"mpii": MPII_16, "coco17": COCO_17, "halpe": HALPE_26}


def joint_samples(simulated: Simulated) -> tuple[Sample, ...]:
    """Every form with the joints of several skeletons, and the poses of a simulated dive."""
    name, poses = next(iter(simulated.content("poses/*/*.npz").items()))
    found = [Sample(name="simulated npz", files={name: poses}, entry=name, reader="joints"), _older_archive()]
    with tempfile.TemporaryDirectory() as folder:
        for skeleton_name, skeleton in _SKELETONS.items():
            labels = [_label(number, skeleton) for number in range(4)]
            for form in get_args(Form):
                ending = ".npz" if form == "npz" else "" if form in ("labelme", "openpose") else ".json"
                path = Path(folder) / f"{skeleton_name}-{form}{ending}"
                try:
                    write_labels(path, labels, form)
                except StagescoreError:  # not every form has a place for every skeleton
                    continue
                files = (
                    {f"{path.name}/{one.name}": one.read_bytes() for one in sorted(path.iterdir())}
                    if path.is_dir()
                    else {path.name: path.read_bytes()}
                )
                found.append(Sample(name=path.name, files=files, entry=path.name, reader="joints"))
    return tuple(found)


def read_joints(path: Path) -> str:
    """Read joints, and write them in every form that has a place for them."""
    labels, empty = read_labels_and_empty(path)
    for form in get_args(Form):
        try:
            write_labels(path.parent / f"again-{form}", labels, form, empty)
        except StagescoreError as error:
            if printable(str(error)) != str(error):
                raise
    return ""


JOINT_READERS: Mapping[str, Reader] = {"joints": read_joints}


def _label(number: int, skeleton: Skeleton) -> LabelledImage:
    rows = np.arange(skeleton.num_joints)
    joints = np.stack([40.0 + 9 * (rows % 8) + number, 30.0 + 7 * rows], axis=-1)
    return LabelledImage.with_box(
        f"{number:05d}.png",
        (30.0, 20.0, 150.0, 230.0),
        joints,
        np.ones(skeleton.num_joints, np.bool_),
        _SIZE_PX,
        skeleton=skeleton,
        confidence=np.full(skeleton.num_joints, 0.75),
    )


def _older_archive() -> Sample:
    """As FineDiving-Pose has it: an array `pred` alone, not packed."""
    stream = io.BytesIO()
    joints = np.stack([_label(number, MPII_16).joints_px for number in range(6)]).astype(np.float32)
    np.savez(stream, pred=joints)
    return Sample(
        name="published npz",
        files={"pred_comp_1.npz": stream.getvalue()},
        entry="pred_comp_1.npz",
        reader="joints",
    )
