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
        takeoff_distance_m: how much farther from the board (+) or closer to it (-) than ideal the
            path runs when the diver passes the board's height.
        low_jump_m: how much lower the highest point of the centre of mass is than in a good jump, >= 0.
        bent_knees_deg: bend of the knees where legs should be straight, >= 0.
        split_legs_deg: angle between the legs where they should be together, >= 0.
        flexed_toes_deg: how far the feet are from pointed, >= 0.
        loose_position_deg: how far a tuck or pike is open at the hips (and knees, in a tuck), >= 0;
            in a straight position, how far the hips bend.
        over_rotation_deg: pitch of the body past vertical at water contact (+), or short of it (-).
        short_twist_deg: twist that is missing at water contact, >= 0; 0 in dives without twist.
        entry_lean_deg: sideways lean of the body at water contact, either sign.
        loud_entry: the part of the splash that is due to hands and timing alone, 0 to 1.
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
        number: the dive.
        height_m: 3 (springboard) or 10 (platform).
        difficulty: degree of difficulty.
        approach: how the diver starts.
        faults: what goes wrong.
        num_frames: frames of the clip.
        frame_rate: frames per second.
        takeoff_share: where in the clip the first label transition is aimed at, 0 to 1.
        body_scale: size of the diver, 1 for the average adult.
        seed: of everything else.
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
class Motion:
    """The dive in three dimensions, frame by frame: exact, as no camera sees it.

    Attributes:
        joints_m: the 16 joints of MPII's order.
        toes_m: tips of the right and the left foot.
        fingers_m: finger tips of the right and the left hand.
        centre_of_mass_m: of the whole body.
        angular_momentum: about the centre of mass, kg m2/s; meaningful in flight.
        frame_rate: frames per second.
        label_transitions: FineDiving's meaning: last frame of the earlier sub-action.
        first_airborne_frame: nothing touches the board any more.
        first_water_contact_frame: the first part of the body touches the water.
        somersaults: turned between leaving the board and touching the water, in turns.
        twists: likewise.
        entry_speed_m_s: of the centre of mass at water contact.
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
        size: 0 (a rip entry) to 1 (the largest).
        first_frame: water contact.
        x_m: where the body goes in.
        y_m: likewise.
        lean: -1 to 1: thrown towards the board or away from it.
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
        execution: mark that the rules give to the faults, 0 to 10, before any judge sees it.
        deductions: points by name of the fault.
        marks: seven, in halves from 0 to 10.
        score: final score, points.
    """

    execution: float
    deductions: dict[str, float]
    marks: tuple[float, ...]
    score: float
