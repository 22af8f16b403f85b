"""The semantic levels of the skeleton and their graphs (paper, section III-B, figure 3).

Levels, by how far their joints move: torso; elbows and knees; wrists, ankles and head. Reading: the text names
no joint for the head, which we put on the highest level, and no bone lies between two joints of the middle or the
highest level, so a level's graph holds its own joints and those that their bones come from.
The authors' release has HD-GCN's groups around the thorax instead, each fully connected with the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from stagescore.skeleton import MPII_16

ROOT = MPII_16.index("thorax")
SUBSETS = ("identity", "centrifugal", "centripetal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A part of the skeleton.

    Attributes:
        joints: Joints that belong to the level.
        edges: Connections as (inner joint, outer joint); the inner one may belong to a level further in.
    """

    joints: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def nodes(self) -> tuple[int, ...]:
        """The joints of the level and those of its edges, in order."""
        return tuple(sorted({*self.joints, *(joint for edge in self.edges for joint in edge)}))

    def adjacency(self) -> Float[Tensor, "3 joints joints"]:
        """What each node (row) receives from each (column), per subset; rows that receive sum to 1."""
        received = torch.zeros(len(SUBSETS), MPII_16.num_joints, MPII_16.num_joints)
        for node in self.nodes:
            received[0, node, node] = 1
        for inner, outer in self.edges:
            received[1, outer, inner] = 1  # centrifugal: away from the root
            received[2, inner, outer] = 1  # centripetal: towards it
        return received / received.sum(dim=2, keepdim=True).clamp(min=1)


def outward_bones(root: int = ROOT) -> tuple[tuple[int, int], ...]:
    """The bones as (inner joint, outer joint), seen from a root.

    >>> (7, 6) in outward_bones() and (6, 2) in outward_bones() and (12, 11) in outward_bones()
    True
    """
    found: list[tuple[int, int]] = []
    reached = [root]
    for joint in reached:
        for a, b in MPII_16.bone_indices:
            other = b if a == joint else a if b == joint else None
            if other is not None and other not in reached:
                found.append((joint, other))
                reached.append(other)
    return tuple(found)


def _level(*names: str) -> Level:
    joints = tuple(sorted(MPII_16.index(name) for name in names))
    return Level(joints=joints, edges=tuple(bone for bone in outward_bones() if bone[1] in joints))


def group_levels(groups: Sequence[Sequence[str]]) -> tuple[Level, ...]:
    """A level for each two groups that follow each other, as in HD-GCN: all pairs are connected."""
    places = [tuple(MPII_16.indices(*group)) for group in groups]
    return tuple(
        Level(joints=outer, edges=tuple((a, b) for a in inner for b in outer))
        for inner, outer in pairwise(places)
    )


PAPER_LEVELS = (
    _level("pelvis", "thorax", "upper_neck", "right_hip", "left_hip", "right_shoulder", "left_shoulder"),
    _level("right_elbow", "left_elbow", "right_knee", "left_knee"),
    _level("right_wrist", "left_wrist", "right_ankle", "left_ankle", "head_top"),
)
RELEASE_LEVELS = group_levels(
    (
        ("thorax",),
        ("pelvis", "upper_neck", "right_shoulder", "left_shoulder"),
        ("head_top", "left_elbow", "right_hip", "left_hip", "right_elbow"),
        ("right_wrist", "left_wrist", "right_knee", "left_knee"),
        ("left_ankle", "right_ankle"),
    )
)
HIERARCHIES = {"paper": PAPER_LEVELS, "release": RELEASE_LEVELS}
