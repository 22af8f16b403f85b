"""On the board, before the dive: standing and pressing, running up and hurdling, or holding an armstand.

Made to look right and to join the flight without a jump in place or speed; nothing here is derived from
forces. The feet stay where they stand, legs bend to let them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stagescore.simulate.body import FINGERS, FOOT_M, NODES, SHANK_M, THIGH_M, angles, nodes_of
from stagescore.simulate.choreography import HANDSTAND, Key, Posture, posed
from stagescore.simulate.flight import rotation_about
from stagescore.simulate.launch import Launch
from stagescore.simulate.types import DivePlan

# Set by hand, to look right: durations in seconds, the height of the hop, and the speed of walking.
PRESS_S = 0.75
HOP_S = 0.42
HOP_RISE_M = 0.28
WALK_M_S = 1.1
STEP_S = 0.55
TOPPLE_S = 0.7
_ANKLE_GIVES = np.deg2rad(25.0)  # how far a shank leans over a foot that stands flat
# Set by hand: rounds in which foot and shank are fitted to each other.
_HEEL_STEPS = 8
_BOARD_GIVES = 0.6  # share of the press that a springboard takes; the legs take the rest
# Boards are at 3 m and platforms at 10 m; any height in between would do.
_SPRINGBOARD_BELOW_M = 5.0
_LEG = {
    side: [NODES.index(f"{side}_{name}") for name in ("hip", "knee", "ankle", "toes")]
    for side in ("right", "left")
}


@dataclass(frozen=True, slots=True, eq=False)
class Leaving:
    """The first moment of the flight, which the board has to lead up to.

    Attributes:
        nodes_m: Positions of all nodes in world axes, in metres.
        velocity_m_s: Velocity of the pelvis, in metres per second.
        turning: Speed of the somersault, in radians per second, signed.
    """

    nodes_m: Float[np.ndarray, "nodes 3"]
    velocity_m_s: Float[np.ndarray, "3"]
    turning: float


def on_board(
    plan: DivePlan, start: Launch, leaving: Leaving, times_s: Float[np.ndarray, " steps"]
) -> Float[np.ndarray, "steps nodes 3"]:
    """The body before it leaves the board.

    Args:
        plan: Plan that says the approach and the size of the body.
        start: How the board is left.
        leaving: The first moment of the flight.
        times_s: Seconds since leaving the board, all 0 or less.

    Returns:
        Positions of all nodes in world axes, in metres.
    """
    if plan.approach == "armstand":
        return _armstand(plan, start, leaving, times_s)
    return _standing_or_running(plan, start, leaving, times_s)


def _armstand(
    plan: DivePlan, start: Launch, leaving: Leaving, times_s: Float[np.ndarray, " steps"]
) -> Float[np.ndarray, "steps nodes 3"]:
    """Legs are raised to the vertical, held, and the body topples over the hands."""
    legs = [Key(-2.6, HANDSTAND + angles(hip=70)), Key(-1.5, HANDSTAND), Key(0.0, start.posture)]
    # A power that ends at the lean with the speed that the flight begins with.
    rate = max(start.direction * leaving.turning * TOPPLE_S / start.lean, 2.0)
    rotation = start.orientation(start.lean * np.clip(1 + times_s / TOPPLE_S, 0.0, 1.0) ** rate)
    nodes = nodes_of(posed(legs, times_s), plan.body_scale) @ rotation.transpose(0, 2, 1)
    hands = leaving.nodes_m[list(FINGERS)].mean(0)
    return np.asarray(nodes - nodes[:, list(FINGERS)].mean(1, keepdims=True) + hands)


def _standing_or_running(
    plan: DivePlan, start: Launch, leaving: Leaving, times_s: Float[np.ndarray, " steps"]
) -> Float[np.ndarray, "steps nodes 3"]:
    facing = float(np.sign(start.upright[0, 0]))
    pelvis_end = leaving.nodes_m[NODES.index("pelvis")]
    running = plan.approach == "hurdle"
    ground = _walking(plan, facing, times_s) if running else np.zeros((len(times_s), 2))
    standing_z = plan.height_m + (THIGH_M + SHANK_M + 0.06) * plan.body_scale
    rest = np.array([pelvis_end[0] - 0.06 * facing, pelvis_end[1], standing_z])
    landing = np.array([0.3 * facing, 0.0, -1.4]) if running else np.zeros(3)
    pelvis = np.stack(
        [
            _hermite(times_s, (-PRESS_S, rest[k], landing[k]), (0.0, pelvis_end[k], leaving.velocity_m_s[k]))
            for k in range(3)
        ],
        axis=-1,
    )
    before = times_s < -PRESS_S
    pelvis[before, 0] = rest[0] + ground[before, 0]
    pelvis[before, 2] = rest[2] + ground[before, 1]
    pressed = np.where(before, 0.0, np.maximum(rest[2] - pelvis[:, 2], 0.0))
    gives = _BOARD_GIVES * pressed if plan.height_m < _SPRINGBOARD_BELOW_M else np.zeros(len(times_s))

    turned = _hermite(times_s, (-PRESS_S, 0.0, 0.0), (0.0, start.lean, start.direction * leaving.turning))
    turned = np.where(before, 0.0, np.clip(turned, -0.1, start.lean))
    crouch = facing * np.minimum(0.9 * pressed, 0.45)
    rotation = rotation_about(1, crouch) @ start.orientation(turned)
    values = posed(_arms(start.posture, running), times_s)
    if running:
        values = np.where(before[:, None], posed(_steps(times_s[0]), times_s), values)
    nodes = nodes_of(values, plan.body_scale) @ rotation.transpose(0, 2, 1) + pelvis[:, None]
    rows = np.flatnonzero(~before if running else np.ones(len(times_s), dtype=bool))
    footing = _Footing(leaving, facing, plan.body_scale, gives[rows], times_s[rows])
    for side in _LEG:
        _stand(nodes, rows, side, footing)
    if running:  # walking feet touch the board
        lowest = nodes[before][:, [index for leg in _LEG.values() for index in leg[2:]], 2].min(
            1, initial=np.inf
        )
        nodes[before, :, 2] -= (lowest - plan.height_m - np.maximum(ground[before, 1], 0.0))[:, None]
    return np.asarray(nodes)


@dataclass(frozen=True, slots=True, eq=False)
class _Footing:
    """Where the feet stand: under the toes that leave the board, as far as it gives way.

    Attributes:
        leaving: The first moment of the flight.
        facing: Direction that the diver faces, +1 towards the water, -1 towards the board.
        scale: Size of the body, 1 for the average adult.
        gives_m: How far the board is pressed down at each moment, in metres.
        times_s: Times of the moments, in seconds since leaving the board.
    """

    leaving: Leaving
    facing: float
    scale: float
    gives_m: Float[np.ndarray, " moments"]
    times_s: Float[np.ndarray, " moments"]


def _stand(nodes: np.ndarray, rows: np.ndarray, side: str, footing: _Footing) -> None:
    """Bend a leg so that its toes stay on the board, in place."""
    leaving, facing, scale = footing.leaving, footing.facing, footing.scale
    hip, knee, ankle, tip = _LEG[side]
    toe = leaving.nodes_m[tip]
    end = leaving.nodes_m[tip] - leaving.nodes_m[ankle]
    end_pitch = np.arctan2(-end[2], facing * end[0])
    share = np.clip(1 + footing.times_s / 0.2, 0.0, 1.0)
    pitch = share * share * (3 - 2 * share) * end_pitch
    at_toe = np.stack(
        [np.full(len(rows), toe[0]), np.full(len(rows), toe[1]), toe[2] - footing.gives_m], axis=-1
    )
    at_hip = nodes[rows, hip]
    limit = (THIGH_M + SHANK_M) * scale * 0.999
    for _ in range(_HEEL_STEPS):
        foot = (
            FOOT_M * scale * np.stack([facing * np.cos(pitch), np.zeros(len(rows)), -np.sin(pitch)], axis=-1)
        )
        at_ankle = at_toe - foot
        at_ankle[:, 2] += 0.04 * (1 - share)
        reach = at_ankle - at_hip
        distance = np.linalg.norm(reach, axis=1)
        short = np.minimum(limit / distance, 1.0)
        at_ankle = at_hip + reach * short[:, None]
        distance = distance * short
        along = reach / np.linalg.norm(reach, axis=1, keepdims=True)
        forward = np.array([facing, 0.0, 0.0]) - along * (facing * along[:, :1])
        forward /= np.linalg.norm(forward, axis=1, keepdims=True)
        bend = np.sqrt(np.maximum((THIGH_M * scale) ** 2 - (distance / 2) ** 2, 0.0))
        at_knee = at_hip + along * (distance / 2)[:, None] + forward * bend[:, None]
        shank = at_ankle - at_knee
        leaning = np.arctan2(-facing * shank[:, 0], -shank[:, 2])  # the knee before the ankle
        # The heel rises as far as the ankle cannot give.
        pitch = np.maximum(pitch, 0.5 * pitch + 0.5 * (leaning - _ANKLE_GIVES))
    nodes[rows, knee] = at_knee
    nodes[rows, ankle] = at_ankle
    nodes[rows, tip] = at_ankle + foot


def _arms(leaving: Posture, running: bool) -> list[Key]:
    """Arms down, up, back, and up with the jump."""
    down, up, back = angles(shoulder=5), angles(shoulder=150), angles(shoulder=-30, side=8)
    if running:
        return [Key(-PRESS_S - 0.01, up), Key(-0.42, back), Key(0.0, leaving)]
    return [Key(-2.2, down), Key(-1.2, up), Key(-0.9, up), Key(-0.42, back), Key(0.0, leaving)]


def _steps(first_s: float) -> list[Key]:
    """Walking, then the hop with one knee raised."""
    hop = -PRESS_S - HOP_S
    keys = [
        Key(hop, angles(hip_r=12, knee_r=10, shoulder=-20)),
        Key(hop + 0.45 * HOP_S, angles(hip_r=72, knee_r=78, shoulder=150)),
        Key(-PRESS_S + 1e-3, angles(hip=8, knee=14, shoulder=150)),
    ]
    at, side = hop - STEP_S / 2, 1
    while at > first_s - STEP_S:
        near, far = ("r", "l") if side > 0 else ("l", "r")
        stride = {f"hip_{near}": 26.0, f"knee_{near}": 12.0, f"hip_{far}": -14.0, f"knee_{far}": 18.0}
        keys.insert(0, Key(at, angles(**stride, shoulder=8.0)))
        at, side = at - STEP_S / 2, -side
    return keys


def _walking(plan: DivePlan, facing: float, times_s: np.ndarray) -> np.ndarray:
    """How far behind the end of the board, and how high in the hop."""
    hop = -PRESS_S - HOP_S
    in_hop = np.clip((times_s - hop) / HOP_S, 0.0, 1.0)
    behind = 0.75 * (1 - in_hop) + WALK_M_S * np.maximum(hop - times_s, 0.0)
    rise = HOP_RISE_M * 4 * in_hop * (1 - in_hop)
    return np.stack([-facing * behind, rise], axis=-1)


def _hermite(
    times_s: Float[np.ndarray, " steps"], first: tuple[float, float, float], last: tuple[float, float, float]
) -> Float[np.ndarray, " steps"]:
    """A cubic from (time, value, rate) to (time, value, rate); the first value before."""
    length = last[0] - first[0]
    s = np.clip((times_s - first[0]) / length, 0.0, 1.0)
    return np.asarray(
        first[1] * (2 * s**3 - 3 * s**2 + 1)
        + first[2] * length * (s**3 - 2 * s**2 + s)
        + last[1] * (3 * s**2 - 2 * s**3)
        + last[2] * length * (s**3 - s**2)
    )
