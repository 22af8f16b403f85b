"""A detector of one class, the diver: a heat map of box middles, and size and offset of the box at each cell.

Source: X. Zhou et al., "Objects as Points" (CenterNet), 2019: targets, loss and decoding. Whoever else is in the
picture is background. Departs: one spread of a middle's Gaussian; sizes are learned as logarithms.
"""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from stagescore.pose.heatmaps import STRIDE, gaussian_maps
from stagescore.pose.small_trunk import SmallTrunk, as_input, small_head

_SPREAD = 0.12
"""Sigma of a middle's Gaussian, as a share of the box's longer edge. Set by hand."""
_LEAST_SPREAD = 0.8
"""Least sigma of a middle's Gaussian, in cells. Set by hand."""
_RARE = -4.0
"""Logit of a middle before anything is learned: a probability of 0.018. Set by hand."""
_SIZE_WEIGHT = 0.3
"""Weight of the sizes in the loss. Set by hand; CenterNet has 0.1, for sizes that are no logarithms."""


class SmallDetector(nn.Module):
    """Pictures to middles and boxes."""

    def __init__(self, *, trunk: SmallTrunk) -> None:
        """Put trunk and heads together.

        Args:
            trunk: Trunk that gives features at a quarter of the picture's size.
        """
        super().__init__()
        self.trunk = trunk
        self.head = small_head(trunk.width, 5, first_bias=_RARE)

    def forward(self, pictures: UInt8[Tensor, "pictures h w 3"]) -> Float[Tensor, "pictures 5 rows columns"]:
        """For each cell: logit of being a middle; where the middle is in the cell; logarithm of the size in cells."""
        return torch.as_tensor(self.head(self.trunk(as_input(pictures))))


def detector_loss(
    answers: Float[Tensor, "pictures 5 rows columns"],
    boxes_px: Float[Tensor, "pictures 4"],
    shown: Bool[Tensor, " pictures"],
) -> dict[str, Tensor]:
    """The terms of the loss, by their names.

    Args:
        answers: Answers of the network, as `SmallDetector.forward` gives them.
        boxes_px: Left, top, right, bottom of the diver's box, in pixels; anything where there is none.
        shown: True for pictures with the diver.
    """
    rows, columns = answers.shape[-2:]
    cells = torch.where(shown[:, None], boxes_px, boxes_px.new_tensor([0.0, 0, 1, 1])) / STRIDE
    middles, sizes = (cells[:, :2] + cells[:, 2:]) / 2, (cells[:, 2:] - cells[:, :2]).clamp(min=0.5)
    spread = (_SPREAD * sizes.max(-1).values).clamp(min=_LEAST_SPREAD)
    wanted = torch.cat(
        [
            gaussian_maps(
                middles[k][None, None] * STRIDE,
                shown[k][None, None],
                (columns * STRIDE, rows * STRIDE),
                float(spread[k]),
            )
            for k in range(len(cells))
        ]
    )[:, 0]
    column = middles[:, 0].long().clamp(0, columns - 1)
    row = middles[:, 1].long().clamp(0, rows - 1)
    own = torch.arange(len(cells), device=cells.device)
    is_middle = torch.zeros_like(wanted, dtype=torch.bool)
    is_middle[own, row, column] = shown
    sure = answers[:, 0].sigmoid()
    found = -functional.logsigmoid(answers[:, 0]) * (1 - sure) ** 2
    missed = -functional.logsigmoid(-answers[:, 0]) * sure**2 * (1 - wanted) ** 4
    num = shown.sum().clamp(min=1)
    centre = torch.where(is_middle, found, missed).sum() / num
    here = answers[own, 1:, row, column]
    inside = middles - torch.stack((column, row), dim=-1)
    offset = ((here[:, :2].sigmoid() - inside).abs().sum(-1) * shown).sum() / num
    size = ((here[:, 2:] - sizes.log()).abs().sum(-1) * shown).sum() / num
    return {"centre": centre, "offset": offset, "size": size, "total": centre + offset + _SIZE_WEIGHT * size}


def boxes_of_answers(
    answers: Float[Tensor, "pictures 5 rows columns"], most: int
) -> Float[Tensor, "pictures most 5"]:
    """The surest boxes of each picture: left, top, right, bottom in its pixels, and confidence.

    Args:
        answers: Answers of the network, as `SmallDetector.forward` gives them.
        most: Number of boxes of each picture; confidence is 0 where there are fewer.
    """
    columns = answers.shape[-1]
    sure = answers[:, :1].sigmoid()
    peaks = torch.where(functional.max_pool2d(sure, 3, 1, 1) == sure, sure, 0.0).flatten(1)
    confidence, places = peaks.topk(most, dim=1)
    here = answers[:, 1:].flatten(2).gather(2, places[:, None].expand(-1, 4, -1)).transpose(1, 2)
    corner = torch.stack((places % columns, places // columns), dim=-1)
    middle, half = corner + here[..., :2].sigmoid(), here[..., 2:].clamp(-3, 6).exp() / 2
    boxes = torch.cat((middle - half, middle + half), dim=-1) * STRIDE
    return torch.cat((boxes, confidence[..., None]), dim=-1)
