"""The objective: named terms of one batch, weighted and added (paper, section III-F, eq. 23)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from stagescore.batch import Batch
from stagescore.errors import ConfigError
from stagescore.models.base import ActionModel, LossFunctions


class Objective(nn.Module):
    """Model and losses as one module, so that distributed training wraps one thing."""

    def __init__(self, *, model: ActionModel, functions: LossFunctions, weights: Mapping[str, float]) -> None:
        """Put model and losses together.

        Args:
            model: Model that is trained.
            functions: Loss functions that the settings choose.
            weights: Weight of each term; exactly the terms that this model has (`ActionModel.loss_names`).

        Raises:
            ConfigError: A term without a weight, or a weight without its term.
        """
        super().__init__()
        if set(weights) != set(model.loss_names):
            raise ConfigError(
                f"weights are given for {sorted(weights)}, the model's losses are {sorted(model.loss_names)}",
                where="objective",
                todo="give one weight a loss",
            )
        self.model = model
        self.functions = functions
        self.weights = dict(weights)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The unweighted terms by name, and `total`, their weighted sum."""
        terms = self.model.losses(batch, self.functions)
        nothing = torch.zeros(()).to(batch.labels.targets)
        return terms | {"total": sum((self.weights[name] * term for name, term in terms.items()), nothing)}
