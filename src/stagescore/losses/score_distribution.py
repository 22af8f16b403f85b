"""The loss of a predicted distribution of the score (Tang et al., CVPR 2020, sections 3.2 and 3.3)."""

from jaxtyping import Float
from torch import Tensor


def gaussian_targets(
    scores: Float[Tensor, " dives"], values: Float[Tensor, " bins"], sigma: float
) -> Float[Tensor, "dives bins"]:
    """Log-probabilities of the bins under a normal distribution around each score, made to add up to 1.

    A score beyond the last bin has its target in the bins nearest to it.

    Args:
        scores: True scores.
        values: Centres of the bins, increasing, evenly spaced, in the unit of the scores.
        sigma: Standard deviation, in bins.
    """
    width = values[1] - values[0]
    away = (values[None] - scores[:, None]) / width
    # The softmax divides by the sum, and does so without loss where every density is too small for a number.
    return (-away.square() / (2 * sigma**2)).log_softmax(dim=1)


def distribution_losses(
    log_probabilities: Float[Tensor, "dives bins"], log_targets: Float[Tensor, "dives bins"]
) -> Float[Tensor, " dives"]:
    """Divergence of each predicted distribution from its target, KL(target || prediction).

    Args:
        log_probabilities: Predicted log-probabilities of the bins.
        log_targets: Log-probabilities of the target.

    >>> import torch
    >>> same = torch.tensor([[0.25, 0.75]]).log()
    >>> distribution_losses(same, same)
    tensor([0.])
    """
    return (log_targets.exp() * (log_targets - log_probabilities)).sum(dim=1)
