"""What a fold's run says of the dives that it was not trained on, as a small file that outlives the run.

One JSON file a fold, with everything that the pooled table is computed from: labels of the tested dives, outcomes of the
model and of each branch alone, evidence of the dive numbers, and what needs no film. So the table can be printed again
without the run, its clips, the films and the manifest. Numbers are rounded when a fold is kept, and the table is always
computed from the rounded ones: it is the same to the digit, whether a run or its file is named.

A file may be kept without the labels of the dives, which are somebody else's data: whoever has the data set imports it,
and the labels are read from there (`labels_of`).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float, Int
from pydantic import Field, ValidationError, model_validator

from stagescore.atomic import write_text
from stagescore.config import Config
from stagescore.errors import DataError, StagescoreError
from stagescore.evaluation.fold_identity import FoldIdentity
from stagescore.evaluation.outcomes import Outcome, Outcomes, Pair
from stagescore.evaluation.recognition import NumberEvidence
from stagescore.types import Dive

_DIGITS = 6
_EVIDENCE_DIGITS = 5
_SIGHT_DIGITS = 4
_WITHOUT_LABELS = ("dive_id", "num_frames", "flight")
"""Columns of the labels that stay in a file without them: names of dives, frames of their films, and where the run saw the flight."""
Scores = tuple[float, ...]


class KeptLabels(Config):
    """Labels of the tested dives, a column each; what is not labelled is null or empty.

    Attributes:
        dive_id: as in the manifest.
        dive_number: such as `107B`.
        difficulty: degree of difficulty.
        score: points.
        num_frames: frames of the clip.
        transitions: first and last transition by FineDiving's definition, frames of the clip.
        hand_marks: `Dive.hand_marks`.
        flight: `Dive.flight`, which is found in the film and no label.
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
        dives: of the manifest.
        dive_ids: the tested ones.
        frames: number of frames of each film.
        flights: of each, as the run had them.

    Raises:
        DataError: a dive is not in the manifest.
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


_Labels = Callable[[Sequence[str], Sequence[int], Sequence[tuple[int, ...]]], KeptLabels]


class KeptModel(Config):
    """What the whole model says of the tested dives, a column each.

    Attributes:
        score: points.
        votes: of the exemplars, points.
        transitions: predicted first and last transition, frames of the clip; null for a model without three stages.
    """

    score: Scores
    votes: tuple[Scores, ...]
    transitions: tuple[Pair | None, ...]


class KeptNumbers(Config):
    """What the model says of the dive numbers of the tested dives (`recognition.NumberEvidence`).

    Attributes:
        candidates: dive numbers that come into question; a list for each group of dives that share it.
        group: place of each dive's list among `candidates`.
        difficulties: usual degree of difficulty of each candidate; null where there is none.
        num_films: training films that show each dive's number.
        scores: of each candidate, a row a dive.
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
        """Rounded; None for a model that does not recognise dive numbers."""
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
        votes: score / difficulty by exemplars of any number, a row a dive.
        mean_difficulty: of the fold's training dives.
    """

    votes: tuple[Scores, ...]
    mean_difficulty: Annotated[float, Field(gt=0)]


class KeptSight(Config):
    """What else weights that ship take their certainty from, a column each.

    Attributes:
        frames: of the clip that were shown.
        log_probabilities: of each transition over these frames; null for a model without three stages.
        distance: how unlike the fold's training dives each is (`models.familiarity`, in its raw unit); empty where those
            are too few to tell.
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
        score: points; null for a dive that it gives no score.
        interval: lowest and highest plausible score, points, null where there is none; empty for a row without any.
        made_of: what is to be known of it, such as the hash of its weights, by name.
    """

    score: tuple[float | None, ...]
    interval: tuple[Pair | None, ...] = ()
    made_of: dict[str, str | float]


class KeptFold(Config):
    """One fold; all columns and rows are in the order of `labels.dive_id`.

    Attributes:
        schema_version: of the file.
        identity: of the fold.
        weights_hash: of the run's weights.
        exemplars: that vote.
        labels: of the tested dives.
        model: what it says of them.
        alone: scores of each branch of the regression alone, by its name; transitions are those of the whole.
        rules: scores of each of `label_rules.LABEL_RULES`, fitted on the fold's training dives, by its name.
        numbers: null for a model that does not recognise dive numbers.
        executions: null for a model that predicts points.
        sight: null in files of earlier versions.
        others: rows beside the model, by their names.
    """

    schema_version: Literal[1] = 1
    identity: FoldIdentity
    weights_hash: str
    exemplars: int
    labels: KeptLabels
    model: KeptModel
    alone: dict[str, Scores]
    rules: dict[str, Scores]
    numbers: KeptNumbers | None
    executions: KeptExecutions | None = None
    sight: KeptSight | None = None
    others: dict[str, KeptRow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> "KeptFold":
        wanted = len(self.labels.dive_id)
        for name, column in self._columns():
            if len(column) != wanted:
                raise ValueError(f"{name} has {len(column)} entries for {wanted} dives")
        return self

    def _columns(self) -> Iterable[tuple[str, Sequence[object]]]:
        for part in ("labels", "model"):
            yield from ((f"{part}.{name}", column) for name, column in getattr(self, part))
        for part in ("alone", "rules"):
            yield from ((f"{part}.{name}", column) for name, column in getattr(self, part).items())
        for name, row in self.others.items():
            yield f"others.{name}", row.score
            if row.interval:
                yield f"others.{name}, interval", row.interval
        if self.executions is not None:
            yield "executions.votes", self.executions.votes
        if self.sight is not None:
            yield "sight.frames", self.sight.frames
            if self.sight.log_probabilities is not None:
                yield "sight.log_probabilities", self.sight.log_probabilities
            if self.sight.distance:
                yield "sight.distance", self.sight.distance
        if self.numbers is not None:
            yield from ((f"numbers.{n}", getattr(self.numbers, n)) for n in ("group", "num_films", "scores"))

    def outcomes(self) -> Outcomes:
        """Of the whole model, without intervals and dive numbers."""
        labels, model = self.labels, self.model
        return Outcomes(
            tuple(
                Outcome(
                    dive_id=dive_id,
                    dive_number=labels.dive_number[row],
                    difficulty=labels.difficulty[row],
                    true_score=labels.score[row],
                    predicted_score=model.score[row],
                    num_frames=labels.num_frames[row],
                    votes=model.votes[row],
                    true_transitions=labels.transitions[row],
                    predicted_transitions=model.transitions[row],
                )
                for row, dive_id in enumerate(labels.dive_id)
            )
        )

    def with_row(
        self,
        name: str,
        scores: Iterable[float | None],
        intervals: Iterable[Pair | None] = (),
        **made_of: str | float,
    ) -> "KeptFold":
        """The same with one more row beside the model, or with another one of that name.

        Args:
            name: of the row.
            scores: points, a dive each; None where it gives no score.
            intervals: points, a dive each; none for a row without intervals.
            made_of: see `KeptRow`.
        """
        row = KeptRow(
            score=tuple(None if one is None else kept_scores([one])[0] for one in scores),
            interval=tuple(None if one is None else _pair(one) for one in intervals),
            made_of=made_of,
        )
        return KeptFold.model_validate({**dict(self), "others": {**self.others, name: row}})

    def with_rows_kept_in(self, folder: Path) -> "KeptFold":
        """The same with the rows that its file in a folder has besides, where that is of the same weights and dives.

        Raises:
            DataError: there is such a file, and it cannot be read.
        """
        path = folder / self.identity.file_name
        before = KeptFold._read(path, lambda *_: self.labels) if path.is_file() else None
        if before is None or (before.weights_hash, before.labels) != (self.weights_hash, self.labels):
            return self
        return KeptFold.model_validate({**dict(self), "others": {**before.others, **self.others}})

    def scored(self, scores: Scores, *, with_transitions: bool = False) -> Outcomes:
        """The same dives with other scores.

        Args:
            scores: points, a dive each, such as a column of `rules`.
            with_transitions: keep the model's transitions.
        """
        outcomes = self.outcomes()
        return replace(
            outcomes,
            dives=tuple(
                replace(
                    dive,
                    predicted_score=score,
                    votes=(),
                    predicted_transitions=dive.predicted_transitions if with_transitions else None,
                )
                for dive, score in zip(outcomes, scores, strict=True)
            ),
        )

    def row_outcomes(self, name: str) -> Outcomes:
        """What a row of `others` says, without the dives that it gives no score."""
        row = self.others[name]
        intervals = row.interval or (None,) * len(row.score)
        scored = self.scored(tuple(score or 0.0 for score in row.score))
        return replace(
            scored,
            dives=tuple(
                replace(dive, interval=interval)
                for dive, score, interval in zip(scored, row.score, intervals, strict=True)
                if score is not None
            ),
        )

    def evidence(self) -> tuple[NumberEvidence, ...]:
        """Of the dive numbers; empty for a model that does not recognise them."""
        if self.numbers is None:
            return ()
        kept = self.numbers
        return tuple(
            NumberEvidence(
                dive_id=dive_id,
                dive_number=self.labels.dive_number[row],
                num_films=kept.num_films[row],
                candidates=kept.candidates[kept.group[row]],
                difficulties=kept.difficulties[kept.group[row]],
                scores=kept.scores[row],
            )
            for row, dive_id in enumerate(self.labels.dive_id)
        )

    def save(self, folder: Path, *, labels: bool = True) -> Path:
        """Write the file into a folder, under the name that its identity gives it.

        Args:
            folder: where to write.
            labels: also those of the dives; without them the file can only be read beside the data set.

        Raises:
            DataError: it cannot be written.
        """
        path = folder / self.identity.file_name
        content = self.model_dump(mode="json")
        if not labels:
            content["labels"] = {name: content["labels"][name] for name in _WITHOUT_LABELS}
        write_text(path, _as_text(content))
        return path

    @classmethod
    def read(cls, path: Path, dives: Iterable[Dive] | None = None) -> "KeptFold":
        """From a file.

        Args:
            path: of the file.
            dives: of the data set, for a file that was kept without labels.

        Raises:
            DataError: the file cannot be read, is torn, of another version, or none of a fold; or it has no labels and no
                dives are given.
        """
        if dives is None:
            return cls._read(path, None)
        known = tuple(dives)
        return cls._read(path, lambda *kept: labels_of(known, *kept))

    @classmethod
    def _read(cls, path: Path, missing: "_Labels | None") -> "KeptFold":
        """From a file; `missing` gives the labels of dives where the file has none."""
        todo = "name a file that `stagescore evaluate-folds --keep` wrote"
        try:
            content = json.loads(path.read_bytes())
            labels = content.get("labels") if isinstance(content, dict) else None
            if isinstance(labels, dict) and set(labels) == set(_WITHOUT_LABELS):
                if missing is None:
                    raise DataError("the file was kept without labels", where=path, todo="add --data FOLDER")
                flights = [tuple(flight) for flight in labels["flight"]]
                content["labels"] = missing(labels["dive_id"], labels["num_frames"], flights).model_dump()
            fold = cls.model_validate(content)
        except (ValueError, TypeError) as error:
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                place = ".".join(map(str, first["loc"]))
                said = f"{place + ': ' if place else ''}{first['msg']}"
            else:
                said = " ".join(str(error).split())
            raise DataError(f"this is no whole fold ({said})"[:200], where=path, todo=todo) from None
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", where=path, todo=todo) from None
        try:
            fold.outcomes()
        except StagescoreError as error:
            raise DataError(error.what, where=f"{path}, {error.where}", todo=todo) from None
        return fold


def kept_sight(
    frames: Int[np.ndarray, "dives frames"],
    log_probabilities: Float[np.ndarray, "dives transitions frames"] | None,
    distance: Iterable[float],
) -> KeptSight:
    """What a fold's network saw, rounded.

    Args:
        frames: that were shown of each dive.
        log_probabilities: of the transitions; None for a model without three stages.
        distance: of each dive from the training dives; none where that is not known.
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
        any_number: scored by exemplars of any number, with the difficulties as labelled.
        trained: the training dives.

    Returns:
        None where a dive has no difficulty, which the execution is computed back with.
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
    return KeptModel(
        score=kept_scores(dive.predicted_score for dive in outcomes),
        votes=tuple(kept_scores(dive.votes) for dive in outcomes),
        transitions=tuple(dive.predicted_transitions for dive in outcomes),
    )


def _rounded(values: Iterable[float], digits: int) -> Scores:
    """To so many significant digits."""
    return tuple(float(f"{value:.{digits}g}") for value in values)


def _pair(values: Pair) -> Pair:
    low, high = kept_scores(values)
    return low, high


def _as_text(content: dict[str, Any], indent: str = " ") -> str:
    """JSON with a column a line, so that changes can be read."""
    lines = []
    for name, value in content.items():
        nested = isinstance(value, dict) and bool(value)
        text = (
            _as_text(value, indent + " ").rstrip("\n") if nested else json.dumps(value, separators=(",", ":"))
        )
        lines.append(f"{indent}{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n" + indent[1:] + "}\n"
