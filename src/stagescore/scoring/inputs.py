"""What a user names: films, folders of images, folders of films, globs; and what each result is called.

Every input gets a result, also one that does not exist.
"""

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from stagescore.hashing import file_sha256
from stagescore.media.images import image_paths
from stagescore.printable import plain_name

FILM_SUFFIXES = tuple(".mp4 .m4v .mov .avi .mkv .webm .gif .mpg .mpeg .ts .mts .flv .wmv .ogv .mxf".split())
"""Endings by which films are found in a folder; a file that is named itself may have any."""
RESERVED = ("summary.csv", "summary.html")
"""Names of the batch's own files."""


@dataclass(frozen=True, slots=True)
class InputClip:
    """One film or folder of images.

    Attributes:
        path: Path of the film or folder.
        name: Name of its result; no other clip of the batch has it.
    """

    path: Path
    name: str


def find_clips(named: Sequence[str]) -> list[InputClip]:
    """The clips that some words of the command line name, each once, in their order.

    A glob that fits nothing, and a folder without films and images, stand for themselves: their result says so.
    """
    paths: dict[Path, None] = {}
    for word in named:
        path = Path(word)
        is_glob = glob.has_magic(word) and not path.exists()
        found = sorted(map(Path, glob.glob(word, recursive=True))) if is_glob else []  # noqa: PTH207
        for one in found or [path]:
            paths.update(dict.fromkeys(_clips_of(one)))
    return named_apart(paths)


def named_apart(paths: Iterable[Path]) -> list[InputClip]:
    """Names of results: that of the file, with `-2`, `-3`, ... where it is taken.

    Letters that differ in case only would meet on some disks, so they count as the same.

    >>> [clip.name for clip in named_apart([Path("a/dive.mp4"), Path("b/Dive.mov")])]
    ['dive', 'Dive-2']
    """
    taken = {name.casefold() for name in RESERVED}
    clips = []
    for path in paths:
        wanted = name_of(path)
        name, number = wanted, 1
        while name.casefold() in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name.casefold())
        clips.append(InputClip(path, name))
    return clips


def _clips_of(path: Path) -> list[Path]:
    """A folder of films is a batch; anything else is one clip."""
    if not path.is_dir() or image_paths(path):
        return [path]
    films = sorted(p for p in path.iterdir() if p.suffix.lower() in FILM_SUFFIXES and p.is_file())
    return [film for film in films if not film.name.startswith(".")] or [path]


def name_of(path: Path) -> str:
    """The file's name without its ending, or the folder's.

    >>> name_of(Path("films/dive.final.mp4"))
    'dive.final'
    """
    name = path.resolve().name if path.is_dir() else path.stem
    return plain_name(name) if name.strip(". ") else "clip"


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
