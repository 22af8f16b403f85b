"""Which dives meet in each epoch, and their batches as the objective reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from stagescore.batch import Batch
from stagescore.data.dive_sources import DiveSource
from stagescore.data.exemplars import Protocol
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.segmentation.stages import StageCut, cut_edges
from stagescore.tensors import DiveInputs, Features
from stagescore.training.groups import BatchGroups, Pairing, batches, comparable, epoch_groups
from stagescore.types import Dive


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSampler:
    """How dives meet in every epoch, a function of seed and epoch alone.

    Attributes:
        dives: Dives to train on.
        seed: Seed of the order and the masks.
        pairing: Pairs of a group that are compared (`groups.Pairing`).
        group_size: Number of dives in a group.
        groups: Number of groups in a batch.
        protocol: What dives of a group share: the dive number, nothing, or the difficulty.
        drop_video: Probability of a dive losing its video.
        drop_skeleton: Probability of a dive losing its skeleton.
        cut: Stages that dives are cut into.
        execution: Whether the target is score / difficulty instead of the score.
    """

    dives: tuple[Dive, ...]
    seed: int
    pairing: Pairing = "all"
    group_size: int = 4
    groups: int = 4
    protocol: Protocol = "w/ DN"
    drop_video: float = 0.0
    drop_skeleton: float = 0.0
    cut: StageCut = "3"
    execution: bool = False

    def differences(self) -> list[float]:
        """Differences of the scores of all pairs of dives that may be compared, each pair once, in the unit that is predicted.

        Raises:
            DataError: No two dives may be compared, or an execution is asked for of a dive without a difficulty.
        """
        found: list[float] = []
        for members in comparable(self.dives, self.protocol):
            targets = [dive.execution if self.execution else dive.score for dive in members]
            if None in targets:
                raise DataError(
                    "the dive has no difficulty, so its execution is unknown",
                    where=members[targets.index(None)].dive_id,
                    todo="label it, or train on scores",
                )
            known = np.array(targets, dtype=float)
            found += (known[:, None] - known[None])[np.triu_indices(len(known), 1)].tolist()
        if not found:
            raise DataError(
                "no two dives may be compared", where="training dives", todo="choose another protocol"
            )
        return found

    def epoch(self, epoch: int) -> list[BatchGroups]:
        """The batches of an epoch."""
        groups = epoch_groups(
            self.dives,
            seed=self.seed,
            epoch=epoch,
            size=self.group_size,
            pairing=self.pairing,
            protocol=self.protocol,
        )
        return batches(groups, self.groups)

    def load(self, source: DiveSource, groups: BatchGroups, epoch: int) -> Batch:
        """The batch of some groups as the objective reads it.

        Raises:
            DataError: A dive cannot be read, or an execution is asked for of one without a difficulty.
        """
        read = source.training(groups.dive_ids, epoch=epoch)
        return Batch(
            seen=self._some_modalities(read, epoch),
            labels=replace(
                read.labels,
                edges=cut_edges(read.labels.edges, self.cut),
                targets=read.labels.executions if self.execution else read.labels.scores,
            ),
            pairs=torch.tensor(groups.pairs, dtype=torch.long).reshape(-1, 2),
            pair_groups=torch.tensor(groups.pair_groups, dtype=torch.long),
            members=torch.tensor(groups.members),
            num_groups=len(groups.groups),
        )

    def _some_modalities(self, batch: Batch, epoch: int) -> DiveInputs | Features:
        """What an epoch leaves to be seen of the dives."""
        if not self.drop_video and not self.drop_skeleton:
            return batch.seen
        video, skeleton = dropped_modalities(
            batch.labels.dive_ids,
            video=self.drop_video,
            skeleton=self.drop_skeleton,
            seed=self.seed,
            epoch=epoch,
        )
        # A dive that only has the one modality keeps it.
        return batch.seen.masked(
            video=video | ~batch.seen.has_skeleton, skeleton=skeleton | ~batch.seen.has_video
        )


def share_of_rank(batch: BatchGroups, *, rank: int, world: int) -> tuple[BatchGroups, float]:
    """The groups of one process, and what its mean over groups is multiplied by.

    Distributed training averages gradients over processes. Multiplied so, that average is the mean over all
    groups, however they are spread; a process without a group of its own repeats one with the factor 0.

    >>> from stagescore.training.groups import Group
    >>> batch = BatchGroups(tuple(Group((f"{k}", f"{k}b"), 2) for k in range(3)))
    >>> [(len(share.groups), round(factor, 3)) for share, factor in (share_of_rank(batch, rank=r, world=2) for r in (0, 1))]
    [(2, 1.333), (1, 0.667)]
    """
    own = batch.groups[rank::world]
    if not own:
        return BatchGroups(batch.groups[:1]), 0.0
    return BatchGroups(own), len(own) * world / len(batch.groups)


def dropped_modalities(
    dive_ids: Sequence[str], *, video: float, skeleton: float, seed: int, epoch: int
) -> tuple[Bool[Tensor, " dives"], Bool[Tensor, " dives"]]:
    """Which dives keep their video and which their skeleton in an epoch; never neither.

    Args:
        dive_ids: Ids of the dives.
        video: Probability of losing the video.
        skeleton: Probability of losing the skeleton.
        seed: Seed of the hash.
        epoch: Number of the epoch, counted from 0.
    """
    draws = [hash_u64(seed, "modality", epoch, dive_id) / 2**64 for dive_id in dive_ids]
    draw = torch.tensor(draws, dtype=torch.float64)
    return draw >= video, (draw < video) | (draw >= video + skeleton)
