"""Cross entropy of the attributes of the dive number.

Departs: not part of the paper; the authors' release computes such a loss on the skeleton and never adds it.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from stagescore.diving import NUM_NUMBER_CLASSES


def dive_number_losses(
    logits: Float[Tensor, "dives classes"],
    targets: Int[Tensor, "dives attributes"],
    *,
    smoothing: float = 0.0,
) -> tuple[Float[Tensor, " dives"], Bool[Tensor, " dives"]]:
    """Cross entropy of each dive, averaged over the attributes that are known of it.

    Args:
        logits: Logits of the classes of all attributes side by side, in the order of `NumberClasses`.
        targets: Class indices of each attribute (`NumberClasses`); -1 where unknown.
        smoothing: Share of the target's probability that is spread evenly over all classes of its attribute.

    Returns:
        The loss of each dive, 0 where nothing is known of it, and which dives have a known attribute.
    """
    known = targets >= 0
    losses = torch.stack(
        [
            functional.cross_entropy(part, target.clamp(min=0), reduction="none", label_smoothing=smoothing)
            for part, target in zip(
                torch.split(logits, list(NUM_NUMBER_CLASSES), dim=1), targets.unbind(1), strict=True
            )
        ],
        dim=1,
    )
    count = known.sum(dim=1)
    return (losses * known).sum(dim=1) / count.clamp(min=1), count > 0
