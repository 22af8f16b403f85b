"""USDL: uncertainty-aware score distribution learning (Tang et al., "Uncertainty-aware Score Distribution Learning for Action Quality Assessment", CVPR 2020).

A dive is the mean of its clips' vectors; a head says how probable each score is, and learns that from a normal distribution
around the true one. Departs: see docs/fidelity.md.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from stagescore.batch import Batch
from stagescore.errors import DataError
from stagescore.losses.grouping import grouped_mean
from stagescore.losses.score_distribution import distribution_losses, gaussian_targets
from stagescore.models.base import DirectModel, LossFunctions, Segmented
from stagescore.models.encoders import Encoders
from stagescore.models.usdl.settings import Readout
from stagescore.tensors import ClipVectors, Features, Representation, ScoreDistribution


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDistribution:
    """The bins of the score, and how a true score is spread over them.

    Attributes:
        highest: Value of the last bin; the first is 0.
        bins: Number of bins.
        sigma: Standard deviation of the target, in bins.
    """

    highest: float
    bins: int
    sigma: float


class USDL(DirectModel):
    """The whole model.

    Args:
        encoders: Encoders with a dynamic branch that gives rows of clips.
        head: Network that gives the logits of the bins from a dive's vector.
        target: The bins of the score, and how a true score is spread over them.
        readout: What is taken for the score.
        loss_per_bin: Whether the divergence is divided by the number of bins.

    Attributes:
        values: Centres of the bins.
    """

    values: Tensor

    def __init__(
        self,
        *,
        encoders: Encoders,
        head: nn.Module,
        target: TargetDistribution,
        readout: Readout = "expectation",
        loss_per_bin: bool = True,
    ) -> None:
        super().__init__()
        self.encoders = encoders
        self.head = head
        self.sigma = target.sigma
        self.readout = readout
        self.loss_per_bin = loss_per_bin
        # The settings determine them: in the weights they would be rounded with these, and could contradict the settings.
        bins = torch.linspace(0.0, target.highest, target.bins)
        self.register_buffer("values", bins, persistent=False)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """See `ActionModel.loss_names`."""
        return ("distribution",)

    def segment(self, features: Features) -> Segmented:
        """See `ActionModel.segment`: a dive is one stage."""
        return Segmented.whole(features)

    def represent(self, features: Features, edges: Int[Tensor, "dives edges"]) -> ClipVectors:
        """See `ActionModel.represent`: the mean over the clips; nothing is cut.

        Raises:
            DataError: The features are of a model without video.
        """
        if features.dynamic is None:
            raise DataError("USDL reads dynamic features, and there are none", todo="give them")
        return ClipVectors(vectors=features.dynamic.mean(dim=1))

    def predict(self, representation: Representation) -> ScoreDistribution:
        """See `DirectModel.predict`.

        Raises:
            DataError: The representation is of another model.
        """
        probabilities = self._log_probabilities(representation).exp()
        values = self.values.expand_as(probabilities)
        chosen = (
            (probabilities * values).sum(dim=1)
            if self.readout == "expectation"
            else self.values[probabilities.argmax(dim=1)]
        )
        return ScoreDistribution(values=values, probabilities=probabilities, chosen=chosen)

    def losses(self, batch: Batch, functions: LossFunctions) -> dict[str, Tensor]:
        """See `ActionModel.losses`: the divergence from a normal distribution around the true score."""
        dives = self.represent(self.encode_or_complete(batch.seen), batch.labels.edges)
        targets = gaussian_targets(batch.labels.targets.float(), self.values, self.sigma)
        losses = distribution_losses(self._log_probabilities(dives), targets)
        if self.loss_per_bin:
            losses = losses / len(self.values)
        member, group = batch.members.unbind(1)
        return {"distribution": grouped_mean(losses[member], group, num_groups=batch.num_groups)}

    def _log_probabilities(self, dives: Representation) -> Float[Tensor, "dives bins"]:
        if not isinstance(dives, ClipVectors):
            raise DataError("these are no clip vectors", todo="encode the dives with this model")
        logits: Tensor = self.head(dives.vectors)
        return logits.log_softmax(dim=1)
