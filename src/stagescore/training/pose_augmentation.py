"""What pose networks see of a frame: where the crop is put, and how the picture is spoiled.

Everything is decided by a generator that is made anew from a hash of seed, epoch and frame, so that a sample is the
same whenever and in whatever order it is made.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import Field

from stagescore.config import Config
from stagescore.pose.crops import TurnedCrop
from stagescore.skeleton import MPII_16

_LEVELS = 255.0


class PoseAugmentation(Config):
    """How strongly samples differ from their frames.

    Attributes:
        turned: Probability that a crop is turned by any angle; the others are turned by up to `tilt_deg`.
        tilt_deg: Largest turn of crops that are not turned by any angle, in degrees, either way.
        scale: Largest change of the size, either way, as the logarithm of the factor.
        shift: Largest shift, either way: of a crop as a share of the box's longer edge, of a whole frame as a share of
            the result's edges.
        flip: Probability of mirroring, with left and right joints exchanged.
        blur: Probability of motion blur.
        low_resolution: Probability of scaling the picture down and up again.
        colour: Strength with which gains, gamma and contrast vary, as the logarithm of a factor; 0 for none.
        grey: Probability of taking the colours away.
        noise: Largest standard deviation of the noise, in levels of 255.
        compressed: Probability of compressing the picture once more, as JPEG.
        patches: Largest number of rectangles that cover parts of the picture.
    """

    # All set by hand: docs/log.md compares no augmentations of pose networks.
    turned: float = Field(default=0.5, ge=0, le=1)
    tilt_deg: float = Field(default=30.0, ge=0)
    scale: float = Field(default=0.25, ge=0)
    shift: float = Field(default=0.08, ge=0)
    flip: float = Field(default=0.5, ge=0, le=1)
    blur: float = Field(default=0.3, ge=0, le=1)
    low_resolution: float = Field(default=0.3, ge=0, le=1)
    colour: float = Field(default=0.4, ge=0, le=1)
    grey: float = Field(default=0.1, ge=0, le=1)
    noise: float = Field(default=12.0, ge=0)
    compressed: float = Field(default=0.3, ge=0, le=1)
    patches: int = Field(default=3, ge=0)

    @classmethod
    def none(cls) -> "PoseAugmentation":
        """Frames as they are."""
        none = dict.fromkeys(cls.model_fields, 0)
        return cls.model_validate(none)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseSample:
    """One picture as a network is shown it.

    Attributes:
        picture: Picture in red, green and blue, 0 to 255.
        joints_px: Places of the joints in the picture, in pixels; NaN where unknown.
        seen: Whether each joint is to be seen in the picture.
        box_px: Left, top, right and bottom of the diver, in pixels; NaN where there is none.
    """

    picture: UInt8[np.ndarray, "h w 3"]
    joints_px: Float[np.ndarray, "joints 2"]
    seen: Bool[np.ndarray, " joints"]
    box_px: Float[np.ndarray, "4"]

    def through(self, crop: TurnedCrop) -> "PoseSample":
        """What a crop shows of it. The box is the upright one around the turned box's corners, cut at the rim."""
        left, top, right, bottom = self.box_px
        corners = crop.to_crop(np.array(((left, top), (right, top), (right, bottom), (left, bottom))))
        joints, rim = crop.to_crop(self.joints_px), np.array(crop.size_px)
        with np.errstate(invalid="ignore"):
            inside = ((joints >= 0) & (joints < rim)).all(-1)
        return PoseSample(
            picture=crop.cut(self.picture),
            joints_px=joints,
            seen=self.seen & inside,
            box_px=np.concatenate((corners.min(0).clip(0, rim), corners.max(0).clip(0, rim))),
        )

    def mirrored(self) -> "PoseSample":
        """Its mirror image: left and right joints change their names."""
        width, order = self.picture.shape[1], list(MPII_16.flip_order)
        joints = self.joints_px[order].copy()
        joints[:, 0] = width - joints[:, 0]
        left, top, right, bottom = self.box_px
        return PoseSample(
            picture=np.ascontiguousarray(self.picture[:, ::-1]),
            joints_px=joints,
            seen=self.seen[order],
            box_px=np.array((width - right, top, width - left, bottom)),
        )


def crop_sample(
    sample: PoseSample, size_px: tuple[int, int], augmentation: PoseAugmentation, rng: np.random.Generator
) -> PoseSample:
    """A crop around the diver, as an estimator is shown it.

    Args:
        sample: Whole frame with a box.
        size_px: Width and height of the crop, in pixels.
        augmentation: How strongly the sample differs from the frame.
        rng: Random generator made for this sample.
    """
    box = sample.box_px.astype(np.float64)
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = middle + augmentation.shift * 2 * half.max() * rng.uniform(-1, 1, 2)
    half = half * np.exp(augmentation.scale * rng.uniform(-1, 1))
    reach = np.pi if rng.random() < augmentation.turned else np.deg2rad(augmentation.tilt_deg)
    crop = TurnedCrop.around(
        np.concatenate((middle - half, middle + half)), reach * rng.uniform(-1, 1), size_px
    )
    return _finished(sample.through(crop), augmentation, rng)


def frame_sample(
    sample: PoseSample, size_px: tuple[int, int], augmentation: PoseAugmentation, rng: np.random.Generator
) -> PoseSample:
    """A whole frame, scaled and shifted, as a detector is shown it; the diver's middle stays in the picture.

    Args:
        sample: Whole frame.
        size_px: Width and height of the result, in pixels.
        augmentation: How strongly the sample differs from the frame; turning is left out.
        rng: Random generator made for this sample.
    """
    height, width = sample.picture.shape[:2]
    scale = min(size_px[0] / width, size_px[1] / height) * np.exp(augmentation.scale * rng.uniform(-1, 1))
    moves = np.array(size_px) * augmentation.shift * rng.uniform(-1, 1, 2)
    if np.isfinite(sample.box_px).all():
        middle = scale * (sample.box_px[:2] + sample.box_px[2:]) / 2
        moves = (middle + moves).clip(1, np.array(size_px) - 1) - middle
    taking = np.concatenate((np.eye(2) * scale, moves[:, None]), axis=1)
    return _finished(sample.through(TurnedCrop(taking=taking, size_px=size_px)), augmentation, rng)


def _finished(sample: PoseSample, augmentation: PoseAugmentation, rng: np.random.Generator) -> PoseSample:
    if rng.random() < augmentation.flip:
        sample = sample.mirrored()
    return replace(sample, picture=spoiled(sample.picture, augmentation, rng))


def spoiled(
    picture: UInt8[np.ndarray, "h w 3"], augmentation: PoseAugmentation, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """The same picture, worse: patches, motion blur, few pixels, other colours, noise, compression."""
    height, width = picture.shape[:2]
    # The ranges of blur, scale and quality below, and of the patches' sizes, are set by hand.
    picture = _covered(picture, int(rng.integers(0, augmentation.patches + 1)), rng)
    if rng.random() < augmentation.blur:
        picture = cv2.filter2D(picture, -1, _motion(rng.uniform(2, 0.08 * height + 3), rng.uniform(0, np.pi)))
    if rng.random() < augmentation.low_resolution:
        factor = rng.uniform(1.3, 4)
        small = (max(round(width / factor), 8), max(round(height / factor), 8))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    levels = picture.astype(np.float32) / np.float32(_LEVELS)
    if augmentation.colour:
        strength = augmentation.colour
        gain = np.exp(strength * rng.uniform(-1, 1) + strength / 2 * rng.uniform(-1, 1, 3))
        middle = levels.mean()
        levels = ((levels - middle) * np.exp(strength * rng.uniform(-1, 1)) + middle).clip(0, 1)
        levels = levels ** np.exp(strength * rng.uniform(-1, 1)) * gain
    if rng.random() < augmentation.grey:
        levels = np.repeat(levels.mean(-1, keepdims=True), 3, axis=-1)
    if augmentation.noise:
        sd = augmentation.noise / _LEVELS * rng.random()
        levels = levels + np.float32(sd) * rng.standard_normal(levels.shape, np.float32)
    picture = np.rint(levels.clip(0, 1) * _LEVELS).astype(np.uint8)
    if rng.random() < augmentation.compressed:
        quality = int(rng.integers(15, 80))
        _, coded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(picture)


def _covered(picture: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Rectangles of one colour, or copied from elsewhere in the picture."""
    covered = picture.copy()
    height, width = picture.shape[:2]
    for _ in range(num):
        size = (np.array((height, width)) * rng.uniform(0.06, 0.3, 2)).astype(int) + 1
        (top, left), (other_top, other_left) = (
            (rng.random(2) * (np.array((height, width)) - size)).astype(int) for _ in range(2)
        )
        patch = picture[other_top : other_top + size[0], other_left : other_left + size[1]]
        if rng.random() < 0.5:
            patch = np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), patch.shape)
        covered[top : top + size[0], left : left + size[1]] = patch
    return covered


def _motion(length_px: float, angle_rad: float) -> np.ndarray:
    """A line of that length as a filter."""
    reach = max(int(np.ceil(length_px / 2)), 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    along = np.linspace(-length_px / 2, length_px / 2, 4 * reach + 1)
    rows, columns = np.sin(angle_rad) * along + reach, np.cos(angle_rad) * along + reach
    np.add.at(kernel, (np.rint(rows).astype(int), np.rint(columns).astype(int)), 1.0)
    return kernel / kernel.sum()
