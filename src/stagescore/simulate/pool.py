"""The pool's still surface: colour, floor lines, lane ropes, ripples and the mirror image of the hall."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.simulate.appearance import Appearance
from stagescore.simulate.world import DECK_M, Canvas

_NEAR_SHARE = 0.72
"""How far the drawn water reaches towards the camera, as a share of its distance."""
_RIPPLE_TILE = 384
_RIPPLE_M = 44.0
POOL_END_X_M = -1.7
"""The wall of the pool below the boards."""


def paint_pool(canvas: Canvas, appearance: Appearance, rng: np.random.Generator) -> None:
    """Paint the water and the deck at the boards' end onto the surroundings.

    Args:
        canvas: Surroundings; everything above the far edge is on them already and is mirrored in the water.
        appearance: Appearance that says the colours.
        rng: Generator of the ripples.
    """
    venue = appearance.venue
    near = -_NEAR_SHARE * appearance.camera.distance_m
    mask = _water_mask(canvas, near, venue.pool_edge_m)
    wet = np.flatnonzero(mask.any(1))
    if not len(wet):
        return
    first = int(wet[0])
    whole = canvas
    canvas = canvas.below(first)
    mask = mask[first:]
    mirror, share = _mirror(whole, appearance, rng, first)
    height = mask.shape[0]
    depth = np.linspace(1.06, 0.9, height, dtype=np.float32)[:, None, None]
    body = Canvas(np.empty_like(canvas.picture), canvas.view, appearance.camera.side)
    light = 0.5 + 0.5 * venue.brightness
    body.picture[:] = np.clip(np.array(venue.water, np.float32) * light * depth, 0, 255).astype(np.uint8)
    if venue.bottom_lines:
        _floor_lines(body, appearance, near)
    ripples = _ripples(canvas, near, venue.pool_edge_m, rng)
    water = body.picture * (0.9 * (1 - share)) + mirror * share
    water *= 1 + ripples[..., None]
    glints = np.clip(ripples - 0.12, 0, 0.2) * (500 if venue.outdoor else 300)
    water += glints[..., None]
    np.clip(water, 0, 255, out=water)
    cover = mask[..., None].astype(np.float32) / np.float32(255)
    canvas.picture[:] = (canvas.picture + cover * (water - canvas.picture)).astype(np.uint8)
    if venue.lane_ropes:
        _lane_ropes(canvas, appearance)
    _near_deck(canvas, appearance, near)


def _water_mask(canvas: Canvas, near: float, edge: float) -> UInt8[np.ndarray, "h w"]:
    height, width = canvas.picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    corners = canvas.project([(-50, near, 0), (50, near, 0), (50, edge, 0), (-50, edge, 0)])
    # What lies in front of the drawn water is water too.
    floor = height + 50.0
    outline = np.concatenate((corners[2:], np.array(((corners[3, 0], floor), (corners[2, 0], floor)))))
    cv2.fillConvexPoly(mask, np.rint((outline - 0.5) * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    return mask


def _mirror(
    canvas: Canvas, appearance: Appearance, rng: np.random.Generator, first: int
) -> tuple[Float[np.ndarray, "h w 3"], Float[np.ndarray, "h w 1"]]:
    """What the water from a row on mirrors, and how strongly, found at a quarter of the resolution."""
    height, width = canvas.picture.shape[:2]
    view = canvas.view
    columns, rows = np.meshgrid(
        np.arange(0, width + 3, 4, dtype=np.float64), np.arange(first, height + 3, 4, dtype=np.float64)
    )
    inner = np.stack(
        (
            (columns - view.centre_px[0]) / view.focal_px,
            -(rows - view.centre_px[1]) / view.focal_px,
            np.ones_like(rows),
        ),
        axis=-1,
    )
    rays = inner @ view.axes
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    down = np.minimum(rays[..., 2], -0.02)
    surface = view.position_m + rays * (-view.position_m[2] / down)[..., None]
    back = appearance.venue.pool_edge_m + appearance.venue.deck_m + 3
    across = np.where(np.abs(rays[..., 1]) < 1e-3, 1e-3, rays[..., 1])
    way = np.clip((-appearance.camera.side * back - surface[..., 1]) / across, 0, 200)
    bounced = surface + way[..., None] * rays * (1, 1, -1)
    source = view.project(bounced).astype(np.float32)
    # Waves tear the mirror image into level strips.
    torn = cv2.GaussianBlur(rng.normal(size=rows.shape).astype(np.float32), (0, 0), sigmaX=3, sigmaY=0.8) * (
        height * 0.12
    )
    source[..., 1] = np.clip(source[..., 1] + torn, 0, height - 1)
    full, deep = (4 * rows.shape[1], 4 * rows.shape[0]), height - first
    maps = cv2.resize(source, full, interpolation=cv2.INTER_LINEAR)[:deep, :width]
    soft = cv2.blur(canvas.picture, (3, max(height // 60, 3)))
    columns, rows = np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1])
    mirror = cv2.remap(soft, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    share = (0.10 + 0.75 * (1 + down) ** 5).astype(np.float32)
    return mirror.astype(np.float32), cv2.resize(share, full)[:deep, :width, None]


def _floor_lines(body: Canvas, appearance: Appearance, near: float) -> None:
    edge = appearance.venue.pool_edge_m
    dark = np.array(appearance.venue.water) * (0.32, 0.42, 0.55)
    colour = (float(dark[0]), float(dark[1]), float(dark[2]))
    # Refraction lifts the floor to about three quarters of its depth.
    for x in np.arange(-12.3, 20, 2.6):
        for away in np.arange(near, edge - 1.5, 2.0):
            body.floor((x, x + 0.30), (away, min(away + 2.02, edge - 1.2)), -2.6, colour)
    wave = cv2.GaussianBlur(body.picture, (0, 0), 1.2)
    body.picture[:] = cv2.addWeighted(body.picture, 0.55, wave, 0.45, 0)


def _ripples(canvas: Canvas, near: float, edge: float, rng: np.random.Generator) -> Float[np.ndarray, "h w"]:
    """Relative brightness of waves, seen in perspective."""
    noise = rng.normal(size=(2, _RIPPLE_TILE, _RIPPLE_TILE)).astype(np.float32)
    long = cv2.GaussianBlur(noise[0], (0, 0), sigmaX=4, sigmaY=1.6, borderType=cv2.BORDER_REFLECT)
    short = cv2.GaussianBlur(noise[1], (0, 0), sigmaX=1.5, sigmaY=0.7, borderType=cv2.BORDER_REFLECT)
    tile = 0.05 * long / long.std() + 0.055 * short / short.std()
    half = _RIPPLE_M / 2
    corners = canvas.project([(-half, edge, 0), (half, edge, 0), (half, near, 0), (-half, near, 0)]) - 0.5
    source = np.array(
        ((0, 0), (_RIPPLE_TILE, 0), (_RIPPLE_TILE, _RIPPLE_TILE), (0, _RIPPLE_TILE)), np.float32
    )
    taking = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    height, width = canvas.picture.shape[:2]
    return np.asarray(
        cv2.warpPerspective(
            tile, taking, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
    )


def _lane_ropes(canvas: Canvas, appearance: Appearance) -> None:
    edge = appearance.venue.pool_edge_m
    for away in (edge - 1.4, edge - 3.2):
        for i, x in enumerate(np.arange(-24, 24, 0.35)):
            colour = ((196, 54, 50), (226, 226, 226), (44, 70, 150))[i // 4 % 3]
            canvas.line([(float(x), away, 0.02), (float(x) + 0.27, away, 0.02)], 0.09, colour)


def _near_deck(canvas: Canvas, appearance: Appearance, near: float) -> None:
    """The deck on the boards' side: it ends the water to the rear of the diver."""
    venue = appearance.venue
    light = 0.5 + 0.5 * venue.brightness
    tiles = (180 * light, 184 * light, 182 * light)
    edge = (70 * light, 118 * light, 166 * light)
    away = (near, venue.pool_edge_m + 0.1)
    canvas.face(
        [
            (POOL_END_X_M, away[0], 0),
            (POOL_END_X_M, away[1], 0),
            (POOL_END_X_M, away[1], DECK_M),
            (POOL_END_X_M, away[0], DECK_M),
        ],
        edge,
    )
    canvas.floor((-50, POOL_END_X_M), away, DECK_M, tiles)
    for x in np.arange(POOL_END_X_M - 0.6, -14, -1.2):
        canvas.floor((float(x) - 0.03, float(x)), away, DECK_M, (150 * light, 156 * light, 156 * light))
