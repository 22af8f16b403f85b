"""The metrics of the paper (section V-A, eq. 28 to 30), and what else is worth knowing.

Source: method, section 8. SRCC and Kendall's tau are SciPy's; the others are plain formulas. The expected
calibration error is that of Naeini, Cooper and Hauskrecht (AAAI 2015).
"""

import math

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import kendalltau, spearmanr

from stagescore.errors import DataError


def srcc(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Spearman's rank correlation (eq. 28), in [-1, 1].

    Returns:
        The correlation; NaN where it is not defined: fewer than two dives, or no differences among one of the two.

    >>> srcc(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return round(float(spearmanr(truth, predicted).statistic), 12)


def kendall(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Kendall's rank correlation, tau-b, in [-1, 1]: pairs in the same order less those in the other.

    Returns:
        The correlation; NaN where it is not defined, as for `srcc`.

    >>> round(kendall(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 6)
    0.333333
    """
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return math.nan
    return round(float(kendalltau(truth, predicted).statistic), 12)


def mae(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Mean absolute error, in the unit of what is compared; NaN without dives.

    >>> mae(np.array([1.0, 2.0]), np.array([2.0, 5.0]))
    2.0
    """
    return float(np.abs(predicted - truth).mean()) if len(truth) else math.nan


def median_error(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Median absolute error, in the unit of what is compared; NaN without dives."""
    return float(np.median(np.abs(predicted - truth))) if len(truth) else math.nan


def bias(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Mean of predicted minus true, in the unit of what is compared; NaN without dives."""
    return float((predicted - truth).mean()) if len(truth) else math.nan


def rl2x100(truth: Float[np.ndarray, " dives"], predicted: Float[np.ndarray, " dives"]) -> float:
    """Relative L2 distance times 100 (eq. 29), 0 or more, with the range of the evaluated dives.

    Returns:
        The distance; NaN where it is not defined: no dives, or all true scores equal.

    >>> rl2x100(np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    12.5
    """
    if len(truth) == 0 or np.ptp(truth) == 0:
        return math.nan
    return float(100 * np.mean(((truth - predicted) / np.ptp(truth)) ** 2))


def interval_iou(
    truth: Float[np.ndarray, "dives 2"], predicted: Float[np.ndarray, "dives 2"]
) -> Float[np.ndarray, " dives"]:
    """Intersection over union of intervals on the time axis, in [0, 1].

    Args:
        truth: First and last transition of each dive, as labelled.
        predicted: First and last transition of each dive, as predicted.

    Raises:
        DataError: An interval that ends before it begins.

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


def aiou(iou: Float[np.ndarray, " dives"], threshold: float) -> float:
    """Share of dives whose IoU reaches a threshold, in percent (eq. 30); NaN without dives."""
    return float(100 * np.mean(iou >= threshold)) if len(iou) else math.nan


def mean_stage_iou(
    truth: Float[np.ndarray, "dives transitions"],
    predicted: Float[np.ndarray, "dives transitions"],
    num_frames: Float[np.ndarray, " dives"],
) -> Float[np.ndarray, " dives"]:
    """Mean of the IoU of each of a dive's stages, in [0, 1]: the other reading of eq. 30.

    Stages are half-open; they start at frame 0 and after each transition, and the last ends with the clip.

    Args:
        truth: Transitions of each dive, as labelled.
        predicted: Transitions of each dive, as predicted.
        num_frames: Number of frames of each clip.

    Raises:
        DataError: A stage that ends before it begins.

    >>> mean_stage_iou(np.array([[1.0, 3.0]]), np.array([[1.0, 5.0]]), np.array([6.0])).round(3)
    array([0.5])
    """

    def edges(transitions: Float[np.ndarray, "dives transitions"]) -> Float[np.ndarray, "dives edges"]:
        starts = np.minimum(transitions + 1, num_frames[:, None])
        return np.column_stack([np.zeros(len(transitions)), starts, num_frames])

    a, b = edges(truth), edges(predicted)
    stages = [interval_iou(a[:, k : k + 2], b[:, k : k + 2]) for k in range(a.shape[1] - 1)]
    return np.asarray(np.mean(stages, axis=0))


def coverage(truth: Float[np.ndarray, " dives"], intervals: Float[np.ndarray, "dives 2"]) -> float:
    """Share of true scores that lie in their interval, ends included, in percent; NaN without dives.

    >>> coverage(np.array([1.0, 5.0]), np.array([[0.0, 1.0], [6.0, 7.0]]))
    50.0
    """
    if len(truth) == 0:
        return math.nan
    return float(100 * np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])))


def confidence_bins(
    confidence: Float[np.ndarray, " predictions"], num_bins: int
) -> Float[np.ndarray, " predictions"]:
    """The bin from 0 of each confidence: equally wide, closed below, the last one closed above too."""
    return np.asarray(np.minimum(np.floor(confidence * num_bins), num_bins - 1))


def expected_calibration_error(
    confidence: Float[np.ndarray, " predictions"],
    correct: Bool[np.ndarray, " predictions"],
    num_bins: int = 10,
) -> float:
    """How far stated confidence lies from the share that is correct, in [0, 1].

    `sum over bins b of n_b / N * |share correct in b - mean confidence in b|`, over equally wide bins of the
    confidence.

    Args:
        confidence: Stated probability of being correct, 0 to 1.
        correct: Whether each prediction was correct.
        num_bins: Number of bins from 0 to 1.

    Returns:
        The error; NaN without predictions.

    >>> round(expected_calibration_error(np.array([0.9, 0.9, 0.2]), np.array([True, False, False])), 6)
    0.333333
    """
    if len(confidence) == 0:
        return math.nan
    bins = confidence_bins(confidence, num_bins)
    gaps = [abs(np.sum(correct[bins == b] - confidence[bins == b])) for b in range(num_bins)]
    return float(sum(gaps) / len(confidence))
