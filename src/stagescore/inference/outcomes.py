"""What came out for each dive of an evaluated split: the noun that every figure is computed from.

Transitions are label transitions in frames of the clip as labelled (method, section 3): t is the last frame of
the earlier stage, counted from 0. Networks see sampled frames; `label_transitions` leads back.
"""

import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from stagescore.csv_tables import csv_table
from stagescore.errors import DataError

Missing = Literal["", "video", "skeleton"]
"""The modality that the model was not given."""

Pair = tuple[float, float]

TOLERANCE_FRAMES = 3.0
"""Number of label frames within which a transition counts as found, about a tenth of a second. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One dive, its labels and what was predicted.

    Attributes:
        dive_id: Id of the dive, as in the manifest.
        dive_number: Dive number, such as `107B`; None if not labelled.
        difficulty: Degree of difficulty; None if not labelled.
        true_score: Score that the judges gave, in points.
        predicted_score: Score that was predicted, in points.
        num_frames: Number of frames of the clip as labelled.
        votes: Scores given by the exemplars, in points; empty where nothing votes, as for floors.
        sd: Standard deviation of the predicted distribution, in points; None where none is predicted.
        stated_interval: Interval of 90 % of the predicted distribution, in points; None where none is predicted.
        interval: Lowest and highest plausible score, in points; None where there is none.
        true_transitions: First and last labelled transition, in label frames; None where the labels are unusable and
            masked.
        predicted_transitions: First and last predicted transition, in label frames; None for a model without three
            stages.
        confidences: Stated probability, for both transitions, that the label lies within `Outcomes.tolerance_frames`;
            None where none is stated.
        missing: Modality that was withheld; empty for none.
        recognised: The likeliest dive numbers with their probabilities, the likeliest first; empty for a model that
            does not recognise them.
        number_probability: Probability that was given to the labelled dive number; None where it is unknown or was not
            among the numbers to choose from.
        number_films: Number of training films that show the labelled dive number; None where nothing was recognised.
    """

    dive_id: str
    dive_number: str | None
    difficulty: float | None
    true_score: float
    predicted_score: float
    num_frames: int
    votes: tuple[float, ...] = ()
    interval: Pair | None = None
    true_transitions: Pair | None = None
    predicted_transitions: Pair | None = None
    confidences: Pair | None = None
    missing: Missing = ""
    recognised: tuple[tuple[str, float], ...] = ()
    number_probability: float | None = None
    number_films: int | None = None
    sd: float | None = None
    stated_interval: Pair | None = None

    def __post_init__(self) -> None:
        pairs = (self.interval, self.true_transitions, self.predicted_transitions, self.confidences)
        numbers = [self.true_score, self.predicted_score, *self.votes]
        numbers.extend(value for pair in pairs if pair is not None for value in pair)
        if not all(map(math.isfinite, numbers)):
            raise DataError(
                "a score, vote, transition or confidence is not a number",
                where=self.dive_id,
                todo="give finite numbers, and None for what is unknown",
            )
        if self.num_frames < 1:
            raise DataError(
                f"the clip has {self.num_frames} frames", where=self.dive_id, todo="count its frames"
            )
        ordered = {"score interval": pairs[0], "labelled flight": pairs[1], "predicted flight": pairs[2]}
        for what, pair in ordered.items():
            if pair is not None and pair[1] < pair[0]:
                raise DataError(
                    f"the {what} ends before it begins: {pair}",
                    where=self.dive_id,
                    todo="mask unusable labels, and decode transitions in their order",
                )
        if self.confidences is not None and not all(0 <= value <= 1 for value in self.confidences):
            raise DataError(
                f"confidences of {self.confidences}",
                where=self.dive_id,
                todo="give probabilities from 0 to 1",
            )
        stated = [probability for _, probability in self.recognised]
        given = stated if self.number_probability is None else [*stated, self.number_probability]
        if not all(0 <= value <= 1 for value in given) or stated != sorted(stated, reverse=True):
            raise DataError(
                f"probabilities of dive numbers of {given}",
                where=self.dive_id,
                todo="give probabilities from 0 to 1, the likeliest number first",
            )


_CSV_PAIRS = {
    "interval": ("interval_low", "interval_high"),
    "true_transitions": ("true_first", "true_last"),
    "predicted_transitions": ("predicted_first", "predicted_last"),
    "confidences": ("confidence_first", "confidence_last"),
}
CSV_COLUMNS: dict[str, str] = {
    "dive_id": "event and number, as in the manifest",
    "dive_number": "as labelled",
    "difficulty": "as labelled",
    "true_score": "points",
    "predicted_score": "points, the mean of the votes",
    "num_frames": "frames of the clip as labelled",
    "votes": "points, one an exemplar, separated by spaces",
    "interval_low": "lowest plausible score, points",
    "interval_high": "highest plausible score, points",
    "true_first": "label frame of the first transition; empty where masked",
    "true_last": "label frame of the last transition; empty where masked",
    "predicted_first": "the same, predicted",
    "predicted_last": "the same, predicted",
    "confidence_first": "stated probability that the first transition is right within the tolerance",
    "confidence_last": "the same for the last transition",
    "missing": "the modality that was withheld",
    "recognised": "the likeliest dive numbers, separated by spaces, the likeliest first",
    "recognised_probabilities": "stated probability of each of them, separated by spaces",
    "number_probability": "stated probability of the labelled dive number",
    "number_films": "training films that show the labelled dive number",
}
"""Columns of the per-dive table, in their order; what is not known is left empty."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The dives of one evaluation.

    Attributes:
        dives: Outcomes of the dives, each dive once.
        tolerance_frames: Distance that the confidences speak of, in label frames.
    """

    dives: tuple[Outcome, ...]
    tolerance_frames: float = TOLERANCE_FRAMES

    def __post_init__(self) -> None:
        if len({dive.dive_id for dive in self.dives}) != len(self.dives):
            raise DataError("a dive stands twice among the outcomes", todo="evaluate each dive once")

    def __len__(self) -> int:
        return len(self.dives)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.dives)

    def where(self, chosen: Bool[np.ndarray, " dives"]) -> "Outcomes":
        """Some of the dives."""
        return replace(
            self, dives=tuple(dive for dive, taken in zip(self.dives, chosen, strict=True) if taken)
        )

    def without_numbers(self) -> "Outcomes":
        """The same outcomes without recognised dive numbers."""
        nothing: dict[str, Any] = {"recognised": (), "number_probability": None, "number_films": None}
        return replace(self, dives=tuple(replace(dive, **nothing) for dive in self.dives))

    @property
    def true_scores(self) -> Float[np.ndarray, " dives"]:
        """Scores that the judges gave, in points."""
        return np.array([dive.true_score for dive in self.dives], dtype=float)

    @property
    def predicted_scores(self) -> Float[np.ndarray, " dives"]:
        """Scores that were predicted, in points."""
        return np.array([dive.predicted_score for dive in self.dives], dtype=float)

    @property
    def num_frames(self) -> Float[np.ndarray, " dives"]:
        """Number of frames of each clip."""
        return np.array([dive.num_frames for dive in self.dives], dtype=float)

    @property
    def intervals(self) -> Float[np.ndarray, "dives 2"]:
        """Score intervals; NaN where there is none."""
        return _pairs([dive.interval for dive in self.dives])

    @property
    def true_transitions(self) -> Float[np.ndarray, "dives 2"]:
        """Labelled transitions, in label frames; NaN where masked."""
        return _pairs([dive.true_transitions for dive in self.dives])

    @property
    def predicted_transitions(self) -> Float[np.ndarray, "dives 2"]:
        """Predicted transitions, in label frames; NaN where there is none."""
        return _pairs([dive.predicted_transitions for dive in self.dives])

    @property
    def confidences(self) -> Float[np.ndarray, "dives 2"]:
        """Stated probabilities of both transitions; NaN where there is none."""
        return _pairs([dive.confidences for dive in self.dives])

    def as_csv(self) -> bytes:
        """The per-dive table with `CSV_COLUMNS`, numbers in full precision."""
        rows = []
        for dive in self.dives:
            row: dict[str, object] = dict(zip(dive.__dataclass_fields__, astuple(dive), strict=True))
            row["votes"] = " ".join(map(repr, dive.votes))
            row["recognised"] = " ".join(number for number, _ in dive.recognised)
            row["recognised_probabilities"] = " ".join(repr(stated) for _, stated in dive.recognised)
            for name, columns in _CSV_PAIRS.items():
                row.update(zip(columns, row[name] or ("", ""), strict=True))  # type: ignore[call-overload]
            rows.append([row[column] for column in CSV_COLUMNS])
        return csv_table(CSV_COLUMNS, rows).encode()


def _pairs(values: list[Pair | None]) -> Float[np.ndarray, "dives 2"]:
    return np.array([(math.nan, math.nan) if v is None else v for v in values], dtype=float).reshape(-1, 2)


def label_transitions(
    positions: Int[np.ndarray, "dives transitions"], frames: Int[np.ndarray, "dives samples"]
) -> Float[np.ndarray, "dives transitions"]:
    """From transitions among sampled frames back to label frames.

    A stage that ends with sampled frame j has its labelled end from that frame up to the one before sampled
    frame j + 1 (`StageSpans.resampled`). The answer is the middle of these.

    Args:
        positions: Last sampled frame of the earlier stage.
        frames: Frame of the clip that each sampled frame is, never decreasing.

    >>> label_transitions(np.array([[0, 1]]), np.array([[0, 3, 6, 9]]))
    array([[1., 4.]])
    """
    following = np.minimum(positions + 1, frames.shape[1] - 1)
    first = np.take_along_axis(frames, positions, axis=1)
    last = np.maximum(np.take_along_axis(frames, following, axis=1) - 1, first)
    return np.asarray((first + last) / 2)
