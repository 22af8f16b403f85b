"""Norms that treat each dive alone, so that a dive's features do not depend on its neighbours in the batch.

Pretrained networks keep the statistics that they came with (the authors' release freezes them too, since a
batch of a few dives is too small for new ones); what is trained from scratch has group norms.
"""

from itertools import pairwise
from math import gcd
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

_GROUPS = 8
"""Largest number of groups of a norm. Set by hand."""

FrozenT = TypeVar("FrozenT", bound="FrozenStatistics")


class FrozenStatistics(nn.Module):
    """A network whose batch norms use the statistics they were loaded with, in training as well.

    Their scales and shifts are trained like any other parameter.
    """

    def train(self: FrozenT, mode: bool = True) -> FrozenT:
        """Training or evaluation for everything but the batch norms, which stay in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self


def group_norm(width: int) -> nn.GroupNorm:
    """A group norm of at most eight groups.

    >>> group_norm(12).num_groups
    4
    """
    return nn.GroupNorm(gcd(_GROUPS, width), width)


def merge_batch_norms(network: nn.Module) -> None:
    """Make batch norms part of the convolutions before them, in place; for inference.

    Args:
        network: Network in eval mode; batch norms that directly follow a convolution among a module's children are
            taken to be applied to its output.
    """
    for module in list(network.modules()):
        for (name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d | nn.Conv3d) and isinstance(norm, _BatchNorm):
                setattr(module, name, fuse_conv_bn_eval(conv, norm))
                # timm's batch norms bring their activation along.
                setattr(module, norm_name, nn.Sequential(*norm.children()))
