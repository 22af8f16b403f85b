"""Settings of HP-MCoRe. They are read where a model is built and never enter one.

Which keys reach which row of the paper's tables: docs/fidelity.md.
"""

from typing import Literal

from pydantic import Field, model_validator

from stagescore.config import Config
from stagescore.fusion.pose_guided import FusionMode
from stagescore.models.base_settings import BaseModelSettings
from stagescore.models.encoder_settings import (
    DynamicSettings,
    RecognitionSettings,
    SkeletonSettings,
    StaticSettings,
)
from stagescore.models.encoders import Branch
from stagescore.models.needs import Input, Needs
from stagescore.regression.stage_weights import StageNormalisation
from stagescore.segmentation.stages import StageCut
from stagescore.types import Modality


class SegmentationSettings(Config):
    """Procedure segmentation (paper, eq. 6 and 7; Tables V and VI).

    Attributes:
        stages: Stages of a dive: 1, 2 (cut at the take-off), 2* (cut at the entry) or 3.
        network: Network that finds the transitions: `bi-gru` (paper), `fully-connected`, `tcn` or `asformer`.
        width: Width inside the segmentation network.
        reads: Branch that is segmented, where the model has it; else, and by default, dynamic, or what there is
            (method, section 4).
        decoding: How transitions are chosen: `jointly` (ours) or `equal-shares` (release).
    """

    stages: StageCut = "3"
    network: Literal["bi-gru", "fully-connected", "tcn", "asformer"] = "bi-gru"
    # Set by hand: the paper names no width.
    width: int = Field(default=256, ge=4)
    reads: Branch | None = None
    decoding: Literal["jointly", "equal-shares"] = "jointly"


class PoolingSettings(Config):
    """Stage pooling (paper, Table VII).

    Attributes:
        steps: Number of steps that each stage is resampled to.
        overlap: Number of frames by which stages reach into their neighbours.
    """

    # The best of the paper's Table VII; the release has 10.
    steps: int = Field(default=5, ge=1, le=1000)
    overlap: int = Field(default=0, ge=0, le=4096)


class FusionSettings(Config):
    """Pose-guided fusion (paper, eq. 8 to 11; Table IX).

    Attributes:
        mode: How the two attention maps become one: `weighted` (paper), `addition` or `dot-product`.
        heads: Number of attention heads.
        alpha: Value that the learnable weight of the skeleton's map begins with.
        skeleton_values: Whether the skeleton is attended to as well, not the visual features alone (ours; `nano`).
    """

    mode: FusionMode = "weighted"
    # Paper, section V-A.
    heads: int = Field(default=2, ge=1)
    # Set by hand: it begins as the paper's `addition`, in which it stays 1.
    alpha: float = 1.0
    skeleton_values: bool = False


class RegressionSettings(Config):
    """Score regression (paper, eq. 17 to 20).

    Attributes:
        width: Width of the decoders.
        heads: Number of attention heads of each decoder.
        layers: Number of layers of each decoder.
        dropout: Probability with which a value inside the decoders, or inside the values of stages, is dropped in
            training.
        points: Number of points that one unit of the decoders' output is.
        average_branches: Whether the mean of the branches is taken (release) instead of their sum (paper).
        stage_values: Whether each branch also values every stage of each dive by itself; the difference of the two
            values joins what the decoder says (ours).
        stage_weights: How the weights of the stages are made to add up to 1: `softmax` (ours) or `sum` (release).
    """

    # The release's width; heads of the paper's section V-A. Layers are set by hand: their number is lost in the
    # paper's text, and the release has 4.
    width: int = Field(default=256, ge=4)
    heads: int = Field(default=4, ge=1)
    layers: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    points: float = Field(default=1.0, gt=0)
    average_branches: bool = False
    stage_values: bool = False
    stage_weights: StageNormalisation = "softmax"


class HPMCoReSettings(BaseModelSettings):
    """A whole HP-MCoRe.

    Attributes:
        name: Name of the model (`models.BUILDERS`).
        static: Settings of the static encoder.
        dynamic: Settings of the dynamic encoder.
        skeleton: Settings of the skeletal encoder.
        segmentation: Settings of the segmentation into stages.
        pooling: Settings of the pooling of stages to steps.
        fusion: Settings of the fusion of motion and pose.
        regression: Settings of the score regression.
        recognition: Settings of the recognition of the dive number.
        stand_ins: Whether the model learns what to read where a video is missing, if it sees both modalities.
    """

    name: Literal["hp-mcore"] = "hp-mcore"
    static: StaticSettings = StaticSettings()
    dynamic: DynamicSettings = DynamicSettings()
    skeleton: SkeletonSettings = SkeletonSettings()
    segmentation: SegmentationSettings = SegmentationSettings()
    pooling: PoolingSettings = PoolingSettings()
    fusion: FusionSettings = FusionSettings()
    regression: RegressionSettings = RegressionSettings()
    recognition: RecognitionSettings = RecognitionSettings()
    stand_ins: bool = False

    @property
    def branches(self) -> tuple[Branch, ...]:
        """See `BaseModelSettings.branches`."""
        every: tuple[Branch, ...] = ("static", "dynamic", "skeleton")
        return tuple(name for name in every if getattr(self, name).on)

    @property
    def sees_both(self) -> bool:
        """Whether the model sees video and skeleton, so that one can be missing."""
        return self.skeleton.on and len(self.branches) > 1

    @property
    def can_miss(self) -> tuple[Modality, ...]:
        """See `BaseModelSettings.can_miss`: a video only with stand-ins for it."""
        if not self.sees_both:
            return ()
        return ("video", "skeleton") if self.stand_ins else ("skeleton",)

    @property
    def recognises(self) -> bool:
        """See `BaseModelSettings.recognises`."""
        return self.recognition.on

    @property
    def needs(self) -> Needs:
        """See `BaseModelSettings.needs`: some stages to learn where to cut, and some numbers to recognise."""
        seen = super().needs
        transitions: tuple[Input, ...] = ("transitions",) if self.cut != "1" else ()
        number: tuple[Input, ...] = ("number",) if self.recognises else ()
        return Needs(training=seen.training, some_training=frozenset({*transitions, *number}), test=seen.test)

    @property
    def cut(self) -> StageCut:
        """See `BaseModelSettings.cut`."""
        return self.segmentation.stages

    @model_validator(mode="after")
    def _fits(self) -> "HPMCoReSettings":
        if not self.branches:
            raise ValueError("turn at least one of static, dynamic and skeleton on")
        if self.recognition.on and not self.static.on:
            raise ValueError(
                "recognition reads the static branch, which is off; turn one on or the other off"
            )
        if self.branches == ("static", "skeleton"):
            raise ValueError("static and skeleton without dynamic have nothing to fuse; turn dynamic on")
        return self
