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
        stages: 1, 2 (cut at the take-off), 2* (cut at the entry) or 3.
        network: which segmenter.
        width: inside it.
        reads: the branch that is segmented, where the model has it; else, and by default, dynamic, or what there is
            (method, section 4).
        decoding: `jointly` (ours) or `equal-shares` (release).
    """

    stages: StageCut = "3"
    network: Literal["bi-gru", "fully-connected", "tcn", "asformer"] = "bi-gru"
    width: int = Field(default=256, ge=4)
    reads: Branch | None = None
    decoding: Literal["jointly", "equal-shares"] = "jointly"


class PoolingSettings(Config):
    """Stage pooling (paper, Table VII).

    Attributes:
        steps: of each stage.
        overlap: frames by which stages reach into their neighbours.
    """

    steps: int = Field(default=5, ge=1)
    overlap: int = Field(default=0, ge=0)


class FusionSettings(Config):
    """Pose-guided fusion (paper, eq. 8 to 11; Table IX).

    Attributes:
        mode: `weighted`, `addition` or `dot-product`.
        heads: of the attention.
        alpha: what the learnable weight begins with.
        skeleton_values: what is attended to is the skeleton as well, not the visual features alone (ours; `nano`).
    """

    mode: FusionMode = "weighted"
    heads: int = Field(default=2, ge=1)
    alpha: float = 1.0
    skeleton_values: bool = False


class RegressionSettings(Config):
    """Score regression (paper, eq. 17 to 20).

    Attributes:
        width: of the decoders.
        heads: of their attention.
        layers: of each.
        dropout: inside them.
        points: how many points one unit of their output is.
        average_branches: mean of the branches (release) instead of their sum (paper).
        stage_values: each branch also values every stage of each dive by itself, and the difference of the two values
            joins what the decoder says (ours).
        stage_weights: how the weights of the stages are made to add up to 1.
    """

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
        name: which model (`models.BUILDERS`).
        static: see there, as all the others.
        dynamic: ...
        skeleton: ...
        segmentation: ...
        pooling: ...
        fusion: ...
        regression: ...
        recognition: ...
        stand_ins: learn what to read where a video is missing, in models that see both modalities.
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
