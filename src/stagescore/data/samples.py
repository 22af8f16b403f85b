"""Batches of dives as training and evaluation want them: what is seen, where the stages are, what was scored.

A batch depends on the dives and views asked for alone, not on what was asked for before.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from stagescore.batch import Batch, DiveLabels
from stagescore.data.clip_store import ClipStore
from stagescore.data.decoded_clip import Joints
from stagescore.data.preprocessing import View, viewed_edges, viewed_frames, viewed_joints
from stagescore.diving import NumberClasses
from stagescore.errors import DataError
from stagescore.tensors import DiveInputs
from stagescore.types import STAGE_NAMES, Dive


class Samples:
    """Labelled dives whose clips are stored.

    Args:
        store: Store with a clip of every dive.
        dives: Labelled dives, in any order.
        joints: Kind of joints to give, `estimated` or `exact`; dives that have none are given without a skeleton.

    Raises:
        DataError: A clip is not stored.
    """

    def __init__(self, store: ClipStore, dives: Sequence[Dive], *, joints: Joints = "estimated") -> None:
        self.store = store
        self.dives = {dive.dive_id: dive for dive in dives}
        self.joints = joints
        self._spans = {dive.dive_id: store.stages(dive) for dive in dives}

    def __len__(self) -> int:
        return len(self.dives)

    def batch(self, dive_ids: Sequence[str], views: Sequence[View] | None = None) -> Batch:
        """Some of the dives with their labels, none of them compared; arguments and errors as of `inputs`."""
        return Batch.of_single_dives(self.inputs(dive_ids, views), self.labels(dive_ids, views))

    def inputs(
        self, dive_ids: Sequence[str], views: Sequence[View] | None = None, *, with_video: bool = True
    ) -> DiveInputs:
        """Frames and joints of some of the dives.

        Args:
            dive_ids: Ids of the dives; the same one may stand more than once.
            views: View of each dive; the plain one by default.
            with_video: False for the skeletons alone, which is much faster; dives without one are an error then.

        Returns:
            Inputs whose frames lie in memory with the channels last, which `flatten(0, 1)` keeps, so convolutions that
            run fastest in that layout need no copy.

        Raises:
            DataError: There is no dive, an unknown one, not one view per dive, or nothing to be seen of one.
        """
        views, has_skeleton = self._views(dive_ids, views), self.has_skeleton(dive_ids)
        p, clips = self.store.preprocessing, [self.store[dive_id] for dive_id in dive_ids]
        all_frames, all_joints = self.store.frames, self.store.joints(self.joints)
        frames = np.empty((len(clips), p.num_frames, p.crop_height, p.crop_width, p.channels), dtype=np.uint8)
        joints = np.empty((len(clips), *all_joints.shape[1:]), dtype=np.float32)
        for place, (clip, view) in enumerate(zip(clips, views, strict=True)):
            if with_video:
                frames[place] = viewed_frames(all_frames[clip.row], view, p)
            joints[place] = viewed_joints(all_joints[clip.row], view, p)
        return DiveInputs(
            frames=torch.from_numpy(frames).permute(0, 1, 4, 2, 3) if with_video else None,
            joints=torch.from_numpy(joints) if bool(has_skeleton.any()) else None,
            has_video=torch.full((len(clips),), with_video),
            has_skeleton=has_skeleton,
        )

    def labels(self, dive_ids: Sequence[str], views: Sequence[View] | None = None) -> DiveLabels:
        """What is known of some dives, without a look at them.

        Args:
            dive_ids: Ids of the dives; the same one may stand more than once.
            views: View of each dive, which may move its stages; the plain one by default.

        Returns:
            Labels whose targets are the scores; the edges are those of equal parts where none are labelled.

        Raises:
            DataError: There is no dive, an unknown one, or not one view per dive.
        """
        views = self._views(dive_ids, views)
        edges = [viewed_edges(self._edges(d), view) for d, view in zip(dive_ids, views, strict=True)]
        dives = [self.dives[dive_id] for dive_id in dive_ids]
        scores = torch.tensor([dive.score for dive in dives], dtype=torch.float32)
        return DiveLabels(
            dive_ids=tuple(dive_ids),
            edges=torch.tensor(edges),
            has_edges=torch.tensor([self._spans[dive_id] is not None for dive_id in dive_ids]),
            scores=scores,
            difficulties=torch.tensor(
                [dive.difficulty or float("nan") for dive in dives], dtype=torch.float32
            ),
            targets=scores,
            numbers=torch.tensor([NumberClasses.of(dive.dive_number) for dive in dives]),
        )

    def has_skeleton(self, dive_ids: Sequence[str]) -> Bool[Tensor, " dives"]:
        """Whether each of some dives has joints of the kind that is given."""
        return torch.tensor([self.joints in self.store[dive_id].joints for dive_id in dive_ids])

    def _views(self, dive_ids: Sequence[str], views: Sequence[View] | None) -> Sequence[View]:
        """A view of each dive, the plain ones where none are given; refuses dives that are not among the samples."""
        if not dive_ids:
            raise DataError("a batch of no dives is asked for", todo="ask for at least one")
        if strangers := [dive_id for dive_id in dive_ids if dive_id not in self.dives]:
            raise DataError("the dive is not among the samples", where=strangers[0], todo="check its id")
        if views is None:
            return [View.plain()] * len(dive_ids)
        if len(views) != len(dive_ids):
            raise DataError(f"{len(views)} views of {len(dive_ids)} dives", todo="give one view per dive")
        return views

    def _edges(self, dive_id: str) -> tuple[int, ...]:
        spans = self._spans[dive_id]
        if spans is not None:
            return spans.edges
        frames, stages = self.store.preprocessing.num_frames, len(STAGE_NAMES)
        return tuple(frames * k // stages for k in range(stages + 1))
