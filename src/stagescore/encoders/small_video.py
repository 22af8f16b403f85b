"""A small network for clips that trains from scratch on two cores, in the place of I3D.

Source: the factorised convolutions of Tran et al., "A Closer Look at Spatiotemporal Convolutions", CVPR 2018.
Departs: group norms, and a fraction of the width.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.layers.folding import as_images, as_time_and_place
from stagescore.layers.norms import group_norm


class FactorisedBlock(nn.Module):
    """A convolution over space, then one over time, beside a shortcut; all axes are halved.

    Both are 2-D convolutions of the same memory, channels last: once the frames of all clips are images, once
    time and all places of a clip are the two sides of one. PyTorch's 3-D convolutions take twice as long.
    """

    def __init__(self, *, in_width: int, width: int) -> None:
        super().__init__()
        self.space = nn.Conv2d(in_width, width, kernel_size=3, stride=2, padding=1, bias=False)
        self.space_norm = group_norm(width)
        self.time = nn.Conv2d(width, width, kernel_size=(3, 1), stride=(2, 1), padding=(1, 0), bias=False)
        self.time_norm = group_norm(width)
        self.shortcut = nn.Conv2d(in_width, width, kernel_size=1, stride=2)

    def forward(self, frames: Float[Tensor, "frames channels height width"], num_frames: int) -> Tensor:
        """Maps of half the frames, height and width, rounded up.

        Args:
            frames: Frames of all clips, those of each clip one after the other.
            num_frames: Number of frames of each clip.
        """
        images = torch.relu(self.space_norm(self.space(frames)))
        size = images.shape[2:]
        moved = self.time_norm(self.time(as_time_and_place(images, num_frames)))
        short = self.shortcut(frames.unflatten(0, (-1, num_frames))[:, ::2].flatten(0, 1))
        return torch.relu(as_images(moved, size) + short)


class SmallVideoTrunk(nn.Module):
    """Maps of clips, with I3D's stride of 8 in time and 16 in space.

    Args:
        widths: Channels of the first convolution, which halves height and width, and of three blocks, which halve all
            axes.

    Attributes:
        width: Channels of the maps.
        time_stride: Number of frames that a row of the maps stands for.
    """

    time_stride = 8

    def __init__(self, *, widths: Sequence[int] = (16, 24, 48, 96)) -> None:
        # Set by hand: small enough to train from random weights on two cores.
        super().__init__()
        self.width = widths[-1]
        self.stem = nn.Conv2d(3, widths[0], kernel_size=5, stride=2, padding=2, bias=False)
        self.stem_norm = group_norm(widths[0])
        self.blocks = nn.ModuleList(FactorisedBlock(in_width=a, width=b) for a, b in pairwise(widths))

    def forward(self, clips: Float[Tensor, "clips 3 time height width"]) -> Tensor:
        """Maps: `clips width time/8 height/16 width/16`, sizes rounded up."""
        num_clips = len(clips)
        images = clips.transpose(1, 2).flatten(0, 1)
        maps = torch.relu(self.stem_norm(self.stem(images)))
        for block in self.blocks:
            maps = block(maps, len(maps) // num_clips)
        return maps.unflatten(0, (num_clips, -1)).transpose(1, 2)
