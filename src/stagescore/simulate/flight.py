"""Turning in the air: nothing but the body's own shape changes how fast it spins.

The angular momentum H about the centre of mass is constant. With R the body's orientation, I its inertia
and h the momentum of its limbs' own motion, both in body axes, H = R (I w + h) gives the angular velocity
w = I^-1 (R' H - h), which is integrated. Somersaults are solved for by choosing |H|; twists by throwing
one arm down and later up again, which tilts the body away from H and back (Yeadon, "The biomechanics of
twisting somersaults", Journal of Sports Sciences 11, 1993).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stagescore.simulate.body import MASS_KG, MASS_SHARES, MASS_WEIGHTS, centre_of_mass, rate_of_change


@dataclass(frozen=True, slots=True, eq=False)
class ShapeDynamics:
    """What a changing shape means for turning, step by step, in body axes.

    Attributes:
        inertia: Inertia about the centre of mass, in kg m2.
        momentum: Angular momentum of the limbs' motion relative to the body axes, in kg m2/s.
        step_s: Seconds between steps.
    """

    inertia: Float[np.ndarray, "*batch steps 3 3"]
    momentum: Float[np.ndarray, "*batch steps 3"]
    step_s: float

    @classmethod
    def of(cls, nodes: Float[np.ndarray, "*batch steps nodes 3"], step_s: float) -> "ShapeDynamics":
        """From the nodes of the shape in body axes."""
        points = MASS_WEIGHTS @ (nodes - centre_of_mass(nodes)[..., None, :])
        masses = MASS_KG * MASS_SHARES
        squares = np.einsum("p,...pi,...pj->...ij", masses, points, points)
        inertia = np.trace(squares, axis1=-2, axis2=-1)[..., None, None] * np.eye(3) - squares
        velocities = rate_of_change(points, step_s)
        momentum = np.einsum("p,...pi->...i", masses, np.cross(points, velocities))
        return cls(inertia, momentum, step_s)


def planar_turn(shape: ShapeDynamics, angle: float) -> tuple[Float[np.ndarray, " steps"], float]:
    """Turn about the body's own sideways axis by a given angle in all.

    Args:
        shape: Shape of a body that is the same on its left and right.
        angle: Angle to turn from the first to the last step, in radians.

    Returns:
        Angle at each step in radians, from 0, and the angular momentum about y that this takes, in kg m2/s.
    """
    inertia, own = shape.inertia[:, 1, 1], shape.momentum[:, 1]
    with_unit = _integral(1 / inertia, shape.step_s)
    without = _integral(-own / inertia, shape.step_s)
    momentum = (angle - without[-1]) / with_unit[-1]
    return momentum * with_unit + without, float(momentum)


def _integral(rate: np.ndarray, step_s: float) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)]) * step_s


def turn(
    shape: ShapeDynamics, start: Float[np.ndarray, "batch 3 3"], momentum: Float[np.ndarray, "batch 3"]
) -> Float[np.ndarray, "batch steps 3 3"]:
    """Integrate the orientation of bodies in free flight.

    Args:
        shape: Batch of changing shapes.
        start: Rotation from body to world axes at the first step.
        momentum: Angular momentum in world axes, in kg m2/s; constant.

    Returns:
        Rotation from body to world axes at each step, by methods of fourth order; a rotation up to rounding.
    """
    inverse, own, step = np.linalg.inv(shape.inertia), shape.momentum, shape.step_s
    half_inverse, half_own = _halfway(inverse), _halfway(own)
    in_body = np.stack(
        [
            _momentum_in_body((first.T @ h), step, inverse[k], half_inverse[k], own[k], half_own[k])
            for k, (first, h) in enumerate(zip(start, momentum, strict=True))
        ]
    )
    rate = _times(inverse, in_body - own)
    change = np.cross(in_body, rate)
    halfway = (in_body[:, 1:] + in_body[:, :-1]) / 2 + step / 8 * (change[:, :-1] - change[:, 1:])
    half_rate = _times(half_inverse, halfway - half_own)
    # One step of Magnus's expansion, fourth order.
    turns = step / 6 * (rate[:, :-1] + 4 * half_rate + rate[:, 1:])
    turns += step**2 / 12 * np.cross(rate[:, :-1], rate[:, 1:])
    steps = _exponential(turns.reshape(-1, 3)).reshape(*turns.shape, 3)
    result = np.empty((*own.shape[:2], 3, 3))
    result[:, 0] = start
    for k in range(steps.shape[1]):
        np.matmul(result[:, k], steps[:, k], out=result[:, k + 1])
    return result


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.asarray((matrices @ vectors[..., None])[..., 0])


def _momentum_in_body(
    first: np.ndarray,
    step: float,
    inverse: np.ndarray,
    half_inverse: np.ndarray,
    own: np.ndarray,
    half_own: np.ndarray,
) -> np.ndarray:
    """How the constant angular momentum turns in body axes, L' = L x w (Euler's equations), by Runge-Kutta.

    In plain numbers: arrays of three take longer to handle than to compute with.
    """
    x, y, z = first.tolist()
    path = [(x, y, z)]
    at = list(zip(inverse.reshape(-1, 9).tolist(), own.tolist(), strict=True))
    between = zip(half_inverse.reshape(-1, 9).tolist(), half_own.tolist(), strict=True)
    half = step / 2
    for k, middle in enumerate(between):
        ax, ay, az = _turned(x, y, z, *at[k])
        bx, by, bz = _turned(x + half * ax, y + half * ay, z + half * az, *middle)
        cx, cy, cz = _turned(x + half * bx, y + half * by, z + half * bz, *middle)
        dx, dy, dz = _turned(x + step * cx, y + step * cy, z + step * cz, *at[k + 1])
        x += step / 6 * (ax + 2 * (bx + cx) + dx)
        y += step / 6 * (ay + 2 * (by + cy) + dy)
        z += step / 6 * (az + 2 * (bz + cz) + dz)
        path.append((x, y, z))
    return np.array(path)


def _turned(
    x: float, y: float, z: float, inverse: list[float], own: list[float]
) -> tuple[float, float, float]:
    """L x w with w = I^-1 (L - h)."""
    u, v, w = x - own[0], y - own[1], z - own[2]
    p = inverse[0] * u + inverse[1] * v + inverse[2] * w
    q = inverse[3] * u + inverse[4] * v + inverse[5] * w
    r = inverse[6] * u + inverse[7] * v + inverse[8] * w
    return y * r - z * q, z * p - x * r, x * q - y * p


def _halfway(values: np.ndarray) -> np.ndarray:
    """Values halfway between steps, third order inside."""
    middle = (values[:, 1:] + values[:, :-1]) / 2
    middle[:, 1:-1] = (9 * (values[:, 1:-2] + values[:, 2:-1]) - values[:, :-3] - values[:, 3:]) / 16
    return np.asarray(middle)


def _exponential(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices of rotation vectors (Rodrigues), small ones included."""
    angle = np.sqrt((vectors * vectors).sum(-1))[:, None, None]
    cross = _cross(vectors)
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross))


def _cross(vectors: np.ndarray) -> np.ndarray:
    """Matrices that multiply by a cross product."""
    cross = np.zeros((len(vectors), 3, 3))
    x, y, z = vectors.T
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    cross[:, 1, 0], cross[:, 2, 0], cross[:, 2, 1] = z, -y, x
    return cross


def rotation_about(axis: int, angle: Float[np.ndarray, " steps"]) -> Float[np.ndarray, "steps 3 3"]:
    """Rotation matrices about x (0), y (1) or z (2) by angles in radians, right-handed."""
    vectors = np.zeros((len(angle), 3))
    vectors[:, axis] = angle
    return _exponential(vectors)


def turning_of(
    orientation: Float[np.ndarray, "*batch steps 3 3"], upright: Float[np.ndarray, "3 3"]
) -> tuple[
    Float[np.ndarray, "*batch steps"], Float[np.ndarray, "*batch steps"], Float[np.ndarray, "*batch steps"]
]:
    """Somersault, lean and twist, in radians, signed, without jumps.

    Args:
        orientation: Rotation from body to world axes at each step.
        upright: Rotation from body to world axes before any somersault.

    Returns:
        Somersault about the world's y; lean of the long axis out of the plane of the somersault, about
        the axis that is the world's x before the somersault; twist about the long axis.
    """
    long_axis = orientation[..., :, 2] * upright[2, 2]
    somersault = np.unwrap(np.arctan2(long_axis[..., 0], long_axis[..., 2]), axis=-1)
    lean = -np.arcsin(np.clip(long_axis[..., 1], -1, 1))
    flat = rotation_about(0, -lean.ravel()) @ rotation_about(1, -somersault.ravel())
    about_axis = flat.reshape(*lean.shape, 3, 3) @ orientation @ upright.T
    twist = np.unwrap(np.arctan2(about_axis[..., 1, 0], about_axis[..., 0, 0]), axis=-1)
    return somersault, lean, twist
