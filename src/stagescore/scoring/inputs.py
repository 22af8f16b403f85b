"""What a user names: films, folders of images, folders of films, globs; and what each result is called.

Every input gets a result, also one that does not exist.
"""

import glob
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stagescore.hashing import file_sha256
from stagescore.media.images import image_paths
from stagescore.printable import plain_name
from stagescore.scoring.output_folder import RESULT

FILM_SUFFIXES = tuple(".mp4 .m4v .mov .avi .mkv .webm .gif .mpg .mpeg .ts .mts .flv .wmv .ogv .mxf".split())
"""Endings by which films are found in a folder; a file that is named itself may have any."""
RESERVED = ("summary.csv", "summary.html", "measures.csv")
"""Names of the batch's own files."""
_LONGEST_NAME = 240
"""Bytes of the longest name of a result."""


@dataclass(frozen=True, slots=True)
class InputClip:
    """One film or folder of images.

    Attributes:
        path: Path of the film or folder.
        name: Name of its result; no other clip of the batch has it.
    """

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class FoundFilms:
    """What some words of the command line name.

    Attributes:
        paths: Paths of films and folders of images, each once, in the order of the words.
        passed_over: Number of films in sub-folders that were not asked for, by the folder that was named.
    """

    paths: list[Path]
    passed_over: dict[Path, int]


def find_films(named: Sequence[str], *, recursive: bool = False) -> FoundFilms:
    """The films and folders of images that some words name.

    A glob that fits nothing, and a folder without films and images, stand for themselves: their result says so.

    Args:
        named: Films, folders of images, folders of films, globs.
        recursive: Whether films in sub-folders are taken too; folders of results are left out.
    """
    paths, passed_over = dict[Path, None](), dict[Path, int]()
    for word in named:
        path = Path(word)
        is_glob = glob.has_magic(word) and not path.exists()
        found = sorted(map(Path, glob.glob(word, recursive=True))) if is_glob else []  # noqa: PTH207
        for one in found or [path]:
            clips, deeper = _clips_of(one)
            if deeper and not recursive:
                passed_over[one] = len(deeper)
            paths.update(dict.fromkeys([*clips, *(deeper if recursive else [])] or [one]))
    return FoundFilms(list(paths), passed_over)


def find_clips(named: Sequence[str]) -> list[InputClip]:
    """The clips that some words name, without those in sub-folders; see `find_films` and `named_apart`."""
    return named_apart(find_films(named).paths)


def named_apart(
    paths: Iterable[Path], *, free: Callable[[str, Path], bool] = lambda name, path: True
) -> list[InputClip]:
    """Names of results: that of the file, with `-2`, `-3`, ... where it is taken.

    Letters that differ in case only would meet on some disks, so they count as the same.

    Args:
        paths: Paths of the clips.
        free: Says of a name and a path whether the disk has room for a result of that name.

    >>> [clip.name for clip in named_apart([Path("a/dive.mp4"), Path("b/Dive.mov")])]
    ['dive', 'Dive-2']
    """
    taken = {name.casefold() for name in RESERVED}
    clips = []
    for path in paths:
        wanted = name_of(path)
        name, number = wanted, 1
        while name.casefold() in taken or not free(name, path):
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name.casefold())
        clips.append(InputClip(path, name))
    return clips


def _clips_of(path: Path) -> tuple[list[Path], list[Path]]:
    """The clips that a path names, and those in its sub-folders; a folder of images is one clip, as is all else but folders."""
    if not path.is_dir() or _has_images(path):
        return [path], []
    films = _films_in(path)
    seen, deeper = {path.resolve()}, list[Path]()
    open_folders = _folders_in(path)
    while open_folders:
        folder = open_folders.pop(0)
        if folder.resolve() in seen:
            continue  # a link that leads back
        seen.add(folder.resolve())
        if _has_images(folder):
            deeper.append(folder)
        else:
            deeper += _films_in(folder)
            open_folders = [*_folders_in(folder), *open_folders]
    return films, deeper


def _has_images(folder: Path) -> bool:
    try:
        return bool(image_paths(folder))
    except OSError:  # it may not be read
        return False


def _films_in(folder: Path) -> list[Path]:
    return [one for one in _entries(folder) if one.suffix.lower() in FILM_SUFFIXES and one.is_file()]


def _folders_in(folder: Path) -> list[Path]:
    """Its folders, without those of results: their films are ours."""
    return [one for one in _entries(folder) if one.is_dir() and not (one / RESULT).exists()]


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, in the order of the names, without what is hidden; nothing where it may not be read."""
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except OSError:
        return []


def name_of(path: Path) -> str:
    """The file's name without its ending, or the folder's.

    >>> name_of(Path("films/dive.final.mp4"))
    'dive.final'
    """
    name = path.resolve().name if path.is_dir() else path.stem
    return _shortened(_encodable(plain_name(name))) if name.strip(". ") else "clip"


def _encodable(name: str) -> str:
    """A name that files may have here: where Python is told to take the names of files for ASCII, the rest becomes `_`."""
    encoding = sys.getfilesystemencoding()
    return name.encode(encoding, "replace").decode(encoding).replace("?", "_") if not _fits(name) else name


def _fits(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _shortened(name: str) -> str:
    """A name that leaves room for `-2` in the 255 bytes that disks have for it."""
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of the images of a folder, in hexadecimal; empty where there are none."""
    if path.is_file():
        return file_sha256(path)
    if not path.is_dir():
        return ""
    images = image_paths(path)
    digest = sha256()
    for image in images:
        digest.update(image.read_bytes())
    return digest.hexdigest() if images else ""
