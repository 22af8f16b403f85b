"""From the feature maps of a clip to rows along its time axis.

Paper, section III-B, eq. 3: three "mixed convolution layers" along the time axis widen the receptive field
and stretch that axis, then max pooling over space. Reading: each layer doubles the rows, so that three of
them undo I3D's stride of eight and a clip of 16 frames has 16 rows; mixed means convolutions of different
lengths side by side.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from stagescore.layers.norms import group_norm


class MixedTemporalConv(nn.Module):
    """Twice as many rows, then temporal convolutions of several lengths side by side.

    Args:
        in_width: Channels that come in.
        width: Channels that go out, shared among the lengths.
        lengths: Lengths of the convolutions, in rows.
        stretch: Number of rows that go out for each row that comes in.
    """

    def __init__(
        self, *, in_width: int, width: int, lengths: Sequence[int] = (1, 3, 5, 7), stretch: int = 2
    ) -> None:
        super().__init__()
        # Lengths of 1, 3, 5 and 7 are a reading: the paper names none (docs/fidelity.md).
        self.stretch = stretch
        shares = [width // len(lengths) + (k < width % len(lengths)) for k in range(len(lengths))]
        self.branches = nn.ModuleList(
            nn.Conv2d(in_width, share, kernel_size=(length, 1), padding=(length // 2, 0), bias=False)
            for length, share in zip(lengths, shares, strict=True)
        )
        self.norm = group_norm(width)

    def forward(self, clips: Float[Tensor, "clips channels rows places"]) -> Tensor:
        """The same places with `stretch` times the rows."""
        stretched = clips if self.stretch == 1 else clips.repeat_interleave(self.stretch, dim=2)
        mixed = torch.cat([branch(stretched) for branch in self.branches], dim=1)
        return torch.relu(self.norm(mixed))


class MixedTemporalConvs(nn.Module):
    """`Mconv` of eq. 3 and the max pooling over space.

    Args:
        in_width: Channels of the maps.
        width: Width of a row.
        num_layers: Number of convolutions, one after the other.
        time_stride: Number of frames that a row of the maps stands for. Each layer doubles the number of rows, unless
            this is 1: maps that have a row for each frame need no more.
    """

    def __init__(self, *, in_width: int, width: int, num_layers: int = 3, time_stride: int = 8) -> None:
        super().__init__()
        self.width = width
        widths = [in_width] + [width] * num_layers
        self.layers = nn.Sequential(
            *(
                MixedTemporalConv(in_width=a, width=b, stretch=1 if time_stride == 1 else 2)
                for a, b in pairwise(widths)
            )
        )

    def forward(
        self, maps: Float[Tensor, "clips channels time height width"]
    ) -> Float[Tensor, "clips rows {self.width}"]:
        """The rows of each clip."""
        places = maps.flatten(3).contiguous(memory_format=torch.channels_last)
        return torch.as_tensor(self.layers(places)).amax(dim=3).transpose(1, 2)


class MeanOfClip(nn.Module):
    """One row a clip, its mean over time and space, as the authors' release has it.

    Args:
        width: Channels of the maps.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(
        self, maps: Float[Tensor, "clips channels time height width"]
    ) -> Float[Tensor, "clips 1 channels"]:
        """The row of each clip."""
        return maps.mean(dim=(2, 3, 4)).unsqueeze(1)
