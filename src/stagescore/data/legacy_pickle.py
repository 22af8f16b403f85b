"""Reading the data sets' pickles without running anything of them.

The labels of FineDiving and MTL-AQA are published as pickles, and unpickling a stranger's file runs
whatever it says. This reader does not unpickle: it walks the opcodes (`pickletools` parses them) on a
stack of its own and knows how to build containers, numbers, strings, and NumPy arrays and scalars.
A reference to anything else is refused by name. No function or class named by the file is ever looked
up, so there is nothing that a hostile file could call, and NumPy's own reconstruct hooks are not used
either: arrays are made here, from bytes whose number must agree with shape and type.

Reads protocols 0 to 5, and files written by Python 2.
"""

import codecs
import io
import pickletools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.data.legacy_values import (
    ALLOWED_NAMES,
    MAKERS,
    Array,
    Dtype,
    KeyGuard,
    MalformedError,
    Members,
    Name,
    as_text,
)
from stagescore.errors import DataError, UnsafePickleError

# Set by hand, far above FineDiving's labels (3.5 MB): a file is read whole.
MAX_BYTES = 512 * 2**20
# Set by hand: what a file may make beyond four times its own size.
MAX_EXTRA_BYTES = 32 * 2**20
# Set by hand: parts of keys that may be walked beyond one for each byte; the public labels need at most 0.17 of one.
MAX_EXTRA_STEPS = 50_000
NUM_PROTOCOLS = 6
_BYTES_A_MEMBER = 64
"""About what a set or dict takes for each of its members."""


def read_pickle(path: Path) -> Any:
    """Read a pickle of plain data.

    Args:
        path: Path of the pickle.

    Returns:
        Containers (dict, list, tuple, set, frozenset), numbers, strings, bytes, None, NumPy arrays
        and scalars of numeric and string types.

    Raises:
        UnsafePickleError: The file refers to any other class or function; nothing of it has run.
        DataError: The file is missing, empty, torn, or larger than 512 MiB.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise DataError(
            f"cannot read the file ({error.strerror or error})",
            where=path,
            todo="check the path and its permissions",
        ) from error
    if size > MAX_BYTES:
        raise DataError(
            f"{size} bytes is too large for a label file",
            where=path,
            todo="check that this is the annotation file",
        )
    if not content:
        raise DataError("the file is empty", where=path, todo="download it again")
    return loads(content, where=str(path))


def loads(content: bytes, *, where: str = "pickle") -> Any:
    """Read a pickle of plain data from bytes; see `read_pickle`.

    >>> import pickle
    >>> loads(pickle.dumps({("01", 1): [88.0, None]}))
    {('01', 1): [88.0, None]}
    """
    try:
        # One text of a file can be referred to many times: what is made must stay near the file's size.
        machine = _Machine(
            max_made_bytes=4 * len(content) + MAX_EXTRA_BYTES,
            keys=KeyGuard(len(content) + MAX_EXTRA_STEPS),
        )
        return machine.run(content)
    except UnsafePickleError as error:
        raise UnsafePickleError(
            error.what, where=where, todo="nothing of the file was run; get it from its publisher again"
        ) from None
    except MalformedError as error:
        raise _torn(str(error), where) from None
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, RecursionError) as error:
        # pickletools raises ValueError and its kin for whatever it cannot parse.
        raise _torn(f"{type(error).__name__}: {error}"[:200], where) from None


def _torn(detail: str, where: str) -> DataError:
    return DataError(f"not a whole pickle ({detail})", where=where, todo="download the file again")


_LITERALS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_VALUES = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8".split()
)
_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_MARK = object()


class _Machine:
    """The stack machine that a pickle is a program for, with nothing to call."""

    def __init__(self, max_made_bytes: int, keys: KeyGuard) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.bytes_left = max_made_bytes
        self.keys = keys

    def run(self, content: bytes) -> Any:
        for name, argument in _instructions(content):
            if name == "FRAME":
                continue
            if name == "PROTO":
                if argument not in range(NUM_PROTOCOLS):
                    raise MalformedError(f"protocol {argument}")
                continue
            if name in _VALUES:
                self.stack.append(bytes(argument) if isinstance(argument, bytearray) else argument)
            elif name in _LITERALS:
                self.stack.append(_LITERALS[name]())
            else:
                step = getattr(self, f"_do_{name.lower()}", None)
                if step is None:
                    raise UnsafePickleError(f"it uses the instruction {name}, which labels have no need of")
                step(argument)
        value = self._pop()
        if self.stack:
            raise MalformedError("values are left over")
        return _finished(value)

    def _pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise MalformedError("a value is missing")
        return self.stack.pop()

    def _top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise MalformedError(f"a {kind.__name__} is missing")
        return self.stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self.stack:
            item = self.stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)
        raise MalformedError("a mark is missing")

    # Stack and memo

    def _do_mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _do_pop(self, _: Any) -> None:
        if not self.stack:
            raise MalformedError("a value is missing")
        self.stack.pop()

    def _do_pop_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def _do_dup(self, _: Any) -> None:
        self.stack.append(self._top(object))

    def _do_put(self, index: int) -> None:
        self.memo[index] = self._peek()

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self._peek()

    def _peek(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise MalformedError("a value is missing")
        return self.stack[-1]

    def _do_get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    _do_binget = _do_long_binget = _do_get

    # Containers

    def _do_list(self, _: Any) -> None:
        self.stack.append(self._pop_to_mark())

    def _do_append(self, _: Any) -> None:
        item = self._pop()
        self._top(list).append(item)

    def _do_appends(self, _: Any) -> None:
        items = self._pop_to_mark()
        self._top(list).extend(items)

    def _do_tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._pop_to_mark()))

    def _do_tuple1(self, _: Any) -> None:
        self.stack.append((self._pop(),))

    def _do_tuple2(self, _: Any) -> None:
        b, a = self._pop(), self._pop()
        self.stack.append((a, b))

    def _do_tuple3(self, _: Any) -> None:
        c, b, a = self._pop(), self._pop(), self._pop()
        self.stack.append((a, b, c))

    def _do_dict(self, _: Any) -> None:
        self.stack.append(self._pairs(self._pop_to_mark()))

    def _do_setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._top(dict)[self.keys.passed(key)] = value

    def _do_setitems(self, _: Any) -> None:
        pairs = self._pairs(self._pop_to_mark())
        self._top(dict).update(pairs)

    def _pairs(self, items: list[Any]) -> dict[Any, Any]:
        if len(items) % 2:
            raise MalformedError("a key without a value")
        return {self.keys.passed(items[i]): items[i + 1] for i in range(0, len(items), 2)}

    def _do_additems(self, _: Any) -> None:
        items = self._pop_to_mark()
        self._top(set).update(self.keys.passed(item) for item in items)

    def _do_frozenset(self, _: Any) -> None:
        self.stack.append(frozenset(self.keys.passed(item) for item in self._pop_to_mark()))

    # Names and what is made of them

    def _do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._push_name(module, name)

    def _do_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self._push_name(as_text(module), as_text(name))

    def _push_name(self, module: str, name: str) -> None:
        if (module, name) not in ALLOWED_NAMES:
            raise UnsafePickleError(f"it asks for {f'{module}.{name}'[:100]!a}")
        self.stack.append(Name(module, name))

    def _do_reduce(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        maker = MAKERS.get((function.module, function.name)) if isinstance(function, Name) else None
        if maker is None or not isinstance(arguments, tuple):
            raise UnsafePickleError("it calls something that is no plain data")
        made = maker(*arguments)
        if isinstance(made, Members):
            made = made.made(self.keys)
        self._account(made)
        self.stack.append(made)

    def _do_build(self, _: Any) -> None:
        state = self._pop()
        target = self._peek()
        if not isinstance(target, Array | Dtype):
            raise UnsafePickleError("it sets the state of something that is no plain data")
        target.build(state)
        self._account(target)

    def _account(self, made: Any) -> None:
        value = made.value if isinstance(made, Array) else made
        if isinstance(value, np.ndarray | np.generic):
            self.bytes_left -= value.nbytes
        elif isinstance(value, bytes):
            self.bytes_left -= len(value)
        elif isinstance(value, set | frozenset | dict):
            self.bytes_left -= _BYTES_A_MEMBER * len(value)
        if self.bytes_left < 0:
            raise MalformedError("it unpacks to many times its own size")


def _instructions(content: bytes) -> Iterator[tuple[str, Any]]:
    """Name and argument of every instruction before the final STOP."""
    stream = io.BytesIO(content)
    while code := stream.read(1):
        opcode = _OPCODES.get(code)
        if opcode is None:
            raise MalformedError(f"there is no instruction {code!r}")
        if opcode.name == "STOP":
            if stream.tell() != len(content):
                raise MalformedError("there is more behind its end")
            return
        if opcode.name == "STRING":
            yield opcode.name, _python2_text(stream.readline())
            continue
        argument: Any = None if opcode.arg is None else opcode.arg.reader(stream)
        if opcode.name == "FRAME" and argument > len(content) - stream.tell():
            break
        yield opcode.name, argument
    raise MalformedError("it ends too early")


def _python2_text(line: bytes) -> str:
    """A quoted string of protocol 0; `pickletools` would refuse all that is not ASCII."""
    quoted = line[:-1]
    if len(quoted) < 2 or quoted[:1] not in (b"'", b'"') or quoted[:1] != quoted[-1:] or line[-1:] != b"\n":
        raise MalformedError("a string without its quotes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of escapes that are none
        return codecs.escape_decode(quoted[1:-1])[0].decode("latin-1")


def _finished(value: Any) -> Any:
    """Replace arrays under construction; names and types on their own are no data.

    Walks without recursion, each container once, so that neither depth nor sharing costs more than
    the file's own size. A tuple is rebuilt after its parts.
    """
    done: dict[int, Any] = {}
    keep: list[Any] = []  # keeps ids unique while the walk lasts
    open_ids: set[int] = set()
    todo: list[tuple[Any, bool]] = [(value, False)]
    while todo:
        item, parts_done = todo.pop()
        if id(item) in done:
            continue
        if not isinstance(item, list | tuple | dict):
            done[id(item)] = _plain(item)
            keep.append(item)
            continue
        if not parts_done:
            if id(item) in open_ids:
                raise MalformedError("a container holds itself")
            open_ids.add(id(item))
            todo.append((item, True))
            parts = item.values() if isinstance(item, dict) else item
            todo.extend((part, False) for part in parts)
            continue
        open_ids.discard(id(item))
        keep.append(item)
        if isinstance(item, dict):
            for key, part in item.items():
                item[key] = done[id(part)]
            done[id(item)] = item
        elif isinstance(item, list):
            item[:] = [done[id(part)] for part in item]
            done[id(item)] = item
        else:
            done[id(item)] = tuple(done[id(part)] for part in item)
    return done[id(value)]


def _plain(item: Any) -> Any:
    if isinstance(item, Array):
        if item.value is None:
            raise MalformedError("a NumPy array without data")
        return item.value
    if isinstance(item, Name | Dtype):
        raise UnsafePickleError("it holds a class or a type, which is no plain data")
    return item
