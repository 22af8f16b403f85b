"""Platforms, springboards and their stands; the board that is dived from bends under the diver."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.simulate.appearance import Appearance, Colour, Number
from stagescore.simulate.camera import CameraView
from stagescore.simulate.types import BodyMotion
from stagescore.simulate.world import DECK_M, Canvas, Point
from stagescore.skeleton import MPII_16

PLATFORM_HALF_WIDTH_M = 1.1
_SLAB_M = 0.32
_CONCRETE: Colour = (196, 196, 190)
_STEEL: Colour = (186, 192, 198)
_BOARD: Colour = (172, 196, 206)
_BOARD_HALF_WIDTH_M = 0.25
_FULCRUM_M = -2.9
_BOARD_END_M = -4.9
_SWING_HZ, _SWING_FADE_S = 3.2, 0.55
_ANKLES = MPII_16.indices("right_ankle", "left_ankle")


def paint_tower(canvas: Canvas, appearance: Appearance) -> None:
    """Paint what the diver stands on, except a bending springboard, and its neighbours."""
    light = 0.45 + 0.55 * appearance.venue.brightness
    concrete = _lit(_CONCRETE, light)
    accent = _lit(appearance.venue.accent, light)
    steel = _lit(_STEEL, light)
    if appearance.height_m > 5:
        canvas.box((-8.5, -6.2), (-1.0, 9.0), (DECK_M, appearance.height_m + 0.0), _lit(concrete, 0.85))
        for z, away, tip in ((3.0, 6.8, -0.6), (5.0, 5.0, -0.5), (7.5, 3.0, -0.7)):
            _platform(canvas, (tip, away, z), (concrete, accent, steel))
        _platform(canvas, (0.0, 0.0, appearance.height_m), (concrete, accent, steel))
        return
    for away, z in ((6.0, 3.0), (4.2, 1.0), (2.3, 3.0)):
        _stand(canvas, away, z, (concrete, steel))
        _springboard(canvas, away, z, 0.0, _lit(_BOARD, light))
    _stand(canvas, 0.0, appearance.height_m, (concrete, steel))


def paint_board(canvas: Canvas, appearance: Appearance, bend_m: Number) -> None:
    """Paint the springboard that is dived from.

    Args:
        canvas: Picture of the dive, which is drawn on.
        appearance: Appearance of the dive's venue.
        bend_m: How far the tip is below (-) or above (+) its rest, in metres.
    """
    light = 0.45 + 0.55 * appearance.venue.brightness
    _springboard(canvas, 0.0, appearance.height_m, bend_m, _lit(_BOARD, light))


def board_bends_m(motion: BodyMotion, height_m: float) -> Float[np.ndarray, " frames"]:
    """How far the tip of the springboard is from its rest: under the feet, then swinging freely."""
    feet = np.concatenate((motion.joints_m[:, _ANKLES], motion.toes_m), axis=1)
    lowest = feet[..., 2].min(1) - height_m
    tip = feet[..., 0].max(1) > -0.9
    frames = np.arange(motion.num_frames)
    bends = np.where(tip & (frames < motion.first_airborne_frame), np.clip(lowest, -0.9, 0.0), 0.0)
    left = motion.first_airborne_frame
    deepest = float(bends[max(left - 6, 0) : left].min(initial=-0.12))
    since = (frames - left) / motion.frame_rate
    swing = -deepest * 0.5 * np.exp(-since / _SWING_FADE_S) * np.sin(2 * np.pi * _SWING_HZ * since)
    return np.asarray(np.where(frames >= left, swing, bends))


def hides_feet(view: CameraView, appearance: Appearance) -> Float[np.ndarray, "4 2"] | None:
    """The near face of the platform as a polygon in pixels, if it can hide the diver's feet."""
    if appearance.height_m < 5 or view.position_m[2] >= appearance.height_m:
        return None
    canvas = Canvas(_NOTHING, view, appearance.camera.side)
    high, low = appearance.height_m, appearance.height_m - _SLAB_M
    near = -PLATFORM_HALF_WIDTH_M
    return canvas.project([(-7, near, low), (0, near, low), (0, near, high), (-7, near, high)])


_NOTHING: UInt8[np.ndarray, "h w 3"] = np.zeros((1, 1, 3), np.uint8)


def _lit(colour: Colour, light: Number) -> Colour:
    red, green, blue = (min(c * light, 255.0) for c in colour)
    return red, green, blue


def _platform(canvas: Canvas, tip: Point, colours: tuple[Colour, Colour, Colour]) -> None:
    """A slab on the tower with a coloured front edge and railings."""
    x, away, z = tip
    concrete, accent, steel = colours
    half = PLATFORM_HALF_WIDTH_M if z > 7.6 else 0.9
    canvas.rail((-6.6, x - 1.6), away + half, (z, z + 1.0), steel)
    canvas.box((-6.6, x), (away - half, away + half), (z - _SLAB_M, z), concrete)
    canvas.band((x - 0.9, x), away - half - 0.01, (z - _SLAB_M, z), accent)
    canvas.box(
        (-6.4, -5.6), (away - half * 0.5, away + half * 0.5), (max(z - 2.2, DECK_M), z - _SLAB_M), concrete
    )
    canvas.rail((-6.6, x - 1.7), away - half, (z, z + 1.0), steel)


def _stand(canvas: Canvas, away: Number, z: Number, colours: tuple[Colour, Colour]) -> None:
    """What carries a springboard: a pillar under the fulcrum, a block at the rear, rails."""
    concrete, steel = colours
    if z > 2:
        canvas.box(
            (_BOARD_END_M - 0.6, _FULCRUM_M + 0.5), (away - 0.45, away + 0.45), (z - 0.75, z - 0.3), concrete
        )
        canvas.box((_BOARD_END_M, _BOARD_END_M + 0.8), (away - 0.4, away + 0.4), (DECK_M, z - 0.75), concrete)
        canvas.box(
            (_FULCRUM_M - 0.2, _FULCRUM_M + 0.35), (away - 0.35, away + 0.35), (DECK_M, z - 0.75), concrete
        )
    else:
        canvas.box((_BOARD_END_M, _FULCRUM_M + 0.5), (away - 0.4, away + 0.4), (DECK_M, z - 0.3), concrete)
    canvas.box((_FULCRUM_M - 0.15, _FULCRUM_M + 0.15), (away - 0.3, away + 0.3), (z - 0.3, z - 0.06), steel)
    for side in (0.5, -0.5):
        for up in (0.45, 0.9):
            canvas.line(
                [
                    (_BOARD_END_M - 0.5, away + side, z + up),
                    (-1.9, away + side, z + up),
                    (-1.75, away + side, z + up - 0.3),
                ],
                0.036,
                steel,
            )
        for x in np.arange(_BOARD_END_M - 0.5, -1.8, 1.75):
            canvas.line([(float(x), away + side, z - 0.4), (float(x), away + side, z + 0.9)], 0.036, steel)


def _springboard(canvas: Canvas, away: Number, z: Number, bend_m: Number, colour: Colour) -> None:
    places = np.concatenate(((_BOARD_END_M,), np.linspace(_FULCRUM_M, 0.0, 7)))
    share = np.clip((places - _FULCRUM_M) / -_FULCRUM_M, 0, 1)
    heights = z + bend_m * share**2 * (3 - share) / 2
    near, far = away - _BOARD_HALF_WIDTH_M, away + _BOARD_HALF_WIDTH_M
    above = canvas.view.position_m[2] > z
    rows: list[tuple[list[Point], Colour]] = []
    for i in range(len(places) - 1):
        x0, x1 = float(places[i]), float(places[i + 1]) + 0.01
        z0, z1 = float(heights[i]), float(heights[i + 1])
        lift = 0.0 if above else -0.05
        level: list[Point] = [
            (x0, near, z0 + lift),
            (x1, near, z1 + lift),
            (x1, far, z1 + lift),
            (x0, far, z0 + lift),
        ]
        side: list[Point] = [(x0, near, z0 - 0.05), (x1, near, z1 - 0.05), (x1, near, z1), (x0, near, z0)]
        rows += [(level, _lit(colour, 1.0 if above else 0.5)), (side, _lit(colour, 0.72))]
    for points, shade in rows:
        canvas.face(points, shade)


def cover_of(
    polygon: Float[np.ndarray, "4 2"], corner_px: tuple[int, int], size: tuple[int, int]
) -> Float[np.ndarray, "h w"]:
    """How much of each pixel of a piece of picture a polygon covers, 0 to 1; size is rows, columns."""
    mask = np.zeros(size, np.uint8)
    corners = np.rint((polygon - corner_px - 0.5) * 16)
    cv2.fillConvexPoly(mask, np.clip(corners, -(2**24), 2**24).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
