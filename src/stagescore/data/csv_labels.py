"""People's own labels: a table with a row for each dive, as CSV or xlsx.

Columns: `path` and `score`; if wanted `dive_number`, `difficulty`, `height_m`, `marks`, `transitions`,
`frames`, `split`, `event`, `number`, `athlete`, under these or other names (`column_names`); marks may also stand in a column
for each judge. A path is relative to the table's folder; it may be left empty where there is no video.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from stagescore.data.column_names import LabelTable, is_column
from stagescore.data.findings import Labels
from stagescore.data.heights import with_heights
from stagescore.data.manifest import Manifest
from stagescore.diving import SYNCHRONISED_PANELS, DiveNumber
from stagescore.errors import DataError
from stagescore.named_files import FolderFiles
from stagescore.spreadsheets import looks_like_a_date, numbers_in, read_table
from stagescore.types import Dive, Split

REQUIRED = ("path", "score")
_LISTS = ("marks", "transitions")
_WHOLE = ("frames", "number", "transitions")
_METRES = re.compile(r"\s*m(et(er|re|res|ri|ro|ros))?\.?$", re.IGNORECASE)
_SYNCHRONISED = re.compile(r"synchron|synchro\b|sincro|sync\b", re.IGNORECASE)
"""How the names of synchronised events tell it, in five languages."""

CountFrames = Callable[[Path], int]
"""Number of frames of a video or folder; raises DataError where it cannot be read."""


def load(path: Path, count_frames: CountFrames, folder: Path | None = None) -> Labels:
    """Read a table of labels.

    Args:
        path: CSV or xlsx file of labels.
        count_frames: Function that counts the frames of a named video where the column `frames` is missing or empty.
        folder: Folder that paths in the file are relative to; the file's own by default.

    Raises:
        DataError: Unreadable, a column missing or misspelt, a value that cannot be, a video that cannot
            be read. The line is named, of videos all of them.
    """
    labels = LabelTable.of(read_table(path, known=is_column), REQUIRED)
    if not labels.table.rows:
        raise DataError("there are no rows", where=path, todo="add a row for each dive")
    base = path.parent if folder is None else folder
    films = FolderFiles(base)
    named: dict[Path, str] = {}
    dives = []
    unreadable: list[tuple[str, DataError]] = []
    for row in labels.table.rows:
        where = f"{labels.table.where}, line {row.line}"
        cells = labels.cells(row)
        media = _film_of(cells["path"], films, base, where)
        if media is not None:
            _check_apart(media, (named.setdefault(media, cells["path"]), cells["path"]), base, where)
        given = number_of(cells, "frames", where)
        num_frames = None if given is None else int(given)
        if media is not None and num_frames is None:
            try:
                num_frames = count_frames(media)
            except DataError as error:
                unreadable.append((where, error))
                continue
        dives.append(_dive(path.stem, row.line, cells, media, num_frames, where))
    if unreadable:
        _refuse_films(unreadable)
    heights = {dive.dive_id: dive.height_m for dive in dives if dive.height_m is not None}
    inferred = [
        dive.with_changes(height_m=heights[dive.dive_id], height_source="named")
        if dive.dive_id in heights
        else dive
        for dive in with_heights(dives)
    ]
    try:
        return Labels(Manifest(tuple(inferred)), ignored_columns=labels.ignored)
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", todo=error.todo) from None


def _refuse_films(unreadable: Sequence[tuple[str, DataError]]) -> NoReturn:
    """Name all films that cannot be read, so that nobody meets them one by one.

    Raises:
        DataError: Always.
    """
    (where, first), *others = unreadable
    if not others:
        raise DataError(f"{first.where}: {first.what}", where=where, todo=first.todo)
    raise DataError(
        f"{len(unreadable)} films cannot be read: "
        + "; ".join(
            f"{place.rpartition(', ')[2]}, {error.where}: {error.what}" for place, error in unreadable
        ),
        where=where.rpartition(", ")[0],
        todo="get them again, or take their rows out",
    )


def _film_of(written: str, films: FolderFiles, folder: Path, where: str) -> Path | None:
    """The film of a row; None where the table names none.

    Raises:
        DataError: There is no such film, or several fit.
    """
    if not written:
        return None
    try:
        media = films.find(written)
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None
    if media is None:
        raise DataError(
            f"there is no {folder / written}",
            where=where,
            todo=f"correct the path, which is relative to {folder}",
        )
    return media


def _check_apart(media: Path, rows: tuple[str, str], folder: Path, where: str) -> None:
    """Refuse a film that two rows call by different names, one of which was only near to the film's.

    Raises:
        DataError: Two rows would be of the same film.
    """
    earlier, written = rows
    if earlier != written and any(folder / name != media for name in rows):
        raise DataError(
            f"{earlier[:100]!a} and {written[:100]!a} would both be {media}",
            where=where,
            todo="write the path of each film as the folder has it",
        )


def _dive(
    dataset: str, line: int, cells: dict[str, str], media: Path | None, num_frames: int | None, where: str
) -> Dive:
    score = number_of(cells, "score", where)
    if score is None:
        raise DataError("the score is missing", where=where, todo="give the final score in points")
    event = cells.get("event") or dataset
    number = number_of(cells, "number", where)
    dive_id = int(number) if number is not None else line
    marks = tuple(_numbers(cells, "marks", where))
    try:
        return Dive(
            dataset=dataset,
            event=event,
            number=dive_id,
            recording=f"{dataset}/{event}/{dive_id}",
            split=_split(cells, where),
            score=score,
            difficulty=number_of(cells, "difficulty", where),
            dive_number=dive_number_of(cells),
            height_m=number_of(cells, "height_m", where),
            synchronised=len(marks) in SYNCHRONISED_PANELS or _SYNCHRONISED.search(event) is not None,
            marks=marks,
            num_frames=num_frames,
            transitions=tuple(int(t) for t in _numbers(cells, "transitions", where)),
            frames_path=None if media is None else str(media.resolve()),
            athlete=cells.get("athlete") or None,
        )
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None


def dive_number_of(cells: dict[str, str]) -> str | None:
    """The dive number of a row in upper case, written with or without spaces; None where the field is empty.

    Args:
        cells: Fields of the row by the names of their columns.

    Raises:
        DataError: It is no dive number.
    """
    written = "".join(cells.get("dive_number", "").split())
    return DiveNumber.parse(written).code if written else None


def number_of(cells: dict[str, str], name: str, where: str) -> float | None:
    """The one number of a field; None where the field is empty or the column is not there.

    Args:
        cells: Fields of the row by the names of their columns.
        name: Name of the column.
        where: File and line, for the error.

    Raises:
        DataError: It is no finite number, several, or no whole one where it must be.
    """
    return next(iter(_numbers(cells, name, where)), None)


def _split(cells: dict[str, str], where: str) -> Split:
    written = cells.get("split", "").lower()
    if written not in ("", "train", "test"):
        raise DataError(f"the split is {cells['split'][:20]!a}", where=where, todo="write train or test")
    return "test" if written == "test" else "train"


def _numbers(cells: dict[str, str], name: str, where: str) -> list[float]:
    written = cells.get(name, "")
    what = f"the {name} is {written[:40]!a}"
    try:
        values = numbers_in(
            _METRES.sub("", written) if name == "height_m" else written, whole=name == "transitions"
        )
    except ValueError as error:
        todo = "give finite numbers"
        if "two ways" in str(error):
            todo = "separate the numbers by spaces"
        elif looks_like_a_date(written):
            todo = "a spreadsheet has made a date of it: format the column as text and write the number again"
        raise DataError(what, where=where, todo=todo) from None
    if not all(map(math.isfinite, values)):
        raise DataError(what, where=where, todo="give finite numbers")
    if name in _WHOLE and any(value != int(value) or abs(value) >= 2**53 for value in values):
        raise DataError(what, where=where, todo="give whole numbers")
    if len(values) > 1 and name not in _LISTS:
        raise DataError(what, where=where, todo="give one number")
    return values
