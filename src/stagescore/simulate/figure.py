"""The diver's body: a skin of small quads around the joints, shaded, sorted by depth and painted.

What is below the water's surface is not drawn.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int

from stagescore.simulate.appearance import DiverLook, PictureLook
from stagescore.simulate.camera import CameraView
from stagescore.simulate.physique import (
    BUN_RINGS,
    CIRCLE,
    ENDS,
    HEAD_AROUND,
    HEAD_RINGS,
    MESHES,
    PROFILES,
    SQUARE_CIRCLE,
    STARTS,
    TRUNK_M,
    TRUNK_PROFILE,
)
from stagescore.skeleton import MPII_16

_PELVIS, _THORAX, _UPPER_NECK, _HEAD_TOP = MPII_16.indices("pelvis", "thorax", "upper_neck", "head_top")
_HIP_R, _HIP_L, _KNEE_R, _KNEE_L = MPII_16.indices("right_hip", "left_hip", "right_knee", "left_knee")
_SHOULDER_R, _SHOULDER_L = MPII_16.indices("right_shoulder", "left_shoulder")
_SMALL_PX = 170
"""Height of pictures up to which a coarser skin looks the same."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """The diver at some moments.

    Attributes:
        joints_m: Positions of the 16 joints in MPII's order, in metres.
        toes_m: Tips of the right and the left foot, in metres.
        fingers_m: Finger tips of the right and the left hand, in metres.
    """

    joints_m: Float[np.ndarray, "moments joints 3"]
    toes_m: Float[np.ndarray, "moments 2 3"]
    fingers_m: Float[np.ndarray, "moments 2 3"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """A painted piece of picture.

    Attributes:
        corner_px: Column and row of the layer's first pixel within the picture.
        colour: Red, green, blue and cover, 0 to 255, multiplied by the cover.
    """

    corner_px: tuple[int, int]
    colour: Float[np.ndarray, "h w 4"]


Points = Float[np.ndarray, "moments ... 3"]


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    length = np.sqrt(np.einsum("...c,...c->...", vectors, vectors))
    return np.asarray(vectors / np.maximum(length, 1e-9)[..., None])


def _cross(a: Float[np.ndarray, "*n 3"], b: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    """`np.cross` for three components, several times as fast."""
    result = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        result[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return result


def skin_m(body: Body, appearance: DiverLook) -> Float[np.ndarray, "moments vertices 3"]:
    """The body's surface as points in metres, in the order that the quads refer to."""
    joints = np.concatenate((body.joints_m, body.toes_m, body.fingers_m), axis=1).astype(np.float32)
    trunk = joints[:, _THORAX] - joints[:, _PELVIS]
    up = _unit(trunk)
    hips_left = _unit(joints[:, _HIP_L] - joints[:, _HIP_R])
    shoulders_left = _unit(joints[:, _SHOULDER_L] - joints[:, _SHOULDER_R])
    left = _unit(hips_left + shoulders_left)
    frame = _Frame(up=up, left=left, front=_unit(_cross(left, up)), lefts=(hips_left, shoulders_left))
    # Segments keep their length, so that one moment says how large the body is.
    size = float(np.linalg.norm(trunk[0])) / TRUNK_M
    parts = (
        _limbs(joints, frame, appearance.girth * size),
        _trunk(joints, frame, appearance.girth * size),
        *_head(joints, frame, appearance.woman, size),
    )
    return np.asarray(np.concatenate([part.reshape(len(joints), -1, 3) for part in parts], axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frame:
    """Directions of the trunk; `lefts` are those of the hips and of the shoulders."""

    up: Float[np.ndarray, "moments 3"]
    left: Float[np.ndarray, "moments 3"]
    front: Float[np.ndarray, "moments 3"]
    lefts: tuple[Float[np.ndarray, "moments 3"], Float[np.ndarray, "moments 3"]]


def _limbs(joints: Float[np.ndarray, "moments nodes 3"], frame: _Frame, girth: float) -> Points:
    starts = joints[:, STARTS]
    bones = joints[:, ENDS] - starts
    along = _unit(bones)

    def square_to(direction: Float[np.ndarray, "moments 3"]) -> Float[np.ndarray, "moments limbs 3"]:
        share = (along * direction[:, None]).sum(-1, keepdims=True)
        return np.asarray(direction[:, None] - along * share)

    # Hands and feet are flat: their broad side lies along the body's left as far as the limb allows.
    across = square_to(frame.left)
    weak = np.linalg.norm(across, axis=-1, keepdims=True) < 0.35
    across = _unit(np.where(weak, square_to(frame.front), across))
    deep = _cross(along, across)
    ring = PROFILES[:, :, None, 1:] * np.float32(girth) * CIRCLE
    centres = starts[:, :, None] + PROFILES[:, :, :1] * bones[:, :, None]
    return np.asarray(
        centres[:, :, :, None]
        + ring[..., :1] * across[:, :, None, None]
        + ring[..., 1:] * deep[:, :, None, None]
    )


def _trunk(joints: Float[np.ndarray, "moments nodes 3"], frame: _Frame, girth: float) -> Points:
    place = TRUNK_PROFILE[:, :1]
    pelvis, thorax = joints[:, _PELVIS], joints[:, _THORAX]
    thighs = _unit((joints[:, _KNEE_R] - joints[:, _HIP_R]) + (joints[:, _KNEE_L] - joints[:, _HIP_L]))
    # The back is round where the hips are bent (tuck and pike) and hollow where they are stretched.
    bend = np.clip(((thighs * frame.up).sum(-1) + 1) / 1.5, 0, 1)[:, None, None]
    within = np.clip(place, 0, 1)
    rounding = 0.3 * bend * within * (1 - within)
    half_shoulders = min(
        float(np.linalg.norm(joints[0, _SHOULDER_L] - joints[0, _SHOULDER_R])) / 2, 0.19 * girth
    )
    hips, shoulders = frame.lefts[0][:, None], frame.lefts[1][:, None]
    left = _unit(hips + (shoulders - hips) * within)
    spine = pelvis[:, None] + place * (thorax - pelvis)[:, None]
    middle = spine - frame.front[:, None] * (TRUNK_PROFILE[:, 3:] * girth + rounding)
    wide = (TRUNK_PROFILE[:, 1:2] * half_shoulders * SQUARE_CIRCLE[:, 0])[..., None]
    deep = (TRUNK_PROFILE[:, 2:3] * girth * SQUARE_CIRCLE[:, 1])[..., None]
    return np.asarray(middle[:, :, None] + wide * left[:, :, None] + deep * frame.front[:, None, None])


def _head(
    joints: Float[np.ndarray, "moments nodes 3"], frame: _Frame, woman: bool, size: float
) -> tuple[Points, Points]:
    base, top = joints[:, _UPPER_NECK], joints[:, _HEAD_TOP]
    up = _unit(top - base)
    face = _unit(frame.front - up * (frame.front * up).sum(-1, keepdims=True))
    left = _cross(up, face)
    tall = float(np.linalg.norm(top[0] - base[0])) * 0.54
    wide, deep = 0.080 * size, 0.101 * size
    middle = base + 0.5 * (top - base) + 0.012 * size * face

    def ball(centre: Float[np.ndarray, "moments 3"], radii: tuple[float, float, float], rings: int) -> Points:
        around = np.arange(HEAD_AROUND, dtype=np.float32) * (2 * np.pi / HEAD_AROUND)
        slope = np.linspace(-0.5, 0.5, rings, dtype=np.float32) * np.pi * 0.97
        # A chin is narrower than a crown.
        radius = (np.cos(slope) * np.where(slope < 0, 1 - 0.16 * np.sin(-slope), 1.0))[:, None, None]
        ring = (
            np.cos(around)[:, None] * (left * radii[0])[:, None, None]
            + np.sin(around)[:, None] * (face * radii[1])[:, None, None]
        )
        lifted = centre[:, None, None] + np.sin(slope)[:, None, None] * (up * radii[2])[:, None, None]
        return np.asarray(lifted + radius * ring, np.float32)

    bun = (0.042 if woman else 0.004) * size
    behind = middle - face * deep * 0.85 + up * tall * 0.45
    return ball(middle, (wide, deep, tall), HEAD_RINGS), ball(behind, (bun, bun, bun), BUN_RINGS)


def _colours(appearance: DiverLook, picture: PictureLook) -> Float[np.ndarray, "materials 3"]:
    skin = np.array(appearance.skin)
    face = skin * (0.97, 0.93, 0.92)
    sole = np.minimum(skin * (1.04, 1.0, 0.98), 250)
    stacked = np.stack((skin, appearance.suit, appearance.suit_side, appearance.hair, face, sole))
    return np.asarray(stacked * np.array(picture.cast))


def paint(
    skins_m: Float[np.ndarray, "moments vertices 3"],
    views: tuple[CameraView, ...],
    appearance: tuple[DiverLook, PictureLook],
    light: Float[np.ndarray, "3"],
) -> Layer | None:
    """Paint the diver at one moment or, for motion blur, at several moments of one exposure.

    Args:
        skins_m: Points of the body's surface at each moment, in metres.
        views: View of the camera at each moment.
        appearance: Looks of the diver and of the picture.
        light: Direction that the light comes from, of length 1.

    Returns:
        The piece of picture that the diver covers, or None if nothing of the diver is in it.
    """
    above = skins_m[..., 2] > 0
    if not above.any():
        return None
    width, height = (round(2 * c) for c in views[0].centre_px)
    flat = np.stack([view.project(skin) for skin, view in zip(skins_m, views, strict=True)])
    seen = flat[above]
    first = np.clip(np.floor(seen.min(0)).astype(int) - 2, 0, (width, height))
    last = np.clip(np.ceil(seen.max(0)).astype(int) + 2, 0, (width, height))
    if (last - first < 1).any():
        return None
    fine = 2 if height > 200 else 3
    columns, rows = (last - first).tolist()
    # Light and depth order hardly change within one exposure: they are found once, in its middle.
    middle = len(views) // 2
    mesh = MESHES[appearance[0].woman, height <= _SMALL_PX]
    colours = _colours(*appearance)[mesh.material]
    order, shades = _shaded(
        (skins_m[middle], mesh.quads), views[middle], colours, (light, appearance[1].ambient)
    )
    # OpenCV counts from the centre of the first pixel and wants sixteenths as integers.
    corners = np.rint(((flat - first) * fine - 0.5) * 16).astype(np.int32)
    total = np.zeros((rows, columns, 4), np.float32)
    fills = shades.tolist()
    draw = cv2.fillConvexPoly
    for points, dry in zip(corners, above, strict=True):
        canvas = np.zeros((rows * fine, columns * fine, 4), np.uint8)
        polygons = points[order]
        if not dry.all():
            wet = ~dry[order].all(1)
            for quad, shade in zip(polygons[~wet], shades[~wet].tolist(), strict=True):
                draw(canvas, quad, shade, cv2.LINE_8, 4)
        else:
            for quad, shade in zip(polygons, fills, strict=True):
                draw(canvas, quad, shade, cv2.LINE_8, 4)
        total += cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA)
    return Layer(corner_px=(int(first[0]), int(first[1])), colour=total / len(views))


def _shaded(
    surface: tuple[Float[np.ndarray, "vertices 3"], Int[np.ndarray, "quads 4"]],
    view: CameraView,
    colours: Float[np.ndarray, "quads 3"],
    lights: tuple[Float[np.ndarray, "3"], float],
) -> tuple[Int[np.ndarray, "visible 4"], Float[np.ndarray, "visible 4"]]:
    """Quads that face the camera, far to near, and their colours with full cover."""
    light, ambient = lights
    skin, quads = surface
    corners = skin[quads]
    middle = corners.mean(1)
    turned = _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    away = view.position_m.astype(np.float32) - middle
    kept = np.flatnonzero(np.einsum("qc,qc->q", turned, away) > 0)
    kept = kept[np.argsort(middle[kept] @ -view.axes[2].astype(np.float32), kind="stable")]
    normal, towards = _unit(turned[kept]), _unit(away[kept])
    facing = np.einsum("qc,qc->q", normal, towards)
    lit = np.clip(normal @ light, 0, None)
    sky = 0.5 + 0.5 * normal[:, 2]
    # Surfaces that look into the body get less light from around.
    outward = np.einsum("qc,qc->q", normal, _unit(middle[kept] - skin.mean(0)))
    open_to_light = 0.76 + 0.24 * np.clip(outward + 0.35, 0, 1)
    edge = 0.76 + 0.24 * np.sqrt(np.clip(facing, 0, 1))
    shine = np.clip(np.einsum("qc,qc->q", normal, _unit(light + towards)), 0, 1) ** 18
    level = (ambient * (0.70 + 0.58 * sky) + 0.82 * lit) * open_to_light * edge
    shade = np.clip(colours[kept] * level[:, None] + 42 * shine[:, None], 0, 255)
    return quads[kept], np.concatenate((shade, np.full((len(kept), 1), 255.0)), axis=-1)
