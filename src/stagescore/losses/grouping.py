"""Means within groups of dives, then over groups.

Training encodes a batch once and compares all pairs within each group (a group shares a dive number), so every
term is a mean over a group's pairs or dives and then over groups. A group without a usable item counts with 0,
so that the mean over groups is the same whether they lie on one process or on several.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def grouped_mean(
    values: Float[Tensor, " items"],
    group: Int[Tensor, " items"],
    *,
    num_groups: int,
    known: Bool[Tensor, " items"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over the items of each group, then over groups.

    Args:
        values: Value of each item; those that are not known may be anything, also NaN.
        group: Group of each item, 0 to `num_groups` - 1.
        num_groups: Number of groups, empty ones among them.
        known: Whether each item counts; all by default.

    >>> grouped_mean(torch.tensor([1.0, 3.0, 8.0]), torch.tensor([0, 0, 1]), num_groups=2)
    tensor(5.)
    """
    known = torch.ones_like(group, dtype=torch.bool) if known is None else known
    kept = torch.where(known, values, torch.zeros_like(values))
    zeros = kept.new_zeros(num_groups)
    total = zeros.index_add(0, group, kept)
    count = zeros.index_add(0, group, known.to(kept))
    return (total / count.clamp(min=1)).mean()
