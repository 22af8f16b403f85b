"""Figures with an interval: how much a figure would move with other dives of the same kind.

Source: Efron's percentile bootstrap over dives. A resample draws as many dives as there are, with replacement.
It is kept as a row of counts, how often each dive was drawn, so that all resamples are one product of matrices.
The counts depend on the seed and the number of dives only: two models measured on the same dives are compared on
the same resamples. Where all dives agree, as with an AIoU of 100 %, the interval is a point and says too much.
Departs: the range that R-l2 is relative to stays that of all dives. A resample's own range is never wider, which
would push the interval above the figure.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.evaluation.metrics import (
    aiou,
    bias,
    confidence_bins,
    coverage,
    expected_calibration_error,
    interval_iou,
    kendall,
    mae,
    mean_stage_iou,
    median_error,
    rl2x100,
    srcc,
)
from stagescore.hashing import hash_u64
from stagescore.inference.outcomes import Outcomes

_NUM_BINS = 10  # set by hand: bins of the calibration errors
_TAILS = (2.5, 97.5)
_ROUNDING = 1e-6
_LEAST_PROBABILITY = 1e-12
"""A log loss stays finite where a probability has been rounded to 0."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and its 95 % interval; NaN where undefined.

    Attributes:
        value: The figure on all dives.
        low: Lower end of the interval; 2.5 % of the resamples lie below.
        high: Upper end of the interval; 2.5 % of the resamples lie above.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    def as_json(self) -> dict[str, float | None]:
        """Undefined numbers are null."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """One model less another, on the same dives.

    Attributes:
        difference: Figure of the first model less that of the second, with its interval over the same resamples.
        share_better: Share of the resamples in which the first model is better, 0 to 1.
    """

    difference: Measured
    share_better: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of outcomes.

    Attributes:
        title: Name of the figure in tables, with the unit.
        digits: Number of digits after the point, in a table.
        better: Direction that is better; empty where there is none.
        value: Gives the figure of all dives from their outcomes.
        resampled: Gives the figure of each resample from the outcomes and how often each dive was drawn.
    """

    title: str
    digits: int
    better: Literal["higher", "lower", ""]
    value: Callable[[Outcomes], float]
    resampled: Callable[[Outcomes, Float[np.ndarray, "resamples dives"]], Float[np.ndarray, " resamples"]]


def measured(outcomes: Outcomes, figure: str, *, resamples: int = 1000, seed: int = 0) -> Measured:
    """A figure with its interval.

    Args:
        outcomes: Outcomes of the dives.
        figure: Name of the figure in `FIGURES`.
        resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        The figure with its interval, all NaN where it is undefined. Resamples in which it is undefined are left out.
    """
    return _with_interval(*_computed(outcomes, figure, resamples, seed))


def paired_difference(
    a: Outcomes, b: Outcomes, figure: str, *, resamples: int = 1000, seed: int = 0
) -> Difference:
    """A figure of `a` less that of `b`, both resampled alike.

    Args:
        a: Outcomes of the first model.
        b: Outcomes of the second model, for the same dives in the same order.
        figure: Name in `FIGURES` of a figure that has a better direction.
        resamples: Number of resamples.
        seed: Seed of the resamples.

    Raises:
        DataError: Other dives, or a figure for which neither more nor less is better.
    """
    if [dive.dive_id for dive in a] != [dive.dive_id for dive in b]:
        raise DataError("two models were evaluated on other dives", todo="evaluate both on the same split")
    if not FIGURES[figure].better:
        raise DataError(f"neither more nor less of {figure} is better", todo="compare another figure")
    value_a, resampled_a = _computed(a, figure, resamples, seed)
    value_b, resampled_b = _computed(b, figure, resamples, seed)
    gaps = resampled_a - resampled_b
    known = gaps[~np.isnan(gaps)]
    sign = 1 if FIGURES[figure].better == "higher" else -1
    return Difference(
        _with_interval(value_a - value_b, gaps),
        float(np.mean(sign * known > 0)) if len(known) else math.nan,
    )


def _with_interval(value: float, resampled: Float[np.ndarray, " resamples"]) -> Measured:
    known = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(known):
        return Measured(value)
    low, high = np.percentile(known, _TAILS)
    return Measured(value, float(low), float(high))


def _computed(
    outcomes: Outcomes, figure: str, resamples: int, seed: int
) -> tuple[float, Float[np.ndarray, " resamples"]]:
    value = FIGURES[figure].value(outcomes)
    if math.isnan(value):
        return value, np.full(resamples, math.nan)
    return value, FIGURES[figure].resampled(outcomes, _counts(len(outcomes), resamples, seed))


@lru_cache(maxsize=4)
def _counts(dives: int, resamples: int, seed: int) -> Float[np.ndarray, "resamples dives"]:
    generator = np.random.default_rng(hash_u64("bootstrap", seed))
    counts = generator.multinomial(dives, np.full(dives, 1 / dives), size=resamples).astype(float)
    counts.flags.writeable = False
    return counts


def _ratio(
    top: Float[np.ndarray, " resamples"], bottom: Float[np.ndarray, " resamples"]
) -> Float[np.ndarray, " resamples"]:
    """NaN where the denominator is 0 but for rounding."""
    defined = bottom > _ROUNDING
    return np.where(defined, top / np.where(defined, bottom, 1.0), math.nan)


def _ranks(
    values: Float[np.ndarray, " dives"], counts: Float[np.ndarray, "resamples dives"]
) -> Float[np.ndarray, "resamples dives"]:
    """Rank of each dive's value among the drawn ones; equal values share the mean of their ranks."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    drawn = np.add.reduceat(counts[:, order], first, axis=1)
    return np.asarray((np.cumsum(drawn, axis=1) - (drawn - 1) / 2)[:, group])


def _resampled_srcc(
    outcomes: Outcomes, counts: Float[np.ndarray, "resamples dives"]
) -> Float[np.ndarray, " resamples"]:
    """Pearson's correlation of the ranks, every dive weighing as often as it was drawn."""
    middle = (len(outcomes) + 1) / 2
    a = _ranks(outcomes.true_scores, counts) - middle
    b = _ranks(outcomes.predicted_scores, counts) - middle
    variances = (counts * a * a).sum(1) * (counts * b * b).sum(1)
    return _ratio((counts * a * b).sum(1), np.sqrt(variances))


def _resampled_kendall(
    outcomes: Outcomes, counts: Float[np.ndarray, "resamples dives"]
) -> Float[np.ndarray, " resamples"]:
    """Tau-b; a dive drawn twice is tied with itself. Whole numbers below 2 ** 24 are exact in float32."""
    drawn = counts.astype(np.float32)
    a, b = (
        np.sign(scores[:, None] - scores[None, :]).astype(np.float32)
        for scores in (outcomes.true_scores, outcomes.predicted_scores)
    )

    def pairs(matrix: Float[np.ndarray, "dives dives"]) -> Float[np.ndarray, " resamples"]:
        return np.asarray((counts * (drawn @ matrix)).sum(1))

    return _ratio(pairs(a * b), np.sqrt(pairs(a * a)) * np.sqrt(pairs(b * b)))


Confidences = Callable[[Outcomes], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Stated confidence, whether it was right, and where there is anything to check: (dives, predictions) each."""


def _calibration_error(title: str, confidences: Confidences) -> Figure:
    def value(outcomes: Outcomes) -> float:
        confidence, correct, stated = confidences(outcomes)
        return expected_calibration_error(confidence[stated], correct[stated], _NUM_BINS)

    def resampled(
        outcomes: Outcomes, counts: Float[np.ndarray, "resamples dives"]
    ) -> Float[np.ndarray, " resamples"]:
        """Resampling can only add to the gaps of a well calibrated model, so the interval lies rather high."""
        confidence, correct, stated = confidences(outcomes)
        gap = np.where(stated, correct - np.where(stated, confidence, 0.0), 0.0)
        bins = confidence_bins(np.where(stated, confidence, 0.0).ravel(), _NUM_BINS).reshape(gap.shape)
        summed = sum(np.abs(counts @ (gap * (bins == b)).sum(1)) for b in range(_NUM_BINS))
        return _ratio(np.asarray(summed), counts @ stated.sum(1).astype(float))

    return Figure(title=title, digits=3, better="lower", value=value, resampled=resampled)


def _transition_confidences(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    error = np.abs(outcomes.predicted_transitions - outcomes.true_transitions)
    confidence = outcomes.confidences
    return confidence, error <= outcomes.tolerance_frames + _ROUNDING, ~np.isnan(error + confidence)


def _number_confidences(outcomes: Outcomes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stated = [d.recognised[0][1] if d.recognised and d.dive_number else math.nan for d in outcomes]
    confidence = np.array(stated, dtype=float).reshape(-1, 1)
    return confidence, _among_likeliest(outcomes, 1)[:, None] == 1.0, ~np.isnan(confidence)


def _among_likeliest(outcomes: Outcomes, num: int) -> Float[np.ndarray, " dives"]:
    """1 where the labelled dive number is among the likeliest ones; NaN where nothing is labelled or recognised."""
    found = [
        float(dive.dive_number in [number for number, _ in dive.recognised[:num]])
        if dive.recognised and dive.dive_number
        else math.nan
        for dive in outcomes
    ]
    return np.array(found, dtype=float)


def _number_log_losses(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
    stated = [d.number_probability for d in outcomes]
    return np.array([math.nan if p is None else -math.log(max(p, _LEAST_PROBABILITY)) for p in stated])


def _mean(
    title: str,
    digits: int,
    better: Literal["higher", "lower", ""],
    value: Callable[[Outcomes], float],
    each: Callable[[Outcomes], Float[np.ndarray, " dives"]],
) -> Figure:
    """A figure that is the mean of what each dive has; NaN where a dive has none of it."""

    def resampled(
        outcomes: Outcomes, counts: Float[np.ndarray, "resamples dives"]
    ) -> Float[np.ndarray, " resamples"]:
        values = each(outcomes)
        known = ~np.isnan(values)
        return _ratio(counts @ np.where(known, values, 0.0), counts @ known.astype(float))

    return Figure(title=title, digits=digits, better=better, value=value, resampled=resampled)


def _mean_of_known(
    title: str,
    digits: int,
    better: Literal["higher", "lower", ""],
    each: Callable[[Outcomes], Float[np.ndarray, " dives"]],
) -> Figure:
    """A figure that is the mean over the dives that have it."""

    def value(outcomes: Outcomes) -> float:
        values = each(outcomes)
        return float(np.mean(known)) if len(known := values[~np.isnan(values)]) else math.nan

    return _mean(title, digits, better, value, each)


def _median(
    title: str,
    value: Callable[[Outcomes], float],
    each: Callable[[Outcomes], Float[np.ndarray, " dives"]],
) -> Figure:
    """A figure that is the median of what each dive has; NaN where a dive has none of it."""

    def resampled(
        outcomes: Outcomes, counts: Float[np.ndarray, "resamples dives"]
    ) -> Float[np.ndarray, " resamples"]:
        values = each(outcomes)
        order = np.argsort(values)[: int((~np.isnan(values)).sum())]  # NaN comes last
        drawn = np.cumsum(counts[:, order], axis=1)
        num = drawn[:, -1:]
        # The lower and the upper middle one, counted from 1; they are one where the number is odd.
        middle = [np.argmax(drawn >= rank, axis=1) for rank in (np.ceil(num / 2), np.floor(num / 2) + 1)]
        medians = np.mean([values[order[index]] for index in middle], axis=0)
        return np.where(num[:, 0] > 0, medians, math.nan)

    return Figure(title=title, digits=2, better="lower", value=value, resampled=resampled)


def _flights(outcomes: Outcomes) -> Outcomes:
    """The dives whose transitions are both labelled and predicted."""
    errors = outcomes.predicted_transitions - outcomes.true_transitions
    return outcomes.where(~np.isnan(errors).any(1))


def _flight_iou(outcomes: Outcomes) -> Float[np.ndarray, " flights"]:
    return interval_iou(outcomes.true_transitions, outcomes.predicted_transitions)


def _stage_iou(outcomes: Outcomes) -> Float[np.ndarray, " flights"]:
    return mean_stage_iou(outcomes.true_transitions, outcomes.predicted_transitions, outcomes.num_frames)


def _aiou(title: str, iou: Callable[[Outcomes], Float[np.ndarray, " dives"]], threshold: float) -> Figure:
    def each(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
        found = iou(outcomes)
        return np.where(np.isnan(found), math.nan, 100.0 * (found >= threshold))

    return _mean(title, 2, "higher", lambda outcomes: aiou(iou(_flights(outcomes)), threshold), each)


def _squared_relative_errors(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
    errors = outcomes.predicted_scores - outcomes.true_scores
    return np.asarray(100 * (errors / np.ptp(outcomes.true_scores)) ** 2)


def _inside(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
    intervals, truth = outcomes.intervals, outcomes.true_scores
    inside = 100.0 * ((intervals[:, 0] <= truth) & (truth <= intervals[:, 1]))
    return np.where(np.isnan(intervals[:, 0]), math.nan, inside)


def _coverage(outcomes: Outcomes) -> float:
    with_interval = outcomes.where(~np.isnan(outcomes.intervals[:, 0]))
    return coverage(with_interval.true_scores, with_interval.intervals)


def _widths(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
    return np.asarray(np.diff(outcomes.intervals, axis=1)[:, 0])


def _mean_width(outcomes: Outcomes) -> float:
    widths = _widths(outcomes)
    return float(np.mean(known)) if len(known := widths[~np.isnan(widths)]) else math.nan


def _event_figures(name: str, which: int) -> dict[str, Figure]:
    """Three figures of the first (0) or last (1) transition."""

    def truth_and_prediction(
        outcomes: Outcomes,
    ) -> tuple[Float[np.ndarray, " flights"], Float[np.ndarray, " flights"]]:
        flights = _flights(outcomes)
        return flights.true_transitions[:, which], flights.predicted_transitions[:, which]

    def errors(outcomes: Outcomes) -> Float[np.ndarray, " dives"]:
        return np.asarray(outcomes.predicted_transitions[:, which] - outcomes.true_transitions[:, which])

    return {
        f"{name}_error_frames": _mean(
            f"{name} transition, mean error, frames",
            2,
            "lower",
            lambda outcomes: mae(*truth_and_prediction(outcomes)),
            lambda outcomes: np.abs(errors(outcomes)),
        ),
        f"{name}_median_error_frames": _median(
            f"{name} transition, median error, frames",
            lambda outcomes: median_error(*truth_and_prediction(outcomes)),
            lambda outcomes: np.abs(errors(outcomes)),
        ),
        f"{name}_bias_frames": _mean(
            f"{name} transition, bias, frames",
            2,
            "",
            lambda outcomes: bias(*truth_and_prediction(outcomes)),
            errors,
        ),
    }


FIGURES: dict[str, Figure] = {
    "srcc": Figure(
        title="SRCC",
        digits=4,
        better="higher",
        value=lambda outcomes: srcc(outcomes.true_scores, outcomes.predicted_scores),
        resampled=_resampled_srcc,
    ),
    "rl2x100": _mean(
        "R-l2 x 100",
        3,
        "lower",
        lambda outcomes: rl2x100(outcomes.true_scores, outcomes.predicted_scores),
        _squared_relative_errors,
    ),
    "aiou50": _aiou("AIoU@0.5, %", _flight_iou, 0.5),
    "aiou75": _aiou("AIoU@0.75, %", _flight_iou, 0.75),
    "mae": _mean(
        "MAE, points",
        2,
        "lower",
        lambda outcomes: mae(outcomes.true_scores, outcomes.predicted_scores),
        lambda outcomes: np.abs(outcomes.predicted_scores - outcomes.true_scores),
    ),
    "kendall": Figure(
        title="Kendall's tau",
        digits=4,
        better="higher",
        value=lambda outcomes: kendall(outcomes.true_scores, outcomes.predicted_scores),
        resampled=_resampled_kendall,
    ),
    "aiou50_stages": _aiou("AIoU@0.5 over stages, %", _stage_iou, 0.5),
    "aiou75_stages": _aiou("AIoU@0.75 over stages, %", _stage_iou, 0.75),
    **_event_figures("first", 0),
    **_event_figures("last", 1),
    "interval_coverage": _mean("score interval holds, %", 1, "", _coverage, _inside),
    "interval_width": _mean("width of the score interval, points", 1, "lower", _mean_width, _widths),
    "ece": _calibration_error("calibration error of transitions", _transition_confidences),
    "number_top1": _mean_of_known(
        "dive number recognised, %", 1, "higher", lambda outcomes: 100 * _among_likeliest(outcomes, 1)
    ),
    "number_top3": _mean_of_known(
        "among the three likeliest, %", 1, "higher", lambda outcomes: 100 * _among_likeliest(outcomes, 3)
    ),
    "number_ece": _calibration_error("calibration error of dive numbers", _number_confidences),
    "number_log_loss": _mean_of_known("log loss of dive numbers", 3, "lower", _number_log_losses),
}
"""All figures: the first six are the headline, AIoU and coverage in percent, scores in points."""
NUMBER_FIGURES = tuple(name for name in FIGURES if name.startswith("number_"))
"""Figures of the recognised dive number."""
