"""The dive between board and water: postures timed and the angular momentum chosen so that it comes out.

A perfect dive is solved for first. A fault of rotation is then what it is in life: the same angular
momentum, opened too early or too late. A lean at the entry comes from an arm that goes up sideways.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stagescore.hashing import hash_unit
from stagescore.simulate.body import centre_of_mass, nodes_of
from stagescore.simulate.choreography import Timing, entry_posture
from stagescore.simulate.flight import rotation_about, turning_of
from stagescore.simulate.launch import Launch, fall_s
from stagescore.simulate.programme import Programme, plain_programme
from stagescore.simulate.twisting import twisting_programme
from stagescore.simulate.types import DivePlan

# Set by hand: how far one arm may come up sideways, and the most pitch that is put into the whole flight where no
# opening gives it (docs/simulation.md).
_MAX_LATE_ARM_DEG = 150.0
_MOST_LEFT_OVER_DEG = 12.0
# Set by hand: how much earlier or later the opening may begin, and its latest beginning before the water.
_OPENING_SHIFT_S = (-0.22, 0.20)
_LATEST_OPENING_S = 0.10
# Set by hand: steps towards a root, a miss in radians that is small enough, and fewest steps of flight that are solved.
_SOLVER_STEPS = 14
_CLOSE_ENOUGH = 1e-3
_FEWEST_STEPS = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Airborne:
    """The body from leaving the board to touching the water, in fine steps.

    Attributes:
        step_s: Seconds between steps.
        angles_deg: Joint angles of each step, in degrees.
        orientation: Rotation from body to world axes at each step.
        timing: Times at which the shape changed, as it was dived.
        twist_end_s: Time at which the twisting stops, in seconds since leaving the board; None without twist.
        somersault: Somersault turned, in radians, signed, from 0 where the board is left.
        twist: Twist turned, in radians, signed, from 0 where the board is left.
    """

    step_s: float
    angles_deg: Float[np.ndarray, "steps angles"]
    orientation: Float[np.ndarray, "steps 3 3"]
    timing: Timing
    twist_end_s: float | None
    somersault: Float[np.ndarray, " steps"]
    twist: Float[np.ndarray, " steps"]

    @property
    def num_steps(self) -> int:
        """Steps, both ends included."""
        return len(self.angles_deg)

    @property
    def duration_s(self) -> float:
        """Seconds in the air."""
        return (self.num_steps - 1) * self.step_s

    def world_nodes(self, start: Launch, scale: float) -> Float[np.ndarray, "steps nodes 3"]:
        """The nodes of the body in world axes, metres."""
        nodes = nodes_of(self.angles_deg, scale) @ self.orientation.transpose(0, 2, 1)
        path = start.centre_at(np.arange(self.num_steps) * self.step_s)
        return np.asarray(nodes - centre_of_mass(nodes)[:, None] + path[:, None])


def fly(plan: DivePlan, start: Launch, step_s: float) -> Airborne:
    """Solve a dive between board and water.

    Args:
        plan: What is dived, and how well.
        start: How the board is left.
        step_s: Seconds between steps.
    """
    timing = _timing(plan, start, step_s)
    make = twisting_programme if plan.number.half_twists else plain_programme
    programme = make(plan, start, timing, step_s)
    orientation = perfect = programme.turn(0)
    if plan.faults.entry_lean_deg:
        programme, orientation = _leaning(plan, start, programme, orientation)
    if plan.faults.over_rotation_deg or plan.faults.entry_lean_deg:  # swinging an arm pitches the body too
        programme, orientation = _opened_wrongly(plan, start, programme, (orientation, perfect))
    orientation = _corrected(plan, start, programme, (orientation, perfect))
    somersault, _, twist = turning_of(orientation, start.upright)
    return Airborne(
        step_s=step_s,
        angles_deg=programme.postures(),
        orientation=orientation,
        timing=programme.timing,
        twist_end_s=programme.twist_end_s,
        somersault=somersault - somersault[0],
        twist=twist - twist[0],
    )


def _timing(plan: DivePlan, start: Launch, step_s: float) -> Timing:
    """The water is touched when the parabola has brought the stretched body down to it."""
    final = plan.number.half_somersaults * np.pi + np.deg2rad(plan.faults.over_rotation_deg)
    lean = rotation_about(0, np.deg2rad(np.array([plan.faults.entry_lean_deg])))[0]
    nodes = nodes_of(entry_posture(plan.faults), plan.body_scale)
    reach = (nodes - centre_of_mass(nodes)) @ (lean @ start.orientation(np.array([final]))[0]).T
    contact = fall_s(start.centre_m[2], start.velocity_m_s[2], -reach[:, 2].min())
    contact = float(np.ceil(contact / step_s) * step_s)
    simple = plan.number.half_somersaults <= 3 and not plan.number.half_twists
    lead = (0.48 if simple else 0.27) + 0.1 * (hash_unit(plan.seed, "opening") - 0.5)
    opening = (0.36 if simple else 0.21) + 0.04 * hash_unit(plan.seed, "opening takes")
    shaping = (0.30 if simple else 0.24) + 0.05 * (hash_unit(plan.seed, "shaping") - 0.5)
    return Timing(
        shaped_s=shaping, open_s=contact - lead, straight_s=contact - lead + opening, contact_s=contact
    )


def _opened_wrongly(
    plan: DivePlan,
    start: Launch,
    programme: Programme,
    orientations: tuple[Float[np.ndarray, "steps 3 3"], Float[np.ndarray, "steps 3 3"]],
) -> tuple[Programme, Float[np.ndarray, "steps 3 3"]]:
    """Open later to over-rotate, earlier to fall short; what that cannot reach stays unreached."""
    orientation, without = orientations
    timing = programme.timing
    earliest = max(timing.open_s + _OPENING_SHIFT_S[0], programme.shaped_s)
    latest = min(timing.open_s + _OPENING_SHIFT_S[1], timing.contact_s - _LATEST_OPENING_S)
    first = min(int(earliest / programme.step_s), len(orientation) - _FEWEST_STEPS)
    perfect = turning_of(without, start.upright)[0][-1]
    wanted = np.deg2rad(plan.faults.over_rotation_deg) * start.direction

    def miss(open_s: float) -> float:
        turned = programme.opened_at(open_s).turn(first, orientation)
        return float(turning_of(turned, start.upright)[0][-1] - perfect - wanted) * start.direction

    programme = programme.opened_at(_root(miss, (earliest, latest)))
    return programme, programme.turn(first, orientation)


def _corrected(
    plan: DivePlan,
    start: Launch,
    programme: Programme,
    orientations: tuple[Float[np.ndarray, "steps 3 3"], Float[np.ndarray, "steps 3 3"]],
) -> Float[np.ndarray, "steps 3 3"]:
    """Bring twist, lean and pitch at water contact to what the faults say, where the dive has not yet.

    The twist comes back by what is missing of it: the one thing here that is not solved for. So slow a turn
    about the long axis takes a few hundredths of the angular momentum. A lean that no arm can reach and a
    pitch that no opening can reach were there when the board was left: the whole flight is turned, and its
    angular momentum with it, so that it stays constant.
    """
    orientation, perfect = orientations
    if plan.faults.short_twist_deg and plan.number.half_twists:
        times = np.arange(len(orientation)) * programme.step_s
        share = np.clip((times - programme.timing.open_s) / (times[-1] - programme.timing.open_s), 0.0, 1.0)
        twisted = turning_of(orientation, orientation[0])[2]
        sign = np.sign(twisted[-1] - twisted[0]) * np.sign(orientation[0, 2, 2])
        missing = np.deg2rad(plan.faults.short_twist_deg) * share * share * (3 - 2 * share)
        orientation = orientation @ rotation_about(2, -sign * missing)
    if plan.faults.entry_lean_deg:
        lean = turning_of(orientation[-1:], start.upright)[1][0]
        headed = np.sign(orientation[-1, 2, 2] * start.upright[2, 2])
        sideways = headed * (np.deg2rad(plan.faults.entry_lean_deg) - lean)
        orientation = rotation_about(0, np.full(1, sideways)) @ orientation
    if plan.faults.over_rotation_deg or plan.faults.entry_lean_deg:
        wanted = turning_of(perfect, start.upright)[0][-1]
        wanted += np.deg2rad(plan.faults.over_rotation_deg) * start.direction
        most = np.deg2rad(_MOST_LEFT_OVER_DEG)
        pitched = np.clip(wanted - turning_of(orientation, start.upright)[0][-1], -most, most)
        orientation = rotation_about(1, np.full(1, pitched)) @ orientation
    return np.asarray(orientation)


def _leaning(
    plan: DivePlan, start: Launch, programme: Programme, orientation: Float[np.ndarray, "steps 3 3"]
) -> tuple[Programme, Float[np.ndarray, "steps 3 3"]]:
    """Swing one arm up sideways in the opening."""
    first = min(int(programme.timing.open_s / programme.step_s), len(orientation) - _FEWEST_STEPS)
    wanted = np.deg2rad(plan.faults.entry_lean_deg)

    def miss(late_arm_deg: float) -> float:
        turned = replace(programme, late_arm_deg=late_arm_deg).turn(first, orientation)
        return float(turning_of(turned[-1:], start.upright)[1][0] - wanted)

    programme = replace(programme, late_arm_deg=_root(miss, (-_MAX_LATE_ARM_DEG, _MAX_LATE_ARM_DEG)))
    return programme, programme.turn(first, orientation)


def _root(function: Callable[[float], float], bounds: tuple[float, float]) -> float:
    """A zero of a monotone function within bounds, or the bound that comes nearest."""
    low, high = bounds
    at_low, at_high = function(low), function(high)
    if at_low * at_high > 0:
        return low if abs(at_low) < abs(at_high) else high
    middle = low
    for _ in range(_SOLVER_STEPS):
        share = at_low / (at_low - at_high)
        middle = low + min(max(share, 0.08), 0.92) * (high - low)
        value = function(middle)
        if abs(value) < _CLOSE_ENOUGH:
            break
        if value * at_low > 0:
            low, at_low = middle, value
        else:
            high, at_high = middle, value
    return middle
