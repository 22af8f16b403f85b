"""Stage pooling: every stage resampled to the same number of steps (paper, section III-C; Table VII).

Departs: the release lets stages overlap by a frame or two; `overlap` does so, 0 is ours.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def pool_stages(
    features: Float[Tensor, "dives frames width"],
    edges: Int[Tensor, "dives edges"],
    *,
    num_steps: int,
    overlap: int = 0,
) -> Float[Tensor, "dives stages steps width"]:
    """Resample each stage linearly, its first and last frames becoming its first and last steps.

    Args:
        features: Features of each frame.
        edges: Stage edges of each dive, one more than stages, half-open, from 0 to the number of frames.
        num_steps: Number of steps per stage; a single step is the middle of the stage.
        overlap: Number of frames by which a stage reaches into its neighbours, cut at the ends of the clip.

    >>> pool_stages(torch.arange(6.0).view(1, 6, 1), torch.tensor([[0, 3, 6]]), num_steps=2)[0, :, :, 0]
    tensor([[0., 2.],
            [3., 5.]])
    """
    last_frame = features.shape[1] - 1
    first = (edges[:, :-1] - overlap).clamp(min=0)
    last = (edges[:, 1:] - 1 + overlap).clamp(max=last_frame)
    share = torch.linspace(0, 1, num_steps) if num_steps > 1 else torch.tensor([0.5])
    share = share.to(features)
    position = first[..., None] + share * (last - first)[..., None]  # dives, stages, steps
    below = position.floor().long()
    above = (below + 1).clamp(max=last_frame)
    weight = (position - below)[..., None]
    dive = torch.arange(len(features), device=features.device)[:, None, None]
    return torch.lerp(features[dive, below], features[dive, above], weight)
