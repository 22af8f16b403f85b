"""Score intervals and transition confidences that hold what they promise, fitted on a validation split.

Score intervals: split-conformal prediction with a locally weighted error (Lei et al., "Distribution-Free
Predictive Inference for Regression", 2018, section 5.2). Transition confidences: temperature scaling (Guo et al.,
ICML 2017) of the probabilities over frames. Neither is part of the paper.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from stagescore.errors import CheckpointError, DataError
from stagescore.inference.outcomes import TOLERANCE_FRAMES, Outcomes, Pair

LEVEL = 0.9
"""Share that an interval is to hold: of the dives, or of a predicted distribution. Set by hand."""
SDS = 1.6449
"""Half-width of a 90 % interval in standard deviations of a normal distribution."""
LEAST_DIVES = 9
"""Fewer dives cannot show what nine in ten do."""
_LOG_BASES = (-7.0, 7.0)
"""Natural logarithms between which the base is sought, in typical errors: 0.001 to 1,100. Set by hand: at one end the
base counts for nothing, at the other the spread does."""
_LOG_TEMPERATURES = (-4.0, 4.0)
"""Natural logarithms between which the temperature is sought, 0.02 to 55. Set by hand."""
_HALVINGS = 40
"""Of the range in which an end of an interval is sought, a few hundred points at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalModel:
    """Half-width of a score interval: `quantile * sqrt(base ** 2 + spread ** 2)`.

    The spread is the standard deviation of the votes, or of the predicted distribution where nothing votes. Where it
    says nothing about the error, the fitted base is far above any spread and all intervals are equally wide.

    Attributes:
        base: Part of the width that does not depend on the spread, in points.
        quantile: Factor of `sqrt(base ** 2 + spread ** 2)`, at which intervals hold the wanted share of the validation
            dives.
        level: Share of the dives that the interval is to hold, 0 to 1.
        num_dives: Number of dives that the model was fitted on.
    """

    base: float
    quantile: float
    level: float
    num_dives: int

    def __post_init__(self) -> None:
        _check(self, self.base > 0 and self.quantile >= 0 and 0 < self.level < 1 and self.num_dives > 0)

    @classmethod
    def fit(cls, validation: Outcomes, level: float = LEVEL) -> "IntervalModel":
        """Fit on dives that the model has not been trained on.

        The base is where normal errors with the resulting scale are most probable; the quantile is the
        `ceil((n + 1) * level)`-th smallest error divided by its scale, so that a dive drawn like the n of
        the validation split lies inside with probability `level` or more (but for the fitting of the base to
        the same dives).

        Args:
            validation: Outcomes with votes, or with standard deviations of the predicted distributions.
            level: Share of the dives that intervals are to hold, 0 to 1.

        Raises:
            DataError: Too few dives for this level, or a dive with neither votes nor a standard deviation.
        """
        n = len(validation)
        rank = math.ceil((n + 1) * level)
        if rank > n:
            raise DataError(
                f"{n} validation dives cannot show what {level:.0%} of the dives do",
                todo=f"hold out at least {math.ceil(level / (1 - level) - 1e-9)}",
            )
        errors = np.abs(validation.true_scores - validation.predicted_scores)
        spreads = np.array([_spread(dive.votes, dive.sd) for dive in validation])
        typical = max(float(np.sqrt(np.mean(errors**2))), 1e-6)

        def scales(log_base: float) -> Float[np.ndarray, " dives"]:
            return np.asarray(np.hypot(typical * math.exp(log_base), spreads))

        from scipy.optimize import minimize_scalar  # noqa: PLC0415 - takes half a second, and only fitting needs it

        def surprise(log_base: float) -> float:
            scale = scales(log_base)
            return float(np.mean(np.log(scale)) + 0.5 * np.log(np.mean((errors / scale) ** 2) + 1e-12))

        best = float(minimize_scalar(surprise, bounds=_LOG_BASES, method="bounded").x)
        return cls(
            base=typical * math.exp(best),
            quantile=float(np.sort(errors / scales(best))[rank - 1]),
            level=level,
            num_dives=n,
        )

    def interval(self, score: float, votes: Sequence[float], sd: float | None = None) -> tuple[float, float]:
        """Lowest and highest plausible score, in points; never below 0.

        Args:
            score: Predicted score, in points.
            votes: Votes of the exemplars, in points; none where the model predicts the score itself.
            sd: Standard deviation of the predicted distribution, in points; None where exemplars vote.

        Raises:
            DataError: There are neither votes nor a standard deviation.

        >>> model = IntervalModel(base=3.0, quantile=2.0, level=0.9, num_dives=100)
        >>> model.interval(60.0, (56.0, 64.0))
        (50.0, 70.0)
        """
        half = self.quantile * math.hypot(self.base, _spread(votes, sd))
        return max(0.0, score - half), max(0.0, score + half)

    def as_json(self) -> dict[str, Any]:
        """Its numbers by name, for the card of the weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "IntervalModel":
        """Read an interval model from the card of the weights.

        Raises:
            CheckpointError: A number is missing or senseless.
        """
        return cls(
            base=_number(content, "base"),
            quantile=_number(content, "quantile"),
            level=_number(content, "level"),
            num_dives=int(_number(content, "num_dives")),
        )


def mixture_interval(shares: Sequence[float], scores: Sequence[float], highs: Sequence[float]) -> Pair:
    """The 90 % interval of a mixture of scores, each taken for normally distributed with its own interval.

    As much of the mixture lies below the interval as above it. It never reaches below 0.

    Args:
        shares: Probability of each score; they add up to 1.
        scores: Scores that the mixture is made of, in points.
        highs: Upper end of each score's own 90 % interval, in points.

    >>> [round(end, 2) for end in mixture_interval([0.5, 0.5], [60.0, 80.0], [65.0, 85.0])]
    [56.1, 83.9]
    """
    if len(scores) == 1:
        half = highs[0] - scores[0]
        return max(0.0, scores[0] - half), max(0.0, scores[0] + half)
    parts = [NormalDist(mean, max(high - mean, 1e-6) / SDS) for mean, high in zip(scores, highs, strict=True)]

    def end(below: float) -> float:
        """Where so much of the mixture lies below; 8 standard deviations away from all means nothing is left."""
        low = min(part.mean - 8.0 * part.stdev for part in parts)
        high = max(part.mean + 8.0 * part.stdev for part in parts)
        # Halved instead of asking SciPy, whose import takes half a second: the last step is below 1e-9 points.
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if sum(share * part.cdf(middle) for share, part in zip(shares, parts, strict=True)) < below:
                low = middle
            else:
                high = middle
        return high

    tail = (1.0 - LEVEL) / 2.0
    return max(0.0, end(tail)), max(0.0, end(1.0 - tail))


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionCalibration:
    """Turns a network's log-probabilities over frames into the confidence in a transition.

    Attributes:
        temperature: Divisor of the log-probabilities; above 1 for a network that is too sure.
        tolerance_frames: Distance in label frames; the confidence is the probability that the label lies within it.
    """

    temperature: float
    tolerance_frames: float = TOLERANCE_FRAMES

    def __post_init__(self) -> None:
        _check(self, self.temperature > 0 and self.tolerance_frames >= 0)

    @classmethod
    def fit(
        cls,
        log_probabilities: Float[np.ndarray, "dives transitions samples"],
        frames: Int[np.ndarray, "dives samples"],
        truth: Float[np.ndarray, "dives transitions"],
        tolerance_frames: float = TOLERANCE_FRAMES,
    ) -> "TransitionCalibration":
        """The temperature at which the labelled transitions are most probable.

        Args:
            log_probabilities: Log-probabilities (or logits) of each transition over the sampled frames.
            frames: Frame of the clip that each sampled frame is, never decreasing.
            truth: Labelled transitions, in label frames; NaN where masked.
            tolerance_frames: Distance in label frames; the confidence is the probability that the label lies within it.

        Raises:
            DataError: No labelled transition, or one that the network holds for impossible.
        """
        labelled = ~np.isnan(truth)
        # A sampled frame stands for the label frames from its own up to the next one's.
        targets = np.array(
            [np.searchsorted(row, t, side="right") - 1 for row, t in zip(frames, truth, strict=True)],
            dtype=int,
        )
        rows = log_probabilities[labelled].astype(float)
        at = np.maximum(targets.reshape(truth.shape)[labelled], 0)
        picked = np.arange(len(rows)), at
        if not len(rows) or not np.isfinite(rows[picked]).all():
            raise DataError(
                "transition confidences cannot be fitted: no labelled transition, or an impossible one",
                todo="give validation dives with usable transitions and finite log-probabilities",
            )

        from scipy.optimize import minimize_scalar  # noqa: PLC0415 - likewise
        from scipy.special import log_softmax  # noqa: PLC0415 - likewise

        def surprise(log_temperature: float) -> float:
            return -float(np.mean(log_softmax(rows / math.exp(log_temperature), axis=-1)[picked]))

        best = float(minimize_scalar(surprise, bounds=_LOG_TEMPERATURES, method="bounded").x)
        return cls(temperature=math.exp(best), tolerance_frames=tolerance_frames)

    def confidence(
        self,
        log_probabilities: Float[np.ndarray, "dives transitions samples"],
        frames: Int[np.ndarray, "dives samples"],
        predicted: Float[np.ndarray, "dives transitions"],
    ) -> Float[np.ndarray, "dives transitions"]:
        """Probability that the label lies within the tolerance of each predicted transition.

        A sampled frame's probability is spread evenly over the label frames that it stands for.

        Args:
            log_probabilities: Log-probabilities (or logits) of each transition over the sampled frames.
            frames: Frame of the clip that each sampled frame is, never decreasing.
            predicted: Predicted transitions, in label frames (`outcomes.label_transitions`).

        >>> even = np.zeros((1, 1, 10))
        >>> TransitionCalibration(temperature=1.0, tolerance_frames=2.0).confidence(
        ...     even, np.arange(10)[None], np.array([[4.0]])).round(3)
        array([[0.5]])
        """
        logits = torch.from_numpy(log_probabilities.astype(float) / self.temperature)
        probabilities = torch.softmax(logits, dim=-1).numpy()
        lowest = np.ceil(predicted - self.tolerance_frames) - 0.5
        highest = np.floor(predicted + self.tolerance_frames) + 0.5
        found = np.zeros(predicted.shape)
        for dive, row in enumerate(frames):
            starts, first = np.unique(row, return_index=True)  # a clip shorter than the sample repeats frames
            edges = np.append(starts, starts[-1] + 1) - 0.5
            below = np.cumsum(np.add.reduceat(probabilities[dive], first, axis=-1), axis=-1)
            for transition, reached in enumerate(below):
                ends = lowest[dive, transition], highest[dive, transition]
                low, high = np.interp(ends, edges, np.append(0.0, reached))
                found[dive, transition] = high - low
        return np.clip(found, 0.0, 1.0)

    def as_json(self) -> dict[str, float]:
        """Its numbers by name, for the card of the weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "TransitionCalibration":
        """Read a calibration from the card of the weights.

        Raises:
            CheckpointError: A number is missing or senseless.
        """
        return cls(
            temperature=_number(content, "temperature"),
            tolerance_frames=_number(content, "tolerance_frames"),
        )


def _spread(votes: Sequence[float], sd: float | None = None) -> float:
    if sd is not None:
        return sd
    if not len(votes):
        raise DataError(
            "a score without votes has no interval",
            todo="give the votes of the exemplars, or the standard deviation of the predicted distribution",
        )
    return float(np.std(votes))


def _number(content: Mapping[str, Any], name: str) -> float:
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CheckpointError(f"{name} is {value!r}", where="card of the weights", todo="use a complete card")
    return float(value)


def _check(model: IntervalModel | TransitionCalibration, sensible: bool) -> None:
    if not sensible or not all(map(math.isfinite, asdict(model).values())):
        raise CheckpointError(f"senseless calibration: {model}", todo="fit it anew on a validation split")
