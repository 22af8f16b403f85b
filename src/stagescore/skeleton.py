"""Skeletons: which joints a pose has, in which order, which bones connect them, and what mirrors what.

Sources: the joint lists of MPII (the authors' FineDiving-Pose files; paper, section IV-B), of COCO's keypoints, of
Halpe-26 (github.com/Fang-Haoshu/Halpe-FullBody), of OpenPose's BODY_25
(github.com/CMU-Perceptual-Computing-Lab/openpose, doc/02_output.md) and of MediaPipe's pose landmarks (BlazePose).
Departs: a joint has the same name in every skeleton that has it. OpenPose's MidHip and Halpe's Hip are `pelvis`, and
Halpe's Head is `head_top`, since RTMPose trains it on MPII's `head_top`. The `neck` of both is a joint of its own:
it is neither MPII's `thorax` nor its `upper_neck`. Where a public list of bones has rings, one bone of each is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
from jaxtyping import Bool

from stagescore.errors import ConfigError, DataError

_LEFT, _RIGHT = "left_", "right_"
# Rounding of floats alone: shares of the mass add up to 1.
_MASS_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """The joints of a body and how they belong together.

    Attributes:
        name: What users call it, such as `mpii-16`.
        joints: Names of the joints in the order of the axis; `left_` and `right_` say which mirror each other.
        bones: Pairs of names that a drawing connects; they form no ring.
        mass_shares: Share of the body's mass that each joint stands for; empty where nobody has measured it.
        other_names: Pairs of a name that files use and the joint it means.
        flip_order: Order in which left and right are swapped (`pose[flip_order]`), as in a mirrored picture; from the
            names.

    Raises:
        ConfigError: The joints, bones or masses do not fit together.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    mass_shares: tuple[float, ...] = ()
    other_names: tuple[tuple[str, str], ...] = ()
    flip_order: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if not self.joints or len(set(self.joints)) != len(self.joints):
            raise self._error("it has no joints, or names one twice", "name each joint once")
        mirrored = [_mirrored(name) for name in self.joints]
        if alone := sorted(set(mirrored) - set(self.joints)):
            raise self._error(f"{_mirrored(alone[0])} has no {alone[0]}", "name the joints of both sides")
        object.__setattr__(self, "flip_order", tuple(map(self.joints.index, mirrored)))
        named = [*(joint for bone in self.bones for joint in bone), *(joint for _, joint in self.other_names)]
        if foreign := sorted(set(named) - set(self.joints)):
            raise self._error(f"{foreign[0]} is not one of its joints", "use the names of its joints")
        if ring := _first_of_a_ring(self.bones):
            raise self._error(f"the bone {' to '.join(ring)} closes a ring", "leave it out")
        if self.mass_shares and not (
            len(self.mass_shares) == len(self.joints)
            and min(self.mass_shares) >= 0
            and abs(sum(self.mass_shares) - 1) < _MASS_TOLERANCE
        ):
            raise self._error("its masses do not add up to 1", "give a share of 0 or more for each joint")

    @property
    def num_joints(self) -> int:
        """How long the axis of the joints is."""
        return len(self.joints)

    @property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """The bones as places on the axis of the joints."""
        return tuple((self.joints.index(start), self.joints.index(end)) for start, end in self.bones)

    def index(self, joint: str) -> int:
        """The place of a joint on the axis.

        Raises:
            ConfigError: The skeleton has no such joint.

        >>> MPII_16.index("pelvis")
        6
        """
        if joint not in self.joints:
            raise self._error(f"it has no joint {joint}", f"choose among {', '.join(self.joints)}")
        return self.joints.index(joint)

    def indices(self, *joints: str) -> list[int]:
        """The places of some joints on the axis.

        Raises:
            ConfigError: The skeleton lacks one of them.
        """
        return [self.index(joint) for joint in joints]

    def mask(self, joints: Sequence[str]) -> Bool[np.ndarray, " joints"]:
        """True for the joints that are named.

        Raises:
            ConfigError: The skeleton lacks one of them.
        """
        found = np.zeros(self.num_joints, dtype=np.bool_)
        found[self.indices(*joints)] = True
        return found

    def named(self, mask: Bool[np.ndarray, " joints"]) -> tuple[str, ...]:
        """The names of the joints that a mask marks."""
        return tuple(joint for joint, marked in zip(self.joints, mask.tolist(), strict=True) if marked)

    def require(
        self, wanted: "Skeleton", subject: str, where: str | PathLike[str] = "", *, verb: str = "reads"
    ) -> None:
        """Check that this skeleton is the one that something else reads or has.

        Args:
            wanted: Skeleton that is expected.
            subject: What reads or has joints of that skeleton, as the error names it.
            where: File or image that the joints of this skeleton come from.
            verb: What the subject does, such as `reads` or `have`.

        Raises:
            DataError: They are of another skeleton.
        """
        if self != wanted:
            raise DataError(
                f"{subject} {verb} joints of {wanted.name}, these are of {self.name}",
                where=where,
                todo=f"map them first: `stagescore annotate convert FILE --out FILE --map-to {wanted.name}`",
            )

    def _error(self, what: str, todo: str) -> ConfigError:
        return ConfigError(what, where=f"skeleton {self.name}", todo=todo)


def _mirrored(name: str) -> str:
    if name.startswith(_LEFT):
        return _RIGHT + name.removeprefix(_LEFT)
    return _LEFT + name.removeprefix(_RIGHT) if name.startswith(_RIGHT) else name


def _first_of_a_ring(bones: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The first bone whose ends are connected already."""
    parts: dict[str, frozenset[str]] = {}
    for start, end in bones:
        one, other = parts.get(start, frozenset({start})), parts.get(end, frozenset({end}))
        if end in one:
            return start, end
        parts.update(dict.fromkeys(one | other, one | other))
    return None


def _both_sides(*bones: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Bones with `*` for a side, on the right and on the left."""
    return tuple(
        (start.replace("*", side), end.replace("*", side))
        for side in ("right", "left")
        for start, end in bones
    )


MPII_16 = Skeleton(
    name="mpii-16",
    joints=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    bones=(
        *_both_sides(("*_ankle", "*_knee"), ("*_knee", "*_hip"), ("*_hip", "pelvis")),
        ("pelvis", "thorax"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
        *_both_sides(("*_wrist", "*_elbow"), ("*_elbow", "*_shoulder"), ("*_shoulder", "thorax")),
    ),
    # Segments shared between their ends after P. de Leva, Journal of Biomechanics 29 (1996); feet and hands go to
    # ankles and wrists.
    mass_shares=(
        0.033,
        0.083,
        0.084,
        0.084,
        0.083,
        0.033,
        0.217,
        0.216,
        0.021,
        0.049,
        0.013,
        0.024,
        0.012,
        0.012,
        0.024,
        0.012,
    ),
)
"""MPII's 16 joints: what the networks, the simulation and the reports use."""

_COCO_JOINTS = tuple(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split()
)
_FACE = _both_sides(("nose", "*_eye"), ("*_eye", "*_ear"))
_ARMS = _both_sides(("*_shoulder", "*_elbow"), ("*_elbow", "*_wrist"))
_LEGS = _both_sides(("*_hip", "*_knee"), ("*_knee", "*_ankle"))

COCO_17 = Skeleton(
    name="coco-17",
    joints=_COCO_JOINTS,
    bones=(
        *_FACE,
        *_ARMS,
        *_LEGS,
        *_both_sides(("*_shoulder", "*_hip")),
        ("left_shoulder", "right_shoulder"),
    ),
)
"""COCO's 17 joints: YOLO, MoveNet, ViTPose and most others."""

HALPE_26 = Skeleton(
    name="halpe-26",
    joints=(
        *_COCO_JOINTS,
        *"head_top neck pelvis left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel".split(),
    ),
    bones=(
        *_FACE,
        *_ARMS,
        *_LEGS,
        ("head_top", "neck"),
        ("neck", "pelvis"),
        *_both_sides(("neck", "*_shoulder"), ("pelvis", "*_hip"), ("*_ankle", "*_heel")),
        *_both_sides(("*_heel", "*_big_toe"), ("*_heel", "*_small_toe")),
    ),
    other_names=(("head", "head_top"), ("hip", "pelvis"), ("root", "pelvis")),
)
"""Halpe's 26 joints of body and feet: AlphaPose, RTMPose."""

OPENPOSE_25 = Skeleton(
    name="openpose-25",
    joints=tuple(
        "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist pelvis "
        "right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear "
        "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel".split()
    ),
    bones=(
        *_FACE,
        *_ARMS,
        *_LEGS,
        ("nose", "neck"),
        ("neck", "pelvis"),
        *_both_sides(("neck", "*_shoulder"), ("pelvis", "*_hip"), ("*_ankle", "*_heel")),
        *_both_sides(("*_ankle", "*_big_toe"), ("*_big_toe", "*_small_toe")),
    ),
    other_names=(("mid_hip", "pelvis"), ("midhip", "pelvis")),
)
"""OpenPose's BODY_25."""

BLAZEPOSE_33 = Skeleton(
    name="blazepose-33",
    joints=tuple(
        "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
        "left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist "
        "left_pinky right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee "
        "left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index".split()
    ),
    bones=(
        *_both_sides(("nose", "*_eye_inner"), ("*_eye_inner", "*_eye"), ("*_eye", "*_eye_outer")),
        *_both_sides(("*_eye_outer", "*_ear")),
        ("left_mouth", "right_mouth"),
        *_ARMS,
        *_both_sides(("*_wrist", "*_pinky"), ("*_wrist", "*_index"), ("*_wrist", "*_thumb")),
        *_LEGS,
        *_both_sides(("*_shoulder", "*_hip"), ("*_ankle", "*_heel"), ("*_heel", "*_foot_index")),
        ("left_shoulder", "right_shoulder"),
    ),
    other_names=(("mouth_left", "left_mouth"), ("mouth_right", "right_mouth")),
)
"""MediaPipe's 33 landmarks of a body."""

SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton for skeleton in (MPII_16, COCO_17, HALPE_26, OPENPOSE_25, BLAZEPOSE_33)
}
"""The skeletons that files may have, by name."""


def skeleton_called(name: str) -> Skeleton:
    """A skeleton by its name.

    Raises:
        ConfigError: There is none of this name.

    >>> skeleton_called("coco-17").num_joints
    17
    """
    if name not in SKELETONS:
        raise ConfigError(f"no skeleton is called {name!r}", todo=f"choose among {', '.join(SKELETONS)}")
    return SKELETONS[name]
