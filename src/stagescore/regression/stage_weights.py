"""Learnable weights of the stages, adding up to 1 (paper, eq. 20).

Departs: the release divides by the sum, which breaks when the sum comes near 0; `softmax` is ours.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

StageNormalisation = Literal["softmax", "sum"]


class StageWeights(nn.Module):
    """Lambda of eq. 20; all stages weigh the same at the start."""

    def __init__(self, *, num_stages: int, normalisation: StageNormalisation = "softmax") -> None:
        super().__init__()
        self.normalisation = normalisation
        self.weights = nn.Parameter(torch.ones(num_stages))

    def forward(self) -> Float[Tensor, " stages"]:
        """The weights, adding up to 1."""
        if self.normalisation == "sum":
            return self.weights / self.weights.sum()
        return self.weights.softmax(-1)
