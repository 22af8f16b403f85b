"""What can be measured on the joints of a dive: the same quantities that the judges' rules name.

Nothing here knows the plan of a dive: joints, the board's height and what the clip shows are all it takes.
"""

from dataclasses import astuple, dataclass

import numpy as np
from jaxtyping import Float

from stagescore.simulate.types import BodyMotion
from stagescore.skeleton import MPII_16

_SHAPED_AFTER = 0.45
"""The position is held from here on, as a share of the time from leaving the board to the opening. Set by hand."""

_SIDES = ("right", "left")
_DEGENERATE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Sizes in a dive, as a ruler and a protractor give them.

    Attributes:
        distance_m: Distance of the centre of mass from the board's end where it passes the board's height, in metres.
        rise_m: Height of the centre of mass above the board at its highest, less the size of the body (the length of
            its shanks times 2.5, which is 1 m for an adult), in metres.
        knees_deg: Bend of the knees while the position is held, in degrees.
        hips_deg: Bend of the hips while the position is held, in degrees.
        split_deg: Angle between the thighs while the position is held, in degrees.
        toes_deg: How far the feet are from pointed while the position is held, in degrees.
        entry_knees_deg: Bend of the knees at water contact, in degrees.
        entry_split_deg: Angle between the legs at water contact, in degrees.
        entry_toes_deg: How far the feet are from pointed at water contact, in degrees.
        pitch_deg: Angle of the trunk away from vertical in the plane of the somersault, at water contact; positive
            where the legs lie farther out over the water than the head does.
        lean_deg: Angle of the trunk out of the plane of the somersault at water contact, in degrees.
        missing_twist_deg: Angle between the hips and the plane across the dive at water contact, 0 to 90 degrees.
    """

    distance_m: float
    rise_m: float
    knees_deg: float
    hips_deg: float
    split_deg: float
    toes_deg: float
    entry_knees_deg: float
    entry_split_deg: float
    entry_toes_deg: float
    pitch_deg: float
    lean_deg: float
    missing_twist_deg: float

    def as_array(self) -> Float[np.ndarray, " sizes"]:
        """The sizes in the order of the attributes."""
        return np.array(astuple(self))


def measure(motion: BodyMotion, height_m: float) -> Measurements:
    """Measure a dive.

    Args:
        motion: Motion of a dive whose frames reach the water.
        height_m: Height of the board, in metres.
    """
    held, contact = held_frames(motion), motion.first_water_contact_frame
    knees, hips = knee_bend_deg(motion), hip_bend_deg(motion)
    split, toes = leg_split_deg(motion), toe_bend_deg(motion)
    pitch, lean = trunk_off_vertical_deg(motion)
    return Measurements(
        distance_m=distance_at_board_m(motion, height_m),
        rise_m=apex_m(motion) - height_m - _body_size_m(motion),
        knees_deg=float(np.median(knees[held])),
        hips_deg=float(np.median(hips[held])),
        split_deg=float(np.median(split[held])),
        toes_deg=float(np.median(toes[held])),
        entry_knees_deg=float(knees[contact]),
        entry_split_deg=float(split[contact]),
        entry_toes_deg=float(toes[contact]),
        pitch_deg=float(pitch[contact]),
        lean_deg=float(lean[contact]),
        missing_twist_deg=float(twist_off_square_deg(motion)[contact]),
    )


def held_frames(motion: BodyMotion) -> slice:
    """Frames in which the position is held: the later part of the time before the opening."""
    opening = motion.label_transitions[-1]
    first = motion.first_airborne_frame
    return slice(round(first + _SHAPED_AFTER * (opening - first)), opening + 1)


def knee_bend_deg(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Angle between thigh and shank, the mean of both legs; 0 where they are straight."""
    return _mean_of_sides(
        [
            _angle_deg(_bone(motion, f"{s}_hip", f"{s}_knee"), _bone(motion, f"{s}_knee", f"{s}_ankle"))
            for s in _SIDES
        ]
    )


def hip_bend_deg(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Angle between the trunk's line and the thighs, the mean of both; 0 where the body is straight."""
    trunk = _bone(motion, "thorax", "pelvis")
    return _mean_of_sides([_angle_deg(trunk, _bone(motion, f"{s}_hip", f"{s}_knee")) for s in _SIDES])


def leg_split_deg(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Angle between the thighs as the front shows it; negative where the knees are closer than the hips."""
    across = _across(motion)
    outward = [
        np.arcsin(np.clip((_unit(_bone(motion, f"{s}_hip", f"{s}_knee")) * across).sum(-1), -1, 1))
        for s in _SIDES
    ]
    return np.asarray(np.rad2deg(outward[1] - outward[0]))


def toe_bend_deg(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Angle between shank and foot, the mean of both; 0 for pointed toes and 90 for flexed ones."""
    return _mean_of_sides(
        [
            _angle_deg(
                _bone(motion, f"{s}_knee", f"{s}_ankle"),
                motion.toes_m[:, k] - motion.joints_m[:, MPII_16.index(f"{s}_ankle")],
            )
            for k, s in enumerate(_SIDES)
        ]
    )


def ankle_distance_m(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """Distance between the ankles."""
    return np.asarray(np.linalg.norm(_bone(motion, "right_ankle", "left_ankle"), axis=-1))


def trunk_off_vertical_deg(
    motion: BodyMotion,
) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]:
    """Pitch in the plane of the somersault and lean out of it, for a trunk that stands or is upside down."""
    trunk = _unit(_bone(motion, "pelvis", "thorax"))
    trunk = trunk * np.where(trunk[:, 2:] > 0, 1.0, -1.0)
    pitch = np.rad2deg(np.arctan2(trunk[:, 0], trunk[:, 2]))
    lean = np.rad2deg(np.arcsin(np.clip(trunk[:, 1], -1, 1)))
    return pitch, lean


def twist_off_square_deg(motion: BodyMotion) -> Float[np.ndarray, " frames"]:
    """How far the line of the hips is turned about the trunk out of the dive's sideways axis, 0 to 90."""
    trunk, across = _unit(_bone(motion, "pelvis", "thorax")), _across(motion)
    sideways = np.array([0.0, 1.0, 0.0])
    square = sideways - trunk * trunk[:, 1:2]
    return np.asarray(np.rad2deg(np.arccos(np.clip(np.abs((_unit(square) * across).sum(-1)), 0, 1))))


def apex_m(motion: BodyMotion) -> float:
    """Highest point of the centre of mass, metres above the water: of the parabola, between frames too."""
    flight = slice(motion.first_airborne_frame, motion.first_water_contact_frame)
    heights = motion.centre_of_mass_m[flight, 2]
    a, b, c = np.polyfit(np.arange(len(heights)), heights, 2)
    return float(c - b * b / (4 * a)) if b > 0 else float(heights[0])


def distance_at_board_m(motion: BodyMotion, height_m: float) -> float:
    """Distance of the centre of mass from the board's end where it passes the board's height."""
    flight = slice(motion.first_airborne_frame, motion.first_water_contact_frame)
    path = motion.centre_of_mass_m[flight]
    times = np.arange(len(path))
    a, b, c = np.polyfit(times, path[:, 2], 2)
    speed, start = np.polyfit(times, path[:, 0], 1)
    passed = (-b - np.sqrt(max(b * b - 4 * a * (c - height_m), 0.0))) / (2 * a)
    return float(start + speed * passed)


def _body_size_m(motion: BodyMotion) -> float:
    shank = _bone(motion, "right_knee", "right_ankle")[motion.first_airborne_frame]
    return 2.5 * float(np.linalg.norm(shank))


def _bone(motion: BodyMotion, first: str, second: str) -> Float[np.ndarray, "frames 3"]:
    return np.asarray(motion.joints_m[:, MPII_16.index(second)] - motion.joints_m[:, MPII_16.index(first)])


def _across(motion: BodyMotion) -> Float[np.ndarray, "frames 3"]:
    """From the right hip to the left one."""
    return _unit(_bone(motion, "right_hip", "left_hip"))


def _unit(vectors: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _DEGENERATE))


def _angle_deg(
    first: Float[np.ndarray, "frames 3"], second: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, " frames"]:
    crossed = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(np.rad2deg(np.arctan2(crossed, (first * second).sum(-1))))


def _mean_of_sides(sides: list[np.ndarray]) -> Float[np.ndarray, " frames"]:
    return np.asarray(np.mean(sides, axis=0))
