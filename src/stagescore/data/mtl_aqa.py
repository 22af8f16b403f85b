"""MTL-AQA's labels as their authors release them.

Sources: github.com/ParitoshParmar/MTL-AQA (Parmar and Morris, CVPR 2019); the file with the judges'
marks is from github.com/nzl-thu/MUSDL (Tang et al., CVPR 2020). Files of the annotation folder:

- `augmented_final_annotations_dict.pkl` (with the marks) or `final_annotations_dict.pkl` (without).
- `final_captions_dict.pkl`, if there.
- `train_split_0.pkl`, `test_split_0.pkl`.

MTL-AQA labels no stages, but 1,369 of its 1,412 dives are rows of FineDiving: with FineDiving's labels
at hand their transitions come from there. The two data sets cut a few of these clips differently (most
begin one frame later in FineDiving), so that transitions are moved by the difference of the clips'
first frames in the broadcast.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagescore.data import fields, finediving
from stagescore.data.findings import Finding, Labels
from stagescore.data.heights import with_heights
from stagescore.data.manifest import Manifest
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.types import Dive, Split

DATASET = "mtl-aqa"
PLAIN = "final_annotations_dict.pkl"
WITH_MARKS = "augmented_final_annotations_dict.pkl"
CAPTIONS = "final_captions_dict.pkl"
SPLITS: dict[Split, str] = {"train": "train_split_0.pkl", "test": "test_split_0.pkl"}

_FIELDS = (
    "start_frame",
    "end_frame",
    "final_score",
    "difficulty",
    "armstand",
    "rotation_type",
    "ss_no",
    "tw_no",
    "position",
)
# Codes of the labels, found by comparing the 1,369 shared dives with FineDiving's dive numbers.
_GROUPS = {0: "2", 1: "1", 2: "4", 3: "3"}
_POSITIONS = {1: "B", 2: "C"}


@dataclass(frozen=True, slots=True)
class FineDivingRows:
    """What FineDiving says of the shared dives: a row and where its clip begins in the broadcast.

    Attributes:
        dives: FineDiving's dives, by recording.
        start_frames: First frame of each clip in the broadcast, by recording; empty without the coarse annotation.
    """

    dives: Mapping[str, Dive]
    start_frames: Mapping[str, int]

    @classmethod
    def read(cls, annotations: Path) -> "FineDivingRows":
        """Read them from FineDiving's annotation folder.

        Raises:
            DataError: As `finediving.load`.
        """
        has_coarse = (annotations / finediving.COARSE).is_file()
        coarse = finediving.load_coarse(annotations) if has_coarse else {}
        return cls(
            {dive.recording: dive for dive in finediving.load(annotations).manifest},
            {finediving.recording_name(*key): row.start_frame for key, row in coarse.items()},
        )


def is_annotation_folder(folder: Path) -> bool:
    """Whether a folder holds MTL-AQA's labels."""
    return any((folder / name).is_file() for name in (WITH_MARKS, PLAIN))


def load(annotations: Path, shared: FineDivingRows | None = None) -> Labels:
    """Read the labels.

    Args:
        annotations: Folder with the pickles.
        shared: FineDiving's rows, to take transitions from; None for none.

    Returns:
        All dives, in the order of the annotation file, and disagreements with FineDiving's labels.

    Raises:
        DataError: A file is missing, unreadable or hostile, a row lacks a field or holds NaN, or a
            split names an unknown dive.
    """
    name = WITH_MARKS if (annotations / WITH_MARKS).is_file() else PLAIN
    path = annotations / name
    if not path.is_file():
        raise DataError(
            f"no {WITH_MARKS} or {PLAIN} here",
            where=annotations,
            todo="point --annotations at the folder that holds the release's pickles",
        )
    rows = fields.keyed_rows(path)
    captions = fields.keyed_rows(annotations / CAPTIONS) if (annotations / CAPTIONS).is_file() else {}
    splits, in_both = finediving.read_splits(annotations, SPLITS, rows)
    dives: list[Dive] = []
    findings: list[Finding] = []
    overlap: list[str] = []
    for key, value in rows.items():
        where = f"{path}, {fields.dive_name(key)}"
        if key not in splits:
            raise DataError("the dive is in neither split", where=where, todo="add it to a split file")
        row = fields.parse_row(value, _FIELDS, where=where)
        dive = _dive(key, row, where=where, split=splits[key])
        if key in captions:
            words = fields.sequence(
                captions[key], where=f"{annotations / CAPTIONS}, {dive.dive_id}", name="caption"
            )
            dive = dive.with_changes(caption=_caption(words))
        if shared is not None and dive.recording in shared.dives:
            start = fields.parse_int(row["start_frame"], where=where, name="first frame")
            dive, found = _joined(dive, start, shared)
            findings.extend(found)
        if key in in_both:
            overlap.append(dive.dive_id)
        dives.append(dive)
    return Labels(Manifest(tuple(with_heights(dives))), tuple(findings), overlap=tuple(overlap))


def dive_number(row: Mapping[str, Any], *, where: str) -> str | None:
    """The dive number that the labels amount to, or None where they fit no dive.

    A half somersault is labelled as 0. Position 0 is the free one of twisting dives and otherwise straight.
    """
    code = {name: fields.parse_int(row[name], where=where, name=name) for name in _FIELDS[4:]}
    direction = _GROUPS.get(code["rotation_type"])
    somersaults = code["ss_no"] or 1
    twists = code["tw_no"]
    position = _POSITIONS.get(code["position"], "D" if twists else "A")
    if direction is None:
        return None
    if code["armstand"]:
        text = f"6{direction}{somersaults}{twists or ''}{position}"
    elif twists:
        text = f"5{direction}{somersaults}{twists}{position}"
    else:
        text = f"{direction}0{somersaults}{position}"
    try:
        return DiveNumber.parse(text).code
    except DataError:
        return None


def _dive(key: tuple[Any, int], row: Mapping[str, Any], *, where: str, split: Split) -> Dive:
    start = fields.parse_int(row["start_frame"], where=where, name="first frame")
    end = fields.parse_int(row["end_frame"], where=where, name="last frame")
    if end <= start:
        raise DataError(f"the clip runs from frame {start} to {end}", where=where, todo="correct the row")
    marks = (
        fields.sequence(row["judge_scores"], where=where, name="judges' marks")
        if "judge_scores" in row
        else []
    )
    event = fields.parse_int(key[0], where=where, name="event")
    try:
        return Dive(
            dataset=DATASET,
            event=f"{event:02d}",
            number=key[1],
            recording=f"{DATASET}/{event}/{key[1]}",
            split=split,
            score=fields.number(row["final_score"], where=where, name="score"),
            difficulty=fields.number(row["difficulty"], where=where, name="difficulty"),
            dive_number=dive_number(row, where=where),
            marks=tuple(fields.number(mark, where=where, name="judge's mark") for mark in marks),
            num_frames=end - start + 1,
        )
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None


def _caption(words: list[Any]) -> str:
    kept = [word for word in words if isinstance(word, str) and word not in ("<sos>", "<eos>")]
    return " ".join(kept)


def _joined(dive: Dive, start_frame: int, shared: FineDivingRows) -> tuple[Dive, list[Finding]]:
    """The dive with FineDiving's transitions, moved onto this clip's frames."""
    other = shared.dives[dive.recording]
    findings: list[Finding] = []
    if other.score != dive.score:
        return dive, [
            Finding(
                "file_disagreements",
                dive.dive_id,
                f"score: {dive.score:g}, but {other.score:g} in FineDiving; no transitions are taken from there",
            )
        ]
    if other.dive_number != dive.dive_number:
        findings.append(
            Finding(
                "dive_number_disagreements",
                dive.dive_id,
                f"the labels amount to {dive.dive_number}, FineDiving has {other.dive_number}",
            )
        )
    if dive.recording in shared.start_frames:
        shift = shared.start_frames[dive.recording] - start_frame
        dive = dive.with_changes(
            transitions=tuple(t + shift if t >= 0 else t for t in other.transitions),
            label_changes=None
            if other.label_changes is None
            else tuple(t + shift for t in other.label_changes),
            sub_actions=other.sub_actions,
        )
    elif shared.start_frames:
        findings.append(
            Finding(
                "file_disagreements",
                dive.dive_id,
                f"not in FineDiving's {finediving.COARSE}; no transitions are taken from there",
            )
        )
    return dive, findings
