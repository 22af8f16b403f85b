"""How well dive numbers are recognised, with probabilities that hold what they promise.

The temperature is that of Guo et al. ("On Calibration of Modern Neural Networks", ICML 2017), fitted to dives that the
network was not trained on: validation dives, or the other folds of a protocol.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor

from stagescore.diving import usual_difficulties
from stagescore.errors import CheckpointError, DataError
from stagescore.evaluation.bootstrap import NUMBER_FIGURES, measured
from stagescore.evaluation.evaluation_report import Row
from stagescore.evaluation.outcomes import Outcomes
from stagescore.models.recognition import candidate_numbers, number_scores
from stagescore.types import Dive

LEAST_DIVES = 9
"""A temperature of fewer dives would follow single ones."""
LEAST_FILMS = 5
"""Numbers with fewer training films are measured apart."""
NUM_LIKELIEST = 3
TABLE = "Dive number recognised"
_LOG_TEMPERATURES = (-4.0, 4.0)


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

    def log_probabilities(self, temperature: float) -> Float[np.ndarray, "candidates"]:
        """Log-probability of each candidate at a temperature."""
        return np.asarray(log_softmax(np.array(self.scores) / temperature))

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
    logits: Tensor | None, dives: Sequence[Dive], films: Sequence[Dive]
) -> tuple[NumberEvidence, ...]:
    """The evidence of some dives.

    Args:
        logits: Number logits (`StageFeatures.number_logits`), a row for each dive; None for a model that does not recognise numbers.
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
        temperature: What sums of log-probabilities are divided by; above 1 for a network that is too sure.
        num_dives: Number of dives that it was fitted to.
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
            None where fewer than `LEAST_DIVES` dives have a labelled number that is a candidate.
        """
        usable = [one for one in evidence if one.of_label(1.0) is not None]
        if len(usable) < LEAST_DIVES:
            return None

        def surprise(log_temperature: float) -> float:
            return -sum(one.of_label(math.exp(log_temperature)) or 0.0 for one in usable) / len(usable)

        best = float(minimize_scalar(surprise, bounds=_LOG_TEMPERATURES, method="bounded").x)
        return cls(temperature=math.exp(best), num_dives=len(usable))

    def as_json(self) -> dict[str, float]:
        """For the card of the weights."""
        return {"temperature": self.temperature, "num_dives": float(self.num_dives)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "NumberCalibration":
        """From the card of the weights.

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


def with_numbers(
    outcomes: Outcomes, evidence: Sequence[NumberEvidence], calibration: NumberCalibration | None
) -> Outcomes:
    """The same outcomes with the recognised dive numbers.

    Args:
        outcomes: Outcomes of some dives.
        evidence: Evidence of the same dives in the same order; none for a model that does not recognise numbers.
        calibration: Calibration of the probabilities; None to take them as the network states them.

    Raises:
        DataError: The evidence is of other dives.
    """
    if not evidence:
        return outcomes
    if [one.dive_id for one in evidence] != [dive.dive_id for dive in outcomes]:
        raise DataError(
            "dive numbers were recognised of other dives than were scored", todo="measure both on the same"
        )
    temperature = 1.0 if calibration is None else calibration.temperature
    dives = []
    for dive, one in zip(outcomes, evidence, strict=True):
        stated = one.of_label(temperature)
        dives.append(
            replace(
                dive,
                recognised=one.likeliest(temperature),
                number_probability=None if stated is None else math.exp(stated),
                number_films=one.num_films,
            )
        )
    return replace(outcomes, dives=tuple(dives))


def cross_fitted(
    by_fold: Mapping[str, Outcomes], evidence: Mapping[str, Sequence[NumberEvidence]]
) -> dict[str, Outcomes]:
    """The outcomes of each fold with numbers whose temperature was fitted on the other folds alone.

    Args:
        by_fold: Outcomes of each fold's test dives, by the name of the fold.
        evidence: Evidence of the same dives, by the name of the fold.
    """
    fitted = cross_calibrated(evidence)
    return {name: with_numbers(outcomes, evidence[name], fitted[name]) for name, outcomes in by_fold.items()}


def cross_calibrated(
    evidence: Mapping[str, Sequence[NumberEvidence]],
) -> dict[str, NumberCalibration | None]:
    """For each fold what is fitted on the other folds alone; None where they have too few dives.

    Args:
        evidence: Evidence of each fold's test dives, by the name of the fold.
    """
    return {
        name: NumberCalibration.fit(
            [one for other, some in evidence.items() if other != name for one in some]
        )
        for name in evidence
    }


def calibrated(evidence: Mapping[str, Sequence[NumberEvidence]]) -> bool:
    """Whether `cross_fitted` finds enough dives in the other folds of every fold to fit a temperature."""
    usable = {name: sum(one.of_label(1.0) is not None for one in some) for name, some in evidence.items()}
    return all(sum(usable.values()) - num >= LEAST_DIVES for num in usable.values())


def number_tables(outcomes: Outcomes) -> dict[str, list[Row]]:
    """The table of recognised dive numbers: all numbers, and those with many and with few training films apart.

    Args:
        outcomes: Outcomes of some dives, as `with_numbers` gives them.

    Returns:
        The table by its title, a row for each group that has a dive with a recognised and a labelled number; no table
        for a model that does not recognise numbers.
    """
    films = np.array([-1 if d.number_films is None else d.number_films for d in outcomes], dtype=int)
    asked = np.array([bool(d.recognised) and d.dive_number is not None for d in outcomes], dtype=bool)
    groups = {
        "all dive numbers": asked,
        f"numbers with at least {LEAST_FILMS} training films": asked & (films >= LEAST_FILMS),
        f"numbers with fewer than {LEAST_FILMS} training films": asked & (films < LEAST_FILMS),
    }
    some = {name: outcomes.where(chosen) for name, chosen in groups.items() if chosen.any()}
    rows = [
        Row(name=name, figures={f: measured(o, f) for f in NUMBER_FIGURES}, num_dives=len(o))
        for name, o in some.items()
    ]
    return {TABLE: rows} if rows else {}


def number_note(outcomes: Outcomes, fitted_on: str) -> list[str]:
    """What has to be known to read the table; nothing for a model that does not recognise numbers.

    Args:
        outcomes: Outcomes of some dives.
        fitted_on: What the temperature was fitted on, in words; empty where it was not fitted.
    """
    asked = [dive for dive in outcomes if dive.recognised and dive.dive_number is not None]
    if not asked:
        return []
    strangers = sum(dive.number_probability is None for dive in asked)
    calibrated = (
        f"their temperature was fitted on {fitted_on}"
        if fitted_on
        else "they are not calibrated (too few dives)"
    )
    return [
        f"Probabilities of dive numbers: {calibrated}. The labelled number was not among the numbers to choose from in "
        f"{strangers} of {len(asked)} dives; those count as not recognised and are left out of the log loss."
    ]
