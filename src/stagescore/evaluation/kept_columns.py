"""The columns of a kept fold: what a run says of its test dives, rounded, and their labels.

Numbers are rounded when they are kept (`_DIGITS`), and everything is computed from the rounded ones.
"""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Annotated

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, model_validator

from stagescore.config import Config
from stagescore.errors import DataError
from stagescore.inference.dive_numbers import NumberEvidence
from stagescore.inference.outcomes import Outcomes, Pair
from stagescore.types import Dive

# Significant digits of scores, of evidence and of log-probabilities. Set by hand.
_DIGITS = 6
_EVIDENCE_DIGITS = 5
_SIGHT_DIGITS = 4
Scores = tuple[float, ...]


class KeptLabels(Config):
    """Labels of the tested dives, a column each; what is not labelled is null or empty.

    Attributes:
        dive_id: Id of each dive, as in the manifest.
        dive_number: Number of each dive, such as `107B`.
        difficulty: Degree of difficulty of each dive.
        score: Score of each dive, in points.
        num_frames: Number of frames of each clip.
        transitions: First and last transition by FineDiving's definition, in frames of the clip.
        hand_marks: Hand marks of each dive in frames of the clip (`Dive.hand_marks`).
        flight: Flight of each dive (`Dive.flight`), which is found in the film and is no label.
    """

    dive_id: tuple[str, ...] = Field(min_length=1)
    dive_number: tuple[str | None, ...]
    difficulty: tuple[float | None, ...]
    score: Scores
    num_frames: tuple[Annotated[int, Field(ge=1)], ...]
    transitions: tuple[Pair | None, ...]
    hand_marks: tuple[tuple[int, ...], ...]
    flight: tuple[tuple[int, ...], ...]


def labels_of(
    dives: Iterable[Dive], dive_ids: Sequence[str], frames: Sequence[int], flights: Sequence[tuple[int, ...]]
) -> KeptLabels:
    """The labels of dives from their manifest.

    Args:
        dives: Dives of the manifest.
        dive_ids: Ids of the tested dives.
        frames: Number of frames of each film.
        flights: Flight of each tested dive, as the run had it.

    Raises:
        DataError: A dive is not in the manifest.
    """
    known = {dive.dive_id: dive for dive in dives}
    missing = [dive_id for dive_id in dive_ids if dive_id not in known]
    if missing:
        raise DataError(
            f"the data have no dive {missing[0]}", todo="name the folder that `stagescore data import` wrote"
        )
    chosen = [known[dive_id] for dive_id in dive_ids]
    return KeptLabels(
        dive_id=tuple(dive_ids),
        dive_number=tuple(dive.dive_number for dive in chosen),
        difficulty=tuple(dive.difficulty for dive in chosen),
        score=tuple(dive.score for dive in chosen),
        num_frames=tuple(frames),
        transitions=tuple(
            (float(dive.transitions[0]), float(dive.transitions[-1])) if len(dive.transitions) >= 2 else None
            for dive in chosen
        ),
        hand_marks=tuple(dive.hand_marks for dive in chosen),
        flight=tuple(flights),
    )


Labels = Callable[[Sequence[str], Sequence[int], Sequence[tuple[int, ...]]], KeptLabels]


class KeptModel(Config):
    """What the whole model says of the tested dives, a column each.

    Attributes:
        score: Predicted score of each dive, in points.
        votes: Votes of the exemplars of each dive, in points; empty where none vote.
        sd: Standard deviation of each predicted distribution, in points; null where exemplars vote.
        transitions: Predicted first and last transition, in frames of the clip; null for a model without three stages.
    """

    score: Scores
    votes: tuple[Scores, ...]
    sd: Scores | None = None
    transitions: tuple[Pair | None, ...]


class KeptNumbers(Config):
    """What the model says of the dive numbers of the tested dives (`recognition.NumberEvidence`).

    Attributes:
        candidates: Dive numbers that come into question; a list for each group of dives that share it.
        group: Place of each dive's list among `candidates`.
        difficulties: Usual degree of difficulty of each candidate; null where there is none.
        num_films: Number of training films that show each dive's number.
        scores: Sum of the log-probabilities of each candidate's attributes, a row for each dive.
    """

    candidates: tuple[tuple[str, ...], ...]
    group: tuple[Annotated[int, Field(ge=0)], ...]
    difficulties: tuple[tuple[float | None, ...], ...]
    num_films: tuple[int, ...]
    scores: tuple[Scores, ...]

    @model_validator(mode="after")
    def _fits(self) -> "KeptNumbers":
        if [len(some) for some in self.candidates] != [len(some) for some in self.difficulties]:
            raise ValueError("dive numbers and their difficulties do not belong together")
        for group, scores in zip(self.group, self.scores, strict=False):
            if group >= len(self.candidates) or len(scores) != len(self.candidates[group]):
                raise ValueError("dive numbers and their scores do not belong together")
        return self

    @classmethod
    def of(cls, evidence: Sequence[NumberEvidence]) -> "KeptNumbers | None":
        """The evidence, rounded; None for a model that does not recognise dive numbers."""
        if not evidence:
            return None
        groups = list(dict.fromkeys((one.candidates, one.difficulties) for one in evidence))
        return cls(
            candidates=tuple(candidates for candidates, _ in groups),
            group=tuple(groups.index((one.candidates, one.difficulties)) for one in evidence),
            difficulties=tuple(difficulties for _, difficulties in groups),
            num_films=tuple(one.num_films for one in evidence),
            scores=tuple(_rounded(one.scores, _EVIDENCE_DIGITS) for one in evidence),
        )


class KeptExecutions(Config):
    """What the model says of the tested dives where neither number nor difficulty is known.

    Attributes:
        votes: Votes in score / difficulty by exemplars of any number, a row for each dive.
        mean_difficulty: Mean degree of difficulty of the fold's training dives.
    """

    votes: tuple[Scores, ...]
    mean_difficulty: Annotated[float, Field(gt=0)]


class KeptSight(Config):
    """What else weights that ship take their calibration from, a column each.

    Attributes:
        frames: Frames of the clip that the network was shown, a row for each dive.
        log_probabilities: Logarithm of each transition's probability over the shown frames; null for a model without
            three stages.
        distance: How unlike the fold's training dives each dive is (`inference.familiarity`, in its raw unit); empty
            where the training dives are too few to tell.
    """

    frames: tuple[tuple[int, ...], ...]
    log_probabilities: tuple[tuple[Scores, ...], ...] | None
    distance: Scores

    def log_probability_array(self) -> Float[np.ndarray, "dives transitions frames"] | None:
        """`log_probabilities` as an array."""
        return None if self.log_probabilities is None else np.array(self.log_probabilities)


class KeptRow(Config):
    """What something else than the model says of the tested dives.

    Attributes:
        score: Score of each dive, in points; null for a dive that gets none.
        interval: Lowest and highest plausible score of each dive, in points, null where there is none; empty for a row
            without any.
        made_of: What is to be known of the row, such as the hash of its weights, by name.
    """

    score: tuple[float | None, ...]
    interval: tuple[Pair | None, ...] = ()
    made_of: dict[str, str | float]


def kept_sight(
    frames: Int[np.ndarray, "dives frames"],
    log_probabilities: Float[np.ndarray, "dives transitions frames"] | None,
    distance: Iterable[float],
) -> KeptSight:
    """What a fold's network saw, rounded.

    Args:
        frames: Frames of each dive that were shown.
        log_probabilities: Logarithms of the transitions' probabilities over the shown frames; None for a model without
            three stages.
        distance: Distance of each dive from the training dives; none where that is not known.
    """
    return KeptSight(
        frames=tuple(tuple(row) for row in frames.tolist()),
        log_probabilities=None
        if log_probabilities is None
        else tuple(
            tuple(_rounded(transition, _SIGHT_DIGITS) for transition in dive)
            for dive in log_probabilities.tolist()
        ),
        distance=_rounded(distance, _DIGITS),
    )


def kept_executions(any_number: Outcomes, trained: Iterable[Dive]) -> KeptExecutions | None:
    """What a model says of dives whose number is not known, rounded.

    Args:
        any_number: Outcomes of dives that were scored by exemplars of any number, with the difficulties as labelled.
        trained: Training dives.

    Returns:
        The executions; None where a dive has no difficulty, by which scores are divided.
    """
    difficulties = [dive.difficulty for dive in trained if dive.difficulty is not None]
    votes = [
        kept_scores(vote / dive.difficulty for vote in dive.votes) for dive in any_number if dive.difficulty
    ]
    if len(votes) < len(any_number) or not difficulties:
        return None
    return KeptExecutions(votes=tuple(votes), mean_difficulty=kept_scores([fmean(difficulties)])[0])


def kept_scores(scores: Iterable[float]) -> Scores:
    """Scores in points, rounded as they are kept."""
    return _rounded(scores, _DIGITS)


def kept_model(outcomes: Outcomes) -> KeptModel:
    """What a model says of dives, rounded."""
    sds = [dive.sd for dive in outcomes if dive.sd is not None]
    return KeptModel(
        sd=kept_scores(sds) if sds else None,
        score=kept_scores(dive.predicted_score for dive in outcomes),
        votes=tuple(kept_scores(dive.votes) for dive in outcomes),
        transitions=tuple(dive.predicted_transitions for dive in outcomes),
    )


def _rounded(values: Iterable[float], digits: int) -> Scores:
    """Values rounded to a number of significant digits."""
    return tuple(float(f"{value:.{digits}g}") for value in values)


def kept_pair(values: Pair) -> Pair:
    """Both ends, rounded as scores are."""
    low, high = kept_scores(values)
    return low, high
