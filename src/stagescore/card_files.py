"""Networks of ours in a file: safetensors whose header carries a card, which says all that must be known to use them."""

import json
import struct
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from stagescore.atomic import write_bytes
from stagescore.config import Config
from stagescore.errors import CheckpointError

CardT = TypeVar("CardT", bound=Config)


def weights_hash(model: nn.Module) -> str:
    """A hash of all weights and buffers of a model, by name, whatever file they came from."""
    digest = sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put the tensors of a file into the model that its card describes.

    Args:
        model: Model with the names and shapes that the card says.
        tensors: Tensors of the file, by name.
        path: Path of the file, for errors.

    Raises:
        CheckpointError: A tensor is missing, unknown or of another shape.
    """
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights do not fit their card ({' '.join(str(error).split())[:160]})",
            where=path,
            todo="get the file again",
        ) from None


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
        CheckpointError: The file cannot be read, is torn, or has no such card.
    """
    try:
        content = path.read_bytes()
        tensors = load(content)
        (length,) = struct.unpack("<Q", content[:8])
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
        if header not in metadata:
            raise ValueError("its header has no card of that kind")
        return tensors, kind.model_validate_json(metadata[header])
    except OSError as error:
        raise CheckpointError(
            f"cannot read the {what} ({error.strerror or error})", where=path, todo="check the path"
        ) from error
    except (SafetensorError, struct.error, ValueError, ValidationError) as error:
        raise CheckpointError(
            f"not a stagescore {what} ({' '.join(str(error).split())[:100]})",
            where=path,
            todo=f"get the file again, or give one that `{maker}` has written",
        ) from None
