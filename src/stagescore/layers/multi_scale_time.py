"""Temporal convolutions of several reaches, as HD-GCN has them behind each graph convolution.

Source: Lee et al., "Hierarchically Decomposed Graph Convolutional Networks for Skeleton-Based Action
Recognition", ICCV 2023, github.com/Jho-Yonsei/HD-GCN (the block is that of Liu et al., MS-G3D, 2020).
Departs: layer norms in the place of batch norms; the number of frames stays.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class MultiScaleTime(nn.Module):
    """Four branches: convolutions over 5 frames, dilated by 1 and 2, a maximum over 3, and the frame itself.

    Args:
        width: Channels in and out, a multiple of four.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        quarter = width // 4
        self.enter = nn.Linear(width, 4 * quarter)
        self.near = nn.Conv2d(quarter, quarter, kernel_size=(5, 1), padding=(2, 0))
        self.far = nn.Conv2d(quarter, quarter, kernel_size=(5, 1), padding=(4, 0), dilation=(2, 1))
        self.norm = nn.LayerNorm(4 * quarter)
        self.leave = nn.Linear(4 * quarter, width)

    def forward(
        self, nodes: Float[Tensor, "dives frames nodes width"]
    ) -> Float[Tensor, "dives frames nodes width"]:
        """New features of each node in each frame."""
        # Channels last in memory, which is what the convolutions want: no copy is made.
        near, far, most, same = torch.relu(self.enter(nodes)).permute(0, 3, 1, 2).chunk(4, dim=1)
        pooled = functional.max_pool2d(most, kernel_size=(3, 1), stride=1, padding=(1, 0))
        joined = torch.cat((self.near(near), self.far(far), pooled, same), dim=1)
        return torch.as_tensor(self.leave(self.norm(joined.permute(0, 2, 3, 1))))
