"""Reading labels of any known source, and the other data set's beside them where they are at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TypeVar

from stagescore.data import csv_labels, finediving, mtl_aqa, unlv_dive
from stagescore.data.findings import Labels
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.errors import DataError
from stagescore.media.source import open_media


class Source(StrEnum):
    """Where labels come from."""

    FINEDIVING = "finediving"
    MTL_AQA = "mtl-aqa"
    UNLV_DIVE = "unlv-dive"
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
    the splits, and FineDiving's give MTL-AQA its transitions. UNLV-Dive's dives are in both.

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
    if source is Source.UNLV_DIVE:
        return _read_unlv_dive(annotations, other)
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


def _read_unlv_dive(annotations: Path, other: Path | None) -> SourceLabels:
    """UNLV-Dive, with what FineDiving and MTL-AQA say of the same dives, as far as they are at hand."""
    found: list[Manifest | None] = []
    warnings: tuple[str, ...] = ()
    for module in (finediving, mtl_aqa):
        named = other if other is not None and module.is_annotation_folder(other) else None
        manifest, told = _read_other(
            annotations, named, module.is_annotation_folder, partial(_manifest_of, module.load)
        )
        found.append(manifest)
        warnings += told
    if other is not None and not any(m.is_annotation_folder(other) for m in (finediving, mtl_aqa)):
        raise DataError(
            "neither FineDiving's nor MTL-AQA's labels are here", where=other, todo="correct --other"
        )
    fine, mtl = ({dive.recording: dive for dive in manifest or ()} for manifest in found)
    labels, told = unlv_dive.load(annotations, unlv_dive.OtherLabels(mtl=mtl, finediving=fine))
    return SourceLabels(labels, next((m for m in found if m is not None), None), warnings + told)


def _manifest_of(load: Callable[[Path], Labels], folder: Path) -> Manifest:
    return load(folder).manifest


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
