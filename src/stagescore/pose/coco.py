"""COCO's 17 joints as MPII's 16: twelve are the same joints, four are derived.

Source: the joint lists of COCO keypoints and of MPII. Departs: the paper's HRNet is fine-tuned on MPII's
joints; networks that know COCO's only give pelvis, thorax, upper neck and head top as functions of others.
"""

import numpy as np
from jaxtyping import Bool, Float

from stagescore.skeleton import JOINTS, NUM_JOINTS

COCO_JOINTS: tuple[str, ...] = tuple(
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow "
    "left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle".split()
)
"""COCO's joint names by index."""

SAME = tuple((JOINTS.index(name), index) for index, name in enumerate(COCO_JOINTS) if name in JOINTS)
"""(MPII index, COCO index) of the twelve limb joints."""

DERIVED: Bool[np.ndarray, "16"] = np.array(
    [name in ("pelvis", "thorax", "upper_neck", "head_top") for name in JOINTS]
)
"""Which of MPII's joints are derived."""

_PELVIS, _THORAX, _NECK, _TOP = (JOINTS.index(n) for n in ("pelvis", "thorax", "upper_neck", "head_top"))
_HIPS = [COCO_JOINTS.index(name) for name in ("left_hip", "right_hip")]
_SHOULDERS = [COCO_JOINTS.index(name) for name in ("left_shoulder", "right_shoulder")]
_FACE = [COCO_JOINTS.index(name) for name in ("nose", "left_ear", "right_ear")]
_NECK_SHARE = 0.35
"""Where the upper neck lies between the shoulders' and the head's middle."""
_TOP_SHARE = 1.0
"""How far the head's top lies beyond the head's middle, of the way from the upper neck to it."""


def mpii_from_coco(
    joints: Float[np.ndarray, "*people 17 3"],
) -> Float[np.ndarray, "*people 16 3"]:
    """MPII's joints from COCO's, x, y, confidence; a derived joint is as sure as the least sure it rests on.

    >>> coco = np.zeros((17, 3)); coco[[11, 12], 0] = (2.0, 4.0)
    >>> mpii_from_coco(coco)[6, 0].item()
    3.0
    """
    found = np.empty((*joints.shape[:-2], NUM_JOINTS, 3))
    for mpii, coco in SAME:
        found[..., mpii, :] = joints[..., coco, :]
    hips, shoulders, face = (joints[..., group, :] for group in (_HIPS, _SHOULDERS, _FACE))
    places = [hips[..., :2].mean(-2), shoulders[..., :2].mean(-2), face[..., :2].mean(-2)]
    sure = [group[..., 2].min(-1) for group in (hips, shoulders, face)]
    neck = places[1] + _NECK_SHARE * (places[2] - places[1])
    found[..., _PELVIS, :2], found[..., _PELVIS, 2] = places[0], sure[0]
    found[..., _THORAX, :2], found[..., _THORAX, 2] = places[1], sure[1]
    found[..., _NECK, :2], found[..., _NECK, 2] = neck, np.minimum(sure[1], sure[2])
    found[..., _TOP, :2] = places[2] + _TOP_SHARE * (places[2] - neck)
    found[..., _TOP, 2] = np.minimum(sure[1], sure[2])
    return found
