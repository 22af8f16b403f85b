"""Writing pickles of plain data without the means to read or write any other.

FineDiving's labels are pickles, so simulated ones must be too. This writer knows numbers, strings,
containers and one-dimensional integer arrays, in protocol 3, as FineDiving's own files are; `pickle.load`
reads them, and so does `data.legacy_pickle`.

Nothing is shared between parts of the data (no memo), so equal data give equal bytes.
"""

import struct
from typing import Any

import numpy as np
from jaxtyping import Shaped

from stagescore.errors import DataError

_PROTOCOL = b"\x80\x03"
_STOP, _MARK, _NONE = b".", b"(", b"N"
_TRUE, _FALSE = b"\x88", b"\x89"
_EMPTY_DICT, _EMPTY_LIST, _EMPTY_TUPLE = b"}", b"]", b")"
_SETITEMS, _APPENDS, _TUPLE, _REDUCE, _BUILD = b"u", b"e", b"t", b"R", b"b"
# Set by hand, far above the nesting of the labels.
_MAX_DEPTH = 50
_ONE_BYTE = 0x100
_FOUR_BYTES = 0x80000000


def dumps(value: Any) -> bytes:
    r"""A pickle of plain data.

    Args:
        value: None, bool, int (of at most 64 bits), float, str, and dict, list, tuple or
            one-dimensional int64 arrays of them, nested at most 50 deep.

    Raises:
        DataError: Anything else.

    >>> dumps([1, "a"])
    b'\x80\x03](K\x01X\x01\x00\x00\x00ae.'
    """
    return _PROTOCOL + _encoded(value, 0) + _STOP


def _encoded(value: Any, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise DataError("data are nested too deep", where="pickle", todo="write flatter data")
    parts: list[bytes]
    if isinstance(value, dict):
        parts = [_encoded(part, depth + 1) for item in value.items() for part in item]
        return _EMPTY_DICT + _MARK + b"".join(parts) + _SETITEMS
    if isinstance(value, list):
        return _EMPTY_LIST + _MARK + b"".join(_encoded(part, depth + 1) for part in value) + _APPENDS
    if isinstance(value, tuple):
        if not value:
            return _EMPTY_TUPLE
        return _MARK + b"".join(_encoded(part, depth + 1) for part in value) + _TUPLE
    if isinstance(value, np.ndarray):
        return _array(value)
    return _scalar(value)


def _scalar(value: Any) -> bytes:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if type(value) is int:
        return _integer(value)
    if type(value) is float:
        return b"G" + struct.pack(">d", value)
    if type(value) is str:
        encoded = value.encode()
        return b"X" + struct.pack("<I", len(encoded)) + encoded
    raise DataError(
        f"a {type(value).__name__} cannot be written",
        where="pickle",
        todo="write numbers, strings, containers and int64 arrays",
    )


def _integer(value: int) -> bytes:
    if 0 <= value < _ONE_BYTE:
        return b"K" + bytes([value])
    if -_FOUR_BYTES <= value < _FOUR_BYTES:
        return b"J" + struct.pack("<i", value)
    if value.bit_length() >= 64:
        raise DataError(f"{value} is too large a number", where="pickle", todo="write at most 64 bits")
    return b"\x8a\x08" + struct.pack("<q", value)


def _array(array: Shaped[np.ndarray, "..."]) -> bytes:
    """As NumPy itself writes one: an empty array, then its shape, type, order and bytes."""
    if array.ndim != 1 or array.dtype != np.int64:
        raise DataError(
            f"an array of {array.dtype} with {array.ndim} axes cannot be written",
            where="pickle",
            todo="write one-dimensional int64 arrays",
        )
    data = array.astype("<i8").tobytes()
    blank = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _encoded((0,), 0) + b"C\x01bt" + _REDUCE
    )
    kind = b"cnumpy\ndtype\n" + _encoded(("i8", False, True), 0) + _REDUCE
    kind += _encoded((3, "<", None, None, None, -1, -1, 0), 0) + _BUILD
    state = _MARK + _integer(1) + _encoded((len(array),), 0) + kind + _FALSE
    state += b"B" + struct.pack("<I", len(data)) + data + _TUPLE
    return blank + state + _BUILD
