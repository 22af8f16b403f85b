"""Where weights are looked for, in turn: the folder given, `$STAGESCORE_WEIGHTS`, the user's cache, the package.

Each file is looked for in all of these places: one that is missing in the first is taken from the next.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from stagescore.errors import CheckpointError

VARIABLE = "STAGESCORE_WEIGHTS"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that may hold weights.

    Attributes:
        origin: How the folder was chosen, in words.
        folder: Path of the folder, which need not exist.
    """

    origin: str
    folder: Path


def user_cache(environment: Mapping[str, str] | None = None) -> Path:
    """The user's cache folder, by the platform's habit."""
    environment = os.environ if environment is None else environment
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "stagescore" / "weights"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "stagescore" / "weights"
    if sys.platform == "win32" and (base := environment.get("LOCALAPPDATA")):
        return Path(base) / "stagescore" / "weights"
    return Path.home() / ".cache" / "stagescore" / "weights"


def places(weights_dir: Path | None = None, environment: Mapping[str, str] | None = None) -> list[Place]:
    """All places, in the order in which they are looked through.

    Args:
        weights_dir: Folder that `--weights-dir` names; None for none.
        environment: Environment variables by name; the process's own by default.
    """
    environment = os.environ if environment is None else environment
    found = [] if weights_dir is None else [Place("--weights-dir", weights_dir)]
    if named := environment.get(VARIABLE):
        found.append(Place(f"${VARIABLE}", Path(named).expanduser()))
    found.append(Place("user cache", user_cache(environment)))
    found.append(Place("package", Path(str(files("stagescore"))) / "weights" / "shipped"))
    return found


def find_weights(
    name: str,
    weights_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    published: str = "",
) -> Path:
    """The first file of that name in any of the places.

    Args:
        name: Name of the file, without folders.
        weights_dir: Folder that `--weights-dir` names; None for none.
        environment: Environment variables by name; the process's own by default.
        published: Address where the file can be got, for the error; empty for none.

    Raises:
        CheckpointError: It is in none of them.
    """
    if Path(name).name != name or name in ("", ".", ".."):
        raise CheckpointError("this is no file name", where=name, todo="name a file without its folder")
    looked = places(weights_dir, environment)
    for place in looked:
        if (place.folder / name).is_file():
            return place.folder / name
    raise CheckpointError(
        "not found",
        where=name,
        todo=(f"get it from {published}, and " if published else "")
        + "put it into one of "
        + ", ".join(f"{place.folder} ({place.origin})" for place in looked),
    )
