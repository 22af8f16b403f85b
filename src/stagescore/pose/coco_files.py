"""COCO's keypoint files, as CVAT and others write them: images, categories and annotations in one JSON.

Source: COCO's data format; a joint is x, y and 0 (not labelled), 1 (labelled, not visible) or 2 (visible).
The joints and their order are those of the category's `keypoints`, whatever the order is.
Departs: what we write also names the joints that are `derived`, and gives the `confidence` of a network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.errors import DataError
from stagescore.pose.formats import (
    EmptyImage,
    LabelledImage,
    check_inside,
    check_joint_numbers,
    confidence_of,
    extra_fields,
    joints_named,
)
from stagescore.pose.layouts import skeleton_of_names
from stagescore.skeleton import MPII_16, Skeleton

CATEGORY = "diver"


def coco_json(
    labels: Sequence[LabelledImage],
    *,
    surety: Sequence[float] | None = None,
    empty: Sequence[EmptyImage] = (),
) -> dict[str, Any]:
    """Labelled images as one COCO file.

    Args:
        labels: One diver each, all with joints of the same skeleton.
        surety: Score of each annotation, 0 to 1; no `score` is written by default.
        empty: Images in which there is nobody to label.

    Raises:
        DataError: The size of an image is not known.
    """
    skeleton = labels[0].skeleton if labels else MPII_16
    images, annotations = [], []
    for number, label in enumerate(labels, start=1):
        if label.size_px is None:
            raise _no_size(label.image)
        images.append(
            {"id": number, "file_name": label.image, "width": label.size_px[0], "height": label.size_px[1]}
        )
        left, top, right, bottom = label.square_px
        marks = np.where(label.known, np.where(label.visible, 2, 1), 0)
        keypoints = [
            value
            for (x, y), mark in zip(np.nan_to_num(label.joints_px).tolist(), marks.tolist(), strict=True)
            for value in (x, y, mark)
        ]
        annotation = {
            "id": number,
            "image_id": number,
            "category_id": 1,
            "keypoints": keypoints,
            "num_keypoints": int(label.known.sum()),
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": 0,
        }
        annotation |= extra_fields(label)
        annotations.append(annotation if surety is None else annotation | {"score": surety[number - 1]})
    category = {
        "id": 1,
        "name": CATEGORY,
        "supercategory": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": [[start + 1, end + 1] for start, end in skeleton.bone_indices],
    }
    for number, one in enumerate(empty, start=len(images) + 1):
        if one.size_px is None:
            raise _no_size(one.image)
        images.append(
            {"id": number, "file_name": one.image, "width": one.size_px[0], "height": one.size_px[1]}
        )
    return {"images": images, "annotations": annotations, "categories": [category]}


def _no_size(image: str) -> DataError:
    return DataError("the size of the image is not known", where=image, todo="give the folder of the images")


def labels_of_coco(
    content: object, path: Path, asked: Skeleton | None = None
) -> list[LabelledImage | EmptyImage]:
    """The labels in the content of a JSON file, and the images without any annotation.

    Args:
        content: What the file holds.
        path: File, as errors name it.
        asked: Skeleton that the user says the file has; told by the names of its joints by default.

    Returns:
        The labels in the order of the images, then the empty images of which the file tells the size.

    Raises:
        DataError: It is no COCO file, has other joints, two people in an image, a joint that is not a number or outside of its image.
    """
    if not isinstance(content, Mapping) or not all(
        isinstance(content.get(part), list) for part in ("images", "annotations", "categories")
    ):
        raise DataError(
            "it is no COCO file (images, annotations, categories)",
            where=path,
            todo="export it as COCO keypoints",
        )
    try:
        orders = {
            category["id"]: skeleton_of_names(category["keypoints"], path, asked)
            for category in content["categories"]
            if category.get("keypoints")
        }
        images = {image["id"]: image for image in content["images"]}
        labels: dict[Any, LabelledImage] = {}
        for annotation in content["annotations"]:
            where = f"{path}, annotation {annotation['id']}"
            if annotation["category_id"] not in orders:
                continue
            number = annotation["image_id"]
            if number in labels:
                raise DataError(
                    f"two people are labelled in {images[number]['file_name']}",
                    where=where,
                    todo="label one diver an image",
                )
            labels[number] = _label(annotation, images[number], orders[annotation["category_id"]], where)
        empty = _empty_images(content["images"], content["annotations"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(
            f"a field is missing or is no number ({error})", where=path, todo="export it as COCO keypoints"
        ) from None
    if not orders:
        raise DataError("no category has keypoints", where=path, todo="export it as COCO keypoints")
    return [*(labels[number] for number in images if number in labels), *empty]


def _empty_images(images: Sequence[Any], annotations: Sequence[Any]) -> list[EmptyImage]:
    annotated = {annotation["image_id"] for annotation in annotations}
    return [
        EmptyImage(str(image["file_name"]), (int(image["width"]), int(image["height"])))
        for image in images
        if image["id"] not in annotated and {"width", "height"} <= set(image)
    ]


def _label(annotation: Any, image: Any, layout: tuple[Skeleton, list[int]], where: str) -> LabelledImage:
    skeleton, order = layout
    count = skeleton.num_joints
    values = annotation["keypoints"]
    if not isinstance(values, list) or len(values) != 3 * count:
        found = f"{len(values) / 3:g}" if isinstance(values, list) else "no"
        raise DataError(f"it has {found} points, not {count}", where=where, todo=f"label all {count} joints")
    # What stands for x and y of a joint that is not labelled means nothing.
    rows = [values[i : i + 3] if values[i + 2] != 0 else [0.0] * 3 for i in range(0, len(values), 3)]
    check_joint_numbers(rows, [skeleton.joints[joint] for joint in order], where)
    table = np.empty((count, 3))
    table[order] = np.asarray(rows, dtype=np.float64)
    joints = np.where(table[:, 2:] > 0, table[:, :2], np.nan)
    left, top, across, down = (float(value) for value in annotation["bbox"])
    if not np.isfinite([left, top, across, down]).all():
        raise DataError(
            "its `bbox` holds something that is not a number", where=where, todo="correct the box"
        )
    label = LabelledImage.with_box(
        str(image["file_name"]),
        (left, top, left + across, top + down),
        joints,
        np.asarray(table[:, 2] == 2),
        (int(image["width"]), int(image["height"])),
        skeleton=skeleton,
        derived=joints_named(annotation, "derived", skeleton, where),
        confidence=confidence_of(annotation, np.asarray(table[:, 2] > 0), where),
    )
    check_inside(label, where)
    return label
