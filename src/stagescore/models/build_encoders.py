"""From settings to encoders, as models share them."""

from stagescore.encoders.backbones import (
    REGNET_Y_200MF,
    RESNET_50,
    ImageBackbone,
    ImageTrunk,
    SmallImageBackbone,
)
from stagescore.encoders.dynamic import CLIP_FRAMES, DynamicEncoder, Laying
from stagescore.encoders.hierarchy import PAPER_LEVELS, RELEASE_LEVELS
from stagescore.encoders.i3d import I3D
from stagescore.encoders.joints import BodyJoints, PlainJoints
from stagescore.encoders.skeletal import HierarchicalSkeletalEncoder
from stagescore.encoders.small_video import SmallVideoTrunk
from stagescore.encoders.static import StaticEncoder
from stagescore.layers.down_sampling import MeanPool, MultiBranchDownSampling, ProjectedMean
from stagescore.layers.mixed_time import MeanOfClip, MixedTemporalConvs
from stagescore.layers.normalise import Normalise
from stagescore.models.encoder_settings import (
    DynamicSettings,
    RecognitionSettings,
    SkeletonSettings,
    StaticSettings,
)
from stagescore.models.recognition import NumberRecognition

_FRAMES_AT_ONCE = 32
"""As many as `encoders.inference_copy.FRAMES_AT_ONCE`: more do not fit into the caches."""


def build_static(settings: StaticSettings) -> StaticEncoder:
    """The static encoder."""
    backbone: ImageBackbone | SmallImageBackbone
    if settings.backbone == "small":
        backbone = SmallImageBackbone(widths=settings.widths)
    elif settings.backbone == "resnet50":
        backbone = ImageBackbone(name=RESNET_50)
    elif settings.backbone == "regnety-gate-shift":
        backbone = ImageBackbone(name=REGNET_Y_200MF, gate_shift=True)
    else:
        backbone = ImageBackbone(
            name=settings.backbone, gate_shift=settings.gate_shift, merged=settings.merged
        )
    down_sampling: MultiBranchDownSampling | MeanPool | ProjectedMean
    if settings.multi_branch:
        down_sampling = MultiBranchDownSampling(in_width=backbone.width, width=settings.width)
    elif settings.projected:
        down_sampling = ProjectedMean(in_width=backbone.width, width=settings.width, looks=settings.looks)
    else:
        down_sampling = MeanPool(width=backbone.width)
    return StaticEncoder(
        backbone=backbone,
        down_sampling=down_sampling,
        normalise=backbone.normalise() if isinstance(backbone, ImageBackbone) else Normalise(),
        looks=settings.looks,
        frames_at_once=None if settings.backbone == "small" else _FRAMES_AT_ONCE,
    )


def build_dynamic(settings: DynamicSettings, how: Laying | None = None) -> DynamicEncoder:
    """The dynamic encoder.

    Args:
        settings: Settings of the dynamic encoder.
        how: How rows are laid on frames; None for `overlaps` where clips have several rows and `strides` where they
            have one.
    """
    trunk: I3D | SmallVideoTrunk | ImageTrunk
    normalise, clips_at_once = Normalise.symmetric(), None
    if settings.trunk == "i3d":
        trunk = I3D(epsilon=settings.epsilon)
    elif settings.trunk == "small":
        trunk = SmallVideoTrunk(widths=settings.widths)
    else:
        backbone = ImageBackbone(name=settings.trunk, gate_shift=True, merged=settings.merged)
        trunk, normalise = ImageTrunk(backbone), backbone.normalise()
        clips_at_once = _FRAMES_AT_ONCE // CLIP_FRAMES
    mixing = (
        MixedTemporalConvs(in_width=trunk.width, width=settings.width, time_stride=trunk.time_stride)
        if settings.mixed
        else MeanOfClip(width=trunk.width)
    )
    return DynamicEncoder(
        trunk=trunk,
        mixing=mixing,
        normalise=normalise,
        starts=settings.clip_starts,
        how=how or ("overlaps" if settings.mixed else "strides"),
        clips_at_once=clips_at_once,
    )


def build_skeleton(settings: SkeletonSettings) -> HierarchicalSkeletalEncoder:
    """The hierarchical skeletal encoder."""
    return HierarchicalSkeletalEncoder(
        joint_input=BodyJoints() if settings.relative else PlainJoints(coords=settings.coords),
        width=settings.width,
        levels=settings.levels,
        edge_conv=settings.edge_conv,
        widths=settings.widths,
        hierarchy=PAPER_LEVELS if settings.grouping == "paper" else RELEASE_LEVELS,
    )


def build_recognition(
    settings: RecognitionSettings, static: StaticEncoder | None
) -> NumberRecognition | None:
    """The head for dive numbers; None where it is off."""
    if not settings.on or static is None:
        return None
    return NumberRecognition(in_width=static.described, width=settings.width, dropout=settings.dropout)
