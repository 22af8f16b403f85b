"""Cross entropy of the transitions over frames (paper, eq. 7)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def segmentation_losses(
    logits: Float[Tensor, "refinements dives transitions frames"], edges: Int[Tensor, "dives edges"]
) -> Float[Tensor, " dives"]:
    """Cross entropy of each dive, averaged over refinements and transitions.

    Args:
        logits: Logits of the transitions over frames.
        edges: Labelled stage edges; a transition is the frame before an inner edge.
    """
    target = (edges[:, 1:-1] - 1).expand(len(logits), -1, -1)
    losses = functional.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction="none")
    return losses.view(target.shape).mean(dim=(0, 2))


def smoothed_segmentation_losses(
    logits: Float[Tensor, "refinements dives transitions frames"],
    edges: Int[Tensor, "dives edges"],
    *,
    width_frames: float,
) -> Float[Tensor, " dives"]:
    """The same against a target spread over neighbouring frames, since labels are good to a frame or two.

    Departs: neither paper nor release smooths; for small networks.

    Args:
        logits: Logits of the transitions over frames.
        edges: Labelled stage edges; a transition is the frame before an inner edge.
        width_frames: Standard deviation of the target, in frames, above 0.
    """
    frame = torch.arange(logits.shape[-1], device=logits.device)
    distance = (frame - (edges[:, 1:-1, None] - 1)) / width_frames
    target = torch.softmax(-0.5 * distance**2, dim=-1)
    return -(target * logits.log_softmax(-1)).sum(-1).mean(dim=(0, 2))
