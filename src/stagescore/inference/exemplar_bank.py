"""An exemplar bank: dives that were encoded once and vote ever after (method, section 7).

The bank holds the stage features of exemplars with their scores, and the hash of the weights that made them. It
refuses to be used with other weights, since features of two networks mean nothing to each other.
On disk it is one safetensors file whose header holds everything that is not a tensor. A few small pictures of each
exemplar may be with it, for whoever shows it beside a query; or its joints, where pictures may not be passed on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import save
from torch import Tensor

from stagescore.atomic import write_bytes
from stagescore.card_files import content_hash, read_tensor_file
from stagescore.data.manifest import Manifest, dive_from_record
from stagescore.errors import CheckpointError, DataError
from stagescore.json_files import strict_json
from stagescore.media.jpeg_header import jpeg_size
from stagescore.skeleton import MPII_16
from stagescore.tensors import REPRESENTATIONS, Representation
from stagescore.types import Dive

_VERSION = 1
_HEADER = "stagescore_bank"
_OF_THE_BANK = {"edges", "pictures", "picture_rows", "skeletons", "skeleton_rows"}
"""Tensors in the file that are not what the model compares."""
_NOT_KEPT = {"number_logits"}
"""Nobody asks which number an exemplar is."""
# All set by hand: the highest scores of diving are below 150 points, difficulties below 5, and a bank's pictures have 0.02
# megapixels.
_MOST_SCORE, _MOST_DIFFICULTY = 1000.0, 10.0
_MOST_FRAMES = 4096
_MOST_PICTURE_PX = 2**22
PICTURED_SHARES = (1 / 6, 1 / 2, 5 / 6)
"""Moments of each stage of which there are pictures."""
PICTURE_QUALITY = 60
"""Quality of these pictures as JPEG, 0 to 100. Set by hand."""

Jpegs = Mapping[str, Mapping[int, bytes]]
"""Pictures by dive id and sampled frame."""
Skeletons = Mapping[str, Mapping[int, Float[np.ndarray, "joints 2"]]]
"""Joints by dive id and sampled frame, x and y in heights of the picture from its middle; NaN where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemplarBank:
    """Encoded exemplars.

    Attributes:
        dives: Exemplars with their labels.
        stages: What the model made of the exemplars, a row for each.
        edges: Stage edges that the exemplars were cut at, on the sampled frames.
        weights_hash: Hash of the model's weights (`card_files.weights_hash`).
        pictures: Pictures of some exemplars at `pictured_frames`, as JPEG; may be empty.
        skeletons: Joints of some exemplars at `pictured_frames`; may be empty.
    """

    dives: tuple[Dive, ...]
    stages: Representation
    edges: Int[Tensor, "dives edges"]
    weights_hash: str
    pictures: Jpegs = field(default_factory=dict)
    skeletons: Skeletons = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.dives) == self.stages.num_dives == len(self.edges):
            raise DataError(
                f"a bank of {len(self.dives)} dives with features of {self.stages.num_dives}",
                todo="give one row a dive",
            )

    def __len__(self) -> int:
        return len(self.dives)

    def rows(self, exemplars: Sequence[Dive]) -> Int[Tensor, " exemplars"]:
        """Rows of some dives in the bank.

        Raises:
            DataError: One of them is not in the bank.
        """
        place = {dive.dive_id: k for k, dive in enumerate(self.dives)}
        missing = [dive.dive_id for dive in exemplars if dive.dive_id not in place]
        if missing:
            raise DataError(
                "the bank does not hold this exemplar", where=missing[0], todo="add it to the bank"
            )
        return torch.tensor([place[dive.dive_id] for dive in exemplars])

    def check(self, weights: str) -> None:
        """Refuse features of other weights.

        Raises:
            CheckpointError: The bank was made with other weights.
        """
        if weights != self.weights_hash:
            raise CheckpointError(
                f"the bank was encoded with weights {self.weights_hash[:12]}, the model has {weights[:12]}",
                where="exemplar bank",
                todo="build the bank again with these weights",
            )

    def save(self, path: Path, *, half: bool = True) -> None:
        """Write one file atomically.

        Args:
            path: Path of the safetensors file.
            half: Whether features are kept in half precision, which loses less than 0.001 of them.
        """
        tensors: dict[str, Tensor] = {"edges": self.edges.contiguous()}
        for name, value in self.stages.named().items():
            if name not in _NOT_KEPT:
                halved = half and value.is_floating_point()
                tensors[name] = (value.half() if halved else value).contiguous()
        if self.pictures:
            tensors |= _packed(self.pictures, [dive.dive_id for dive in self.dives])
        if self.skeletons:
            tensors |= _packed_skeletons(self.skeletons, [dive.dive_id for dive in self.dives])
        header: dict[str, str | int] = {
            "version": _VERSION,
            "kind": next(name for name, kind in REPRESENTATIONS.items() if type(self.stages) is kind),
            "weights_hash": self.weights_hash,
            "manifest": Manifest(tuple(_without_paths(dive) for dive in self.dives)).to_bytes().decode(),
        }
        header["content_hash"] = _hash_of(header, tensors)
        write_bytes(path, save(tensors, {_HEADER: json.dumps(header)}))

    @classmethod
    def load(cls, path: Path) -> "ExemplarBank":
        """Read a bank.

        Raises:
            CheckpointError: No such file, a damaged one, or no bank.
        """
        try:
            tensors, metadata = read_tensor_file(path, may_lack=("skeletons",))
            header = strict_json(metadata[_HEADER])
            if header.get("version", _VERSION) != _VERSION:
                raise ValueError("it is of another version")
            # Banks that were written before there was a hash have none.
            if "content_hash" in header and header["content_hash"] != _hash_of(header, tensors):
                raise ValueError("it has changed since it was written")
            rows = [strict_json(line) for line in header["manifest"].removesuffix("\n").split("\n")]
            dives = Manifest(tuple(dive_from_record(row, where=str(path)) for row in rows)).dives
            _check_labels(dives)
            _check_edges(tensors["edges"])
            stages = REPRESENTATIONS[header.get("kind", "stage features")](
                **{
                    name: value.float() if value.is_floating_point() else value
                    for name, value in tensors.items()
                    if name not in _OF_THE_BANK
                }
            )
            return cls(
                dives=dives,
                stages=stages,
                edges=tensors["edges"],
                weights_hash=str(header["weights_hash"]),
                pictures=_unpacked(tensors, [dive.dive_id for dive in dives]),
                skeletons=_unpacked_skeletons(tensors, [dive.dive_id for dive in dives]),
            )
        except OSError as error:
            raise CheckpointError(
                f"cannot read the bank ({error.strerror or error})", where=path, todo="build or name a bank"
            ) from error
        except (LookupError, ValueError, TypeError, AttributeError, RuntimeError, DataError) as error:
            raise CheckpointError(
                f"this is no whole exemplar bank ({' '.join(str(error).split())[:100]})",
                where=path,
                todo="build it again",
            ) from None


def pictured_frames(edges: Sequence[int]) -> tuple[int, ...]:
    """The sampled frames of which a bank has pictures: three of each stage, stage after stage.

    >>> pictured_frames((0, 30, 60, 96))
    (5, 15, 25, 35, 45, 55, 66, 78, 90)
    """
    return tuple(
        frame_within(start, stop, share) for start, stop in pairwise(edges) for share in PICTURED_SHARES
    )


def frame_within(start: int, stop: int, share: float) -> int:
    """The frame at a share of a half-open span."""
    return min(start + int(share * (stop - start)), stop - 1)


def _hash_of(header: Mapping[str, str | int], tensors: Mapping[str, Tensor]) -> str:
    """A hash of all that a bank holds but of itself."""
    texts = json.dumps([header.get(name) for name in ("kind", "weights_hash", "manifest")])
    return sha256(f"{texts} {content_hash(tensors)}".encode()).hexdigest()


def _check_labels(dives: Sequence[Dive]) -> None:
    for dive in dives:
        if dive.score > _MOST_SCORE or (dive.difficulty or 0.0) > _MOST_DIFFICULTY:
            raise ValueError(f"{dive.dive_id} has {dive.score} points, difficulty {dive.difficulty}")


def _check_edges(edges: Tensor) -> None:
    if edges.ndim != 2 or edges.shape[1] < 2 or edges.dtype != torch.int64:
        raise ValueError(f"its stage edges are {edges.dtype} of shape {tuple(edges.shape)}")
    if bool((edges.diff(dim=1) <= 0).any() | (edges < 0).any() | (edges > _MOST_FRAMES).any()):
        raise ValueError("its stage edges do not increase, or lie outside of the frames")


def _packed(pictures: Jpegs, dive_ids: Sequence[str]) -> dict[str, Tensor]:
    rows, content = [], bytearray()
    for row, dive_id in enumerate(dive_ids):
        for frame, jpeg in pictures.get(dive_id, {}).items():
            rows.append((row, frame, len(jpeg)))
            content += jpeg
    return {
        "pictures": torch.frombuffer(content, dtype=torch.uint8),
        "picture_rows": torch.tensor(rows, dtype=torch.int32),
    }


def _unpacked(tensors: Mapping[str, Tensor], dive_ids: Sequence[str]) -> dict[str, dict[int, bytes]]:
    """Pictures by dive id and frame.

    Raises:
        ValueError: Rows that cannot be, or a picture that is no JPEG or too large.
    """
    if "pictures" not in tensors:
        return {}
    rows = _rows_of(tensors["picture_rows"], 3, len(dive_ids))
    content, first = tensors["pictures"].numpy().tobytes(), 0
    if sum(size for *_, size in rows) != len(content):
        raise ValueError("the sizes of its pictures do not add up")
    found: dict[str, dict[int, bytes]] = {}
    for row, frame, size in rows:
        jpeg = content[first : first + size]
        _check_picture(jpeg)
        found.setdefault(dive_ids[row], {})[frame] = jpeg
        first += size
    return found


def _check_picture(jpeg: bytes) -> None:
    size = jpeg_size(jpeg)
    if size is None:
        raise ValueError("one of its pictures is no JPEG")
    width, height = size
    if width * height > _MOST_PICTURE_PX:
        raise ValueError(f"one of its pictures has {width} x {height} pixels")


def _rows_of(table: Tensor, columns: int, num_dives: int) -> list[list[int]]:
    """Rows of a table that begin with the row of a dive and a sampled frame.

    Raises:
        ValueError: A number that cannot be.
    """
    if table.ndim != 2 or table.shape[1] != columns or table.is_floating_point():
        raise ValueError(f"a table has shape {tuple(table.shape)} instead of {columns} columns")
    rows: list[list[int]] = table.tolist()
    if not all(0 <= row[0] < num_dives and min(row) >= 0 and row[1] < _MOST_FRAMES for row in rows):
        raise ValueError("a table names a dive or frame that is not there")
    return rows


def _packed_skeletons(skeletons: Skeletons, dive_ids: Sequence[str]) -> dict[str, Tensor]:
    rows, joints = [], []
    for row, dive_id in enumerate(dive_ids):
        for frame, xy in skeletons.get(dive_id, {}).items():
            rows.append((row, frame))
            joints.append(xy)
    return {
        "skeletons": torch.from_numpy(np.stack(joints).astype(np.float16)),
        "skeleton_rows": torch.tensor(rows, dtype=torch.int32),
    }


def _unpacked_skeletons(
    tensors: Mapping[str, Tensor], dive_ids: Sequence[str]
) -> dict[str, dict[int, Float[np.ndarray, "joints 2"]]]:
    if "skeletons" not in tensors:
        return {}
    if tensors["skeletons"].shape[1:] != (MPII_16.num_joints, 2):
        raise ValueError(f"its skeletons have shape {tuple(tensors['skeletons'].shape)}")
    rows = _rows_of(tensors["skeleton_rows"], 2, len(dive_ids))
    found: dict[str, dict[int, Float[np.ndarray, "joints 2"]]] = {}
    for (row, frame), xy in zip(rows, tensors["skeletons"], strict=True):
        found.setdefault(dive_ids[row], {})[frame] = xy.float().numpy()
    return found


def _without_paths(dive: Dive) -> Dive:
    """A bank says nothing about the machine it was made on."""
    return dive.with_changes(frames_path=None, poses_path=None)
