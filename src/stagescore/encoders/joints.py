"""What the skeletal encoder is told of each joint in each frame.

Source: the paper feeds the joints' coordinates, D = 2 or 3 (section III-A): `PlainJoints`. `BodyJoints` is ours:
the same movement looks the same wherever it is in the picture and however large the diver is.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from stagescore.errors import ConfigError
from stagescore.skeleton import MPII_16

_PELVIS, _THORAX = MPII_16.index("pelvis"), MPII_16.index("thorax")
_SMALLEST_TORSO = 0.02
"""Least length that joints are divided by, in heights of the picture. Set by hand."""
_USUAL_TORSO = 0.1
"""Length where no frame shows a torso, in heights of the picture. Set by hand."""


class PlainJoints(nn.Module):
    """The coordinates as they are, with or without confidence.

    Args:
        coords: Number of coordinates: 2 for x and y, 3 with confidence.

    Raises:
        ConfigError: Another number of coordinates.
    """

    def __init__(self, *, coords: int = 2) -> None:
        super().__init__()
        if coords not in (2, 3):
            raise ConfigError(f"{coords} coordinates a joint", todo="use 2 (x, y) or 3 (with confidence)")
        self.width = coords

    def forward(
        self, joints: Float[Tensor, "dives frames joints 3"]
    ) -> Float[Tensor, "dives frames joints coords"]:
        """The first coordinates."""
        return joints[..., : self.width]


class BodyJoints(nn.Module):
    """Seven channels a joint: position in the picture, position in the body, velocity, confidence.

    Positions in the body and velocities are in torso lengths: from the pelvis, and since the frame before.
    Unknown joints are zero in all channels.
    """

    width = 7

    def forward(
        self, joints: Float[Tensor, "dives frames joints 3"]
    ) -> Float[Tensor, "dives frames joints 7"]:
        """The channels of each joint.

        Args:
            joints: Places of the joints in heights of the picture from its middle, then confidence.
        """
        place, confidence = joints[..., :2], joints[..., 2:]
        known = confidence[..., 0] > 0
        torso = torso_length(place, known)[:, None, None, None]
        in_body = (place - place[:, :, _PELVIS : _PELVIS + 1]) / torso
        in_body = in_body * (known & known[:, :, _PELVIS : _PELVIS + 1]).unsqueeze(3)
        velocity = torch.zeros_like(place)
        both = (known[:, 1:] & known[:, :-1]).unsqueeze(3)
        velocity[:, 1:] = (place[:, 1:] - place[:, :-1]) / torso * both
        return torch.cat((place * known.unsqueeze(3), in_body, velocity, confidence), dim=3)


def torso_length(
    place: Float[Tensor, "dives frames joints 2"], known: Bool[Tensor, "dives frames joints"]
) -> Float[Tensor, " dives"]:
    """Median distance from pelvis to thorax over the frames that have both, at least 0.02 picture heights.

    Returns:
        Torso length of each dive, in heights of the picture; 0.1 where no frame has both.
    """
    lengths = (place[:, :, _PELVIS] - place[:, :, _THORAX]).norm(dim=2)
    lengths = lengths.masked_fill(~(known[:, :, _PELVIS] & known[:, :, _THORAX]), torch.nan)
    median = lengths.nanmedian(dim=1).values
    return median.nan_to_num(_USUAL_TORSO).clamp(min=_SMALLEST_TORSO)
