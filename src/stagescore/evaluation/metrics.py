"""The metrics of the paper (section V-A, eq. 28 to 30).

Source: method, section 8. SRCC is SciPy's; the others are plain formulas.
"""

import math

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from stagescore.errors import DataError


def srcc(truth: Float[np.ndarray, "dives"], predicted: Float[np.ndarray, "dives"]) -> float:
    """Spearman's rank correlation (eq. 28), in [-1, 1].

    Returns:
        NaN where it is not defined: fewer than two dives, or no differences among one of the two.

    >>> srcc(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return round(float(spearmanr(truth, predicted).statistic), 12)


def rl2x100(truth: Float[np.ndarray, "dives"], predicted: Float[np.ndarray, "dives"]) -> float:
    """Relative L2 distance times 100 (eq. 29), 0 or more, with the range of the evaluated dives.

    Returns:
        NaN where it is not defined: no dives, or all true scores equal.

    >>> rl2x100(np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    12.5
    """
    if len(truth) == 0 or np.ptp(truth) == 0:
        return math.nan
    return float(100 * np.mean(((truth - predicted) / np.ptp(truth)) ** 2))


def interval_iou(
    truth: Float[np.ndarray, "dives 2"], predicted: Float[np.ndarray, "dives 2"]
) -> Float[np.ndarray, "dives"]:
    """Intersection over union of intervals on the time axis, in [0, 1].

    Args:
        truth: (first, last) transition of each dive, as labelled.
        predicted: the same, predicted.

    Raises:
        DataError: an interval that ends before it begins.

    >>> interval_iou(np.array([[0.0, 10.0]]), np.array([[5.0, 10.0]]))
    array([0.5])
    """
    for name, intervals in (("labelled", truth), ("predicted", predicted)):
        if (intervals[:, 1] < intervals[:, 0]).any():
            raise DataError(f"a {name} interval ends before it begins", todo="leave out unusable transitions")
    inner = np.minimum(truth[:, 1], predicted[:, 1]) - np.maximum(truth[:, 0], predicted[:, 0])
    outer = np.maximum(truth[:, 1], predicted[:, 1]) - np.minimum(truth[:, 0], predicted[:, 0])
    both_empty = outer == 0
    return np.where(both_empty, 1.0, np.maximum(inner, 0.0) / np.where(both_empty, 1.0, outer))


def aiou(iou: Float[np.ndarray, "dives"], threshold: float) -> float:
    """Share of dives whose IoU reaches a threshold, in percent (eq. 30); NaN without dives."""
    return float(100 * np.mean(iou >= threshold)) if len(iou) else math.nan
