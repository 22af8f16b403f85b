"""From settings to an HP-MCoRe: the one place that knows both."""

from stagescore.fusion.missing_modality import VideoImputer
from stagescore.fusion.pose_guided import PoseGuidedFusion
from stagescore.models.build_encoders import build_dynamic, build_recognition, build_skeleton, build_static
from stagescore.models.encoders import Branch, Encoders
from stagescore.models.hp_mcore.model import HPMCoRe, Regression, Segmentation, StagePooling
from stagescore.models.hp_mcore.settings import HPMCoReSettings, SegmentationSettings
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


def build_hp_mcore(settings: HPMCoReSettings) -> HPMCoRe:
    """An HP-MCoRe with random weights.

    Raises:
        ConfigError: Settings that do not fit each other.
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
        stand_ins = VideoImputer(
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
            numbers=build_recognition(settings.recognition, static),
        ),
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


def _branch(settings: HPMCoReSettings, in_width: int | None) -> DifferenceBranch | None:
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
