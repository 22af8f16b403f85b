"""What must be known to use a pose network of ours: it stands in the header of its safetensors file."""

from typing import Any, Literal

from pydantic import Field, model_validator

from stagescore.config import Config

_LARGEST_PX = 2048  # set by hand
_DEEPEST = 32  # HRNet's deepest stream has a 32nd of the resolution


class NetworkSettings(Config):
    """A network that finds joints or boxes.

    Attributes:
        finds: What the network finds: `joints` of the diver in a crop, or the `boxes` of divers in a picture.
        trunk: Kind of trunk: `small`, or timm's `hrnet` (joints only).
        widths: Channels of the small trunk at 1/2, 1/4, 1/8, 1/16 of the size.
        blocks: Number of residual blocks of the small trunk at each size from 1/4 on.
        variant: Variant of HRNet, by its name in timm.
        width_px: Width of the crop or picture that is shown to the network, in pixels; 32 must divide it.
        height_px: Height of the crop or picture that is shown to the network, in pixels; 32 must divide it.
        sigma: Sigma of the heat maps' Gaussians, in cells of 4 pixels.
    """

    finds: Literal["joints", "boxes"] = "joints"
    trunk: Literal["small", "hrnet"] = "small"
    # The first plan of `pose-small`, too slow to train on two cores (docs/log.md, 2026-11-26): presets are smaller.
    widths: tuple[int, ...] = Field(default=(24, 48, 96, 192), min_length=2, max_length=8)
    blocks: int = Field(default=2, ge=1, le=64)
    # Nothing but HRNet: timm would take a name of another form for an address to load a network from.
    variant: str = Field(default="hrnet_w32", pattern=r"^hrnet_w[0-9]+(_small(_v2)?)?$")
    width_px: int = Field(default=128, ge=32, le=_LARGEST_PX)
    height_px: int = Field(default=128, ge=32, le=_LARGEST_PX)
    sigma: float = Field(default=1.5, gt=0, le=100)

    @model_validator(mode="after")
    def _sensible(self) -> "NetworkSettings":
        if self.finds == "boxes" and self.trunk != "small":
            raise ValueError("a detector has the trunk `small`")
        if self.width_px % _DEEPEST or self.height_px % _DEEPEST:
            raise ValueError(f"give a width and a height that {_DEEPEST} divides")
        return self

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of what it is shown."""
        return self.width_px, self.height_px


class PoseCard(Config):
    """What must be known to use the weights.

    Attributes:
        name: Name of the weights, such as `pose-small`.
        version: Version of the card's form.
        network: Settings that the network is built from.
        trained_on: What the weights were trained on, in words.
        commands: Commands that make the weights again.
        validated: Whether the weights were validated on real dives.
        limits: What the weights are no good for, in words.
        figures: Headline figures, and what they were measured on.
        weights_hash: SHA-256 of the tensors, in hexadecimal (`own_networks.tensors_hash`).
    """

    name: str
    version: Literal[1] = 1
    network: NetworkSettings
    trained_on: str
    commands: tuple[str, ...] = ()
    validated: bool = False
    limits: tuple[str, ...] = ()
    figures: dict[str, Any] = Field(default_factory=dict)
    weights_hash: str
