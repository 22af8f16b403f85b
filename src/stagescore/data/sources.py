"""The registry of label sources: a name, and what reads the labels of that name.

To add a source, write a `LabelReader` and add it to `READERS` (and its name to `label_request.Source`); `data check` and
`data import` then know it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stagescore.data import csv_labels, finediving, mtl_aqa, unlv_dive
from stagescore.data.attachments import Progress, attach
from stagescore.data.findings import Labels
from stagescore.data.label_request import LabelRequest, Source
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.data.shared_recordings import fine_diving_rows, mtl_aqa_dives, other_labels
from stagescore.media.source import open_media


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLabels:
    """Labels with their frames and poses, and what is needed to compare them with another data set.

    Attributes:
        labels: The dives and what their files disagree about.
        other: Dives of the other data set; None where they are not at hand.
        warnings: What the user should know, in words.
    """

    labels: Labels
    other: Manifest | None = None
    warnings: tuple[str, ...] = ()


LabelReader = Callable[[LabelRequest, Progress], SourceLabels]
"""Reads labels, with frames and poses where they are asked for, and tells its progress.

Raises `DataError` for what cannot be read; labels of another data set that nobody asked for are only warned about.
"""


def _finediving(request: LabelRequest, progress: Progress) -> SourceLabels:
    other, warnings = mtl_aqa_dives(request.annotations, request.other)
    return _attached(finediving.load(request.annotations), request, progress, other=other, warnings=warnings)


def _mtl_aqa(request: LabelRequest, progress: Progress) -> SourceLabels:
    rows, warnings = fine_diving_rows(request.annotations, request.other)
    other = None if rows is None else Manifest(tuple(rows.dives.values()))
    labels = mtl_aqa.load(request.annotations, rows)
    return _attached(labels, request, progress, other=other, warnings=warnings)


def _unlv_dive(request: LabelRequest, progress: Progress) -> SourceLabels:
    others, warnings = other_labels(request.annotations, request.other)
    by_recording = {name: {dive.recording: dive for dive in dives or ()} for name, dives in others.items()}
    labels, told = unlv_dive.load(
        request.annotations,
        unlv_dive.OtherLabels(mtl=by_recording["mtl-aqa"], finediving=by_recording["finediving"]),
    )
    warnings += told
    beside = request.annotations / unlv_dive.FILMS
    films = request.frames or (beside if beside.is_dir() else None)
    if films is None:
        warnings += (f"there is no folder {beside}; without films no dive has stages; name it with --frames",)
    else:
        labels, told = unlv_dive.attach_films(labels, films, progress)
        warnings += told
    if request.poses is not None:
        labels = attach(labels, frames=None, poses=request.poses, progress=progress)
    other = next((dives for dives in others.values() if dives is not None), None)
    return SourceLabels(labels=labels, other=other, warnings=warnings)


def _csv(request: LabelRequest, progress: Progress) -> SourceLabels:
    labels = csv_labels.load(request.annotations, lambda path: open_media(path).num_frames)
    return _attached(labels, request, progress, warnings=labels.ignored)


def _manifest(request: LabelRequest, progress: Progress) -> SourceLabels:
    return _attached(Labels(read_manifest(request.annotations)), request, progress)


READERS: Mapping[Source, LabelReader] = {
    Source.FINEDIVING: _finediving,
    Source.MTL_AQA: _mtl_aqa,
    Source.UNLV_DIVE: _unlv_dive,
    Source.CSV: _csv,
    Source.MANIFEST: _manifest,
}
"""What reads the labels of each source."""


def _attached(
    labels: Labels,
    request: LabelRequest,
    progress: Progress,
    *,
    other: Manifest | None = None,
    warnings: tuple[str, ...] = (),
) -> SourceLabels:
    if request.frames is not None or request.poses is not None:
        labels = attach(labels, frames=request.frames, poses=request.poses, progress=progress)
    return SourceLabels(labels=labels, other=other, warnings=warnings)
