"""A dive as a broadcast shows it: surroundings, diver, splash, lens, sensor and station's sign, frame by frame.

The pictures depend on the score through the motion and the splash alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int16, UInt8

from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.simulate.appearance import Appearance, draw_appearance
from stagescore.simulate.camera import CameraPath, CameraView, follow
from stagescore.simulate.figure import Body, Layer, paint, skin_m
from stagescore.simulate.pool import POOL_END_X_M
from stagescore.simulate.tower import board_bends_m, cover_of, hides_feet, paint_board
from stagescore.simulate.types import BodyMotion, Splash
from stagescore.simulate.venue import Surroundings, paint_surroundings
from stagescore.simulate.water import Spray, splash_over, stir_water, throw_spray
from stagescore.simulate.world import Canvas, Point

__all__ = ["Appearance", "Partner", "Picture", "draw_appearance", "render"]

_SMALLEST_PX = (32, 18)
_TILE_PX = 32
_TRAVELS_PX = (1.2, 3.2, 6.5, 10.0)
"""How far the fastest joint moves in one exposure before one more moment of it is drawn."""
_CHUNK = 24
"""Frames whose bodies are built at once."""
_SWELL_TILE = 256
_POOL_END: tuple[Point, Point] = ((POOL_END_X_M, -4.0, 0.0), (POOL_END_X_M, 4.0, 0.0))
_SEEN = 96
"""Cover, of 255, from which on a pixel belongs to the diver."""
_DRAWN_AT_PX = 455
"""Width at which softness and sizes of letters are given."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One frame and the truth about it.

    Attributes:
        image: RGB picture, 0 to 255.
        joints_px: Places of the 16 joints in pixels, whether visible or not (origin at the corner of the picture).
        diver_box: Left, top, right and bottom of the visible body, in pixels; NaN where none of it is seen.
        people_boxes: Left, top, right and bottom of everybody else in the picture, in pixels.
        splash_area_px: Number of pixels that spray and foam cover.
    """

    image: UInt8[np.ndarray, "h w 3"]
    joints_px: Float[np.ndarray, "joints 2"]
    diver_box: Float[np.ndarray, "4"]
    people_boxes: Float[np.ndarray, "people 4"]
    splash_area_px: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partner:
    """The second diver of a synchronised dive, as long as the first one's.

    Attributes:
        motion: Motion of the second diver.
        splash: Splash of that diver's entry.
    """

    motion: BodyMotion
    splash: Splash


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Entry:
    """A diver's entry into the water."""

    splash: Splash
    spray: Spray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """What stays the same from frame to frame."""

    motion: BodyMotion
    partner: BodyMotion | None
    entries: tuple[_Entry, ...]
    appearance: Appearance
    path: CameraPath
    surroundings: Surroundings
    bends_m: Float[np.ndarray, " frames"]
    light: Float[np.ndarray, "3"]
    noise: Int16[np.ndarray, "noise_h noise_w 3"]
    swell: Float[np.ndarray, "2 swell_h swell_w"]
    grid: Float[np.ndarray, "2 h w"]
    sign: Layer | None


def render(
    motion: BodyMotion,
    splash: Splash,
    appearance: Appearance,
    size_px: tuple[int, int],
    partner: Partner | None = None,
) -> Iterator[Picture]:
    """Draw a dive, one frame at a time.

    Args:
        motion: Motion of the diver.
        splash: Splash of the entry.
        appearance: Appearance of everything else.
        size_px: Width and height of the pictures, in pixels; 112 to 455 wide are meant.
        partner: Second diver, whom the camera does not follow and the truth does not tell of; None for a single dive.

    Yields:
        The pictures in their order.

    Raises:
        DataError: The pictures are too small to show anything.
    """
    if size_px[0] < _SMALLEST_PX[0] or size_px[1] < _SMALLEST_PX[1]:
        raise DataError(f"pictures of {size_px[0]} x {size_px[1]} pixels", todo="ask for 112 x 64 or more")
    scene = _scene(motion, splash, appearance, size_px, partner)
    divers = _exposures(scene, motion)
    partners = repeat(None) if scene.partner is None else _exposures(scene, scene.partner)
    for frame, (diver, other) in enumerate(zip(divers, partners, strict=False)):
        yield _picture(scene, frame, diver, other)


def _scene(
    motion: BodyMotion,
    splash: Splash,
    appearance: Appearance,
    size_px: tuple[int, int],
    partner: Partner | None,
) -> _Scene:
    width, height = size_px
    light = np.array(appearance.picture.light) * (1, appearance.camera.side, 1)
    rng = np.random.default_rng(hash_u64(appearance.seed, "sensor"))
    grain = rng.standard_normal((height + _TILE_PX, width + _TILE_PX, 4), np.float32)
    noise = appearance.picture.noise * (0.85 * grain[..., :1] + 0.5 * grain[..., 1:])
    waves = _swell(rng, size_px)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return _Scene(
        motion=motion,
        partner=None if partner is None else partner.motion,
        entries=tuple(
            _Entry(splash=one, spray=throw_spray(one, appearance))
            for one in (splash, *(() if partner is None else (partner.splash,)))
        ),
        appearance=appearance,
        path=follow(motion, appearance, size_px),
        surroundings=paint_surroundings(appearance, size_px),
        bends_m=board_bends_m(motion, appearance.height_m),
        light=light / np.linalg.norm(light),
        noise=np.rint(noise).astype(np.int16),
        swell=waves,
        grid=np.stack((columns, rows)),
        sign=_sign(appearance, size_px),
    )


def _swell(rng: np.random.Generator, size_px: tuple[int, int]) -> Float[np.ndarray, "2 swell_h swell_w"]:
    """By how many pixels waves displace what is seen in the water: a tile that repeats without a seam."""
    width, height = size_px
    noise = rng.standard_normal((_SWELL_TILE, _SWELL_TILE, 2), np.float32)
    sigma = 7 * height / 256
    half = _SWELL_TILE // 2
    waves = cv2.GaussianBlur(np.tile(noise, (2, 2, 1)), (0, 0), sigmaX=sigma, sigmaY=sigma * 0.43)
    waves = waves[half : half + _SWELL_TILE, half : half + _SWELL_TILE]
    waves = np.moveaxis(waves * np.float32(1.1 * height / 256 / waves.std()), -1, 0)
    return np.ascontiguousarray(np.pad(waves, ((0, 0), (0, height), (0, width)), "wrap"))


def _picture(scene: _Scene, frame: int, diver: Layer | None, other: Layer | None) -> Picture:
    appearance, view = scene.appearance, scene.path.view(frame)
    image = _background(scene, frame, view)
    entered = [
        (entry, since_s)
        for entry in scene.entries
        if (since_s := (frame - entry.splash.first_frame) / scene.motion.frame_rate) >= 0
    ]
    for entry, since_s in entered:
        stir_water(image, entry.splash, view, since_s)
    if appearance.height_m <= 5:
        paint_board(Canvas(image, view, appearance.camera.side), appearance, float(scene.bends_m[frame]))
    bodies = [(diver, scene.motion)]
    if scene.partner is not None:
        bodies.append((other, scene.partner))
    # Whoever is nearer to the camera covers the other.
    bodies.sort(key=lambda body: -float(view.depth_m(body[1].centre_of_mass_m[frame].astype(np.float64))))
    for layer, _ in bodies:
        if layer is not None:
            _lay(image, layer)
    area = 0
    for entry, since_s in entered:
        area += splash_over(image, entry.splash, entry.spray, view, since_s)
    image = _through_lens(scene, frame, image)
    return Picture(
        image=image,
        joints_px=view.project(scene.motion.joints_m[frame].astype(np.float64)),
        diver_box=_box_of(diver),
        people_boxes=_people(scene.surroundings, view),
        splash_area_px=area,
    )


def _background(scene: _Scene, frame: int, view: CameraView) -> UInt8[np.ndarray, "h w 3"]:
    """The surroundings as this frame sees them, smeared by the pan, with moving water."""
    width, height = scene.path.size_px
    taking = view.homography_from(scene.surroundings.view)
    # OpenCV counts from the centre of the first pixel.
    half = np.array(((1, 0, 0.5), (0, 1, 0.5), (0, 0, 1.0)))
    taking = np.linalg.inv(half) @ taking @ half
    image = cv2.warpPerspective(
        scene.surroundings.picture,
        taking,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    ends = np.concatenate((scene.surroundings.far_edge_px, np.ones((2, 1))), axis=1)
    half_back = view.homography_from(scene.surroundings.view)
    there = ends @ half_back.T
    first = int(np.clip(np.ceil((there[:, 1] / there[:, 2]).max()) + 1, 0, height))
    if first < height - 2:
        rocked = _rocked(scene, frame, view, image, first)
        # The deck does not rock with the water.
        end = Canvas(image, view, scene.appearance.camera.side).project(_POOL_END)
        dry = _left_of(end, image.shape[:2], first)
        wet = ~dry if scene.appearance.camera.side < 0 else dry
        np.copyto(image[first:], rocked, where=wet)
    flow = np.abs(scene.path.flow_px(frame)) * scene.appearance.picture.shutter
    smear = (max(round(flow[0]), 1), max(round(flow[1]), 1))
    if max(smear) > 1:
        image = cv2.blur(image, smear)
    return np.asarray(image)


def _left_of(
    line_px: Float[np.ndarray, "2 2"], size: tuple[int, ...], first: int
) -> Bool[np.ndarray, "rows w 1"]:
    """Pixels of the rows from `first` on that lie to the left of a line; size is rows, columns."""
    (x0, y0), (x1, y1) = line_px.tolist()
    rows = np.arange(first, size[0]) + 0.5
    ends = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)
    return np.asarray((np.arange(size[1]) + 0.5 < ends[:, None])[..., None])


def _rocked(
    scene: _Scene, frame: int, view: CameraView, image: UInt8[np.ndarray, "h w 3"], first: int
) -> UInt8[np.ndarray, "rows w 3"]:
    """The water's rows with what they show displaced by waves that drift."""
    height, width = image.shape[:2]
    ((x, y),) = view.project(np.zeros((1, 3))).tolist()
    time = frame / scene.motion.frame_rate
    drift = (round(-x + 9 * time * height / 256), round(-y + 16 * time * height / 256))
    across, down = drift[0] % _SWELL_TILE, (first + drift[1]) % _SWELL_TILE
    moved = scene.swell[:, down : down + height - first, across : across + width]
    maps = scene.grid[:, first:] + moved
    np.maximum(maps[1], first, out=maps[1])
    return np.asarray(cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _exposures(scene: _Scene, motion: BodyMotion) -> Iterator[Layer | None]:
    """A diver in each frame over the time that the shutter is open."""
    path = scene.path
    shutter = scene.appearance.picture.shutter
    flat = np.stack([path.project(joints, i) for i, joints in enumerate(motion.joints_m.astype(np.float64))])
    travel = np.linalg.norm(np.diff(flat, axis=0, prepend=flat[:1]), axis=-1).max(1) * shutter
    # So many that the moments of a fast hand run together rather than stand apart.
    moments = 1 + np.searchsorted(_TRAVELS_PX, travel)
    for first in range(0, motion.num_frames, _CHUNK):
        frames = range(first, min(first + _CHUNK, motion.num_frames))
        times = [
            frame + ((np.arange(moments[frame]) + 0.5) / moments[frame] - 0.5) * shutter for frame in frames
        ]
        skins = skin_m(_bodies_at(motion, np.concatenate(times)), scene.appearance.diver)
        place = 0
        for frame, when in zip(frames, times, strict=True):
            part = skins[place : place + len(when)]
            place += len(when)
            views = tuple(_view_at(path, t) for t in when.tolist())
            layer = paint(part, views, (scene.appearance.diver, scene.appearance.picture), scene.light)
            hidden = hides_feet(path.view(frame), scene.appearance)
            if layer is not None and hidden is not None:
                rows, columns = layer.colour.shape[:2]
                layer.colour[:] *= 1 - cover_of(hidden, layer.corner_px, (rows, columns))[..., None]
            yield layer


def _bodies_at(motion: BodyMotion, times: Float[np.ndarray, " moments"]) -> Body:
    """The body between frames."""
    times = np.clip(times, 0, motion.num_frames - 1)
    first = np.minimum(times.astype(np.int64), max(motion.num_frames - 2, 0))
    second = np.minimum(first + 1, motion.num_frames - 1)
    share = (times - first)[:, None, None]
    joints, toes, fingers = (
        p[first] * (1 - share) + p[second] * share for p in (motion.joints_m, motion.toes_m, motion.fingers_m)
    )
    return Body(joints_m=joints, toes_m=toes, fingers_m=fingers)


def _view_at(path: CameraPath, frame: float) -> CameraView:
    frame = float(np.clip(frame, 0, path.num_frames - 1))
    i = min(int(frame), max(path.num_frames - 2, 0))
    first, second, share = path.view(i), path.view(min(i + 1, path.num_frames - 1)), frame - i
    return CameraView(
        position_m=first.position_m,
        axes=first.axes * (1 - share) + second.axes * share,
        focal_px=first.focal_px * (1 - share) + second.focal_px * share,
        centre_px=first.centre_px,
    )


def _lay(image: UInt8[np.ndarray, "h w 3"], layer: Layer) -> None:
    x, y = layer.corner_px
    rows, columns = layer.colour.shape[:2]
    part = image[y : y + rows, x : x + columns]
    part[:] = np.clip(part * (1 - layer.colour[..., 3:] / 255) + layer.colour[..., :3], 0, 255).astype(
        np.uint8
    )


def _box_of(layer: Layer | None) -> Float[np.ndarray, "4"]:
    if layer is None:
        return np.full(4, np.nan)
    seen = layer.colour[..., 3] > _SEEN
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return np.full(4, np.nan)
    x, y = layer.corner_px
    return np.array((x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1), np.float64)


def _people(surroundings: Surroundings, view: CameraView) -> Float[np.ndarray, "people 4"]:
    """Boxes of those at least half in the picture."""
    taking = view.homography_from(surroundings.view)
    # The camera never rolls: two corners of a box say enough.
    ends = surroundings.people_px.reshape(-1, 2) @ taking[:, :2].T + taking[:, 2]
    there = (ends[:, :2] / ends[:, 2:]).reshape(-1, 2, 2)
    low, high = there[:, 0], there[:, 1]
    most = np.array(view.centre_px) * 2
    inside = np.clip(high, 0, most) - np.clip(low, 0, most)
    seen = inside.prod(-1) >= 0.5 * np.maximum((high - low).prod(-1), 1e-9)
    return np.asarray(np.concatenate((np.clip(low, 0, most), np.clip(high, 0, most)), axis=-1)[seen])


def _through_lens(scene: _Scene, frame: int, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    appearance = scene.appearance
    height, width = image.shape[:2]
    soft = appearance.picture.softness_px * width / _DRAWN_AT_PX
    if soft > 0.15:
        image = cv2.GaussianBlur(image, (5, 5) if soft > 0.6 else (3, 3), soft)
    if scene.sign is not None:
        _lay(image, scene.sign)
    across, down = (hash_u64(appearance.seed, "grain", frame, axis) % _TILE_PX for axis in ("x", "y"))
    return np.asarray(
        cv2.add(image, scene.noise[down : down + height, across : across + width], dtype=cv2.CV_8U)
    )


def _sign(appearance: Appearance, size_px: tuple[int, int]) -> Layer | None:
    """The station's sign and, on some stations, a bar; the same whatever is dived and however well."""
    if not appearance.picture.logo and not appearance.picture.strap:
        return None
    width, height = size_px
    fine = 2
    canvas = np.zeros((height * fine, width * fine, 4), np.uint8)
    unit = height * fine / 256
    if appearance.picture.logo:
        words = appearance.picture.logo
        (wide, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 0.5 * unit, 1)
        place = (round(width * fine * 0.95 - wide), round(24 * unit))
        shade = tuple(0.75 * c for c in (235, 235, 235, 255))
        cv2.putText(
            canvas, words, place, cv2.FONT_HERSHEY_DUPLEX, 0.5 * unit, shade, max(round(unit), 1), cv2.LINE_AA
        )
    if appearance.picture.strap:
        low, high = round(232 * unit), round(247 * unit)
        left, right = round(24 * unit), round(170 * unit)
        cover = 0.8
        canvas[low:high, left:right] = [round(cover * c) for c in (18, 30, 74, 255)]
        canvas[low:high, left : left + round(6 * unit)] = [
            round(cover * c) for c in (*appearance.venue.accent, 255)
        ]
        ends = (left + round(10 * unit), high - round(4 * unit))
        cv2.putText(canvas, appearance.venue.words[0], ends, cv2.FONT_HERSHEY_DUPLEX, 0.36 * unit, (200, 200, 200, 220), max(round(0.7 * unit), 1), cv2.LINE_AA)  # fmt: skip
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    rows, columns = np.flatnonzero(small[..., 3].any(1)), np.flatnonzero(small[..., 3].any(0))
    part = small[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Layer(corner_px=(int(columns[0]), int(rows[0])), colour=part.astype(np.float32))
