"""FineDiving's labels, frames and poses as their authors release them.

Sources: github.com/xujinglin/FineDiving (Xu et al., CVPR 2022) and github.com/Lumos0507/HP-MCoRe (poses
and splits). Files of the annotation folder:

- `fine-grained_annotation_aqa.pkl`: (event, number) -> [dive number, score, difficulty, transitions,
  label of each frame]; `FineDiving_fine-grained_annotation.pkl` says the same by field names, and
  names the sub-actions. One of the two is needed.
- `FineDiving_coarse_annotation.pkl`: first and last frame in the broadcast, and the judges' marks.
- `train_split.pkl`, `test_split.pkl`.

Frames: `<frames>/<event>/<number>/*.jpg`. Poses: `<poses>/<event>/pred_comp_<number>.npz`, and
hand-made joints in the authors' JSON form anywhere below `<poses>`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.data import fields
from stagescore.data.findings import Finding, Labels
from stagescore.data.heights import with_heights
from stagescore.data.manifest import Manifest
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.types import Dive, Split

DATASET = "finediving"
FINE = "fine-grained_annotation_aqa.pkl"
FINE_NAMED = "FineDiving_fine-grained_annotation.pkl"
COARSE = "FineDiving_coarse_annotation.pkl"
SPLITS: dict[Split, str] = {"train": "train_split.pkl", "test": "test_split.pkl"}
"""In this order: a dive in both is a test dive."""

_UNNAMED = "label"
_FINE_FIELDS = ("action_type", "dive_score", "difficulty", "steps_transit_frames", "frames_labels")
_COARSE_FIELDS = ("action_type", "start_frame", "end_frame", "dive_score", "difficulty", "judge_scores")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoarseRow:
    """A row of the coarse annotation: where the dive lies in the broadcast, and the marks.

    Attributes:
        dive_number: Dive number in upper case, such as `5253B`.
        start_frame: First frame of the clip in the broadcast.
        end_frame: Last frame of the clip in the broadcast.
        score: Final score, in points.
        difficulty: Degree of difficulty.
        marks: Judges' marks in their order.
    """

    dive_number: str
    start_frame: int
    end_frame: int
    score: float
    difficulty: float
    marks: tuple[float, ...]


def is_annotation_folder(folder: Path) -> bool:
    """Whether a folder holds FineDiving's labels."""
    return any((folder / name).is_file() for name in (FINE, FINE_NAMED))


def recording_name(event: str, number: int) -> str:
    """FineDiving's numbered events are MTL-AQA's; all others are its own."""
    return f"mtl-aqa/{int(event)}/{number}" if event.isdecimal() else f"{DATASET}/{event}/{number}"


def load(annotations: Path) -> Labels:
    """Read the labels.

    Args:
        annotations: Folder with the pickles.

    Returns:
        All dives of the two splits, in the order of the annotation file, and what disagrees between
        the files. Dives whose transitions are unusable are kept as they are labelled.

    Raises:
        DataError: A file is missing, unreadable or hostile, a row lacks a field or holds NaN, a split
            names an unknown dive, or a dive is in no split.
    """
    fine_path = _first_existing(annotations, (FINE, FINE_NAMED))
    fine = fields.keyed_rows(fine_path)
    named = fields.keyed_rows(annotations / FINE_NAMED) if (annotations / FINE_NAMED).is_file() else {}
    coarse = load_coarse(annotations) if (annotations / COARSE).is_file() else {}
    splits, in_both = read_splits(annotations, SPLITS, fine)

    dives: list[Dive] = []
    findings: list[Finding] = []
    for key, value in fine.items():
        if key not in splits:
            raise DataError(
                f"{fields.dive_name(key)} is in neither split", where=fine_path, todo="add it to a split file"
            )
        dive = _dive(key, value, where=f"{fine_path}, {fields.dive_name(key)}", split=splits[key])
        if key in named:
            dive = dive.with_changes(
                sub_actions=_sub_actions(named[key], f"{annotations / FINE_NAMED}, {dive.dive_id}")
            )
            findings.extend(_named_disagreements(dive, named[key], annotations / FINE_NAMED))
        if key in coarse:
            dive = dive.with_changes(marks=coarse[key].marks)
            findings.extend(_coarse_disagreements(dive, coarse[key]))
        elif coarse:
            findings.append(Finding("file_disagreements", dive.dive_id, f"not in {COARSE}"))
        dives.append(dive)
    overlap = tuple(fields.dive_name(key) for key in fine if key in in_both)
    return Labels(Manifest(tuple(with_heights(dives))), tuple(findings), overlap=overlap)


def load_coarse(annotations: Path) -> dict[tuple[Any, int], CoarseRow]:
    """Read the coarse annotation alone.

    Raises:
        DataError: Missing, unreadable or hostile, or a row lacks a field.
    """
    path = annotations / COARSE
    rows: dict[tuple[Any, int], CoarseRow] = {}
    for key, value in fields.keyed_rows(path).items():
        where = f"{path}, {fields.dive_name(key)}"
        row = fields.parse_row(value, _COARSE_FIELDS, where=where)
        marks = fields.sequence(row["judge_scores"], where=where, name="judges' marks")
        rows[key] = CoarseRow(
            dive_number=fields.text(row["action_type"], where=where, name="dive number").upper(),
            start_frame=fields.parse_int(row["start_frame"], where=where, name="first frame"),
            end_frame=fields.parse_int(row["end_frame"], where=where, name="last frame"),
            score=fields.number(row["dive_score"], where=where, name="score"),
            difficulty=fields.number(row["difficulty"], where=where, name="difficulty"),
            marks=tuple(fields.number(mark, where=where, name="judge's mark") for mark in marks),
        )
    return rows


def read_splits(
    annotations: Path, names: dict[Split, str], known: Iterable[tuple[Any, int]]
) -> tuple[dict[tuple[Any, int], Split], set[tuple[Any, int]]]:
    """Both split files: dive -> split, and the dives that both of them name (they count as test dives).

    Raises:
        DataError: Missing or unreadable, or a dive that has no labels.
    """
    labelled = set(known)
    splits: dict[tuple[Any, int], Split] = {}
    twice: set[tuple[Any, int]] = set()
    for split, name in names.items():
        path = annotations / name
        for key in fields.split_keys(path):
            if key not in labelled:
                raise DataError(
                    f"the split names {fields.dive_name(key)}, which has no labels",
                    where=path,
                    todo="use the split that belongs to these annotations",
                )
            if key in splits:
                twice.add(key)
            splits[key] = split
    return splits, twice


def _first_existing(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        f"no {' or '.join(names)} here",
        where=folder,
        todo="point --annotations at the folder that holds the release's pickles",
    )


def _dive(key: tuple[Any, int], value: object, *, where: str, split: Split) -> Dive:
    row = fields.parse_row(value, _FINE_FIELDS, where=where)
    event, number = fields.text(key[0], where=where, name="event"), key[1]
    frame_labels = fields.sequence(row["frames_labels"], where=where, name="frame labels")
    transitions = fields.sequence(row["steps_transit_frames"], where=where, name="transitions")
    changes = [k for k, (a, b) in enumerate(pairwise(frame_labels)) if a != b]
    try:
        return Dive(
            dataset=DATASET,
            event=event,
            number=number,
            recording=recording_name(event, number),
            split=split,
            score=fields.number(row["dive_score"], where=where, name="score"),
            difficulty=fields.number(row["difficulty"], where=where, name="difficulty"),
            dive_number=DiveNumber.parse(
                fields.text(row["action_type"], where=where, name="dive number")
            ).code,
            synchronised="synchronised" in event.lower(),
            num_frames=len(frame_labels),
            transitions=tuple(fields.parse_int(t, where=where, name="transition") for t in transitions),
            label_changes=tuple(changes),
        )
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None


def _sub_actions(value: object, where: str) -> tuple[str, ...]:
    """Names of the sub-actions in the order in which the frame labels show them."""
    row = fields.parse_row(value, ("frames_labels", "sub-action_types"), where=where)
    names = row["sub-action_types"]
    labels = fields.sequence(row["frames_labels"], where=where, name="frame labels")
    if not isinstance(names, dict):
        raise DataError("the sub-actions have no names", where=where, todo="get the file again")
    by_label = {int(k): v for k, v in names.items() if isinstance(k, int | np.integer) and isinstance(v, str)}
    order = labels[:1] + [b for a, b in pairwise(labels) if a != b]
    return tuple(by_label.get(label, f"{_UNNAMED} {label}") for label in order if isinstance(label, int))


def _named_disagreements(dive: Dive, value: object, path: Path) -> Iterator[Finding]:
    where = f"{path}, {dive.dive_id}"
    for name in dive.sub_actions:
        if name.startswith(_UNNAMED):
            yield Finding("file_disagreements", dive.dive_id, f"{FINE_NAMED} has no name for {name}")
    other = _dive((dive.event, dive.number), value, where=where, split=dive.split)
    for name in ("dive_number", "score", "difficulty", "num_frames", "transitions", "label_changes"):
        mine, theirs = getattr(dive, name), getattr(other, name)
        if mine != theirs:
            yield Finding(
                "file_disagreements", dive.dive_id, f"{name}: {mine} in {FINE}, {theirs} in {FINE_NAMED}"
            )


def _coarse_disagreements(dive: Dive, row: CoarseRow) -> Iterator[Finding]:
    num_frames = row.end_frame - row.start_frame + 1
    for name, mine, theirs in (
        ("dive number", dive.dive_number, row.dive_number),
        ("score", dive.score, row.score),
        ("difficulty", dive.difficulty, row.difficulty),
        ("frames", dive.num_frames, num_frames),
    ):
        if mine != theirs:
            yield Finding(
                "file_disagreements",
                dive.dive_id,
                f"{name}: {mine} in the fine annotation, {theirs} in {COARSE}",
            )
