"""Batches of dives as training and evaluation want them: what is seen, where the stages are, what was scored.

A batch depends on the dives and views asked for alone, not on what was asked for before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from stagescore.data.clip_store import ClipStore
from stagescore.data.decoded_clip import Joints
from stagescore.data.preprocessing import View, viewed_edges, viewed_frames, viewed_joints
from stagescore.diving import NumberClasses
from stagescore.errors import DataError
from stagescore.tensors import DiveBatch
from stagescore.types import STAGE_NAMES, Dive


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLabels:
    """What is known of some dives without a look at them.

    Attributes:
        dive_ids: which dives, in the order of the rows.
        edges: stage edges on the frames of the view (`StageSpans.edges`); equal parts where unknown.
        has_stages: dives whose edges are labelled.
        has_skeleton: dives that have joints.
        score: points.
        difficulty: degree of difficulty; NaN where unknown.
        dive_number: attributes of the dive number as class indices (`NumberClasses`); -1 where unknown.
    """

    dive_ids: tuple[str, ...]
    edges: Int[Tensor, "dives edges"]
    has_stages: Bool[Tensor, "dives"]
    has_skeleton: Bool[Tensor, "dives"]
    score: Float[Tensor, "dives"]
    difficulty: Float[Tensor, "dives"]
    dive_number: Int[Tensor, "dives 5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch(SampleLabels):
    """Some dives and their labels.

    Attributes:
        dives: what is seen of them.
    """

    dives: DiveBatch


class Samples:
    """Labelled dives whose clips are stored.

    Args:
        store: with a clip of every dive.
        dives: in any order.
        joints: which kind to give; dives that have none are given without a skeleton.

    Raises:
        DataError: a clip is not stored.
    """

    def __init__(self, store: ClipStore, dives: Sequence[Dive], *, joints: Joints = "estimated") -> None:
        self.store = store
        self.dives = {dive.dive_id: dive for dive in dives}
        self.joints = joints
        self._spans = {dive.dive_id: store.stages(dive) for dive in dives}

    def __len__(self) -> int:
        return len(self.dives)

    def batch(
        self, dive_ids: Sequence[str], views: Sequence[View] | None = None, *, with_video: bool = True
    ) -> SampleBatch:
        """Some of the dives.

        Args:
            dive_ids: which ones; the same one may stand more than once.
            views: how to look at each of them; plainly by default.
            with_video: False for the skeletons alone, which is much faster; dives without one are an error then.

        Returns:
            Frames lie in memory with the channels last, which `flatten(0, 1)` keeps, so convolutions that
            run fastest in that layout need no copy.

        Raises:
            DataError: no dive, an unknown one, not one view a dive, or nothing to be seen of one.
        """
        labels, views = self.labels(dive_ids, views), _given(views, dive_ids)
        p, clips = self.store.preprocessing, [self.store[dive_id] for dive_id in dive_ids]
        all_frames, all_joints = self.store.frames, self.store.joints(self.joints)
        frames = np.empty((len(clips), p.num_frames, p.crop_height, p.crop_width, p.channels), dtype=np.uint8)
        joints = np.empty((len(clips), *all_joints.shape[1:]), dtype=np.float32)
        for place, (clip, view) in enumerate(zip(clips, views, strict=True)):
            if with_video:
                frames[place] = viewed_frames(all_frames[clip.row], view, p)
            joints[place] = viewed_joints(all_joints[clip.row], view, p)
        seen = DiveBatch(
            frames=torch.from_numpy(frames).permute(0, 1, 4, 2, 3) if with_video else None,
            joints=torch.from_numpy(joints) if bool(labels.has_skeleton.any()) else None,
            has_video=torch.full((len(clips),), with_video),
            has_skeleton=labels.has_skeleton,
        )
        return SampleBatch(dives=seen, **{f.name: getattr(labels, f.name) for f in fields(labels)})

    def labels(self, dive_ids: Sequence[str], views: Sequence[View] | None = None) -> SampleLabels:
        """The labels of a batch without its frames and joints; arguments and errors as of `batch`."""
        views = _given(views, dive_ids)
        if strangers := [dive_id for dive_id in dive_ids if dive_id not in self.dives]:
            raise DataError("the dive is not among the samples", where=strangers[0], todo="check its id")
        edges = [viewed_edges(self._edges(d), view) for d, view in zip(dive_ids, views, strict=True)]
        dives = [self.dives[dive_id] for dive_id in dive_ids]
        return SampleLabels(
            dive_ids=tuple(dive_ids),
            edges=torch.tensor(edges),
            has_stages=torch.tensor([self._spans[dive_id] is not None for dive_id in dive_ids]),
            has_skeleton=torch.tensor([self.joints in self.store[dive_id].joints for dive_id in dive_ids]),
            score=torch.tensor([dive.score for dive in dives], dtype=torch.float32),
            difficulty=torch.tensor([dive.difficulty or float("nan") for dive in dives], dtype=torch.float32),
            dive_number=torch.tensor([NumberClasses.of(dive.dive_number) for dive in dives]),
        )

    def _edges(self, dive_id: str) -> tuple[int, ...]:
        spans = self._spans[dive_id]
        if spans is not None:
            return spans.edges
        frames, stages = self.store.preprocessing.num_frames, len(STAGE_NAMES)
        return tuple(frames * k // stages for k in range(stages + 1))


def _given(views: Sequence[View] | None, dive_ids: Sequence[str]) -> Sequence[View]:
    if not dive_ids:
        raise DataError("a batch of no dives is asked for", todo="ask for at least one")
    if views is None:
        return [View.plain()] * len(dive_ids)
    if len(views) != len(dive_ids):
        raise DataError(f"{len(views)} views of {len(dive_ids)} dives", todo="give one view a dive")
    return views
