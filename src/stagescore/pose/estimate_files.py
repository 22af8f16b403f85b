"""Poses as other programs write them: OpenPose's folder with a file for each frame, AlphaPose's list of results.

Source: OpenPose, doc/02_output.md: `NAME_keypoints.json` holds `people`, each with `pose_keypoints_2d`, which is x, y
and confidence of one joint after another; 0, 0, 0 is unknown. Pose2Sim writes the same form with Halpe's joints.
AlphaPose, docs/output.md: a list of `{image_id, category_id, keypoints, score}`, which COCO's results are too.
Departs: what we write also names the joints that are `derived`, and those that are `hidden` (labelled though not
visible, or interpolated). Confidences above 1, which AlphaPose's COCO networks give, count as 1.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.errors import DataError
from stagescore.pose.formats import EmptyImage, LabelledImage, check_joint_numbers, joints_named
from stagescore.pose.layouts import skeleton_of_count
from stagescore.skeleton import Skeleton

OPENPOSE_ENDING = "_keypoints.json"
"""How the names of OpenPose's files end."""
VERSION = 1.3
"""Version of OpenPose's form that is written."""
MOST_PX = 100_000
"""No picture is wider or higher, so that a larger number is no place in one. Set by hand."""


def openpose_json(label: LabelledImage) -> dict[str, Any]:
    """A frame with one person as OpenPose has it."""
    person = {"person_id": [-1], "pose_keypoints_2d": _numbers_of(label)}
    return {"version": VERSION, "people": [person | _marks_of(label)]}


def empty_openpose_json() -> dict[str, Any]:
    """A frame in which there is nobody."""
    return {"version": VERSION, "people": []}


def label_of_openpose(
    content: Mapping[str, Any], path: Path, asked: Skeleton | None = None
) -> LabelledImage | EmptyImage:
    """The person in the content of one of OpenPose's files.

    Args:
        content: What the JSON file holds.
        path: File whose name tells the image or the number of the frame.
        asked: Skeleton that the user says the file has; told by the number of joints by default.

    Raises:
        DataError: It is no file of OpenPose, of an old one, has several people or numbers that cannot be.
    """
    people = content.get("people")
    if not isinstance(people, list):
        raise DataError("it has no list `people`", where=path, todo="use what OpenPose's --write_json wrote")
    image = path.name.removesuffix(OPENPOSE_ENDING).removesuffix(".json")
    found = []
    for number, person in enumerate(people):
        where = f"{path}, person {number}"
        if not isinstance(person, Mapping) or "pose_keypoints_2d" not in person:
            raise DataError(
                "it has no `pose_keypoints_2d`", where=where, todo="write it with OpenPose 1.1 or later"
            )
        found.append(_person(person, "pose_keypoints_2d", image, where, asked))
    return _only_one(found, image, path)


def alphapose_json(labels: Sequence[LabelledImage]) -> list[dict[str, Any]]:
    """The results of all images in one list, as AlphaPose has them."""
    return [
        {
            "image_id": label.image,
            "category_id": 1,
            "keypoints": _numbers_of(label),
            "score": float(label.certainty.mean()),
        }
        | _marks_of(label)
        for label in labels
    ]


def labels_of_alphapose(
    content: Sequence[Any], path: Path, asked: Skeleton | None = None
) -> list[LabelledImage | EmptyImage]:
    """The person of each image in the content of a file of AlphaPose.

    Args:
        content: What the JSON file holds.
        path: File, as errors name it.
        asked: Skeleton that the user says the file has; told by the number of joints by default.

    Raises:
        DataError: An entry names no image, has no joints or numbers that cannot be, or an image has several people.
    """
    people: dict[str, list[LabelledImage | EmptyImage]] = {}
    for number, entry in enumerate(content):
        where = f"{path}, entry {number}"
        image = entry.get("image_id") if isinstance(entry, Mapping) else None
        if not isinstance(image, str | int) or isinstance(image, bool) or image == "":
            raise DataError("an entry names no image", where=where, todo="give each entry an `image_id`")
        where = f"{where} ({str(image)[:60]})"
        if "keypoints" not in entry:
            raise DataError(
                "it has no `keypoints`", where=where, todo="write it with AlphaPose's --format coco"
            )
        people.setdefault(str(image), []).append(_person(entry, "keypoints", str(image), where, asked))
    return [_only_one(found, image, path) for image, found in people.items()]


def _only_one(
    found: Sequence[LabelledImage | EmptyImage], image: str, path: Path
) -> LabelledImage | EmptyImage:
    """The one person of whom a joint is known."""
    known = [one for one in found if isinstance(one, LabelledImage)]
    if len(known) > 1:
        raise DataError(
            f"{len(known)} people are in {image}, and nothing says who the diver is",
            where=path,
            todo="keep the diver alone, or let `stagescore annotate` find the diver",
        )
    return known[0] if known else EmptyImage(image, None)


def _person(
    person: Mapping[str, Any], key: str, image: str, where: str, asked: Skeleton | None
) -> LabelledImage | EmptyImage:
    values = _threes(person[key], key, where)
    skeleton = skeleton_of_count(len(values), where, asked)
    numbers = _finite(values, skeleton, key, where)
    sure = np.minimum(numbers[:, 2], 1.0)
    if not sure.any():
        return EmptyImage(image, None)
    hidden = skeleton.mask(joints_named(person, "hidden", skeleton, where))
    joints = np.where(sure[:, None] > 0, numbers[:, :2], np.nan)
    left, top = np.nanmin(joints, axis=0).tolist()
    right, bottom = np.nanmax(joints, axis=0).tolist()
    return LabelledImage.with_box(
        image,
        (left, top, right, bottom),
        joints,
        (sure > 0) & ~hidden,
        None,
        skeleton=skeleton,
        derived=joints_named(person, "derived", skeleton, where),
        confidence=sure,
    )


_TODO = "give x, y and confidence of each joint, in pixels of the picture"


def _threes(values: object, key: str, where: str) -> list[list[Any]]:
    """Rows of x, y and confidence, whatever they hold."""
    if not isinstance(values, list) or not values or len(values) % 3:
        count = len(values) if isinstance(values, list) else "no"
        raise DataError(f"`{key}` has {count} numbers, not three for each joint", where=where, todo=_TODO)
    return [values[first : first + 3] for first in range(0, len(values), 3)]


def _finite(rows: Sequence[Sequence[Any]], skeleton: Skeleton, key: str, where: str) -> np.ndarray:
    """Rows of x, y and confidence as numbers, all of which can be."""
    check_joint_numbers(rows, skeleton.joints, where)
    numbers = np.asarray(rows, dtype=np.float64)
    wrong = (np.abs(numbers[:, :2]) > MOST_PX).any(1) | (numbers[:, 2] < 0)
    if wrong.any():
        joint = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"`{key}` holds a number that is no place in a picture or no confidence: joint {joint} "
            f"({skeleton.joints[joint]}) has {', '.join(f'{value:g}' for value in numbers[joint])}",
            where=where,
            todo=_TODO,
        )
    return numbers


def _numbers_of(label: LabelledImage) -> list[float]:
    table = np.column_stack((label.joints_px, label.certainty))
    return [float(value) for value in np.where(label.known[:, None], table, 0.0).ravel()]


def _marks_of(label: LabelledImage) -> dict[str, list[str]]:
    marks = {"derived": label.derived, "hidden": label.skeleton.named(label.known & ~label.visible)}
    return {mark: list(joints) for mark, joints in marks.items() if joints}
