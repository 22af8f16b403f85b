"""Networks that turn single frames into feature maps.

Sources: He et al. 2016 (ResNet-50, paper section III-B) and Radosavovic et al. 2020 (RegNetY-200MF, the
authors' release), both as timm builds them, with the parameter names of the public ImageNet files; and a small
residual network that trains from scratch on two cores.
Departs: nothing is ever downloaded (`weights/imagenet.py` reads a file); batch norms keep the statistics of
the file; the small network has group norms.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.layers.gate_shift import GateShift
from stagescore.layers.norms import FrozenStatistics, group_norm

RESNET_50 = "resnet50"
REGNET_Y_200MF = "regnety_002"


class ImageBackbone(FrozenStatistics):
    """A public image network without its head.

    Args:
        name: as timm calls it.
        gate_shift: put a Gate-Shift before the first convolution of each block; RegNets only.

    Attributes:
        name: as timm calls it.
        width: channels of the map.
        mixes_frames: whether an image's map depends on the other frames of its dive.
    """

    def __init__(self, *, name: str = RESNET_50, gate_shift: bool = False) -> None:
        super().__init__()
        self.name = name
        net: Any = timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
        self.net = net
        self.width = int(net.num_features)
        self.mixes_frames = gate_shift
        if gate_shift:
            for stage in (net.s1, net.s2, net.s3, net.s4):
                for block in stage.children():
                    shift = GateShift(channels=block.conv1.conv.in_channels)
                    block.conv1 = nn.Sequential(shift, block.conv1)
        self.train()

    def forward(self, images: Float[Tensor, "images 3 height width"], num_frames: int) -> Tensor:
        """The maps of the last stage: `images width height/32 width/32`.

        Args:
            images: normalised, the frames of each dive one after the other.
            num_frames: of each dive.
        """
        for module in self.modules():
            if isinstance(module, GateShift):
                module.num_frames = num_frames
        return torch.as_tensor(self.net(images))

    def public_names(self) -> dict[str, str]:
        """The names of the pretrained tensors, and those that they have in timm's files."""
        return {
            name: name.replace(".conv1.1.", ".conv1.")
            for name in self.net.state_dict()
            if not (self.mixes_frames and ".conv1.0." in name)
        }


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 beside a shortcut; the first halves height and width."""

    def __init__(self, *, in_width: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_width, width, kernel_size=3, stride=2, padding=1, bias=False)
        self.first_norm = group_norm(width)
        self.second = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.second_norm = group_norm(width)
        self.shortcut = nn.Conv2d(in_width, width, kernel_size=1, stride=2)

    def forward(self, maps: Float[Tensor, "images channels height width"]) -> Tensor:
        """Maps of half the height and width, rounded up."""
        inner = torch.relu(self.first_norm(self.first(maps)))
        return torch.relu(self.second_norm(self.second(inner)) + self.shortcut(maps))


class SmallImageBackbone(nn.Module):
    """A residual network for small pictures, 17 MFLOP at 112 x 64.

    Args:
        widths: channels of the first convolution and of each block; all halve height and width.

    Attributes:
        width: channels of the map.
        mixes_frames: never.
    """

    mixes_frames = False

    def __init__(self, *, widths: Sequence[int] = (16, 16, 32, 64)) -> None:
        super().__init__()
        self.width = widths[-1]
        self.stem = nn.Conv2d(3, widths[0], kernel_size=5, stride=2, padding=2, bias=False)
        self.stem_norm = group_norm(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(in_width=a, width=b) for a, b in pairwise(widths)))

    def forward(self, images: Float[Tensor, "images 3 height width"], num_frames: int) -> Tensor:
        """The maps of the last block: `images width height/16 width/16`, sizes rounded up."""
        return torch.as_tensor(self.blocks(torch.relu(self.stem_norm(self.stem(images)))))
