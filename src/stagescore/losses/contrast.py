"""Stage contrast and its alternatives (paper, section III-E, eq. 12 to 16; Table VIII).

All take one vector a stage and dive (the mean of the stage's steps) and the pairs of dives, and give one loss a
pair, averaged over both directions and the stages.
Departs: the paper leaves the normalisation h open; ours is L2, under which h drops out of the cosine, or layer
normalisation.
"""

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Normalisation = Literal["l2", "layer"]
ContrastLoss = Callable[[Tensor, Tensor], Tensor]
"""(dives, stages, width) stage vectors and (pairs, 2) dives to (pairs,) losses."""


def stage_contrast(
    vectors: Float[Tensor, "dives stages width"],
    pairs: Int[Tensor, "pairs 2"],
    *,
    temperature: float = 0.5,
    normalisation: Normalisation = "l2",
) -> Float[Tensor, " pairs"]:
    """The paper's stage contrast: equal stages of two dives attract, all other stages of the two repel.

    The loss of stage k from query to exemplar is -log(pos / (pos + inter + intra)): `pos` compares stage k of
    both, `inter` stage k of the query with the exemplar's other stages, `intra` with the query's own others.
    """
    vectors = _normalised(vectors, normalisation)
    query, exemplar = vectors[pairs[:, 0]], vectors[pairs[:, 1]]
    return (_one_way(query, exemplar, temperature) + _one_way(exemplar, query, temperature)) / 2


def _one_way(query: Tensor, exemplar: Tensor, temperature: float) -> Tensor:
    across = query @ exemplar.transpose(1, 2) / temperature  # pairs, stages, stages
    within = query @ query.transpose(1, 2) / temperature
    itself = torch.eye(query.shape[1], dtype=torch.bool, device=query.device)
    everything = torch.cat([across, within.masked_fill(itself, -torch.inf)], dim=-1)
    return (everything.logsumexp(-1) - across.diagonal(dim1=1, dim2=2)).mean(-1)


def info_nce(
    vectors: Float[Tensor, "dives stages width"],
    pairs: Int[Tensor, "pairs 2"],
    *,
    temperature: float = 0.5,
    normalisation: Normalisation = "l2",
) -> Float[Tensor, " pairs"]:
    """InfoNCE: the same stage of the partner against all stages of all other dives of the batch.

    The partner's other stages are among the negatives; the dive's own are not.
    """
    vectors = _normalised(vectors, normalisation)
    num_dives, num_stages, _ = vectors.shape
    similarity = torch.einsum("akw,bjw->abkj", vectors, vectors) / temperature
    own = torch.eye(num_dives, dtype=torch.bool, device=vectors.device)[:, :, None, None]
    negatives = similarity.masked_fill(own, -torch.inf).permute(0, 2, 1, 3).flatten(2).logsumexp(-1)
    stage = torch.arange(num_stages, device=vectors.device)
    losses = []
    for query, exemplar in (pairs.unbind(1), pairs.flip(1).unbind(1)):
        positive = similarity[query, exemplar][:, stage, stage]
        losses.append((negatives[query] - positive).mean(-1))
    return (losses[0] + losses[1]) / 2


def triplet(
    vectors: Float[Tensor, "dives stages width"],
    pairs: Int[Tensor, "pairs 2"],
    *,
    margin: float = 0.3,
    normalisation: Normalisation = "l2",
) -> Float[Tensor, " pairs"]:
    """Triplet loss on cosine distance: the same stage of the partner must be nearer than any other stage.

    Negatives are those of the stage contrast: the partner's other stages and the dive's own.
    """
    vectors = _normalised(vectors, normalisation)
    query, exemplar = vectors[pairs[:, 0]], vectors[pairs[:, 1]]
    return (_triplet_one_way(query, exemplar, margin) + _triplet_one_way(exemplar, query, margin)) / 2


def _triplet_one_way(query: Tensor, exemplar: Tensor, margin: float) -> Tensor:
    across = query @ exemplar.transpose(1, 2)
    within = query @ query.transpose(1, 2)
    positive = across.diagonal(dim1=1, dim2=2)[..., None]
    other = ~torch.eye(query.shape[1], dtype=torch.bool, device=query.device)
    # cosine distance is 1 - cosine, so the margin is reached where positive - negative >= margin
    hinge = torch.stack([margin - positive + across, margin - positive + within]).clamp(min=0)
    return (hinge * other).sum(dim=(0, -1, -2)) / (2 * other.sum()).clamp(min=1)


def _normalised(vectors: Tensor, normalisation: Normalisation) -> Tensor:
    if normalisation == "layer":
        vectors = functional.layer_norm(vectors, vectors.shape[-1:])
    return functional.normalize(vectors, dim=-1)
