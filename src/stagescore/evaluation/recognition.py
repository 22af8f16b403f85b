"""How well dive numbers are recognised: figures, and temperatures fitted over the folds of a protocol."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from stagescore.errors import DataError
from stagescore.evaluation.bootstrap import NUMBER_FIGURES, measured
from stagescore.evaluation.evaluation_report import Row
from stagescore.inference.dive_numbers import LEAST_DIVES, NumberCalibration, NumberEvidence
from stagescore.inference.outcomes import Outcomes

LEAST_FILMS = 5
"""Numbers with fewer training films are measured apart. Set by hand."""
TABLE = "Dive number recognised"


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
