"""The static visual encoder: what single frames look like (paper, section III-B, eq. 2).

`S = M(R(V))`: R an image network, M a module that brings its map to one vector. The release has a network
with Gate-Shift in the place of R, which also looks at neighbouring frames, and a mean in the place of M.
"""

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from stagescore.encoders.backbones import ImageBackbone, SmallImageBackbone
from stagescore.errors import ConfigError


class StaticEncoder(nn.Module):
    """One vector a frame.

    Args:
        backbone: Network called with normalised images and the number of frames of each dive; gives maps. Its attribute
            `mixes_frames` tells whether the frames of a dive must stay together.
        down_sampling: Module called with maps; gives vectors of `down_sampling.width`.
        normalise: Module that brings pixels to the range of the backbone.
        looks: Number of pictures of three channels that a frame has: 2 where the whole frame stands beside a window
            around the diver. The backbone sees each, and the down-sampling all their maps together.
        frames_at_once: Largest number of frames that are encoded together (whole dives, at least one, where the
            backbone mixes frames); None for all. The answer is the same.

    Attributes:
        width: Width of a vector.
    """

    def __init__(
        self,
        *,
        backbone: ImageBackbone | SmallImageBackbone,
        down_sampling: nn.Module,
        normalise: nn.Module,
        looks: int = 1,
        frames_at_once: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.down_sampling = down_sampling
        self.normalise = normalise
        self.looks = looks
        self.frames_at_once = frames_at_once
        self.width = int(down_sampling.width)  # type: ignore[arg-type]

    @property
    def described(self) -> int:
        """Number of values that describe a frame in `with_descriptions`."""
        return self.looks * self.backbone.described

    def forward(
        self, frames: Num[Tensor, "dives frames channels height width"]
    ) -> Float[Tensor, "dives frames {self.width}"]:
        """Encodes frames.

        Args:
            frames: RGB frames, 0 to 255, whole numbers or not; three channels per look.

        Raises:
            ConfigError: Frames of another number of looks.
        """
        vectors, _ = self._seen(frames, described=False)
        return vectors

    def with_descriptions(
        self, frames: Num[Tensor, "dives frames channels height width"]
    ) -> tuple[Float[Tensor, "dives frames {self.width}"], Float[Tensor, "dives frames {self.described}"]]:
        """Encodes frames, and also says of each what the backbone's maps hold at several depths.

        Args:
            frames: RGB frames, 0 to 255, whole numbers or not; three channels per look.

        Returns:
            Vectors, and means and maxima of the maps (`with_description` of the backbone), one look after the other.

        Raises:
            ConfigError: Frames of another number of looks.
        """
        vectors, described = self._seen(frames, described=True)
        return vectors, torch.cat(described, dim=-1)

    def _seen(self, frames: Tensor, *, described: bool) -> tuple[Tensor, list[Tensor]]:
        if frames.shape[2] != 3 * self.looks:
            raise ConfigError(
                f"pictures of {frames.shape[2]} channels for a network that sees {3 * self.looks}",
                todo="set data.preprocessing.follow.beside as model.static.looks wants it",
            )
        num_dives, num_frames = frames.shape[:2]
        images = frames.flatten(0, 1)
        at_once = self.frames_at_once or len(images)
        if self.backbone.mixes_frames:
            at_once = max(1, at_once // num_frames) * num_frames
        vectors, descriptions = [], []
        for part in images.split(at_once):
            looks = [self.normalise(look) for look in part.tensor_split(self.looks, dim=1)]
            if described:
                maps, said = zip(
                    *(self.backbone.with_description(look, num_frames) for look in looks), strict=True
                )
                descriptions.append(torch.cat(said, dim=1))
            else:
                maps = tuple(self.backbone(look, num_frames) for look in looks)
            vectors.append(self.down_sampling(*maps))
        shape = (num_dives, num_frames)
        return torch.cat(vectors).unflatten(0, shape), [
            torch.cat(descriptions).unflatten(0, shape)
        ] if described else []
