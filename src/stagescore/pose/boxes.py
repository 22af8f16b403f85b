"""People found in pictures: boxes (left, top, right, bottom in pixels) and how sure the detector is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The people that a detector sees in one picture, in no particular order.

    Attributes:
        boxes_px: Left, top, right, bottom of each box, in pixels.
        confidence: Confidence of each detection, 0 to 1.
    """

    boxes_px: Float[np.ndarray, "people 4"]
    confidence: Float[np.ndarray, " people"]

    def above(self, confidence: float) -> "Detections":
        """The detections that are finite, not empty and at least that sure."""
        with np.errstate(invalid="ignore"):
            kept = (self.boxes_px[:, 2:] > self.boxes_px[:, :2]).all(1) & (self.confidence >= confidence)
        kept &= np.isfinite(self.boxes_px).all(1)
        return Detections(self.boxes_px[kept], self.confidence[kept])


def box_iou(
    box_px: Float[np.ndarray, "4"], others_px: Float[np.ndarray, "others 4"]
) -> Float[np.ndarray, " others"]:
    """Intersection over union of a box with each of the others, 0 to 1.

    >>> box_iou(np.array([0.0, 0, 2, 2]), np.array([[0.0, 0, 2, 1], [5, 5, 6, 6]])).tolist()
    [0.5, 0.0]
    """
    low, high = np.maximum(box_px[:2], others_px[:, :2]), np.minimum(box_px[2:], others_px[:, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    area = np.clip(box_px[2:] - box_px[:2], 0, None).prod()
    areas = np.clip(others_px[:, 2:] - others_px[:, :2], 0, None).prod(-1)
    return np.asarray(common / np.maximum(area + areas - common, 1e-9))


def centres(boxes_px: Float[np.ndarray, "*boxes 4"]) -> Float[np.ndarray, "*boxes 2"]:
    """Middles of boxes."""
    return np.asarray((boxes_px[..., :2] + boxes_px[..., 2:]) / 2)


def long_edges(boxes_px: Float[np.ndarray, "*boxes 4"]) -> Float[np.ndarray, "*boxes"]:
    """Longer edge of each box: the best guess of a body's size, whichever way it is turned."""
    return np.asarray((boxes_px[..., 2:] - boxes_px[..., :2]).max(-1))


def suppressed(found: Detections, overlap: float) -> Detections:
    """Non-maximum suppression: of boxes that overlap by more than `overlap` IoU the surest stays.

    >>> boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10]])
    >>> suppressed(Detections(boxes, np.array([0.5, 0.9, 0.1])), 0.5).confidence.tolist()
    [0.9, 0.1]
    """
    order, kept = list(np.argsort(-found.confidence, kind="stable")), []
    while order:
        first = order.pop(0)
        kept.append(first)
        if order:
            iou = box_iou(found.boxes_px[first], found.boxes_px[order])
            order = [index for index, common in zip(order, iou, strict=True) if common <= overlap]
    return Detections(found.boxes_px[kept], found.confidence[kept])
