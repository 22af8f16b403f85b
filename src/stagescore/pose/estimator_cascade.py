"""Two estimators as one: a cheap one reads every crop, and where it is unsure another is asked and both are merged.

Source: none. On the two labelled real dives, boxes of MoveNet: our small network alone reads 0.66 to 0.67 PCKh@0.5,
MoveNet alone 0.67 with two crops a frame of nine times the cost, the two together 0.70 where MoveNet is asked in
two frames of five. Both constants were set there; with 1.0 instead of `FACTOR` 1.5 it is 0.66, with 2.0 0.69, and
`UNSURE` from 0.39 to 0.47 gives 0.68 to 0.70.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.media.scaling import fitted
from stagescore.pose.crops import ROOM
from stagescore.pose.estimation import Reading, Turn, merged
from stagescore.pose.networks import Estimator

UNSURE = 0.42
"""Mean confidence of the first estimator below which the second is asked (module header)."""
FACTOR = 1.5
"""Factor of the second's confidences (module header): networks trained on photographs are less sure about divers."""


class EstimatorCascade:
    """An `Estimator` made of two.

    Args:
        first: Estimator that reads every crop.
        second: Estimator that is asked where the first is unsure; what it does not find but derives from other joints
            is left to the first.

    Attributes:
        first: Estimator that reads every crop.
    """

    gains_by_mirroring = False

    def __init__(self, first: Estimator, second: Estimator) -> None:
        self.first, self._second = first, second
        self.identity = first.identity.joined(second.identity, "where it is unsure")
        edge = max(*first.crop_size_px, *second.crop_size_px)
        self.crop_size_px = (edge, edge)
        self.derived: Bool[np.ndarray, " joints"] = first.derived

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops joints 3"]:
        """See `Estimator`."""
        found = self._read(self.first, crops)
        unsure: list[int] = np.flatnonzero(found[..., 2].mean(-1) < UNSURE).tolist()
        others = self._read(self._second, [crops[k] for k in unsure])
        others[..., 2] = np.minimum(FACTOR * others[..., 2], 1) * ~self._second.derived
        box = np.concatenate((np.zeros(2), np.array(self.crop_size_px) / ROOM))
        for k, other in zip(unsure, others, strict=True):
            found[k] = merged([Reading(Turn(), found[k]), Reading(Turn(), other)], box)
        return found

    def _read(self, estimator: Estimator, crops: Sequence[np.ndarray]) -> Float[np.ndarray, "crops joints 3"]:
        """What one of the two finds, in pixels of our crops; where its own have another shape, there is a black margin."""
        shown = [fitted(crop, estimator.crop_size_px) for crop in crops]
        found = estimator.estimate([crop for crop, _ in shown])
        for joints, (_, scale) in zip(found, shown, strict=True):
            joints[:, :2] /= scale
        return found
