"""HP-MCoRe: hierarchical pose-guided multi-stage contrastive regression (arXiv 2501.03674, figure 2).

Training, validation and scoring go through the same three steps: `encode` sees each dive once, `represent`
cuts it at the spans that are given (labelled ones in training, predicted ones elsewhere), `compare` puts two
dives side by side. Reduced models of the paper's tables leave parts out (None).
Departs: see docs/fidelity.md.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from stagescore.batch import Batch
from stagescore.errors import DataError
from stagescore.fusion.missing_modality import VideoImputer
from stagescore.fusion.pose_guided import PoseGuidedFusion
from stagescore.losses.dive_number import dive_number_losses
from stagescore.losses.grouping import grouped_mean
from stagescore.losses.score import score_losses
from stagescore.models.base import ContrastiveModel, LossFunctions, Segmented
from stagescore.models.encoders import Branch, Encoders
from stagescore.segmentation.decoding import Decoding, edges_of
from stagescore.segmentation.pooling import pool_stages
from stagescore.tensors import Comparison, Features, Representation, StageFeatures

RegressionBranch = Literal["fused", "static"]


class HPMCoRe(ContrastiveModel):
    """The whole model. Branches that are None are off (paper, Table III)."""

    def __init__(
        self,
        *,
        encoders: Encoders,
        segmentation: "Segmentation",
        fusion: PoseGuidedFusion | None,
        stand_ins: VideoImputer | None,
        pooling: "StagePooling",
        regression: "Regression",
    ) -> None:
        """Put the parts together.

        Args:
            encoders: Encoders of the branches that are on.
            segmentation: Segmentation, which finds the stages.
            fusion: Pose-guided attention over dynamic features, or over the skeleton's where the dynamic branch is off;
                None where only the static branch is on.
            stand_ins: Module that replaces a missing video; None for models that always need one.
            pooling: Pooling of stages to steps.
            regression: Regression from the stage features of two dives to a difference.
        """
        super().__init__()
        self.encoders = encoders
        self.segmentation = segmentation
        self.fusion = fusion
        self.stand_ins = stand_ins
        self.pooling = pooling
        self.regression = regression

    @property
    def branches(self) -> tuple[RegressionBranch, ...]:
        """See `ActionModel.branches`."""
        return self.regression.branches

    @property
    def averaged_branches(self) -> tuple[RegressionBranch, ...]:
        """See `ActionModel.averaged_branches`."""
        return self.regression.averaged_branches

    @property
    def loss_names(self) -> tuple[str, ...]:
        """See `ActionModel.loss_names`: a single stage is neither segmented nor contrasted, a branch or head that is off has none."""
        names = ["score"]
        if self.segmentation.segmenter is not None:
            names += ["segmentation", *(f"contrast_{branch}" for branch in self.branches)]
        if self.recognises:
            names.append("number")
        return tuple(names)

    @property
    def branch_parts(self) -> dict[str, tuple[str, ...]]:
        """See `ActionModel.branch_parts`; in the whole model the segmentation reads the motion."""
        return {
            "static": ("regression.static", "regression.stage_weights"),
            "fused": ("fusion", "segmentation", "regression.fused"),
        }

    def complete(self, features: Features) -> Features:
        """See `ActionModel.complete`: stand-ins for a missing video.

        Raises:
            DataError: A dive lacks what this model cannot do without.
        """
        features = super().complete(features)
        return features if self.stand_ins is None else self.stand_ins(features)

    def segment(self, features: Features) -> Segmented:
        """See `ActionModel.segment` (paper, eq. 6 and 7)."""
        return self.segmentation(features)

    def losses(self, batch: Batch, functions: LossFunctions) -> dict[str, Tensor]:
        """See `ActionModel.losses` (paper, eq. 23): every dive is encoded once, and all pairs are compared in both directions."""
        features = self.encode_or_complete(batch.seen)
        segmented = self.segment(features)
        edges = batch.labels.edges
        if segmented.logits is not None and not bool(batch.labels.has_edges.all()):
            # A dive without labelled stages is cut where the model itself would cut it.
            edges = torch.where(batch.labels.has_edges[:, None], edges, segmented.edges)
        stages = self.represent(features, edges)
        query, exemplar = batch.pairs[:, 0], batch.pairs[:, 1]
        asking, asked = torch.cat([query, exemplar]), torch.cat([exemplar, query])
        both = self.compare(stages.select(asking), stages.select(asked), batch.labels.targets[asked]).delta
        gap = batch.labels.targets[query] - batch.labels.targets[exemplar]
        per_pair = {"score": score_losses(both[: len(gap)], both[len(gap) :], gap)}
        if segmented.logits is not None:
            per_pair |= {
                f"contrast_{branch}": functions.contrast(vectors.mean(dim=2), batch.pairs)
                for branch, vectors in (("fused", stages.fused), ("static", stages.static))
                if vectors is not None and branch in self.branches
            }
        terms = {
            name: grouped_mean(values, batch.pair_groups, num_groups=batch.num_groups)
            for name, values in per_pair.items()
        }
        member, group = batch.members.unbind(1)
        if segmented.logits is not None:
            terms["segmentation"] = grouped_mean(
                functions.segmentation(segmented.logits, edges)[member],
                group,
                num_groups=batch.num_groups,
                known=batch.labels.has_edges[member],
            )
        if stages.number_logits is not None:
            losses, known = dive_number_losses(stages.number_logits, batch.labels.numbers)
            terms["number"] = grouped_mean(
                losses[member], group, num_groups=batch.num_groups, known=known[member]
            )
        return terms

    def represent(self, features: Features, edges: Int[Tensor, "dives edges"]) -> StageFeatures:
        """Pool the stages to steps and fuse motion with pose.

        Args:
            features: Features of `encode`.
            edges: Stage edges to cut at, labelled or predicted, on the sampled frames.
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
            bool(self.averaged_branches)
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

    def compare(
        self, query: Representation, exemplar: Representation, exemplar_scores: Float[Tensor, " pairs"]
    ) -> Comparison:
        """See `ActionModel.compare`; what the exemplars got is not read.

        Raises:
            DataError: The representations are of another model.
        """
        if not isinstance(query, StageFeatures) or not isinstance(exemplar, StageFeatures):
            raise DataError("these are no stage features", todo="encode the dives with this model")
        return self.regression(query, exemplar)

    def explain(
        self, features: Features, edges: Int[Tensor, "dives edges"]
    ) -> Float[Tensor, "dives frames"] | None:
        """See `ActionModel.explain`: the mean over heads and asking steps of the fusion's map (eq. 8), led back from steps to frames."""
        attending = features.skeleton if features.dynamic is None else features.dynamic
        if self.fusion is None or attending is None:
            return None
        guide = features.skeleton if self.fusion.guided else None
        attention = self.fusion.attention(
            self.pooling(attending, edges),
            None if guide is None else self.pooling(guide, edges),
            features.has_skeleton,
        )
        steps = attention.mean(dim=(2, 3))
        # Pooling is linear: pooled unit vectors say how much of each frame is in a step.
        shares = self.pooling(torch.eye(attending.shape[1], device=attending.device)[None], edges)
        return torch.einsum("dkt,dktf->df", steps.double(), shares.double())

    def single_branch(self, branch: str) -> "HPMCoRe":
        """See `ActionModel.single_branch`.

        Raises:
            DataError: Its branches are not averaged, so that one alone predicts no difference, or lack this one.
        """
        alone = HPMCoRe(
            encoders=self.encoders,
            segmentation=self.segmentation,
            fusion=self.fusion,
            stand_ins=self.stand_ins,
            pooling=self.pooling,
            regression=self.regression.single_branch(branch),
        )
        alone.needs = self.needs
        return alone.train(self.training)


class Segmentation(nn.Module):
    """A segmenter on the features of one branch, and the rule that turns its logits into stages."""

    def __init__(self, *, reads: Branch, segmenter: nn.Module | None, decoding: Decoding) -> None:
        """Build the module.

        Args:
            reads: Branch whose features are segmented: dynamic (paper), static (release) or skeleton.
            segmenter: Network that gives the logits of the transitions; None for a model of one stage.
            decoding: Rule that makes transitions of the logits.
        """
        super().__init__()
        self.reads = reads
        self.segmenter = segmenter
        self.decoding = decoding

    def forward(self, features: Features) -> Segmented:
        """Logits of the transitions and the stage edges that follow from them; one stage has no logits."""
        if self.segmenter is None:
            return Segmented.whole(features)
        read: Tensor | None = getattr(features, self.reads)
        if read is None:
            raise DataError(f"segmentation reads {self.reads} features, and there are none", todo="give them")
        logits: Tensor = self.segmenter(read)
        return Segmented(
            edges=edges_of(self.decoding(logits[-1].detach()), features.num_frames), logits=logits
        )


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
            fused: Branch of the fused features; None where it is off.
            static: Branch of the static features; None where it is off.
            stage_weights: Weights of the stages, adding up to 1.
            points: Number of points that one unit of the networks' output is.
            average_branches: Whether the mean of the branches is taken, as in the release, instead of the sum.
        """
        super().__init__()
        self.fused = fused
        self.static = static
        self.stage_weights = stage_weights
        self.points = points
        self.average_branches = average_branches

    @property
    def branches(self) -> tuple[RegressionBranch, ...]:
        """Branches that are on, in the order of `Comparison.stage_deltas`."""
        every: tuple[tuple[RegressionBranch, nn.Module | None], ...] = (
            ("fused", self.fused),
            ("static", self.static),
        )
        return tuple(name for name, branch in every if branch is not None)

    @property
    def averaged_branches(self) -> tuple[RegressionBranch, ...]:
        """Branches of which each alone predicts the difference; none where they are added up."""
        both = self.fused is not None and self.static is not None
        return ("fused", "static") if both and self.average_branches else ()

    def single_branch(self, branch: str) -> "Regression":
        """One of the branches, with the stage weights of all.

        Raises:
            DataError: It is not one of several that are averaged.
        """
        if branch not in self.averaged_branches:
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
        if self.averaged_branches:
            fused = (query.uses_fused & exemplar.uses_fused).to(stage_deltas.dtype) / 2
            stage_deltas = stage_deltas * torch.stack([fused, 1 - fused], dim=-1)[:, None]
        return Comparison(delta=stage_deltas.sum(dim=(1, 2)), stage_deltas=stage_deltas)
