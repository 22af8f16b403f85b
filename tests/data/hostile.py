"""Pickles that want to run something, to get around a list of names, or to take all time and memory."""

import builtins
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> Any:
        return self.function, self.arguments


class Touch(Call):
    """Pickles as a call that makes a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(os.system, f"touch {path}")


class _WithState:
    """An array whose state holds a call."""

    def __init__(self, inner: Any, dtype: Any) -> None:
        self.inner, self.dtype = inner, dtype

    def __reduce__(self) -> Any:
        function, arguments, _ = np.zeros(1).__reduce__()
        return function, arguments, (1, (1,), np.dtype(self.dtype), False, self.inner)


def _object_array(inner: Any) -> Any:
    array = np.empty(1, dtype=object)
    array[0] = inner
    return array


WRAPS: dict[str, Callable[[Any], Any]] = {
    "alone": lambda call: call,
    "list": lambda call: [1, [2, call]],
    "dict value": lambda call: {"a": {"b": call}},
    "tuple": lambda call: (1, (2, call), 3),
    "dict key": lambda call: {call: 1},
    "set": lambda call: {call},
    "object array": _object_array,
    "state of an object array": lambda call: _WithState([call], "O"),
    "state of a float array": lambda call: _WithState(call, "f8"),
    "label row": lambda call: {("01", 1): ["407c", 88.0, 3.2, np.array([1, 2]), call]},
}

CALLABLES: dict[str, Callable[[Path], tuple[Any, ...]]] = {
    "eval": lambda path: (eval, f"open({str(path)!r}, 'w')"),
    "exec": lambda path: (exec, f"open({str(path)!r}, 'w')"),
    "getattr": lambda path: (getattr, [], "append"),
    "open": lambda path: (open, str(path), "w"),
    "__import__": lambda path: (builtins.__import__, "antigravity"),
    "compile": lambda path: (compile, "1", "a", "eval"),
    "list": lambda path: (list, [1]),
    "type": lambda path: (type, "A", (), {}),
    "numpy.load": lambda path: (np.load, str(path)),
    "numpy.fromfile": lambda path: (np.fromfile, str(path)),
    "numpy.frombuffer": lambda path: (np.array, [1]),
    "Path.touch": lambda path: (Path.touch, path),
    "pickle.loads": lambda path: (pickle.loads, b"I1\n."),
    "subclass of a maker": lambda path: (np.ndarray.__new__, np.ndarray, (2,)),
}


def text(value: str) -> bytes:
    """A short text, protocol 4."""
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def _touch(path: Path) -> bytes:
    return b"S'touch " + str(path).encode() + b"'\n"


_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n"
_FLOAT = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"

ASSEMBLED: dict[str, Callable[[Path], bytes]] = {
    "INST": lambda path: b"(" + _touch(path) + b"iposix\nsystem\n.",
    "INST of an allowed name": lambda path: b"(S'f8'\ninumpy\ndtype\n.",
    "OBJ": lambda path: b"(cposix\nsystem\n" + _touch(path) + b"o.",
    "OBJ of an allowed name": lambda path: b"(cnumpy\ndtype\nS'f8'\no.",
    "NEWOBJ": lambda path: b"\x80\x02cposix\nsystem\n(" + _touch(path) + b"t\x81.",
    "NEWOBJ of an allowed name": lambda path: b"\x80\x02cnumpy\nndarray\n(I1\nt\x81.",
    "NEWOBJ_EX": lambda path: b"\x80\x04cnumpy\nndarray\n(I1\nt}\x92.",
    "EXT1": lambda path: b"\x80\x02\x82\x01.",
    "EXT2": lambda path: b"\x80\x02\x83\x01\x00.",
    "EXT4": lambda path: b"\x80\x02\x84\x01\x00\x00\x00.",
    "PERSID": lambda path: b"P1\n.",
    "BINPERSID": lambda path: b"I1\nQ.",
    "NEXT_BUFFER": lambda path: b"\x80\x05\x97.",
    "READONLY_BUFFER": lambda path: b"\x80\x05\x97\x98.",
    "GLOBAL with dots": lambda path: b"cnumpy\ndtype.__class__\n.",
    "GLOBAL with another module": lambda path: b"cos\nsystem\n(" + _touch(path) + b"tR.",
    "GLOBAL of Python 2": lambda path: b"c__builtin__\neval\n(S'1'\ntR.",
    "GLOBAL with a space": lambda path: b"cnumpy dtype\n\n(S'f8'\ntR.",
    "GLOBAL codecs.encode": lambda path: b"ccodecs\nencode\n(Va\ntR.",
    "STACK_GLOBAL": lambda path: (
        b"\x80\x04" + text("posix") + text("system") + b"\x93" + text("true") + b"\x85R."
    ),
    "STACK_GLOBAL from the memo": lambda path: (
        b"\x80\x04"
        + text("system")
        + b"\x94"
        + text("posix")
        + b"\x94"
        + b"00h\x01h\x00\x93"
        + text("true")
        + b"\x85R."
    ),
    "STACK_GLOBAL of computed names": lambda path: (
        b"\x80\x04c_codecs\nencode\n" + text("posix") + text("latin1") + b"\x86R" + text("system") + b"\x93."
    ),
    "STACK_GLOBAL with dots": lambda path: b"\x80\x04" + text("numpy") + text("dtype.mro") + b"\x93)R.",
    "runstring": lambda path: b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.",
    "numpy.load": lambda path: b"cnumpy\nload\n(S'a'\ntR.",
    "numpy.f2py": lambda path: b"cnumpy.f2py.diagnose\nrun_command\n(S'a'\ntR.",
    "copyreg": lambda path: b"ccopyreg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR.",
    "copyreg of Python 2": lambda path: (
        b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR."
    ),
    "reconstruct of another class": lambda path: _ARRAY + b"(cnumpy\nmatrix\n(I0\ntS'b'\ntR.",
    "reconstruct of an allowed maker": lambda path: _ARRAY + b"(cnumpy\ndtype\n(I0\ntS'b'\ntR.",
    "reconstruct of a text": lambda path: _ARRAY + b"(S'numpy.ndarray'\n(I0\ntS'b'\ntR.",
    "objects by BUILD": lambda path: (
        _ARRAY
        + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\nI0\nI1\ntRI00\n(lcposix\nsystem\n("
        + _touch(path)
        + b"tRatb."
    ),
    "object type": lambda path: b"cnumpy\ndtype\n(S'O'\ntR.",
    "fields": lambda path: (
        b"cnumpy\ndtype\n(S'V8'\nI0\nI1\ntR(I3\nS'|'\nN(S'a'\nt(dS'a'\n(" + _FLOAT + b"I0\ntsI8\nI1\nI16\ntb."
    ),
    "fields on a float": lambda path: b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'|'\nN(S'a'\nt(dI8\nI1\nI16\ntb.",
    "sub-array": lambda path: b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'|'\n(I1\ntNNI8\nI1\nI16\ntb.",
    "metadata": lambda path: b"cnumpy\ndtype\n(S'f8'\ntR(I4\nS'<'\nNNNI-1\nI-1\nI0\n(dtb.",
    "objects as bytes": lambda path: (
        _ARRAY + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nt" + _FLOAT + b"I00\n(lI1\natb."
    ),
    "BUILD on a maker": lambda path: b"cnumpy\ndtype\n(dS'name'\nS'system'\nsb(S'f8'\ntR.",
    "BUILD on a dict": lambda path: b"(d(dS'__class__'\nI1\nsb.",
    "BUILD on a list": lambda path: b"(l(dS'append'\nI1\nsb.",
    "BUILD with slots": lambda path: b"cnumpy\ndtype\n(N(dS'module'\nS'posix'\nstb.",
    "REDUCE of a value": lambda path: b"S'posix.system'\n(S'true'\ntR.",
    "REDUCE of a tuple": lambda path: b"(S'posix'\nS'system'\nt(S'true'\ntR.",
    "REDUCE of a made thing": lambda path: b"cnumpy\ndtype\n(S'f8'\ntR(S'a'\ntR.",
    "REDUCE with a list": lambda path: b"cnumpy\ndtype\n(lS'f8'\naR.",
    "memo of a refused name": lambda path: b"cposix\nsystem\np0\n0g0\n(" + _touch(path) + b"tR.",
    "memo replaced": lambda path: b"cnumpy\ndtype\np0\n0Va\np0\n0g0\n(S'f8'\ntR.",
    "popped before the end": lambda path: b"cposix\nsystem\n(" + _touch(path) + b"tR0I1\n.",
    "ctypes": lambda path: b"cctypes\nCDLL\n(NtR.",
}

_HUGE = struct.pack("<I", 2**31 - 1)
MALFORMED: dict[str, bytes] = {
    "only the end": b".",
    "no end": b"I1\n",
    "unknown instruction": b"\xff.",
    "protocol 6": b"\x80\x06N.",
    "protocol 255": b"\x80\xffN.",
    "mark alone": b"(.",
    "unknown memo": b"h\x05.",
    "nothing to memoize": b"\x94.",
    "mark memoized": b"(\x94.",
    "left over": b"I1\nI2\n.",
    "append to nothing": b"I1\na.",
    "append to a number": b"I1\nI2\na.",
    "set in a list": b"(lI1\nI2\ns.",
    "odd number of parts": b"(I1\nd.",
    "unhashable key": b"(d(lI1\ns.",
    "unhashable member": b"\x80\x04\x8f((l\x90.",
    "text without quotes": b"Sabc\n.",
    "text with one quote": b"S'\n.",
    "number that is none": b"Iabc\n.",
    "float that is none": b"Fabc\n.",
    "too many digits": b"I" + b"9" * 5000 + b"\n.",
    "declared length, bytes": b"\x80\x03B" + struct.pack("<I", 2**32 - 1) + b"abc.",
    "declared length, text": b"X" + _HUGE + b"abc.",
    "declared length, bytes8": b"\x80\x04\x8e" + struct.pack("<Q", 2**63 - 1) + b"abc.",
    "declared length, text8": b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b"abc.",
    "declared length, bytearray8": b"\x80\x05\x96" + struct.pack("<Q", 2**50) + b"abc.",
    "declared length, long4": b"\x80\x02\x8b" + _HUGE + b"abc.",
    "negative length, long4": b"\x80\x02\x8b" + struct.pack("<i", -1) + b"abc.",
    "negative length, text": b"T" + struct.pack("<i", -1) + b"abc.",
    "array that is too large for its bytes": _ARRAY
    + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I9999999999\nt"
    + _FLOAT
    + b"I00\nS'12345678'\ntb.",
    "array with a negative side": _ARRAY
    + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I-1\nt"
    + _FLOAT
    + b"I00\nS'12345678'\ntb.",
    "array with an endless empty side": _ARRAY
    + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I0\nL"
    + b"9" * 100
    + b"L\nt"
    + _FLOAT
    + b"I00\nS''\ntb.",
    "array without a state": _ARRAY + b"(cnumpy\nndarray\n(I0\ntS'b'\ntR.",
    "scalar without bytes": b"cnumpy.core.multiarray\nscalar\n(" + _FLOAT + b"tR.",
    "scalar with too few bytes": b"cnumpy.core.multiarray\nscalar\n(" + _FLOAT + b"S'1234'\ntR.",
    "scalar without a type": b"cnumpy.core.multiarray\nscalar\n(S'f8'\nS'12345678'\ntR.",
    "type of an odd size": b"cnumpy\ndtype\n(S'f3'\ntR.",
    "too many arguments": b"c__builtin__\nset\n((l(ltR.",
    "set of a text": b"c__builtin__\nset\n(S'abc'\ntR.",
    "complex of texts": b"c__builtin__\ncomplex\n(S'a'\nS'b'\ntR.",
    "list that holds itself": b"(lp0\ng0\na.",
    "dict that holds itself": b"(dp0\nS'a'\ng0\ns.",
    "tuple that holds itself": b"(lp0\n0(g0\ntp1\n0g0\ng1\na.",
    "key nested too deep": b"(d" + b"I1\n" + b"\x85" * 10 + b"I1\ns.",
    "endless key": b"(dL" + b"9" * 100 + b"L\nI1\ns.",
}


def _laughs(first: bytes, doubling: bytes, last: bytes, rounds: int) -> bytes:
    """A value that is doubled again and again through the memo."""
    return b"\x80\x04" + first + b"\x94" + b"".join(doubling for _ in range(rounds)) + last + b"."


def _doubled_tuples(rounds: int) -> bytes:
    content = b"\x80\x04K\x01"
    for index in range(rounds):
        content += b"\x94h" + bytes([index]) + b"\x86"
    return content


def _repeated(setup: bytes, each: bytes, times: int) -> bytes:
    """Many times the same cheap instructions, collected in a list."""
    return b"\x80\x04" + setup + b"](" + each * times + b"e."


def _bytes(content: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(content)) + content


def _memoized(content: bytes, index: int) -> bytes:
    return content + b"q" + bytes([index]) + b"0"


def _type(code: str) -> bytes:
    return b"cnumpy\ndtype\n" + text(code) + b"\x85R"


def _array_again() -> bytes:
    data = bytes(200_000)
    setup = (
        _memoized(_bytes(data), 0)
        + _memoized(_type("f8"), 1)
        + _memoized(b"M" + struct.pack("<H", 25_000) + b"\x85", 2)
        + _memoized(b"cnumpy.core.numeric\n_frombuffer\n", 3)
    )
    return _repeated(setup, b"h\x03(h\x00h\x01h\x02tR", 5_000)


def _scalar_again(code: str, data: bytes) -> bytes:
    setup = (
        _memoized(_bytes(data), 0)
        + _memoized(_type(code), 1)
        + _memoized(b"cnumpy.core.multiarray\nscalar\n", 2)
    )
    return _repeated(setup, b"h\x02h\x01h\x00\x86R", 50_000)


def _set_again(name: str) -> bytes:
    members = b"](" + b"".join(b"M" + struct.pack("<H", n) for n in range(20_000)) + b"e\x85"
    return _repeated(
        _memoized(members, 0) + _memoized(f"cbuiltins\n{name}\n".encode(), 1), b"h\x01h\x00R", 20_000
    )


def _dict_again() -> bytes:
    pairs = b"](" + b"".join(b"M" + struct.pack("<H", n) + b"N\x86" for n in range(20_000)) + b"e\x85"
    return _repeated(
        _memoized(pairs, 0) + _memoized(b"ccollections\nOrderedDict\n", 1), b"h\x01h\x00R", 20_000
    )


def _bytes_again() -> bytes:
    long_text = b"X" + struct.pack("<I", 1_000_000) + b"a" * 1_000_000
    setup = _memoized(long_text, 0) + _memoized(b"c_codecs\nencode\n", 1) + _memoized(text("latin1"), 2)
    return _repeated(setup, b"h\x01h\x00h\x02\x86R", 5_000)


def _wide_key() -> bytes:
    """A key of 64 parts, each of 64 parts, each of 64 ..."""
    content = b"\x80\x04K\x01q\x000"
    for index in range(4):
        content += b"(" + (b"h" + bytes([index])) * 64 + b"tq" + bytes([index + 1]) + b"0"
    return content + b"}(" + b"h\x04N" * 1000 + b"u."


def _huge_key() -> bytes:
    number = b"\x8b" + struct.pack("<i", 500_000) + b"\x01" * 500_000
    return b"\x80\x04" + _memoized(number, 0) + b"}(" + b"h\x00N" * 60_000 + b"u."


def _keys_that_collide() -> bytes:
    modulus = 2**61 - 1  # of Python's hash of integers
    numbers = (n * modulus for n in range(1, 30_000))
    parts = b"".join(b"\x8a\x0a" + number.to_bytes(10, "little", signed=True) + b"N" for number in numbers)
    return b"\x80\x04}(" + parts + b"u."


def _dict_bomb() -> bytes:
    """One list of 20,000 equal pairs, of which dicts are made again and again."""
    setup = (
        _memoized(b"ccollections\nOrderedDict\n", 0)
        + _memoized(b"K\x01K\x01\x86", 2)
        + _memoized(b"](" + b"h\x02" * 20_000 + b"e\x85", 3)
    )
    return _repeated(setup, b"h\x00h\x03R", 20_000)


def _complex_keys_that_collide() -> bytes:
    """Keys whose real part takes back what their imaginary part adds to the hash."""
    setup = _memoized(b"cbuiltins\ncomplex\n", 0)
    keys = b"".join(
        b"h\x00G" + struct.pack(">d", -1000003.0 * n) + b"G" + struct.pack(">d", n) + b"\x86RN"
        for n in range(1, 8_000)
    )
    return b"\x80\x04" + setup + b"}(" + keys + b"u."


def _long_keys_again() -> bytes:
    key = _memoized(b"(" + b"K\x01" * 60 + b"t", 0)
    return b"\x80\x04" + key + b"}(" + b"h\x00N" * 100_000 + b"u."


def _equal_splits() -> bytes:
    return pickle.dumps([("01", n) for n in range(60_000)])


ATTACKS: dict[str, Callable[[], bytes]] = {
    "memo index": lambda: b"\x80\x02Nr" + struct.pack("<I", 2**31 - 1) + b".",
    "memo index in digits": lambda: b"Np" + b"9" * 4000 + b"\n.",
    "deep tuple": lambda: b"\x80\x02N" + b"\x85" * 100_000 + b".",
    "deep list": lambda: b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep dict": lambda: b"\x80\x02" + b"}N" * 100_000 + b"N" + b"s" * 100_000 + b".",
    "deep tuple as a key": lambda: b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.",
    "deep tuple in a set": lambda: b"\x80\x04\x8f(N" + b"\x85" * 100_000 + b"\x90.",
    "laughing tuples": lambda: _doubled_tuples(200) + b".",
    "laughing tuples as a key": lambda: b"\x80\x04}" + _doubled_tuples(200)[2:] + b"Ns.",
    "laughing lists": lambda: (
        b"\x80\x04](K\x01e"
        + b"".join(b"q" + bytes([n]) + b"0](h" + bytes([n]) + b"h" + bytes([n]) + b"e" for n in range(200))
        + b"."
    ),
    "wide key": _wide_key,
    "huge key": _huge_key,
    "keys that collide": _keys_that_collide,
    "complex keys that collide": _complex_keys_that_collide,
    "long keys again and again": _long_keys_again,
    "dicts of equal pairs": _dict_bomb,
    "array again and again": _array_again,
    "text scalar again and again": lambda: _scalar_again("U50000", "pike!".encode("utf-32-le") * 10_000),
    "byte scalar again and again": lambda: _scalar_again("S99999", b"a" * 99_999),
    "set again and again": lambda: _set_again("set"),
    "frozenset again and again": lambda: _set_again("frozenset"),
    "dict again and again": _dict_again,
    "bytes again and again": _bytes_again,
    "declared length": lambda: MALFORMED["declared length, bytes8"],
    "huge integer": lambda: b"\x80\x02\x8b" + struct.pack("<i", 5_000_000) + b"\x01" * 5_000_000 + b".",
    "digits": lambda: b"L" + b"9" * 2_000_000 + b"L\n.",
    "marks": lambda: b"(" * 1_000_000 + b".",
    "duplicates": lambda: b"\x80\x04](" + b"N" + b"2" * 1_000_000 + b"e.",
    "many frames": lambda: b"\x80\x04" + b"\x95\x00\x00\x00\x00\x00\x00\x00\x00" * 100_000 + b"N.",
}
