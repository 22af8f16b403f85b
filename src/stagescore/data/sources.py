"""Reading labels of any known source, and the other data set's beside them where they are at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from stagescore.data import csv_labels, finediving, mtl_aqa
from stagescore.data.findings import Labels
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.errors import DataError
from stagescore.media.source import open_media


class Source(StrEnum):
    """Where labels come from."""

    FINEDIVING = "finediving"
    MTL_AQA = "mtl-aqa"
    CSV = "csv"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """Labels, and what is needed to compare them with the other data set.

    Attributes:
        labels: the dives and what their files disagree about.
        other: the other data set's dives; None where they are not at hand.
        warnings: what the user should know, in words.
    """

    labels: Labels
    other: Manifest | None = None
    warnings: tuple[str, ...] = ()


def read_labels(source: Source, annotations: Path, other: Path | None = None) -> SourceLabels:
    """Read labels.

    FineDiving and MTL-AQA share recordings. Whichever is read, the other's labels give the overlap of
    the splits, and FineDiving's give MTL-AQA its transitions.

    Args:
        source: what they are.
        annotations: folder of the release's pickles, CSV file, or manifest.
        other: folder of the other data set's pickles; by default the first that fits, in
            `annotations` or beside it.

    Raises:
        DataError: unreadable. Labels of the other data set that nobody asked for are only warned about.
    """
    if source is Source.CSV:
        return SourceLabels(csv_labels.load(annotations, lambda path: open_media(path).num_frames))
    if source is Source.MANIFEST:
        return SourceLabels(Labels(read_manifest(annotations)))
    if source is Source.FINEDIVING:
        found, warnings = _read_other(
            annotations, other, mtl_aqa.is_annotation_folder, lambda folder: mtl_aqa.load(folder).manifest
        )
        return SourceLabels(finediving.load(annotations), found, warnings)
    rows, warnings = _read_other(
        annotations, other, finediving.is_annotation_folder, mtl_aqa.FineDivingRows.read
    )
    if rows is None:
        warnings += (
            "FineDiving's labels are not at hand, so no dive gets transitions from there; name them",
        )
    elif not rows.start_frames:
        warnings += (
            f"FineDiving's labels lack {finediving.COARSE}, so no dive gets transitions from there; add it",
        )
    return SourceLabels(
        mtl_aqa.load(annotations, rows),
        None if rows is None else Manifest(tuple(rows.dives.values())),
        warnings,
    )


_Found = TypeVar("_Found")


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
