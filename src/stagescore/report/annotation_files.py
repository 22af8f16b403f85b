"""The files that `stagescore annotate` writes for a clip; `quality.json` comes last and says it is whole.

Forms: see `pose.formats`, `pose.coco_files`, `pose.labelme`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from stagescore.atomic import write_bytes, write_files
from stagescore.media.film_writing import write_film
from stagescore.pose.annotation import Annotation
from stagescore.pose.coco_files import coco_json
from stagescore.pose.formats import LabelledImage, authors_json
from stagescore.pose.labelme import empty_labelme_json, labelme_json
from stagescore.pose.labels import as_bytes, file_names
from stagescore.pose.npz_files import npz_bytes
from stagescore.report.overlay import overlay_frames

SCHEMA_VERSION = 1
"""Version of the form of `quality.json`."""
QUALITY = "quality.json"
AUTHORS = "annotations.json"
COCO = "coco.json"
OVERLAY = "overlay.mp4"
LABELME = "labelme"


def labels_of(annotation: Annotation, images: Sequence[str]) -> list[LabelledImage]:
    """The frames that show the diver, as labelled images; measured joints are visible, filled ones are not.

    Args:
        annotation: Annotation of a clip.
        images: Name of the image of each row of the annotation; of rows with the same name the first counts.
    """
    labels: dict[str, LabelledImage] = {}
    for row, image in enumerate(images):
        box = annotation.boxes_px[row]
        if image in labels or not np.isfinite(box).all():
            continue
        left, top, right, bottom = box.tolist()
        labels[image] = LabelledImage.with_box(
            image,
            (left, top, right, bottom),
            annotation.track.joints_px[row],
            annotation.measured[row],
            annotation.picture_px,
            derived=annotation.track.derived,
        )
    return list(labels.values())


def write_annotation(
    folder: Path,
    name: str,
    annotation: Annotation,
    images: Sequence[str],
    made_from: dict[str, Any],
) -> dict[str, Any]:
    """Write everything but the film and `quality.json`.

    Args:
        folder: Folder of the clip.
        name: Name of the clip, which the file of its joints is called after.
        annotation: The clip's joints and boxes.
        images: Name of the image of each row of the annotation.
        made_from: What the annotation was made from and how, for `quality.json`.

    Returns:
        The content of `quality.json`; see `finish`.

    Raises:
        DataError: A file cannot be written.
    """
    labels = labels_of(annotation, images)
    surety = {
        image: float(annotation.track.confidence[row].mean())
        for row, image in reversed(list(enumerate(images)))
    }
    files = {
        folder / f"pred_comp_{name}.npz": npz_bytes(annotation.track, annotation.measured),
        folder / AUTHORS: as_bytes(authors_json(labels)),
        folder / COCO: as_bytes(coco_json(labels, surety=[surety[label.image] for label in labels])),
    }
    labelled = {label.image: label for label in labels}
    for old in (folder / LABELME).glob("*.json"):  # of a run that was stopped, perhaps of other frames
        old.unlink()
    shown = list(dict.fromkeys(images))
    for image, file in zip(shown, file_names(shown), strict=True):
        content = (
            labelme_json(labelled[image])
            if image in labelled
            else empty_labelme_json(image, annotation.picture_px)
        )
        files[folder / LABELME / file] = as_bytes(content)
    write_files(files)
    return {"schema_version": SCHEMA_VERSION, "name": name, **made_from, **annotation.quality()}


def write_overlay(
    folder: Path, annotation: Annotation, frames: Iterable[UInt8[np.ndarray, "h w 3"]], frame_rate: float
) -> None:
    """Write `overlay.mp4`.

    Raises:
        DataError: It cannot be written.
    """
    write_film(folder / OVERLAY, overlay_frames(annotation, frames), frame_rate)


def finish(folder: Path, quality: dict[str, Any]) -> None:
    """Write `quality.json`: the clip is done.

    Raises:
        DataError: It cannot be written.
    """
    write_bytes(folder / QUALITY, as_bytes(quality))
