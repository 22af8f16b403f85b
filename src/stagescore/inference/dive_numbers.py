"""Which dive number a film shows, with probabilities that hold what they promise.

The temperature is that of Guo et al. ("On Calibration of Modern Neural Networks", ICML 2017), fitted to dives that the
network was not trained on: validation dives, or the other folds of a protocol.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from stagescore.diving import usual_difficulties
from stagescore.errors import CheckpointError, DataError
from stagescore.models.recognition import (
    NumberedFilm,
    candidate_numbers,
    mean_number_logits,
    number_log_probabilities,
    number_scores,
)
from stagescore.tensors import Representation
from stagescore.types import Dive

LEAST_DIVES = 9
"""Least number of dives to fit a temperature to. Set by hand: one of fewer dives would follow single ones."""
NUM_LIKELIEST = 3
"""Number of dive numbers that are named; the goal of recognition is stated for three (docs/log.md, 29 November)."""
_LOG_TEMPERATURES = (-4.0, 4.0)
"""Natural logarithms between which the temperature is sought, 0.02 to 55. Set by hand."""


@torch.no_grad()
def recognise_number(
    views: Sequence[Representation], candidates: Sequence[str], temperature: float = 1.0
) -> tuple[tuple[str, float], ...]:
    """The probability of each dive number that a film may show, the likeliest first.

    Args:
        views: Stage features of one dive, as it is and mirrored or in one view, of a model that recognises dive
            numbers.
        candidates: Dive numbers that come into question (`models.recognition.candidate_numbers`).
        temperature: Calibration of the probabilities, as the card of the weights has it.

    Returns:
        Every candidate as (dive number, probability); the probabilities add up to 1. Equally probable numbers stand in
        alphabetical order.

    Raises:
        DataError: The model does not recognise dive numbers, or a view holds more or fewer than one dive.
    """
    logits = mean_number_logits(views)
    if logits is None:
        raise DataError(
            "this model does not recognise dive numbers",
            todo="give the dive number, or train the model with model.recognition.on=true",
        )
    if len(logits) != 1:
        raise DataError(f"a number of {len(logits)} dives is asked for", todo="give one dive at a time")
    probabilities = number_log_probabilities(logits.double(), candidates, temperature)[0].exp().tolist()
    return tuple(sorted(zip(candidates, probabilities, strict=True), key=lambda pair: (-pair[1], pair[0])))


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberEvidence:
    """What a network says of the dive number of one film, before calibration.

    Attributes:
        dive_id: Id of the dive in the manifest.
        dive_number: Dive number as labelled; None if not labelled.
        num_films: Number of training films that show this dive number.
        candidates: Dive numbers that come into question.
        scores: Sum of the log-probabilities of each candidate's attributes.
        difficulties: Usual degree of difficulty of each candidate at the height of the dive; None where there is none.
    """

    dive_id: str
    dive_number: str | None
    num_films: int
    candidates: tuple[str, ...]
    scores: tuple[float, ...]
    difficulties: tuple[float | None, ...]

    def log_probabilities(self, temperature: float) -> Float[np.ndarray, " candidates"]:
        """Log-probability of each candidate at a temperature."""
        return torch.log_softmax(torch.tensor(self.scores, dtype=torch.float64) / temperature, dim=0).numpy()

    def of_label(self, temperature: float) -> float | None:
        """Log-probability of the labelled number; None where it is unknown or no candidate."""
        if self.dive_number not in self.candidates:
            return None
        return float(self.log_probabilities(temperature)[self.candidates.index(self.dive_number)])

    def likeliest(self, temperature: float, num: int = NUM_LIKELIEST) -> tuple[tuple[str, float], ...]:
        """The likeliest numbers with their probabilities, the likeliest first; equal ones in alphabetical order."""
        probabilities = np.exp(self.log_probabilities(temperature)).tolist()
        ranked = sorted(
            zip(self.candidates, probabilities, strict=True), key=lambda pair: (-pair[1], pair[0])
        )
        return tuple(ranked[:num])


def number_evidence(
    logits: Tensor | None, dives: Sequence[Dive], films: Sequence[NumberedFilm]
) -> tuple[NumberEvidence, ...]:
    """The evidence of some dives.

    Args:
        logits: Number logits (`StageFeatures.number_logits`), a row for each dive; None for a model that does not
            recognise numbers.
        dives: Dives to measure on, in the order of the rows.
        films: Training dives, or exemplars, whose numbers are candidates too.

    Returns:
        Evidence of each dive; none where there are no logits.
    """
    if logits is None:
        return ()
    counts = Counter(film.dive_number for film in films)
    candidates = {height_m: candidate_numbers(height_m, films) for height_m in {d.height_m for d in dives}}
    return tuple(
        NumberEvidence(
            dive_id=dive.dive_id,
            dive_number=dive.dive_number,
            num_films=counts[dive.dive_number],
            candidates=candidates[dive.height_m],
            difficulties=usual_difficulties_of(candidates[dive.height_m], dive.height_m),
            scores=tuple(number_scores(row[None].double(), candidates[dive.height_m])[0].tolist()),
        )
        for dive, row in zip(dives, logits.cpu(), strict=True)
    )


def usual_difficulties_of(numbers: Sequence[str], height_m: float | None) -> tuple[float | None, ...]:
    """The usual degree of difficulty of each number at a height, or at any height where they agree; None where unknown."""
    known: dict[str, set[float]] = {}
    for (code, height), value in usual_difficulties().items():
        if height_m in (None, height):
            known.setdefault(code, set()).add(value)
    return tuple(next(iter(known[code])) if len(known.get(code, ())) == 1 else None for code in numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCalibration:
    """How sure a network may be of a dive number.

    Attributes:
        temperature: Divisor of the sums of log-probabilities; above 1 for a network that is too sure.
        num_dives: Number of dives that the temperature was fitted to.
    """

    temperature: float
    num_dives: int

    def __post_init__(self) -> None:
        if not (0 < self.temperature < math.inf and self.num_dives > 0):
            raise CheckpointError(
                f"senseless calibration: {self}", todo="fit it anew on dives that were not trained on"
            )

    @classmethod
    def fit(cls, evidence: Sequence[NumberEvidence]) -> "NumberCalibration | None":
        """The temperature at which the labelled numbers are most probable.

        Args:
            evidence: Evidence of dives that the network was not trained on.

        Returns:
            Calibration with that temperature; None where fewer than `LEAST_DIVES` dives have a labelled number that is
            a candidate.
        """
        usable = [one for one in evidence if one.of_label(1.0) is not None]
        if len(usable) < LEAST_DIVES:
            return None

        from scipy.optimize import minimize_scalar  # noqa: PLC0415 - takes half a second, and only fitting needs it

        def surprise(log_temperature: float) -> float:
            return -sum(one.of_label(math.exp(log_temperature)) or 0.0 for one in usable) / len(usable)

        best = float(minimize_scalar(surprise, bounds=_LOG_TEMPERATURES, method="bounded").x)
        return cls(temperature=math.exp(best), num_dives=len(usable))

    def as_json(self) -> dict[str, float]:
        """Its numbers by name, for the card of the weights."""
        return {"temperature": self.temperature, "num_dives": float(self.num_dives)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "NumberCalibration":
        """Read a calibration from the card of the weights.

        Raises:
            CheckpointError: A number is missing or senseless.
        """
        try:
            return cls(temperature=float(content["temperature"]), num_dives=int(content["num_dives"]))
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(
                f"the calibration of the dive number is {dict(content)}",
                where="card of the weights",
                todo="use a complete card",
            ) from None
