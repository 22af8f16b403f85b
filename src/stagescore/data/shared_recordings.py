"""Labels of other data sets that show the same dives: FineDiving and MTL-AQA share recordings, and UNLV-Dive is in both.

Whichever is read, the labels of the others give the overlap of the splits, FineDiving's give MTL-AQA its transitions, and both
give UNLV-Dive what it does not say itself. This is the one place that knows of the pair.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from stagescore.data import finediving, mtl_aqa
from stagescore.data.findings import Labels
from stagescore.data.manifest import Manifest
from stagescore.errors import DataError

_Found = TypeVar("_Found")


def mtl_aqa_dives(annotations: Path, other: Path | None) -> tuple[Manifest | None, tuple[str, ...]]:
    """MTL-AQA's dives, for FineDiving; None where they are not at hand. Also what the user should know.

    Args:
        annotations: Folder of FineDiving's labels.
        other: Folder of MTL-AQA's labels; None for the first that fits, in `annotations` or beside it.

    Raises:
        DataError: `other` is given and cannot be read.
    """
    return _read_other(
        annotations, other, mtl_aqa.is_annotation_folder, lambda folder: mtl_aqa.load(folder).manifest
    )


def fine_diving_rows(
    annotations: Path, other: Path | None
) -> tuple[mtl_aqa.FineDivingRows | None, tuple[str, ...]]:
    """FineDiving's rows, from which MTL-AQA gets its transitions; None where they are not at hand. Also what the user should know.

    Args:
        annotations: Folder of MTL-AQA's labels.
        other: Folder of FineDiving's labels; None for the first that fits, in `annotations` or beside it.

    Raises:
        DataError: `other` is given and cannot be read.
    """
    rows, warnings = _read_other(
        annotations, other, finediving.is_annotation_folder, mtl_aqa.FineDivingRows.read
    )
    if rows is None:
        return None, (
            *warnings,
            "FineDiving's labels are not at hand, so no dive gets transitions from there; name them",
        )
    if not rows.start_frames:
        warnings += (
            f"FineDiving's labels lack {finediving.COARSE}, so no dive gets transitions from there; add it",
        )
    return rows, warnings


def other_labels(annotations: Path, other: Path | None) -> tuple[dict[str, Manifest | None], tuple[str, ...]]:
    """What FineDiving and MTL-AQA say, each by its name and None where it is not at hand, for a data set that is in both.

    Args:
        annotations: Folder of the labels of the data set that is in both.
        other: Folder of one of the two; None for the first of each that fits, in `annotations` or beside it.

    Raises:
        DataError: `other` holds neither, or cannot be read.
    """
    found: dict[str, Manifest | None] = {}
    warnings: tuple[str, ...] = ()
    for name, module in (("finediving", finediving), ("mtl-aqa", mtl_aqa)):
        named = other if other is not None and module.is_annotation_folder(other) else None
        found[name], told = _read_other(
            annotations, named, module.is_annotation_folder, partial(_manifest_of, module.load)
        )
        warnings += told
    if other is not None and not any(module.is_annotation_folder(other) for module in (finediving, mtl_aqa)):
        raise DataError(
            "neither FineDiving's nor MTL-AQA's labels are here", where=other, todo="correct --other"
        )
    return found, warnings


def _manifest_of(load: Callable[[Path], Labels], folder: Path) -> Manifest:
    return load(folder).manifest


def _read_other(
    annotations: Path, other: Path | None, fits: Callable[[Path], bool], read: Callable[[Path], _Found]
) -> tuple[_Found | None, tuple[str, ...]]:
    if other is not None:
        return read(other), ()
    try:
        around = annotations.resolve().parent
        beside = sorted(around.iterdir()) if around.is_dir() else []
        folder = next((f for f in (annotations, *beside) if f.is_dir() and fits(f)), None)
        return (None if folder is None else read(folder)), ()
    except (DataError, OSError) as error:
        return None, (f"the other data set's labels are left out: {error}",)
