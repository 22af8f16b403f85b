"""From a plan to the dive in three dimensions: on the board, in the air, into the water."""

import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.simulate.airborne import Airborne, fly
from stagescore.simulate.board import Leaving, on_board
from stagescore.simulate.body import FINGERS, NUM_NODES, TOES, angular_momentum, centre_of_mass
from stagescore.simulate.launch import Launch, launch
from stagescore.simulate.twisting import THROW_AT_S, THROW_S
from stagescore.simulate.types import GRAVITY_M_S2, BodyMotion, DivePlan
from stagescore.skeleton import MPII_16

# At 25 frames per second 250 steps: a triple twist is then 0.003 turn off, at fourth order (docs/log.md).
STEPS_A_FRAME = 10
# Set by hand: fewest frames before the flight and after it, and how quickly water stops the body.
MIN_LEAD_FRAMES = 3
MIN_FRAMES_AFTER_CONTACT = 3
_WATER_STOPS_S = 0.45


def simulate(plan: DivePlan) -> BodyMotion:
    """Simulate a dive.

    Args:
        plan: What is dived, by whom, and how well.

    Raises:
        DataError: The clip is too short to hold the dive.
    """
    step_s = 1.0 / (plan.frame_rate * STEPS_A_FRAME)
    start = launch(plan)
    flight = fly(plan, start, step_s)
    in_air = flight.world_nodes(start, plan.body_scale)
    frames_in_air = flight.duration_s * plan.frame_rate
    latest = plan.num_frames - MIN_FRAMES_AFTER_CONTACT - frames_in_air
    leaves = min(max(plan.takeoff_share * plan.num_frames, MIN_LEAD_FRAMES), latest)
    if latest < MIN_LEAD_FRAMES:
        raise DataError(
            f"{plan.num_frames} frames at {plan.frame_rate:g} a second do not hold the dive",
            where=plan.number.code,
            todo="plan a longer clip",
        )
    offset = round(leaves * STEPS_A_FRAME)  # the board is left at this step of the clip
    steps = np.arange(plan.num_frames) * STEPS_A_FRAME - offset
    before, after = steps <= 0, steps >= flight.num_steps
    nodes = np.empty((plan.num_frames, NUM_NODES, 3))
    middle = ~before & ~after
    nodes[middle] = in_air[steps[middle]]
    nodes[before] = on_board(plan, start, _leaving(in_air, flight), steps[before] * step_s)
    nodes[after] = _under_water(in_air, flight, (steps[after] - flight.num_steps + 1) * step_s)
    momentum = np.zeros((plan.num_frames, 3))
    momentum[middle] = angular_momentum(in_air, step_s)[steps[middle]]
    last = flight.num_steps - 1
    return BodyMotion(
        joints_m=nodes[:, : MPII_16.num_joints],
        toes_m=nodes[:, list(TOES)],
        fingers_m=nodes[:, list(FINGERS)],
        centre_of_mass_m=centre_of_mass(nodes),
        angular_momentum=momentum,
        frame_rate=plan.frame_rate,
        label_transitions=_label_transitions(plan, flight, offset),
        first_airborne_frame=int(np.argmax(steps > 0)),
        first_water_contact_frame=int(np.argmax(steps >= last)),
        somersaults=float(abs(flight.somersault[-1])) / (2 * np.pi),
        twists=float(abs(flight.twist[-1])) / (2 * np.pi),
        entry_speed_m_s=float(np.linalg.norm(_entry_velocity(start, flight.duration_s))),
    )


def _leaving(in_air: Float[np.ndarray, "steps nodes 3"], flight: Airborne) -> Leaving:
    pelvis = in_air[:3, 6]
    velocity = (-3 * pelvis[0] + 4 * pelvis[1] - pelvis[2]) / (2 * flight.step_s)
    turning = (flight.somersault[2] - flight.somersault[0]) / (2 * flight.step_s)
    return Leaving(in_air[0], velocity, float(turning))


def _entry_velocity(start: Launch, duration_s: float) -> Float[np.ndarray, "3"]:
    return np.asarray(start.velocity_m_s - np.array([0.0, 0.0, GRAVITY_M_S2 * duration_s]))


def _under_water(
    in_air: Float[np.ndarray, "steps nodes 3"], flight: Airborne, since_s: Float[np.ndarray, " frames"]
) -> Float[np.ndarray, "frames nodes 3"]:
    """The body glides on along the line of its entry, and the water stops it."""
    velocity = (in_air[-1] - in_air[-2]).mean(0) / flight.step_s
    glide = _WATER_STOPS_S * (1 - np.exp(-since_s / _WATER_STOPS_S))
    return np.asarray(in_air[-1] + glide[:, None, None] * velocity)


def _label_transitions(plan: DivePlan, flight: Airborne, offset: int) -> tuple[int, ...]:
    """FineDiving's meaning: the last frame of take-off, of flight, and of what lies between in a twisting dive.

    Forward twisting dives are labelled as somersault, twist, somersault; the others begin with the twist.
    """
    times = [0.0]
    if flight.twist_end_s is not None:
        if plan.number.direction == "forward" and not plan.number.armstand:
            times.append(THROW_AT_S + THROW_S / 2)
        times.append(flight.twist_end_s)
    times.append(flight.timing.open_s)
    frames = [(offset + int(time / flight.step_s)) // STEPS_A_FRAME for time in times]
    for k in range(len(frames) - 2, 0, -1):  # no sub-action is empty
        frames[k] = min(frames[k], frames[k + 1] - 1)
    return tuple(frames)
