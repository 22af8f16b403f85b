"""Temporal convolutions of growing reach, for heads over descriptions of frames.

Source: the dilated residual layers of Farha and Gall 2019 (MS-TCN), without their 1 x 1 convolutions.
"""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class DilatedConvolutions(nn.ModuleList):
    """Convolutions over time, each of which adds to what it reads."""

    def __init__(self, *, width: int, kernel: int, dilations: Sequence[int], dropout: float = 0.0) -> None:
        """Build the module.

        Args:
            width: Number of channels.
            kernel: Number of frames that a convolution reads; odd.
            dilations: Dilation of each convolution: with dilation n it reads every n-th frame.
            dropout: Probability with which an input of a convolution is dropped in training.
        """
        super().__init__(
            nn.Conv1d(width, width, kernel, padding=kernel // 2 * dilation, dilation=dilation)
            for dilation in dilations
        )
        self.dropout = dropout

    def forward(self, hidden: Float[Tensor, "clips width frames"]) -> Float[Tensor, "clips width frames"]:
        """The same frames, each of which has heard of those around it."""
        for convolution in self:
            kept = functional.dropout(functional.gelu(hidden), self.dropout, self.training)
            hidden = hidden + convolution(kept)
        return hidden
