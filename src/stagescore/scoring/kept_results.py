"""Results that an interrupted batch goes on with: those made of the same film, options and networks.

`NAME/made_from.json` says what a result was made of. The same bytes in it mean the same result, since scoring a film twice
gives the same but for `timings`; these stay those of the run that scored the dive.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from stagescore import __version__
from stagescore.card_files import weights_hash
from stagescore.hashing import file_sha256
from stagescore.json_files import read_json
from stagescore.pose.networks import PoseNetworks
from stagescore.printable import writable
from stagescore.scoring.event_refinement import EventNetworkRefiner
from stagescore.scoring.inputs import InputClip, sha256_of
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.output_folder import RESULT
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.several_dives import DiveOfFilm

MADE_FROM = "made_from.json"
_BY_CHANCE = ("program-error",)
"""Reasons that another run may not meet: memory that ran out looks like a defect."""

Names = Callable[[str, int], Sequence[str]]
"""Makes the names of some dives of a film from the film's name and their number."""


def made_from(
    scorer: Scorer, options: ScoreOptions, path: Path, film_sha256: str, which: DiveOfFilm | None = None
) -> bytes:
    """What a result is made of, as it is kept beside it.

    Args:
        scorer: Scorer with all its networks.
        options: What the user says of the dive.
        path: Path of the film, as given.
        film_sha256: SHA-256 of the film, in hexadecimal.
        which: Number and frames of the dive in a film with several; None for the only one of a film.
    """
    looking, events = scorer.networks, scorer.events
    content = {
        "version": __version__,
        "path": writable(str(path)),
        "sha256": film_sha256,
        "options": options.model_dump(mode="json"),
        "poses_sha256": None if options.poses is None else _sha256_of_all(options.poses),
        "networks": scorer.made_of,
        "pose_networks": looking.as_json() if isinstance(looking, PoseNetworks) else looking,
        "event_network": weights_hash(events.network)
        if isinstance(events, EventNetworkRefiner)
        else type(events).__name__,
    }
    if which is not None:
        content["dive"] = asdict(which)
    return (json.dumps(content, indent=1) + "\n").encode()


def kept_results(
    scorer: Scorer, options: ScoreOptions, clip: InputClip, out: Path, names: Names
) -> list[Result] | None:
    """The results of a film, if all are whole and scoring again would give the same.

    Args:
        scorer: Scorer with all its networks.
        options: What the user says of the dive.
        clip: The film.
        out: Folder of all dives.
        names: Makes the names of several dives of a film.
    """
    try:
        sha256 = sha256_of(clip.path)
    except OSError:
        return None

    def expected(which: DiveOfFilm | None) -> bytes:
        return made_from(scorer, options, clip.path, sha256, which)

    alone = _kept(out, clip.name, None, expected)
    if alone is not None:
        return [alone]
    first = _which(out / names(clip.name, 1)[0])
    if first is None:
        return None
    several = [
        _kept(out, name, number, expected) for number, name in enumerate(names(clip.name, first.of), start=1)
    ]
    whole = [one for one in several if one is not None]
    return whole if len(whole) == first.of else None


def _kept(
    out: Path, name: str, number: int | None, expected: Callable[[DiveOfFilm | None], bytes]
) -> Result | None:
    """The result of a name, if it is whole and of the dive of that number, or of the only one."""
    try:
        kept = (out / name / MADE_FROM).read_bytes()
        result = Result.model_validate_json((out / name / RESULT).read_bytes())
    except (OSError, ValidationError):
        return None
    which = _which(out / name)
    if (None if which is None else which.number) != number or kept != expected(which):
        return None
    by_chance = any(reason.code in _BY_CHANCE for reason in result.reasons)
    return result if result.input.name == name and not by_chance else None


def _which(folder: Path) -> DiveOfFilm | None:
    """Which of several dives of a film a kept result is about."""
    try:
        return DiveOfFilm(**read_json(folder / MADE_FROM)["dive"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_free(out: Path, name: str, path: Path) -> bool:
    """Whether a dive may have a folder: nothing is there, or an earlier result of the same film.

    Args:
        out: Folder of all dives.
        name: Name that the dive's folder would have.
        path: Path of the film, as given.
    """
    folder = out / name
    if not folder.exists() and not folder.is_symlink():
        return True
    try:
        result = Result.model_validate_json((folder / RESULT).read_bytes())
    except (OSError, ValidationError):
        return False
    return result.input.path == writable(str(path))


def _sha256_of_all(path: Path) -> str:
    """Hash of a file, or of all files in a folder with their names."""
    if path.is_file():
        return file_sha256(path)
    digest = sha256()
    for part in sorted(path.rglob("*")):
        if part.is_file():
            digest.update(f"{part.relative_to(path)} {file_sha256(part)}\n".encode(errors="replace"))
    return digest.hexdigest()
