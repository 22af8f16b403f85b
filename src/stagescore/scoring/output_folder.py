"""The folder that a run writes to: one run has it at a time, and no run writes over the results of another.

    OUT/NAME/result.json, made_from.json, ...     a dive
    OUT/summary.csv, summary.html, measures.csv   all dives of a batch
    OUT/compare.json, ...                         a comparison

A run takes a folder by its lock before it looks whether results are in it, so two that begin together never mix.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stagescore.errors import DataError
from stagescore.locking import FolderInUseError, Held, alone_in

RESULT, SUMMARY, COMPARED = "result.json", "summary.csv", "compare.json"


@dataclass(frozen=True, slots=True)
class ClaimedFolder:
    """A folder that this process alone writes results to.

    Attributes:
        path: Path of the folder, as it was asked for where that was free.
        lock: Lock on the folder; processes that get it hold the folder too.
    """

    path: Path
    lock: Held


@contextmanager
def claimed_folder(wanted: Path, *, resume: bool = False) -> Iterator[ClaimedFolder]:
    """Hold the folder itself, or `DIR-2`, `DIR-3`, ... where results are in it or another run writes to it.

    Args:
        wanted: Folder that is asked for; made where it is missing.
        resume: Whether results in it are to be gone on with; then no other folder will do.

    Raises:
        DataError: It cannot be written to, or none of its neighbours can; or it is to be resumed while another run writes
            to it.
    """
    for folder in [wanted] if resume else _candidates(wanted):
        if not resume and _holds_results(folder):
            continue
        with ExitStack() as stack:
            try:
                lock = stack.enter_context(alone_in(folder))
            except FolderInUseError:
                if resume:
                    raise
                continue
            if resume or not _holds_results(folder):
                yield ClaimedFolder(folder, lock)
                return
    raise DataError("results are in it already", where=wanted, todo="choose another folder")


def _candidates(wanted: Path) -> Iterator[Path]:
    yield wanted
    # A folder named `.` or `..` has its own name only where it really lies.
    named = wanted.resolve() if wanted.name in ("", "..") else wanted
    if named.name:
        yield from (named.with_name(f"{named.name}-{number}") for number in itertools.count(2))


def _holds_results(folder: Path) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    return any((folder / name).exists() for name in (SUMMARY, RESULT, COMPARED)) or any(
        folder.glob(f"*/{RESULT}")
    )
