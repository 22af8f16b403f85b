"""People's own labels: a CSV file with a row a dive.

Columns: `path` and `score`; if wanted `dive_number`, `difficulty`, `height_m`, `marks`, `transitions`,
`frames`, `split`, `event`, `number`, `athlete`. Marks and transitions are separated by spaces or semicolons.
A path is relative to the CSV file; it may be left empty where there is no video.
"""

import csv
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from stagescore.data.findings import Labels
from stagescore.data.heights import with_heights
from stagescore.data.manifest import Manifest
from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.types import Dive, Split

REQUIRED = ("path", "score")
OPTIONAL = (
    "dive_number",
    "difficulty",
    "height_m",
    "marks",
    "transitions",
    "frames",
    "split",
    "event",
    "number",
    "athlete",
)

CountFrames = Callable[[Path], int]
"""Number of frames of a video or folder; raises DataError where it cannot be read."""


def load(path: Path, count_frames: CountFrames, folder: Path | None = None) -> Labels:
    """Read a CSV file of labels.

    Args:
        path: CSV file of labels, in UTF-8.
        count_frames: Function that counts the frames of a named video where the column `frames` is missing or empty.
        folder: Folder that paths in the file are relative to; the file's own by default.

    Raises:
        DataError: Unreadable, a column missing or unknown, a value that cannot be, a video that cannot
            be read. The line is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            _check_columns(reader.fieldnames, path)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"cannot read the labels ({str(error)[:80]})", where=path, todo="give a CSV file in UTF-8"
        ) from None
    if not rows:
        raise DataError("there are no rows", where=path, todo="add a row for each dive")
    base = path.parent if folder is None else folder
    dives = [_dive(path, base, number, row, count_frames) for number, row in rows]
    heights = {dive.dive_id: dive.height_m for dive in dives if dive.height_m is not None}
    inferred = [
        dive.with_changes(height_m=heights[dive.dive_id], height_source="named")
        if dive.dive_id in heights
        else dive
        for dive in with_heights(dives)
    ]
    try:
        return Labels(Manifest(tuple(inferred)))
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", todo=error.todo) from None


def _check_columns(names: object, path: Path) -> None:
    columns = [str(name) for name in names] if isinstance(names, list | tuple) else []
    for name in REQUIRED:
        if name not in columns:
            raise DataError(
                f"there is no column {name!r}", where=path, todo="name the columns in the first line"
            )
    for name in columns:
        if columns.count(name) > 1:
            raise DataError(f"the column {name[:40]!a} stands twice", where=path, todo="keep one of them")
        if name not in (*REQUIRED, *OPTIONAL):
            near = get_close_matches(name, (*REQUIRED, *OPTIONAL), n=1)
            raise DataError(
                f"unknown column {name[:40]!a}",
                where=path,
                todo=f"did you mean {near[0]!r}?"
                if near
                else f"the columns are {', '.join((*REQUIRED, *OPTIONAL))}",
            )


def _dive(path: Path, folder: Path, line: int, row: dict[str, str | None], count_frames: CountFrames) -> Dive:
    where = f"{path}, line {line}"
    if None in row or None in row.values():
        raise DataError(
            "the row has another number of fields than the first line", where=where, todo="mend the row"
        )
    cells = {name: (value or "").strip() for name, value in row.items()}
    media = folder / cells["path"] if cells["path"] else None
    num_frames = _number(cells, "frames", where)
    if media is not None and not _exists(media):
        raise DataError(
            f"there is no {media}", where=where, todo=f"correct the path, which is relative to {folder}"
        )
    if media is not None and num_frames is None:
        num_frames = count_frames(media)
    score = _number(cells, "score", where)
    if score is None:
        raise DataError("the score is missing", where=where, todo="give the final score in points")
    split: Split = "test" if cells.get("split") == "test" else "train"
    if cells.get("split", "") not in ("", "train", "test"):
        raise DataError(f"the split is {cells['split'][:20]!a}", where=where, todo="write train or test")
    event = cells.get("event") or path.stem
    number = _number(cells, "number", where)
    dive_id = int(number) if number is not None else line
    try:
        return Dive(
            dataset=path.stem,
            event=event,
            number=dive_id,
            recording=f"{path.stem}/{event}/{dive_id}",
            split=split,
            score=score,
            difficulty=_number(cells, "difficulty", where),
            dive_number=DiveNumber.parse(cells["dive_number"]).code if cells.get("dive_number") else None,
            height_m=_number(cells, "height_m", where),
            synchronised="synchronised" in event.lower(),
            marks=tuple(_numbers(cells, "marks", where)),
            num_frames=None if num_frames is None else int(num_frames),
            transitions=tuple(int(t) for t in _numbers(cells, "transitions", where)),
            frames_path=None if media is None else str(media.resolve()),
            athlete=cells.get("athlete") or None,
        )
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False


def _number(cells: dict[str, str], name: str, where: str) -> float | None:
    return next(iter(_numbers(cells, name, where)), None)


def _numbers(cells: dict[str, str], name: str, where: str) -> list[float]:
    words = re.split(r"[\s;]+", cells.get(name, "").strip())
    try:
        values = [float(word) for word in words if word]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise DataError(f"the {name} is {cells[name][:40]!a}", where=where, todo="give finite numbers")
    if name in ("frames", "number", "transitions") and any(
        value != int(value) or abs(value) >= 2**53 for value in values
    ):
        raise DataError(f"the {name} is {cells[name][:40]!a}", where=where, todo="give whole numbers")
    if len(values) > 1 and name not in ("marks", "transitions"):
        raise DataError(f"the {name} is {cells[name][:40]!a}", where=where, todo="give one number")
    return values
