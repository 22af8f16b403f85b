"""Networks that say, for every frame, how likely a transition is there (paper, section III-C, Table VI).

All of them map frame features to logits of shape (refinements, dives, transitions, frames). A softmax over
frames gives the probability that the transition is at that frame. Networks that refine their own answer give
one row a refinement, the last being the answer and all being trained; the others give one row.

Sources: Bi-GRU and fully connected layer, the paper. `DilatedSegmenter`: MS-TCN (Farha and Gall, CVPR 2019).
`AttentionSegmenter`: ASFormer (Yi, Wen and Jiang, BMVC 2021).
Departs: both were made to classify every frame. Here a refinement reads, in place of class probabilities, how
probable it is that each transition already lies behind, which is the same thing for stages in a fixed order.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional


class GRUSegmenter(nn.Module):
    """Bi-directional GRU and a fully connected layer (eq. 6 and 7): the paper's own choice."""

    def __init__(self, *, in_width: int, num_transitions: int, width: int, num_layers: int = 1) -> None:
        super().__init__()
        self.gru = nn.GRU(in_width, width, num_layers=num_layers, bidirectional=True, batch_first=True)
        self.classify = nn.Linear(2 * width, num_transitions)

    def forward(
        self, features: Float[Tensor, "dives frames in_width"]
    ) -> Float[Tensor, "refinements dives transitions frames"]:
        """Logits; one refinement."""
        hidden, _ = self.gru(features)
        return self.classify(hidden).transpose(1, 2)[None]


class FullyConnectedSegmenter(nn.Module):
    """A fully connected layer on each frame alone."""

    def __init__(self, *, in_width: int, num_transitions: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_width, width), nn.ReLU(), nn.Linear(width, num_transitions))

    def forward(
        self, features: Float[Tensor, "dives frames in_width"]
    ) -> Float[Tensor, "refinements dives transitions frames"]:
        """Logits; one refinement."""
        return self.layers(features).transpose(1, 2)[None]


class DilatedSegmenter(nn.Module):
    """Dilated temporal convolutions in several refinements (MS-TCN)."""

    def __init__(
        self,
        *,
        in_width: int,
        num_transitions: int,
        width: int,
        num_layers: int = 6,
        num_refinements: int = 3,
    ) -> None:
        super().__init__()
        # Set by hand: six layers read 63 frames on either side. MS-TCN has ten layers in each of four stages.
        inputs = [in_width] + [num_transitions] * (num_refinements - 1)
        self.refinements = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(inputs[i], width, 1),
                *(_DilatedBlock(width=width, dilation=2**layer) for layer in range(num_layers)),
                nn.Conv1d(width, num_transitions, 1),
            )
            for i in range(num_refinements)
        )

    def forward(
        self, features: Float[Tensor, "dives frames in_width"]
    ) -> Float[Tensor, "refinements dives transitions frames"]:
        """Logits of every refinement."""
        outputs: list[Tensor] = []
        read = features.transpose(1, 2)
        for refinement in self.refinements:
            outputs.append(refinement(read))
            read = _already_behind(outputs[-1])
        return torch.stack(outputs)


class AttentionSegmenter(nn.Module):
    """Dilated convolutions and attention within growing windows; refinements attend across (ASFormer)."""

    def __init__(
        self,
        *,
        in_width: int,
        num_transitions: int,
        width: int,
        num_layers: int = 6,
        num_refinements: int = 3,
    ) -> None:
        super().__init__()
        # Set by hand, as in `DilatedSegmenter`.
        inputs = [in_width] + [num_transitions] * (num_refinements - 1)
        self.entries = nn.ModuleList(nn.Conv1d(channels, width, 1) for channels in inputs)
        self.blocks = nn.ModuleList(
            nn.ModuleList(_AttentionBlock(width=width, reach=2**layer) for layer in range(num_layers))
            for _ in inputs
        )
        self.exits = nn.ModuleList(nn.Conv1d(width, num_transitions, 1) for _ in inputs)

    def forward(
        self, features: Float[Tensor, "dives frames in_width"]
    ) -> Float[Tensor, "refinements dives transitions frames"]:
        """Logits of every refinement."""
        outputs: list[Tensor] = []
        read = features.transpose(1, 2)
        before: Tensor | None = None
        for entry, blocks, leave in zip(self.entries, self.blocks, self.exits, strict=True):
            hidden = entry(read)
            source = before
            for block in blocks:  # type: ignore[attr-defined]
                hidden = block(hidden, hidden if source is None else source)
            before = hidden
            outputs.append(leave(hidden))
            read = _already_behind(outputs[-1])
        return torch.stack(outputs)


class _DilatedBlock(nn.Module):
    def __init__(self, *, width: int, dilation: int) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.mix(torch.relu(self.dilated(hidden)))


class _AttentionBlock(nn.Module):
    """A dilated convolution, then attention to frames within `reach`, values from `source`."""

    def __init__(self, *, width: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.dilated = nn.Conv1d(width, width, 3, padding=reach, dilation=reach)
        self.norm = nn.InstanceNorm1d(width, affine=True)
        self.query = nn.Linear(width, max(width // 2, 1))
        self.key = nn.Linear(width, max(width // 2, 1), bias=False)  # a bias of keys falls out of the softmax
        self.value = nn.Linear(width, width)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor, source: Tensor) -> Tensor:
        local = torch.relu(self.dilated(hidden))
        seen = self.norm(local).transpose(1, 2)
        values = seen if source is hidden else source.transpose(1, 2)
        attended = functional.scaled_dot_product_attention(
            self.query(seen),
            self.key(seen),
            self.value(values),
            attn_mask=_window(hidden.shape[-1], self.reach, hidden.device),
        )
        return hidden + self.mix(local + attended.transpose(1, 2))


def _window(num_frames: int, reach: int, device: torch.device) -> Bool[Tensor, "frames frames"]:
    frame = torch.arange(num_frames, device=device)
    return (frame[:, None] - frame[None, :]).abs() <= reach


def _already_behind(logits: Tensor) -> Tensor:
    """Probability that a transition lies at or before a frame: for ordered stages, who is past which one."""
    return logits.softmax(-1).cumsum(-1)
