"""Whether files that a command left are whole, each by what ends its kind: brackets, a tag, a directory, a marker."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from stagescore.errors import StagescoreError
from stagescore.json_files import parse_json
from stagescore.media import open_media

PART = ".part"
"""How `atomic` ends the name of a file that is being written."""


def half_files(folder: Path) -> list[str]:
    """Names of the files in a folder that stand under their final names and are not whole.

    Args:
        folder: Folder that a command has written to; a folder that is not there has none.
    """
    files = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    final = [path for path in sorted(files) if not is_temporary(path, folder)]
    return [str(path.relative_to(folder)) for path in final if not is_whole(path)]


def is_temporary(path: Path, folder: Path) -> bool:
    """Whether a file has a temporary name, or is in a folder that has one.

    Args:
        path: File to ask about.
        folder: Folder that a command has written to; names above it do not matter.
    """
    return any(
        (part.startswith(".") and part != ".lock") or part.endswith(PART)
        for part in path.relative_to(folder).parts
    )


def is_whole(path: Path) -> bool:
    """Whether nothing is missing from a file; of kinds that are not known: whether it holds anything.

    Args:
        path: File to look at. Locks are empty, and whole.
    """
    if path.name == ".lock":
        return True
    check = _CHECKS.get(path.suffix)
    try:
        return path.stat().st_size > 0 if check is None else check(path)
    except (OSError, ValueError, zipfile.BadZipFile, StagescoreError):
        return False


def _json(path: Path) -> bool:
    parse_json(path.read_bytes(), finite=False)
    return True


def _json_lines(path: Path) -> bool:
    *lines, last = path.read_bytes().split(b"\n")
    for line in lines:
        parse_json(line, finite=False)
    return bool(lines) and not last


def _archive(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return archive.testzip() is None


def _film(path: Path) -> bool:
    media = open_media(path)
    return sum(1 for _ in media.frames()) == media.num_frames > 0


def _ends_with(*ends: bytes) -> Callable[[Path], bool]:
    return lambda path: path.read_bytes().rstrip(b" \r\n").endswith(ends)


_CHECKS: dict[str, Callable[[Path], bool]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".npz": _archive,
    ".zip": _archive,
    ".mp4": _film,
    ".html": _ends_with(b"</html>"),
    ".svg": _ends_with(b"</svg>"),
    ".jpg": _ends_with(b"\xff\xd9"),
    ".png": _ends_with(b"IEND\xaeB`\x82"),
    ".csv": lambda path: path.read_bytes().endswith(b"\n"),
}
