"""Writing frames of a film as a folder of images, for data sets and for annotation.

Source: none needed. The folder appears complete or not at all.
"""

import json
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from stagescore.errors import DataError
from stagescore.media.scaling import scaled
from stagescore.media.source import Media

SCHEMA_VERSION = 1
"""Version of the form of `frames.json`."""


def export_frames(
    media: Media,
    folder: Path,
    *,
    indices: Sequence[int] | None = None,
    size_px: tuple[int, int] | None = None,
    quality: int = 90,
) -> Path:
    """Write `00000.jpg ...` and `frames.json` into a new folder; one frame is in memory at a time.

    Args:
        media: Film that the frames come from.
        folder: The new folder; the folders above it are made as needed.
        indices: Frames to write, increasing, repeats allowed; all by default.
        size_px: Width and height to scale the frames to, in pixels; as filmed by default.
        quality: Quality of the JPEG files, 1 to 95.

    Returns:
        Path of the new folder.

    Raises:
        DataError: The folder exists, cannot be written, a setting is wrong, or the film cannot be read
            any more; nothing is left behind then.
    """
    if not 1 <= quality <= 95:
        raise DataError(f"JPEG quality {quality} is asked for", todo="choose among 1 to 95")
    if size_px is not None and min(size_px) < 1:
        raise DataError(f"size {size_px[0]} x {size_px[1]} is asked for", todo="give positive pixels")
    if os.path.lexists(folder):
        raise DataError("it exists already", where=folder, todo="choose a new folder; nothing is overwritten")
    missing = [parent for parent in folder.parents if not parent.exists()]
    staging = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
        _fill(staging, media, indices, size_px, quality)
        _sync(staging)
        if os.path.lexists(folder):  # made by someone else meanwhile; renaming would replace an empty one
            raise DataError(
                "it exists already", where=folder, todo="choose a new folder; nothing is overwritten"
            )
        staging.rename(folder)
        _sync(folder.parent)
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        for parent in missing:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if isinstance(error, OSError):
            raise DataError(
                f"cannot write ({error.strerror or error})",
                where=folder,
                todo="free some space or choose a folder you may write to; nothing has been written",
            ) from error
        raise
    return folder


def _fill(
    staging: Path, media: Media, indices: Sequence[int] | None, size_px: tuple[int, int] | None, quality: int
) -> None:
    written: list[dict[str, Any]] = []
    for position, (index, picture) in enumerate(media.frames(indices)):
        name = f"{position:05d}.jpg"
        with (staging / name).open("xb") as stream:
            Image.fromarray(picture if size_px is None else scaled(picture, size_px)).save(
                stream, format="JPEG", quality=quality
            )
            stream.flush()
            os.fsync(stream.fileno())
        time_s = float(media.times_s[index])
        written.append(
            {"file": name, "index": index, "time_s": time_s, "real_time_s": time_s / media.info.slowmo}
        )
    content = {
        "schema_version": SCHEMA_VERSION,
        "media": media.info.as_json(),
        "size_px": list(size_px or (media.info.width_px, media.info.height_px)),
        "frames": written,
    }
    with (staging / "frames.json").open("x", encoding="utf-8") as text:
        json.dump(content, text, indent=1, ensure_ascii=False)
        text.flush()
        os.fsync(text.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
