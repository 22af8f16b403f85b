"""The hierarchical skeletal encoder: how the body's parts move (paper, section III-B, eq. 4 and 5).

`X_k = concat over subsets s of sigma(A_ks P_k W_s)` for each semantic level k, with W a one-layer MLP and sigma a
point-wise convolution; and EdgeConv on the nodes' means over time, among nodes of the same and of adjacent
levels. Base model: HD-GCN (Lee et al., ICCV 2023, github.com/Jho-Yonsei/HD-GCN), whose blocks end with temporal
convolutions.
Departs: layer norms in the place of batch norms; all frames are kept, since fusion needs a vector a frame; A is
learned where the level has edges and stays zero elsewhere, so that a level sees its own joints only; HD-GCN's
attention over levels is not in the paper and left out.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from stagescore.encoders.hierarchy import PAPER_LEVELS, Level
from stagescore.errors import ConfigError, DataError
from stagescore.layers.edge_conv import EdgeConv
from stagescore.layers.multi_scale_time import MultiScaleTime
from stagescore.skeleton import MPII_16


class LevelGraphs(nn.Module):
    """Eq. 4: one graph convolution a level and subset, side by side, over nodes.

    Args:
        in_width: Channels of a node.
        width: Channels of each level, a multiple of three.
        adjacency: What nodes receive from nodes, at first; zeros stay.
    """

    support: Tensor

    def __init__(
        self, *, in_width: int, width: int, adjacency: Float[Tensor, "levels 3 nodes nodes"]
    ) -> None:
        super().__init__()
        num_levels, num_subsets = adjacency.shape[:2]
        self.adjacency = nn.Parameter(adjacency.clone())
        self.register_buffer("support", adjacency > 0, persistent=False)
        self.mlp = nn.ModuleList(nn.Linear(in_width, width) for _ in range(num_subsets))
        self.pointwise = nn.ModuleList(
            nn.Linear(width, width // num_subsets) for _ in range(num_levels * num_subsets)
        )

    def forward(
        self, nodes: Float[Tensor, "dives frames nodes channels"]
    ) -> Float[Tensor, "dives frames nodes levels_times_width"]:
        """New features of each node, level by level; of nodes outside the level they are constant."""
        dives, frames, num_nodes, _ = nodes.shape
        num_levels, num_subsets = self.adjacency.shape[:2]
        perceived = torch.relu(_together(self.mlp, nodes)).chunk(num_subsets, dim=3)
        # The point-wise convolution is linear: it comes first, as the graph then has less to carry.
        answers = torch.stack(
            [
                functional.linear(
                    seen, torch.cat([torch.as_tensor(one.weight) for one in self._of_subset(index)])
                )
                for index, seen in enumerate(perceived)
            ],
            dim=3,
        )
        offered = answers.unflatten(4, (num_levels, -1)).permute(4, 3, 2, 0, 1, 5).flatten(3).flatten(0, 1)
        graphs = (self.adjacency * self.support).flatten(0, 1)
        received = (graphs @ offered).view(num_levels, num_subsets, num_nodes, dives, frames, -1)
        biases = torch.cat([torch.as_tensor(one.bias) for one in self.pointwise])
        return received.permute(3, 4, 2, 0, 1, 5).flatten(3) + biases

    def _of_subset(self, subset: int) -> list[nn.Module]:
        """The point-wise convolutions of a subset, level by level."""
        return list(self.pointwise)[subset :: len(self.mlp)]


def _together(layers: nn.ModuleList, x: Tensor) -> Tensor:
    """What several linear layers make of the same, side by side, in one product."""
    weight = torch.cat([torch.as_tensor(one.weight) for one in layers])
    return functional.linear(x, weight, torch.cat([torch.as_tensor(one.bias) for one in layers]))


class HierarchicalBlock(nn.Module):
    """Graphs of all levels and EdgeConv side by side, then time, each beside a shortcut.

    Args:
        in_width: Channels of a node.
        width: Channels of a node afterwards, a multiple of four.
        adjacency: What nodes receive from nodes at first, in each level and subset, as in `LevelGraphs`.
        adjacent: Whether EdgeConv may connect a node (row) with another (column); None to leave it out.
    """

    def __init__(self, *, in_width: int, width: int, adjacency: Tensor, adjacent: Tensor | None) -> None:
        super().__init__()
        level_width = 3 * max(1, width // 6)
        self.graphs = LevelGraphs(in_width=in_width, width=level_width, adjacency=adjacency)
        self.edges = (
            None
            if adjacent is None
            else EdgeConv(in_width=in_width, width=level_width, possible=adjacent, num_neighbours=3)
        )
        num_branches = len(adjacency) + (adjacent is not None)
        self.join = nn.Linear(num_branches * level_width, width)
        self.shortcut = nn.Identity() if in_width == width else nn.Linear(in_width, width)
        self.space_norm = nn.LayerNorm(width)
        self.time = MultiScaleTime(width=width)
        self.time_norm = nn.LayerNorm(width)

    def forward(
        self, nodes: Float[Tensor, "dives frames nodes channels"]
    ) -> Float[Tensor, "dives frames nodes width"]:
        """New features of each node in each frame."""
        branches = [self.graphs(nodes)]
        if self.edges is not None:
            semantic = self.edges(nodes.mean(dim=1)).unsqueeze(1)
            branches.append(semantic.expand(*nodes.shape[:3], -1))
        spatial = self.join(torch.cat(branches, dim=3)) + self.shortcut(nodes)
        spatial = torch.relu(self.space_norm(spatial))
        return torch.relu(self.time_norm(self.time(spatial) + spatial))


class HierarchicalSkeletalEncoder(nn.Module):
    """One vector a frame, from joints.

    Args:
        joint_input: Module called with joints; gives `joint_input.width` channels per joint.
        width: Width of a vector.
        levels: Levels of the hierarchy that are read, counted from 1 (the innermost).
        edge_conv: Whether there is the fourth branch, EdgeConv.
        widths: Channels of a node in each block.
        hierarchy: All levels there are, the innermost first.

    Attributes:
        width: Width of a vector.

    Raises:
        ConfigError: No levels, or one that the hierarchy does not have.
    """

    def __init__(
        self,
        *,
        joint_input: nn.Module,
        width: int,
        levels: Sequence[int] = (1, 2, 3),
        edge_conv: bool = True,
        widths: Sequence[int] = (64, 64, 128, 128),
        hierarchy: Sequence[Level] = PAPER_LEVELS,
    ) -> None:
        super().__init__()
        if (
            not levels
            or sorted(set(levels)) != list(levels)
            or not 1 <= levels[0] <= levels[-1] <= len(hierarchy)
        ):
            raise ConfigError(
                f"levels {list(levels)} of a skeleton", todo=f"choose from 1 to {len(hierarchy)}, in order"
            )
        self.width = width
        self.joint_input = joint_input
        chosen = [hierarchy[level - 1] for level in levels]
        self.nodes = sorted({node for level in chosen for node in level.nodes})
        """Joints that are looked at; those of other levels are not."""
        self.level_nodes = [[self.nodes.index(joint) for joint in level.nodes] for level in chosen]
        adjacency = torch.stack([level.adjacency() for level in chosen])[:, :, self.nodes][..., self.nodes]
        adjacent = _adjacent(self.nodes, levels, chosen) if edge_conv else None
        all_widths = [widths[0], *widths]
        self.enter = nn.Linear(joint_input.width, widths[0])  # type: ignore[arg-type]
        self.place = nn.Parameter(torch.randn(len(self.nodes), widths[0]) * 0.1)
        self.blocks = nn.Sequential(
            *(
                HierarchicalBlock(in_width=a, width=b, adjacency=adjacency, adjacent=adjacent)
                for a, b in pairwise(all_widths)
            )
        )
        self.leave = nn.Linear(len(chosen) * widths[-1], width)

    def forward(
        self, joints: Float[Tensor, "dives frames joints 3"]
    ) -> Float[Tensor, "dives frames {self.width}"]:
        """Encodes joints.

        Args:
            joints: Joints of MPII, in heights of the picture from its middle, then confidence; unknown ones are zero.

        Raises:
            DataError: The number of joints is not MPII-16's.
        """
        if joints.shape[2] != MPII_16.num_joints:
            raise DataError(
                f"the skeletal encoder reads the {MPII_16.num_joints} joints of {MPII_16.name}, "
                f"and was given {joints.shape[2]}",
                todo="map the poses first with `PoseTrack.mapped`",
            )
        entered = self.enter(self.joint_input(joints)[:, :, self.nodes]) + self.place
        nodes = self.blocks(entered)
        means = [nodes[:, :, level].mean(dim=2) for level in self.level_nodes]
        return torch.as_tensor(self.leave(torch.cat(means, dim=2)))


def _adjacent(nodes: Sequence[int], numbers: Sequence[int], levels: Sequence[Level]) -> Tensor:
    """Which other nodes lie on the same or on an adjacent level."""
    own = [
        next(
            (number for number, level in zip(numbers, levels, strict=True) if node in level.joints),
            next(number for number, level in zip(numbers, levels, strict=True) if node in level.nodes),
        )
        for node in nodes
    ]
    number = torch.tensor(own)
    near = (number.unsqueeze(0) - number.unsqueeze(1)).abs() <= 1
    return near & ~torch.eye(len(nodes), dtype=torch.bool)
