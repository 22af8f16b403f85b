"""Joint angles of the diver over the frames, in the picture's plane.

Source: none needed. Departs: angles are of the picture, not of the body in space; a leg that points at the camera
looks bent.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from stagescore.measures.joint_angles import angle_at, angle_at_entry, of_both, steady
from stagescore.scoring.result_parts import Angles
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

_DIGITS = 3
_FASTEST_TURN, _TURN_SLACK = 2000.0, 20.0
"""Degrees per second that a trunk turns at most, and degrees by which joints scatter beside that. Set by hand; the fastest of five
films of UNLV-Dive turned at 1,320 degrees per second over eleven frames."""


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
    knee = steady(
        of_both([angle_at(*(joints[f"{s}_{j}"] for j in ("knee", "hip", "ankle"))) for s in _SIDES])
    )
    hip = steady(
        of_both([angle_at(*(joints[f"{s}_{j}"] for j in ("hip", "shoulder", "knee"))) for s in _SIDES])
    )
    above = joints["pelvis"] + np.array([0.0, -1.0])
    trunk = angle_at(joints["pelvis"], joints["thorax"], above)
    return Angles(
        frames=list(range(start_frame, start_frame + track.num_frames)),
        knee=_listed(knee),
        hip=_listed(hip),
        trunk=_listed(steady(trunk)),
        # Not the median: after the contact hardly a frame is known, so it would be the angle of two frames before.
        trunk_at_entry=None if contact_frame is None else angle_at_entry(trunk, contact_frame - start_frame),
    )


_SIDES = ("right", "left")


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
            degrees[name] = steady(angle_at(corner, *others))
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
        counted = steady(counted)
        turn[run] = counted[np.array(run) - run[0]] - 360.0 * np.rint(counted[0] / 360.0)
    return turn, anew


def _between(before: float, after: float) -> float:
    """The shorter way from one direction to another, in degrees, -180 to 180."""
    return (after - before + 180.0) % 360.0 - 180.0
