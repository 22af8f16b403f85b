"""How near found joints are to the true ones: PCKh on the twelve limb joints, left and right kept apart.

Source: MPII's PCKh; the head's length is the distance of joints 8 and 9 (upper neck, head top).
"""

import numpy as np
from jaxtyping import Bool, Float

from stagescore.skeleton import MPII_16

LIMBS = tuple(
    MPII_16.index(f"{side}_{joint}")
    for side in ("right", "left")
    for joint in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
)
"""The 12 limb joints, by their places in `MPII_16.joints`."""
PCKH_SHARE = 0.5
"""Share of the head's length within which a joint counts as found: MPII's PCKh@0.5."""

_NECK, _TOP = MPII_16.index("upper_neck"), MPII_16.index("head_top")


def limb_hits(
    found_px: Float[np.ndarray, "frames limbs 2"],
    true_px: Float[np.ndarray, "frames limbs 2"],
    head_px: Float[np.ndarray, " frames"],
    share: float = PCKH_SHARE,
) -> Bool[np.ndarray, "frames limbs"]:
    """Which joints count as found: off by less than a share of the head's length.

    Args:
        found_px: Places that a network gives, in pixels; NaN counts as not found.
        true_px: True places of the joints, in pixels.
        head_px: Distance between upper neck and head top, in pixels.
        share: Share of the head's length; 0.5 for PCKh@0.5.

    >>> limb_hits(np.array([[[0.0, 4.0], [0.0, 6.0]]]), np.zeros((1, 2, 2)), np.array([10.0])).tolist()
    [[True, False]]
    """
    off = np.linalg.norm(found_px - true_px, axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(off < share * head_px[:, None])


def head_lengths(joints_px: Float[np.ndarray, "frames joints 2"]) -> Float[np.ndarray, " frames"]:
    """Distance between upper neck and head top in each frame."""
    return np.asarray(np.linalg.norm(joints_px[:, _TOP] - joints_px[:, _NECK], axis=-1))


def hits(
    found_px: Float[np.ndarray, "frames joints 2"],
    true_px: Float[np.ndarray, "frames joints 2"],
    share: float = PCKH_SHARE,
) -> Bool[np.ndarray, "frames limbs"]:
    """`limb_hits` of whole skeletons, in the order of `LIMBS`."""
    limbs = list(LIMBS)
    return limb_hits(found_px[:, limbs], true_px[:, limbs], head_lengths(true_px), share)


def pckh(
    found_px: Float[np.ndarray, "frames joints 2"],
    true_px: Float[np.ndarray, "frames joints 2"],
    share: float = PCKH_SHARE,
) -> float:
    """Share of limb joints that are found, over all frames."""
    return float(hits(found_px, true_px, share).mean())


def tight_boxes(joints_px: Float[np.ndarray, "frames joints 2"]) -> Float[np.ndarray, "frames 4"]:
    """Left, top, right, bottom of all joints of each frame."""
    return np.concatenate((np.nanmin(joints_px, axis=1), np.nanmax(joints_px, axis=1)), axis=1)
