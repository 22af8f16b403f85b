"""A light encoder and decoder for pictures: residual blocks down to 1/16, and back up to 1/4 with skips.

Source: none in particular; ResNet's blocks (He et al., 2016) in the form of a feature pyramid. Plain 3 x 3
convolutions, since those are what processors without an accelerator do fastest.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional


def as_input(pictures: UInt8[Tensor, "pictures h w 3"]) -> Float[Tensor, "pictures 3 h w"]:
    """Pictures (RGB) as networks of ours read them: about -2 to 2."""
    return (pictures.permute(0, 3, 1, 2).to(torch.float32) - 127.5) / 63.75


def normed(in_width: int, width: int, edge: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution with batch norm."""
    return nn.Sequential(
        nn.Conv2d(in_width, width, edge, stride, padding=edge // 2, bias=False), nn.BatchNorm2d(width)
    )


def small_head(in_width: int, num: int, first_bias: float = 0.0) -> nn.Conv2d:
    """Answers at each place, nearly the same everywhere before anything is learned."""
    head = nn.Conv2d(in_width, num, 1)
    nn.init.normal_(head.weight, std=0.01)
    bias = torch.zeros(num)
    bias[0] = first_bias
    head.bias = nn.Parameter(bias)
    return head


class Residual(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.first = normed(width, width)
        self.second = normed(width, width)

    def forward(self, x: Float[Tensor, "pictures width h w"]) -> Float[Tensor, "pictures width h w"]:
        """The same shape."""
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class SmallTrunk(nn.Module):
    """Features at a quarter of the picture's size.

    Attributes:
        width: Number of channels of the features.
    """

    def __init__(self, *, widths: Sequence[int], blocks: int) -> None:
        """Put the trunk together.

        Args:
            widths: Channels at 1/2, 1/4, 1/8, 1/16 (and so on) of the size.
            blocks: Number of residual blocks at each size from 1/4 on.
        """
        super().__init__()
        stem, *inner = widths
        self.width = inner[0]
        self.stem = nn.Sequential(normed(3, stem, stride=2), nn.ReLU())
        self.down = nn.ModuleList(
            nn.Sequential(
                normed(before, width, stride=2),
                nn.ReLU(),
                *(Residual(width=width) for _ in range(blocks)),
            )
            for before, width in zip(widths, inner, strict=False)
        )
        self.across = nn.ModuleList(normed(width, before, edge=1) for before, width in pairwise(inner))
        self.up = nn.ModuleList(Residual(width=width) for width in inner[:-1])

    def forward(self, x: Float[Tensor, "pictures 3 h w"]) -> Float[Tensor, "pictures width rows columns"]:
        """Features of pictures whose edges the deepest stride divides."""
        levels = [self.stem(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        deep = levels.pop()
        for across, up in zip(reversed(self.across), reversed(self.up), strict=True):
            skip = levels.pop()
            deep = up(functional.relu(skip + functional.interpolate(across(deep), size=skip.shape[-2:])))
        return torch.as_tensor(deep)
