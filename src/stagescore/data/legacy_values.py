"""What a label file may ask to be made, and how it is made here: see `legacy_pickle.py`.

The arguments come from the file, so every one is checked: arrays must have as many bytes as their shape
and type need, keys must be cheap to hash.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stagescore.errors import UnsafePickleError

_TYPE_VERSION = 3
_TYPE_FLAGS = (0, 8)  # of numbers and bytes, of text
_ARRAY_VERSION = 1
# Set by hand, above the (event, number) of the data sets; see `KeyGuard` for what larger keys cost.
MAX_KEY_DEPTH = 4
MAX_KEY_PARTS = 64
MAX_KEY_BITS = 64
MAX_KEYS_ALIKE = 64
_PLAIN_TYPE = re.compile(r"[|<>=]?[biufcSU]\d{1,5}")


class MalformedError(Exception):
    """The opcodes do not make sense."""


@dataclass(frozen=True, slots=True)
class Name:
    """A reference to something by module and name; never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Dtype:
    """A NumPy type under construction."""

    def __init__(self, code: str) -> None:
        if not _PLAIN_TYPE.fullmatch(code):
            raise UnsafePickleError(
                f"it holds a NumPy array of type {code[:40]!a}, and only numbers and strings are read"
            )
        self.dtype = np.dtype(code)

    def build(self, state: Any) -> None:
        """NumPy's state: (version, byte order, subtype, names, fields, size, alignment, flags)."""
        plain = isinstance(state, tuple) and len(state) in range(5, 9)  # a ninth part is metadata
        if not plain or any(part is not None for part in state[2:5]):
            raise UnsafePickleError(
                "it holds a NumPy array of a structured type, and only numbers and strings are read"
            )
        numbers = state[:1] + state[5:]
        flags = state[7] if len(state) == 8 else 0
        if state[0] != _TYPE_VERSION or flags not in _TYPE_FLAGS or any(type(n) is not int for n in numbers):
            raise MalformedError("state of a NumPy type")
        order = as_text(state[1])
        if order not in ("<", ">", "|", "="):
            raise MalformedError("byte order of a NumPy type")
        if order in "<>":
            self.dtype = self.dtype.newbyteorder("<" if order == "<" else ">")


class Array:
    """A NumPy array under construction."""

    def __init__(self) -> None:
        self.value: NDArray[Any] | None = None

    def build(self, state: Any) -> None:
        """NumPy's state: version, shape, type, whether Fortran order, bytes."""
        if not isinstance(state, tuple) or len(state) != 5 or type(state[0]) is not int:
            raise MalformedError("state of a NumPy array")
        version, shape, dtype, fortran, data = state
        if version != _ARRAY_VERSION or not isinstance(fortran, int):
            raise MalformedError("memory order of a NumPy array")
        self.value = _array(data, dtype, shape, "F" if fortran else "C")


def as_text(value: Any) -> str:
    """Text, or what Python 2 wrote for it.

    Raises:
        MalformedError: Something else.
    """
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise MalformedError(f"text expected, not {type(value).__name__}")
    return value


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    if not isinstance(dtype, Dtype):
        raise MalformedError("type of a NumPy array")
    if isinstance(data, str):  # written by Python 2
        data = data.encode("latin-1")
    if not isinstance(data, bytes | bytearray):
        raise UnsafePickleError("it holds a NumPy array of objects, and only numbers and strings are read")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 16:
        raise MalformedError("shape of a NumPy array")
    if dtype.dtype.itemsize == 0 or math.prod(shape) * dtype.dtype.itemsize != len(data):
        raise MalformedError(f"a NumPy array of {len(data)} bytes whose shape and type need another number")
    if order not in ("C", "F"):
        raise MalformedError("memory order of a NumPy array")
    array = np.frombuffer(bytes(data), dtype=dtype.dtype).reshape(shape, order=order)
    return array.astype(dtype.dtype.newbyteorder("="), order="K")


# What a file may ask to be made, and how it is made here. The arguments come from the file.


def _make_dtype(code: Any, align: Any = 0, copy: Any = 0) -> Dtype:
    if not (isinstance(align, int) and isinstance(copy, int)):
        raise MalformedError("flags of a NumPy type")
    return Dtype(as_text(code))


def _make_scalar(dtype: Any, data: Any = None) -> Any:
    if not isinstance(dtype, Dtype):
        raise MalformedError("type of a NumPy scalar")
    return _array(b"" if data is None else data, dtype, (), "C")[()]


def _make_blank_array(base: Any, shape: Any, code: Any) -> Array:
    if not (isinstance(base, Name) and str(base) == "numpy.ndarray"):
        raise UnsafePickleError(
            f"it asks for {base if isinstance(base, Name) else 'an array of an unknown class'}"
        )
    if shape != (0,) or as_text(code) != "b":
        raise MalformedError("a NumPy array that does not begin empty")
    return Array()


def _make_array_from_buffer(data: Any, dtype: Any, shape: Any, order: Any = "C") -> NDArray[Any]:
    return _array(data, dtype, shape, order)


def _make_bytes(text: Any = "", encoding: Any = "latin1") -> bytes:
    if as_text(encoding) not in ("latin1", "latin-1"):
        raise MalformedError("encoding of bytes")
    return text if isinstance(text, bytes) else as_text(text).encode("latin-1")


def _make_bytearray(content: Any = b"", *encoding: Any) -> bytes:
    return _make_bytes(content, *encoding)


def _make_set(items: Any = ()) -> "Members":
    return Members(set, _sequence(items))


def _make_frozenset(items: Any = ()) -> "Members":
    return Members(frozenset, _sequence(items))


def _make_complex(real: Any = 0.0, imaginary: Any = 0.0) -> complex:
    return complex(float(real), float(imaginary))


def _make_dict(items: Any = ()) -> "Members":
    return Members(dict, _sequence(items))


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise MalformedError(f"a list expected, not {type(value).__name__}")
    return list(value)


_NUMPY_CORE = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMPY_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("builtins", "__builtin__")
MAKERS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _make_dtype,
    **{(module, "scalar"): _make_scalar for module in _NUMPY_CORE},
    **{(module, "_reconstruct"): _make_blank_array for module in _NUMPY_CORE},
    **{(module, "_frombuffer"): _make_array_from_buffer for module in _NUMPY_NUMERIC},
    ("_codecs", "encode"): _make_bytes,
    **{(module, "bytes"): _make_bytes for module in _BUILTINS},
    **{(module, "bytearray"): _make_bytearray for module in _BUILTINS},
    **{(module, "set"): _make_set for module in _BUILTINS},
    **{(module, "frozenset"): _make_frozenset for module in _BUILTINS},
    **{(module, "complex"): _make_complex for module in _BUILTINS},
    ("collections", "OrderedDict"): _make_dict,
}
ALLOWED_NAMES = {*MAKERS, ("numpy", "ndarray")}


class KeyGuard:
    """Lets keys and set members pass: numbers and strings, or small tuples of them, as long as they cost little.

    A large or self-sharing tuple takes the interpreter's stack, or for ever, to hash; large integers are hashed anew each time.
    A key of two bytes in a file may be a tuple of hundreds of parts, and a list of thousands of pairs may become a dict
    again and again, so every part is charged to what the file's own size allows. Python's hashes of numbers, tuples and frozen
    sets are no secret: many keys that hash alike are easily made, and take quadratic time in one dict.

    Args:
        max_steps: Number of parts of keys, and of members of what is made, that may be walked.
    """

    def __init__(self, max_steps: int) -> None:
        self._steps_left = max_steps
        self._alike: dict[int, list[Any]] = {}

    def charge(self, num_steps: int) -> None:
        """Charge work.

        Raises:
            MalformedError: The file asks for much more work than its size allows.
        """
        self._steps_left -= num_steps
        if self._steps_left < 0:
            raise MalformedError("it asks for many times the work that its size allows")

    def passed(self, key: Any) -> Any:
        """The key, if it may be one.

        Raises:
            MalformedError: It may not, or too many others hash alike.
        """
        self._walk(key)
        others = self._alike.setdefault(hash(key), [])
        if not any(key is other or key == other for other in others):
            others.append(key)
            if len(others) > MAX_KEYS_ALIKE:
                raise MalformedError("many keys that hash alike")
        return key

    def _walk(self, key: Any) -> None:
        level, num_parts = [key], 0
        for _ in range(MAX_KEY_DEPTH + 1):
            num_parts += len(level)
            if num_parts > MAX_KEY_PARTS:
                raise MalformedError("a key is too long")
            self.charge(len(level))
            inner: list[Any] = []
            for part in level:
                if isinstance(part, tuple | frozenset):
                    if len(part) > MAX_KEY_PARTS:
                        raise MalformedError("a key is too long")
                    inner.extend(part)
                elif isinstance(part, int) and part.bit_length() > MAX_KEY_BITS:
                    raise MalformedError("a key is too large a number")
                elif not (
                    part is None or isinstance(part, bool | int | float | complex | str | bytes | np.generic)
                ):
                    raise MalformedError(f"a key of type {type(part).__name__}")
            if not inner:
                return
            level = inner
        raise MalformedError("a key is nested too deep")


@dataclass(frozen=True, slots=True)
class Members:
    """A set or dict that a file asks for, before its keys have passed.

    Attributes:
        kind: What is to be made of the members: `set`, `frozenset` or `dict`.
        items: Members, or pairs of key and value.
    """

    kind: type
    items: list[Any]

    def made(self, keys: KeyGuard) -> Any:
        """The set or dict.

        Raises:
            MalformedError: A key may not be one, a pair is none, or it is too much work.
        """
        keys.charge(len(self.items))
        if self.kind is not dict:
            return self.kind(keys.passed(item) for item in self.items)
        made: dict[Any, Any] = {}
        for pair in self.items:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise MalformedError("a pair of key and value expected")
            made[keys.passed(pair[0])] = pair[1]
        return made
