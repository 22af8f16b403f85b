"""One skeleton's joints from another's: joints of the same name are copied, some are derived, others stay unknown.

Source: the joint lists in `skeleton`. Departs: the paper's HRNet is fine-tuned on MPII's joints; networks that know
others give pelvis, thorax, upper neck and head top as functions of hips, shoulders, nose and ears.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stagescore.skeleton import Skeleton

_HIPS = ("left_hip", "right_hip")
_SHOULDERS = ("left_shoulder", "right_shoulder")
_FACE = ("nose", "left_ear", "right_ear")
_NECK_SHARE = 0.35
"""Where the upper neck lies between the shoulders' and the head's middle; set by hand."""
_TOP_SHARE = 1.0
"""How far the head's top lies beyond the head's middle, of the way from the upper neck to it; set by hand."""

Places = Float[np.ndarray, "*poses 2"]


def _upper_neck(shoulders: Places, face: Places) -> Places:
    return np.asarray(shoulders + _NECK_SHARE * (face - shoulders))


def _head_top(shoulders: Places, face: Places) -> Places:
    return np.asarray(face + _TOP_SHARE * (face - _upper_neck(shoulders, face)))


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a joint follows from others.

    Attributes:
        groups: Names of the joints it rests on; of each group the middle counts.
        place: Gives the joint's place from the middles of the groups.
    """

    groups: tuple[tuple[str, ...], ...]
    place: Callable[..., Places]

    @property
    def rests_on(self) -> tuple[str, ...]:
        """The names of all joints it rests on."""
        return tuple(joint for group in self.groups for joint in group)


DERIVATIONS: dict[str, Derivation] = {
    "pelvis": Derivation((_HIPS,), np.asarray),
    "thorax": Derivation((_SHOULDERS,), np.asarray),
    "neck": Derivation((_SHOULDERS,), np.asarray),
    "upper_neck": Derivation((_SHOULDERS, _FACE), _upper_neck),
    "head_top": Derivation((_SHOULDERS, _FACE), _head_top),
}
"""How joints are derived that a skeleton lacks; no other joint is."""


@dataclass(frozen=True, slots=True)
class SkeletonMapping:
    """Which joints of a skeleton give those of another.

    >>> from stagescore.skeleton import COCO_17, MPII_16
    >>> SkeletonMapping(COCO_17, MPII_16).derived
    ('pelvis', 'thorax', 'upper_neck', 'head_top')
    >>> SkeletonMapping(MPII_16, COCO_17).missing
    ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear')

    Attributes:
        source: Skeleton whose joints are known.
        target: Skeleton whose joints are wanted.
    """

    source: Skeleton
    target: Skeleton

    def rests_on(self, joint: str) -> tuple[str, ...]:
        """The source's joints that a joint of the target comes from; none where it cannot be had."""
        if joint in self.source.joints:
            return (joint,)
        needed = DERIVATIONS[joint].rests_on if joint in DERIVATIONS else ()
        return needed if set(needed) <= set(self.source.joints) else ()

    @property
    def derived(self) -> tuple[str, ...]:
        """The target's joints that follow from others."""
        return tuple(j for j in self.target.joints if j not in self.source.joints and self.rests_on(j))

    @property
    def missing(self) -> tuple[str, ...]:
        """The target's joints that the source says nothing of."""
        return tuple(joint for joint in self.target.joints if not self.rests_on(joint))

    def joints(self, joints: Float[np.ndarray, "*poses joints 3"]) -> Float[np.ndarray, "*poses mapped 3"]:
        """The target's joints: x, y and confidence.

        Args:
            joints: Joints of the source: x, y, confidence.

        Returns:
            A derived joint is as sure as the least sure that it rests on. What cannot be had is NaN, NaN, 0.
        """
        found = np.full((*joints.shape[:-2], self.target.num_joints, 3), np.nan)
        found[..., 2] = 0
        for index, joint in enumerate(self.target.joints):
            if joint in self.source.joints:
                found[..., index, :] = joints[..., self.source.index(joint), :]
            elif rests_on := self.rests_on(joint):
                derivation = DERIVATIONS[joint]
                middles = (
                    joints[..., self.source.indices(*group), :2].mean(-2) for group in derivation.groups
                )
                found[..., index, :2] = derivation.place(*middles)
                found[..., index, 2] = joints[..., self.source.indices(*rests_on), 2].min(-1)
        return found

    def marks(self, marks: Bool[np.ndarray, "*poses joints"]) -> Bool[np.ndarray, "*poses mapped"]:
        """Marks of the target's joints: a joint has one if any that it rests on has."""
        found = np.zeros((*marks.shape[:-1], self.target.num_joints), dtype=np.bool_)
        for index, joint in enumerate(self.target.joints):
            found[..., index] = marks[..., self.source.indices(*self.rests_on(joint))].any(-1)
        return found

    def derived_after(self, derived: Sequence[str]) -> tuple[str, ...]:
        """The target's joints that are derived, where some of the source's are derived already."""
        inherited = self.target.named(self.marks(self.source.mask(derived)))
        return tuple(joint for joint in self.target.joints if joint in self.derived or joint in inherited)
