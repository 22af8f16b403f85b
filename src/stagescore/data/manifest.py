"""The manifest: one file with named columns that every later step reads instead of foreign label files.

JSON lines, one dive a line, so that it can be read, compared and mended with any tool; the columns are
the fields of `types.Dive`, described in docs/data.md.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.json_files import parse_json
from stagescore.types import Dive

if TYPE_CHECKING:
    import pandas as pd

Part = Literal["train", "fit", "val", "test", "all"]
"""`train` and `test` as published; `val` is the held-out part of `train`, `fit` is the rest of it."""

MANIFEST = "manifest.jsonl"

# Whole numbers from here on are not exact as floats.
_MAX_NUMBER = 2**53
_FIELDS = {f.name: f for f in fields(Dive)}
_TYPES: dict[str, Any] = get_type_hints(Dive)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The dives of a data set, in a fixed order.

    Attributes:
        dives: Dives of the data set, no two with the same id.
    """

    dives: tuple[Dive, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for dive in self.dives:
            if dive.dive_id in seen:
                raise DataError("the same dive stands twice", where=dive.dive_id, todo="keep one of the rows")
            seen.add(dive.dive_id)

    def __len__(self) -> int:
        return len(self.dives)

    def __iter__(self) -> Iterator[Dive]:
        return iter(self.dives)

    def __getitem__(self, dive_id: str) -> Dive:
        for dive in self.dives:
            if dive.dive_id == dive_id:
                return dive
        near = get_close_matches(dive_id, [dive.dive_id for dive in self.dives], n=1)
        raise DataError(
            "there is no such dive",
            where=dive_id,
            todo=f"did you mean {near[0]}?" if near else "list the ids with `stagescore data check`",
        )

    def select(self, part: Part = "all", *, individual_only: bool = False) -> "Manifest":
        """The dives of one part of the split, in the same order.

        Args:
            part: Part of the split: `train`, `fit`, `val`, `test` or `all` (`Part`).
            individual_only: Whether synchronised dives are left out.
        """
        return Manifest(
            tuple(d for d in self.dives if _is_in(d, part) and not (individual_only and d.synchronised))
        )

    def table(self) -> "pd.DataFrame":
        """All columns, one row a dive, indexed by dive id."""
        import pandas as pd  # noqa: PLC0415 - takes half a second, and most commands print no table

        rows = [_to_record(dive) for dive in self.dives]
        return pd.DataFrame(rows, index=pd.Index([dive.dive_id for dive in self.dives], name="dive_id"))

    def to_bytes(self) -> bytes:
        """JSON lines."""
        lines = (json.dumps(_to_record(dive), ensure_ascii=False, allow_nan=False) for dive in self.dives)
        return "".join(f"{line}\n" for line in lines).encode()


def _is_in(dive: Dive, part: Part) -> bool:
    if part in ("train", "test"):
        return dive.split == part
    if part in ("fit", "val"):
        return dive.split == "train" and dive.validation == (part == "val")
    return True


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, or the one in a folder that `data import` made.

    Raises:
        DataError: No such file, a torn line, a missing or unknown column, a value of the wrong type.
    """
    path = path / MANIFEST if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read the manifest ({getattr(error, 'strerror', None) or error})",
            where=path,
            todo="make one with `stagescore data import`",
        ) from error
    dives: list[Dive] = []
    # Not `splitlines`: texts may hold other line ends, such as U+2028.
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        where = f"{path}, line {number}"
        try:
            record = parse_json(line, finite=False)
        except ValueError as error:
            raise DataError(
                f"not JSON ({str(error)[:80]})", where=where, todo="import the labels again, or mend the line"
            ) from None
        dives.append(_located(dive_from_record(record, where=where), path.resolve().parent))
    if not dives:
        raise DataError("the manifest is empty", where=path, todo="import the labels again")
    try:
        return Manifest(tuple(dives))
    except DataError as error:
        raise DataError(error.what, where=f"{path}, {error.where}", todo=error.todo) from None


def _located(dive: Dive, folder: Path) -> Dive:
    """Relative paths in a manifest are relative to it, so that a folder can be moved as a whole."""
    frames, poses = (
        None if name is None else str(folder / name) for name in (dive.frames_path, dive.poses_path)
    )
    return (
        dive if (frames, poses) == (None, None) else dive.with_changes(frames_path=frames, poses_path=poses)
    )


def dive_from_record(record: object, *, where: str) -> Dive:
    """One row of a manifest, checked column by column.

    Raises:
        DataError: Not an object, a missing or unknown column, a value of the wrong type.
    """
    if not isinstance(record, dict):
        raise DataError("a row is not a JSON object", where=where, todo="import the labels again")
    for name in record:
        if name not in _FIELDS:
            near = get_close_matches(str(name), _FIELDS, n=1)
            raise DataError(
                f"unknown column {str(name)[:40]!a}",
                where=where,
                todo=f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(_FIELDS)}",
            )
    values: dict[str, Any] = {}
    for name, field in _FIELDS.items():
        if name in record:
            values[name] = _typed(record[name], _TYPES[name], f"{where}, {name}")
        elif field.default is field.default_factory:  # both are MISSING: the column is required
            raise DataError(f"the column {name!r} is missing", where=where, todo="add it")
    try:
        if values.get("dive_number") is not None:
            values["dive_number"] = DiveNumber.parse(values["dive_number"]).code
        return Dive(**values)
    except DataError as error:
        raise DataError(error.what, where=where, todo=error.todo) from None


def _to_record(dive: Dive) -> dict[str, Any]:
    return {name: getattr(dive, name) for name in _FIELDS}


def _typed(value: Any, kind: Any, where: str) -> Any:
    """A JSON value as the type of a `Dive` field."""
    if get_origin(kind) in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (option for option in get_args(kind) if option is not type(None))
    if get_origin(kind) is Literal:
        fits = value in get_args(kind) if isinstance(value, str) else False
    elif get_origin(kind) is tuple:
        if isinstance(value, list):
            item = get_args(kind)[0]
            return tuple(_typed(part, item, where) for part in value)
        fits = False
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
        fits = fits and (isinstance(value, float) or abs(value) < _MAX_NUMBER)
        value = float(value) if fits else value
    elif kind is int:
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER
    else:
        fits = isinstance(value, kind)
    if not fits:
        expected = getattr(kind, "__name__", None) or str(kind)
        raise DataError(f"{str(value)[:40]!a} is no {expected}", where=where, todo="correct the value")
    return value


def training_dives(manifests: Sequence[Manifest], part: Literal["train", "fit"] = "train") -> list[Dive]:
    """Training dives of several data sets together, without any that another one tests on.

    268 FineDiving training dives are MTL-AQA test dives and 249 the other way round (method, section 7);
    a recording also stands only once in the result.

    Args:
        manifests: Dives of one or more data sets.
        part: Dives wanted: `train` for all training dives, `fit` without the validation part of any data set.
    """
    tested = recordings(dive for manifest in manifests for dive in manifest.select("test"))
    if part == "fit":
        tested |= recordings(dive for manifest in manifests for dive in manifest.select("val"))
    chosen: dict[str, Dive] = {}
    for manifest in manifests:
        for dive in manifest.select(part):
            if dive.recording not in tested:
                chosen.setdefault(dive.recording, dive)
    return list(chosen.values())


def recordings(dives: Iterable[Dive]) -> set[str]:
    """Which recordings stand among some dives."""
    return {dive.recording for dive in dives}
