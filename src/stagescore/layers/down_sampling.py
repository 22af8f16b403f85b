"""From the feature map of a frame to one vector: the multi-branch down-sampling of the static encoder.

Paper, section III-B, eq. 2: "a convolutional layer and three downsampling layers" add local detail at
different spatial scales to the global features. Reading: one convolution, then the map is averaged to grids
of three sizes, and every cell of every grid joins the global mean, so that the vector knows where things are.
(The strongest answer of each grid instead of all cells forgot it: poses could hardly be told, docs/log.md.)
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from stagescore.layers.norms import group_norm


class MultiBranchDownSampling(nn.Module):
    """Global mean of a map, and what is in each cell of it at three scales.

    Args:
        in_width: Channels of the map.
        width: Width of the vector.
        grids: Number of cells along each side of the map, for each branch.
    """

    def __init__(self, *, in_width: int, width: int, grids: Sequence[int] = (4, 2, 1)) -> None:
        super().__init__()
        # Grids of 4, 2 and 1 are a reading: the paper names three branches and no sizes (docs/fidelity.md).
        self.width = width
        self.grids = tuple(grids)
        self.local = nn.Conv2d(in_width, width, kernel_size=3, padding=1, bias=False)
        self.norm = group_norm(width)
        # Narrower for finer grids, so that each branch gives about as many numbers as the vector has.
        self.branches = nn.ModuleList(
            nn.Conv2d(width, max(width // grid, 1), kernel_size=1) for grid in self.grids
        )
        cells = sum(max(width // grid, 1) * grid**2 for grid in self.grids)
        self.join = nn.Linear(in_width + cells, width)

    def forward(
        self, maps: Float[Tensor, "images channels height width"]
    ) -> Float[Tensor, "images {self.width}"]:
        """One vector a map."""
        local = torch.relu(self.norm(self.local(maps)))
        cells = [
            torch.relu(branch(functional.adaptive_avg_pool2d(local, grid))).flatten(1)
            for grid, branch in zip(self.grids, self.branches, strict=True)
        ]
        return torch.as_tensor(self.join(torch.cat((maps.mean(dim=(2, 3)), *cells), dim=1)))


class MeanPool(nn.Module):
    """The mean of a map, as the authors' release has it.

    Args:
        width: Channels of the map.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(
        self, maps: Float[Tensor, "images channels height width"]
    ) -> Float[Tensor, "images channels"]:
        """One vector a map."""
        return maps.mean(dim=(2, 3))


class ProjectedMean(nn.Module):
    """The means of an image's maps, normalised and projected.

    Fine-tuning a large image network on a few hundred dives learns nothing without the norm between its features and
    the small heads behind them (docs/log.md).

    Args:
        in_width: Channels of a map.
        width: Width of the vector.
        looks: Number of maps of an image.
    """

    def __init__(self, *, in_width: int, width: int, looks: int = 1) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(looks * in_width)
        self.project = nn.Linear(looks * in_width, width)

    def forward(
        self, *maps: Float[Tensor, "images channels height width"]
    ) -> Float[Tensor, "images {self.width}"]:
        """One vector an image, from the maps of all its looks."""
        means = torch.cat([look.mean(dim=(2, 3)) for look in maps], dim=1)
        return functional.gelu(self.project(self.norm(means)))
