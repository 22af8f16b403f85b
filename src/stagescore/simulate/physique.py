"""Measures of the body: how thick each part is along its length, and what each piece of skin is made of.

After published body measures (NASA-STD-3000, volume I, section 3).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from stagescore.simulate.body import NODES

_AROUND = 8
_SKIN, _SUIT, _SUIT_SIDE, _HAIR, _FACE, _SOLE = range(6)


# Along a limb from -0.1 to 1.1 of its length: (place, width across, width in depth), metres.
_Profile = tuple[tuple[float, float, float], ...]
_THIGH: _Profile = (
    (-0.13, 0.050, 0.055),
    (0.0, 0.083, 0.092),
    (0.25, 0.084, 0.090),
    (0.6, 0.068, 0.072),
    (0.9, 0.055, 0.058),
    (1.03, 0.050, 0.054),
    (1.1, 0.022, 0.024),
)
_SHANK: _Profile = (
    (-0.10, 0.026, 0.030),
    (-0.02, 0.050, 0.054),
    (0.14, 0.052, 0.055),
    (0.32, 0.053, 0.059),
    (0.65, 0.040, 0.043),
    (0.94, 0.032, 0.035),
    (1.06, 0.022, 0.024),
)
_FOOT: _Profile = (
    (-0.24, 0.018, 0.020),
    (-0.16, 0.030, 0.032),
    (0.1, 0.034, 0.036),
    (0.45, 0.040, 0.029),
    (0.75, 0.043, 0.020),
    (0.95, 0.036, 0.013),
    (1.02, 0.015, 0.006),
)
_UPPER_ARM: _Profile = (
    (-0.2, 0.020, 0.022),
    (-0.1, 0.048, 0.050),
    (0.1, 0.055, 0.055),
    (0.4, 0.046, 0.048),
    (0.8, 0.038, 0.038),
    (1.02, 0.035, 0.034),
    (1.1, 0.016, 0.016),
)
_FOREARM: _Profile = (
    (-0.1, 0.018, 0.018),
    (-0.02, 0.036, 0.036),
    (0.2, 0.042, 0.040),
    (0.5, 0.035, 0.034),
    (0.85, 0.026, 0.024),
    (1.0, 0.026, 0.020),
    (1.08, 0.014, 0.012),
)
_HAND: _Profile = (
    (-0.1, 0.018, 0.016),
    (0.05, 0.028, 0.019),
    (0.3, 0.042, 0.019),
    (0.55, 0.043, 0.017),
    (0.8, 0.034, 0.013),
    (0.98, 0.024, 0.010),
    (1.02, 0.008, 0.005),
)
_NECK: _Profile = (
    (-0.9, 0.070, 0.062),
    (-0.5, 0.062, 0.060),
    (0.0, 0.056, 0.058),
    (0.4, 0.054, 0.058),
    (0.8, 0.053, 0.058),
    (1.3, 0.052, 0.058),
    (1.7, 0.040, 0.045),
)
# Places along the trunk from pelvis (0) to thorax (1), half width as a share of the half width
# between the shoulders, half depth and backward shift in metres.
_TRUNK: tuple[tuple[float, float, float, float], ...] = (
    (-0.24, 0.30, 0.040, 0.000),
    (-0.17, 0.72, 0.088, 0.006),
    (-0.06, 0.88, 0.112, 0.018),
    (0.06, 0.90, 0.112, 0.014),
    (0.22, 0.80, 0.098, 0.000),
    (0.38, 0.76, 0.092, -0.004),
    (0.55, 0.83, 0.104, 0.000),
    (0.72, 0.94, 0.116, 0.004),
    (0.86, 0.99, 0.112, 0.008),
    (0.97, 0.94, 0.088, 0.012),
    (1.05, 0.62, 0.068, 0.010),
    (1.12, 0.30, 0.050, 0.006),
)
HEAD_RINGS = 9
BUN_RINGS = 5
_LIMB_RINGS = 7
_TRUNK_AROUND = 14
HEAD_AROUND = 10
_LIMBS = (
    (_THIGH, "right_hip", "right_knee"),
    (_THIGH, "left_hip", "left_knee"),
    (_SHANK, "right_knee", "right_ankle"),
    (_SHANK, "left_knee", "left_ankle"),
    (_FOOT, "right_ankle", "right_toes"),
    (_FOOT, "left_ankle", "left_toes"),
    (_UPPER_ARM, "right_shoulder", "right_elbow"),
    (_UPPER_ARM, "left_shoulder", "left_elbow"),
    (_FOREARM, "right_elbow", "right_wrist"),
    (_FOREARM, "left_elbow", "left_wrist"),
    (_HAND, "right_wrist", "right_fingers"),
    (_HAND, "left_wrist", "left_fingers"),
    (_NECK, "thorax", "upper_neck"),
)
PROFILES = np.array([profile for profile, _, _ in _LIMBS], np.float32)
TRUNK_PROFILE = np.array(_TRUNK, np.float32)
STARTS = np.array([NODES.index(start) for _, start, _ in _LIMBS])
ENDS = np.array([NODES.index(end) for _, _, end in _LIMBS])
TRUNK_M = 0.50
"""Pelvis to thorax of the body that the profiles are for."""


def _circle(corners: int, power: float) -> Float[np.ndarray, "corners 2"]:
    """Points around an outline: a circle for power 2, squarer above it."""
    angles = np.arange(corners) * (2 * np.pi / corners)
    round_ = np.stack((np.cos(angles), np.sin(angles)), axis=-1)
    radius = (np.abs(round_) ** power).sum(-1, keepdims=True) ** (-1 / power)
    return np.asarray(round_ * radius, np.float32)


CIRCLE = _circle(_AROUND, 2.0)
SQUARE_CIRCLE = _circle(_TRUNK_AROUND, 2.6)


def _materials(*, woman: bool) -> tuple[Int[np.ndarray, "..."], ...]:
    """What the skin between rings is made of: limbs, trunk, head, bun; by tube, ring and step around."""
    limbs = np.full((len(_LIMBS), _LIMB_RINGS - 1, _AROUND), _SKIN)
    limbs[:2, 0] = _SUIT
    if not woman:
        limbs[:2, 1] = _SUIT
    limbs[4:6, -3:] = _SOLE
    trunk = np.full((len(_TRUNK) - 1, _TRUNK_AROUND), _SKIN)
    # Angle 0 is the body's left, a quarter turn on is its front.
    angle = (np.arange(_TRUNK_AROUND) + 0.5) * 360 / _TRUNK_AROUND
    if woman:
        trunk[:7] = _SUIT
        trunk[7:9, (angle > 35) & (angle < 145)] = _SUIT
        trunk[:7, (np.abs(angle - 180) < 28) | (angle < 28) | (angle > 332)] = _SUIT_SIDE
        trunk[4:7, (angle > 215) & (angle < 325)] = _SKIN
        trunk[9, (np.abs(angle - 60) < 15) | (np.abs(angle - 120) < 15)] = _SUIT
    else:
        trunk[:4] = _SUIT
    head = np.full((HEAD_RINGS - 1, HEAD_AROUND), _FACE)
    turn = (np.arange(HEAD_AROUND) + 0.5) * 360 / HEAD_AROUND
    back = (turn > 190) & (turn < 350)
    head[2:, back] = _HAIR
    head[3:, (turn < 20) | (turn > 160)] = _HAIR
    head[6:] = _HAIR
    bun = np.full((BUN_RINGS - 1, HEAD_AROUND), _HAIR)
    return limbs, trunk[None], head[None], bun[None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """How the points of the skin are joined.

    Attributes:
        quads: Four points of each piece of skin, counted so that they face outward.
        material: Material of each piece of skin.
    """

    quads: Int[np.ndarray, "quads 4"]
    material: Int[np.ndarray, " quads"]


# Rings that are joined: all of them, or those that small pictures can show. Trunks keep the suits' edges.
_ALL = tuple(tuple(range(n)) for n in (_LIMB_RINGS, len(_TRUNK), HEAD_RINGS, BUN_RINGS))
_FEW = ((0, 1, 2, 4, 6), (0, 1, 3, 4, 7, 9, 11), (0, 2, 3, 6, 8), (0, 2, 4))


def _mesh(*, woman: bool, coarse: bool) -> Mesh:
    quads, material, first = [], [], 0
    materials = _materials(woman=woman)
    for i, (made_of, kept, rings) in enumerate(zip(materials, _FEW if coarse else _ALL, _ALL, strict=True)):
        tubes, _, around = made_of.shape
        tube, ring, step = np.meshgrid(
            np.arange(tubes), np.arange(len(kept) - 1), np.arange(around), indexing="ij"
        )
        near, far = (first + (tube * len(rings) + np.array(kept)[ring + more]) * around for more in (0, 1))
        following = (step + 1) % around
        corners = np.stack((near + step, near + following, far + following, far + step), axis=-1)
        # Trunk and head count their angles the other way round: turned over, they too face outward.
        quads.append(corners.reshape(-1, 4)[:, :: 1 if i == 0 else -1])
        material.append(made_of[:, kept[:-1]].ravel())
        first += tubes * len(rings) * around
    return Mesh(quads=np.concatenate(quads), material=np.concatenate(material))


MESHES = {
    (woman, coarse): _mesh(woman=woman, coarse=coarse) for woman in (False, True) for coarse in (False, True)
}
"""By whether the diver is a woman and whether the picture is small."""
