"""The objective (paper, section III-F, eq. 23): named terms of one batch, from one pass through the model.

Every dive of the batch is encoded once and all pairs of its groups are compared, in both directions. Each term is
a mean within groups and then over groups (`losses.grouping`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from stagescore.errors import ConfigError
from stagescore.losses.contrast import ContrastLoss
from stagescore.losses.dive_number import dive_number_losses
from stagescore.losses.grouping import grouped_mean
from stagescore.losses.score import score_losses
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.tensors import DiveBatch, Features, StageFeatures

SegmentationLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatch:
    """Some groups of dives with what is known of them.

    Attributes:
        seen: the dives' frames and joints, or what frozen encoders say of them.
        edges: labelled stage edges of this model's stages; anything where `has_edges` is False.
        has_edges: dives whose stages are labelled.
        scores: true scores (or executions), in points.
        numbers: attributes of the dive numbers as class indices (`NumberClasses`); -1 where unknown.
        pairs: dives that are compared, each pair of a group once.
        pair_groups: the group of each pair, 0 to `num_groups` - 1.
        members: (dive, group): a dive that fills up a second group stands twice.
        num_groups: groups of the batch.
    """

    seen: DiveBatch | Features
    edges: Int[Tensor, "dives edges"]
    has_edges: Bool[Tensor, "dives"]
    scores: Float[Tensor, "dives"]
    numbers: Int[Tensor, "dives 5"]
    pairs: Int[Tensor, "pairs 2"]
    pair_groups: Int[Tensor, "pairs"]
    members: Int[Tensor, "members 2"]
    num_groups: int

    def to(self, device: torch.device | str) -> "TrainingBatch":
        """The same batch on a device."""
        return TrainingBatch(
            seen=self.seen.to(device),
            edges=self.edges.to(device),
            has_edges=self.has_edges.to(device),
            scores=self.scores.to(device),
            numbers=self.numbers.to(device),
            pairs=self.pairs.to(device),
            pair_groups=self.pair_groups.to(device),
            members=self.members.to(device),
            num_groups=self.num_groups,
        )


class Objective(nn.Module):
    """Model and losses as one module, so that distributed training wraps one thing."""

    def __init__(
        self,
        *,
        model: HPMCoRe,
        segmentation_loss: SegmentationLoss,
        contrast: ContrastLoss,
        weights: Mapping[str, float],
    ) -> None:
        """Put model and losses together.

        Args:
            model: what is trained.
            segmentation_loss: (refinements, dives, transitions, frames) logits and edges to (dives,).
            contrast: of the stages.
            weights: of the terms; exactly the terms this model has (`term_names`).

        Raises:
            ConfigError: a term without a weight, or a weight without its term.
        """
        super().__init__()
        if set(weights) != set(term_names(model)):
            raise ConfigError(
                f"weights are given for {sorted(weights)}, the model's losses are {sorted(term_names(model))}",
                where="objective",
                todo="give one weight a loss",
            )
        self.model = model
        self.segmentation_loss = segmentation_loss
        self.contrast = contrast
        self.weights = dict(weights)

    def forward(self, batch: TrainingBatch) -> dict[str, Tensor]:
        """The unweighted terms by name, and `total`, their weighted sum."""
        model = self.model
        seen = batch.seen
        features = model.encode(seen) if isinstance(seen, DiveBatch) else model.complete(seen)
        logits = model.transition_logits(features)
        edges = batch.edges
        if logits is not None and not bool(batch.has_edges.all()):
            # A dive without labelled stages is cut where the model itself would cut it.
            own = model.predicted_edges(features)
            edges = torch.where(batch.has_edges[:, None], edges, own)
        stages = model.stage_features(features, edges)
        query, exemplar = batch.pairs[:, 0], batch.pairs[:, 1]
        both = model.compare(
            stages.select(torch.cat([query, exemplar])), stages.select(torch.cat([exemplar, query]))
        ).delta
        gap = batch.scores[query] - batch.scores[exemplar]
        per_pair = {"score": score_losses(both[: len(gap)], both[len(gap) :], gap)}
        per_pair |= {
            name: self.contrast(vectors, batch.pairs)
            for name, vectors in _stage_vectors(stages).items()
            if name in self.weights
        }
        terms = {
            name: grouped_mean(values, batch.pair_groups, num_groups=batch.num_groups)
            for name, values in per_pair.items()
        }
        member, group = batch.members.unbind(1)
        if logits is not None:
            terms["segmentation"] = grouped_mean(
                self.segmentation_loss(logits, edges)[member],
                group,
                num_groups=batch.num_groups,
                known=batch.has_edges[member],
            )
        if stages.number_logits is not None:
            losses, known = dive_number_losses(stages.number_logits, batch.numbers)
            terms["number"] = grouped_mean(
                losses[member], group, num_groups=batch.num_groups, known=known[member]
            )
        total = sum((self.weights[name] * term for name, term in terms.items()), torch.zeros(()).to(gap))
        return terms | {"total": total}


def term_names(model: HPMCoRe) -> tuple[str, ...]:
    """The losses a model has: a single stage is neither segmented nor contrasted, a branch or head that is off has none."""
    names = ["score"]
    if model.segmentation.segmenter is not None:
        names.append("segmentation")
        if model.regression.fused is not None:
            names.append("contrast_fused")
        if model.regression.static is not None:
            names.append("contrast_static")
    if model.recognises:
        names.append("number")
    return tuple(names)


def _stage_vectors(stages: StageFeatures) -> dict[str, Tensor]:
    branches = {"contrast_fused": stages.fused, "contrast_static": stages.static}
    return {name: x.mean(dim=2) for name, x in branches.items() if x is not None}
