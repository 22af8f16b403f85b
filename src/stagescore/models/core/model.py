"""CoRe: group-aware contrastive regression (Yu et al., "Group-aware Contrastive Regression for Action Quality Assessment", ICCV 2021).

A dive is the mean of its clips' vectors. A pair is both vectors and what the exemplar got; a tree sorts the difference
into an interval and places it there. Departs: see docs/fidelity.md.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from stagescore.batch import Batch
from stagescore.errors import DataError
from stagescore.losses.grouping import grouped_mean
from stagescore.models.base import ContrastiveModel, LossFunctions, Segmented
from stagescore.models.encoders import Encoders
from stagescore.regression.regression_tree import (
    RegressionTree,
    difference_of,
    leaf_edges,
    leaf_of,
    place_in_leaf,
)
from stagescore.tensors import ClipVectors, Comparison, Features, Representation


class CoRe(ContrastiveModel):
    """The whole model.

    Args:
        encoders: Encoders with a dynamic branch that gives rows of clips.
        tree: Regression tree that gives the difference of a pair.
        theta: Largest difference of two dives, in the unit that is predicted.

    Attributes:
        edges: Edges between the leaves; evenly spread until `prepare` fits them to training pairs.
    """

    edges: Tensor

    def __init__(self, *, encoders: Encoders, tree: RegressionTree, theta: float) -> None:
        super().__init__()
        self.encoders = encoders
        self.tree = tree
        self.theta = theta
        self.register_buffer("edges", torch.linspace(-theta, theta, tree.num_leaves + 1))

    @property
    def branches(self) -> tuple[str, ...]:
        """See `ActionModel.branches`."""
        return ("difference",)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """See `ActionModel.loss_names`: which leaf, and where in it."""
        return ("leaf", "place")

    def prepare(self, differences: Callable[[], Sequence[float]]) -> None:
        """See `ActionModel.prepare`: as many training pairs lie in each leaf (section 3.3)."""
        fitted = leaf_edges(differences(), num_leaves=self.tree.num_leaves, largest=self.theta)
        self.edges.copy_(torch.from_numpy(fitted))

    def segment(self, features: Features) -> Segmented:
        """See `ActionModel.segment`: a dive is one stage."""
        return Segmented.whole(features)

    def represent(self, features: Features, edges: Int[Tensor, "dives edges"]) -> ClipVectors:
        """See `ActionModel.represent`: the mean over the clips; nothing is cut."""
        if features.dynamic is None:
            raise DataError("CoRe reads dynamic features, and there are none", todo="give them")
        return ClipVectors(vectors=features.dynamic.mean(dim=1))

    def compare(
        self, query: Representation, exemplar: Representation, exemplar_scores: Float[Tensor, " pairs"]
    ) -> Comparison:
        """See `ActionModel.compare`: the place in the likeliest leaf.

        Raises:
            DataError: The representations are of another model.
        """
        log_p, places = self._tree(query, exemplar, exemplar_scores)
        leaf = log_p.argmax(dim=1)
        delta = difference_of(leaf, places.gather(1, leaf[:, None])[:, 0], self.edges)
        return Comparison(delta=delta, stage_deltas=delta[:, None, None])

    def losses(self, batch: Batch, functions: LossFunctions) -> dict[str, Tensor]:
        """See `ActionModel.losses`, in both directions of each pair; the place is asked of the true leaf alone."""
        vectors = self.represent(self.encode_or_complete(batch.seen), batch.labels.edges)
        first, second = batch.pairs.unbind(1)
        query, exemplar = torch.cat([first, second]), torch.cat([second, first])
        scores = batch.labels.targets.float()
        log_p, places = self._tree(vectors.select(query), vectors.select(exemplar), scores[exemplar])
        difference = scores[query] - scores[exemplar]
        leaf = leaf_of(difference, self.edges)
        nll = -log_p.gather(1, leaf[:, None])[:, 0]
        wrong = places.gather(1, leaf[:, None])[:, 0] - place_in_leaf(difference, leaf, self.edges)
        groups = batch.pair_groups.repeat(2)
        # Two directions: their sum, as published, is twice their mean.
        return {
            "leaf": 2 * grouped_mean(nll, groups, num_groups=batch.num_groups),
            "place": 2 * grouped_mean(wrong.square(), groups, num_groups=batch.num_groups),
        }

    def _tree(
        self, query: Representation, exemplar: Representation, exemplar_scores: Float[Tensor, " pairs"]
    ) -> tuple[Tensor, Tensor]:
        if not isinstance(query, ClipVectors) or not isinstance(exemplar, ClipVectors):
            raise DataError("these are no clip vectors", todo="encode the dives with this model")
        known = (exemplar_scores / self.theta).to(query.vectors)[:, None]
        log_p, places = self.tree(torch.cat([exemplar.vectors, query.vectors, known], dim=1))
        return log_p, places
