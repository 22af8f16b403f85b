"""What happens to the frames of a dive before a model sees them, and to its joints and stages with them.

Source: the release resizes to 200 x 112 and crops 112 x 112 (455 x 256 and 224 for MTL-AQA).
Departs: the release flips the video at random and leaves the joints as they are; here whatever moves the
pixels moves the joints too, and a flip swaps left and right. Views are drawn by hash, so that a run that is
taken up again sees what an unbroken one would have seen.

`Preprocessing` travels with the weights in their card. A `View` is one way of looking at one dive.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from pydantic import Field, model_validator

from stagescore.config import Config
from stagescore.data.following import Follow, diver_windows, whole_frame
from stagescore.errors import DataError
from stagescore.hashing import hash_unit
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media
from stagescore.media.transform import Compose, Crop, HorizontalFlip, Size, Transform
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

_MIDDLE_GREY = 128.0
# Values of the pictures of a dive. Set by hand: the release has 103 x 455 x 256 pixels at most, 36 million values.
_MOST_VALUES = 2**29
# JPEG at 60 differs from pictures of 160 x 120 as much as the films of London 2012 do after H.264 at a CRF of 32, at 12 it
# takes as many of the fine details as a CRF of 36 does (docs/log.md). Better than 80 is as good as not at all.
_QUALITIES = (12, 80)


class Window(Config):
    """The part of a clip around the flight, in lengths of the flight, so that frame rates and slow motion do not matter.

    Attributes:
        before: Part of the clip before the first airborne frame, in lengths of the flight.
        after: Part of the clip from the first water contact on, in lengths of the flight.
    """

    # Set by hand; preset `tower` was trained with these.
    before: float = Field(default=0.25, ge=0, le=10)
    after: float = Field(default=0.42, ge=0, le=10)

    def indices(self, flight: Sequence[int], content: tuple[int, int], num_frames: int) -> tuple[int, ...]:
        """The evenly spread frames that are taken, increasing; where there are fewer, some are repeated.

        Args:
            flight: First airborne frame and first frame in the water.
            content: First and last frame of the clip that may be used.
            num_frames: Number of frames that are taken.

        >>> Window(before=0.25, after=0.5).indices((20, 60), (0, 74), 3)
        (10, 42, 74)
        """
        takeoff, contact = flight
        length = contact - takeoff
        first = max(content[0], takeoff - round(self.before * length))
        last = min(content[1], contact + round(self.after * length))
        return sample_indices(first, last, num_frames)


class Preprocessing(Config):
    """How frames are taken from a clip and brought to size.

    Attributes:
        num_frames: Number of evenly spaced frames taken from a clip (FineDiving 96, MTL-AQA 103).
        width: Width of the resized picture, in pixels; proportions are not kept.
        height: Height of the resized picture, in pixels; proportions are not kept.
        crop_width: Width of the part that a model sees, in pixels; `width` for no crop.
        crop_height: Height of the part that a model sees, in pixels; `height` for no crop.
        window: Part of the clip that the frames are taken from; the whole clip where this is None or no flight is
            known.
        follow: Part of each frame that is taken, around the diver; None for the whole frame.
    """

    # Paper, experiments: 96 frames; the sizes are those of the release for FineDiving.
    num_frames: int = Field(default=96, ge=3, le=4096)
    width: int = Field(default=200, ge=8, le=4096)
    height: int = Field(default=112, ge=8, le=4096)
    crop_width: int = Field(default=112, ge=8)
    crop_height: int = Field(default=112, ge=8)
    window: Window | None = None
    follow: Follow | None = None

    @model_validator(mode="after")
    def _crop_fits(self) -> "Preprocessing":
        if self.crop_width > self.width or self.crop_height > self.height:
            raise ValueError(
                f"a crop of {self.crop_width} x {self.crop_height} does not fit into "
                f"{self.width} x {self.height} pixels; crop less"
            )
        if self.num_frames * self.width * self.height * self.channels > _MOST_VALUES:
            raise ValueError(
                f"{self.num_frames} pictures of {self.width} x {self.height} pixels take more than "
                f"{_MOST_VALUES >> 20} MB; take fewer or smaller ones"
            )
        return self

    @property
    def channels(self) -> int:
        """Channels of a picture: three, or six where the whole frame stands beside the window (in this order)."""
        return 6 if self.follow is not None and self.follow.beside else 3

    @property
    def places_by_flight(self) -> bool:
        """Whether the pixels that are taken depend on where the flight is."""
        return self.window is not None or self.follow is not None

    def indices(self, flight: Sequence[int], content: tuple[int, int]) -> tuple[int, ...]:
        """The `num_frames` frames of a clip that are taken, increasing.

        Args:
            flight: First airborne frame and first frame in the water; empty where they are unknown.
            content: First and last frame of the clip that may be used.
        """
        if self.window is None or not flight:
            return sample_indices(*content, self.num_frames)
        return self.window.indices(flight, content, self.num_frames)

    def windows(
        self, track: PoseTrack, flight: Sequence[int], size_px: Size
    ) -> Float[np.ndarray, "frames 3"] | None:
        """The part of every frame of a clip that is taken, as `scaling.windowed` has it; None for whole frames.

        Args:
            track: The diver's joints in every frame of the clip.
            flight: First airborne frame and first frame in the water; empty where they are unknown.
            size_px: Width and height of the film, in pixels.
        """
        if self.follow is None:
            return None
        found = diver_windows(track, flight, size_px, self.follow)
        return whole_frame(track.num_frames, size_px, self.width / self.height) if found is None else found

    @property
    def size_px(self) -> Size:
        """Width and height of the resized picture."""
        return self.width, self.height

    @property
    def crop_px(self) -> Size:
        """Width and height of what a model sees."""
        return self.crop_width, self.crop_height


class Augmentation(Config):
    """How much training views differ from the plain one.

    Attributes:
        flip: Whether half of the views are mirrored.
        crop: Whether the crop lies anywhere in the picture instead of in its middle.
        jitter: Largest change of brightness and contrast: each is multiplied by up to `1 + jitter` or divided by as
            much.
        shift: Largest number of frames by which the clip is moved in time, either way.
        tint: Largest change of each colour, which is multiplied by up to `1 + tint` or divided by as much.
        recode: Share of the views that are compressed as JPEG, each at a quality of its own; 0 to 1.
    """

    flip: bool = True
    crop: bool = True
    # Set by hand: the release only crops and mirrors (docs/fidelity.md).
    jitter: float = Field(default=0.2, ge=0, le=1)
    shift: int = Field(default=0, ge=0)
    tint: float = Field(default=0.0, ge=0, le=1)
    recode: float = Field(default=0.0, ge=0, le=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way of looking at a dive, decided beforehand.

    Attributes:
        flip: Whether the picture is mirrored left and right, after the crop.
        crop_x: Place of the crop from the left (0) to the right end (1) of where it fits.
        crop_y: Place of the crop from the top (0) to the bottom end (1) of where it fits.
        brightness: Factor of every pixel.
        contrast: Factor of each pixel's distance from middle grey.
        shift: Number of frames by which everything happens later; the first frame (of a negative shift: the last) is
            repeated.
        tint: Factors of red, green and blue.
        quality: Quality of the JPEG that the pictures have been through, 1 to 100; None for none.
    """

    flip: bool = False
    crop_x: float = 0.5
    crop_y: float = 0.5
    brightness: float = 1.0
    contrast: float = 1.0
    shift: int = 0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    quality: int | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.crop_x <= 1 and 0 <= self.crop_y <= 1):
            raise DataError(
                f"a crop at ({self.crop_x}, {self.crop_y})", todo="give its place as shares from 0 to 1"
            )
        if not all(0 < factor < math.inf for factor in (self.brightness, self.contrast, *self.tint)):
            raise DataError(
                f"brightness {self.brightness}, contrast {self.contrast}, tint {self.tint}",
                todo="give positive factors",
            )
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise DataError(f"a JPEG of quality {self.quality}", todo="give 1 to 100, or None")

    @classmethod
    def plain(cls) -> "View":
        """The view for evaluation: the middle of the picture, as filmed."""
        return cls()


def view_of(seed: int, epoch: int, dive_id: str, augmentation: Augmentation) -> View:
    """The view of a dive in an epoch; it depends on the arguments alone.

    Args:
        seed: Seed of the training.
        epoch: Number of the epoch, from 0, or of the view where several are cached.
        dive_id: Id of the dive.
        augmentation: Settings of what may change.
    """

    def unit(name: str) -> float:
        return hash_unit(seed, "view", epoch, dive_id, name)

    def factor(name: str, most: float) -> float:
        return math.exp((2 * unit(name) - 1) * math.log1p(most))

    worst, best = map(math.log, _QUALITIES)
    recoded = unit("recode") < augmentation.recode
    return View(
        flip=augmentation.flip and unit("flip") < 0.5,
        crop_x=unit("crop x") if augmentation.crop else 0.5,
        crop_y=unit("crop y") if augmentation.crop else 0.5,
        brightness=factor("brightness", augmentation.jitter),
        contrast=factor("contrast", augmentation.jitter),
        shift=int(unit("shift") * (2 * augmentation.shift + 1)) - augmentation.shift,
        tint=(
            factor("red", augmentation.tint),
            factor("green", augmentation.tint),
            factor("blue", augmentation.tint),
        ),
        quality=round(math.exp(worst + unit("quality") * (best - worst))) if recoded else None,
    )


def crop_of(view: View, preprocessing: Preprocessing) -> Crop:
    """The rectangle that a view cuts out of the resized picture.

    >>> crop_of(View.plain(), Preprocessing())
    Crop(left_px=44, top_px=0, width_px=112, height_px=112)
    """
    (width, height), (crop_width, crop_height) = preprocessing.size_px, preprocessing.crop_px
    # Halves are rounded down, so that the plain view is the same as `Crop.centred`.
    left = math.ceil(view.crop_x * (width - crop_width) - 0.5)
    top = math.ceil(view.crop_y * (height - crop_height) - 0.5)
    return Crop(left, top, crop_width, crop_height)


def times_of(view: View, num_frames: int) -> Int[np.ndarray, " frames"]:
    """Which frame each frame of a view shows.

    >>> times_of(View(shift=2), 5).tolist()
    [0, 0, 0, 1, 2]
    """
    return np.asarray(np.clip(np.arange(num_frames) - view.shift, 0, num_frames - 1))


def taken_pictures(
    media: Media,
    preprocessing: Preprocessing,
    indices: Sequence[int],
    windows_px: Float[np.ndarray, "frames 3"] | None,
) -> UInt8[np.ndarray, "frames height width channels"]:
    """The pictures of a film that a model is shown, resized and not cropped.

    Args:
        media: Film that the pictures are taken from.
        preprocessing: Size of the pictures, and the part of each frame that they show.
        indices: Frames to take, as `Preprocessing.indices` gives them.
        windows_px: Part of every frame that is taken, as `Preprocessing.windows` gives it; None for whole frames.

    Raises:
        DataError: The film cannot be read any more.
    """
    p = preprocessing

    def sample(windows: Float[np.ndarray, "frames 3"] | None) -> UInt8[np.ndarray, "frames height width 3"]:
        return media.take(indices, size_px=p.size_px, windows_px=windows).frames

    if p.channels == 3:
        return sample(windows_px)
    return np.concatenate([sample(None), sample(windows_px)], axis=-1)


def viewed_frames(
    frames: UInt8[np.ndarray, "frames height width channels"], view: View, preprocessing: Preprocessing
) -> UInt8[np.ndarray, "frames crop_height crop_width channels"]:
    """The frames of one dive as a view shows them; without flip and jitter perhaps no copy.

    Args:
        frames: Pictures that are resized and not cropped.
        view: View in which the frames are shown.
        preprocessing: Preprocessing that says the size of the crop.

    Raises:
        DataError: The frames are not of the size that `preprocessing` says.
    """
    expected = (
        preprocessing.num_frames,
        preprocessing.height,
        preprocessing.width,
        preprocessing.channels,
    )
    if frames.shape != expected:
        raise DataError(f"frames have the shape {frames.shape}", todo=f"resize them to {expected}")
    crop = crop_of(view, preprocessing)
    seen = frames[:, crop.top_px : crop.top_px + crop.height_px, crop.left_px : crop.left_px + crop.width_px]
    if view.flip:
        seen = seen[:, :, ::-1]
    if view.shift:
        seen = seen[times_of(view, len(seen))]
    if (view.brightness, view.contrast, *view.tint) != (1.0, 1.0, 1.0, 1.0, 1.0):
        levels = np.arange(256)[:, None] * np.array(view.tint) * view.brightness
        levels = (levels - _MIDDLE_GREY) * view.contrast + _MIDDLE_GREY
        table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)[:, None]
        # OpenCV looks values up twice as fast as NumPy does.
        seen = cv2.LUT(np.ascontiguousarray(seen).reshape(1, -1, 3), table).reshape(seen.shape)
    if view.quality is not None:
        seen = _recoded(seen, view.quality)
    return seen


def _recoded(
    frames: UInt8[np.ndarray, "frames height width channels"], quality: int
) -> UInt8[np.ndarray, "frames height width channels"]:
    """Pictures after a JPEG of a quality of 1 to 100; each three channels are a picture."""

    def recoded(picture: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
        data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]

    return np.stack(
        [
            np.concatenate([recoded(frame[..., k : k + 3]) for k in range(0, frame.shape[-1], 3)], axis=-1)
            for frame in frames
        ]
    )


def viewed_joints(
    joints: Float[np.ndarray, "frames joints 3"], view: View, preprocessing: Preprocessing
) -> Float[np.ndarray, "frames joints 3"]:
    """The joints of one dive where a view shows them, in heights of the crop from its middle.

    Args:
        joints: Joints in heights of the resized picture from its middle, as `framed_joints` gives them.
        view: View in which the joints are wanted.
        preprocessing: Preprocessing that says the sizes of picture and crop.

    Returns:
        Joints that the crop leaves out keep their place outside of it; unknown joints stay (0, 0, 0).
    """
    width, height = preprocessing.size_px
    crop_width, crop_height = preprocessing.crop_px
    steps: list[Transform] = [crop_of(view, preprocessing)]
    if view.flip:
        steps.append(HorizontalFlip())
    matrix = Compose(tuple(steps)).matrix(preprocessing.size_px)
    xy_px = joints[..., :2] * height + np.array([width / 2, height / 2])
    xy_px = xy_px @ matrix[:, :2].T + matrix[:, 2]
    seen = np.array(joints)
    seen[..., :2] = (xy_px - np.array([crop_width / 2, crop_height / 2])) / crop_height
    seen[joints[..., 2] == 0] = 0
    if view.flip:
        seen = seen[:, list(MPII_16.flip_order)]
    return np.asarray(seen[times_of(view, len(seen))])


def framed_joints(
    track: PoseTrack, size_px: Size, preprocessing: Preprocessing
) -> Float[np.ndarray, "frames joints 3"]:
    """Joints of a film in heights of the resized picture from its middle, with their confidence.

    Args:
        track: Joints in pixels of the film.
        size_px: Width and height of the film, in pixels.
        preprocessing: Preprocessing whose resize squeezes the picture where its proportions differ from the film's.

    Returns:
        Joints as float32; those without coordinates or of confidence 0 are (0, 0, 0), as `tensors.DiveInputs` has it.

    Raises:
        DataError: The joints are not MPII's, which all networks read.
    """
    track.skeleton.require(MPII_16, "the network")
    xy = track.joints_px / np.array(size_px) - 0.5
    xy[..., 0] *= preprocessing.width / preprocessing.height
    joints = np.concatenate((xy, track.confidence[..., None]), axis=-1)
    joints[~track.known | (track.confidence == 0)] = 0
    return joints.astype(np.float32)


def viewed_edges(edges: Sequence[int], view: View) -> tuple[int, ...]:
    """Stage edges of a clip as a view moves them in time; a stage that is pushed out keeps one frame.

    >>> viewed_edges((0, 30, 66, 96), View(shift=-32))
    (0, 1, 34, 96)
    """
    last, num_stages = edges[-1], len(edges) - 1
    inner = (
        min(max(edge + view.shift, k), last - (num_stages - k)) for k, edge in enumerate(edges[1:-1], start=1)
    )
    return (0, *inner, last)
