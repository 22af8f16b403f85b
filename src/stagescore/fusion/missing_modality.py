"""What the model reads in place of a video that is not there.

Ours; neither the paper nor the release can do without a modality. A missing skeleton needs no stand-in: the
fusion leaves its term out. For a missing video, the skeleton's features, projected, and a learned token take the
place of the visual ones, so that segmentation, fusion and the static branch have something to read.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from stagescore.tensors import Features


class VideoImputer(nn.Module):
    """Learned replacements of dynamic and static features, made from the skeleton's."""

    def __init__(
        self, *, skeleton_width: int, dynamic_width: int | None = None, static_width: int | None = None
    ) -> None:
        """Build the module.

        Args:
            skeleton_width: Width of the skeleton's features, which are read.
            dynamic_width: Width of the dynamic features to replace; None where the branch is off.
            static_width: Width of the static features to replace; None where the branch is off.
        """
        super().__init__()
        # The bias of each projection is the learned token.
        self.dynamic = None if dynamic_width is None else nn.Linear(skeleton_width, dynamic_width)
        self.static = None if static_width is None else nn.Linear(skeleton_width, static_width)

    def forward(self, features: Features) -> Features:
        """The same features, with visual rows of dives without a video replaced."""
        if features.skeleton is None or bool(features.has_video.all()):
            return features
        return replace(
            features,
            static=_put(features.static, self.static, features.skeleton, features.has_video),
            dynamic=_put(features.dynamic, self.dynamic, features.skeleton, features.has_video),
        )


def _put(seen: Tensor | None, project: nn.Module | None, skeleton: Tensor, known: Tensor) -> Tensor | None:
    if project is None:
        return seen
    stand_in: Tensor = project(skeleton)
    return stand_in if seen is None else torch.where(known[:, None, None], seen, stand_in)
