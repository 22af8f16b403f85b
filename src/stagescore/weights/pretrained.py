"""Reading checkpoints that other projects published, from a path and without running anything in them."""

import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from stagescore.errors import CheckpointError

_WRAPPINGS = ("state_dict", "model_state", "model")
_SHOWN = 3


def read_tensors(path: Path, published: str) -> dict[str, Tensor]:
    """The named tensors of a file that PyTorch or safetensors wrote.

    A dictionary around them and the `module.` of parallel training are taken off.

    Args:
        path: Path of the file.
        published: Address where the file can be had, for the error.

    Raises:
        CheckpointError: No such file, or it holds something other than named tensors.
    """
    if not path.is_file():
        raise CheckpointError("not found", where=path, todo=f"published at {published}")
    try:
        content: Any = load_file(path) if path.suffix == ".safetensors" else _loaded(path)
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, published, error) from None
    except Exception as error:  # whatever a torn or hostile file makes of the reader
        raise _unreadable(path, published, error) from None
    for wrapping in _WRAPPINGS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapping), Mapping):
            content = content[wrapping]
            break
    if not isinstance(content, Mapping) or not content:
        raise _unreadable(path, published, "it holds no named tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _unreadable(path, published, f"{name!r} is a {type(value).__name__} and no tensor")
    return {name.removeprefix("module."): value for name, value in content.items()}


def _loaded(path: Path) -> Any:
    """What PyTorch wrote, with nothing run. PyTorch stores, and packs nothing: a list of larger members would only take memory.

    Raises:
        ValueError: The members of the archive are to unpack to more than they hold, or it holds more than tensors.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        held = sum(member.compress_size for member in members)
        if held > path.stat().st_size or any(member.file_size != member.compress_size for member in members):
            raise ValueError("its members unpack to more than they hold")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # PyTorch asks users to report what it does not know in damaged files
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:
        # PyTorch's own words advise to load the file unsafely.
        raise ValueError("no PyTorch file of tensors alone") from None


def fitting(
    wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], *, where: Path, published: str
) -> dict[str, Tensor]:
    """The tensors that a network wants, each with the shape that it wants.

    The counters of batch norms may be missing: old files have none, and nothing reads them.

    Args:
        wanted: Tensors of the network, by name.
        given: Tensors under the same names; others are left out.
        where: Path of the file, for the error.
        published: Address where the file can be had, for the error.

    Raises:
        CheckpointError: A tensor is missing or has another shape.
    """
    needed = {name: value for name, value in wanted.items() if not name.endswith("num_batches_tracked")}
    wrong = [f"{name} (missing)" for name in needed if name not in given]
    wrong += [
        f"{name} ({_shape(given[name])} instead of {_shape(value)})"
        for name, value in needed.items()
        if name in given and given[name].shape != value.shape
    ]
    if wrong:
        raise CheckpointError(
            f"does not fit: {enumerated(wrong)}",
            where=where,
            todo=f"the right file is published at {published}",
        )
    return {name: given.get(name, value) for name, value in wanted.items()}


def enumerated(names: Iterable[str]) -> str:
    """The first few, and how many there are.

    >>> enumerated("abcde")
    'a, b, c and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"


def _unreadable(path: Path, published: str, why: object) -> CheckpointError:
    told = " ".join(str(why).split())[:160]
    return CheckpointError(
        f"these are no weights ({told})", where=path, todo=f"the right file is published at {published}"
    )
