"""Into how many stages a dive is cut (paper, Table V): 1, 2, 2* or 3."""

from typing import Literal

from jaxtyping import Int
from torch import Tensor

StageCut = Literal["1", "2", "2*", "3"]
"""`2` cuts at the take-off only, `2*` at the entry only."""

_KEPT: dict[StageCut, tuple[int, ...]] = {"1": (0, 3), "2": (0, 1, 3), "2*": (0, 2, 3), "3": (0, 1, 2, 3)}


def num_stages(cut: StageCut) -> int:
    """Number of stages of a cut.

    >>> num_stages("2*")
    2
    """
    return len(_KEPT[cut]) - 1


def cut_edges(edges: Int[Tensor, "dives 4"], cut: StageCut) -> Int[Tensor, "dives edges"]:
    """From the edges of take-off, flight and entry to those of another cut.

    >>> import torch
    >>> cut_edges(torch.tensor([[0, 30, 66, 96]]), "2*").tolist()
    [[0, 66, 96]]
    """
    return edges[:, list(_KEPT[cut])]
