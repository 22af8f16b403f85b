"""Parts of a picture, turned and scaled as a pose network is to see them.

Divers are upside down half the time and networks learn from people who stand; a crop can be turned so
that the diver stands too, and what the network finds in it is turned back.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.errors import DataError

ROOM = 1.25
"""Height of a crop, as a multiple of the longer edge of the person's box. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TurnedCrop:
    """A part of a picture, turned in one of many ways.

    Attributes:
        taking: Map from the picture to the crop, in pixels: rotation and scale, then a shift.
        size_px: Width and height of the crop, in pixels.
    """

    taking: Float[np.ndarray, "2 3"]
    size_px: tuple[int, int] = (256, 256)

    @classmethod
    def around(
        cls, box_px: Float[np.ndarray, "4"], angle_rad: float, size_px: tuple[int, int] = (256, 256)
    ) -> "TurnedCrop":
        """The crop around a box.

        Args:
            box_px: Left, top, right, bottom of the box, in pixels; the crop's height is 1.25 times its longer edge.
            angle_rad: Angle by which the picture is turned about the box's centre, clockwise as seen, in radians.
            size_px: Width and height of the crop, in pixels.

        Raises:
            DataError: The box is empty or not finite.
        """
        edge = ROOM * float(max(box_px[2] - box_px[0], box_px[3] - box_px[1]))
        if not (np.isfinite(box_px).all() and edge > 0):
            raise DataError(f"a box of {box_px.tolist()} pixels", todo="leave out frames without the diver")
        cos, sin = np.cos(angle_rad), np.sin(angle_rad)
        turning = np.array(((cos, -sin), (sin, cos))) * (size_px[1] / edge)
        shift = np.array(size_px) / 2 - turning @ ((box_px[:2] + box_px[2:]) / 2)
        return cls(taking=np.concatenate((turning, shift[:, None]), axis=1), size_px=size_px)

    def to_crop(self, points_px: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Points of the picture, in the crop."""
        return np.asarray(points_px @ self.taking[:, :2].T + self.taking[:, 2])

    def to_picture(self, points_px: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        """Points of the crop, in the picture."""
        return np.asarray((points_px - self.taking[:, 2]) @ np.linalg.inv(self.taking[:, :2]).T)

    def cut(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "crop_h crop_w 3"]:
        """The crop's pixels; black outside the picture."""
        centred = self.taking.copy()  # OpenCV counts from the centre of the first pixel
        centred[:, 2] += self.taking[:, :2].sum(1) * 0.5 - 0.5
        return np.asarray(cv2.warpAffine(image, centred, self.size_px, flags=cv2.INTER_LINEAR))
