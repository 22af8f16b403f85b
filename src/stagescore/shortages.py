"""Errors that say that the machine has too little of something: memory, open files, threads, space on the disk.

Libraries say it in ways of their own: PyTorch by a RuntimeError, the dynamic linker by an ImportError, OpenCV by its own kind.
"""

import errno
import re

from stagescore.errors import StagescoreError

_OF_SYSTEM = {
    errno.ENOMEM: ("memory ran out", "memory"),
    errno.EMFILE: ("too many files are open at once", "files"),
    errno.ENFILE: ("too many files are open at once", "files"),
    errno.ENOSPC: ("the disk is full", "disk"),
    errno.EDQUOT: ("the disk is full", "disk"),
    errno.EFBIG: ("file too large for the disk or for the limit of this process", "size"),
}
_TODO = {
    "memory": "close other programs, use fewer workers, or allow this one more (`ulimit -v` counts address space, of which PyTorch "
    "takes several GB)",
    "files": "allow more (`ulimit -n`), or use fewer workers",
    "disk": "free some space; what was there before is unchanged",
    "size": "allow larger ones (`ulimit -f`), or write to another disk",
    "threads": "close other programs, or allow more (`ulimit -u`)",
}
_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|failed to map segment|insufficient memory|std::bad_alloc|out of memory|"
    r"defaultcpuallocator",
    re.IGNORECASE,
)


class ShortageError(StagescoreError):
    """The machine, or a limit of this process, has too little memory, space or the like."""


def shortage_of(error: BaseException) -> ShortageError | None:
    """What the machine has too little of, where an error or one that it came from says so; None for all others."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        what, kind = _told(cause)
        if kind:
            return ShortageError(what, todo=_TODO[kind])
        cause = cause.__cause__ or cause.__context__
    return None


def _told(error: BaseException) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno in _OF_SYSTEM:
        what, kind = _OF_SYSTEM[error.errno]
        return (f"{what} ({error.filename})" if error.filename else what), kind
    text = str(error)
    if isinstance(error, MemoryError) or _MEMORY.search(text):
        return "memory ran out", "memory"
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return "no thread can be started", "threads"
    return "", ""
