"""Atomic writes: a file is either what it was before or complete, whatever happens in between."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stagescore.errors import DataError

_UNFINISHED = re.compile(r"\..+\.[a-z0-9_]{8}(\.old)?\.part(\.\w+)?")
"""Names of files that are being written, here and as films: `tempfile` puts eight characters into them."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file atomically: temporary name, sync, rename. Folders are made as needed.

    Raises:
        DataError: The disk is full, the folder cannot be written to, and the like; what was at
            `path` before is then untouched.
    """
    write_files({path: content})


def write_text(path: Path, content: str) -> None:
    """Write one UTF-8 text file atomically; see `write_bytes`."""
    write_bytes(path, content.encode())


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write several files: nothing is renamed before everything is safely on the disk.

    Args:
        contents: Bytes to write, by final path.

    Raises:
        DataError: One of them could not be written; none of the final paths has changed.
    """
    staged: list[tuple[Path, Path]] = []
    spares: dict[Path, Path] = {}
    replaced: list[Path] = []
    current = Path()
    try:
        for current, content in contents.items():
            current.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=current.parent, prefix=f".{current.name}.", suffix=".part")
            staged.append((Path(name), current))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).chmod(0o666 & ~_umask())
        for temporary, current in staged:
            if len(staged) > 1 and current.exists():
                spares[current] = temporary.with_suffix(".old.part")
                _duplicate(current, spares[current])
        for temporary, current in staged:
            temporary.replace(current)
            replaced.append(current)
    except OSError as error:
        for path in replaced:  # a later rename failed
            if path in spares:
                spares[path].replace(path)
            else:
                path.unlink(missing_ok=True)
        raise DataError(
            f"cannot write ({error.strerror or error})",
            where=current,
            todo="free some space or choose a folder you may write to; what was there before is unchanged",
        ) from error
    finally:
        for leftover in (*(temporary for temporary, _ in staged), *spares.values()):
            leftover.unlink(missing_ok=True)
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def remove_unfinished(*folders: Path) -> None:
    """Remove what killed processes were writing: a process that is killed cannot do so itself.

    Args:
        folders: Folders that this process alone writes to (`locking.alone_in`); folders below them are left alone.
    """
    for path in [path for folder in folders if folder.is_dir() for path in folder.iterdir()]:
        if _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _duplicate(path: Path, spare: Path) -> None:
    """Give what is at a path a second name."""
    try:
        os.link(path, spare)
    except OSError:  # file systems without links
        shutil.copy2(path, spare)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename itself durable (a no-op where folders cannot be opened, as on Windows)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
