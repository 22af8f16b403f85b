"""A multilayer perceptron on one vector per dive, as USDL and the models after it have behind their video network."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def mlp_head(*, in_width: int, widths: Sequence[int], out_width: int) -> nn.Sequential:
    """Linear layers with a ReLU between each two.

    Args:
        in_width: Width of a dive's vector.
        widths: Widths of the hidden layers.
        out_width: Number of values that come out.
    """
    sizes = [in_width, *widths, out_width]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
