"""Mean squared error of the score difference in both directions (paper, eq. 21 and 22)."""

from jaxtyping import Float
from torch import Tensor


def score_losses(
    forward: Float[Tensor, " pairs"], backward: Float[Tensor, " pairs"], gap: Float[Tensor, " pairs"]
) -> Float[Tensor, " pairs"]:
    """(d_qe - (s_q - s_e))^2 + (d_eq + (s_q - s_e))^2 of each pair.

    Args:
        forward: Predicted difference, query minus exemplar.
        backward: Predicted difference of the same pair, exemplar minus query.
        gap: True difference, query minus exemplar.

    >>> import torch
    >>> score_losses(torch.tensor([3.0]), torch.tensor([-1.0]), torch.tensor([2.0]))
    tensor([2.])
    """
    return (forward - gap) ** 2 + (backward + gap) ** 2
