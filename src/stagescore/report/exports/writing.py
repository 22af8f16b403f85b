"""One motion in one of the forms, and the pictures beside LabelMe's files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import cv2

from stagescore.atomic import write_bytes
from stagescore.errors import ConfigError, DataError
from stagescore.media.images import image_paths
from stagescore.media.source import Media
from stagescore.report.exports.kinovea_files import motion_kva
from stagescore.report.exports.motion import Motion
from stagescore.report.exports.opensim_files import motion_mot, motion_trc
from stagescore.report.exports.tables import motion_csv, motion_ods

MotionForm = Literal["csv", "ods", "trc", "mot", "kva"]
MOTION_FORMS: tuple[str, ...] = get_args(MotionForm)
"""Forms of motions, whose rows have times."""
SCALED_FORMS = ("csv", "ods", "trc", "kva")
"""Forms that may have metres."""
_QUALITY = 95
"""Quality of the pictures as JPEG, 0 to 100. Set by hand: joints are labelled on them."""


def motion_bytes(motion: Motion, form: MotionForm) -> bytes:
    """A motion in a form; the same motion always gives the same bytes.

    Raises:
        ConfigError: The form has no place for a scale, and the motion has one.
    """
    if motion.metres_per_pixel is not None and form not in SCALED_FORMS:
        raise ConfigError(f"the form {form} holds angles alone", todo="leave --metres-per-pixel out")
    if form == "csv":
        return motion_csv(motion).encode()
    if form == "ods":
        return motion_ods(motion)
    if form == "kva":
        return motion_kva(motion)
    return (motion_trc(motion) if form == "trc" else motion_mot(motion)).encode()


def write_frames(folder: Path, media: Media, frames: Sequence[int], names: Sequence[str]) -> None:
    """Write frames of a film as JPEG, one after another.

    Args:
        folder: Folder of the pictures.
        media: The film.
        frames: Frames to write, increasing.
        names: File name of each.

    Raises:
        DataError: A frame cannot be read or written.
    """
    for (_, picture), name in zip(media.frames(frames), names, strict=True):
        done, content = cv2.imencode(
            ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, _QUALITY)
        )
        if not done:
            raise DataError(
                "the picture cannot be written as JPEG", where=folder / name, todo="report this bug"
            )
        write_bytes(folder / name, content.tobytes())


def copy_images(folder: Path, images: Path, names: Sequence[str]) -> None:
    """Put images of a folder beside labels; those that lie there already stay.

    Args:
        folder: Folder of the labels.
        images: Folder of the images.
        names: File name of each image.

    Raises:
        DataError: An image is not there, or cannot be written.
    """
    there = {path.name: path for path in image_paths(images)} if images.is_dir() else {}
    for name in names:
        if name not in there:
            raise DataError(
                "the image is not there", where=images / name, todo="give the folder of the images"
            )
        if not (folder / name).exists() or not (folder / name).samefile(there[name]):
            write_bytes(folder / name, there[name].read_bytes())
