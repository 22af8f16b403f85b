"""The broadcast camera: it stands still, pans, tilts and zooms after the diver as a human operator does.

Because it turns about one point, everything that stands still in the world is seen through a
homography: the surroundings are drawn once, seen from a camera in `reference_view`, and warped.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.simulate.appearance import Appearance, CameraLook
from stagescore.simulate.types import BodyMotion

# Set by hand: where the camera may aim, along the board's direction and up to so much above the board, in metres.
_AIM_X_M = (-4.0, 4.2)
_AIM_LOWEST_M = -0.3
_AIM_ABOVE_BOARD_M = 2.2
_WATER_AIM_M = 0.35
"""A diver under water cannot be followed: the operator stays at the surface."""
# Set by hand: steps per frame in which the operator's swing is integrated.
_STEPS_A_FRAME = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraView:
    """One picture's projection.

    Attributes:
        position_m: Place of the camera in world axes, in metres.
        axes: Right, up and forward directions of the camera, as rows.
        focal_px: Distance of the image plane, in pixels.
        centre_px: Pixel (x, y) at which the forward direction meets the picture.
    """

    position_m: Float[np.ndarray, "3"]
    axes: Float[np.ndarray, "3 3"]
    focal_px: float
    centre_px: tuple[float, float]

    def project(self, points_m: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 2"]:
        """World points in metres to xy pixels (origin at the corner of the picture)."""
        seen = (points_m - self.position_m) @ self.axes.T
        depth = np.maximum(seen[..., 2:], 1e-3)
        flat = seen[..., :2] / depth * np.array((self.focal_px, -self.focal_px))
        return np.asarray(flat + np.array(self.centre_px))

    def depth_m(self, points_m: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points"]:
        """Distance of world points along the forward direction, metres."""
        return np.asarray((points_m - self.position_m) @ self.axes[2])

    def scale_at(self, depth_m: float) -> float:
        """Pixels a metre at a depth."""
        return self.focal_px / depth_m

    def homography_from(self, other: "CameraView") -> Float[np.ndarray, "3 3"]:
        """Takes corner-origin pixels of another view from the same place to this view's."""
        turn = self.axes @ other.axes.T
        return np.asarray(self._inner() @ turn @ np.linalg.inv(other._inner()))

    def _inner(self) -> Float[np.ndarray, "3 3"]:
        x, y = self.centre_px
        return np.array(((self.focal_px, 0, x), (0, -self.focal_px, y), (0, 0, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraPath:
    """Where the camera looks, frame by frame.

    Attributes:
        position_m: Place of the camera in world axes, in metres.
        axes: Right, up and forward directions of the camera in each frame, as rows.
        focal_px: Distance of the image plane in each frame, in pixels.
        size_px: Width and height of the pictures, in pixels.
    """

    position_m: Float[np.ndarray, "3"]
    axes: Float[np.ndarray, "frames 3 3"]
    focal_px: Float[np.ndarray, " frames"]
    size_px: tuple[int, int]

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return int(self.axes.shape[0])

    def view(self, frame: int) -> CameraView:
        """The projection of one frame."""
        width, height = self.size_px
        return CameraView(
            position_m=self.position_m,
            axes=self.axes[frame],
            focal_px=float(self.focal_px[frame]),
            centre_px=(width / 2, height / 2),
        )

    def project(self, points_m: Float[np.ndarray, "*points 3"], frame: int) -> Float[np.ndarray, "*points 2"]:
        """World points in metres to xy pixels of a frame (origin at the corner of the picture)."""
        return self.view(frame).project(points_m)

    def flow_px(self, frame: int) -> tuple[float, float]:
        """How far the surroundings in the middle of the picture move from the last frame to this one."""
        before, now = self.view(max(frame - 1, 0)), self.view(frame)
        ahead = now.position_m + 30 * now.axes[2]
        x, y = now.project(ahead) - before.project(ahead)
        return float(x), float(y)


def follow(motion: BodyMotion, appearance: Appearance, size_px: tuple[int, int]) -> CameraPath:
    """Follow a dive as a human operator would: late, with overshoot, and never under water.

    The operator sees only what has happened: no frame depends on a later one.

    Args:
        motion: Dive to follow.
        appearance: Appearance whose `camera` says where it stands and how the operator works.
        size_px: Width and height of the pictures, in pixels.

    Raises:
        DataError: A size is not positive.
    """
    width, height = size_px
    if width < 1 or height < 1:
        raise DataError(f"the picture's size is {width} x {height}", todo="give a positive size")
    camera = appearance.camera
    aims = _aims(motion, appearance)
    progress = np.clip((appearance.height_m + 1 - aims[:, 1]) / (appearance.height_m + 1), 0, 1)
    covered = camera.view_height_m * (1 + camera.zoom_share * progress**2 * (3 - 2 * progress))
    position = camera_position_m(camera)
    aims = aims + _framing(covered, camera, width / height)
    axes = np.stack([_axes(position, aim) for aim in aims])
    return CameraPath(
        position_m=position,
        axes=axes,
        focal_px=np.asarray(height * camera.distance_m / covered),
        size_px=size_px,
    )


def camera_position_m(camera: CameraLook) -> Float[np.ndarray, "3"]:
    """Where the camera stands, metres."""
    azimuth = math.radians(camera.azimuth_deg)
    return np.array(
        (
            1.0 + camera.distance_m * math.sin(azimuth),
            camera.side * camera.distance_m * math.cos(azimuth),
            camera.height_m,
        )
    )


def reference_view(appearance: Appearance, size_px: tuple[int, int]) -> tuple[CameraView, tuple[int, int]]:
    """The wide view that holds every picture `follow` can give, and its size in pixels.

    It does not depend on the dive, so that the surroundings are the same pixels whatever is dived.
    """
    camera = appearance.camera
    width, height = size_px
    position = camera_position_m(camera)
    focal = height * camera.distance_m / camera.view_height_m
    low, high = _AIM_LOWEST_M, appearance.height_m + _AIM_ABOVE_BOARD_M
    wide = CameraView(
        position_m=position,
        axes=_axes(position, np.array((sum(_AIM_X_M) / 2, (low + high) / 2))),
        focal_px=focal,
        centre_px=(0.0, 0.0),
    )
    most = focal / (1 + max(camera.zoom_share, 0.0)) / 1.04
    corners = []
    for x in _AIM_X_M:
        for z in (low, (low + high) / 2, high):
            covered = camera.view_height_m * (1 + max(camera.zoom_share, 0.0))
            aim = np.array((x, z)) + _framing(np.array([covered]), camera, width / height)[0]
            view = CameraView(
                position_m=position,
                axes=_axes(position, aim),
                focal_px=most,
                centre_px=(width / 2, height / 2),
            )
            taking = wide.homography_from(view)
            for corner in ((0, 0), (width, 0), (0, height), (width, height)):
                there = taking @ np.array((*corner, 1.0))
                corners.append(there[:2] / there[2])
    first, last = np.min(corners, axis=0), np.max(corners, axis=0)
    size = (math.ceil(last[0] - first[0]), math.ceil(last[1] - first[1]))
    return (
        CameraView(
            position_m=position,
            axes=wide.axes,
            focal_px=focal,
            centre_px=(-float(first[0]), -float(first[1])),
        ),
        size,
    )


def _framing(
    covered_m: Float[np.ndarray, " frames"], camera: CameraLook, aspect: float
) -> Float[np.ndarray, "frames 2"]:
    return np.stack((covered_m * aspect * camera.lead[0], covered_m * camera.lead[1]), axis=-1)


def _axes(position: Float[np.ndarray, "3"], aim: Float[np.ndarray, "2"]) -> Float[np.ndarray, "3 3"]:
    forward = np.array((aim[0], 0.0, aim[1])) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return np.stack((right, np.cross(right, forward), forward))


def _aims(motion: BodyMotion, appearance: Appearance) -> Float[np.ndarray, "frames 2"]:
    """Points x, z of the plane of the dive that the camera looks at: a damped swing after the diver."""
    camera = appearance.camera
    step = 1 / (motion.frame_rate * _STEPS_A_FRAME)
    frames = motion.num_frames
    seen = motion.centre_of_mass_m[:, (0, 2)].copy()
    # The feet on the board matter to the operator more than raised arms; the water's surface ends the chase.
    seen[:, 1] = np.maximum(seen[:, 1], _WATER_AIM_M)
    times = np.arange(frames * _STEPS_A_FRAME) / _STEPS_A_FRAME - camera.lag_s * motion.frame_rate
    late = np.stack([np.interp(times, np.arange(frames), seen[:, i]) for i in range(2)], axis=-1)
    speed = np.diff(late, axis=0, prepend=late[:1]) / step
    speed[late[:, 1] <= _WATER_AIM_M + 1e-6] = 0
    # He knows how divers fall and makes up for his reaction time, but not where the water begins.
    wanted = late + speed * camera.lag_s
    wanted[:, 1] = np.maximum(wanted[:, 1], _WATER_AIM_M)
    place, pace = wanted[0].copy(), np.zeros(2)
    aims = np.empty((frames, 2))
    for i in range(frames * _STEPS_A_FRAME):
        if i % _STEPS_A_FRAME == 0:
            aims[i // _STEPS_A_FRAME] = place
        swing = camera.swing_rad_s
        pull = swing**2 * (wanted[i] - place) + 2 * camera.damping * swing * (speed[i] - pace)
        pace += pull * step
        place = place + pace * step
        # The floor stops an overshoot into the water: operators know where the dive ends.
        if place[1] < _AIM_LOWEST_M + 0.2:
            place[1], pace[1] = _AIM_LOWEST_M + 0.2, 0.0
    aims += _shake(frames, appearance) * camera.view_height_m
    lowest = (_AIM_X_M[0], _AIM_LOWEST_M)
    return np.clip(aims, lowest, (_AIM_X_M[1], appearance.height_m + _AIM_ABOVE_BOARD_M))


def _shake(frames: int, appearance: Appearance) -> Float[np.ndarray, "frames 2"]:
    rng = np.random.default_rng(hash_u64(appearance.seed, "shake"))
    steps = rng.normal(size=(frames + 8, 2))
    smooth = np.stack([np.convolve(steps[:, i], np.hanning(9) / 2, "valid") for i in range(2)], axis=-1)
    return np.asarray(appearance.camera.shake * smooth[:frames])
