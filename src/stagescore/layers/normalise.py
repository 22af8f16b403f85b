"""Bringing pixels to the range that a network was trained on.

The numbers are buffers, so that they are saved with the weights and cannot be forgotten or mixed up.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Those of the published ImageNet weights, in torchvision and in timm."""


class Normalise(nn.Module):
    """Pixels of 0 to 255 to `(pixel / 255 - mean) / std`.

    Args:
        mean: Mean of red, green and blue, where white is 1.
        std: Standard deviation of red, green and blue, where white is 1.

    >>> Normalise.symmetric()(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1))[:, 0, 0, 0]
    tensor([-1.,  1.])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    @classmethod
    def symmetric(cls) -> "Normalise":
        """Black is -1 and white 1: what the published I3D was trained on."""
        return cls(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

    def forward(self, pixels: Num[Tensor, "*batch 3 height width"]) -> Float[Tensor, "*batch 3 height width"]:
        """Pixels, whole numbers or not, 0 to 255; the result has the type of the buffers."""
        scale = 1 / (255 * self.std)
        return pixels.to(self.mean.dtype) * scale - self.mean / self.std
