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
        values: "StageValues | None" = None,
    ) -> None:
        """Build the branch.

        Args:
            in_width: Width of the stage features.
            width: Width inside the decoder.
            num_steps: Number of steps per stage, each with a learned position.
            num_heads: Number of attention heads.
            num_layers: Number of decoder layers.
            dropout: Probability with which a value inside the decoder is dropped in training.
            values: Network that values each dive's stages by themselves, for a difference that the decoder adds to;
                None for the decoder alone, as published.
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
        last = nn.Linear(width, 1)
        self.difference = nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)
        self.values = values
        if values is not None:
            # The values learn first, and the decoder what they leave over.
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(
        self,
        query: Float[Tensor, "pairs stages steps in_width"],
        exemplar: Float[Tensor, "pairs stages steps in_width"],
    ) -> Float[Tensor, "pairs stages"]:
        """Difference of each stage, query minus exemplar."""
        pairs, stages = query.shape[:2]
        read = self.decoder(self._enter(query), self._enter(exemplar))
        delta: Tensor = self.difference(read).mean(dim=(1, 2)).view(pairs, stages)
        return delta if self.values is None else delta + self.values(query) - self.values(exemplar)

    def _enter(self, features: Tensor) -> Tensor:
        entered: Tensor = self.enter(features).flatten(0, 1) + self.position
        return entered


class StageValues(nn.Module):
    """What each stage of one dive is worth, from the mean and the maximum of its steps; each stage has its own network.

    Args:
        in_width: Width of the stage features.
        width: Width inside each network.
        num_stages: Number of stages (K).
        dropout: Probability with which an input of a layer is dropped in training.
    """

    def __init__(self, *, in_width: int, width: int, num_stages: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(dropout),
                nn.Linear(2 * in_width, width),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Linear(width, 1),
            )
            for _ in range(num_stages)
        )

    def forward(
        self, features: Float[Tensor, "dives stages steps in_width"]
    ) -> Float[Tensor, "dives stages"]:
        """Values in units of the model."""
        seen = torch.cat([features.mean(dim=2), features.amax(dim=2)], dim=-1)
        return torch.cat([stage(seen[:, k]) for k, stage in enumerate(self.stages)], dim=1)
