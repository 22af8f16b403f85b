"""A diver's body: segment lengths, masses, joint angles, and where that puts the joints.

Source: segment masses, centres and radii of gyration after P. de Leva, "Adjustments to
Zatsiorsky-Seluyanov's segment inertia parameters", Journal of Biomechanics 29 (1996), rounded;
lengths are those of an adult of 1.68 m. Every segment is two mass points at its radius of gyration from
its centre, so that the whole body's mass points are weighted sums of its joints, and its angular momentum
can be told from the joints alone.

Body axes: x forward (belly), y left, z from the pelvis to the head; the origin is the pelvis.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from stagescore.skeleton import MPII_16

# Set by hand, for the adult of 1.68 m that the lengths are of.
MASS_KG: Final = 62.0
ANGLES: Final = (
    "hip_r",
    "hip_l",
    "knee_r",
    "knee_l",
    "toes",
    "spread",
    "neck",
    "shoulder_r",
    "shoulder_l",
    "side_r",
    "side_l",
    "elbow_r",
    "elbow_l",
)
"""Joint angles in degrees. Hips, shoulders and neck bend forward, knees backward, elbows forward;
`side` lifts an arm sideways; `toes` is 0 for a pointed foot and 90 for a flexed one; `spread` is the angle
between the legs. All 0 is upright with the arms down and the toes pointed."""

LIMITS_DEG: Final = {
    "hip_r": (-25.0, 140.0),
    "hip_l": (-25.0, 140.0),
    "knee_r": (0.0, 155.0),
    "knee_l": (0.0, 155.0),
    "toes": (0.0, 95.0),
    "spread": (0.0, 60.0),
    "neck": (-40.0, 55.0),
    "shoulder_r": (-50.0, 190.0),
    "shoulder_l": (-50.0, 190.0),
    "side_r": (-45.0, 190.0),
    "side_l": (-45.0, 190.0),
    "elbow_r": (0.0, 150.0),
    "elbow_l": (0.0, 150.0),
}
"""How far a body can bend, set by hand."""

NODES: Final = (*MPII_16.joints, "right_toes", "left_toes", "right_fingers", "left_fingers")
NUM_NODES: Final = len(NODES)
TOES: Final = (NODES.index("right_toes"), NODES.index("left_toes"))
FINGERS: Final = (NODES.index("right_fingers"), NODES.index("left_fingers"))

_TRUNK, _NECK, _HEAD = 0.47, 0.09, 0.23
_SHOULDER_HALF, _HIP_HALF = 0.17, 0.085
_UPPER_ARM, _FOREARM, _HAND = 0.28, 0.25, 0.17
THIGH_M, SHANK_M, FOOT_M = 0.40, 0.40, 0.19
_LEGS_TOGETHER = np.deg2rad(3.2)  # hips are wider apart than ankles that touch


@dataclass(frozen=True, slots=True)
class _Segment:
    """Two joints, share of the body's mass, centre and radius of gyration as shares of the length."""

    proximal: str
    distal: str
    mass: float
    centre: float
    gyration: float


_LIMBS = [
    segment
    for side in ("right", "left")
    for segment in (
        _Segment(f"{side}_shoulder", f"{side}_elbow", 0.027, 0.577, 0.28),
        _Segment(f"{side}_elbow", f"{side}_wrist", 0.016, 0.457, 0.27),
        _Segment(f"{side}_wrist", f"{side}_fingers", 0.006, 0.45, 0.25),
        _Segment(f"{side}_hip", f"{side}_knee", 0.142, 0.41, 0.33),
        _Segment(f"{side}_knee", f"{side}_ankle", 0.043, 0.445, 0.25),
        _Segment(f"{side}_ankle", f"{side}_toes", 0.014, 0.44, 0.25),
    )
]
_HEAD_MASS, _TRUNK_MASS = 0.069, 0.435
_TRUNK_LEVELS = (0.21, 0.89)  # shares of the way from hips to shoulders; centre and gyration as measured
_TRUNK_SIDE = 0.75  # the trunk's mass lies nearer to the spine than shoulders and hips do


def _mass_points() -> tuple[np.ndarray, np.ndarray]:
    weights, masses = [], []

    def add(mass: float, **shares: float) -> None:
        row = np.zeros(NUM_NODES)
        for name, share in shares.items():
            row[NODES.index(name)] += share
        weights.append(row)
        masses.append(mass)

    for s in _LIMBS:
        for at in (s.centre - s.gyration, s.centre + s.gyration):
            add(s.mass / 2, **{s.proximal: 1 - at, s.distal: at})
    for at in (0.2, 0.8):
        add(_HEAD_MASS / 2, upper_neck=1 - at, head_top=at)
    for level in _TRUNK_LEVELS:
        for side, other in (("right", "left"), ("left", "right")):
            near, far = (1 + _TRUNK_SIDE) / 2, (1 - _TRUNK_SIDE) / 2
            add(
                _TRUNK_MASS / 4,
                **{
                    f"{side}_shoulder": level * near,
                    f"{other}_shoulder": level * far,
                    f"{side}_hip": (1 - level) * near,
                    f"{other}_hip": (1 - level) * far,
                },
            )
    total = np.array(masses)
    return np.array(weights), total / total.sum()


MASS_WEIGHTS, MASS_SHARES = _mass_points()
"""Mass points as weighted sums of the nodes, and their shares of the body's mass."""


def angles(**degrees: float) -> Float[np.ndarray, " angles"]:
    """Joint angles by name; `hip`, `knee`, `shoulder`, `side` and `elbow` set both sides.

    Raises:
        KeyError: No such angle.

    >>> float(angles(hip=90)[0]), float(angles(hip=90)[1])
    (90.0, 90.0)
    """
    values = np.zeros(len(ANGLES))
    for name, value in degrees.items():
        for index in _ANGLE_INDEX[name]:
            values[index] = value
    return values


_ANGLE_INDEX: dict[str, tuple[int, ...]] = {name: (index,) for index, name in enumerate(ANGLES)} | {
    pair: (ANGLES.index(f"{pair}_r"), ANGLES.index(f"{pair}_l"))
    for pair in ("hip", "knee", "shoulder", "side", "elbow")
}


def within_limits(values: Float[np.ndarray, "*steps angles"]) -> Float[np.ndarray, "*steps angles"]:
    """The same angles, as far as a body can bend."""
    low, high = np.array([LIMITS_DEG[name] for name in ANGLES]).T
    return np.asarray(np.clip(values, low, high))


def nodes_of(values: Float[np.ndarray, "*steps angles"], scale: float) -> Float[np.ndarray, "*steps nodes 3"]:
    """Where joint angles put the joints, in body axes, metres.

    Args:
        values: Joint angles in degrees, in the order of `ANGLES`.
        scale: Size of the body, 1 for the average adult.

    Returns:
        Positions of the 16 joints, then of the tips of the feet and of the hands (`NODES`).
    """
    flat = np.deg2rad(values.reshape(-1, len(ANGLES)))
    a = dict(zip(ANGLES, flat.T, strict=True))
    zero = np.zeros(len(flat))
    at: dict[str, np.ndarray] = {
        "pelvis": _vector(zero, zero, zero),
        "thorax": _vector(zero, zero, zero + _TRUNK),
    }
    head = _vector(np.sin(a["neck"]), zero, np.cos(a["neck"]))
    at["upper_neck"] = at["thorax"] + _NECK * head
    at["head_top"] = at["thorax"] + (_NECK + _HEAD) * head
    for side, short, sign in (("right", "r", -1.0), ("left", "l", 1.0)):
        at[f"{side}_hip"] = _vector(zero, zero + sign * _HIP_HALF, zero)
        spread = sign * (a["spread"] / 2 - _LEGS_TOGETHER)
        thigh = _spread(a[f"hip_{short}"], spread)
        shank = _spread(a[f"hip_{short}"] - a[f"knee_{short}"], spread)
        foot = _spread(a[f"hip_{short}"] - a[f"knee_{short}"] + a["toes"], spread)
        at[f"{side}_knee"] = at[f"{side}_hip"] + THIGH_M * thigh
        at[f"{side}_ankle"] = at[f"{side}_knee"] + SHANK_M * shank
        at[f"{side}_toes"] = at[f"{side}_ankle"] + FOOT_M * foot
        at[f"{side}_shoulder"] = _vector(zero, zero + sign * _SHOULDER_HALF, zero + _TRUNK)
        lift = sign * a[f"side_{short}"]
        upper = _sideways(_forward(a[f"shoulder_{short}"]), lift)
        lower = _sideways(_forward(a[f"shoulder_{short}"] + a[f"elbow_{short}"]), lift)
        at[f"{side}_elbow"] = at[f"{side}_shoulder"] + _UPPER_ARM * upper
        at[f"{side}_wrist"] = at[f"{side}_elbow"] + _FOREARM * lower
        at[f"{side}_fingers"] = at[f"{side}_wrist"] + _HAND * lower
    nodes = scale * np.stack([at[name] for name in NODES], axis=-2)
    return nodes.reshape(*values.shape[:-1], NUM_NODES, 3)


def _vector(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.stack(np.broadcast_arrays(x, y, z), axis=-1)


def _forward(angle: np.ndarray) -> np.ndarray:
    """A limb that hangs down at 0 and points forward at a right angle."""
    return _vector(np.sin(angle), np.zeros_like(angle), -np.cos(angle))


def _spread(forward: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """A leg that is spread first and then bent forward, so that a pike can be a straddle."""
    c = np.cos(outward)
    return _vector(np.sin(forward) * c, np.sin(outward), -np.cos(forward) * c)


def _sideways(limb: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Turn about the body's forward axis: what hangs down swings to the left for a positive angle."""
    x, y, z = np.moveaxis(limb, -1, 0)
    c, s = np.cos(angle), np.sin(angle)
    return _vector(x, y * c - z * s, y * s + z * c)


def centre_of_mass(nodes: Float[np.ndarray, "*steps nodes 3"]) -> Float[np.ndarray, "*steps 3"]:
    """Centre of mass of a body with these nodes, in the same axes."""
    return np.asarray((MASS_SHARES @ MASS_WEIGHTS) @ nodes)


def rate_of_change(
    points: Float[np.ndarray, "*batch steps points 3"], step_s: float
) -> Float[np.ndarray, "*batch steps points 3"]:
    """Velocities by central differences, fourth order inside."""
    rate = np.gradient(points, step_s, axis=-3, edge_order=2)
    ahead = points[..., 4:, :, :] - points[..., :-4, :, :]
    near = points[..., 3:-1, :, :] - points[..., 1:-3, :, :]
    rate[..., 2:-2, :, :] = (8 * near - ahead) / (12 * step_s)
    return np.asarray(rate)


def angular_momentum(
    nodes: Float[np.ndarray, "steps nodes 3"], step_s: float, mass_kg: float = MASS_KG
) -> Float[np.ndarray, "steps 3"]:
    """Angular momentum about the centre of mass, from positions alone, by central differences.

    Args:
        nodes: Positions of the nodes in axes that do not turn, in metres.
        step_s: Seconds between steps.
        mass_kg: Mass of the whole body, in kg.

    Returns:
        Angular momentum at each step, in kg m2/s.
    """
    points = MASS_WEIGHTS @ (nodes - centre_of_mass(nodes)[:, None])
    velocities = rate_of_change(points, step_s)
    return np.asarray(mass_kg * np.einsum("p,tpi->ti", MASS_SHARES, np.cross(points, velocities)))
