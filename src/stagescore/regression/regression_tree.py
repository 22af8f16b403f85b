"""A group-aware regression tree: a difference of scores is first sorted into an interval, then placed in it.

Source: Yu et al., "Group-aware Contrastive Regression for Action Quality Assessment", ICCV 2021 (CoRe), section 3.3. Each
node has its own classifier, which sends a pair to the lower or the upper half, and its own map to the features of its two
children; each leaf has its own regressor, whose answer is the place in the leaf's interval.
Departs: see docs/fidelity.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class RegressionTree(nn.Module):
    """The tree over pairs of dives.

    Args:
        in_width: Number of values of a pair.
        width: Number of features of a node.
        depth: Number of levels, that of the leaves included: 5 for 16 leaves.

    Attributes:
        num_leaves: Number of leaves.
    """

    def __init__(self, *, in_width: int, width: int = 256, depth: int = 5) -> None:
        super().__init__()
        self.num_leaves = 2 ** (depth - 1)
        self.entry = nn.Sequential(nn.Linear(in_width, width), nn.ReLU())
        nodes = [2**level for level in range(depth - 1)]
        self.classify = nn.ModuleList(nn.Conv1d(n * width, 2 * n, 1, groups=n) for n in nodes)
        self.split = nn.ModuleList(nn.Conv1d(n * width, 2 * n * width, 1, groups=n) for n in nodes)
        self.place = nn.Conv1d(self.num_leaves * width, self.num_leaves, 1, groups=self.num_leaves)

    def forward(
        self, pairs: Float[Tensor, "pairs width"]
    ) -> tuple[Float[Tensor, "pairs leaves"], Float[Tensor, "pairs leaves"]]:
        """Log-probability of each leaf, and the place in its interval (0 at its left end, 1 at its right)."""
        nodes = self.entry(pairs)[..., None]
        log_p = pairs.new_zeros(len(pairs), 1)
        for classify, split in zip(self.classify, self.split, strict=True):
            ways = classify(nodes).unflatten(1, (-1, 2)).squeeze(-1).log_softmax(-1)
            log_p = (log_p[..., None] + ways).flatten(1)
            nodes = torch.relu(split(nodes))
        return log_p, self.place(nodes).squeeze(-1)


def leaf_edges(
    differences: Sequence[float], *, num_leaves: int, largest: float
) -> Float[np.ndarray, " edges"]:
    """Edges between the leaves, `num_leaves + 1` of them, such that as many differences of training pairs lie in each.

    Args:
        differences: Differences of the scores of training pairs, of either sign.
        num_leaves: Number of leaves, an even number; half of them are for differences below 0.
        largest: Outermost edge: the largest difference that scores may have.

    >>> leaf_edges([1.0, -2.0, 3.0, 4.0], num_leaves=4, largest=9.0).tolist()
    [-9.0, -2.5, 0.0, 2.5, 9.0]
    """
    half = num_leaves // 2
    inner = np.quantile(np.abs(np.asarray(differences, dtype=float)), np.arange(1, half) / half)
    upper = np.concatenate(([0.0], inner, [largest]))
    return np.concatenate((-upper[:0:-1], upper))


def leaf_of(difference: Float[Tensor, " pairs"], edges: Float[Tensor, " edges"]) -> Int[Tensor, " pairs"]:
    """The leaf of each difference. Its left end belongs to a leaf of positive differences, its right end to one of negative ones.

    A difference beyond the outermost edges lies in the outermost leaf, where the official code takes it for the most
    negative one.
    """
    half = (len(edges) - 1) // 2
    upper = torch.searchsorted(edges[half:].contiguous(), difference.abs(), right=True) - 1
    upper = half + upper.clamp(max=half - 1)
    return torch.where(difference >= 0, upper, 2 * half - 1 - upper)


def place_in_leaf(
    difference: Float[Tensor, " pairs"], leaf: Int[Tensor, " pairs"], edges: Float[Tensor, " edges"]
) -> Float[Tensor, " pairs"]:
    """Where a difference lies in a leaf's interval: 0 at its left end, 1 at its right end. In a leaf of no width, in the middle."""
    left, right = edges[leaf], edges[leaf + 1]
    width = right - left
    return torch.where(width > 0, (difference - left) / width.clamp(min=1e-12), torch.full_like(left, 0.5))


def difference_of(
    leaf: Int[Tensor, " pairs"], place: Float[Tensor, " pairs"], edges: Float[Tensor, " edges"]
) -> Float[Tensor, " pairs"]:
    """The difference at a place in a leaf: the way back of `place_in_leaf`."""
    left, right = edges[leaf], edges[leaf + 1]
    return left + place * (right - left)
