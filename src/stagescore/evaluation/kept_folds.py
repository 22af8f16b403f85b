"""What a fold's run says of the dives that it was not trained on, as a small file that outlives the run.

One JSON file a fold, with everything that the pooled table is computed from: labels of the tested dives, outcomes of the
model and of each branch alone, evidence of the dive numbers, and what needs no film. So the table can be printed again
without the run, its clips, the films and the manifest. Numbers are rounded when a fold is kept, and the table is always
computed from the rounded ones: it is the same to the digit, whether a run or its file is named.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from stagescore.atomic import write_text
from stagescore.config import Config
from stagescore.errors import ConfigError, DataError, StagescoreError
from stagescore.evaluation.outcomes import Outcome, Outcomes, Pair
from stagescore.evaluation.recognition import NumberEvidence
from stagescore.training.settings import TrainSettings

_DIGITS = 6
_EVIDENCE_DIGITS = 5
_NOT_OF_THE_RESULT: Mapping[str, set[str] | bool] = {
    "data": {"folder", "drills", "fold", "sealed", "clips", "workers"},
    "start": {"model", "static_branch", "fused_branch"},
    "run": {"seed", "checkpoint_steps", "keep", "validate_epochs", "validate_test", "threads", "device"},
    "features": True,
}
"""Settings that differ from fold to fold or from machine to machine."""

Scores = tuple[float, ...]


class FoldIdentity(Config):
    """Which fold of which protocol a file or run is about.

    Attributes:
        fold: name with its protocol, such as `five-fold/0`.
        folds: names of all folds of the protocol, in its order.
        seed: of the run.
        mirrored: each dive was seen plain and mirrored, and the two averaged.
        sealed: the sealed athletes take part.
        datasets: names of the data sets.
        settings: those of the run that its result depends on and that are not the default ones, by their dotted names.
    """

    fold: str
    folds: tuple[str, ...]
    seed: int
    mirrored: bool
    sealed: bool
    datasets: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def protocol(self) -> str:
        """Of the fold."""
        return self.fold.partition("/")[0]

    @property
    def file_name(self) -> str:
        """For the file, such as `five-fold-0-seed-0.json`."""
        views = "-mirrored" if self.mirrored else ""
        sealed = "-with-sealed" if self.sealed and self.protocol != "sealed" else ""
        return f"{self.fold.replace('/', '-')}-seed-{self.seed}{views}{sealed}.json"


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
        num_films: training films that show each dive's number.
        scores: of each candidate, a row a dive.
    """

    candidates: tuple[tuple[str, ...], ...]
    group: tuple[Annotated[int, Field(ge=0)], ...]
    num_films: tuple[int, ...]
    scores: tuple[Scores, ...]

    @model_validator(mode="after")
    def _fits(self) -> "KeptNumbers":
        for group, scores in zip(self.group, self.scores, strict=False):
            if group >= len(self.candidates) or len(scores) != len(self.candidates[group]):
                raise ValueError("dive numbers and their scores do not belong together")
        return self

    @classmethod
    def of(cls, evidence: Sequence[NumberEvidence]) -> "KeptNumbers | None":
        """Rounded; None for a model that does not recognise dive numbers."""
        if not evidence:
            return None
        groups = list(dict.fromkeys(one.candidates for one in evidence))
        return cls(
            candidates=tuple(groups),
            group=tuple(groups.index(one.candidates) for one in evidence),
            num_films=tuple(one.num_films for one in evidence),
            scores=tuple(_rounded(one.scores, _EVIDENCE_DIGITS) for one in evidence),
        )


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
                scores=kept.scores[row],
            )
            for row, dive_id in enumerate(self.labels.dive_id)
        )

    def save(self, folder: Path) -> Path:
        """Write the file into a folder, under the name that its identity gives it.

        Raises:
            DataError: it cannot be written.
        """
        path = folder / self.identity.file_name
        write_text(path, _as_text(self.model_dump(mode="json")))
        return path

    @classmethod
    def read(cls, path: Path) -> "KeptFold":
        """From a file.

        Raises:
            DataError: the file cannot be read, is torn, of another version, or none of a fold.
        """
        todo = "name a file that `stagescore evaluate-folds --keep` wrote"
        try:
            fold = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", where=path, todo=todo) from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise DataError(
                f"this is no whole fold ({place + ': ' if place else ''}{first['msg']})"[:200],
                where=path,
                todo=todo,
            ) from None
        try:
            fold.outcomes()
        except StagescoreError as error:
            raise DataError(error.what, where=f"{path}, {error.where}", todo=todo) from None
        return fold


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


def settings_that_matter(settings: TrainSettings) -> dict[str, Any]:
    """Settings of a run that its result depends on and that are not the default ones, by their dotted names.

    Folders, the seed, the fold and what a run started from are left out; of files the name is given.
    """
    chosen = settings.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_OF_THE_RESULT)
    found = dict(sorted(_flat(chosen)))
    return {
        name: Path(value).name if name.startswith("start.") and isinstance(value, str) else value
        for name, value in found.items()
    }


def one_table(identities: Sequence[FoldIdentity]) -> None:
    """Check that folds can stand in one table: every fold of one protocol once for each seed, all made alike.

    Raises:
        ConfigError: a fold is there twice or missing, or protocols, views or settings are mixed.
    """
    if not identities:
        raise ConfigError("no fold is given", todo="name a run, or a kept file, of each fold of a protocol")
    protocols = {one.protocol for one in identities}
    if len(protocols) != 1:
        raise ConfigError(
            f"runs of {' and '.join(sorted(protocols))} cannot be pooled",
            todo="name the runs of one protocol",
        )
    first = identities[0]
    for other in identities[1:]:
        if other.sealed != first.sealed:
            raise ConfigError(
                "runs with and without the sealed athletes cannot be pooled", todo="train all of them alike"
            )
        if other.mirrored != first.mirrored:
            raise ConfigError(
                "plain and mirrored views cannot be pooled",
                where=other.fold,
                todo="keep all folds with --mirrored, or all without it",
            )
        if (other.datasets, other.folds) != (first.datasets, first.folds):
            raise ConfigError(
                f"it divides other dives than {first.fold} does",
                where=other.fold,
                todo="pool folds of one data set",
            )
        names = {*first.settings, *other.settings}
        differing = [n for n in sorted(names) if first.settings.get(n) != other.settings.get(n)]
        if differing:
            raise ConfigError(
                f"it was trained with another {differing[0]} than {first.fold}",
                where=other.fold,
                todo="pool runs of the same settings",
            )
    for seed in sorted({one.seed for one in identities}):
        given = sorted(one.fold for one in identities if one.seed == seed)
        if given != sorted(first.folds):
            raise ConfigError(
                f"runs of {', '.join(given)} are given with seed {seed}; "
                f"the protocol has {', '.join(sorted(first.folds))}",
                todo="name one run for each fold",
            )


def _rounded(values: Iterable[float], digits: int) -> Scores:
    """To so many significant digits."""
    return tuple(float(f"{value:.{digits}g}") for value in values)


def _flat(values: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


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
