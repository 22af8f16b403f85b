"""Pose-guided fusion of visual and skeletal features within a stage (paper, section III-D, eq. 8 to 11).

A stage's visual steps attend to one another; the skeleton has a say in where they look:
A = softmax(Qv Kv' / sqrt(dv) + alpha Qs Ks' / sqrt(ds)), Z = A Vv.
So nothing of the skeleton itself gets through, only where it makes the visual features look. With `skeleton_values`
(ours) it does: A (Vv + Vs), with Vs of the skeleton's steps, which is zero to begin with.
Table IX's alternatives are `addition` (alpha fixed to 1) and `dot-product` (the two maps multiplied). Without a
skeleton the module is self-attention of the visual steps (method, section 4: rows DVE and HSE of Table III).
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from stagescore.errors import ConfigError

FusionMode = Literal["weighted", "addition", "dot-product"]


class PoseGuidedFusion(nn.Module):
    """Attention over the steps of a stage, guided by the skeleton."""

    def __init__(
        self,
        *,
        visual_width: int,
        skeleton_width: int | None,
        num_heads: int = 2,
        mode: FusionMode = "weighted",
        alpha: float = 1.0,
        skeleton_values: bool = False,
    ) -> None:
        """Build the module.

        Args:
            visual_width: Width of the attending features, a multiple of the heads.
            skeleton_width: Width of the guiding features; None for attention without a guide.
            num_heads: Number of attention heads.
            mode: How the two attention maps become one.
            alpha: Value that the learnable weight of the skeleton's map begins with (`weighted`).
            skeleton_values: Whether the skeleton is attended to as well.

        Raises:
            ConfigError: A width that the heads do not divide.
        """
        super().__init__()
        if visual_width % num_heads:
            raise ConfigError(
                f"{num_heads} heads do not divide a width of {visual_width}",
                todo="choose a width that is a multiple of the heads",
            )
        self.num_heads = num_heads
        self.mode = mode
        self.visual_qkv = nn.Linear(visual_width, 3 * visual_width)
        self.skeleton_qk = None if skeleton_width is None else nn.Linear(skeleton_width, 2 * visual_width)
        guided = skeleton_width is not None and mode == "weighted"
        self.alpha = nn.Parameter(torch.tensor(alpha)) if guided else None
        self.skeleton_value: nn.Linear | None = None
        if skeleton_width is not None and skeleton_values:
            self.skeleton_value = nn.Linear(skeleton_width, visual_width, bias=False)
            nn.init.zeros_(self.skeleton_value.weight)
        self.norm_attended = nn.LayerNorm(visual_width)
        self.feed_forward = nn.Sequential(
            nn.Linear(visual_width, 2 * visual_width), nn.ReLU(), nn.Linear(2 * visual_width, visual_width)
        )
        self.norm_out = nn.LayerNorm(visual_width)

    @property
    def guided(self) -> bool:
        """Whether a skeleton is read at all."""
        return self.skeleton_qk is not None

    def forward(
        self,
        visual: Float[Tensor, "dives stages steps visual_width"],
        skeleton: Float[Tensor, "dives stages steps skeleton_width"] | None = None,
        has_skeleton: Bool[Tensor, " dives"] | None = None,
    ) -> Float[Tensor, "dives stages steps visual_width"]:
        """Fused features.

        Args:
            visual: Visual features of the steps.
            skeleton: Skeletal features of the steps; None leaves the skeleton's term out.
            has_skeleton: Whether the skeleton of each dive counts; all by default.
        """
        attention = self.attention(visual, skeleton, has_skeleton)
        values = self.visual_qkv(visual).chunk(3, dim=-1)[2]
        if self.skeleton_value is not None and skeleton is not None:
            own = self.skeleton_value(skeleton)
            values = values + (own if has_skeleton is None else own * has_skeleton[:, None, None, None])
        attended = self._joined(attention @ self._heads(values))
        attended = self.norm_attended(attended + visual)
        fused: Tensor = self.norm_out(attended + self.feed_forward(attended))
        return fused

    def attention(
        self,
        visual: Float[Tensor, "dives stages steps visual_width"],
        skeleton: Float[Tensor, "dives stages steps skeleton_width"] | None = None,
        has_skeleton: Bool[Tensor, " dives"] | None = None,
    ) -> Float[Tensor, "dives stages heads steps steps"]:
        """The attention map A of eq. 8; rows sum to 1."""
        query, key, _ = self.visual_qkv(visual).chunk(3, dim=-1)
        logits = self._map(query, key)
        if self.skeleton_qk is None or skeleton is None:
            return logits.softmax(-1)
        guide_query, guide_key = self.skeleton_qk(skeleton).chunk(2, dim=-1)
        guide = self._map(guide_query, guide_key)
        if self.mode == "dot-product":
            guided = logits * guide
        else:
            guided = logits + (guide if self.alpha is None else self.alpha * guide)
        if has_skeleton is not None:
            guided = torch.where(has_skeleton[:, None, None, None, None], guided, logits)
        return guided.softmax(-1)

    def _map(self, query: Tensor, key: Tensor) -> Tensor:
        query, key = self._heads(query), self._heads(key)
        return query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)

    def _joined(self, x: Tensor) -> Tensor:
        return x.transpose(-3, -2).flatten(-2)
