"""Joint angles of the diver over the frames, in the picture's plane.

Source: none needed. Departs: angles are of the picture, not of the body in space; a leg that points at the camera
looks bent.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stagescore.scoring.result_parts import Angles
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

_BEFORE_ENTRY, _LEAST_KNOWN = 6, 4
"""Number of frames up to the contact that have to agree on the trunk, and how many of them must be known. Set by hand, as the next two
numbers: of twenty real films five had an angle of 45 to 87 degrees or one that jumped there, where the body was nearly straight."""
_LARGEST_STEP, _SLACK = 40.0, 5.0
"""Degrees that a trunk turns from frame to frame at most, and by which it may turn away from the vertical before the contact."""
_HALF_WINDOW = 2
"""Frames on either side for the median; set by hand, so that a joint that is wrong in one or two frames shows nowhere."""
_DIGITS = 3
_FASTEST_TURN, _TURN_SLACK = 2000.0, 20.0
"""Degrees per second that a trunk turns at most, and degrees by which joints scatter beside that. Set by hand; the fastest of five
films of UNLV-Dive turned at 1,320 degrees per second over eleven frames."""


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


def angles_of(
    track: PoseTrack,
    start_frame: int,
    contact_frame: int | None,
    weak: Bool[np.ndarray, "frames joints"] | None = None,
) -> Angles:
    """Angles of a track, each the median of five frames: a joint that is wrong in one or two of them shows nowhere.

    Args:
        track: The diver's joints in the frames that were used.
        weak: Joints that are not to be believed; angles with them are unknown.
        start_frame: Frame of the input that the track's first row is of.
        contact_frame: Frame of the first touch of the water, counted in the input; None where it is not known.
    """
    points = track.joints_px if weak is None else np.where(weak[..., None], np.nan, track.joints_px)
    joints = {name: points[:, index] for index, name in enumerate(track.skeleton.joints)}
    knee = _steady(
        _of_both([angle_at(*(joints[f"{s}_{j}"] for j in ("knee", "hip", "ankle"))) for s in _SIDES])
    )
    hip = _steady(
        _of_both([angle_at(*(joints[f"{s}_{j}"] for j in ("hip", "shoulder", "knee"))) for s in _SIDES])
    )
    above = joints["pelvis"] + np.array([0.0, -1.0])
    trunk = angle_at(joints["pelvis"], joints["thorax"], above)
    return Angles(
        frames=list(range(start_frame, start_frame + track.num_frames)),
        knee=_listed(knee),
        hip=_listed(hip),
        trunk=_listed(_steady(trunk)),
        # Not the median: after the contact hardly a frame is known, so it would be the angle of two frames before.
        trunk_at_entry=None if contact_frame is None else angle_at_entry(trunk, contact_frame - start_frame),
    )


_SIDES = ("right", "left")


def _steady(angles: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " frames"]:
    """The median of the frames around each frame in which the angle is known."""
    steady = np.full(len(angles), np.nan)
    for frame in np.flatnonzero(~np.isnan(angles)).tolist():
        steady[frame] = np.nanmedian(angles[max(frame - _HALF_WINDOW, 0) : frame + _HALF_WINDOW + 1])
    return steady


def _of_both(sides: list[np.ndarray]) -> np.ndarray:
    """The mean of both sides, or the one that is known."""
    both = np.stack(sides)
    known = ~np.isnan(both)
    return np.asarray(
        np.where(known.any(0), np.where(known, both, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
    )


def angle_at_entry(trunk: Float[np.ndarray, " frames"], frame: int) -> float | None:
    """Angle of the trunk to the vertical, head first or feet first, at the contact; None unless the frames before it agree.

    A body that enters the water comes ever nearer to the vertical, and has passed the horizontal before.

    Args:
        trunk: Angle of the trunk to the upright, in degrees, 0 to 180; NaN where it is not known.
        frame: Frame of the first touch of the water.

    Returns:
        Degrees, 0 to 90.
    """
    near = trunk[max(frame - _BEFORE_ENTRY + 1, 0) : frame + 1]
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


def _listed(values: np.ndarray) -> list[float | None]:
    return [None if math.isnan(value) else round(value, _DIGITS) for value in values.tolist()]


UNKNOWN, DOUBTED, SEEN, COUNTED_ANEW = "unknown", "not believed", "seen", "seen, turns counted anew"
"""What is known of an angle in a frame: a joint of it is unknown; all are known, but one was filled in or is doubtful; all were
seen; all were seen, but nobody knows how often the trunk has turned since the frame before."""
TRUNK = "trunk"
_CORNERS = {"knee": ("hip", "ankle"), "hip": ("shoulder", "knee")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SideAngles:
    """Angles of each side over the frames.

    Attributes:
        names: What each angle is called, `right_knee`, `left_knee`, `right_hip`, `left_hip` and `trunk`.
        degrees: Knees and hips: 0 to 180, 180 is stretched. Trunk: its turn from upright, counterclockwise in the picture,
            counted on over full turns; -180 to 180 in the first frame and where counting begins anew. NaN unless all joints were
            seen.
        states: One of `UNKNOWN`, `DOUBTED`, `SEEN` and `COUNTED_ANEW` for each frame and angle.
    """

    names: tuple[str, ...]
    degrees: Float[np.ndarray, "frames angles"]
    states: tuple[tuple[str, ...], ...]


def side_angles(
    track: PoseTrack, believed: Bool[np.ndarray, "frames joints"], times_s: Float[np.ndarray, " frames"]
) -> SideAngles:
    """Angles of both sides and of the trunk, each the middle of the five frames around it as far as they are known.

    Args:
        track: The diver's joints, of any skeleton.
        believed: Joints that were seen; angles with others are NaN.
        times_s: Time of each frame in seconds, non-decreasing.
    """
    track = PoseTrack(track.joints_px, track.confidence, ~believed, track.skeleton, track.derived).mapped(
        MPII_16
    )
    seen = track.known if track.filled is None else track.known & ~track.filled
    degrees, states = {}, {}
    for name, joints in _joints_of_angles().items():
        places = track.skeleton.indices(*joints)
        known = np.asarray(track.known[:, places].all(1))
        sure = np.asarray(seen[:, places].all(1))
        corner, *others = (np.where(sure[:, None], track.joints_px[:, place], np.nan) for place in places)
        anew = np.zeros(len(known), np.bool_)
        if name == TRUNK:
            degrees[name], anew = _turn(others[0] - corner, times_s)
            sure = ~np.isnan(degrees[name])  # less the frames that were left out
        else:
            degrees[name] = _steady(angle_at(corner, *others))
        states[name] = [
            COUNTED_ANEW if again else SEEN if good else DOUBTED if there else UNKNOWN
            for there, good, again in zip(known.tolist(), sure.tolist(), anew.tolist(), strict=True)
        ]
    return SideAngles(
        names=tuple(degrees),
        degrees=np.stack(list(degrees.values()), axis=1),
        states=tuple(zip(*states.values(), strict=True)),
    )


def _joints_of_angles() -> dict[str, tuple[str, ...]]:
    """The joints of each angle, its corner first."""
    sides = {
        f"{side}_{corner}": (f"{side}_{corner}", *(f"{side}_{end}" for end in ends))
        for corner, ends in _CORNERS.items()
        for side in _SIDES
    }
    return sides | {TRUNK: ("pelvis", "thorax")}


def _turn(
    trunk: Float[np.ndarray, "frames 2"], times_s: Float[np.ndarray, " frames"]
) -> tuple[Float[np.ndarray, " frames"], Bool[np.ndarray, " frames"]]:
    """The trunk's turn from upright in degrees, counted on, and the frames from which counting begins anew.

    A frame that no diver can have turned to in the time since the frame before is left out where the frame after it goes on from
    the one before, and begins a new count otherwise: nobody knows how often the trunk has turned between.
    """
    turn, anew = np.full(len(trunk), np.nan), np.zeros(len(trunk), np.bool_)
    angles = np.degrees(np.arctan2(-trunk[:, 0], -trunk[:, 1]))
    angles[(trunk == 0).all(1)] = np.nan  # of no length, and so of no direction
    known = np.flatnonzero(~np.isnan(angles)).tolist()

    def goes_on(before: int, after: int) -> bool:
        most = _FASTEST_TURN * (times_s[after] - times_s[before]) + _TURN_SLACK
        return bool(most < 180.0 and abs(_between(angles[before], angles[after])) <= most)

    runs: list[list[int]] = []
    for place, frame in enumerate(known):
        if runs and goes_on(runs[-1][-1], frame):
            runs[-1].append(frame)
        elif not (runs and place + 1 < len(known) and goes_on(runs[-1][-1], known[place + 1])):
            anew[frame] = bool(runs)
            runs.append([frame])
    for run in runs:
        counted = np.full(run[-1] - run[0] + 1, np.nan)
        counted[np.array(run) - run[0]] = np.unwrap(angles[run], period=360.0)
        counted = _steady(counted)
        turn[run] = counted[np.array(run) - run[0]] - 360.0 * np.rint(counted[0] / 360.0)
    return turn, anew


def _between(before: float, after: float) -> float:
    """The shorter way from one direction to another, in degrees, -180 to 180."""
    return (after - before + 180.0) % 360.0 - 180.0
