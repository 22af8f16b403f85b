"""The nouns that travel inside the simulation: plan -> motion -> scene and splash -> pictures and marks.

World axes are right-handed, in metres: x points from the end of the board out over the water, y to the
left of that, z up; the water's surface is z = 0 and the end of the board is at x = 0.
"""

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from jaxtyping import Float

from stagescore.diving import DiveNumber
from stagescore.errors import DataError

GRAVITY_M_S2 = 9.81

Approach = Literal["standing", "hurdle", "armstand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Sizes of everything that judges deduct for; all zero is a perfect dive.

    Attributes:
        takeoff_distance_m: How much farther from the board (+) or closer to it (-) than ideal the
            path runs when the diver passes the board's height.
        low_jump_m: How much lower the highest point of the centre of mass is than in a good jump, >= 0.
        bent_knees_deg: Bend of the knees where legs should be straight, >= 0.
        split_legs_deg: Angle between the legs where they should be together, >= 0.
        flexed_toes_deg: How far the feet are from pointed, >= 0.
        loose_position_deg: How far a tuck or pike is open at the hips (and knees, in a tuck), >= 0;
            in a straight position, how far the hips bend.
        over_rotation_deg: Pitch of the body past vertical at water contact (+), or short of it (-).
        short_twist_deg: Twist that is missing at water contact, >= 0; 0 in dives without twist.
        entry_lean_deg: Sideways lean of the body at water contact, either sign.
        loud_entry: The part of the splash that is due to hands and timing alone, 0 to 1.
    """

    takeoff_distance_m: float = 0.0
    low_jump_m: float = 0.0
    bent_knees_deg: float = 0.0
    split_legs_deg: float = 0.0
    flexed_toes_deg: float = 0.0
    loose_position_deg: float = 0.0
    over_rotation_deg: float = 0.0
    short_twist_deg: float = 0.0
    entry_lean_deg: float = 0.0
    loud_entry: float = 0.0

    def __post_init__(self) -> None:
        signed = ("takeoff_distance_m", "over_rotation_deg", "entry_lean_deg")
        for field in fields(self):
            value = getattr(self, field.name)
            if not np.isfinite(value) or (value < 0 and field.name not in signed):
                raise DataError(f"the fault {field.name} is {value}", todo="give a size of 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class DivePlan:
    """What is to be dived, by whom, and how well.

    Attributes:
        number: Number of the dive.
        height_m: Height of the board in metres, 3 (springboard) or 10 (platform).
        difficulty: Degree of difficulty.
        approach: How the diver starts.
        faults: Sizes of what goes wrong.
        num_frames: Number of frames of the clip.
        frame_rate: Frames per second.
        takeoff_share: Place in the clip at which the first label transition is aimed, 0 to 1.
        body_scale: Size of the diver, 1 for the average adult.
        seed: Seed of everything that the plan does not say.
    """

    number: DiveNumber
    height_m: float
    difficulty: float
    approach: Approach
    faults: Faults
    num_frames: int
    frame_rate: float
    takeoff_share: float
    body_scale: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyMotion:
    """The dive in three dimensions, frame by frame: exact, as no camera sees it.

    Attributes:
        joints_m: Positions of the 16 joints in MPII's order, in metres.
        toes_m: Tips of the right and the left foot, in metres.
        fingers_m: Finger tips of the right and the left hand, in metres.
        centre_of_mass_m: Centre of mass of the whole body, in metres.
        angular_momentum: Angular momentum about the centre of mass, in kg m2/s; meaningful in flight.
        frame_rate: Frames per second.
        label_transitions: Label transitions as FineDiving means them: the last frame of the earlier sub-action.
        first_airborne_frame: First frame in which nothing touches the board any more.
        first_water_contact_frame: First frame in which a part of the body touches the water.
        somersaults: Somersaults between leaving the board and touching the water, in turns.
        twists: Twists between leaving the board and touching the water, in turns.
        entry_speed_m_s: Speed of the centre of mass at water contact, in metres per second.
    """

    joints_m: Float[np.ndarray, "frames joints 3"]
    toes_m: Float[np.ndarray, "frames 2 3"]
    fingers_m: Float[np.ndarray, "frames 2 3"]
    centre_of_mass_m: Float[np.ndarray, "frames 3"]
    angular_momentum: Float[np.ndarray, "frames 3"]
    frame_rate: float
    label_transitions: tuple[int, ...]
    first_airborne_frame: int
    first_water_contact_frame: int
    somersaults: float
    twists: float
    entry_speed_m_s: float

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return int(self.joints_m.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Splash:
    """What the entry throws up.

    Attributes:
        size: Size from 0 (a rip entry) to 1 (the largest).
        first_frame: Frame of the water contact.
        x_m: World x of the place where the body goes in, in metres.
        y_m: World y of the place where the body goes in, in metres.
        lean: Direction that the water is thrown in, from -1 (towards the board) to 1 (away from it).
    """

    size: float
    first_frame: int
    x_m: float
    y_m: float
    lean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the judges make of it.

    Attributes:
        execution: Mark that the rules give to the faults, 0 to 10, before any judge sees it.
        deductions: Points that are deducted, by name of the fault.
        marks: Seven marks, in halves from 0 to 10.
        score: Final score, in points.
    """

    execution: float
    deductions: dict[str, float]
    marks: tuple[float, ...]
    score: float
