"""The motion of one diver: joints with the times of their frames, as all forms of `exports` write it."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from stagescore.errors import ConfigError, DataError
from stagescore.pose.formats import EmptyImage, LabelledImage
from stagescore.scoring.angles import SideAngles, side_angles
from stagescore.skeleton import Skeleton
from stagescore.types import PoseTrack


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Joints of one diver with the times of their frames.

    Attributes:
        name: Name of the film, without its ending.
        track: Joints in pixels of the film, a row for each frame.
        frames: Number of each row's frame in the film, counted from 0, increasing.
        times_s: True time of each row since the film's first frame, in seconds; that of the file divided by `slowmo`.
        frame_rate: True frames per second, as a mean over the film.
        slowmo: Factor by which the film is slowed down.
        size_px: Width and height of the picture, in pixels; None where nobody says so.
        metres_per_pixel: Scale; None for places in pixels.

    Raises:
        DataError: There are no frames, or their numbers or times do not fit the rows.
        ConfigError: The scale or the frame rate is not a positive number.
    """

    name: str
    track: PoseTrack
    frames: tuple[int, ...]
    times_s: Float[np.ndarray, " frames"]
    frame_rate: float
    slowmo: float = 1.0
    size_px: tuple[int, int] | None = None
    metres_per_pixel: float | None = None

    def __post_init__(self) -> None:
        if not self.frames:
            raise DataError("it holds no frames", where=self.name, todo="give joints of one frame or more")
        if len(self.frames) != self.track.num_frames or self.times_s.shape != (len(self.frames),):
            raise DataError(
                f"{self.track.num_frames} rows of joints, {len(self.frames)} frames, {self.times_s.size} times",
                where=self.name,
                todo="give a frame and a time for each row",
            )
        if (np.diff(self.frames) <= 0).any() or not (np.diff(self.times_s) >= 0).all():
            raise DataError("its frames or their times go backwards", where=self.name, todo="sort the frames")
        for what, number in (
            ("frame rate", self.frame_rate),
            ("slow-motion factor", self.slowmo),
            ("scale in metres per pixel", self.scale),
        ):
            if not (np.isfinite(number) and number > 0):
                raise ConfigError(f"the {what} is {number:g}", todo="give a positive number")

    @property
    def believed(self) -> Bool[np.ndarray, "frames joints"]:
        """The joints that were seen: neither filled in nor doubtful."""
        return self.track.known if self.track.filled is None else self.track.known & ~self.track.filled

    @property
    def unit(self) -> Literal["m", "px"]:
        """Unit of `places`."""
        return "px" if self.metres_per_pixel is None else "m"

    @property
    def scale(self) -> float:
        """`unit` per pixel."""
        return 1.0 if self.metres_per_pixel is None else self.metres_per_pixel

    @property
    def digits(self) -> int:
        """Digits behind the point with which `places` are written: thousandths of a pixel, hundredths of a millimetre."""
        return 3 if self.metres_per_pixel is None else 5

    @property
    def places(self) -> Float[np.ndarray, "frames joints 2"]:
        """The joints in `unit`: x to the right and y down from the top left corner of the picture; NaN where unknown."""
        return np.asarray(self.track.joints_px * self.scale)

    def angles(self) -> SideAngles:
        """The angles at knees and hips and the turn of the trunk, of joints that were seen."""
        return side_angles(self.track, self.believed, self.times_s)

    def mapped(self, target: Skeleton) -> "Motion":
        """The same motion with the joints of another skeleton; what cannot be had is unknown."""
        return replace(self, track=self.track.mapped(target))

    @property
    def image_names(self) -> list[str]:
        """Names of the frames' images, as `stagescore data frames` calls them."""
        return [f"{frame:05d}.jpg" for frame in self.frames]

    def labels(self) -> tuple[list[LabelledImage], list[EmptyImage]]:
        """The frames as labelled images, and those of which no joint is known.

        A joint outside of the picture is unknown there unless it is derived, since nobody can point at it.
        """
        labels, empty = [], []
        derived = self.track.skeleton.mask(self.track.derived)
        for row, image in enumerate(self.image_names):
            joints = self.track.joints_px[row].copy()
            if self.size_px is not None:
                with np.errstate(invalid="ignore"):
                    outside = ((joints < 0) | (joints > self.size_px)).any(-1)
                joints[outside & ~derived] = np.nan
            known = ~np.isnan(joints).any(-1)
            if not known.any():
                empty.append(EmptyImage(image, self.size_px))
                continue
            (left, top), (right, bottom) = np.nanmin(joints, 0).tolist(), np.nanmax(joints, 0).tolist()
            labels.append(
                LabelledImage.with_box(
                    image,
                    (left, top, right, bottom),
                    joints,
                    known & self.believed[row],
                    self.size_px,
                    skeleton=self.track.skeleton,
                    derived=self.track.derived,
                    confidence=np.where(known, self.track.confidence[row], 0.0),
                )
            )
        return labels, empty
