"""Weights by name: what ships with the package and what was imported goes by its name wherever a file of weights is wanted.

A path is taken as it is. What a file of ours holds stands in its header, so the wrong kind of weights is told before it is
loaded.
"""

from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

from stagescore.card_files import kind_of_file
from stagescore.errors import CheckpointError
from stagescore.models.encoder_settings import MobileBackbone
from stagescore.weights.known_image_networks import file_name
from stagescore.weights.registry import KNOWN, SHIPPED, KnownNetwork, Role
from stagescore.weights.search import find_weights

Kind = Role | Literal["image", "video"]
"""What weights are for: a role in scoring, or a network that others trained on images or videos and a training starts from."""

_WORDS: Mapping[Kind, str] = {
    "scorer": "weights that score",
    "exemplars": "a bank of exemplars",
    "events": "an event network",
    "detector": "a detector",
    "estimator": "a pose network",
    "image": "weights of an image network",
    "video": "weights of a video network",
}
_HEADERS: Mapping[str | None, tuple[Kind, ...]] = {
    "stagescore_card": ("scorer",),
    "stagescore_bank": ("exemplars",),
    "stagescore_event_card": ("events",),
    "stagescore_pose_card": ("estimator", "detector"),
    "stagescore_image_network": ("image",),
}
"""What a file of ours may be, by the name of the card in its header."""
_KNOWN: Mapping[str, KnownNetwork] = {Path(one.name).stem: one for one in (*SHIPPED, *KNOWN)}
_NEAR = 0.7
"""Likeness (`difflib`) of names, as for settings (`config`)."""


def named_weights(
    name: str | Path, *wanted: Kind, weights_dir: Path | None = None, runs: bool = False, published: str = ""
) -> Path:
    """The file that is meant by a path, or by a name with or without its ending.

    Args:
        name: Path of a file; or the name of weights that ship, such as `nano`, of an imported image network, such as
            `mobilenetv2`, or of a file in one of the places for weights (`search`).
        wanted: What the weights are to be, one or more kinds.
        weights_dir: Folder that `--weights-dir` names; None for none.
        runs: Whether the folder of a run will do as well.
        published: Address where the file can be got, for the error; empty for none.

    Raises:
        CheckpointError: There is no such file, or its name or header says that it is of another kind.
    """
    path = Path(name).expanduser()
    if runs and path.is_dir():
        return path
    known = None
    if not path.is_file():
        if path.name != str(name):
            what = "this is a folder" if path.is_dir() else "there is no such file"
            raise _refused(what, name, wanted, runs=runs)
        path = _found(str(name), wanted, weights_dir, runs=runs, published=published)
        known = _KNOWN.get(path.stem)
    # The header of a pose network does not say whether it finds people or joints; of those that ship it is known.
    kinds = _HEADERS.get(kind_of_file(path), wanted) if known is None else (known.role,)
    if not set(kinds) & set(wanted):
        raise _refused(f"it holds {_WORDS[kinds[0]]}", name, wanted, runs=runs)
    return path


def names_of(*wanted: Kind) -> list[str]:
    """Names of the weights of some kinds that ship or are known.

    >>> names_of("scorer"), names_of("events")
    (['nano', 'tower'], ['events'])
    """
    known = [name for name, one in _KNOWN.items() if one.role in wanted]
    return known + (list(get_args(MobileBackbone)) if "image" in wanted else [])


def _found(
    name: str, wanted: tuple[Kind, ...], weights_dir: Path | None, *, runs: bool, published: str
) -> Path:
    """The file of a name, in the first place that has it."""
    for file in (name, f"{name}.safetensors", f"{name}.onnx", file_name(name)):
        with suppress(CheckpointError):
            return find_weights(file, weights_dir)
    backbone = next((one for one in get_args(MobileBackbone) if name in (one, file_name(one))), None)
    if "image" in wanted and backbone is not None:
        raise CheckpointError(
            "it is not on this machine yet",
            where=name,
            todo=f"`stagescore weights import FILE --as {backbone}` (docs/training.md says which file)",
        )
    known = next((one.name for stem, one in _KNOWN.items() if name in (stem, one.name)), None)
    if known is not None or published:  # say where it was looked for
        return find_weights(known or name, weights_dir, published=published)
    raise _refused(
        "not found in any place for weights (`stagescore doctor` lists them)", name, wanted, runs=runs
    )


def _refused(what: str, name: str | Path, wanted: tuple[Kind, ...], *, runs: bool) -> CheckpointError:
    """What is wrong, what was wanted, and the nearest name of that kind."""
    words = " or ".join(_WORDS[kind] for kind in wanted)
    names = names_of(*wanted)
    near = get_close_matches(Path(name).stem, names, n=1, cutoff=_NEAR)
    forms = f"a file{' or the folder of a run' if runs else ''}"
    todo = f"give {forms}" + (f", or one of {', '.join(names)}" if names else "")
    todo = f"did you mean {near[0]!r}?" if near else todo
    are = "are" if words.startswith("weights") else "is"
    return CheckpointError(f"{what}; {words} {are} wanted here", where=name, todo=todo)
