"""MobileNetV2 (Sandler et al., CVPR 2018) with the parameter names, the random weights and the answers of timm's `mobilenetv2_100`.

timm builds the same network, but importing it takes longer than scoring a dive (it imports torchvision, and that PyTorch's compiler):
2.7 of 6.6 seconds of `score` before any work. A test holds that both are equal bit for bit.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

# (expansion, channels, blocks, stride of the first block): table 2 of the paper.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM_WIDTH, _HEAD_WIDTH = 32, 1280


class NormAct(nn.BatchNorm2d):
    """A batch norm with the activation that follows it, so that both are one child beside their convolution.

    Args:
        width: Number of channels.
        linear: Whether the activation is left out, as at the end of a bottleneck.
    """

    def __init__(self, width: int, *, linear: bool = False) -> None:
        super().__init__(width)
        self.act = nn.Identity() if linear else nn.ReLU6(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        return torch.as_tensor(self.act(super().forward(maps)))


class SeparableConv(nn.Module):
    """A convolution of each channel alone, then one over the channels: the block that does not expand.

    Args:
        in_width: Channels that come in.
        width: Channels that go out.
    """

    def __init__(self, in_width: int, width: int) -> None:
        super().__init__()
        self.conv_dw = nn.Conv2d(in_width, in_width, 3, padding=1, groups=in_width, bias=False)
        self.bn1 = NormAct(in_width)
        self.conv_pw = nn.Conv2d(in_width, width, 1, bias=False)
        self.bn2 = NormAct(width, linear=True)

    def forward(self, maps: Float[Tensor, "images channels height width"]) -> Tensor:
        """Maps of the same height and width."""
        maps = self.bn1(self.conv_dw(maps))
        return torch.as_tensor(self.bn2(self.conv_pw(maps)))


class InvertedResidual(nn.Module):
    """An expansion, a convolution of each channel alone, and a linear bottleneck; beside a shortcut where sizes agree.

    Args:
        in_width: Channels that come in.
        width: Channels that go out.
        stride: Stride of the convolution; 2 halves height and width.
        expansion: Channels inside, in multiples of `in_width`.
    """

    def __init__(self, in_width: int, width: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = expansion * in_width
        self.has_shortcut = stride == 1 and in_width == width
        self.conv_pw = nn.Conv2d(in_width, inner, 1, bias=False)
        self.bn1 = NormAct(inner)
        self.conv_dw = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=inner, bias=False)
        self.bn2 = NormAct(inner)
        self.conv_pwl = nn.Conv2d(inner, width, 1, bias=False)
        self.bn3 = NormAct(width, linear=True)

    def forward(self, maps: Float[Tensor, "images channels height width"]) -> Tensor:
        """Maps; of half the height and width, rounded up, where the stride is 2."""
        inner = self.bn1(self.conv_pw(maps))
        inner = self.bn2(self.conv_dw(inner))
        inner = self.bn3(self.conv_pwl(inner))
        return torch.as_tensor(inner + maps if self.has_shortcut else inner)


class MobileNetV2(nn.Module):
    """The network without its classifier.

    Attributes:
        num_features: Channels of the last map.
        blocks: Stages of blocks, seven of them.
    """

    num_features = _HEAD_WIDTH

    def __init__(self) -> None:
        super().__init__()
        # timm tries a layer of two such convolutions here. Drawn too, so that what a seed gives after this network stays the same.
        for _ in range(2):
            nn.Conv2d(8, 8, 1)
        self.conv_stem = nn.Conv2d(3, _STEM_WIDTH, 3, 2, padding=1, bias=False)
        self.bn1 = NormAct(_STEM_WIDTH)
        stages, width = [], _STEM_WIDTH
        for expansion, out_width, num_blocks, stride in _STAGES:
            blocks: list[nn.Module] = []
            for number in range(num_blocks):
                blocks.append(
                    SeparableConv(width, out_width)
                    if expansion == 1
                    else InvertedResidual(width, out_width, stride if number == 0 else 1, expansion)
                )
                width = out_width
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = nn.Conv2d(width, _HEAD_WIDTH, 1, bias=False)
        self.bn2 = NormAct(_HEAD_WIDTH)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))

    def forward(self, images: Float[Tensor, "images 3 height width"]) -> Tensor:
        """The last map: `images 1280 height/32 width/32`, sizes rounded up."""
        maps = self.blocks(self.bn1(self.conv_stem(images)))
        return torch.as_tensor(self.bn2(self.conv_head(maps)))
