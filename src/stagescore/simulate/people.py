"""Spectators, judges and bystanders: small drawn people in ordinary poses, made once a venue."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.simulate.appearance import Colour, Number

_FINE = 3
_SKINS: tuple[Colour, ...] = ((224, 176, 146), (204, 150, 116), (178, 124, 92), (126, 86, 62), (90, 60, 46))
_HAIRS: tuple[Colour, ...] = ((26, 22, 22), (44, 32, 26), (84, 56, 36), (170, 130, 80), (150, 150, 150))
_SHIRTS: tuple[Colour, ...] = (
    (226, 226, 226),
    (34, 36, 44),
    (180, 40, 48),
    (40, 66, 130),
    (210, 190, 60),
    (84, 120, 84),
    (130, 130, 140),
    (228, 150, 160),
    (70, 150, 190),
    (96, 60, 50),
)
_TROUSERS: tuple[Colour, ...] = ((36, 38, 50), (60, 66, 90), (120, 104, 84), (30, 30, 32), (170, 170, 170))
# Elbow and hand of the right arm in metres from the hip, across (outward) and up, for people who sit.
_ARMS: tuple[tuple[float, float, float, float], ...] = (
    (0.25, 0.24, 0.10, 0.06),
    (0.24, 0.22, 0.03, 0.26),
    (0.27, 0.26, 0.20, 0.02),
    (0.25, 0.22, 0.04, 0.38),
    (0.30, 0.46, 0.16, 0.66),
    (0.34, 0.62, 0.30, 0.88),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sprite:
    """A cut-out person.

    Attributes:
        colour: Red, green, blue and cover, 0 to 255, multiplied by the cover.
        foot_px: Column and row of the pixel that stands at the person's place (hip of who sits, soles of who stands).
        box_px: Left, top, right and bottom of what the person covers, in pixels from the sprite's first.
    """

    colour: UInt8[np.ndarray, "h w 4"]
    foot_px: tuple[int, int]
    box_px: tuple[int, int, int, int]


def draw_person(
    rng: np.random.Generator, scale_px_m: float, *, seated: bool, shirt: Colour | None = None
) -> Sprite:
    """Draw one person who faces the pool.

    Args:
        rng: Generator that chooses clothes, pose and build.
        scale_px_m: Pixels per metre.
        seated: Whether the person sits rather than stands.
        shirt: Colour of an official's shirt; None to let `rng` choose.
    """
    low, high = (-0.52, 1.02) if seated else (-0.02, 1.9)
    scale = scale_px_m * _FINE
    canvas = np.zeros((max(round((high - low) * scale), _FINE), max(round(1.0 * scale), _FINE), 4), np.uint8)
    pen = _Pen(canvas, scale, high, 0.06 * rng.normal())
    skin = _SKINS[rng.integers(len(_SKINS))]
    hair = _HAIRS[rng.integers(len(_HAIRS))]
    top = shirt or _SHIRTS[rng.integers(len(_SHIRTS))]
    legs = _TROUSERS[rng.integers(len(_TROUSERS))]
    hip = 0.0 if seated else 0.88
    if seated:
        _seated_legs(pen, rng, legs)
    else:
        for side in (-1, 1):
            pen.limb((side * 0.09, hip), (side * (0.10 + 0.04 * rng.random()), 0.04), 0.17, legs)
            pen.limb((side * 0.12, 0.03), (side * 0.15, 0.02), 0.09, (40, 36, 36))
    shoulder = hip + 0.52
    pen.polygon(
        ((-0.16, hip - 0.04), (0.16, hip - 0.04), (0.21, shoulder - 0.06), (0.13, shoulder + 0.01),
         (-0.13, shoulder + 0.01), (-0.21, shoulder - 0.06)),
        top,
    )  # fmt: skip
    _arms(pen, rng, (hip, shoulder), (top, skin), seated=seated)
    head = shoulder + 0.19
    pen.limb((0, shoulder - 0.02), (0, shoulder + 0.08), 0.11, _darker(skin, 0.85))
    pen.blob((0, head + 0.015), (0.092, 0.128), hair)
    if rng.random() < 0.3:
        pen.blob((0, head - 0.05), (0.105, 0.14), hair)
    pen.blob((0, head - 0.022), (0.074, 0.100), skin)
    pen.blob((0, head - 0.0), (0.055, 0.012), _darker(skin, 0.6))
    size = (max(canvas.shape[1] // _FINE, 1), max(canvas.shape[0] // _FINE, 1))
    small = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(small[..., 3].any(1)), np.flatnonzero(small[..., 3].any(0))
    return Sprite(
        colour=small,
        foot_px=(round(0.5 * scale_px_m), round(high * scale_px_m)),
        box_px=(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
    )


def _darker(colour: Colour, factor: float) -> Colour:
    red, green, blue = (c * factor for c in colour)
    return red, green, blue


def _seated_legs(pen: "_Pen", rng: np.random.Generator, colour: Colour) -> None:
    spread = 0.07 + 0.06 * rng.random()
    dark = _darker(colour, 0.7)
    for side in (-1, 1):
        knee = (side * (spread + 0.05), -0.06)
        pen.limb(knee, (side * (spread + 0.03), -0.46), 0.12, dark)
        pen.limb((side * 0.09, 0.03), knee, 0.18, colour)


def _arms(
    pen: "_Pen",
    rng: np.random.Generator,
    trunk: tuple[Number, Number],
    colours: tuple[Colour, Colour],
    *,
    seated: bool,
) -> None:
    hip, shoulder = trunk
    pose = int(rng.choice(len(_ARMS), p=(0.34, 0.2, 0.2, 0.12, 0.09, 0.05)))
    both = rng.random() < 0.75
    sleeve = _darker(colours[0], 0.88)
    for side in (-1, 1):
        across, up, hand, hand_up = _ARMS[pose if both or side > 0 else 0]
        if not seated and pose in {0, 2}:
            across, up, hand, hand_up = 0.25, 0.26, 0.24, 0.02
        elbow, wrist = (side * across, hip + up), (side * hand, hip + hand_up)
        pen.limb((side * 0.19, shoulder - 0.06), elbow, 0.10, sleeve)
        pen.limb(elbow, wrist, 0.08, colours[1] if rng.random() < 0.7 else sleeve)
        pen.blob(wrist, (0.045, 0.05), colours[1])


class _Pen:
    """Draws in metres on a canvas whose middle column is x = 0."""

    def __init__(self, canvas: UInt8[np.ndarray, "h w 4"], scale: float, high_m: float, lean: float) -> None:
        self._canvas, self._scale, self._high, self._lean = canvas, scale, high_m, lean

    def _at(self, point: tuple[Number, Number]) -> tuple[int, int]:
        x, z = point
        return (
            round(self._canvas.shape[1] / 2 + (x + self._lean * max(z, 0.0)) * self._scale),
            round((self._high - z) * self._scale),
        )

    def limb(
        self, start: tuple[Number, Number], end: tuple[Number, Number], thick_m: float, colour: Colour
    ) -> None:
        thick = max(round(thick_m * self._scale), 1)
        cv2.line(self._canvas, self._at(start), self._at(end), (*colour, 255), thick)

    def blob(self, middle: tuple[Number, Number], radii_m: tuple[Number, Number], colour: Colour) -> None:
        radii = tuple(max(round(r * self._scale), 1) for r in radii_m)
        cv2.ellipse(self._canvas, self._at(middle), radii, 0, 0, 360, (*colour, 255), -1)

    def polygon(self, points: tuple[tuple[Number, Number], ...], colour: Colour) -> None:
        cv2.fillPoly(self._canvas, [np.array([self._at(p) for p in points], np.int32)], (*colour, 255))


def paste(
    picture: UInt8[np.ndarray, "h w 3"], sprite: Sprite, place_px: tuple[Number, Number], light: float
) -> Float[np.ndarray, "4"] | None:
    """Put a person into a picture.

    Args:
        picture: Picture that the person is put into; it is changed.
        sprite: Person to put there.
        place_px: Column and row where the sprite's foot comes to stand.
        light: Brightness, 0 to 1.

    Returns:
        The person's box (left, top, right, bottom, pixels), or None if it is not wholly inside.
    """
    left, top = round(place_px[0]) - sprite.foot_px[0], round(place_px[1]) - sprite.foot_px[1]
    height, width = sprite.colour.shape[:2]
    if left < 0 or top < 0 or left + width > picture.shape[1] or top + height > picture.shape[0]:
        return None
    part = picture[top : top + height, left : left + width]
    free = 255 - sprite.colour[..., 3:].astype(np.uint16)
    lit = sprite.colour[..., :3] * np.float32(light)
    part[:] = (part * free // 255 + lit.astype(np.uint16)).astype(np.uint8)
    x0, y0, x1, y1 = sprite.box_px
    return np.array((left + x0, top + y0, left + x1, top + y1), np.float64)
