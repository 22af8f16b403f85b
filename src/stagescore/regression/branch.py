"""One branch of the score regression (paper, section III-E, eq. 17 to 20; method, section 6).

Within each stage the query's steps attend to the exemplar's by cross attention; an MLP turns every step into a
difference, and the mean over the steps is the stage's. Decoder and MLP are shared over stages.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class DifferenceBranch(nn.Module):
    """Transformer decoder and MLP: stage features of a pair to a difference a stage, in units of the model."""

    def __init__(
        self,
        *,
        in_width: int,
        width: int,
        num_steps: int,
        num_heads: int = 4,
        num_layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        """Build the branch.

        Args:
            in_width: of the stage features.
            width: inside the decoder.
            num_steps: steps a stage, each with a learned position.
            num_heads: attention heads.
            num_layers: decoder layers.
            dropout: inside the decoder.
        """
        super().__init__()
        self.enter = nn.Linear(in_width, width)
        self.position = nn.Parameter(0.02 * torch.randn(num_steps, width))
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(
                width, num_heads, dim_feedforward=2 * width, dropout=dropout, batch_first=True
            ),
            num_layers,
        )
        self.difference = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(
        self,
        query: Float[Tensor, "pairs stages steps in_width"],
        exemplar: Float[Tensor, "pairs stages steps in_width"],
    ) -> Float[Tensor, "pairs stages"]:
        """Difference of each stage, query minus exemplar."""
        pairs, stages = query.shape[:2]
        read = self.decoder(self._enter(query), self._enter(exemplar))
        return self.difference(read).mean(dim=(1, 2)).view(pairs, stages)

    def _enter(self, features: Tensor) -> Tensor:
        entered: Tensor = self.enter(features).flatten(0, 1) + self.position
        return entered
