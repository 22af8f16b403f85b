"""The joints of the diver in a box: the crop turned, mirrored and scaled, and the surest readings kept.

Divers are upside down half the time, and estimators are unsure of what they seldom saw. So each frame is
read in the turn that was best in the frame before; where that is less sure than usual it is mirrored too, if that
helps the estimator, and where all are much less sure it is turned by quarters, and then scaled. The two surest readings are merged joint
by joint.

Source: none for the following; best of eight rotations on the true box gives 0.65 PCKh@0.5 on the two
labelled real dives at eight crops a frame, this 0.67 at two (11 of them in a dive's first frame). The thresholds
were chosen on these dives; all of two dozen policies with a mirrored reading came to 0.67 to 0.70.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from stagescore.pose.crops import TurnedCrop
from stagescore.pose.networks import Estimator, PeakEstimator
from stagescore.skeleton import MPII_16

SIZES = (0.8, 1.25)
"""Other sizes of the crop that are tried where every turn leaves the estimator unsure. Set by hand."""
DOUBT = 0.9
"""Share of the usual confidence below which the mirror image is read too (docs/log.md, 2026-11-26, fewer crops)."""
UNSURE = 0.65
"""Share of the usual confidence below which more turns are tried (docs/log.md, 2026-11-26, fewer crops)."""
USUAL_MEMORY = 0.7
"""Weight of the frames before in the usual confidence. Set by hand."""
AGREE = 0.15
"""Readings of a joint that are no farther apart than this share of the box are averaged. Set by hand."""

_QUARTERS = (0.5 * np.pi, -0.5 * np.pi, np.pi)
_EIGHTHS = tuple(2 * np.pi * turn / 8 for turn in range(8))


@dataclass(frozen=True, slots=True)
class Turn:
    """One way to show the diver to the estimator.

    Attributes:
        angle_rad: Angle by which the picture is turned, clockwise, in radians.
        mirrored: Whether left and right are exchanged.
        size: Factor by which the box is made larger.
    """

    angle_rad: float = 0.0
    mirrored: bool = False
    size: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What the estimator finds in one turn.

    Attributes:
        turn: Turn in which the diver was shown.
        joints: Each joint's x and y in pixels of the picture, and confidence, 0 to 1.
    """

    turn: Turn
    joints: Float[np.ndarray, "joints 3"]

    @property
    def surety(self) -> float:
        """Mean confidence of the joints, 0 to 1."""
        return float(self.joints[:, 2].mean())


def read_turns(
    estimator: Estimator,
    image: UInt8[np.ndarray, "h w 3"],
    box_px: Float[np.ndarray, "4"],
    turns: Sequence[Turn],
) -> list[Reading]:
    """Show the diver in several turns at once.

    Args:
        estimator: Estimator that finds the joints.
        image: Picture in red, green, blue.
        box_px: Left, top, right, bottom of the diver's box, in pixels.
        turns: Ways to show the diver.

    Raises:
        DataError: The box is empty or not finite.
    """
    crops = [_crop(box_px, turn, estimator.crop_size_px) for turn in turns]
    cuts = [crop.cut(image) for crop in crops]
    cuts = [
        np.ascontiguousarray(cut[:, ::-1]) if turn.mirrored else cut
        for cut, turn in zip(cuts, turns, strict=True)
    ]
    readings = []
    for crop, turn, found in zip(crops, turns, estimator.estimate(cuts), strict=True):
        joints = found[list(MPII_16.flip_order)] if turn.mirrored else found.copy()
        if turn.mirrored:
            joints[:, 0] = crop.size_px[0] - joints[:, 0]
        joints[:, :2] = crop.to_picture(joints[:, :2])
        readings.append(Reading(turn, joints))
    return readings


def read_peaks(
    estimator: PeakEstimator, image: UInt8[np.ndarray, "h w 3"], box_px: Float[np.ndarray, "4"], turn: Turn
) -> Float[np.ndarray, "joints places 3"]:
    """The high places of each joint's map in one turn: x and y in pixels of the picture, and height; 0 for none.

    Args:
        estimator: Estimator that tells them.
        image: Picture in red, green, blue.
        box_px: Left, top, right, bottom of the diver's box, in pixels.
        turn: Way to show the diver.

    Raises:
        DataError: The box is empty or not finite.
    """
    crop = _crop(box_px, turn, estimator.crop_size_px)
    cut = crop.cut(image)
    (found,) = estimator.peaks([np.ascontiguousarray(cut[:, ::-1]) if turn.mirrored else cut])
    if turn.mirrored:
        found = found[list(MPII_16.flip_order)]
        found[..., 0] = crop.size_px[0] - found[..., 0]
    found[..., :2] = crop.to_picture(found[..., :2])
    return np.asarray(found)


def merged(readings: Sequence[Reading], box_px: Float[np.ndarray, "4"]) -> Float[np.ndarray, "joints 3"]:
    """The two surest readings as one: of each joint the surer place, averaged with the other if they agree."""
    best = sorted(readings, key=lambda reading: -reading.surety)[:2]
    joints = np.stack([reading.joints for reading in best])
    surer = joints[joints[..., 2].argmax(0), np.arange(joints.shape[1])]
    reach = AGREE * float((box_px[2:] - box_px[:2]).max())
    agree = np.linalg.norm(joints[..., :2] - surer[:, :2], axis=-1) <= reach
    weight = (joints[..., 2] + 1e-6) * agree
    places = (joints[..., :2] * weight[..., None]).sum(0) / weight.sum(0)[:, None]
    return np.concatenate((places, surer[:, 2:]), axis=1)


class Follower:
    """Reads frame after frame, starting from the turn that was best in the last one.

    Args:
        estimator: Estimator that finds the joints.

    Attributes:
        num_crops: Number of crops that were shown to the estimator so far.
    """

    @property
    def turn(self) -> Turn:
        """The surest turn of the frame that was read last; the upright one before the first."""
        return self._turn or Turn()

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator
        self._turn: Turn | None = None
        self._usual = 0.0
        self.num_crops = 0

    def read(
        self, image: UInt8[np.ndarray, "h w 3"], box_px: Float[np.ndarray, "4"]
    ) -> Float[np.ndarray, "joints 3"]:
        """The joints in the next frame, in its pixels, with confidences.

        Raises:
            DataError: The box is empty or not finite.
        """
        readings: list[Reading] = []

        def show(*turns: Turn) -> None:
            readings.extend(read_turns(self._estimator, image, box_px, turns))
            self.num_crops += len(turns)

        last = self._turn
        if last is None:
            show(*(Turn(angle) for angle in _EIGHTHS))
            best = _best(readings).turn
            show(Turn(best.angle_rad, mirrored=True), *(Turn(best.angle_rad, size=size) for size in SIZES))
            self._usual = _best(readings).surety
        else:
            show(last)
            if self._estimator.gains_by_mirroring and self._is_below(DOUBT, readings):
                show(Turn(last.angle_rad, not last.mirrored, last.size))
            if self._is_below(UNSURE, readings):
                show(*(Turn(last.angle_rad + quarter, last.mirrored, last.size) for quarter in _QUARTERS))
            if self._is_below(UNSURE, readings):
                best = _best(readings).turn
                show(
                    *(
                        Turn(best.angle_rad, best.mirrored, size)
                        for size in (1.0, *SIZES)
                        if size != best.size
                    )
                )
        surest = _best(readings)
        self._turn = surest.turn
        self._usual = USUAL_MEMORY * self._usual + (1 - USUAL_MEMORY) * surest.surety
        return merged(readings, box_px)

    def _is_below(self, share: float, readings: Sequence[Reading]) -> bool:
        return _best(readings).surety < share * self._usual


def best_of_eight(
    estimator: Estimator, image: UInt8[np.ndarray, "h w 3"], box_px: Float[np.ndarray, "4"]
) -> Reading:
    """The surest of eight rotations, without any memory.

    Raises:
        DataError: The box is empty or not finite.
    """
    return _best(read_turns(estimator, image, box_px, [Turn(angle) for angle in _EIGHTHS]))


def _best(readings: Sequence[Reading]) -> Reading:
    return max(readings, key=lambda reading: reading.surety)


def _crop(box_px: np.ndarray, turn: Turn, size_px: tuple[int, int]) -> TurnedCrop:
    middle, half = (box_px[:2] + box_px[2:]) / 2, turn.size * (box_px[2:] - box_px[:2]) / 2
    return TurnedCrop.around(np.concatenate((middle - half, middle + half)), turn.angle_rad, size_px)
