"""What frozen encoders say of dives, kept on disk, so that heads train in minutes.

    FOLDER/index.json       which encoders, preprocessing and views, and which dives are done
    FOLDER/<branch>.f32     views x dives x frames x width floats, a memory map

The folder's key is the hash of each encoder's weights with preprocessing, joints and views; another key is refused.
A model that lacks a branch reads the others.
Source: method section 8 of the design; features are stored in full precision, so that training on them gives
the numbers of training on the live encoder.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stagescore.atomic import write_text
from stagescore.batch import Batch
from stagescore.card_files import weights_hash
from stagescore.data.attachments import Progress
from stagescore.data.decoded_clip import Joints
from stagescore.data.dive_sources import LiveSource, Views
from stagescore.data.preprocessing import Preprocessing
from stagescore.data.samples import Samples
from stagescore.errors import CheckpointError, DataError
from stagescore.json_files import read_object
from stagescore.locking import alone_in
from stagescore.models.encoders import Encoders
from stagescore.tensors import DiveInputs, Features
from stagescore.types import Dive

BRANCHES = ("static", "dynamic", "skeleton")
_DIVES_AT_ONCE = 4
"""Number of dives encoded together. Set by hand: it bounds the memory that encoding takes."""


class FeatureCache:
    """Cached features of the views of some dives; the labels come from the samples."""

    def __init__(
        self, folder: Path, samples: Samples, views: Views, branches: Sequence[str] = BRANCHES
    ) -> None:
        """Open a cache that `build` has made.

        Args:
            folder: Folder of the cache.
            samples: Samples of the dives, for their labels.
            views: Views that were encoded.
            branches: Branches of the encoders to read.

        Raises:
            DataError: There is none, it is unfinished, or it was made for other dives, views, preprocessing or joints.
        """
        self.live = LiveSource(samples, views)
        index = _finished_index(folder)
        _check_seen(folder, index, samples.store.preprocessing, samples.joints, views)
        self.encoder_hashes: dict[str, str] = {
            branch: value for branch, value in index["key"]["encoders"].items() if branch in branches
        }
        self.rows = {dive_id: row for row, dive_id in enumerate(index["dives"])}
        unknown = [dive_id for dive_id in samples.dives if dive_id not in self.rows]
        if unknown:
            raise DataError(
                f"the cache lacks {len(unknown)} dives", where=unknown[0], todo="build it for all dives"
            )
        self.maps = {
            branch: np.memmap(folder / f"{branch}.f32", np.float32, "r", shape=tuple(shape))
            for branch, shape in index["shapes"].items()
            if branch in branches
        }

    @staticmethod
    def check(
        folder: Path, encoders: Encoders, preprocessing: Preprocessing, joints: Joints, views: Views
    ) -> None:
        """Make sure that a cache is what a run asks for, before any clip is decoded.

        Args:
            folder: Folder of the cache.
            encoders: Encoders that the run begins with.
            preprocessing: How clips are made into what the encoders see.
            joints: Kind of joints that the run reads.
            views: Views that the run asks for.

        Raises:
            DataError: There is no finished cache, or it was made for other views, preprocessing or joints.
            CheckpointError: It was made with other encoders.
        """
        index = _finished_index(folder)
        _check_seen(folder, index, preprocessing, joints, views)
        own = encoder_hashes(encoders)
        if own != {branch: value for branch, value in index["key"]["encoders"].items() if branch in own}:
            raise CheckpointError(
                "the cached features come from other encoders than this run starts with",
                where=folder,
                todo="build the cache with the same settings, or start from the weights it was built with",
            )

    @property
    def dives(self) -> dict[str, Dive]:
        """All dives there are."""
        return self.live.dives

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> Batch:
        """Dives as an epoch of training sees them."""
        return self._batch(dive_ids, [self.live.views.number(epoch, dive_id) for dive_id in dive_ids])

    def plain(self, dive_ids: Sequence[str]) -> Batch:
        """Dives as evaluation sees them."""
        return self._batch(dive_ids, [0] * len(dive_ids))

    def _batch(self, dive_ids: Sequence[str], numbers: Sequence[int]) -> Batch:
        places = [self.rows[dive_id] for dive_id in dive_ids]
        rows: dict[str, Tensor] = {
            branch: torch.from_numpy(np.stack([values[n, k] for n, k in zip(numbers, places, strict=True)]))
            for branch, values in self.maps.items()
        }
        samples = self.live.samples
        views = [self.live.views.view(n, dive_id) for n, dive_id in zip(numbers, dive_ids, strict=True)]
        features = Features(
            **rows,
            has_video=torch.ones(len(dive_ids), dtype=torch.bool),
            has_skeleton=samples.has_skeleton(dive_ids),
        )
        return Batch.of_single_dives(features, samples.labels(dive_ids, views))


def build_feature_cache(
    encoders: Encoders,
    source: LiveSource,
    folder: Path,
    *,
    progress: Progress = lambda what, done, total: None,
) -> None:
    """Encode every view of every dive, going on where an earlier call was stopped, or after another process.

    Args:
        encoders: Encoders, frozen and in eval mode.
        source: Source of all dives to encode, with a number of views.
        folder: Folder of the cache: a new one, or one begun with the same encoders, dives and views.
        progress: Called as (what, done, total) after every few dives, and about every second while another process
            builds the cache.

    Raises:
        DataError: The views are not counted, or the folder holds features of something else.
    """
    num_views = check_counted(source.views)
    total = num_views * len(source.dives)
    with alone_in(folder, waiting=lambda: progress("waiting for another process to encode views", 0, total)):
        _encode_missing(encoders, source, folder, num_views, progress)


def _encode_missing(
    encoders: Encoders, source: LiveSource, folder: Path, num_views: int, progress: Progress
) -> None:
    dive_ids, samples = sorted(source.dives), source.samples
    key: dict[str, Any] = {
        "encoders": encoder_hashes(encoders),
        **_seen_key(samples.store.preprocessing, samples.joints, source.views),
    }
    index = _read_index(folder)
    if index is not None and (index["key"] != key or index["dives"] != dive_ids):
        raise DataError(
            "the folder holds features of other encoders, dives or views",
            where=folder,
            todo="choose another folder, or delete this one",
        )
    total, device = num_views * len(dive_ids), next(encoders.parameters()).device
    done = 0 if index is None else int(index["done"])
    maps: dict[str, np.memmap[Any, Any]] = {}
    while done < total:
        number, first = divmod(done, len(dive_ids))
        ids = dive_ids[first : first + _DIVES_AT_ONCE]
        seen = source.viewed(ids, [number] * len(ids)).seen
        with torch.no_grad():
            features = encoders(seen.to(device)) if isinstance(seen, DiveInputs) else seen
        for branch in BRANCHES:
            values: Tensor | None = getattr(features, branch)
            if values is None:
                continue
            if branch not in maps:
                shape = (num_views, len(dive_ids), *values.shape[1:])
                path = folder / f"{branch}.f32"
                maps[branch] = np.memmap(path, np.float32, "r+" if path.exists() else "w+", shape=shape)
            maps[branch][number, first : first + len(ids)] = values.cpu().numpy()
        done += len(ids)
        if done % 64 < _DIVES_AT_ONCE or done == total:
            for values_map in maps.values():
                values_map.flush()
            shapes = {branch: values_map.shape for branch, values_map in maps.items()}
            state = {"key": key, "dives": dive_ids, "views": num_views, "shapes": shapes, "done": done}
            write_text(folder / "index.json", json.dumps(state))
        progress("encoding views", done, total)


def encoder_hashes(encoders: Encoders) -> dict[str, str]:
    """A hash of the weights of each branch that is on."""
    return {name: weights_hash(encoder) for name, encoder in encoders.named_children() if name in BRANCHES}


def check_counted(views: Views) -> int:
    """The number of views of a dive.

    Raises:
        DataError: They have no number.
    """
    if views.num is None:
        raise DataError(
            "views without number cannot be cached", where="data.views", todo="set how many views a dive has"
        )
    return views.num


def _finished_index(folder: Path) -> dict[str, Any]:
    index = _read_index(folder) if folder.is_dir() else None
    if index is None or index["done"] < index["views"] * len(index["dives"]):
        raise DataError(
            "no finished feature cache is here", where=folder, todo="run `stagescore data features`"
        )
    return index


def _check_seen(
    folder: Path, index: dict[str, Any], preprocessing: Preprocessing, joints: Joints, views: Views
) -> None:
    for name, value in _seen_key(preprocessing, joints, views).items():
        if index["key"].get(name) != value:
            raise DataError(
                f"the cache holds features of other {name}",
                where=folder,
                todo="use the settings it was built with, or build another",
            )


def _seen_key(preprocessing: Preprocessing, joints: Joints, views: Views) -> dict[str, Any]:
    """What the encoders looked at, as it stands in the index."""
    augmentation = views.augmentation.model_dump(mode="json")
    return {
        "preprocessing": preprocessing.model_dump(mode="json"),
        "joints": joints,
        "views": {"seed": views.seed, "num": views.num, "augmentation": augmentation},
    }


def _read_index(folder: Path) -> dict[str, Any] | None:
    path, todo = folder / "index.json", "delete the folder and build it again, or choose another folder"
    if not path.exists():
        return None
    kinds = {"key": dict, "dives": list, "views": int, "shapes": dict, "done": int}
    index = read_object(path, kinds, what="index of the cache", todo=todo)
    for name, kind in kinds.items():
        if not isinstance(index[name], kind):
            raise DataError(f"the index of the cache has a {name} that cannot be", where=path, todo=todo)
    return index
