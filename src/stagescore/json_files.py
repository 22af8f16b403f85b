"""JSON in files: nothing that stands in one ends the program, however deeply it is nested.

Python's own reader raises a `RecursionError` there, which no reader of a file expects. So `json.loads` is called here alone
(`tests/test_layout.py`).
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stagescore.errors import DataError


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """The content of JSON.

    Args:
        text: JSON as text, or its bytes.
        finite: Whether NaN and infinite numbers are refused.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or has NaN or infinite numbers.
    """
    try:
        return json.loads(text, parse_constant=_refused, parse_float=_finite) if finite else json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def strict_json(text: str | bytes) -> Any:
    """The content of JSON of finite numbers and texts that can be shown.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or has NaN, infinite numbers or control characters.
    """
    content = parse_json(text)
    _check_texts(content)
    return content


def read_json(path: Path, *, finite: bool = True) -> Any:
    """The content of a JSON file.

    Args:
        path: File to read.
        finite: Whether NaN and infinite numbers are refused.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no JSON in UTF-8, is nested too deeply, or has NaN or infinite numbers.
    """
    return parse_json(path.read_text(encoding="utf-8"), finite=finite)


def read_object(
    path: Path, keys: Collection[str] = (), *, what: str, todo: str, finite: bool = True
) -> dict[str, Any]:
    """The content of a JSON file that holds an object.

    Args:
        path: File to read.
        keys: Keys that the object must have.
        what: What the file is in words, for errors, such as `index of the cache`.
        todo: What the user can do about a file that cannot be read, for errors.
        finite: Whether NaN and infinite numbers are refused.

    Raises:
        DataError: The file cannot be read, is no JSON, or its object lacks a key.
    """
    try:
        content = read_json(path, finite=finite)
        if not isinstance(content, dict):
            raise ValueError("it holds no object")
        if missing := sorted(set(keys) - set(content)):
            raise ValueError(f"it has no {missing[0]}")
    except OSError as error:
        raise DataError(
            f"cannot read the {what} ({error.strerror or error})", where=path, todo=todo
        ) from error
    except ValueError as error:
        raise DataError(
            f"cannot read the {what} ({' '.join(str(error).split())[:100]})", where=path, todo=todo
        ) from None
    return content


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is too large a number")
    return value


def _check_texts(content: Any) -> None:
    """Refuse texts that no terminal should be sent; lines and tabs are text."""
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and not one.isprintable():
            bad = next((c for c in one if not c.isprintable() and c not in "\t\n\r\u00a0"), None)
            if bad is not None:
                raise ValueError(f"a text holds the character {bad!a}")
