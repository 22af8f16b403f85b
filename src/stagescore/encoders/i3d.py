"""Inception-I3D, the trunk of the dynamic encoder.

Source: Carreira and Zisserman, "Quo Vadis, Action Recognition?", CVPR 2017,
github.com/google-deepmind/kinetics-i3d; the stages have the names of that release, in lower case. Weights in
either of the two public PyTorch spellings are read by `weights/kinetics.py`.

Padding is TensorFlow's "SAME" at every size, as the network was trained: ceil(n / stride) outputs, the odd row
of padding at the end. (piergiaj's code does the same; hassony2's agrees where each size divides by its stride,
and at 112 x 112 as well.) Zeros around a maximum do nothing, since what is pooled is never negative.
Departs: no classifier; batch norms keep the statistics they are loaded with.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from stagescore.errors import ConfigError
from stagescore.layers.norms import FrozenStatistics

_MIXED = {
    "mixed_3b": (64, 96, 128, 16, 32, 32),
    "mixed_3c": (128, 128, 192, 32, 96, 64),
    "mixed_4b": (192, 96, 208, 16, 48, 64),
    "mixed_4c": (160, 112, 224, 24, 64, 64),
    "mixed_4d": (128, 128, 256, 24, 64, 64),
    "mixed_4e": (112, 144, 288, 32, 64, 64),
    "mixed_4f": (256, 160, 320, 32, 128, 128),
    "mixed_5b": (256, 160, 320, 32, 128, 128),
    "mixed_5c": (384, 192, 384, 48, 128, 128),
}
STAGES = (
    "conv3d_1a_7x7",
    "maxpool3d_2a_3x3",
    "conv3d_2b_1x1",
    "conv3d_2c_3x3",
    "maxpool3d_3a_3x3",
    "mixed_3b",
    "mixed_3c",
    "maxpool3d_4a_3x3",
    "mixed_4b",
    "mixed_4c",
    "mixed_4d",
    "mixed_4e",
    "mixed_4f",
    "maxpool3d_5a_2x2",
    "mixed_5b",
    "mixed_5c",
)
"""The stages at which the network can be entered and left."""

_Size = tuple[int, int, int]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding before and after.

    >>> same_padding(112, 7, 2), same_padding(113, 7, 2), same_padding(7, 2, 2)
    ((2, 3), (3, 3), (0, 1))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Unit(nn.Module):
    """Convolution, batch norm, relu."""

    def __init__(
        self, in_width: int, width: int, *, kernel: int = 1, stride: int = 1, epsilon: float
    ) -> None:
        super().__init__()
        # An odd kernel without stride is padded alike on both sides, whatever the size.
        padding = kernel // 2 if stride == 1 else 0
        self.kernel = kernel
        self.stride = stride
        self.conv = nn.Conv3d(in_width, width, kernel, stride=stride, padding=padding, bias=False)
        self.norm = nn.BatchNorm3d(width, eps=epsilon)

    def forward(self, maps: Float[Tensor, "clips channels time height width"]) -> Tensor:
        """Maps of ceil(size / stride)."""
        if self.stride > 1:
            padding = [same_padding(size, self.kernel, self.stride) for size in reversed(maps.shape[2:])]
            maps = functional.pad(maps, [amount for sides in padding for amount in sides])
        return functional.relu(self.norm(self.conv(maps)), inplace=True)


class MaxPool(nn.Module):
    """Maximum over a window, padded as TensorFlow does."""

    def __init__(self, kernel: _Size, stride: _Size) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, maps: Float[Tensor, "clips channels time height width"]) -> Tensor:
        """Maps of ceil(size / stride)."""
        before = [
            same_padding(size, kernel, stride)[0]
            for size, kernel, stride in zip(maps.shape[2:], self.kernel, self.stride, strict=True)
        ]
        # `ceil_mode` lets the last window hang over the end, which is the padding after.
        return functional.max_pool3d(maps, self.kernel, self.stride, padding=before, ceil_mode=True)


class Mixed(nn.Module):
    """An Inception block: four branches side by side.

    Args:
        in_width: Channels that come in.
        widths: Channels of branch 0, of both units of branch 1, of both of branch 2, and of branch 3.
        epsilon: Epsilon of the batch norms.
    """

    def __init__(self, in_width: int, widths: Sequence[int], *, epsilon: float) -> None:
        super().__init__()
        self.branch_0 = Unit(in_width, widths[0], epsilon=epsilon)
        self.branch_1 = nn.Sequential(
            Unit(in_width, widths[1], epsilon=epsilon), Unit(widths[1], widths[2], kernel=3, epsilon=epsilon)
        )
        self.branch_2 = nn.Sequential(
            Unit(in_width, widths[3], epsilon=epsilon), Unit(widths[3], widths[4], kernel=3, epsilon=epsilon)
        )
        self.branch_3 = nn.Sequential(
            MaxPool((3, 3, 3), (1, 1, 1)), Unit(in_width, widths[5], epsilon=epsilon)
        )
        self.width = widths[0] + widths[2] + widths[4] + widths[5]

    def forward(self, maps: Float[Tensor, "clips channels time height width"]) -> Tensor:
        """Maps of the same size."""
        branches = (self.branch_0, self.branch_1, self.branch_2, self.branch_3)
        return torch.cat([branch(maps) for branch in branches], dim=1)


class I3D(FrozenStatistics):
    """The network up to one of its stages.

    Args:
        last: Name of the last stage that is built.
        epsilon: Epsilon of the batch norms. Weights made with another are brought to this one when they are read, so it
            matters only that it is no larger than theirs.

    Attributes:
        width: Channels of the last stage's maps.
        time_stride: Number of frames that a row of the last stage's maps stands for.
        epsilon: Epsilon of the batch norms.

    Raises:
        ConfigError: There is no such stage.
    """

    time_stride = 8

    def __init__(self, *, last: str = "mixed_5c", epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.stages = nn.ModuleDict()
        width = 3
        for name in STAGES[: _index(last) + 1]:
            if name in _MIXED:
                mixed = Mixed(width, _MIXED[name], epsilon=epsilon)
                self.stages[name], width = mixed, mixed.width
            elif name == "conv3d_1a_7x7":
                self.stages[name], width = Unit(width, 64, kernel=7, stride=2, epsilon=epsilon), 64
            elif name == "conv3d_2b_1x1":
                self.stages[name], width = Unit(width, 64, epsilon=epsilon), 64
            elif name == "conv3d_2c_3x3":
                self.stages[name], width = Unit(width, 192, kernel=3, epsilon=epsilon), 192
            elif name == "maxpool3d_4a_3x3":
                self.stages[name] = MaxPool((3, 3, 3), (2, 2, 2))
            elif name == "maxpool3d_5a_2x2":
                self.stages[name] = MaxPool((2, 2, 2), (2, 2, 2))
            else:
                self.stages[name] = MaxPool((1, 3, 3), (1, 2, 2))
        self.width = width
        self.train()

    def forward(
        self,
        maps: Float[Tensor, "clips channels time height width"],
        *,
        after: str | None = None,
        until: str | None = None,
    ) -> Tensor:
        """Maps of the last stage, or of an earlier one.

        Args:
            maps: RGB clips, -1 to 1; or the maps of the stage named by `after`.
            after: Name of the stage that was done before; None for none.
            until: Name of the stage to stop after; None for the last.

        Raises:
            ConfigError: There is no such stage.
        """
        first = 0 if after is None else _index(after) + 1
        end = len(STAGES) if until is None else _index(until) + 1
        for name in STAGES[first:end]:
            if name in self.stages:
                maps = self.stages[name](maps)
        return maps


def _index(stage: str) -> int:
    if stage not in STAGES:
        raise ConfigError(f"I3D has no stage {stage!r}", todo=f"stages: {', '.join(STAGES)}")
    return STAGES.index(stage)
