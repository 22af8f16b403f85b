"""Frames and poses that belong to labelled dives: finding them, and looking whether they are whole."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from stagescore.data.findings import Finding, Labels
from stagescore.data.manifest import Manifest
from stagescore.errors import DataError
from stagescore.json_files import read_json
from stagescore.media.images import image_paths
from stagescore.pose.formats import read_authors_json
from stagescore.pose.npz_files import read_npz
from stagescore.types import Dive

POSE_FRAMES = 96
"""FineDiving-Pose labels 96 evenly spaced frames of every clip."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and of how many."""


def attach(labels: Labels, *, frames: Path | None, poses: Path | None, progress: Progress) -> Labels:
    """Note where the frames and poses of each dive lie, and what is missing or damaged.

    Frames are looked at from outside: their number, gaps in their numbering, empty files, and whether
    the first one opens. `stagescore data probe` decodes every frame.

    Args:
        labels: Labels as a loader returns them.
        frames: Folder of the frames, `<frames>/<event>/<number>/*.jpg`; None for none.
        poses: Folder of the poses, `<poses>/<event>/pred_comp_<number>.npz`; JSON files below it are read as hand-made
            joints in the authors' form. None for none.
        progress: Function that is called after every dive.

    Raises:
        DataError: A folder does not exist.
    """
    for folder in (frames, poses):
        if folder is not None and not folder.is_dir():
            raise DataError("no such folder", where=folder, todo="check the path")
    dives: list[Dive] = []
    findings = [*labels.findings]
    total = len(labels.manifest)
    for done, dive in enumerate(labels.manifest, start=1):
        attached = dive
        if frames is not None and _is_below(dive):
            try:
                attached, found = _with_frames(attached, frames)
            except OSError as error:
                found = [Finding("frame_problems", dive.dive_id, f"cannot look for them ({error.strerror})")]
            findings.extend(found)
        if poses is not None and _is_below(dive):
            try:
                attached, found = _with_poses(attached, poses)
            except OSError as error:
                found = [Finding("pose_problems", dive.dive_id, f"cannot look for them ({error.strerror})")]
            findings.extend(found)
        dives.append(attached)
        progress("frames and poses", done, total)
    hand_labelled = 0
    for path in _joint_files(poses) if poses is not None else ():
        try:
            hand_labelled += len(read_authors_json(path))
        except DataError as error:
            findings.append(Finding("pose_problems", str(path), error.what))
    return replace(
        labels, manifest=Manifest(tuple(dives)), findings=tuple(findings), hand_labelled_images=hand_labelled
    )


def _joint_files(poses: Path) -> list[Path]:
    """JSON files that may be hand-made joints: the authors' form is a list, other tools' notes are not."""
    return [path for path in sorted(poses.rglob("*.json")) if not _is_object(path)]


def _is_object(path: Path) -> bool:
    try:
        return isinstance(read_json(path, finite=False), dict)
    except (OSError, ValueError):
        return False


def _is_below(dive: Dive) -> bool:
    """Whether an event's name stays within the folder it is looked for in."""
    parts = Path(dive.event).parts
    return not Path(dive.event).is_absolute() and ".." not in parts


def _with_frames(dive: Dive, root: Path) -> tuple[Dive, list[Finding]]:
    folder = next((f for f in (root / dive.event / str(dive.number), _bare(root, dive)) if f.is_dir()), None)
    if folder is None:
        return dive, [
            Finding("missing_frames", dive.dive_id, f"no folder {root / dive.event / str(dive.number)}")
        ]
    problems = list(_frame_problems(dive, folder))
    return dive.with_changes(frames_path=str(folder.resolve())), [
        Finding("frame_problems", dive.dive_id, problem) for problem in problems
    ]


def _bare(root: Path, dive: Dive) -> Path:
    """MTL-AQA's events are also written without the leading zero."""
    return root / (dive.event.lstrip("0") or "0") / str(dive.number)


def _frame_problems(dive: Dive, folder: Path) -> Iterator[str]:
    images = image_paths(folder)
    if not images:
        yield f"no images in {folder}"
        return
    numbered = sorted((int(match[-1]), path) for path in images if (match := re.findall(r"\d+", path.stem)))
    first = numbered[0][1] if numbered else min(images)
    if numbered and numbered[-1][0] - numbered[0][0] + 1 != len(images):
        yield f"{len(images)} images are numbered {numbered[0][0]} to {numbered[-1][0]}"
    if dive.num_frames is not None and len(images) != dive.num_frames:
        yield f"{len(images)} images, {dive.num_frames} labelled frames"
    if empty := sum(path.stat().st_size == 0 for path in images):
        yield f"{empty} images are empty"
    try:
        with Image.open(first) as image:
            image.verify()
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        yield f"{first.name} cannot be read ({str(error)[:60]})"


def _with_poses(dive: Dive, root: Path) -> tuple[Dive, list[Finding]]:
    path = root / dive.event / f"pred_comp_{dive.number}.npz"
    if not path.is_file():
        return dive, [Finding("missing_poses", dive.dive_id, f"no {path}")]
    try:
        track = read_npz(path)
    except DataError as error:
        return dive, [Finding("pose_problems", dive.dive_id, error.what)]
    dive = dive.with_changes(poses_path=str(path.resolve()))
    if track.num_frames != POSE_FRAMES:
        return dive, [
            Finding("pose_problems", dive.dive_id, f"{track.num_frames} frames instead of {POSE_FRAMES}")
        ]
    return dive, []
