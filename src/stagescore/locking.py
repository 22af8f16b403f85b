"""One process at a time in a folder: whoever writes there holds its lock, `FOLDER/.lock`.

The system frees a lock when the last process that holds it ends, however it ends: a killed process blocks nobody.
The file itself says nothing; one that is left behind is free.
"""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from stagescore.errors import DataError

NAME = ".lock"
# Set by hand: pauses between two tries begin with the first and double up to the longest.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 1.0
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
"""What file systems without locks answer, some of those over a network."""

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FolderInUseError(DataError):
    """A folder that another process holds."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that this process holds.

    A process that is spawned with it among its arguments holds it too, until it ends (not on Windows).

    Attributes:
        descriptor: Descriptor of the open file.
    """

    descriptor: int

    def __reduce__(self) -> tuple[object, ...]:
        if sys.platform == "win32":
            return Held, (-1,)
        return _inherited, (reduction.DupFd(self.descriptor),)


def _inherited(duplicate: Any) -> Held:
    return Held(duplicate.detach())


@contextmanager
def alone_in(folder: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[Held]:
    """Hold a folder against other processes that ask for it in this way.

    Whoever only reads needs no lock, so what is read has to be whole at any time. Where the file system has no locks
    this holds nobody off.

    Args:
        folder: Folder to hold; made where it is missing.
        waiting: Function that is called about every second while another process holds the folder; None to be refused
            instead.

    Raises:
        FolderInUseError: Another process holds the folder and `waiting` is None.
        DataError: It cannot be written to.
    """
    path = folder / NAME
    descriptor, pause_s = _locked(path), _FIRST_WAIT_S
    while descriptor is None:
        if waiting is None:
            raise FolderInUseError(
                "another process is at work in this folder",
                where=folder,
                todo="wait until it has ended, or choose another folder",
            )
        waiting()
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_WAIT_S)
        descriptor = _locked(path)
    try:
        yield Held(descriptor)
    finally:
        with suppress(OSError):  # Windows does not remove what is open
            path.unlink()
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """The open and locked file, or None where another process has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise DataError(
            f"cannot write ({error.strerror})", where=path.parent, todo="choose a folder you may write to"
        ) from error
    try:
        _lock(descriptor)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return descriptor
        os.close(descriptor)
        return None
    if _is_at(descriptor, path):
        return descriptor
    os.close(descriptor)  # the holder before removed this file; another one may be there by now
    return _locked(path)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False
