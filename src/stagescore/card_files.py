"""Networks of ours in a file: safetensors whose header carries a card, which says all that must be known to use them.

Files come from anywhere, so what they ask for is bounded before it is taken: the header before it is parsed, the network
that a card describes before its memory is.
"""

import math
import stat
import struct
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from stagescore.atomic import write_bytes
from stagescore.config import Config
from stagescore.errors import CheckpointError, StagescoreError
from stagescore.json_files import strict_json

CardT = TypeVar("CardT", bound=Config)
NetworkT = TypeVar("NetworkT", bound=nn.Module)

# All set by hand, far above what networks and banks here have: 0.2 GB, 0.2 MB of header and 341 tensors.
_MOST_FILE_BYTES = 2**30
_MOST_HEADER_BYTES = 2**24
_MOST_TENSORS = 20_000
_MOST_CARD_BYTES = 2**20
_DTYPES = {torch.float16, torch.bfloat16, torch.float32, torch.float64} | {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
}
# Set by hand. A network makes up to two tensors for each of its file, since merged batch norms are gone from it, and buffers
# that no file keeps.
_TENSORS_EACH, _TENSORS_MORE = 4, 1000
_NUMBERS_EACH, _NUMBERS_MORE = 4, 2**24


def weights_hash(model: nn.Module) -> str:
    """A hash of all weights and buffers of a model, by name, whatever file they came from."""
    return content_hash(model.state_dict())


def content_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors (names, shapes, types and bytes), in hexadecimal."""
    digest = sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class _Budget(TorchFunctionMode):
    """Ends the building of a network that takes more tensors or numbers than its file can fill.

    The numbers are counted before they are taken.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._tensors = _TENSORS_EACH * len(tensors) + _TENSORS_MORE
        self._numbers = _NUMBERS_EACH * sum(value.numel() for value in tensors.values()) + _NUMBERS_MORE

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _MAKERS:
            self._tensors -= 1
            self._numbers -= _MAKERS[func](args)
            if self._tensors < 0 or self._numbers < 0:
                raise ValueError("it is much larger than the file")
        return func(*args, **(kwargs or {}))


def _product(args: tuple[Any, ...]) -> int:
    shape = args[0] if args and isinstance(args[0], list | tuple) else args
    return math.prod(side for side in shape if isinstance(side, int))


_MAKERS: dict[Any, Callable[[tuple[Any, ...]], int]] = {
    **dict.fromkeys((torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn), _product),
    torch.full: lambda args: _product(args[:1]),
    torch.eye: lambda args: _product(args[:1]) ** 2,
    torch.arange: lambda args: max((int(end) for end in args[:2]), default=0),
    # Copies of whole modules are made of these.
    torch.Tensor.clone: lambda args: args[0].numel(),
    torch.linspace: lambda args: int(args[2]) if len(args) > 2 else 0,
}
"""What makes a tensor, and how many numbers it takes."""


def build_filled(build: Callable[[], NetworkT], tensors: Mapping[str, Tensor], path: Path) -> NetworkT:
    """The network that a card describes, with the tensors of its file.

    Args:
        build: Function that builds the network.
        tensors: Tensors of the file, by name.
        path: Path of the file, for errors.

    Raises:
        CheckpointError: The network cannot be built or is much larger than the file; or a tensor is missing, unknown
            or of another shape.
        ConfigError: The network needs a package that is not installed.
    """
    try:
        with _Budget(tensors):
            model = build()
    except StagescoreError:
        raise
    except Exception as error:  # whatever a hostile card makes of the parts of a network
        raise CheckpointError(
            f"the network of the card cannot be built ({' '.join(str(error).split())[:160]})",
            where=path,
            todo="get the file again",
        ) from None
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights do not fit their card ({' '.join(str(error).split())[:160]})",
            where=path,
            todo="get the file again",
        ) from None
    return model


def write_card_file(path: Path, tensors: Mapping[str, Tensor], card: Config, header: str) -> None:
    """Write one file atomically.

    Args:
        path: File to write.
        tensors: Tensors by name, which are stored as they are.
        card: Card that says what must be known of the tensors.
        header: Name of the card in the header of the file, which tells kinds of networks apart.
    """
    write_bytes(path, save(dict(tensors), {header: card.model_dump_json()}))


def read_card_file(
    path: Path, kind: type[CardT], header: str, *, what: str, maker: str
) -> tuple[dict[str, Tensor], CardT]:
    """Tensors by name, and their card.

    Args:
        path: File to read.
        kind: Class of the card.
        header: Name of the card in the header of the file.
        what: The network in words, for errors, such as `event network`.
        maker: The command that writes such files, for errors.

    Raises:
        CheckpointError: The file cannot be read, is torn, has no such card, or holds what cannot be.
    """
    try:
        tensors, metadata = read_tensor_file(path)
        if header not in metadata:
            raise ValueError("its header has no card of that kind")
        if len(metadata[header]) > _MOST_CARD_BYTES:
            raise ValueError("its card is longer than a card can be")
        strict_json(metadata[header])
        return tensors, kind.model_validate_json(metadata[header])
    except OSError as error:
        raise CheckpointError(
            f"cannot read the {what} ({error.strerror or error})", where=path, todo="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"not a stagescore {what} ({' '.join(str(error).split())[:100]})",
            where=path,
            todo=f"get the file again, or give one that `{maker}` has written",
        ) from None


def kind_of_file(path: Path) -> str | None:
    """Name of the card in the header of a file of ours, such as `stagescore_card`; None where there is none.

    Only the header is read, and whatever is wrong with the file is left to its reader.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
            (length,) = struct.unpack("<Q", start) if len(start) == 8 else (0,)
            header = strict_json(stream.read(length)) if 2 <= length <= _MOST_HEADER_BYTES else {}
        metadata = header.get("__metadata__") if isinstance(header, dict) else None
        names = metadata if isinstance(metadata, dict) else {}
        return next((name for name in names if name.startswith("stagescore_")), None)
    except (OSError, ValueError, RecursionError):
        return None


def read_tensor_file(path: Path, may_lack: Collection[str] = ()) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a safetensors file by name, and the texts of its header.

    Args:
        path: File to read.
        may_lack: Names of tensors in which NaN stands for what is unknown.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no safetensors file, larger than one can be here, or holds numbers that cannot be: NaN,
            infinite, or variances below 0.
    """
    with path.open("rb") as stream:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_FILE_BYTES:
            raise ValueError("it is no file, or larger than one can be")
        content = stream.read(8)
        (length,) = struct.unpack("<Q", content) if len(content) == 8 else (0,)
        if not 2 <= length <= min(_MOST_HEADER_BYTES, status.st_size - 8):
            raise ValueError(f"its header has {length} bytes")
        content += stream.read(length)
        header = strict_json(content[8:])
        if not isinstance(header, dict) or len(header) > _MOST_TENSORS:
            raise ValueError("its header does not name its tensors")
        metadata = header.get("__metadata__") or {}
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("the texts of its header are none")
        content += stream.read(_MOST_FILE_BYTES)
    try:
        tensors = load(content)
    except Exception as error:  # whatever a torn or hostile file makes of the reader
        raise ValueError(str(error)) from None
    for name, value in tensors.items():
        if value.dtype not in _DTYPES:
            raise ValueError(f"{name[:60]} is {value.dtype}")
        known = value.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf) if name in may_lack else value
        if value.is_floating_point() and not bool(known.isfinite().all()):
            raise ValueError(f"{name[:60]} holds a number that is NaN or infinite")
        if name.endswith("running_var") and bool((value < 0).any()):
            raise ValueError(f"{name[:60]} holds a variance below 0")
    return tensors, metadata
