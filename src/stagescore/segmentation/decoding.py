"""From the logits of transitions to stages: the one place where stage edges are decided.

A label transition t is the last frame of the earlier stage, so the next stage begins at t + 1 (method,
section 3). Edges are half-open, strictly increasing, and no stage is empty.
Departs: the paper does not say how frames are chosen; the release takes the most probable frame inside the
i-th equal share of the time axis (`in_equal_shares`). Ours takes the jointly most probable strictly increasing
transitions (`jointly`), by dynamic programming.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from stagescore.errors import DataError

Decoding = Callable[[Tensor], Tensor]
"""(dives, transitions, frames) logits to (dives, transitions) frames."""


def jointly(
    logits: Float[Tensor, "dives transitions frames"],
) -> Int[Tensor, "dives transitions"]:
    """The jointly most probable transitions t_1 < t_2 < ... that leave no stage empty.

    Raises:
        DataError: Fewer frames than stages.

    >>> jointly(torch.tensor([[[0.0, 3.0, 0.0, 0.0], [0.0, 4.0, 2.0, 0.0]]])).tolist()
    [[1, 2]]
    """
    num_transitions, num_frames = logits.shape[1:]
    _check_room(num_transitions, num_frames)
    log_p = logits.log_softmax(-1)
    # best[d, t]: the best sum of the first i transitions with the i-th at or before frame t.
    chosen: list[Tensor] = []
    best = torch.zeros_like(log_p[:, 0])
    for i in range(num_transitions):
        score = best + log_p[:, i]
        outside = torch.ones(num_frames, dtype=torch.bool, device=logits.device)
        outside[i : num_frames - (num_transitions - i)] = False
        score = score.masked_fill(outside, -torch.inf)
        running, at = score.cummax(-1)
        chosen.append(at)
        # The next transition comes later, so it sees the best of the frames strictly before its own.
        best = torch.cat([torch.full_like(running[:, :1], -torch.inf), running[:, :-1]], dim=-1)
    frames = torch.full_like(chosen[0][:, :1], num_frames - 1)
    found: list[Tensor] = []
    for at in reversed(chosen):
        frames = at.gather(1, frames)
        found.append(frames)
        frames = frames - 1
    return torch.cat(found[::-1], dim=1)


def in_equal_shares(
    logits: Float[Tensor, "dives transitions frames"],
) -> Int[Tensor, "dives transitions"]:
    """The most probable frame for the i-th transition inside the i-th equal share of the frames: the release.

    Raises:
        DataError: Fewer frames than stages.
    """
    num_transitions, num_frames = logits.shape[1:]
    _check_room(num_transitions, num_frames)
    # The last frame ends no stage but the last.
    ends = [round((num_frames - 1) * i / num_transitions) for i in range(num_transitions + 1)]
    return torch.stack(
        [logits[:, i, ends[i] : ends[i + 1]].argmax(-1) + ends[i] for i in range(num_transitions)], dim=1
    )


def edges_of(transitions: Int[Tensor, "dives transitions"], num_frames: int) -> Int[Tensor, "dives edges"]:
    """Half-open stage edges from transitions.

    Raises:
        DataError: Transitions that do not increase, or leave a stage empty.

    >>> edges_of(torch.tensor([[29, 65]]), 96).tolist()
    [[0, 30, 66, 96]]
    """
    first = transitions.new_zeros(len(transitions), 1)
    edges = torch.cat([first, transitions + 1, torch.full_like(first, num_frames)], dim=1)
    if bool((edges.diff(dim=1) < 1).any()):
        worst = int((edges.diff(dim=1) < 1).any(1).nonzero()[0])
        raise DataError(
            f"stage edges {edges[worst].tolist()} leave a stage empty",
            where=f"dive {worst} of the batch",
            todo="give increasing transitions within the clip",
        )
    return edges


def _check_room(num_transitions: int, num_frames: int) -> None:
    if num_frames < num_transitions + 1:
        raise DataError(
            f"{num_frames} frames cannot hold {num_transitions + 1} stages", todo="give a longer clip"
        )
