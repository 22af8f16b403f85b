"""What an entry does to the water: spray, a boil of foam, bubbles below, and rings that spread.

Droplets fly as thrown stones do. The same droplets are drawn for every dive of a seed; the splash's
size says how many of them fly, how high and how wide.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from stagescore.hashing import hash_u64
from stagescore.simulate.appearance import Appearance
from stagescore.simulate.camera import CameraView
from stagescore.simulate.types import GRAVITY_M_S2, Splash

_DROPLETS = 5200
_FOAM_S = 2.3
_VISIBLE = 0.16
"""Cover from which on a pixel counts as splash."""
_DROPLET_M2 = 0.0011
_JETS = 13
_WHITENS_S = 0.28
"""Water is clear until it breaks up into drops: this long after it left the surface it is wholly white."""
_WHITE = np.array((244, 249, 252), np.float32)
_BUBBLES = np.array((214, 236, 244), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spray:
    """The droplets of a splash: where and when each leaves the surface, how fast, and how dense it is.

    Attributes:
        start_m: Place on the surface where each droplet starts, in metres.
        velocity_m_s: Velocity of each droplet when it leaves the surface, in metres per second.
        start_s: Time at which each droplet leaves the surface, in seconds after the first contact.
        weight: Amount of water that each droplet stands for; 0 for those that do not fly.
        ragged: Outline of the foam, as shares of its radius.
    """

    start_m: Float[np.ndarray, "droplets 3"]
    velocity_m_s: Float[np.ndarray, "droplets 3"]
    start_s: Float[np.ndarray, " droplets"]
    weight: Float[np.ndarray, " droplets"]
    ragged: Float[np.ndarray, " corners"]


def throw_spray(splash: Splash, appearance: Appearance) -> Spray:
    """The droplets that an entry throws up."""
    rng = np.random.default_rng(hash_u64(appearance.seed, "spray"))
    size = splash.size
    order, angle, radius, climb, delay, heavy = rng.random((6, _DROPLETS))
    angle = angle * 2 * np.pi
    # Two thirds of the water go up as a crown around the body, whose wall runs together into jets. When the
    # hole that the body leaves falls in, the rest shoots up from its middle.
    column = np.arange(_DROPLETS) % 3 == 0
    angle = angle + np.where(column, 0.0, 0.8 / _JETS * np.sin(_JETS * angle))
    jet = rng.uniform(0.55, 1.0, _JETS)[(angle * _JETS / (2 * np.pi)).astype(np.int64) % _JETS]
    highest = np.sqrt(2 * GRAVITY_M_S2 * (0.12 + 1.75 * size))
    up = highest * np.where(column, 0.25 + 0.75 * climb**1.3, jet * (0.16 + 0.62 * climb))
    outward = (0.22 + 1.75 * size**0.8) * np.where(column, 0.18 * np.sqrt(radius), 0.35 + 0.55 * radius)
    velocity = np.stack(
        (
            np.cos(angle) * outward + splash.lean * up * (0.25 + 0.35 * size),
            np.sin(angle) * outward,
            up,
        ),
        axis=-1,
    )
    around = (0.09 + 0.2 * size) * np.where(column, 0.8 * np.sqrt(radius), 0.75 + 0.5 * delay)
    start = np.stack(
        (splash.x_m + np.cos(angle) * around, splash.y_m + np.sin(angle) * around, np.zeros(_DROPLETS)),
        axis=-1,
    )
    flies = order < 0.05 + 0.95 * size
    late = np.where(column, 0.10 + 0.06 * size, 0.0)
    return Spray(
        start_m=start,
        velocity_m_s=velocity,
        start_s=late + delay**1.2 * (0.14 + 0.2 * size),
        weight=np.where(flies, 0.35 + heavy, 0.0),
        ragged=1 + 0.25 * np.convolve(rng.normal(size=36), (0.25, 0.5, 0.25), "same"),
    )


def splash_over(
    picture: UInt8[np.ndarray, "h w 3"], splash: Splash, spray: Spray, view: CameraView, since_s: float
) -> int:
    """Lay spray and foam over a picture.

    Args:
        picture: Picture that spray and foam are laid over; it is changed.
        splash: Size and place of the splash.
        spray: Droplets of the splash.
        view: View of the camera.
        since_s: Seconds after the first contact; nothing happens before.

    Returns:
        Number of pixels that the splash visibly covers.
    """
    if since_s < 0:
        return 0
    age = since_s - spray.start_s
    position = spray.start_m + spray.velocity_m_s * age[:, None]
    position[:, 2] -= 0.5 * GRAVITY_M_S2 * age**2
    flying = (age >= 0) & (position[:, 2] > 0) & (spray.weight > 0)
    radius = _foam_radius_m(splash, since_s)
    reach = np.concatenate((position[flying], _circle(splash, radius * spray.ragged)))
    window = _window(reach, view, 0.3)
    if window is None:
        return 0
    x, y, width, height = window
    scale = _scale(splash, view)
    cover = _foam(splash, spray, view, (since_s, window))
    if flying.any():
        places = np.floor(view.project(position[flying]) - (x, y)).astype(np.int64)
        inside = (places >= 0).all(1) & (places[:, 0] < width) & (places[:, 1] < height)
        index = places[inside, 1] * width + places[inside, 0]
        whitened = spray.weight * np.clip(0.06 + age / _WHITENS_S, 0, 1)
        count = np.bincount(index, weights=whitened[flying][inside], minlength=width * height)
        # A droplet stands for so many square metres of white water, spread by its own blur.
        drops = count.reshape(height, width).astype(np.float32) * np.float32(_DROPLET_M2 * scale * scale)
        near = cv2.GaussianBlur(drops, (0, 0), max(0.014 * scale, 0.45))
        mist = cv2.GaussianBlur(drops, (0, 0), max(0.07 * scale, 0.9))
        cover = 1 - (1 - cover) * np.exp(-(0.62 * near + 0.3 * mist))
    part = picture[y : y + height, x : x + width]
    # Thin spray lets the water through and looks greyer than the dense white of its foot.
    white = _WHITE * (0.86 + 0.14 * cover[..., None])
    part[:] = np.clip(part + cover[..., None] * (white - part), 0, 255).astype(np.uint8)
    return int(np.count_nonzero(cover > _VISIBLE))


def _scale(splash: Splash, view: CameraView) -> float:
    return view.scale_at(float(view.depth_m(np.array(((splash.x_m, splash.y_m, 0.0),)))[0]))


def _window(
    points_m: Float[np.ndarray, "points 3"], view: CameraView, margin_m: float
) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the part of the picture that holds the points."""
    places = view.project(points_m)
    margin = 2 + margin_m * view.scale_at(float(view.depth_m(points_m[-1:])[0]))
    most = tuple(round(2 * c) for c in view.centre_px)
    low = np.clip(np.floor(places.min(0) - margin), 0, most).astype(int)
    high = np.clip(np.ceil(places.max(0) + margin), 0, most).astype(int)
    if (high - low < 4).any():
        return None
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _foam_radius_m(splash: Splash, since_s: float) -> float:
    return float((0.16 + 0.85 * splash.size) * (1 - np.exp(-since_s / 0.22)) + 0.12 * since_s)


def _foam(
    splash: Splash, spray: Spray, view: CameraView, when: tuple[float, tuple[int, int, int, int]]
) -> Float[np.ndarray, "h w"]:
    """The boil on the surface, within a window: grows quickly, then thins out."""
    since_s, (x, y, width, height) = when
    mask = np.zeros((height, width), np.float32)
    fade = float(np.clip(1 - since_s / (_FOAM_S * (0.55 + 0.6 * splash.size)), 0, 1))
    if fade <= 0:
        return mask
    radius = _foam_radius_m(splash, since_s)
    for share, cover in ((1.0, 0.22), (0.72, 0.42), (0.42, 0.7)):
        places = view.project(_circle(splash, radius * share * spray.ragged)) - (x, y)
        cv2.fillPoly(mask, [_sixteenths(places)], cover * fade, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.03 * _scale(splash, view), 0.5)))


def _sixteenths(places: Float[np.ndarray, "corners 2"]) -> Int[np.ndarray, "corners 2"]:
    return np.clip(np.rint((places - 0.5) * 16), -(2**24), 2**24).astype(np.int32)


def _circle(splash: Splash, radius_m: Float[np.ndarray, " corners"]) -> Float[np.ndarray, "corners 3"]:
    angle = np.linspace(0, 2 * np.pi, len(radius_m), endpoint=False)
    return np.stack(
        (
            splash.x_m + np.cos(angle) * radius_m,
            splash.y_m + np.sin(angle) * radius_m,
            np.zeros(len(radius_m)),
        ),
        axis=-1,
    )


def stir_water(picture: UInt8[np.ndarray, "h w 3"], splash: Splash, view: CameraView, since_s: float) -> None:
    """Draw the bubbles below the surface and the rings that spread on it, onto the picture."""
    if since_s <= 0:
        return
    widest = 0.4 + 1.25 * since_s
    window = _window(_circle(splash, np.full(24, widest)), view, 0.5)
    if window is None:
        return
    x, y, width, height = window
    scale = _scale(splash, view)
    bright, waves = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    fade = float(np.clip(1.25 - since_s / 2.2, 0, 1) * (1 - np.exp(-since_s / 0.12)))
    radius = (0.28 + 0.35 * splash.size) * (1 - np.exp(-since_s / 0.25)) + 0.08 * since_s
    for depth, share in ((-1.0, 0.9), (-0.5, 1.0), (-0.15, 0.8)):
        ring = _circle(splash, np.full(32, radius * share))
        ring[:, 2] = depth * min(since_s / 0.25, 1.0)
        layer = np.zeros_like(bright)
        cv2.fillPoly(layer, [_sixteenths(view.project(ring) - (x, y))], 0.20 * fade, cv2.LINE_8, 4)
        bright += layer
    for _ in range(2):
        bright[:] = cv2.blur(bright, (max(round(0.22 * scale), 2), max(round(0.16 * scale), 2)))
    thick = max(round(0.06 * scale), 1)
    for i in range(3):
        since = since_s - 0.16 * i
        if since > 0.05:
            places = _sixteenths(view.project(_circle(splash, np.full(48, 0.25 + 1.25 * since))) - (x, y))
            strength = (0.10 + 0.16 * splash.size) * float(np.exp(-since / 0.9))
            cv2.polylines(waves, [places], True, strength, thick, cv2.LINE_8, 4)
            cv2.polylines(
                waves, [places + np.array((0, 16 * thick), np.int32)], True, -strength, thick, cv2.LINE_8, 4
            )
    waves[:] = cv2.blur(waves, (3, 3))
    part = picture[y : y + height, x : x + width]
    stirred = (part + bright[..., None] * (_BUBBLES - part)) * (1 + waves[..., None])
    part[:] = np.clip(stirred, 0, 255).astype(np.uint8)
