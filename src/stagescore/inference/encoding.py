"""Dives through encoders, segmentation and fusion, once each, as validation, evaluation and scoring all see them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from stagescore.data.dive_sources import DiveSource
from stagescore.models.base import ActionModel
from stagescore.tensors import Representation, joined

_DIVES_AT_ONCE = 8
"""Number of dives encoded together. Set by hand: it bounds the memory that encoding takes."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Dives that went through the encoders, the segmentation and the fusion.

    Attributes:
        dive_ids: Ids of the dives, in the order of the rows.
        stages: What the model compares of the dives, or predicts from, cut at the predicted edges.
        edges: Predicted stage edges that the dives were cut at, on the sampled frames.
        log_probabilities: Log-probabilities of every transition over the sampled frames; None for a model of one stage.
    """

    dive_ids: tuple[str, ...]
    stages: Representation
    edges: Int[Tensor, "dives edges"]
    log_probabilities: Float[Tensor, "dives transitions frames"] | None


@torch.no_grad()
def encode_dives(
    model: ActionModel,
    source: DiveSource,
    dive_ids: Sequence[str],
    *,
    missing: str = "",
    progress: Progress = lambda done, total: None,
) -> Encoded:
    """Encode dives as evaluation sees them and cut them where the model itself would.

    Args:
        model: Model that encodes; its mode is left as it was, and dropout is off meanwhile.
        source: Source of the dives.
        dive_ids: Ids of the dives, in the order of the rows.
        missing: Modality to leave out, `video` or `skeleton`; none by default.
        progress: Called as (done, total) after every few dives.
    """
    training, device = model.training, model.device
    model.eval()
    parts: list[tuple[Representation, Tensor, Tensor | None]] = []
    for first in range(0, len(dive_ids), _DIVES_AT_ONCE):
        ids = dive_ids[first : first + _DIVES_AT_ONCE]
        seen = source.plain(ids).seen
        if missing:
            keeps_video = torch.full((len(ids),), missing == "skeleton")
            seen = seen.masked(video=keeps_video, skeleton=~keeps_video)
        seen = seen.to(device)
        features = model.encode_or_complete(seen)
        segmented = model.segment(features)
        stages = model.represent(features, segmented.edges)
        parts.append((stages, segmented.edges, segmented.log_probabilities))
        progress(first + len(ids), len(dive_ids))
    model.train(training)
    return Encoded(
        dive_ids=tuple(dive_ids),
        stages=joined([stages for stages, _, _ in parts]),
        edges=torch.cat([edges for _, edges, _ in parts]),
        log_probabilities=_joined([log_p for _, _, log_p in parts]),
    )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
