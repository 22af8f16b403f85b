"""Leaving the board: where, how fast, and which way round.

Source: free fall. Heights of jumps are those that give flights of 1.45 to 1.9 s from 10 m and 1.2 to 1.6 s
from 3 m.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stagescore.hashing import hash_unit
from stagescore.simulate.body import FINGERS, TOES, angles, centre_of_mass, nodes_of
from stagescore.simulate.choreography import HANDSTAND, REACH, Posture
from stagescore.simulate.flight import rotation_about
from stagescore.simulate.types import GRAVITY_M_S2, DivePlan

# Boards are at 3 m and platforms at 10 m; any height in between would do.
_SPRINGBOARD_BELOW_M = 5.0
# Set by hand: least speed away from the board, and how far from it a good dive passes the board's height.
_MIN_OUTWARD_M_S = 0.25
_IDEAL_DISTANCE_M = {"springboard": 1.35, "platform": 1.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How the board is left.

    Attributes:
        direction: Direction of the somersault: +1 where it carries the top of the body out over the water, -1 where
            towards the board (reverse dives).
        upright: Rotation from body to world axes before any somersault; head down in an armstand.
        lean: Somersault already turned when the board is left, in radians.
        posture: Joint angles when the board is left, in degrees.
        centre_m: Place of the centre of mass when the board is left, in metres.
        velocity_m_s: Velocity of the centre of mass when the board is left, in metres per second.
    """

    direction: int
    upright: Float[np.ndarray, "3 3"]
    lean: float
    posture: Posture
    centre_m: Float[np.ndarray, "3"]
    velocity_m_s: Float[np.ndarray, "3"]

    def orientation(self, turned: Float[np.ndarray, " steps"]) -> Float[np.ndarray, "steps 3 3"]:
        """Body to world axes after a somersault of so many radians, without twist or lean."""
        return np.asarray(rotation_about(1, self.direction * turned) @ self.upright)

    @property
    def body_sign(self) -> int:
        """Sign of the somersault about the body's own left."""
        return self.direction * int(np.sign(self.upright[1, 1]))

    def centre_at(self, times_s: Float[np.ndarray, " steps"]) -> Float[np.ndarray, "steps 3"]:
        """The parabola of the centre of mass."""
        path = self.centre_m + times_s[:, None] * self.velocity_m_s
        path[:, 2] -= GRAVITY_M_S2 / 2 * times_s**2
        return np.asarray(path)


def launch(plan: DivePlan) -> Launch:
    """How a plan leaves the board."""
    number = plan.number
    direction = -1 if number.direction == "reverse" else 1
    upright = _upright(plan)
    posture = HANDSTAND if number.armstand else REACH + angles(toes=18, hip=6)
    topples_out = number.armstand and direction > 0
    lean = math.radians((18.0 if topples_out else 4.0) + 5.0 * hash_unit(plan.seed, "lean"))
    turned = rotation_about(1, np.array([direction * lean]))[0] @ upright
    nodes = nodes_of(posture, plan.body_scale) @ turned.T
    support = nodes[list(FINGERS if number.armstand else TOES)].mean(0)
    centre = centre_of_mass(nodes) - support + np.array([0.0, 0.0, plan.height_m])
    rise = max(_good_rise_m(plan) - plan.faults.low_jump_m, 0.02)
    vertical = math.sqrt(2 * GRAVITY_M_S2 * rise)
    kind = "springboard" if plan.height_m < _SPRINGBOARD_BELOW_M else "platform"
    way = _IDEAL_DISTANCE_M[kind] + plan.faults.takeoff_distance_m - centre[0]
    outward = max(way / fall_s(centre[2], vertical, plan.height_m), _MIN_OUTWARD_M_S)
    return Launch(
        direction=direction,
        upright=upright,
        lean=lean,
        posture=posture,
        centre_m=centre,
        velocity_m_s=np.array([outward, 0.0, vertical]),
    )


def _upright(plan: DivePlan) -> Float[np.ndarray, "3 3"]:
    """Facing the water, or the board in back and inward dives; head down in an armstand."""
    if not plan.number.armstand:
        faces_board = plan.number.direction in ("back", "inward")
        return np.diag([-1.0, -1.0, 1.0]) if faces_board else np.eye(3)
    # A somersault that turns the feet out over the water is backward for a diver whose belly is turned
    # to the water, and forward for one whose back is.
    return np.diag([1.0, -1.0, -1.0]) if plan.number.direction == "back" else np.diag([-1.0, 1.0, -1.0])


def _good_rise_m(plan: DivePlan) -> float:
    """How far the centre of mass rises above where it left the board in a good jump."""
    spread = 0.06 * (hash_unit(plan.seed, "rise") - 0.5)
    if plan.approach == "armstand":
        return 0.06 + spread / 3
    if plan.height_m < _SPRINGBOARD_BELOW_M:
        return (1.62 if plan.approach == "hurdle" else 1.38) + 2 * spread
    return (0.50 if plan.approach == "hurdle" else 0.44) + spread


def fall_s(from_m: float, vertical_m_s: float, to_m: float) -> float:
    """Seconds until a height is passed on the way down, in free fall."""
    below = vertical_m_s**2 + 2 * GRAVITY_M_S2 * (from_m - to_m)
    return (vertical_m_s + math.sqrt(max(below, 0.0))) / GRAVITY_M_S2
