"""Networks that find joints in a crop: a trunk that keeps a quarter of the resolution, and a heat map a joint.

Source: HRNet (K. Sun et al., CVPR 2019), which the paper's annotation pipeline uses (section IV-B); its trunk is
timm's. `SmallTrunk` stands in for it where two cores have to do.
"""

from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from stagescore.extras import from_extra
from stagescore.pose.small_trunk import SmallTrunk, as_input, small_head
from stagescore.skeleton import MPII_16


class HRNetTrunk(nn.Module):
    """HRNet's four parallel streams; the finest of them is what is read.

    Attributes:
        width: Number of channels of the features.
    """

    def __init__(self, *, variant: str) -> None:
        """Put the trunk together.

        Args:
            variant: Name of the network in timm, such as `hrnet_w32`.
        """
        timm = from_extra("timm", f"the network {variant}")
        super().__init__()
        # Without `feature_location` timm would add the widening convolutions of its classification head.
        streams: Any = timm.create_model(
            variant, pretrained=False, features_only=True, feature_location="", out_indices=(1,)
        )
        self.streams: nn.Module = streams
        self.width = int(streams.feature_info.channels()[0])

    def forward(self, x: Float[Tensor, "pictures 3 h w"]) -> Float[Tensor, "pictures width rows columns"]:
        """Features of pictures whose edges 32 divides."""
        return torch.as_tensor(self.streams(x)[0])


class PoseNet(nn.Module):
    """Crops to heat maps of the 16 joints."""

    def __init__(self, *, trunk: HRNetTrunk | SmallTrunk) -> None:
        """Put trunk and head together.

        Args:
            trunk: Trunk that gives features at a quarter of the crop's size.
        """
        super().__init__()
        self.trunk = trunk
        self.head = small_head(trunk.width, MPII_16.num_joints)

    def forward(self, crops: UInt8[Tensor, "crops h w 3"]) -> Float[Tensor, "crops joints rows columns"]:
        """Heat maps, about 0 to 1."""
        return torch.as_tensor(self.head(self.trunk(as_input(crops))))

    def flip_tested(self, crops: UInt8[Tensor, "crops h w 3"]) -> Float[Tensor, "crops joints rows columns"]:
        """The mean of the maps of a crop and of its mirror image, turned back."""
        mirrored = self(crops.flip(2))[:, list(MPII_16.flip_order)].flip(3)
        return torch.as_tensor((self(crops) + mirrored) / 2)
