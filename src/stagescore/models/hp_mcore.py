"""HP-MCoRe: hierarchical pose-guided multi-stage contrastive regression (arXiv 2501.03674, figure 2).

Training, validation and scoring go through the same three steps: `encode` sees each dive once, `stage_features`
cuts it at the spans that are given (labelled ones in training, predicted ones elsewhere), `compare` puts two
dives side by side. Reduced models of the paper's tables leave parts out (None).
Departs: see docs/fidelity.md.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from stagescore.encoders.static import StaticEncoder
from stagescore.errors import ConfigError, DataError
from stagescore.fusion.pose_guided import PoseGuidedFusion
from stagescore.fusion.stand_ins import VideoStandIns
from stagescore.models.recognition import NumberRecognition
from stagescore.segmentation.decoding import Decoding, edges_of
from stagescore.segmentation.pooling import pool_stages
from stagescore.tensors import Comparison, DiveBatch, Features, StageFeatures

Branch = Literal["static", "dynamic", "skeleton"]
RegressionBranch = Literal["fused", "static"]


class HPMCoRe(nn.Module):
    """The whole model. Branches that are None are off (paper, Table III)."""

    def __init__(
        self,
        *,
        encoders: "Encoders",
        segmentation: "Segmentation",
        fusion: PoseGuidedFusion | None,
        stand_ins: VideoStandIns | None,
        pooling: "StagePooling",
        regression: "Regression",
    ) -> None:
        """Put the parts together.

        Args:
            encoders: what sees.
            segmentation: where the stages are.
            fusion: pose-guided attention over dynamic features, or over the skeleton's where the dynamic
                branch is off; None where only the static branch is on.
            stand_ins: what replaces a missing video; None for models that always need one.
            pooling: stages to steps.
            regression: stage features of two dives to a difference.
        """
        super().__init__()
        self.encoders = encoders
        self.segmentation = segmentation
        self.fusion = fusion
        self.stand_ins = stand_ins
        self.pooling = pooling
        self.regression = regression

    def encode(self, dives: DiveBatch) -> Features:
        """What the encoders say of each dive, with stand-ins for a missing video.

        Raises:
            DataError: a dive lacks what this model cannot do without.
        """
        return self.complete(self.encoders(dives))

    def complete(self, features: Features) -> Features:
        """Fill in for a missing video: the last step of `encode`, for features that come from a cache.

        Raises:
            DataError: a dive lacks what this model cannot do without.
        """
        self._check(features)
        return features if self.stand_ins is None else self.stand_ins(features)

    def transition_logits(
        self, features: Features
    ) -> Float[Tensor, "refinements dives transitions frames"] | None:
        """Logits of the transitions over frames; None for a model of one stage."""
        return self.segmentation(features)

    def predicted_edges(self, features: Features) -> Int[Tensor, "dives edges"]:
        """Stage edges as the model itself sees them."""
        return self.segmentation.edges(features)

    def stage_features(self, features: Features, edges: Int[Tensor, "dives edges"]) -> StageFeatures:
        """Pool the stages to steps and fuse motion with pose.

        Args:
            features: of `encode`.
            edges: where to cut: labelled or predicted.
        """
        fused = None
        if self.fusion is not None:
            attending = features.skeleton if features.dynamic is None else features.dynamic
            if attending is None:
                raise DataError("the fusion has nothing to attend to", todo="turn a branch on")
            guide = features.skeleton if self.fusion.guided else None
            fused = self.fusion(
                self.pooling(attending, edges),
                None if guide is None else self.pooling(guide, edges),
                features.has_skeleton,
            )
        static = None if features.static is None else self.pooling(features.static, edges)
        # Where branches are averaged each predicts the whole difference, so one that lacks what it reads is not asked.
        lacking = (
            bool(self.regression.averaged)
            and self.fusion is not None
            and self.fusion.skeleton_value is not None
            and not bool(features.has_skeleton.all())
        )
        return StageFeatures(
            fused=fused,
            static=static,
            has_fused=features.has_skeleton if lacking else None,
            number_logits=features.number_logits,
        )

    def compare(self, query: StageFeatures, exemplar: StageFeatures) -> Comparison:
        """Predicted differences of score, query minus exemplar, in points."""
        return self.regression(query, exemplar)

    @property
    def recognises(self) -> bool:
        """Whether dive numbers are recognised: whether stage features of a film have `number_logits`."""
        return self.encoders.numbers is not None

    def heard_alone(self, branch: RegressionBranch) -> "HPMCoRe":
        """This model with one branch of the regression, sharing all parts with it.

        Raises:
            DataError: its branches are not averaged, so that one alone predicts no difference, or lack this one.
        """
        return HPMCoRe(
            encoders=self.encoders,
            segmentation=self.segmentation,
            fusion=self.fusion,
            stand_ins=self.stand_ins,
            pooling=self.pooling,
            regression=self.regression.alone(branch),
        ).train(self.training)

    def _check(self, features: Features) -> None:
        reads_skeleton_only = self.encoders.dynamic is None and self.encoders.static is None
        if self.stand_ins is None and not reads_skeleton_only and not bool(features.has_video.all()):
            raise DataError(
                "a dive has no video, and this model was not trained to do without",
                todo="give its frames, or take a model trained with modality dropout",
            )
        if reads_skeleton_only and not bool(features.has_skeleton.all()):
            raise DataError("a dive has no skeleton, and this model reads nothing else", todo="give joints")


class Encoders(nn.Module):
    """Static, dynamic and skeletal encoders, each seeing a dive once (paper, section III-B)."""

    def __init__(
        self,
        *,
        static: StaticEncoder | None = None,
        dynamic: nn.Module | None = None,
        skeleton: nn.Module | None = None,
        numbers: NumberRecognition | None = None,
    ) -> None:
        """Put the encoders together.

        Args:
            static: what single frames look like; None where the branch is off, as for the others.
            dynamic: how they move.
            skeleton: how the joints move.
            numbers: which dive number it is, from what the static encoder sees of each frame; None for a model that does
                not recognise it.

        Raises:
            ConfigError: numbers are to be recognised without a static encoder.
        """
        super().__init__()
        if numbers is not None and static is None:
            raise ConfigError(
                "the dive number is read from the static branch, which is off",
                todo="set model.static.on=true or model.recognition.on=false",
            )
        self.static = static
        self.dynamic = dynamic
        self.skeleton = skeleton
        self.numbers = numbers

    def forward(self, dives: DiveBatch) -> Features:
        """Encode a batch; rows of dives without the modality are zeros.

        Raises:
            DataError: no branch of the model finds anything to read.
        """
        frames, joints = dives.frames, dives.joints
        static, number_logits = self._static(frames, dives.has_video)
        return Features(
            static=static,
            number_logits=number_logits,
            dynamic=_seen(self.dynamic, frames, dives.has_video),
            skeleton=_seen(self.skeleton, joints, dives.has_skeleton),
            has_video=dives.has_video,
            has_skeleton=dives.has_skeleton,
        )

    def _static(self, frames: Tensor | None, known: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Static features and logits of the dive number."""
        if self.numbers is None or self.static is None:
            return _seen(self.static, frames, known), None
        if frames is None or not bool(known.any()):
            return None, None
        vectors, described = self.static.with_descriptions(_of_known(frames, known))
        return _in_rows(vectors, known), _in_rows(self.numbers(described), known)


def _seen(encoder: nn.Module | None, given: Tensor | None, known: Tensor) -> Tensor | None:
    if encoder is None or given is None or not bool(known.any()):
        return None
    return _in_rows(encoder(_of_known(given, known)), known)


def _of_known(given: Tensor, known: Tensor) -> Tensor:
    return given if bool(known.all()) else given[known]


def _in_rows(some: Tensor, known: Tensor) -> Tensor:
    """A row for each dive, zeros for those that have nothing."""
    if bool(known.all()):
        return some
    return some.new_zeros(len(known), *some.shape[1:]).index_put((known.nonzero()[:, 0],), some)


class Segmentation(nn.Module):
    """A segmenter on the features of one branch, and the rule that turns its logits into stages."""

    def __init__(self, *, reads: Branch, segmenter: nn.Module | None, decoding: Decoding) -> None:
        """Build the module.

        Args:
            reads: the branch whose features are segmented: dynamic (paper), static (release) or skeleton.
            segmenter: None for a model of one stage.
            decoding: logits to transitions.
        """
        super().__init__()
        self.reads = reads
        self.segmenter = segmenter
        self.decoding = decoding

    def forward(self, features: Features) -> Float[Tensor, "refinements dives transitions frames"] | None:
        """Logits of the transitions; None for one stage."""
        if self.segmenter is None:
            return None
        read: Tensor | None = getattr(features, self.reads)
        if read is None:
            raise DataError(f"segmentation reads {self.reads} features, and there are none", todo="give them")
        logits: Tensor = self.segmenter(read)
        return logits

    def edges(self, features: Features) -> Int[Tensor, "dives edges"]:
        """The predicted stage edges."""
        logits = self(features)
        if logits is None:
            whole = torch.tensor([[0, features.num_frames]], device=features.has_video.device)
            return whole.expand(features.num_dives, 2)
        return edges_of(self.decoding(logits[-1].detach()), features.num_frames)


class StagePooling(nn.Module):
    """`pool_stages` with its settings."""

    def __init__(self, *, num_steps: int, overlap: int = 0) -> None:
        super().__init__()
        self.num_steps = num_steps
        self.overlap = overlap

    def forward(self, features: Tensor, edges: Tensor) -> Float[Tensor, "dives stages steps width"]:
        """Steps of each stage."""
        return pool_stages(features, edges, num_steps=self.num_steps, overlap=self.overlap)


class Regression(nn.Module):
    """Both branches' differences a stage, weighted by stage and added (paper, eq. 19 and 20)."""

    def __init__(
        self,
        *,
        fused: nn.Module | None,
        static: nn.Module | None,
        stage_weights: nn.Module,
        points: float = 1.0,
        average_branches: bool = False,
    ) -> None:
        """Build the module.

        Args:
            fused: branch of the fused features; None where off.
            static: branch of the static features; None where off.
            stage_weights: weights of the stages, adding up to 1.
            points: how many points one unit of the networks' output is.
            average_branches: take the mean of the branches, as the release does, instead of the sum.
        """
        super().__init__()
        self.fused = fused
        self.static = static
        self.stage_weights = stage_weights
        self.points = points
        self.average_branches = average_branches

    @property
    def averaged(self) -> tuple[RegressionBranch, ...]:
        """Branches of which each alone predicts the difference; none where they are added up."""
        both = self.fused is not None and self.static is not None
        return ("fused", "static") if both and self.average_branches else ()

    def alone(self, branch: RegressionBranch) -> "Regression":
        """One of the branches, with the stage weights of all.

        Raises:
            DataError: it is not one of several that are averaged.
        """
        if branch not in self.averaged:
            raise DataError(
                f"the {branch} branch alone predicts no difference",
                todo="set model.regression.average_branches=true, with both branches on",
            )
        return Regression(
            fused=self.fused if branch == "fused" else None,
            static=self.static if branch == "static" else None,
            stage_weights=self.stage_weights,
            points=self.points,
            average_branches=True,
        )

    def forward(self, query: StageFeatures, exemplar: StageFeatures) -> Comparison:
        """Differences in points, with their parts."""
        parts = [
            branch(mine, theirs)
            for branch, mine, theirs in (
                (self.fused, query.fused, exemplar.fused),
                (self.static, query.static, exemplar.static),
            )
            if branch is not None and mine is not None and theirs is not None
        ]
        stage_deltas = torch.stack(parts, dim=-1) * self.stage_weights()[:, None] * self.points
        if self.averaged:
            fused = (query.uses_fused & exemplar.uses_fused).to(stage_deltas.dtype) / 2
            stage_deltas = stage_deltas * torch.stack([fused, 1 - fused], dim=-1)[:, None]
        return Comparison(delta=stage_deltas.sum(dim=(1, 2)), stage_deltas=stage_deltas)
