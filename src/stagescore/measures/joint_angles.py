"""Angles at joints in the picture, and of the body at the entry.

Source: none needed. Departs: angles are of the picture, not of the body in space; a leg that points at the camera
looks bent.
"""

import numpy as np
from jaxtyping import Float

_BEFORE_ENTRY, _LEAST_KNOWN = 6, 4
"""Number of frames up to the contact that have to agree on the trunk, and how many of them must be known. Set by hand, as the next two
numbers: of twenty real films five had an angle of 45 to 87 degrees or one that jumped there, where the body was nearly straight."""
_LARGEST_STEP, _SLACK = 40.0, 5.0
"""Degrees that a trunk turns from frame to frame at most, and by which it may turn away from the vertical before the contact."""
_HALF_WINDOW = 2
"""Frames on either side for the median; set by hand, so that a joint that is wrong in one or two frames shows nowhere."""
_DIGITS = 3


def angle_at(
    corner: Float[np.ndarray, "frames 2"],
    one: Float[np.ndarray, "frames 2"],
    other: Float[np.ndarray, "frames 2"],
) -> Float[np.ndarray, " frames"]:
    """Degrees between the ways from a corner to two points, 0 to 180; NaN where one is unknown.

    >>> angle_at(np.zeros((1, 2)), np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])).tolist()
    [90.0]
    """
    first, second = one - corner, other - corner
    cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return np.asarray(np.degrees(np.arctan2(np.abs(cross), (first * second).sum(-1))))


def steady(values: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """The median of the five frames around each frame in which the value is known."""
    found = np.full(len(values), np.nan)
    for frame in np.flatnonzero(~np.isnan(values)).tolist():
        found[frame] = np.nanmedian(values[max(frame - _HALF_WINDOW, 0) : frame + _HALF_WINDOW + 1])
    return found


def of_both(sides: list[np.ndarray]) -> np.ndarray:
    """The mean of both sides, or the one that is known; NaN where neither is."""
    both = np.stack(sides)
    known = ~np.isnan(both)
    return np.asarray(
        np.where(known.any(0), np.where(known, both, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
    )


def angle_at_entry(upright: Float[np.ndarray, " frames"], frame: int) -> float | None:
    """Angle of a part of the body to the vertical at the contact, head first or feet first; None unless the frames before it agree.

    A body that enters the water comes ever nearer to the vertical, and has passed the horizontal before.

    Args:
        upright: Angle of the part to the upright, in degrees, 0 to 180; NaN where it is not known.
        frame: Frame of the first touch of the water.

    Returns:
        Degrees, 0 to 90.
    """
    near = upright[max(frame - _BEFORE_ENTRY + 1, 0) : frame + 1]
    known = np.flatnonzero(~np.isnan(near))
    if len(known) < _LEAST_KNOWN or known[-1] < len(near) - 2:
        return None
    angles = near[known]
    if angles[-1] > 90:
        angles = 180.0 - angles
    steps = np.diff(angles)
    if (steps > _SLACK).any() or (steps < -_LARGEST_STEP * np.diff(known)).any() or (angles > 90).any():
        return None
    return round(float(angles[-1]), _DIGITS)
