"""Geometric transforms that move the joints together with the pixels.

Source: none needed. Coordinates are those of `types`: the origin is the top left corner of the picture
and the centre of the first pixel lies at (0.5, 0.5). A flip therefore takes x to width - x and a resize
multiplies; OpenCV's `warpAffine` counts from the centre of the first pixel and is corrected for that.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.errors import DataError
from stagescore.hashing import hash_unit
from stagescore.media.scaling import scaled
from stagescore.types import PoseTrack

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class PosedFrames:
    """Frames and, if known, the diver's joints in them.

    Attributes:
        frames: RGB pictures, 0 to 255.
        poses: Joints in pixels of these frames, one pose per frame; None if there are none.
    """

    frames: UInt8[np.ndarray, "frames height width 3"]
    poses: PoseTrack | None = None

    def __post_init__(self) -> None:
        if self.poses is not None and self.poses.num_frames != len(self.frames):
            raise DataError(
                f"{len(self.frames)} frames and {self.poses.num_frames} poses", todo="give one pose a frame"
            )

    @property
    def size_px(self) -> Size:
        """Width and height."""
        return int(self.frames.shape[2]), int(self.frames.shape[1])


class Transform(ABC):
    """A change of geometry, decided beforehand: calling it twice gives the same twice."""

    __slots__ = ()

    @property
    def mirrors(self) -> bool:
        """Whether left and right joints change their names."""
        return False

    @abstractmethod
    def size_after(self, size_px: Size) -> Size:
        """Width and height that pictures of `size_px` get."""

    @abstractmethod
    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """Where a point of a picture of `size_px` goes: new = matrix @ (x, y, 1)."""

    @abstractmethod
    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """One transformed picture."""

    def __call__(self, posed: PosedFrames) -> PosedFrames:
        """Transform all frames and joints. Unknown joints stay unknown; a joint that leaves the picture
        keeps its coordinates.
        """  # noqa: D205
        width, height = self.size_after(posed.size_px)
        frames = np.empty((len(posed.frames), height, width, 3), dtype=np.uint8)
        for target, picture in zip(frames, posed.frames, strict=True):
            target[:] = self.picture(picture)
        poses = posed.poses
        if poses is not None:
            poses = _moved(poses, self.matrix(posed.size_px))
            poses = _renamed(poses) if self.mirrors else poses
        return PosedFrames(frames, poses)


@dataclass(frozen=True, slots=True)
class Resize(Transform):
    """Scale to a size; proportions are not kept.

    Attributes:
        width_px: New width, in pixels.
        height_px: New height, in pixels.
    """

    width_px: int
    height_px: int

    def __post_init__(self) -> None:
        _check_positive(self.width_px, self.height_px)

    def size_after(self, size_px: Size) -> Size:
        """The new size, whatever it was."""
        return self.width_px, self.height_px

    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """A plain scale."""
        width, height = size_px
        return np.array([[self.width_px / width, 0.0, 0.0], [0.0, self.height_px / height, 0.0]])

    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """Scaled by area or linearly."""
        return scaled(picture, (self.width_px, self.height_px))


@dataclass(frozen=True, slots=True)
class Crop(Transform):
    """Cut out a rectangle; where it reaches beyond the picture the result is black.

    Attributes:
        left_px: Left edge of the rectangle in the picture, in pixels; may be negative.
        top_px: Top edge of the rectangle in the picture, in pixels; may be negative.
        width_px: Width of the rectangle, in pixels.
        height_px: Height of the rectangle, in pixels.
    """

    left_px: int
    top_px: int
    width_px: int
    height_px: int

    def __post_init__(self) -> None:
        _check_positive(self.width_px, self.height_px)

    @classmethod
    def centred(cls, size_px: Size, width_px: int, height_px: int) -> "Crop":
        """The middle of pictures of `size_px`; half a pixel further left or up where it does not divide.

        Raises:
            DataError: The crop is larger than the picture or not positive.

        >>> Crop.centred((455, 256), 224, 224)
        Crop(left_px=115, top_px=16, width_px=224, height_px=224)
        """
        spare_x, spare_y = _spare(size_px, width_px, height_px)
        return cls(spare_x // 2, spare_y // 2, width_px, height_px)

    @classmethod
    def hashed(cls, size_px: Size, width_px: int, height_px: int, key: tuple[str | int, ...]) -> "Crop":
        """A place within the picture that depends on `key` (seed, epoch, dive, ...) alone.

        Raises:
            DataError: The crop is larger than the picture or not positive.
        """
        spare_x, spare_y = _spare(size_px, width_px, height_px)
        left = int(hash_unit(*key, "left") * (spare_x + 1))
        top = int(hash_unit(*key, "top") * (spare_y + 1))
        return cls(left, top, width_px, height_px)

    def size_after(self, size_px: Size) -> Size:
        """The rectangle's size."""
        return self.width_px, self.height_px

    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """A shift."""
        return np.array([[1.0, 0.0, -self.left_px], [0.0, 1.0, -self.top_px]])

    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """The rectangle, copied."""
        height, width = picture.shape[:2]
        cropped = np.zeros((self.height_px, self.width_px, 3), dtype=np.uint8)
        x0, x1 = max(self.left_px, 0), min(self.left_px + self.width_px, width)
        y0, y1 = max(self.top_px, 0), min(self.top_px + self.height_px, height)
        if x0 < x1 and y0 < y1:
            inside = picture[y0:y1, x0:x1]
            cropped[y0 - self.top_px : y1 - self.top_px, x0 - self.left_px : x1 - self.left_px] = inside
        return cropped


@dataclass(frozen=True, slots=True)
class HorizontalFlip(Transform):
    """Mirror left and right: the left hand becomes the right hand, as in a mirror."""

    @property
    def mirrors(self) -> bool:
        """Always."""
        return True

    def size_after(self, size_px: Size) -> Size:
        """Unchanged."""
        return size_px

    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """X becomes width - x."""
        return np.array([[-1.0, 0.0, size_px[0]], [0.0, 1.0, 0.0]])

    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """Mirrored."""
        return np.ascontiguousarray(picture[:, ::-1])


@dataclass(frozen=True, slots=True)
class Rotate(Transform):
    """Turn about the centre of the picture; the size stays, corners become black.

    Attributes:
        degrees: Angle of the turn in degrees, clockwise as one looks at the picture.
    """

    degrees: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.degrees):
            raise DataError(f"a turn by {self.degrees} degrees is asked for", todo="give a number")

    def size_after(self, size_px: Size) -> Size:
        """Unchanged."""
        return size_px

    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """A rotation that keeps the centre in place."""
        cosine, sine = math.cos(math.radians(self.degrees)), math.sin(math.radians(self.degrees))
        turn = np.array([[cosine, -sine], [sine, cosine]])
        centre = np.array(size_px) / 2
        return np.column_stack((turn, centre - turn @ centre))

    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """Turned, interpolated linearly."""
        height, width = picture.shape[:2]
        matrix = self.matrix((width, height))
        # warpAffine's origin is the centre of the first pixel, ours is that pixel's corner.
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
        return np.asarray(
            cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR), dtype=np.uint8
        )


@dataclass(frozen=True, slots=True)
class Compose(Transform):
    """Several transforms, the first one first.

    Attributes:
        transforms: Transforms in the order of their use; none at all leaves everything as it is.
    """

    transforms: tuple[Transform, ...]

    @property
    def mirrors(self) -> bool:
        """An odd number of mirrors."""
        return sum(transform.mirrors for transform in self.transforms) % 2 == 1

    def size_after(self, size_px: Size) -> Size:
        """The size after the last one."""
        for transform in self.transforms:
            size_px = transform.size_after(size_px)
        return size_px

    def matrix(self, size_px: Size) -> Float[np.ndarray, "2 3"]:
        """The product of all matrices."""
        product = np.eye(3)
        for transform in self.transforms:
            product = np.vstack((transform.matrix(size_px), [0.0, 0.0, 1.0])) @ product
            size_px = transform.size_after(size_px)
        return product[:2]

    def picture(self, picture: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "new_h new_w 3"]:
        """One after another."""
        for transform in self.transforms:
            picture = transform.picture(picture)
        return picture


def _moved(poses: PoseTrack, matrix: Float[np.ndarray, "2 3"]) -> PoseTrack:
    joints_px = poses.joints_px @ matrix[:, :2].T + matrix[:, 2]
    return replace(poses, joints_px=joints_px.astype(poses.joints_px.dtype))


def _renamed(poses: PoseTrack) -> PoseTrack:
    skeleton = poses.skeleton
    order = list(skeleton.flip_order)
    return replace(
        poses,
        joints_px=poses.joints_px[:, order],
        confidence=poses.confidence[:, order],
        filled=None if poses.filled is None else poses.filled[:, order],
        derived=skeleton.named(skeleton.mask(poses.derived)[order]),
    )


def _spare(size_px: Size, width_px: int, height_px: int) -> Size:
    _check_positive(width_px, height_px)
    spare = size_px[0] - width_px, size_px[1] - height_px
    if min(spare) < 0:
        raise DataError(
            f"a crop of {width_px} x {height_px} does not fit into {size_px[0]} x {size_px[1]} pixels",
            todo="resize first, or crop less",
        )
    return spare


def _check_positive(width_px: int, height_px: int) -> None:
    if min(width_px, height_px) < 1:
        raise DataError(
            f"a picture of {width_px} x {height_px} pixels is asked for", todo="give positive sizes"
        )
