"""A ridge on what an image network says of a dive's pictures that has learned from photographs only (ImageNet).

It says what training the network on dives adds. Features are means and maxima over equal parts of the window, without any
stage. Dives, pictures, looks and views are those of the model that it stands beside. Source: none; a floor of our own.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stagescore.atomic import write_bytes
from stagescore.data.clip_store import ClipStore
from stagescore.data.preprocessing import View, viewed_frames
from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone
from stagescore.errors import CheckpointError, DataError
from stagescore.hashing import file_sha256, hash_u64
from stagescore.json_files import parse_json
from stagescore.layers.normalise import Normalise
from stagescore.types import Dive
from stagescore.weights.imagenet import load_imagenet

RIDGE_ROW = "ridge on frozen ImageNet features"
NUM_PARTS = 5
"""Number of equally long parts of the window. Set by hand."""
PENALTIES = tuple(float(value) for value in np.logspace(-3, 3, 13))
"""Penalties of the ridge to choose from, in units of the mean squared length of a dive's features. Set by hand."""
# Set by hand: folds that choose the penalty, and dives after which the features made so far are written.
_INNER_FOLDS = 5
_DIVES_BETWEEN_NOTES = 32
_META = "stagescore_frozen_features"
Features = Float[np.ndarray, "dives width"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrozenNetwork:
    """An image network with the weights of a file, which nothing is trained on.

    Attributes:
        backbone: Backbone of MobileNetV2, in eval mode.
        normalise: Normalisation of the pictures that the backbone sees.
        sha256: SHA-256 of the file of weights, in hexadecimal.
    """

    backbone: ImageBackbone
    normalise: Normalise
    sha256: str

    @classmethod
    def load(cls, path: Path) -> "FrozenNetwork":
        """Load the network from a file of ImageNet weights of MobileNetV2, as `stagescore weights import` writes it.

        Raises:
            CheckpointError: No such file, unreadable, or of another network.
        """
        backbone = ImageBackbone(name=MOBILENET_V2, merged=True)
        if not path.is_file():
            raise CheckpointError("not found", where=path, todo="make it with `stagescore weights import`")
        load_imagenet(backbone, path)
        return cls(backbone=backbone.eval(), normalise=backbone.normalise(), sha256=file_sha256(path))

    @torch.no_grad()
    def describe(self, pictures: UInt8[Tensor, "frames channels height width"]) -> list[float]:
        """Mean and maximum over each part of the window of the mean over each picture, look after look.

        Args:
            pictures: Pictures of one dive, 0 to 255, with three channels for each look.
        """
        if len(pictures) < NUM_PARTS:
            raise DataError(
                f"{len(pictures)} pictures of a dive", todo=f"take at least {NUM_PARTS} (data.preprocessing)"
            )
        found = []
        for look in pictures.tensor_split(pictures.shape[1] // 3, dim=1):
            maps = self.backbone(self.normalise(look), len(look))
            for part in maps.mean(dim=(2, 3)).tensor_split(NUM_PARTS):
                found += [part.mean(dim=0), part.amax(dim=0)]
        values: list[float] = torch.cat(found).tolist()
        return values


def frozen_features(
    network: FrozenNetwork,
    store: ClipStore,
    dive_ids: Sequence[str],
    *,
    mirrored: bool = False,
    progress: Progress = lambda done, total: None,
) -> Features:
    """Features of some dives, kept beside their clips once they are made.

    Args:
        network: Network that describes the pictures.
        store: Store with the clips of the dives.
        dive_ids: Ids of the dives, one for each row of the features.
        mirrored: Whether to take the mean of the plain and the mirrored view.
        progress: Called before every dive of a view whose features are made, with how many are done.

    Raises:
        DataError: A clip is not stored, or the features cannot be written.
    """
    views = [View(), View(flip=True)] if mirrored else [View()]
    seen = [_view_features(network, store, dive_ids, view, progress) for view in views]
    return np.asarray(np.mean(seen, axis=0))


def _view_features(
    network: FrozenNetwork, store: ClipStore, dive_ids: Sequence[str], view: View, progress: Progress
) -> Features:
    p = store.preprocessing
    crop = f"{p.crop_width}x{p.crop_height}"
    path = store.folder / f"frozen-{network.sha256[:12]}-{crop}{'-mirrored' if view.flip else ''}.safetensors"
    rows = _read(path, store)
    missing = [dive_id for dive_id in dive_ids if dive_id not in rows]
    frames = store.frames
    try:
        for done, dive_id in enumerate(missing):
            progress(done, len(missing))
            pictures = np.ascontiguousarray(viewed_frames(frames[store[dive_id].row], view, p))
            rows[dive_id] = np.array(
                network.describe(torch.from_numpy(pictures).permute(0, 3, 1, 2)), dtype=np.float32
            )
            if (done + 1) % _DIVES_BETWEEN_NOTES == 0:
                _write(path, store, rows)
    finally:
        if missing:
            _write(path, store, rows)
    return np.stack([rows[dive_id] for dive_id in dive_ids])


def _read(path: Path, store: ClipStore) -> dict[str, np.ndarray]:
    """What is kept and still of the stored clips; a file that cannot be read is made anew."""
    with suppress(OSError, SafetensorError, ValueError, KeyError, TypeError), safe_open(path, "np") as file:
        sources = parse_json((file.metadata() or {})[_META])
        kept = file.get_tensor("features")
        return {
            dive_id: row
            for (dive_id, source), row in zip(sources, kept, strict=True)
            if dive_id in store and source == _source(store, dive_id)
        }
    return {}


def _write(path: Path, store: ClipStore, rows: dict[str, np.ndarray]) -> None:
    if rows:
        sources = json.dumps([(dive_id, _source(store, dive_id)) for dive_id in rows])
        features = torch.from_numpy(np.stack(list(rows.values())))
        write_bytes(path, save({"features": features}, {_META: sources}))


def _source(store: ClipStore, dive_id: str) -> str:
    clip = store[dive_id]
    return f"{clip.source} {clip.num_frames} {list(clip.frames)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeScores:
    """What a ridge says of the tested dives of a fold.

    Attributes:
        scores: Score of each tested dive, in points.
        penalty: Penalty that was chosen among `PENALTIES` on the training dives alone.
    """

    scores: tuple[float, ...]
    penalty: float


def ridge_scores(
    train: Sequence[Dive],
    features: Features,
    tested: Sequence[Dive],
    tested_features: Float[np.ndarray, "tested width"],
) -> RidgeScores:
    """Execution by a ridge, times the difficulty.

    Args:
        train: Training dives; everything is fitted to them alone, the penalty by cross-validation among them.
        features: Features of the training dives.
        tested: Dives to predict; of these only the difficulty is read.
        tested_features: Features of the dives to predict.
    """
    execution = np.array([dive.score / _factor(dive) for dive in train])
    squares = np.zeros(len(PENALTIES))
    for inner in _inner_folds(train):
        said = _ridge(features[~inner], execution[~inner], features[inner])
        squares += ((said - execution[inner]) ** 2).sum(axis=1)
    best = int(np.argmin(squares))
    said = _ridge(features, execution, tested_features)[best]
    scores = [float(e) * _factor(dive) for e, dive in zip(said, tested, strict=True)]
    return RidgeScores(scores=tuple(scores), penalty=PENALTIES[best])


def _factor(dive: Dive) -> float:
    return dive.difficulty or 1.0


def _inner_folds(dives: Sequence[Dive]) -> Iterator[np.ndarray]:
    """Which dives each inner fold keeps out, by hash."""
    order = np.argsort([hash_u64("ridge", dive.dive_id) for dive in dives])
    for kept_out in np.array_split(order, min(_INNER_FOLDS, len(dives))):
        inner = np.zeros(len(dives), dtype=bool)
        inner[kept_out] = True
        yield inner


def _ridge(
    features: Features, wanted: Float[np.ndarray, " dives"], asked: Float[np.ndarray, "asked width"]
) -> Float[np.ndarray, "penalties asked"]:
    """Predictions for each of `PENALTIES`, by the dual form; features get mean 0 and deviation 1 among the dives given."""
    middle, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, np.inf)  # what never changes says nothing
    known, other = ((f - middle) / spread for f in (features, asked))
    width = max(int(np.isfinite(spread).sum()), 1)
    values, vectors = np.linalg.eigh(known @ known.T / width)
    turned = vectors.T @ (wanted - wanted.mean())
    towards = other @ known.T / width @ vectors
    shrunk = turned / (np.maximum(values, 0) + np.array(PENALTIES)[:, None])
    return np.asarray(wanted.mean() + shrunk @ towards.T)
