"""Gate-Shift: features of a frame that a learned gate lets through move to the next or the previous frame.

Source: Sudhakaran, Escalera, Lanz, "Gate-Shift Networks for Video Action Recognition", CVPR 2020,
github.com/swathikirans/GSM; put before the first convolution of each RegNet block as in Hong et al.,
"Spotting Temporally Precise, Fine-Grained Events in Video", ECCV 2022, which the HP-MCoRe release builds on.
Departs: the statistics of the gate's batch norm stay at 0 and 1 (see `norms.FrozenStatistics`).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GateShift(nn.Module):
    """Shifts a quarter of the channels, rounded up to a multiple of four: half to earlier, half to later frames.

    The number of frames of a clip must be set before the call, since the images come folded.

    Args:
        channels: Number of channels of the images' features.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.num_frames = 1
        self.shifted = -(-(channels // 4) // 4) * 4
        self.norm = nn.BatchNorm3d(self.shifted)
        self.gate = nn.Conv3d(self.shifted, 2, kernel_size=3, padding=1, groups=2)
        nn.init.zeros_(self.gate.weight)  # at first nothing moves
        if self.gate.bias is not None:
            nn.init.zeros_(self.gate.bias)

    def forward(self, images: Float[Tensor, "images channels height width"]) -> Tensor:
        """The same features, some of them moved by a frame; what leaves the clip is lost.

        Args:
            images: Features of the frames of all clips, those of each clip one after the other.
        """
        moving = images[:, : self.shifted].unflatten(0, (-1, self.num_frames)).transpose(1, 2)
        gates = torch.tanh(self.gate(torch.relu(self.norm(moving))))
        first, second = moving.chunk(2, dim=1)
        to_earlier, to_later = first * gates[:, :1], second * gates[:, 1:]
        first = first - to_earlier + _moved(to_earlier, -1)
        second = second - to_later + _moved(to_later, 1)
        moved = torch.cat((_interleaved(first), _interleaved(second)), dim=1).transpose(1, 2).flatten(0, 1)
        return torch.cat((moved, images[:, self.shifted :]), dim=1)

    def order(self, channels: int) -> list[int]:
        """Which channel of the input each channel of the output is, while nothing moves.

        Args:
            channels: Number of channels of the images' features.
        """
        first, second = torch.arange(self.shifted).view(1, -1, 1, 1, 1).chunk(2, dim=1)
        moved = torch.cat((_interleaved(first), _interleaved(second)), dim=1).flatten().tolist()
        return [*moved, *range(self.shifted, channels)]


def _moved(features: Tensor, by: int) -> Tensor:
    """Features moved along the frames, with zeros where nothing comes from."""
    gap = torch.zeros_like(features[:, :, :1])
    parts = (features[:, :, 1:], gap) if by < 0 else (gap, features[:, :, :-1])
    return torch.cat(parts, dim=2)


def _interleaved(features: Tensor) -> Tensor:
    """The first half of the channels between those of the second, so that later shifts meet both."""
    return features.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)
