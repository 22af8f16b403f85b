"""UNLV-Dive: 370 dives of London 2012, men's 10 m ("diving" of AQA-7, with the same numbers).

Sources: Parmar and Morris, CVPRW 2017 (dives and scores); github.com/YeTianJHU/diving-score (Xiang et al., ICIP 2018:
hand-marked stages and features). Files of the annotation folder, of which one is needed:

- `unlv_dive.npz`: `final_score`, `difficulty`, `stage_ends` (four marks each), `train_id` and `test_id` (from 1).
- `films.csv`: a row for each film, with marks, codes and the same dive in MTL-AQA and FineDiving; then only its films
  are read. `unlv_dive.npz` beside it is needed for the athletes (`unlv_athletes`).

Films: `<films>/<NNN>.mp4`, or `.avi` as published. The hand marks count from the first frame that is not black, and
are moved onto the frames of the film. Without `films.csv` the dives are found in MTL-AQA by the order of their scores.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from stagescore.array_archives import read_arrays
from stagescore.data import mtl_aqa
from stagescore.data.attachments import Progress
from stagescore.data.findings import Finding, Labels
from stagescore.data.manifest import Manifest
from stagescore.data.unlv_athletes import FIRST_FILM, NUM_FILMS, contest_of, recover_athletes
from stagescore.data.unlv_stages import NUM_MARKS, finediving_transitions, marks_problem
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.media.first_shot import stray_frames
from stagescore.media.source import open_media
from stagescore.spreadsheets import read_table
from stagescore.types import Dive, Split

DATASET = "unlv-dive"
ARRAYS = "unlv_dive.npz"
TABLE = "films.csv"
FILMS = "films"
HEIGHT_M = 10.0

_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", "")
_MARKS = ("jump_begins", "drop_begins", "entry_begins", "ending_begins")
_REQUIRED = ("id", "final_score", "difficulty", *_MARKS)
_CODES = {
    "armstand": "armstand",
    "rotation_type": "rotation_type",
    "half_somersaults": "ss_no",
    "half_twists": "tw_no",
    "position": "position",
}
_MTL_EVENTS = {"heats": 1, "semi-final": 2, "final": 3}
_MEND = "correct the row, or get the file from its publisher again"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlvFilm:
    """What the labels say of one film.

    Attributes:
        number: Number of the film, from 1.
        score: Final score, in points.
        difficulty: Degree of difficulty.
        hand_marks: Four marked frames, counted from the first that is not black.
        split: Split as published; `train` where none is.
        dive_number: Dive number as labelled; None if not labelled.
        coded_number: Dive number that the codes amount to; None without codes.
        marks: The seven judges' marks; empty if not labelled.
        mtl_id: Number of the dive within the contest in MTL-AQA; None if it is not there.
    """

    number: int
    score: float
    difficulty: float
    hand_marks: tuple[int, ...]
    split: Split = "train"
    dive_number: str | None = None
    coded_number: str | None = None
    marks: tuple[float, ...] = ()
    mtl_id: int | None = None

    @property
    def recording(self) -> str:
        """MTL-AQA's name of the recording, where the dive is found there."""
        contest = contest_of(self.number)
        if self.mtl_id is None:
            return f"{DATASET}/{contest}/{self.number}"
        return f"{mtl_aqa.DATASET}/{_MTL_EVENTS[contest]}/{self.mtl_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLabels:
    """The same dives in other data sets, by recording; empty where their labels are not at hand.

    Attributes:
        mtl: MTL-AQA's dives, by recording; empty where its labels are not at hand.
        finediving: FineDiving's dives, by recording; empty where its labels are not at hand.
    """

    mtl: Mapping[str, Dive]
    finediving: Mapping[str, Dive]


def is_annotation_folder(folder: Path) -> bool:
    """Whether a folder holds UNLV-Dive's labels."""
    return any((folder / name).is_file() for name in (ARRAYS, TABLE))


def load(annotations: Path, other: OtherLabels | None = None) -> tuple[Labels, tuple[str, ...]]:
    """Read the labels, without the films (`attach_films`).

    Args:
        annotations: Folder with `films.csv`, `unlv_dive.npz` or both.
        other: Dives of the films in other data sets; None for none.

    Returns:
        The dives in the order of their films with what disagrees, and what the user should know.

    Raises:
        DataError: No such file, unreadable, or a value that cannot be. File and row are named.
    """
    other = other or OtherLabels(mtl={}, finediving={})
    published = _read_arrays(annotations / ARRAYS) if (annotations / ARRAYS).is_file() else {}
    if (annotations / TABLE).is_file():
        films = _read_table(annotations / TABLE, published)
    elif published:
        films = _linked(list(published.values()), other)
    else:
        raise DataError(
            f"no {TABLE} or {ARRAYS} here",
            where=annotations,
            todo="point --annotations at the folder that holds one of them",
        )
    athletes, warnings = _athletes(films, published)
    dives: list[Dive] = []
    findings: list[Finding] = []
    for film in films:
        dive = _dive(film, athletes.get(film.number), where=str(annotations))
        dives.append(dive)
        findings.extend(_findings(film, dive, published.get(film.number), other))
    return Labels(Manifest(tuple(dives)), tuple(findings)), warnings


def attach_films(labels: Labels, folder: Path, progress: Progress) -> tuple[Labels, tuple[str, ...]]:
    """Find and decode the films, move the hand marks onto their frames, and name films that are not whole.

    Args:
        labels: Labels as `load` gives them.
        folder: Folder of the films.
        progress: Function that is called after every film.

    Returns:
        The labels with films, and what the user should know.

    Raises:
        DataError: The folder does not exist.
    """
    if not folder.is_dir():
        raise DataError("no such folder", where=folder, todo="check the path")
    dives: list[Dive] = []
    findings = [*labels.findings]
    num_padded = 0
    for done, dive in enumerate(labels.manifest, start=1):
        attached, padded = dive, False
        path = _film_path(dive, folder)
        if path is None:
            findings.append(Finding("missing_frames", dive.dive_id, f"no film {dive.number:03d} in {folder}"))
        else:
            try:
                attached, padded, found = _with_film(dive, path)
                findings.extend(found)
            except DataError as error:
                findings.append(Finding("frame_problems", dive.dive_id, error.what))
        num_padded += padded
        dives.append(attached)
        progress("films", done, len(labels.manifest))
    warnings = (
        (f"{num_padded} films begin or end with black frames, which are left out",) if num_padded else ()
    )
    return replace(labels, manifest=Manifest(tuple(dives)), findings=tuple(findings)), warnings


def link_films(scores: Mapping[int, float], mtl: Mapping[str, Dive]) -> dict[int, int]:
    """Find films in MTL-AQA: both have the dives of each contest in their order, with the same scores.

    Args:
        scores: Final score of each film, by its number.
        mtl: MTL-AQA's dives by recording.

    Returns:
        MTL-AQA's number within the contest, by film; films that it lacks are not named.
    """
    found: dict[int, int] = {}
    for contest in FIRST_FILM:
        films = [film for film in sorted(scores) if contest_of(film) == contest]
        rows = sorted(
            (dive for dive in mtl.values() if int(dive.event) == _MTL_EVENTS[contest]), key=lambda d: d.number
        )
        matcher = SequenceMatcher(
            None,
            [round(scores[film], 2) for film in films],
            [round(row.score, 2) for row in rows],
            autojunk=False,
        )
        for block in matcher.get_matching_blocks():
            for step in range(block.size):
                found[films[block.a + step]] = rows[block.b + step].number
    return found


def _linked(films: Sequence[UnlvFilm], other: OtherLabels) -> list[UnlvFilm]:
    """The published films with what MTL-AQA and FineDiving say of them."""
    numbers = link_films({film.number: film.score for film in films}, other.mtl)
    linked = []
    for film in films:
        found = replace(film, mtl_id=numbers.get(film.number))
        mtl, fine = other.mtl.get(found.recording), other.finediving.get(found.recording)
        linked.append(
            replace(
                found,
                dive_number=None if fine is None else fine.dive_number,
                coded_number=None if mtl is None else mtl.dive_number,
                marks=() if mtl is None else mtl.marks,
            )
        )
    return linked


def _athletes(
    films: Sequence[UnlvFilm], published: Mapping[int, UnlvFilm]
) -> tuple[dict[int, str], tuple[str, ...]]:
    heat_places = {
        film.number: film.mtl_id
        for film in films
        if film.mtl_id is not None and contest_of(film.number) == "heats"
    }
    if len(published) < NUM_FILMS:
        return {}, (f"{ARRAYS} is not at hand, so the athletes are unknown; add it",)
    if not heat_places:
        return {}, ("MTL-AQA's labels are not at hand, so the athletes are unknown; name them with --other",)
    found = recover_athletes({n: film.score for n, film in published.items()}, heat_places)
    return {number: str(athlete) for number, athlete in found.items()}, ()


def _dive(film: UnlvFilm, athlete: str | None, *, where: str) -> Dive:
    try:
        return Dive(
            dataset=DATASET,
            event=contest_of(film.number),
            number=film.number,
            recording=film.recording,
            split=film.split,
            score=film.score,
            difficulty=film.difficulty,
            dive_number=film.dive_number or film.coded_number,
            height_m=HEIGHT_M,
            height_source="named",
            marks=film.marks,
            transitions=finediving_transitions(film.hand_marks) or (),
            athlete=athlete,
            hand_marks=film.hand_marks,
        )
    except DataError as error:
        raise DataError(error.what, where=f"{where}, film {film.number}", todo=error.todo) from None


def _findings(
    film: UnlvFilm, dive: Dive, published: UnlvFilm | None, other: OtherLabels
) -> Iterator[Finding]:
    if problem := marks_problem(film.hand_marks):
        yield Finding("transitions", dive.dive_id, f"{problem}; its stages are masked")
    if film.coded_number is None:
        lacks = "no judges' marks and no codes" if not film.marks else "no codes"
        yield Finding("missing_labels", dive.dive_id, f"{lacks} of the dive")
    elif film.dive_number is not None and film.coded_number != film.dive_number:
        yield Finding(
            "dive_number_disagreements",
            dive.dive_id,
            f"the codes amount to {film.coded_number}, the labelled number is {film.dive_number}",
        )
    fine = other.finediving.get(dive.recording)
    if fine is not None and fine.difficulty != dive.difficulty:
        yield Finding(
            "difficulty_disagreements",
            dive.dive_id,
            f"{dive.dive_number} has difficulty {film.difficulty:g}, FineDiving has {fine.difficulty or 0:g}",
        )
    for name in ("score", "difficulty", "hand_marks"):
        if published is not None and getattr(film, name) != getattr(published, name):
            yield Finding(
                "file_disagreements",
                dive.dive_id,
                f"{name}: {getattr(film, name)} in {TABLE}, {getattr(published, name)} in {ARRAYS}",
            )


def _film_path(dive: Dive, folder: Path) -> Path | None:
    """The film with the dive's number, or a folder of its images."""
    named = (folder / f"{dive.number:03d}{suffix}" for suffix in _SUFFIXES)
    return next((path for path in named if path.exists()), None)


def _with_film(dive: Dive, path: Path) -> tuple[Dive, bool, list[Finding]]:
    media = open_media(path)
    info = media.info
    problems: list[Finding] = []
    if info.verdict != "ok":
        problems.append(Finding("frame_problems", dive.dive_id, info.warnings[0]))
    if stray := stray_frames(media):
        told = f"{stray} frame{'' if stray == 1 else 's'} of another shot"
        problems.append(Finding("other_shots", dive.dive_id, f"the film begins with {told}"))
    if dive.hand_marks[-1] >= len(media.content):
        problems.append(
            Finding(
                "frame_problems",
                dive.dive_id,
                f"the ending is marked at frame {dive.hand_marks[-1]} of {len(media.content)} that are not black",
            )
        )
    moved = dive.with_changes(
        frames_path=str(path.resolve()),
        num_frames=media.num_frames,
        hand_marks=tuple(mark + info.black_start for mark in dive.hand_marks),
        transitions=tuple(t + info.black_start for t in dive.transitions),
    )
    return moved, info.black_start + info.black_end > 0, problems


def _read_arrays(path: Path) -> dict[int, UnlvFilm]:
    try:
        arrays = read_arrays(path, ("final_score", "difficulty", "stage_ends", "train_id", "test_id"))
        scores, difficulties = (
            np.asarray(arrays[name], dtype=np.float64).ravel() for name in ("final_score", "difficulty")
        )
        marks = np.asarray(arrays["stage_ends"], dtype=np.int64)
        train, test = ({int(i) for i in arrays[name].ravel()} for name in ("train_id", "test_id"))
    except (OSError, ValueError, KeyError, OverflowError) as error:
        raise DataError(
            f"cannot read the labels ({str(error)[:80]})", where=path, todo="get the file again"
        ) from None
    shapes = (scores.shape, difficulties.shape, marks.shape)
    if shapes != ((NUM_FILMS,), (NUM_FILMS,), (NUM_FILMS, NUM_MARKS)):
        raise DataError(
            f"scores, difficulties and stages have the shapes {shapes[0]}, {shapes[1]} and {shapes[2]}",
            where=path,
            todo=f"give {NUM_FILMS} rows",
        )
    if train & test or train | test != set(range(1, NUM_FILMS + 1)):
        raise DataError(
            "the split does not put every film on one side",
            where=path,
            todo=f"give films 1 to {NUM_FILMS} once each, as `train_id` or `test_id`",
        )
    # Some are stored as 32-bit floats: 83.25 has to be 83.25 again.
    return {
        film: UnlvFilm(
            number=film,
            score=round(float(scores[film - 1]), 4),
            difficulty=round(float(difficulties[film - 1]), 4),
            hand_marks=tuple(int(mark) for mark in marks[film - 1]),
            split="test" if film in test else "train",
        )
        for film in range(1, NUM_FILMS + 1)
    }


def _read_table(path: Path, published: Mapping[int, UnlvFilm]) -> list[UnlvFilm]:
    table = read_table(path)
    rows = [
        (f"{path}, line {row.line}", dict(zip(table.columns, row.cells, strict=True))) for row in table.rows
    ]
    if missing := [name for name in _REQUIRED if name not in table.columns]:
        raise DataError(f"there is no column {missing[0]!r}", where=path, todo="get the file again")
    if not rows:
        raise DataError("there are no rows", where=path, todo="get the file again")
    films = []
    for where, row in rows:
        try:
            films.append(_film_of(row, published, where=where))
        except DataError as error:
            raise DataError(error.what, where=where, todo=error.todo) from None
    if twice := [n for n, count in Counter(film.number for film in films).items() if count > 1]:
        raise DataError(f"film {twice[0]} stands twice", where=path, todo="keep one of the rows")
    return sorted(films, key=lambda film: film.number)


def _film_of(row: Mapping[str, str], published: Mapping[int, UnlvFilm], *, where: str) -> UnlvFilm:
    number = _whole(row, "id", where)
    contest_of(number)
    codes = {
        ours: int(row[name]) for name, ours in _CODES.items() if re.fullmatch(r"\d{1,3}", row.get(name, ""))
    }
    labelled = row.get("dive_number", "")
    try:
        marks = tuple(float(mark) for mark in row.get("marks", "").split())
    except ValueError:
        raise DataError(f"the marks are {row['marks'][:40]!a}", where=where, todo=_MEND) from None
    return UnlvFilm(
        number=number,
        score=_number(row, "final_score", where),
        difficulty=_number(row, "difficulty", where),
        hand_marks=tuple(_whole(row, name, where) for name in _MARKS),
        split=published[number].split if number in published else "train",
        dive_number=DiveNumber.parse(labelled).code if labelled else None,
        coded_number=mtl_aqa.dive_number(codes, where=where) if len(codes) == len(_CODES) else None,
        marks=marks,
        mtl_id=_whole(row, "mtl_id", where) if row.get("mtl_id") else None,
    )


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = float("nan")
    if not abs(value) < 2**53:
        raise DataError(f"the {name} is {row[name][:40]!a} instead of a number", where=where, todo=_MEND)
    return value


def _whole(row: Mapping[str, str], name: str, where: str) -> int:
    value = _number(row, name, where)
    if value != int(value):
        raise DataError(f"the {name} is {value:g} instead of a whole number", where=where, todo=_MEND)
    return int(value)
