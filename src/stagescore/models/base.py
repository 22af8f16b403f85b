"""What a model is to training, evaluation and scoring.

    batch -> encode -> Features (a cache keeps them) -> segment -> edges -> represent -> Representation (a bank keeps it)
        -> compare with exemplars' -> Comparison          of a `ContrastiveModel`
        -> predict                 -> ScoreDistribution   of a `DirectModel`

Nobody outside of `models/` knows more of a model than this; a model is built by its name (`models.build`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from stagescore.batch import Batch
from stagescore.errors import DataError
from stagescore.losses.contrast import ContrastLoss
from stagescore.models.encoders import Encoders
from stagescore.models.needs import Needs
from stagescore.models.recognition import NumberRecognition
from stagescore.tensors import (
    Comparison,
    DiveInputs,
    Features,
    Representation,
    ScoreDistribution,
)
from stagescore.types import Modality

SegmentationLoss = Callable[[Tensor, Tensor], Tensor]
"""(refinements, dives, transitions, frames) logits and labelled edges to a loss of each dive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmented:
    """Where a model cuts the stages of some dives.

    Attributes:
        edges: Stage edges on the sampled frames, first and last included.
        logits: Logits of every transition over frames, all refinements; None for a model of one stage.
    """

    edges: Int[Tensor, "dives edges"]
    logits: Float[Tensor, "refinements dives transitions frames"] | None

    @classmethod
    def whole(cls, features: Features) -> "Segmented":
        """Each dive as one stage.

        Args:
            features: Features of the dives.
        """
        whole = torch.tensor([[0, features.num_frames]], device=features.has_video.device)
        return cls(edges=whole.expand(features.num_dives, 2), logits=None)

    @property
    def log_probabilities(self) -> Float[Tensor, "dives transitions frames"] | None:
        """Log-probabilities over frames of the last refinement."""
        return None if self.logits is None else self.logits[-1].log_softmax(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossFunctions:
    """Loss functions that the settings choose; a model uses those that it has a term for.

    Attributes:
        segmentation: Loss of the transitions' logits.
        contrast: Contrast of the stages of pairs.
    """

    segmentation: SegmentationLoss
    contrast: ContrastLoss


class ActionModel(nn.Module, ABC):
    """A model that scores performances of an action; a model is a `ContrastiveModel` or a `DirectModel`."""

    encoders: Encoders
    """What sees: `DiveInputs` to `Features`, before `complete`. Branches that a model lacks are None."""
    needs: Needs
    """What data must have, as the model's settings declare it; `models.build` hands it over."""

    @property
    @abstractmethod
    def compares(self) -> bool:
        """Whether the model compares with exemplars, so that its predictions need a bank."""

    @property
    def recognises(self) -> bool:
        """Whether dive numbers are recognised: whether stage features of a film have `number_logits`."""
        return self.number_head is not None

    @property
    def number_head(self) -> NumberRecognition | None:
        """Head that recognises dive numbers from `describe_frames`; None of a model that recognises none."""
        return self.encoders.numbers

    def describe_frames(
        self, frames: UInt8[Tensor, "dives frames channels height width"]
    ) -> Float[Tensor, "dives frames described"]:
        """What `number_head` reads of each frame.

        Args:
            frames: Frames of some dives, as `DiveInputs` has them.

        Raises:
            ConfigError: The model has no static branch, or one for frames of another number of channels.
        """
        return self.encoders.describe_frames(frames)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the model reads, where it is there."""
        video = self.encoders.static is not None or self.encoders.dynamic is not None
        skeleton = self.encoders.skeleton is not None
        return (*(("video",) if video else ()), *(("skeleton",) if skeleton else ()))

    @property
    def can_miss(self) -> tuple[Modality, ...]:
        """What a dive may lack of it; none for a model that needs all it reads (`needs`)."""
        return tuple(modality for modality in self.modalities if modality not in self.needs.test)

    @property
    def branches(self) -> tuple[str, ...]:
        """Names along the last axis of `Comparison.stage_deltas`; none of a model that does not compare."""
        return ()

    @property
    def averaged_branches(self) -> tuple[str, ...]:
        """Branches of which each alone predicts the difference; none where they are added up or there is one."""
        return ()

    @property
    @abstractmethod
    def loss_names(self) -> tuple[str, ...]:
        """Names of the terms of `losses`."""

    @property
    def pretrained_parts(self) -> Mapping[str, nn.Module]:
        """Networks that published weights fit, by the key below `start` that names their file (`dynamic`, `static`)."""
        return self.encoders.pretrained_parts

    @property
    def branch_parts(self) -> Mapping[str, Sequence[str]]:
        """Module paths that a model trained with one branch alone gives to the whole, by branch; none by default."""
        return {}

    def parameter_groups(
        self, factors: Mapping[str, float], *, encoders_frozen: bool = False
    ) -> dict[str, float]:
        """Factors of the learning rate by module path, of the parts that this model has; 0 freezes a part.

        Args:
            factors: Factors that the settings ask for. Those of branches that are off are left out, so that the same
                settings fit reduced models.
            encoders_frozen: Whether the encoders are not trained, since what they say is cached.
        """
        groups = self.encoders.present(factors)
        if not encoders_frozen:
            return groups
        heads = {path: factor for path, factor in groups.items() if not path.startswith("encoders")}
        return {**heads, "encoders": 0.0}

    def encode(self, dives: DiveInputs) -> Features:
        """What the encoders say of each dive.

        Raises:
            DataError: A dive lacks what this model cannot do without.
        """
        return self.complete(self.encoders(dives))

    def complete(self, features: Features) -> Features:
        """The last step of `encode`, for features that come from a cache: check them, and fill in for what is missing.

        Raises:
            DataError: A dive lacks what this model cannot do without.
        """
        for modality, known in (("video", features.has_video), ("skeleton", features.has_skeleton)):
            if modality in self.needs.test and not bool(known.all()):
                given = "frames" if modality == "video" else "joints"
                raise DataError(
                    f"a dive has no {modality}, and this model cannot do without it",
                    todo=f"give its {given}, or take a model trained with modality dropout",
                )
        return features

    def encode_or_complete(self, seen: DiveInputs | Features) -> Features:
        """Features of dives, whether they come as frames and joints or from a cache."""
        return self.encode(seen) if isinstance(seen, DiveInputs) else self.complete(seen)

    @abstractmethod
    def segment(self, features: Features) -> Segmented:
        """Where the model itself cuts the stages."""

    @abstractmethod
    def represent(self, features: Features, edges: Int[Tensor, "dives edges"]) -> Representation:
        """What is compared, or predicted from, of each dive.

        Args:
            features: Features of `encode`.
            edges: Stage edges to cut at, labelled or predicted, on the sampled frames.
        """

    @abstractmethod
    def losses(self, batch: Batch, functions: LossFunctions) -> dict[str, Tensor]:
        """The unweighted terms of a batch by name (`loss_names`), each a mean within groups and then over groups.

        Args:
            batch: Groups of dives with their labels.
            functions: Loss functions that the settings choose.
        """

    def explain(
        self, features: Features, edges: Int[Tensor, "dives edges"]
    ) -> Float[Tensor, "dives frames"] | None:
        """How much each sampled frame weighs, adding up to 1 in each stage; None for a model that does not tell.

        Args:
            features: Features of `encode`.
            edges: Stage edges that the dives were cut at, on the sampled frames.
        """
        return None

    def prepare(self, differences: Callable[[], Sequence[float]]) -> None:
        """Fit what is fitted to the labels of the training dives before the first step.

        Args:
            differences: Function that gives the differences of the scores of all training pairs that may meet, in the
                unit that is predicted.
        """

    def single_branch(self, branch: str) -> "ActionModel":
        """This model with one branch of its regression, sharing all parts with it.

        Args:
            branch: One of `averaged_branches`.

        Raises:
            DataError: Its branches are not averaged, so that one alone predicts no difference, or lack this one.
        """
        raise DataError(f"the {branch} branch alone predicts no difference", todo="choose another model")

    @property
    def device(self) -> torch.device:
        """Device of its weights."""
        return next(self.parameters()).device


class ContrastiveModel(ActionModel):
    """A model that predicts differences to exemplars, which then vote."""

    @property
    def compares(self) -> bool:
        """See `ActionModel.compares`."""
        return True

    @property
    @abstractmethod
    def branches(self) -> tuple[str, ...]:
        """See `ActionModel.branches`."""

    @abstractmethod
    def compare(
        self, query: Representation, exemplar: Representation, exemplar_scores: Float[Tensor, " pairs"]
    ) -> Comparison:
        """Predicted differences of score, query minus exemplar.

        Args:
            query: Representation of the query of each pair.
            exemplar: Representation of the exemplar of each pair.
            exemplar_scores: What the exemplars got, in the unit that is predicted: points, or execution. Not every
                model reads it.
        """


class DirectModel(ActionModel):
    """A model that predicts the score of a dive by itself, without exemplars."""

    @property
    def compares(self) -> bool:
        """See `ActionModel.compares`."""
        return False

    @abstractmethod
    def predict(self, representation: Representation) -> ScoreDistribution:
        """How probable each score of each dive is, in the unit that is predicted: points, or execution.

        Args:
            representation: Representation of the dives, as `represent` gives it.
        """
