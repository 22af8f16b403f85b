"""Labelled images in any of the forms: the authors' JSON, COCO, LabelMe, OpenPose, AlphaPose, npz."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from stagescore.atomic import write_files
from stagescore.errors import DataError
from stagescore.media.images import image_paths, load_image, natural_order
from stagescore.named_files import parts_of
from stagescore.pose.coco_files import coco_json, labels_of_coco
from stagescore.pose.estimate_files import (
    OPENPOSE_ENDING,
    alphapose_json,
    empty_openpose_json,
    label_of_openpose,
    labels_of_alphapose,
    openpose_json,
)
from stagescore.pose.formats import (
    EmptyImage,
    LabelledImage,
    authors_json,
    check_inside,
    labels_of_authors,
    read_json,
)
from stagescore.pose.labelme import empty_labelme_json, label_of_labelme, labelme_json
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.types import PoseTrack

Form = Literal["authors", "coco", "labelme", "openpose", "alphapose", "npz"]
WITHOUT_EMPTY: tuple[Form, ...] = ("authors", "alphapose")
"""Forms that have no place for an image in which there is nobody."""
NPZ = ".npz"


def read_labels(path: Path, skeleton: Skeleton | None = None) -> list[LabelledImage]:
    """Read a file in whichever form it has, or a folder of LabelMe's or OpenPose's files.

    Args:
        path: A file, or a folder of LabelMe's or OpenPose's files.
        skeleton: Skeleton of the file's joints; told by their names or their number by default.

    Raises:
        DataError: It has none of the forms, or holds something that cannot be (what, where, what to do).
    """
    return read_labels_and_empty(path, skeleton)[0]


def read_labels_and_empty(
    path: Path, skeleton: Skeleton | None = None
) -> tuple[list[LabelledImage], list[EmptyImage]]:
    """Read labels as `read_labels` does, with the images in which there is nobody to label.

    Raises:
        DataError: As of `read_labels`.
    """
    if path.is_dir():
        files = sorted(
            p for p in path.iterdir() if p.suffix.lower() == ".json" and not p.name.startswith(".")
        )
        if not files:
            raise DataError(
                "there is no JSON file in this folder", where=path, todo="give LabelMe's or OpenPose's folder"
            )
        found = [_label_of_image(read_json(file), file, skeleton) for file in files]
    elif path.suffix.lower() == NPZ:
        found = _rows_of(read_npz(path, skeleton))
    else:
        content = read_json(path)
        if isinstance(content, Mapping) and content.keys() & {"shapes", "people"}:
            found = [_label_of_image(content, path, skeleton)]
        elif isinstance(content, Mapping):
            found = labels_of_coco(content, path, skeleton)
        else:
            found = _labels_of_list(content, path, skeleton)
    found = [replace(one, image=_plain_path(one.image)) for one in found]
    labels = [label for label in found if isinstance(label, LabelledImage)]
    empty = [label for label in found if isinstance(label, EmptyImage)]
    places = Counter(one.image for one in found)
    if doubled := sorted(image for image, count in places.items() if count > 1):
        raise DataError(f"{doubled[0]} is labelled twice", where=path, todo="keep one label an image")
    return labels, empty


def _plain_path(image: str) -> str:
    """A path of Windows with slashes and without its drive; any other as it is."""
    written_on_windows = "\\" in image or re.match(r"[A-Za-z]:/", image)
    return "/".join(parts_of(image)) if written_on_windows else image


def write_labels(
    path: Path, labels: Sequence[LabelledImage], form: Form, empty: Sequence[EmptyImage] = ()
) -> None:
    """Write labels; LabelMe's and OpenPose's forms make a folder with a file for each image.

    Args:
        path: A file, or a folder for LabelMe and OpenPose.
        labels: Labels of images, all with joints of the same skeleton.
        form: Form to be written.
        empty: Images in which there is nobody to label; forms of `WITHOUT_EMPTY` leave them out.

    Raises:
        DataError: A form needs the sizes of the images and they are not known, two images would have the same
            file, a joint lies outside of its image in a form that refuses it, or it cannot be written.
    """
    for label in labels:
        label.skeleton.require(labels[0].skeleton, "the images before it", label.image, verb="have")
        if form in ("authors", "coco", "labelme"):
            check_inside(label, label.image)
    write_files(_files_of(path, labels, form, empty))


def _files_of(
    path: Path, labels: Sequence[LabelledImage], form: Form, empty: Sequence[EmptyImage]
) -> dict[Path, bytes]:
    """What is written where."""
    if form == "npz":
        return {path: _npz_of(labels, empty)}
    if form == "coco":
        return {path: as_bytes(coco_json(labels, empty=empty))}
    if form == "authors":
        return {path: as_bytes(authors_json(labels))}
    if form == "alphapose":
        return {path: as_bytes(alphapose_json(labels))}
    images = [*(label.image for label in labels), *(one.image for one in empty)]
    if form == "openpose":
        names = file_names(images, OPENPOSE_ENDING)
        content = [*map(openpose_json, labels), *(empty_openpose_json() for _ in empty)]
    else:
        names = file_names(images)
        content = [*map(labelme_json, labels), *(empty_labelme_json(one.image, one.size_px) for one in empty)]
    return {path / name: as_bytes(one) for name, one in zip(names, content, strict=True)}


def file_names(images: Sequence[str], ending: str = ".json") -> list[str]:
    """The file of each image, as LabelMe names them; with the image's ending or folder where two would be the same.

    Raises:
        DataError: Two images have the same name.
    """
    paths = [Path(image) for image in images]
    for names in (
        [path.stem for path in paths],
        [path.name for path in paths],
        ["_".join(path.parts) for path in paths],
    ):
        if len(set(names)) == len(names):
            return [f"{name}{ending}" for name in names]
    raise DataError("two images have the same name", where=images[0], todo="rename one of them")


Judged = TypeVar("Judged", LabelledImage, EmptyImage)


def with_sizes(labels: Sequence[Judged], images: Path) -> list[Judged]:
    """The same labels with the sizes of their images, which are looked for in a folder.

    Forms that name frames without an ending (OpenPose, npz) get the whole name of the image.

    Raises:
        DataError: An image is missing, or a joint lies outside of it.
    """
    paths = image_paths(images) if images.is_dir() else []
    places = {path.stem.casefold(): path.name for path in paths}
    sized = []
    for label in labels:
        name = label.image
        if not (images / name).is_file():
            name = places.get(name.casefold(), places.get(Path(name).stem.casefold(), name))
        height, width = load_image(images / name).shape[:2]
        sized.append(replace(label, image=name, size_px=(width, height)))
        if isinstance(label, LabelledImage):
            check_inside(sized[-1], str(images / name))
    return sized


def _label_of_image(content: object, path: Path, skeleton: Skeleton | None) -> LabelledImage | EmptyImage:
    """The label in a file of LabelMe or OpenPose."""
    if isinstance(content, Mapping) and "people" in content:
        return label_of_openpose(content, path, skeleton)
    return label_of_labelme(content, path, skeleton)


def _labels_of_list(
    content: object, path: Path, skeleton: Skeleton | None
) -> list[LabelledImage | EmptyImage]:
    """The labels in AlphaPose's or in the authors' list."""
    if content == []:
        raise DataError("its list is empty", where=path, todo="give a file with labels or poses")
    if isinstance(content, list) and content and isinstance(content[0], Mapping) and "image_id" in content[0]:
        return labels_of_alphapose(content, path, skeleton)
    return list(labels_of_authors(content, path, skeleton))


def _rows_of(track: PoseTrack) -> list[LabelledImage | EmptyImage]:
    """The rows of a track as images, called 00000, 00001, ..."""
    rows: list[LabelledImage | EmptyImage] = []
    for row, known in enumerate(track.known):
        image = f"{row:05d}"
        if not known.any():
            rows.append(EmptyImage(image, None))
            continue
        joints = track.joints_px[row]
        (left, top), (right, bottom) = np.nanmin(joints, 0).tolist(), np.nanmax(joints, 0).tolist()
        rows.append(
            LabelledImage.with_box(
                image,
                (left, top, right, bottom),
                joints,
                known if track.filled is None else known & ~track.filled[row],
                None,
                skeleton=track.skeleton,
                derived=track.derived,
                confidence=track.confidence[row],
            )
        )
    return rows


def _npz_of(labels: Sequence[LabelledImage], empty: Sequence[EmptyImage]) -> bytes:
    """An npz with a row for each image in the order of their names; 2 comes before 10."""
    by_image = {label.image: label for label in labels}
    images = sorted((*by_image, *(one.image for one in empty)), key=natural_order)
    skeleton = labels[0].skeleton if labels else MPII_16
    shape = (len(images), skeleton.num_joints)
    joints, confidence, filled = np.full((*shape, 2), np.nan), np.zeros(shape), np.zeros(shape, np.bool_)
    for row, image in enumerate(images):
        if (label := by_image.get(image)) is not None:
            joints[row], confidence[row] = label.joints_px, label.certainty
            filled[row] = label.known & ~label.visible
    derived = {name for label in labels for name in label.derived}
    track = PoseTrack(
        joints, confidence, filled, skeleton, tuple(name for name in skeleton.joints if name in derived)
    )
    return npz_bytes(track, track.known & ~filled)


def as_bytes(content: object) -> bytes:
    """JSON as it is written to files."""
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
