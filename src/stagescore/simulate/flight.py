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
        inertia: about the centre of mass, kg m2.
        momentum: of the limbs' motion relative to the body axes, kg m2/s.
        step_s: seconds between steps.
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
        shape: of a body that is the same on its left and right.
        angle: radians from the first to the last step.

    Returns:
        The angle at each step, from 0, and the angular momentum about y that this takes.
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
        shape: a batch of changing shapes.
        start: orientation at the first step, body axes to world axes.
        momentum: angular momentum in world axes, kg m2/s; constant.

    Returns:
        Orientation at each step, by the classical Runge-Kutta method of fourth order.
    """
    inverse, own, step = np.linalg.inv(shape.inertia), shape.momentum, shape.step_s
    batch, steps = own.shape[:2]
    result = np.empty((batch, steps, 3, 3))
    result[:, 0] = start
    half_inverse, half_own = _halfway(inverse), _halfway(own)
    for k in range(steps - 1):
        now = result[:, k]
        first = now @ _cross(_rate(inverse[:, k], now, momentum, own[:, k]))
        middle = now + step / 2 * first
        second = middle @ _cross(_rate(half_inverse[:, k], middle, momentum, half_own[:, k]))
        middle = now + step / 2 * second
        third = middle @ _cross(_rate(half_inverse[:, k], middle, momentum, half_own[:, k]))
        last = now + step * third
        fourth = last @ _cross(_rate(inverse[:, k + 1], last, momentum, own[:, k + 1]))
        following = now + step / 6 * (first + 2 * second + 2 * third + fourth)
        # One step towards the nearest rotation, lest rounding add up.
        result[:, k + 1] = following @ (1.5 * np.eye(3) - 0.5 * following.transpose(0, 2, 1) @ following)
    return result


def _halfway(values: np.ndarray) -> np.ndarray:
    """Values halfway between steps, third order inside."""
    middle = (values[:, 1:] + values[:, :-1]) / 2
    middle[:, 1:-1] = (9 * (values[:, 1:-2] + values[:, 2:-1]) - values[:, :-3] - values[:, 3:]) / 16
    return np.asarray(middle)


def _rate(inverse: np.ndarray, rotation: np.ndarray, momentum: np.ndarray, own: np.ndarray) -> np.ndarray:
    in_body = (momentum[:, None, :] @ rotation)[:, 0] - own
    return np.asarray((inverse @ in_body[..., None])[..., 0])


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
        orientation: body to world axes.
        upright: body to world axes before any somersault.

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
