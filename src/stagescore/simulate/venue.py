"""The surroundings, drawn once: walls, stands with spectators, judges, adverts, platforms and the pool.

They are drawn as `camera.reference_view` sees them; each picture of a dive is a warp of this one.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.hashing import hash_u64
from stagescore.simulate.appearance import Appearance, Colour, Number
from stagescore.simulate.camera import CameraView, reference_view
from stagescore.simulate.people import Sprite, draw_person, paste
from stagescore.simulate.pool import paint_pool
from stagescore.simulate.tower import paint_tower
from stagescore.simulate.world import DECK_M, Canvas

_FAR_M = 60.0
_ROW_DEEP_M, _ROW_HIGH_M, _SEAT_WIDE_M = 0.85, 0.44, 0.56
_AISLE_EVERY_M, _AISLE_WIDE_M = 9.5, 1.4
_SPRITES = 26


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """Everything but the diver and the splash.

    Attributes:
        picture: RGB picture of the surroundings.
        view: View that the picture is seen from.
        people_px: Left, top, right and bottom of each person in the picture, in pixels.
        far_edge_px: Two points of the pool's far edge, as xy pixels.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    view: CameraView
    people_px: Float[np.ndarray, "people 4"]
    far_edge_px: Float[np.ndarray, "2 2"]


def paint_surroundings(appearance: Appearance, size_px: tuple[int, int]) -> Surroundings:
    """Draw the surroundings for pictures of a size; the dive plays no part in it."""
    view, (width, height) = reference_view(appearance, size_px)
    venue = appearance.venue
    canvas = Canvas(np.zeros((height, width, 3), np.uint8), view, appearance.camera.side)
    rng = np.random.default_rng(hash_u64(appearance.seed, "surroundings"))
    wall_away = venue.pool_edge_m + venue.deck_m
    boxes: list[Float[np.ndarray, "4"]] = []
    _sky_or_hall(canvas, appearance, rng)
    lower_top = _tier_top(wall_away, DECK_M + venue.wall_height_m, venue.tier_rows[0])
    _backdrop(canvas, appearance, rng, lower_top, boxes)
    _fascia(canvas, appearance, lower_top)
    _tier(canvas, appearance, rng, (wall_away + 0.4, DECK_M + venue.wall_height_m - 0.5, 0), boxes)
    # Behind the plane of focus everything is out of focus: lenses this long are sharp over a few metres.
    blur = 0.0055 * size_px[1] * (0.6 + 0.7 * rng.random())
    cv2.GaussianBlur(canvas.picture, (0, 0), max(blur, 0.2), dst=canvas.picture)
    _wall(canvas, appearance, rng, wall_away)
    _deck(canvas, appearance, rng, wall_away, boxes)
    cv2.GaussianBlur(canvas.picture, (0, 0), max(0.8 * blur, 0.2), dst=canvas.picture)
    paint_pool(canvas, appearance, rng)
    paint_tower(canvas, appearance)
    cast = np.array(appearance.picture.cast)
    picture = np.clip(canvas.picture * cast.astype(np.float32), 0, 255).astype(np.uint8)
    edge = view.project(canvas.points([(-5, venue.pool_edge_m, 0), (5, venue.pool_edge_m, 0)]))
    return Surroundings(
        picture=picture,
        view=view,
        people_px=np.array(boxes, np.float64).reshape(-1, 4),
        far_edge_px=edge,
    )


def _dimmed(colour: Colour, factor: Number) -> Colour:
    red, green, blue = (min(c * factor, 255.0) for c in colour)
    return red, green, blue


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def _tier_top(away: float, floor_m: float, rows: int) -> tuple[float, float]:
    return away + 0.4 + _ROW_DEEP_M * rows, floor_m - 0.5 + _ROW_HIGH_M * rows


def _sky_or_hall(canvas: Canvas, appearance: Appearance, rng: np.random.Generator) -> None:
    venue = appearance.venue
    if not venue.outdoor:
        hall = _mixed(venue.wall, (120, 122, 126), 0.5)
        canvas.picture[:] = np.array(_dimmed(hall, 0.5 * venue.brightness), np.uint8)
        wide = rng.uniform(2.0, 4.5)
        for x in np.arange(-50, 50, wide):
            shade = _dimmed(hall, venue.brightness * rng.uniform(0.42, 0.62))
            canvas.band((x, x + 0.97 * wide), 0.9 * _FAR_M, (0, 34), shade)
        # Girders and lamps.
        for z in np.arange(16, 40, rng.uniform(2.5, 4.0)):
            canvas.band(
                (-_FAR_M, _FAR_M), 0.88 * _FAR_M, (z, z + 0.35), _dimmed(hall, 0.34 * venue.brightness)
            )
            for x in np.arange(-45, 45, rng.uniform(3, 7)):
                canvas.band(
                    (x, x + 0.9), 0.87 * _FAR_M, (z - 0.25, z), _dimmed((228, 230, 226), venue.brightness)
                )
        return
    rows = np.linspace(0, 1, canvas.picture.shape[0], dtype=np.float32)[:, None, None]
    canvas.picture[:] = (np.array((120, 170, 224)) * (1 - rows) + np.array((206, 222, 232)) * rows).astype(
        np.uint8
    )
    horizon = appearance.camera.height_m + rng.uniform(-1.0, 3.0)
    for _ in range(9):
        x, wide, tall = rng.uniform(-60, 60), rng.uniform(5, 14), rng.uniform(1, 8)
        grey = rng.uniform(150, 200)
        canvas.band((x, x + wide), _FAR_M, (0, horizon + tall), (grey, grey * 1.0, grey * 1.02))
    for _ in range(420):
        low = rng.random()
        green = _dimmed((74, 100, 66), rng.uniform(0.6, 1.0) * (1 - 0.3 * low))
        place = (rng.uniform(-55, 55), 56.0, horizon + 2.2 - 4.0 * low)
        canvas.blob(place, (rng.uniform(0.5, 1.3), rng.uniform(0.5, 1.1)), green)
    canvas.band((-_FAR_M, _FAR_M), 54, (-2, horizon - 1.5), (66, 84, 62))


def _backdrop(
    canvas: Canvas,
    appearance: Appearance,
    rng: np.random.Generator,
    below: tuple[Number, Number],
    boxes: list[Float[np.ndarray, "4"]],
) -> None:
    """What stands above the first tier: another tier, a panelled wall, or windows."""
    venue = appearance.venue
    away, z = below
    if venue.backdrop == "stand":
        canvas.band((-_FAR_M, _FAR_M), away + 3, (z, z + 3.0), _dimmed(venue.wall, 0.35 * venue.brightness))
        _tier(canvas, appearance, rng, (away + 1.2, z + 1.5, 1), boxes)
        return
    if venue.outdoor:
        canvas.band((-_FAR_M, _FAR_M), away + 1, (z - 1, z + 2.0), _dimmed(venue.wall, venue.brightness))
        return
    canvas.band((-_FAR_M, _FAR_M), away + 1, (z - 1, z + 26), _dimmed(venue.wall, 0.8 * venue.brightness))
    if venue.backdrop == "windows":
        for x in np.arange(-45, 45, 3.2):
            for floor in np.arange(z + 2.4, z + 22, 3.4):
                pane = _dimmed((196, 210, 216), venue.brightness * rng.uniform(0.75, 1.05))
                canvas.band((x, x + 2.9), away + 0.9, (floor, floor + 3.0), pane)
        return
    for x in np.arange(-45, 45, 2.4):
        shade = _dimmed(venue.wall, venue.brightness * rng.uniform(0.72, 0.9))
        canvas.band((x, x + 2.34), away + 0.9, (z + 1.2, z + 25), shade)
    for x in np.arange(-30, 31, 15.0):
        canvas.text(
            venue.words[1], (x, x + 9.0), away + 0.8, (z + 3.4, z + 5.4), ((236, 236, 236), venue.accent)
        )


def _fascia(canvas: Canvas, appearance: Appearance, below: tuple[Number, Number]) -> None:
    venue = appearance.venue
    away, z = below
    accent = _dimmed(venue.accent, 0.9 * venue.brightness)
    canvas.band((-_FAR_M, _FAR_M), away + 0.3, (z + 0.1, z + 1.4), accent)
    letters = _dimmed((238, 238, 230), venue.brightness)
    for i, x in enumerate(np.arange(-36, 36, 8.0)):
        canvas.text(venue.words[i % 2], (x, x + 4.6), away + 0.2, (z + 0.3, z + 1.2), (letters, accent))
    canvas.rail((-_FAR_M, _FAR_M), away - 0.1, (z + 0.2, z + 0.9), _dimmed((150, 154, 158), venue.brightness))


def _tier(
    canvas: Canvas,
    appearance: Appearance,
    rng: np.random.Generator,
    place: tuple[Number, Number, int],
    boxes: list[Float[np.ndarray, "4"]],
) -> None:
    """Rows of seats, some taken, from the back row to the front."""
    venue = appearance.venue
    away, floor, tier = place
    rows = venue.tier_rows[tier]
    light = venue.brightness * (0.95 if tier == 0 else 0.72)
    middle = canvas.scale(away + rows * _ROW_DEEP_M / 2, floor + 2)
    crowd = [draw_person(rng, middle, seated=True) for _ in range(_SPRITES)]
    # Whole stands wear much the same: colours far from the eye run together.
    grey = np.array((132, 124, 120), np.float32)
    for person in crowd:
        cover = person.colour[..., 3:].astype(np.float32) / 255
        person.colour[..., :3] = (person.colour[..., :3] * 0.5 + 0.5 * grey * cover).astype(np.uint8)
    steps = _dimmed((150, 152, 154), 0.62 * light)
    aisle = _dimmed(_mixed(venue.seat, (150, 150, 150), 0.5), 0.8 * light)
    aisles = np.arange(-5, 6) * _AISLE_EVERY_M
    seat = _dimmed(venue.seat, light)
    back, shadow = _dimmed(seat, 0.86), _dimmed(seat, 0.5)
    half = _SEAT_WIDE_M * 0.42
    # Whole blocks fill up or stay empty, as sold.
    favour = rng.uniform(0.3, 1.4, size=40)
    for row in range(rows - 1, -1, -1):
        a, z = away + row * _ROW_DEEP_M, floor + row * _ROW_HIGH_M
        canvas.band((-_FAR_M, _FAR_M), a + 0.4, (z - 0.1, z + _ROW_HIGH_M + 0.15), steps)
        for x in canvas.visible(aisles, a, _AISLE_WIDE_M):
            for half_step in (0.0, 0.5):
                up = z - 0.1 + half_step * _ROW_HIGH_M
                canvas.band((x, x + _AISLE_WIDE_M), a + 0.2, (up, up + 0.2), aisle)
                canvas.band((x, x + _AISLE_WIDE_M), a + 0.2, (up - 0.06, up), _dimmed(aisle, 0.7))
        xs = np.arange(-44, 44, _SEAT_WIDE_M) + 0.03 * rng.normal()
        block = np.floor(xs / _AISLE_EVERY_M).astype(int)
        free = np.mod(xs, _AISLE_EVERY_M) > _AISLE_WIDE_M
        hips = canvas.project([(x, a, z + 0.42) for x in xs])
        inside = free & (hips[:, 0] > 0) & (hips[:, 0] < canvas.picture.shape[1]) & (hips[:, 1] > 0)
        inside &= hips[:, 1] < canvas.picture.shape[0] + 10
        taken = rng.random(len(xs)) < np.clip(venue.occupancy[tier] * favour[block % 40], 0, 0.97)
        which = rng.integers(len(crowd), size=len(xs))
        shade = rng.uniform(0.75, 1.0, size=len(xs)) * light
        px = canvas.scale(a, z)
        for i in np.flatnonzero(inside):
            x, y = hips[i].tolist()
            canvas.patch((x - half * px, y - 0.42 * px), (x + half * px, y + 0.05 * px), back)
            canvas.patch((x - half * px, y), (x + half * px, y + 0.08 * px), seat)
            canvas.patch((x - half * px, y + 0.08 * px), (x + half * px, y + 0.16 * px), shadow)
            if taken[i]:
                _place(canvas, crowd[which[i]], (x, y), float(shade[i]), boxes)


def _place(
    canvas: Canvas,
    person: Sprite,
    place_px: tuple[float, float],
    light: float,
    boxes: list[Float[np.ndarray, "4"]],
) -> None:
    box = paste(canvas.picture, person, place_px, light)
    if box is not None:
        boxes.append(box)


def _wall(canvas: Canvas, appearance: Appearance, rng: np.random.Generator, away: float) -> None:
    venue = appearance.venue
    low, high = DECK_M, DECK_M + venue.wall_height_m
    canvas.band((-_FAR_M, _FAR_M), away, (low, high), _dimmed(venue.wall, 0.8 * venue.brightness))
    board_top = high - 0.1
    board_low = max(low + 0.15, board_top - 1.25)
    x = -40.0 + rng.uniform(0, 3)
    for i in range(14):
        wide = rng.uniform(4.5, 7.0)
        ground = venue.accent if i % 2 else venue.wall if sum(venue.wall) < 300 else (30, 44, 92)
        paper = _dimmed(ground, 0.95 * venue.brightness)
        canvas.band((x, x + wide), away - 0.05, (board_low, board_top), paper)
        letters = _dimmed((240, 240, 236), venue.brightness)
        middle = (board_low + board_top) / 2
        canvas.text(
            venue.words[i % 2],
            (x + 0.1 * wide, x + 0.9 * wide),
            away - 0.06,
            (middle - 0.36, middle + 0.36),
            (letters, paper),
        )
        x += wide + rng.uniform(0.0, 0.4)
    canvas.rail(
        (-_FAR_M, _FAR_M), away - 0.05, (high, high + 0.9), _dimmed((176, 180, 184), venue.brightness)
    )


def _deck(
    canvas: Canvas,
    appearance: Appearance,
    rng: np.random.Generator,
    wall_away: float,
    boxes: list[Float[np.ndarray, "4"]],
) -> None:
    """The deck at the far side with the judges on their chairs and people standing about."""
    venue = appearance.venue
    edge = venue.pool_edge_m
    tiles = _dimmed((188, 192, 190), 0.55 + 0.4 * venue.brightness)
    canvas.floor((-_FAR_M, _FAR_M), (edge, wall_away), DECK_M, tiles)
    light = 0.35 + 0.62 * venue.brightness
    standing = [
        (rng.uniform(-13, 13), rng.uniform(edge + 1.6, wall_away - 0.4), False)
        for _ in range(venue.bystanders)
    ]
    start = rng.uniform(-1.5, 4.0)
    judges = [(start + 1.0 * i, edge + 1.2, True) for i in range(venue.chairs)]
    sitting = [(rng.uniform(-14, 14), wall_away - 0.8, True) for _ in range(venue.bystanders)]
    white: Colour = (224, 226, 230)
    for x, away, seated in sorted([*standing, *sitting], key=lambda p: -p[1]):
        scale = canvas.scale(away, DECK_M)
        person = draw_person(rng, scale, seated=seated, shirt=white if rng.random() < 0.4 else None)
        up = DECK_M + (0.48 if seated else 0.0)
        (place,) = canvas.project([(x, away, up)]).tolist()
        if seated:
            canvas.patch(
                (place[0] - 0.24 * scale, place[1]),
                (place[0] + 0.24 * scale, place[1] + 0.45 * scale),
                (52, 56, 66),
            )
        _place(canvas, person, (place[0], place[1]), light, boxes)
    for x, away, _ in judges:
        scale = canvas.scale(away, DECK_M)
        (place,) = canvas.project([(x, away, DECK_M + 1.5)]).tolist()
        (foot,) = canvas.project([(x, away, DECK_M)]).tolist()
        for side in (-1, 1):
            canvas.stroke(
                (
                    (place[0] + side * 0.22 * scale, place[1] - 0.5 * scale),
                    (foot[0] + side * 0.4 * scale, foot[1]),
                ),
                0.05 * scale,
                _dimmed((200, 204, 208), light),
            )
        canvas.patch(
            (place[0] - 0.25 * scale, place[1]),
            (place[0] + 0.25 * scale, place[1] + 0.12 * scale),
            (60, 70, 90),
        )
        _place(canvas, draw_person(rng, scale, seated=True, shirt=white), (place[0], place[1]), light, boxes)
    canvas.band((-_FAR_M, _FAR_M), edge, (0.0, DECK_M), _dimmed((60, 110, 160), 0.5 + 0.4 * venue.brightness))
