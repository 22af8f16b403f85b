"""What a fold's run says of the dives that it was not trained on, as a small file that outlives the run.

One JSON file a fold, with everything that the pooled table is computed from: labels of the tested dives, outcomes of the
model and of each branch alone, evidence of the dive numbers, and what needs no film. So the table can be printed again
without the run, its clips, the films and the manifest. Numbers are rounded when a fold is kept, and the table is always
computed from the rounded ones: it is the same to the digit, whether a run or its file is named.

A file may be kept without the labels of the dives, which are somebody else's data: whoever has the data set imports it,
and the labels are read from there (`kept_columns.labels_of`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from stagescore.atomic import write_text
from stagescore.config import Config
from stagescore.errors import DataError, StagescoreError
from stagescore.evaluation.fold_identity import FoldIdentity
from stagescore.evaluation.kept_columns import (
    KeptExecutions,
    KeptLabels,
    KeptModel,
    KeptNumbers,
    KeptRow,
    KeptSight,
    Labels,
    Scores,
    kept_pair,
    kept_scores,
    labels_of,
)
from stagescore.inference.dive_numbers import NumberEvidence
from stagescore.inference.outcomes import Outcome, Outcomes, Pair
from stagescore.json_files import read_json
from stagescore.types import Dive

_WITHOUT_LABELS = ("dive_id", "num_frames", "flight")
"""Columns of the labels that stay in a file without them: names of dives, frames of their films, and where the run saw the flight."""


class KeptFold(Config):
    """One fold; all columns and rows are in the order of `labels.dive_id`.

    Attributes:
        schema_version: Version of the file's form.
        identity: Fold, protocol and run that the file is about.
        weights_hash: Hash of the run's weights.
        exemplars: Number of exemplars that vote; 0 for a model that predicts without them.
        labels: Labels of the tested dives.
        model: What the whole model says of the tested dives.
        alone: Scores of each branch of the regression alone, by its name; transitions are those of the whole model.
        rules: Scores of each of `label_rules.LABEL_RULES`, fitted on the fold's training dives, by its name.
        numbers: Evidence of the dive numbers; null for a model that does not recognise them.
        executions: Score / difficulty by exemplars of any number; null for a model that predicts points or has no
            exemplars.
        sight: What weights that ship take their calibration from besides; null in files of earlier versions.
        others: Rows beside the model, by their names.
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
            columns = ((name, column) for name, column in getattr(self, part) if column is not None)
            yield from ((f"{part}.{name}", column) for name, column in columns)
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
        """Outcomes of the whole model, without intervals and dive numbers."""
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
                    sd=None if model.sd is None else model.sd[row],
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
            name: Name of the row.
            scores: Score of each dive, in points; None where the row gives it none.
            intervals: Lowest and highest plausible score of each dive, in points; none for a row without intervals.
            made_of: What is to be known of the row, by name (`KeptRow.made_of`).
        """
        row = KeptRow(
            score=tuple(None if one is None else kept_scores([one])[0] for one in scores),
            interval=tuple(None if one is None else kept_pair(one) for one in intervals),
            made_of=made_of,
        )
        return KeptFold.model_validate({**dict(self), "others": {**self.others, name: row}})

    def with_rows_kept_in(self, folder: Path) -> "KeptFold":
        """The same with the rows that its file in a folder has besides, where that is of the same weights and dives.

        Raises:
            DataError: There is such a file, and it cannot be read.
        """
        path = folder / self.identity.file_name
        before = KeptFold._read(path, lambda *_: self.labels) if path.is_file() else None
        if before is None or (before.weights_hash, before.labels) != (self.weights_hash, self.labels):
            return self
        return KeptFold.model_validate({**dict(self), "others": {**before.others, **self.others}})

    def scored(self, scores: Scores, *, with_transitions: bool = False) -> Outcomes:
        """The same dives with other scores.

        Args:
            scores: Score of each dive, in points, such as a column of `rules`.
            with_transitions: Whether to keep the model's transitions.
        """
        outcomes = self.outcomes()
        return replace(
            outcomes,
            dives=tuple(
                replace(
                    dive,
                    predicted_score=score,
                    votes=(),
                    sd=None,
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
        """Evidence of the dive numbers; empty for a model that does not recognise them."""
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
            folder: Folder to write into.
            labels: Whether to write the labels of the dives too; without them the file can only be read beside the data
                set.

        Raises:
            DataError: It cannot be written.
        """
        path = folder / self.identity.file_name
        content = self.model_dump(mode="json")
        if self.model.sd is None:
            del content["model"]["sd"]
        if not labels:
            content["labels"] = {name: content["labels"][name] for name in _WITHOUT_LABELS}
        write_text(path, _as_text(content))
        return path

    @classmethod
    def read(cls, path: Path, dives: Iterable[Dive] | None = None) -> "KeptFold":
        """Read a fold from a file.

        Args:
            path: File that `save` wrote.
            dives: Dives of the data set, for a file that was kept without labels.

        Raises:
            DataError: The file cannot be read, is torn, of another version, or none of a fold; or it has no labels and no
                dives are given.
        """
        if dives is None:
            return cls._read(path, None)
        known = tuple(dives)
        return cls._read(path, lambda *kept: labels_of(known, *kept))

    @classmethod
    def _read(cls, path: Path, missing: "Labels | None") -> "KeptFold":
        """Read a fold from a file; `missing` gives the labels of dives where the file has none."""
        todo = "name a file that `stagescore evaluate-folds --keep` wrote"
        try:
            content = read_json(path, finite=False)
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
