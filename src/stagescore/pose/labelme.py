"""LabelMe's files: one JSON an image, with a rectangle and the points 0 to 15, or other joints by name.

Source: LabelMe's file form (version 5); paper, section IV-B, for what is labelled: "the bounding box is
rectangular", "the keypoints are represented as points ... marked from 0 to 15".
Departs: LabelMe knows no unknown points; they are left out and named in the file's flags. Another skeleton than
MPII's is named there too (`skeleton coco-17`). A network's confidence has no place in this form.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.errors import DataError
from stagescore.pose.formats import EmptyImage, LabelledImage, check_inside
from stagescore.pose.layouts import CHOICES, joint_called, plain_name
from stagescore.skeleton import MPII_16, SKELETONS, Skeleton

VERSION = "5.5.0"
"""Version of LabelMe whose form is written."""
BOX_LABEL = "diver"
_BOX_LABELS = (BOX_LABEL, "person", "box", "bbox", "athlete")
NOBODY = "no diver"
"""Flag of an image in which there is nobody to label."""
UNKNOWN = "unknown"
"""A flag `unknown 3` says that nobody knows where joint 3 is."""
SKELETON = "skeleton"
"""A flag `skeleton coco-17` says which joints are labelled; MPII's without it."""
DERIVED = "derived"
"""Flag of a point that follows from others."""


def labelme_json(label: LabelledImage) -> dict[str, Any]:
    """A labelled image as LabelMe has it.

    Raises:
        DataError: The size of the image is not known.
    """
    if label.size_px is None:
        raise DataError(
            "the size of the image is not known", where=label.image, todo="give the folder of the images"
        )
    left, top, right, bottom = label.square_px
    shapes = [_shape(BOX_LABEL, [[left, top], [right, bottom]], "rectangle", {})]
    flags = {} if label.skeleton == MPII_16 else {f"{SKELETON} {label.skeleton.name}": True}
    for joint, name in enumerate(label.skeleton.joints):
        called = str(joint) if label.skeleton == MPII_16 else name
        if label.known[joint]:
            marks = {"visible": bool(label.visible[joint])}
            marks |= {DERIVED: True} if name in label.derived else {}
            shapes.append(_shape(called, [label.joints_px[joint].tolist()], "point", marks))
        else:
            flags[f"{UNKNOWN} {called}"] = True
    return _file(label.image, label.size_px, shapes, flags)


def empty_labelme_json(image: str, size_px: tuple[int, int] | None) -> dict[str, Any]:
    """An image in which there is nobody to label.

    Raises:
        DataError: The size of the image is not known.
    """
    if size_px is None:
        raise DataError(
            "the size of the image is not known", where=image, todo="give the folder of the images"
        )
    return _file(image, size_px, [], {NOBODY: True})


def label_of_labelme(
    content: object, path: Path, asked: Skeleton | None = None
) -> LabelledImage | EmptyImage:
    """The label in the content of a JSON file.

    Args:
        content: What the file holds.
        path: File, as errors name it.
        asked: Skeleton that the user says the file has; that of its flags by default, or MPII's.

    Raises:
        DataError: It is none of LabelMe's, or its labels are not one rectangle and the points of the skeleton.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("shapes"), list):
        raise DataError("it is no file of LabelMe (no `shapes`)", where=path, todo="save it with LabelMe")
    flags = content.get("flags")
    flags = flags if isinstance(flags, Mapping) else {}
    width, height, image = (content.get(key) for key in ("imageWidth", "imageHeight", "imagePath"))
    if not (isinstance(width, int) and isinstance(height, int) and isinstance(image, str)):
        raise DataError("image name or size is missing", where=path, todo="save it with LabelMe")
    if flags.get(NOBODY) and not content["shapes"]:
        return EmptyImage(image, (width, height))
    box: np.ndarray | None = None
    skeleton = _skeleton_of(flags, path, asked)
    count = skeleton.num_joints
    joints, visible, derived = np.full((count, 2), np.nan), np.zeros(count, bool), np.zeros(count, bool)
    for shape in content["shapes"]:
        kind, points = _points(shape, path, count)
        if kind == "rectangle":
            if box is not None:
                raise DataError("it has two rectangles", where=path, todo="label one diver an image")
            if str(shape.get("label")).strip().lower() not in _BOX_LABELS:
                raise DataError(
                    f"the rectangle is labelled {str(shape.get('label'))!r}",
                    where=path,
                    todo=f"label the diver's box {BOX_LABEL!r}, and nobody else's",
                )
            box = np.concatenate((points.min(0), points.max(0)))
            continue
        joint = _joint(str(shape.get("label")), path, skeleton)
        if not np.isnan(joints[joint, 0]):
            raise DataError(f"point {joint} is there twice", where=path, todo="delete one of the two")
        joints[joint] = points[0]
        marks = shape.get("flags")
        visible[joint] = marks.get("visible", True) if isinstance(marks, Mapping) else True
        derived[joint] = bool(marks.get(DERIVED, False)) if isinstance(marks, Mapping) else False
    if box is None:
        raise DataError("it has no rectangle", where=path, todo="draw the diver's box")
    missing = [
        j
        for j, name in enumerate(skeleton.joints)
        if np.isnan(joints[j, 0]) and not any(flags.get(f"{UNKNOWN} {called}") for called in (j, name))
    ]
    if missing:
        raise DataError(
            f"{count - len(missing)} of {count} points are there; missing: "
            + ", ".join(f"{j} ({skeleton.joints[j]})" for j in missing),
            where=path,
            todo="set them, or set the flag `unknown <number>` for a point that nobody can tell",
        )
    left, top, right, bottom = box.tolist()
    label = LabelledImage.with_box(
        image,
        (left, top, right, bottom),
        joints,
        visible,
        (width, height),
        skeleton=skeleton,
        derived=skeleton.named(derived),
    )
    check_inside(label, str(path))
    return label


def _file(image: str, size_px: tuple[int, int], shapes: list[Any], flags: dict[str, bool]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "flags": flags,
        "shapes": shapes,
        "imagePath": image,
        "imageData": None,
        "imageHeight": size_px[1],
        "imageWidth": size_px[0],
    }


def _shape(label: str, points: list[list[float]], kind: str, flags: dict[str, bool]) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": flags,
    }


def _points(shape: object, path: Path, count: int) -> tuple[str, np.ndarray]:
    kind = shape.get("shape_type") if isinstance(shape, Mapping) else None
    label = str(shape.get("label")) if isinstance(shape, Mapping) else ""
    if kind not in ("rectangle", "point"):
        raise DataError(f"a shape is a {kind}", where=path, todo=f"use one rectangle and {count} points")
    try:
        points = np.asarray(shape["points"], dtype=np.float64)  # type: ignore[index]
    except (KeyError, TypeError, ValueError, OverflowError):
        points = np.zeros(0)
    if points.shape != ((2, 2) if kind == "rectangle" else (1, 2)) or not np.isfinite(points).all():
        raise DataError(
            f"the {kind} {label[:40]!r} has points that are no numbers, or too few",
            where=path,
            todo="draw it anew",
        )
    return kind, points


def _joint(label: str, path: Path, skeleton: Skeleton) -> int:
    name = plain_name(label)
    if re.fullmatch(r"\d{1,2}", name) and int(name) < skeleton.num_joints:
        return int(name)
    joint = joint_called(name, skeleton)
    if joint is not None:
        return skeleton.index(joint)
    raise DataError(
        f"a point is labelled {label!r}, which {skeleton.name} does not have",
        where=path,
        todo=f"label points 0 to {skeleton.num_joints - 1}, or by name: {', '.join(skeleton.joints)}; "
        f"of another skeleton, set its flag, such as `{SKELETON} coco-17`, or give --skeleton",
    )


def _skeleton_of(flags: Mapping[str, Any], path: Path, asked: Skeleton | None) -> Skeleton:
    prefix = f"{SKELETON} "
    named = [flag.removeprefix(prefix).strip() for flag in flags if flag.startswith(prefix) and flags[flag]]
    if len(named) > 1 or (named and named[0] not in SKELETONS):
        raise DataError(
            f"its flags name {' and '.join(named)} for a skeleton",
            where=path,
            todo=f"choose one of {CHOICES}",
        )
    found = SKELETONS[named[0]] if named else asked or MPII_16
    if asked is not None and asked != found:
        raise DataError(
            f"its flag says {found.name}, and --skeleton {asked.name}",
            where=path,
            todo="leave --skeleton out",
        )
    return found
