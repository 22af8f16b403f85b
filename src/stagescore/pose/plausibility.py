"""Whether joints that somebody gives are those of a body that dives.

Nothing else can tell noise, joints in a wrong order or legs that were never found from a dive where there is no film, and a
network gives points for all of them.
Source: ours. Limits lie between 300 films annotated by the networks that ship and 100 simulated dives on one side, and noise,
smoothed noise, shuffled joints, shuffled frames and collapsed legs on the other (docs/log.md, 30 November 2026, evening).
"""

import numpy as np
from jaxtyping import Bool, Float

from stagescore.skeleton import MPII_16

LEAST_FRAMES = 12
"""Frames with joints below which nothing is said: a few images show no motion. Set by hand."""
_LEAST_INSIDE = 0.5
"""Share of the joints that must lie in the picture. Simulated divers who leave it keep 0.94."""
_SHORT_OF_LONG = 0.6
_MOST_WIDE = 0.6
"""Share of the frames in which hips or neck are longer than 0.6 of the longest of legs and trunk: at most 0.20 on films, 0.51 on
simulated dives, seen along the body as they are; 0.67 to 1 where limbs are no limbs."""
_LEAST_LEG = 0.25
"""Length of thigh or shank in lengths of the trunk, both as long as they are seen: 0.43 and more on all dives, 0 where legs are
collapsed."""
_MOST_CHANGE = 0.055
"""Change of a limb's length from row to row, in body lengths, in the median: at most 0.041 on films, 0.021 on simulated dives, at 25
to 30 rows a second."""
_MOST_JUMP = 0.8
"""Change from row to row over the change between any two rows: at most 0.70 on films; 0.92 to 1.05 for rows out of order."""
_LEAST_RATE = 20.0
"""Rows a second from which on the two limits before hold: thinned to a third, films reach 1.2."""
_LEAST_TURN_DEG = 90.0
"""By how much the trunk turns in a dive: by 240 degrees and more on all of them, a half somersault alone by 180."""
_LEAST_ANGLE_DEG = {"knee": 20.0, "elbow": 20.0}
"""Smallest angle between the two bones of a limb that a body can have: the heel at the buttock leaves some 25 degrees at the knee, the
hand at the shoulder some 30 at the elbow. Seen along the limb any angle looks smaller; then it tells nothing either."""

_INDEX = MPII_16.joints.index
_BONES = np.array([[_INDEX(one), _INDEX(other)] for one, other in MPII_16.bones])


def _bones(*pairs: tuple[str, str]) -> list[int]:
    wanted = [{_INDEX(one), _INDEX(other)} for one, other in pairs]
    return [row for row, bone in enumerate(_BONES.tolist()) if set(bone) in wanted]


_THIGHS = _bones(("right_knee", "right_hip"), ("left_knee", "left_hip"))
_SHANKS = _bones(("right_ankle", "right_knee"), ("left_ankle", "left_knee"))
_TRUNK = _bones(("pelvis", "thorax"))
_SHORT = _bones(("right_hip", "pelvis"), ("left_hip", "pelvis"), ("thorax", "upper_neck"))


def implausible(
    joints_px: Float[np.ndarray, "frames joints 2"],
    known: Bool[np.ndarray, "frames joints"],
    picture_px: tuple[int, int],
    rate: float,
    *,
    whole_dive: bool = False,
) -> str | None:
    """Why joints cannot be those of a diver, as a clause; None where nothing speaks against it, or too little is known.

    Args:
        joints_px: MPII's joints (x, y) in pixels, in the order of time.
        known: Joints that were measured.
        picture_px: Width and height of the picture, in pixels.
        rate: Rows of joints for each second of the dive.
        whole_dive: Whether the rows are to show a whole dive, in which the body turns.
    """
    points = np.where(known[..., None], joints_px, np.nan)
    rows = known.sum(1) >= MPII_16.num_joints // 2
    if rows.sum() < LEAST_FRAMES:
        return None
    points = points[rows]
    inside = ((points >= 0) & (points <= np.array(picture_px))).all(-1)[known[rows]].mean()
    if inside < _LEAST_INSIDE:
        return f"{1 - inside:.0%} of the joints lie outside of the picture of {picture_px[0]} x {picture_px[1]} pixels"
    lengths = np.linalg.norm(points[:, _BONES[:, 0]] - points[:, _BONES[:, 1]], axis=-1)
    return (
        _no_body(lengths) or _no_motion(points, lengths, rate) or (_no_turn(points) if whole_dive else None)
    )


def impossible(joints_px: Float[np.ndarray, "frames joints 2"]) -> Bool[np.ndarray, "frames joints"]:
    """Joints whose limb is folded as no limb can be: the joint in its middle and the one at its end.

    Args:
        joints_px: MPII's joints (x, y) in pixels; NaN where unknown.
    """
    found = np.zeros(joints_px.shape[:2], dtype=bool)
    for side in ("right", "left"):
        for joints, least in ((("hip", "knee", "ankle"), "knee"), (("shoulder", "elbow", "wrist"), "elbow")):
            near, middle, far = (_INDEX(f"{side}_{joint}") for joint in joints)
            first, second = (joints_px[:, end] - joints_px[:, middle] for end in (near, far))
            cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
            angle = np.degrees(np.arctan2(np.abs(cross), (first * second).sum(-1)))
            folded = angle < _LEAST_ANGLE_DEG[least]
            found[folded, middle] = found[folded, far] = True
    return found


def _no_body(lengths: Float[np.ndarray, "frames bones"]) -> str | None:
    long = _largest(lengths[:, _THIGHS + _SHANKS + _TRUNK])
    short = _largest(lengths[:, _SHORT])
    seen = np.isfinite(long) & np.isfinite(short)
    if seen.sum() >= LEAST_FRAMES and (short[seen] > _SHORT_OF_LONG * long[seen]).mean() > _MOST_WIDE:
        return "hips or neck are as long as legs and trunk in most of the frames"
    trunk = _usual(lengths[:, _TRUNK], 75)
    for name, limbs in (("thighs", _THIGHS), ("shanks", _SHANKS)):
        if trunk > 0 and _usual(lengths[:, limbs], 90) < _LEAST_LEG * trunk:
            return f"the {name} have no length"
    return None


def _no_motion(
    points: Float[np.ndarray, "frames joints 2"], lengths: Float[np.ndarray, "frames bones"], rate: float
) -> str | None:
    if rate < _LEAST_RATE:
        return None
    reach = np.nanmax(points, axis=1) - np.nanmin(points, axis=1)
    body = float(np.percentile(np.hypot(reach[:, 0], reach[:, 1]), 90))
    change = float(np.nanmedian(np.abs(np.diff(lengths, axis=0)))) if body else 0.0
    if change > _MOST_CHANGE * body:
        return f"limbs change their length by {change / body:.0%} of the body from frame to frame"
    around = points - np.nanmedian(points, axis=1, keepdims=True)
    order = np.random.default_rng(0).permutation(len(points))
    usual = _step(around[order])
    if usual > 0 and _step(around) > _MOST_JUMP * usual:
        return "neighbouring frames are no more alike than any two"
    return None


def _no_turn(points: Float[np.ndarray, "frames joints 2"]) -> str | None:
    trunk = points[:, _INDEX("thorax")] - points[:, _INDEX("pelvis")]
    trunk = trunk[np.isfinite(trunk).all(1)]
    if len(trunk) < LEAST_FRAMES:
        return None
    turn = float(np.degrees(np.ptp(np.unwrap(np.arctan2(trunk[:, 1], trunk[:, 0])))))
    return (
        None if turn >= _LEAST_TURN_DEG else f"the trunk turns by {turn:.0f} degrees in all, which is no dive"
    )


def _step(around: Float[np.ndarray, "frames joints 2"]) -> float:
    """Distance that a joint goes from row to row, in the median."""
    steps = np.linalg.norm(np.diff(around, axis=0), axis=-1)
    return float(np.nanmedian(steps)) if np.isfinite(steps).any() else 0.0


def _largest(lengths: Float[np.ndarray, "frames some"]) -> Float[np.ndarray, " frames"]:
    largest = np.where(np.isfinite(lengths), lengths, -np.inf).max(1)
    return np.where(np.isfinite(largest), largest, np.nan)


def _usual(lengths: Float[np.ndarray, "frames some"], percent: float) -> float:
    seen = lengths[np.isfinite(lengths)]
    return float(np.percentile(seen, percent)) if len(seen) >= LEAST_FRAMES else np.nan
