"""A batch: what goes from the stored clips to the losses, filled on the way.

data      reads what is seen of some dives and what is known of them; every dive is a group of its own
training  takes modalities away, cuts the stages of the model, chooses the targets, forms groups and pairs
model     reads all of it in `losses`, and `seen` alone in `encode`
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from stagescore.errors import DataError
from stagescore.tensors import DiveInputs, Features


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveLabels:
    """What is known of some dives without a look at them.

    Attributes:
        dive_ids: Ids of the dives, in the order of the rows.
        edges: Stage edges on the frames that are seen: of take-off, flight and entry as read, of the model's stages in
            a training batch. Anything where `has_edges` is False.
        has_edges: Whether the stages of each dive are labelled.
        scores: True scores, in points.
        difficulties: Degrees of difficulty; NaN where unknown.
        targets: Values that a model learns to predict: the scores as read, the executions where a run is trained on
            them.
        numbers: Attributes of the dive numbers as class indices (`NumberClasses`); -1 where unknown.
    """

    dive_ids: tuple[str, ...]
    edges: Int[Tensor, "dives edges"]
    has_edges: Bool[Tensor, " dives"]
    scores: Float[Tensor, " dives"]
    difficulties: Float[Tensor, " dives"]
    targets: Float[Tensor, " dives"]
    numbers: Int[Tensor, "dives 5"]

    @property
    def executions(self) -> Float[Tensor, " dives"]:
        """Scores divided by difficulties.

        Raises:
            DataError: A dive has no difficulty.
        """
        unknown = self.difficulties.isnan().nonzero()
        if len(unknown):
            raise DataError(
                "the dive has no difficulty, so its execution is unknown",
                where=self.dive_ids[int(unknown[0])],
                todo="label it, or train on scores",
            )
        return self.scores / self.difficulties

    def to(self, device: torch.device | str) -> "DiveLabels":
        """The same labels on a device."""
        names = ("edges", "has_edges", "scores", "difficulties", "targets", "numbers")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some dives: what is seen of them, what is known of them, and which of them are compared.

    Attributes:
        seen: Frames and joints of the dives, or features where these come from a cache.
        labels: Labels of the dives.
        pairs: Rows of the two dives of each pair that is compared; each pair of a group stands once.
        pair_groups: Group of each pair, from 0 to `num_groups` - 1.
        members: Row and group of each dive; a dive that fills up a second group stands twice.
        num_groups: Number of groups.
    """

    seen: DiveInputs | Features
    labels: DiveLabels
    pairs: Int[Tensor, "pairs 2"]
    pair_groups: Int[Tensor, " pairs"]
    members: Int[Tensor, "members 2"]
    num_groups: int

    @classmethod
    def of_single_dives(cls, seen: DiveInputs | Features, labels: DiveLabels) -> "Batch":
        """A batch in which no dives are compared: each is a group of its own.

        Args:
            seen: Frames and joints of the dives, or their features.
            labels: Labels of the same dives.
        """
        rows = torch.arange(len(labels.dive_ids))
        return cls(
            seen=seen,
            labels=labels,
            pairs=torch.zeros(0, 2, dtype=torch.long),
            pair_groups=torch.zeros(0, dtype=torch.long),
            members=torch.stack([rows, rows], dim=1),
            num_groups=len(rows),
        )

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on a device."""
        names = ("seen", "labels", "pairs", "pair_groups", "members")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})
