"""Files by the names that people and other programs write down: other letters' case, another computer's folders.

Source: none; what labels and spreadsheets hold that were written on another system. Windows separates folders by backslashes
and begins with a drive, and takes no notice of case; macOS stores accents as signs of their own (Unicode's form D).
"""

import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from stagescore.errors import DataError


def parts_of(written: str) -> tuple[str, ...]:
    r"""Folders and name of a path of any system, without drive and root.

    >>> parts_of("C:\\Users\\x\\054.mp4"), parts_of("films/054.mp4"), parts_of("/054.mp4")
    (('Users', 'x', '054.mp4'), ('films', '054.mp4'), ('054.mp4',))
    """
    path = PureWindowsPath(written) if "\\" in written or written[1:2] == ":" else PurePosixPath(written)
    return path.parts[1:] if path.anchor else path.parts


def name_in(written: str) -> str:
    r"""The last part of a path of any system; the text itself where it has none.

    >>> name_in("..\\frames\\00001.jpg"), name_in("frames/00001.jpg")
    ('00001.jpg', '00001.jpg')
    """
    return (parts_of(written) or (written,))[-1]


class FolderFiles:
    """The files and folders below a folder, found by how people write them; each folder is listed once.

    Args:
        folder: Folder to which the written paths are relative.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def find(self, written: str) -> Path | None:
        """The file or folder that a written path means, or None where there is none.

        It is looked for as it is written; then without regard to case; then below this folder by less and less of its folders,
        down to its name alone; then by its name without an ending.

        Args:
            written: Path as it stands in a table, of any system.

        Raises:
            DataError: Several files fit equally well.
        """
        plain = self._folder / written
        if _exists(plain):
            return plain
        parts = parts_of(written)
        for with_ending in (True, False):
            for first in range(len(parts)):
                found = self._walk(parts[first:], with_ending=with_ending)
                if len(found) > 1:
                    raise DataError(
                        f"{written[:100]!a} may be {found[0].name!a} or {found[1].name!a}",
                        where=self._folder,
                        todo="write the name exactly as the file has it",
                    )
                if found:
                    return found[0]
        return None

    def _walk(self, parts: tuple[str, ...], *, with_ending: bool) -> list[Path]:
        """What the parts lead to; of the same name exact case wins."""
        here = [self._folder]
        for depth, part in enumerate(parts, start=1):
            whole = with_ending or depth < len(parts)
            here = [found for folder in here for found in self._inside(folder, part, whole=whole)]
        exact = [path for path in here if path.name == parts[-1]]
        return exact or here

    def _inside(self, folder: Path, part: str, *, whole: bool) -> list[Path]:
        if part in ("..", "."):
            return [folder / part]
        if folder not in self._listed:
            names: dict[str, list[Path]] = {}
            self._listed[folder] = names
            for path in _entries(folder):
                for key in {f"/{_folded(path.name)}", _folded(path.stem)}:
                    names.setdefault(key, []).append(path)
        return self._listed[folder].get(f"/{_folded(part)}" if whole else _folded(part), [])


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()).strip()


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (
        OSError,
        ValueError,
    ):  # a name that is too long or holds a zero byte, a folder that may not be looked into
        return False
