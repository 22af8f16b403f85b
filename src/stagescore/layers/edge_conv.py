"""EdgeConv: a node looks at those of its possible neighbours that are nearest in feature space.

Source: Wang et al., "Dynamic Graph CNN for Learning on Point Clouds", 2019; paper, section III-B, eq. 5.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class EdgeConv(nn.Module):
    """`max over neighbours j of relu(W [x_i, x_j - x_i] + b)`.

    Args:
        in_width: Width of a node's features.
        width: Width of a node's new features.
        possible: Whether a node (column) may be a neighbour of another (row).
        num_neighbours: Number of neighbours that count; a node with fewer uses all it has, one without any itself.
    """

    possible: Tensor

    def __init__(
        self, *, in_width: int, width: int, possible: Bool[Tensor, "nodes nodes"], num_neighbours: int = 3
    ) -> None:
        super().__init__()
        # Three neighbours are a reading: the paper names no number (docs/fidelity.md).
        self.register_buffer("possible", possible, persistent=False)
        self.num_neighbours = min(num_neighbours, possible.shape[0])
        self.own = nn.Linear(in_width, width)
        self.difference = nn.Linear(in_width, width, bias=False)

    def forward(self, nodes: Float[Tensor, "dives nodes channels"]) -> Float[Tensor, "dives nodes width"]:
        """New features of each node."""
        answers = self.difference(nodes)
        # The neighbour's part is linear, and relu keeps the order: the largest sum comes from the largest part.
        return torch.relu(self.own(nodes) - answers + _largest(answers, self._neighbours(nodes)))

    @torch.no_grad()
    def _neighbours(self, nodes: Tensor) -> Tensor:
        """Of each node, which others count: `dives nodes nodes`."""
        distances = (nodes.unsqueeze(2) - nodes.unsqueeze(1)).square().sum(dim=3)
        distances = distances.masked_fill(~self.possible, torch.inf)
        chosen = distances.topk(self.num_neighbours, dim=2, largest=False).indices
        counts = torch.zeros_like(distances, dtype=torch.bool).scatter(2, chosen, True) & self.possible
        alone = ~self.possible.any(dim=1)
        return counts | torch.diag(alone)


def _largest(answers: Tensor, counts: Tensor) -> Tensor:
    """Per node and channel, the largest answer among the nodes that count."""
    offered = answers.unsqueeze(1).masked_fill(~counts.unsqueeze(3), -torch.inf)
    return offered.amax(dim=2)
