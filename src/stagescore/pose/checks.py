"""What is wrong with the joints of a clip before it is believed: sides, outliers, gaps.

Source: paper, section IV-B, eq. 27: missing joints are interpolated linearly between the nearest good
frames. Departs: gaps longer than half a second or so stay open, and what is filled is marked.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

from stagescore.skeleton import MPII_16

LEAST_CONFIDENCE = 0.2
"""Below it a joint counts as missing: among joints this unsure only one in four was right on real dives."""
SIDE_WEIGHT = 0.02
"""Cost of exchanging sides in a frame, weighed against jumps of the joints, as a share of the box. Set by hand."""
FARTHEST = 0.5
"""A joint farther than this share of the box from where its neighbours in time put it is an outlier. Set by hand."""
LONGEST_GAP = 15
"""Frames that are filled, half a second or so; a longer gap stays open. Set by hand."""

# Set by hand: share of the box beyond which a jump costs no more, and frames in which neighbours are looked for.
_JUMP_CAP = 0.5
_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """The joints of a clip after the checks.

    Attributes:
        joints_px: Places of the joints (x, y) in pixels; NaN where unknown.
        confidence: Confidence of each joint, 0 where unknown; of a filled joint, that of the less sure neighbour,
            divided by one more than the distance in frames to the nearest.
        measured: True for joints that were found by the estimator and believed.
        filled: True for joints that were interpolated.
        outliers: True for joints that were found, and not believed for where they lie.
        exchanged: True for frames in which left and right were exchanged.
    """

    joints_px: Float[np.ndarray, "frames joints 2"]
    confidence: Float[np.ndarray, "frames joints"]
    measured: Bool[np.ndarray, "frames joints"]
    filled: Bool[np.ndarray, "frames joints"]
    outliers: Bool[np.ndarray, "frames joints"]
    exchanged: Bool[np.ndarray, " frames"]


def check_joints(
    found: Float[np.ndarray, "frames joints 3"],
    sizes_px: Float[np.ndarray, " frames"],
    picture_px: tuple[int, int],
    *,
    fill: bool = True,
) -> Checked:
    """Put sides right, drop what cannot be, and fill short gaps.

    Args:
        found: Found x and y in pixels, and confidence; NaN in frames without the diver.
        sizes_px: Longer edge of the diver's box in each frame, in pixels; NaN without the diver.
        picture_px: Width and height of the picture, in pixels; a joint outside of it is not measured.
        fill: Whether to interpolate missing joints.
    """
    sided, exchanged = consistent_sides(found, sizes_px)
    places, confidence = sided[..., :2], np.nan_to_num(sided[..., 2])
    inside = ((places >= 0) & (places <= picture_px)).all(-1)
    sure = inside & (confidence >= LEAST_CONFIDENCE)
    outliers = sure & is_outlier(np.where(sure[..., None], places, np.nan), sizes_px)
    measured = sure & ~outliers
    joints = np.where(measured[..., None], places, np.nan)
    confidence = np.where(measured, confidence, 0.0)
    filled = np.zeros_like(measured)
    if fill:
        joints, confidence, filled = interpolated(joints, confidence)
    return Checked(joints, confidence, measured, filled, outliers, exchanged)


def consistent_sides(
    found: Float[np.ndarray, "frames joints 3"], sizes_px: Float[np.ndarray, " frames"]
) -> tuple[Float[np.ndarray, "frames joints 3"], Bool[np.ndarray, " frames"]]:
    """Exchange left and right in those frames where the body would otherwise jump.

    A frame is kept or exchanged whole. Of all ways to do so the one is taken in which the joints, weighted
    by confidence, move least from frame to frame; exchanging costs a little, so that it needs a reason.

    Returns:
        The joints, and which frames were exchanged.
    """
    both = np.stack((found, found[:, list(MPII_16.flip_order)]), axis=1)
    weight = np.nan_to_num(found[..., 2]).mean(1)
    cost, best = np.array([0.0, SIDE_WEIGHT * weight[0]]) if len(found) else np.zeros(2), []
    for t in range(1, len(found)):
        sure = np.minimum(both[t - 1, :, None, :, 2], both[t, None, :, :, 2])
        jump = np.linalg.norm(both[t - 1, :, None, :, :2] - both[t, None, :, :, :2], axis=-1)
        move = np.nan_to_num(sure * np.minimum(jump / sizes_px[t], _JUMP_CAP)).mean(-1)
        total = cost[:, None] + move
        best.append(total.argmin(0))
        cost = total.min(0) + np.array([0.0, SIDE_WEIGHT * weight[t]])
    states = [int(cost.argmin())]
    for back in best[::-1]:
        states.append(int(back[states[-1]]))
    chosen = np.array(states[::-1][: len(found)], dtype=int)
    return both[np.arange(len(found)), chosen], chosen == 1


def is_outlier(
    joints_px: Float[np.ndarray, "frames joints 2"], sizes_px: Float[np.ndarray, " frames"]
) -> Bool[np.ndarray, "frames joints"]:
    """Joints far from the line between the nearest known ones before and after, at most two frames away.

    Both neighbours must be near each other, or nobody can tell which of the three is wrong.

    Args:
        joints_px: Places of the joints (x, y) in pixels; NaN where unknown.
        sizes_px: Size of the body in each frame, in pixels.
    """
    found = np.zeros(joints_px.shape[:2], dtype=bool)
    for t in range(1, len(joints_px) - 1):
        before, after = _near(joints_px, t, -1), _near(joints_px, t, 1)
        reach = FARTHEST * sizes_px[t]
        off = np.linalg.norm(joints_px[t] - (before + after) / 2, axis=-1)
        with np.errstate(invalid="ignore"):
            found[t] = (off > reach) & (np.linalg.norm(after - before, axis=-1) < reach)
    return found


def _near(joints_px: np.ndarray, frame: int, step: int) -> Float[np.ndarray, "joints 2"]:
    """Each joint in the nearest frame in one direction that has it; NaN if none does."""
    joints = np.full(joints_px.shape[1:], np.nan)
    for t in range(frame + step * _NEIGHBOURS, frame, -step):
        if 0 <= t < len(joints_px):
            joints = np.where(np.isnan(joints_px[t]), joints, joints_px[t])
    return joints


def interpolated(
    joints_px: Float[np.ndarray, "frames joints 2"], confidence: Float[np.ndarray, "frames joints"]
) -> tuple[
    Float[np.ndarray, "frames joints 2"],
    Float[np.ndarray, "frames joints"],
    Bool[np.ndarray, "frames joints"],
]:
    """Eq. 27: joints that are missing between two frames that have them, on the straight line between.

    Args:
        joints_px: Places of the joints (x, y) in pixels; NaN where missing.
        confidence: Confidence of each joint; 0 where missing.

    Returns:
        Joints, confidence, and which were filled. Nothing is made up before the first or after the last
        known frame of a joint, nor in gaps of more than `LONGEST_GAP` frames.
    """
    joints, sure = joints_px.copy(), confidence.copy()
    filled = np.zeros(confidence.shape, dtype=bool)
    for joint in range(joints.shape[1]):
        known = np.flatnonzero(~np.isnan(joints_px[:, joint]).any(-1))
        for start, end in pairwise(known.tolist()):
            if not 1 < end - start <= LONGEST_GAP + 1:
                continue
            gap = np.arange(start + 1, end)
            share = ((gap - start) / (end - start))[:, None]
            joints[gap, joint] = (1 - share) * joints_px[start, joint] + share * joints_px[end, joint]
            nearest = np.minimum(gap - start, end - gap)
            sure[gap, joint] = min(confidence[start, joint], confidence[end, joint]) / (1 + nearest)
            filled[gap, joint] = True
    return joints, sure, filled
