"""Labelled images in any of the forms: LabelMe, COCO, the authors' JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from stagescore.atomic import write_files
from stagescore.errors import DataError
from stagescore.media.images import load_image
from stagescore.pose.coco_files import coco_json, labels_of_coco
from stagescore.pose.formats import LabelledImage, authors_json, check_inside, labels_of_authors, read_json
from stagescore.pose.labelme import label_of_labelme, labelme_json, read_labelme

Form = Literal["authors", "coco", "labelme"]


def read_labels(path: Path) -> list[LabelledImage]:
    """Read a file in whichever form it has, or a folder of LabelMe's files.

    Raises:
        DataError: it has none of the forms, or holds something that cannot be (what, where, what to do).
    """
    if path.is_dir():
        files = sorted(
            p for p in path.iterdir() if p.suffix.lower() == ".json" and not p.name.startswith(".")
        )
        if not files:
            raise DataError("there is no JSON file in this folder", where=path, todo="give LabelMe's folder")
        found = [read_labelme(file) for file in files]
    else:
        content = read_json(path)
        if isinstance(content, Mapping) and "shapes" in content:
            found = [label_of_labelme(content, path)]
        elif isinstance(content, Mapping):
            found = list(labels_of_coco(content, path))
        else:
            found = list(labels_of_authors(content, path))
    labels = [label for label in found if label is not None]
    names = [label.image for label in labels]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{doubled[0]} is labelled twice", where=path, todo="keep one label an image")
    return labels


def write_labels(path: Path, labels: Sequence[LabelledImage], form: Form) -> None:
    """Write labels; LabelMe's form makes a folder with a file an image.

    Raises:
        DataError: a form needs the sizes of the images and they are not known, or it cannot be written.
    """
    if form == "labelme":
        write_files(
            {path / f"{Path(label.image).stem}.json": as_bytes(labelme_json(label)) for label in labels}
        )
    else:
        write_files({path: as_bytes(authors_json(labels) if form == "authors" else coco_json(labels))})


def with_sizes(labels: Sequence[LabelledImage], images: Path) -> list[LabelledImage]:
    """The same labels with the sizes of their images, which are looked for in a folder.

    Raises:
        DataError: an image is missing, or a joint lies outside of it.
    """
    sized = []
    for label in labels:
        height, width = load_image(images / label.image).shape[:2]
        sized.append(replace(label, size_px=(width, height)))
        check_inside(sized[-1], str(images / label.image))
    return sized


def as_bytes(content: object) -> bytes:
    """JSON as it is written to files."""
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
