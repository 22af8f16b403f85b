"""Reading single values out of foreign label files, with errors that name the row and the field."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.data.legacy_pickle import read_pickle
from stagescore.errors import DataError

# Whole numbers from here on are not exact as floats.
_MAX_NUMBER = 2**53
_MEND = "correct the row, or get the file from its publisher again"


def number(value: object, *, where: str, name: str) -> float:
    """A finite number as a float.

    Raises:
        DataError: Missing, not a number, NaN or infinite.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise DataError(f"the {name} is {_shown(value)} instead of a number", where=where, todo=_MEND)
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise DataError(f"the {name} is {result}", where=where, todo=_MEND)
    return result


def parse_int(value: object, *, where: str, name: str) -> int:
    """A whole number as an int.

    Raises:
        DataError: Missing or not a whole number.
    """
    result = number(value, where=where, name=name)
    if abs(result) >= _MAX_NUMBER:
        raise DataError(f"the {name} is {result:g}, which no frame or number can be", where=where, todo=_MEND)
    if result != int(result):
        raise DataError(f"the {name} is {result:g} instead of a whole number", where=where, todo=_MEND)
    return int(result)


def text(value: object, *, where: str, name: str) -> str:
    """A non-empty string.

    Raises:
        DataError: Missing, empty or not a string.
    """
    if not isinstance(value, str) or not value:
        raise DataError(f"the {name} is {_shown(value)} instead of text", where=where, todo=_MEND)
    return value


def sequence(value: object, *, where: str, name: str) -> list[Any]:
    """A list, tuple or one-dimensional array as a list.

    Raises:
        DataError: Anything else.
    """
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return list(value.tolist())
    if not isinstance(value, list | tuple):
        raise DataError(f"the {name} is {_shown(value)} instead of a list", where=where, todo=_MEND)
    return list(value)


def parse_row(value: object, names: Sequence[str], *, where: str) -> Mapping[str, Any]:
    """A labelled row as a mapping with at least the named fields.

    Args:
        value: Dict with the fields, or a list with them in the order of `names`.
        names: Names of the fields.
        where: File and row, for the error.

    Raises:
        DataError: A field is missing.
    """
    if isinstance(value, list | tuple):
        value = dict(zip(names, value, strict=False))
    if not isinstance(value, dict):
        raise DataError(f"the row is {_shown(value)} instead of its fields", where=where, todo=_MEND)
    missing = [name for name in names if name not in value]
    if missing:
        raise DataError(f"the row has no {' and no '.join(missing)}", where=where, todo=_MEND)
    return value


def keyed_rows(path: Path) -> dict[tuple[Any, int], Any]:
    """A pickle of the form {(event, number): row}.

    Raises:
        DataError: Unreadable, or of another form.
    """
    content = read_pickle(path)
    if not isinstance(content, dict) or not content:
        raise DataError(
            f"it holds {_shown(content)} instead of rows by (event, number)",
            where=path,
            todo="check that this is the annotation file",
        )
    return {_key(key, path): value for key, value in content.items()}


def split_keys(path: Path) -> list[tuple[Any, int]]:
    """A pickle of the form [(event, number), ...].

    Raises:
        DataError: Unreadable, of another form, or a dive that stands twice.
    """
    content = read_pickle(path)
    if not isinstance(content, list | tuple) or not content:
        raise DataError(
            f"it holds {_shown(content)} instead of a list of dives",
            where=path,
            todo="check that this is the split file",
        )
    keys = [_key(key, path) for key in content]
    twice, count = Counter(keys).most_common(1)[0]
    if count > 1:
        raise DataError(f"the split names {dive_name(twice)} twice", where=path, todo=_MEND)
    return keys


def _key(key: object, path: Path) -> tuple[Any, int]:
    if isinstance(key, list | tuple) and len(key) == 2:
        event, dive = key
        if isinstance(event, np.str_ | np.integer):
            event = event.item()
        named = (
            isinstance(dive, int | np.integer) and isinstance(event, str | int) and not isinstance(dive, bool)
        )
        if named and all(isinstance(part, str) or abs(int(part)) < _MAX_NUMBER for part in key):
            return event, int(dive)
    raise DataError("a row is not named by (event, number)", where=path, todo=_MEND)


def dive_name(key: tuple[Any, int]) -> str:
    """How a row is called in messages and manifests."""
    return f"{key[0]}/{key[1]}"


def _shown(value: object) -> str:
    """Short, and never the inside of a container: nested ones can be endless to print."""
    if value is None:
        return "missing"
    if isinstance(value, str | bytes):
        return ascii(value[:40])
    if isinstance(value, float | np.number) or (isinstance(value, int) and value.bit_length() <= 128):
        return str(value)[:40]
    return f"a {type(value).__name__}"
