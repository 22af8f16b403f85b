"""Labelled images in any of the forms: LabelMe, COCO, the authors' JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from stagescore.atomic import write_files
from stagescore.errors import DataError
from stagescore.media.images import load_image
from stagescore.pose.coco_files import coco_json, empty_of_coco, labels_of_coco
from stagescore.pose.formats import (
    EmptyImage,
    LabelledImage,
    authors_json,
    check_inside,
    labels_of_authors,
    read_json,
)
from stagescore.pose.labelme import empty_labelme_json, label_of_labelme, labelme_json

Form = Literal["authors", "coco", "labelme"]


def read_labels(path: Path) -> list[LabelledImage]:
    """Read a file in whichever form it has, or a folder of LabelMe's files.

    Raises:
        DataError: it has none of the forms, or holds something that cannot be (what, where, what to do).
    """
    return read_labels_and_empty(path)[0]


def read_labels_and_empty(path: Path) -> tuple[list[LabelledImage], list[EmptyImage]]:
    """As `read_labels`, with the images in which there is nobody to label.

    Raises:
        DataError: as of `read_labels`.
    """
    empty: list[EmptyImage] = []
    if path.is_dir():
        files = sorted(
            p for p in path.iterdir() if p.suffix.lower() == ".json" and not p.name.startswith(".")
        )
        if not files:
            raise DataError("there is no JSON file in this folder", where=path, todo="give LabelMe's folder")
        found = [label_of_labelme(read_json(file), file) for file in files]
    else:
        content = read_json(path)
        if isinstance(content, Mapping) and "shapes" in content:
            found = [label_of_labelme(content, path)]
        elif isinstance(content, Mapping):
            found = list(labels_of_coco(content, path))
            empty += empty_of_coco(content)
        else:
            found = list(labels_of_authors(content, path))
    labels = [label for label in found if isinstance(label, LabelledImage)]
    empty += [label for label in found if isinstance(label, EmptyImage)]
    names = [label.image for label in labels] + [one.image for one in empty]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{doubled[0]} is labelled twice", where=path, todo="keep one label an image")
    return labels, empty


def write_labels(
    path: Path, labels: Sequence[LabelledImage], form: Form, empty: Sequence[EmptyImage] = ()
) -> None:
    """Write labels; LabelMe's form makes a folder with a file an image.

    Args:
        path: a file, or a folder for LabelMe.
        labels: of images.
        form: to be written.
        empty: images in which there is nobody to label; the authors' form cannot hold them.

    Raises:
        DataError: a form needs the sizes of the images and they are not known, two images would have the same
            file, or it cannot be written.
    """
    if form == "labelme":
        names = labelme_names([*(label.image for label in labels), *(one.image for one in empty)])
        content = [*map(labelme_json, labels), *(empty_labelme_json(one.image, one.size_px) for one in empty)]
        write_files({path / name: as_bytes(one) for name, one in zip(names, content, strict=True)})
    else:
        write_files(
            {path: as_bytes(authors_json(labels) if form == "authors" else coco_json(labels, empty=empty))}
        )


def labelme_names(images: Sequence[str]) -> list[str]:
    """The file of each image, as LabelMe names them; with the image's ending or folder where two would be the same."""
    paths = [Path(image) for image in images]
    for names in (
        [path.stem for path in paths],
        [path.name for path in paths],
        ["_".join(path.parts) for path in paths],
    ):
        if len(set(names)) == len(names):
            return [f"{name}.json" for name in names]
    raise DataError("two images have the same name", where=images[0], todo="rename one of them")


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
