"""From settings to an HP-MCoRe: the one place that knows both."""

from stagescore.encoders.backbones import (
    REGNET_Y_200MF,
    RESNET_50,
    ImageBackbone,
    ImageTrunk,
    SmallImageBackbone,
)
from stagescore.encoders.dynamic import CLIP_FRAMES, DynamicEncoder
from stagescore.encoders.hierarchy import PAPER_LEVELS, RELEASE_LEVELS
from stagescore.encoders.i3d import I3D
from stagescore.encoders.joints import BodyJoints, PlainJoints
from stagescore.encoders.skeletal import HierarchicalSkeletalEncoder
from stagescore.encoders.small_video import SmallVideoTrunk
from stagescore.encoders.static import StaticEncoder
from stagescore.fusion.pose_guided import PoseGuidedFusion
from stagescore.fusion.stand_ins import VideoStandIns
from stagescore.layers.down_sampling import MeanPool, MultiBranchDownSampling, ProjectedMean
from stagescore.layers.mixed_time import MeanOfClip, MixedTemporalConvs
from stagescore.layers.normalise import Normalise
from stagescore.models.encoders import Branch, Encoders
from stagescore.models.hp_mcore import HPMCoRe, Regression, Segmentation, StagePooling
from stagescore.models.recognition import NumberRecognition
from stagescore.models.settings import (
    DynamicSettings,
    ModelSettings,
    RecognitionSettings,
    SegmentationSettings,
    SkeletonSettings,
    StaticSettings,
)
from stagescore.regression.branch import DifferenceBranch, StageValues
from stagescore.regression.stage_weights import StageWeights
from stagescore.segmentation.decoding import in_equal_shares, jointly
from stagescore.segmentation.segmenters import (
    AttentionSegmenter,
    DilatedSegmenter,
    FullyConnectedSegmenter,
    GRUSegmenter,
)
from stagescore.segmentation.stages import num_stages

_SEGMENTERS = {
    "bi-gru": GRUSegmenter,
    "fully-connected": FullyConnectedSegmenter,
    "tcn": DilatedSegmenter,
    "asformer": AttentionSegmenter,
}
_DECODINGS = {"jointly": jointly, "equal-shares": in_equal_shares}
_FRAMES_AT_ONCE = 32


def build_hp_mcore(settings: ModelSettings) -> HPMCoRe:
    """An HP-MCoRe with random weights.

    Raises:
        ConfigError: settings that do not fit each other.
    """
    static = build_static(settings.static) if settings.static.on else None
    dynamic = build_dynamic(settings.dynamic) if settings.dynamic.on else None
    skeleton = build_skeleton(settings.skeleton) if settings.skeleton.on else None
    widths: dict[Branch, int] = {}
    if static is not None:
        widths["static"] = static.width
    if dynamic is not None:
        widths["dynamic"] = dynamic.width
    if skeleton is not None:
        widths["skeleton"] = skeleton.width
    fused_width = widths.get("dynamic", widths.get("skeleton"))
    fusion = None
    if fused_width is not None:
        fusion = PoseGuidedFusion(
            visual_width=fused_width,
            skeleton_width=widths.get("skeleton") if dynamic is not None else None,
            num_heads=settings.fusion.heads,
            mode=settings.fusion.mode,
            alpha=settings.fusion.alpha,
            skeleton_values=settings.fusion.skeleton_values,
        )
    stand_ins = None
    if settings.stand_ins and settings.sees_both:
        stand_ins = VideoStandIns(
            skeleton_width=widths["skeleton"],
            dynamic_width=widths.get("dynamic"),
            static_width=widths.get("static"),
        )
    return HPMCoRe(
        segmentation=_segmentation(settings.segmentation, widths),
        fusion=fusion,
        stand_ins=stand_ins,
        pooling=StagePooling(num_steps=settings.pooling.steps, overlap=settings.pooling.overlap),
        regression=Regression(
            fused=_branch(settings, fused_width),
            static=_branch(settings, widths.get("static")),
            stage_weights=StageWeights(
                num_stages=num_stages(settings.segmentation.stages),
                normalisation=settings.regression.stage_weights,
            ),
            points=settings.regression.points,
            average_branches=settings.regression.average_branches,
        ),
        # Last, so that the other parts begin with the weights that they have without the head for dive numbers.
        encoders=Encoders(
            static=static,
            dynamic=dynamic,
            skeleton=skeleton,
            numbers=_numbers(settings.recognition, static),
        ),
    )


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


def build_dynamic(settings: DynamicSettings) -> DynamicEncoder:
    """The dynamic encoder."""
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
        how="overlaps" if settings.mixed else "strides",
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


def _segmentation(settings: SegmentationSettings, widths: dict[Branch, int]) -> Segmentation:
    order: tuple[Branch, ...] = ("dynamic", "static", "skeleton")
    reads = settings.reads if settings.reads in widths else min(widths, key=order.index)
    transitions = num_stages(settings.stages) - 1
    segmenter = None
    if transitions:
        segmenter = _SEGMENTERS[settings.network](
            in_width=widths[reads], num_transitions=transitions, width=settings.width
        )
    return Segmentation(reads=reads, segmenter=segmenter, decoding=_DECODINGS[settings.decoding])


def _numbers(settings: RecognitionSettings, static: StaticEncoder | None) -> NumberRecognition | None:
    if not settings.on or static is None:
        return None
    return NumberRecognition(in_width=static.described, width=settings.width, dropout=settings.dropout)


def _branch(settings: ModelSettings, in_width: int | None) -> DifferenceBranch | None:
    if in_width is None:
        return None
    return DifferenceBranch(
        in_width=in_width,
        width=settings.regression.width,
        num_steps=settings.pooling.steps,
        num_heads=settings.regression.heads,
        num_layers=settings.regression.layers,
        dropout=settings.regression.dropout,
        values=(
            StageValues(
                in_width=in_width,
                width=settings.regression.width,
                num_stages=num_stages(settings.segmentation.stages),
                dropout=settings.regression.dropout,
            )
            if settings.regression.stage_values
            else None
        ),
    )
