"""Figures over the folds of a protocol: every dive predicted by the one model that was not trained on it.

Each fold has a run of its own (`data.fold`). The predictions are pooled and measured once. Beside the model stand
what needs no film, fitted on each fold's training dives, and the published rows.

Intervals are cross-conformal (Vovk, "Cross-conformal predictors", 2015): the interval of a fold's dives is fitted
on the out-of-fold errors of the other folds. The temperature of the recognised dive numbers is fitted likewise.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stagescore.data.attachments import Progress
from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import Manifest
from stagescore.data.protocols import make_folds
from stagescore.data.samples import Samples
from stagescore.data.score_prior import ScorePrior
from stagescore.errors import ConfigError
from stagescore.evaluation.evaluate import Certainty, EncodedDives
from stagescore.evaluation.evaluation_report import EvaluationReport, Row, measure, paired, published_row
from stagescore.evaluation.intervals import LEAST_DIVES, IntervalModel, TransitionCalibration
from stagescore.evaluation.outcomes import Outcome, Outcomes
from stagescore.evaluation.published import published_on
from stagescore.evaluation.recognition import (
    NumberCalibration,
    NumberEvidence,
    calibrated,
    cross_fitted,
    number_note,
    number_tables,
)
from stagescore.evaluation.subject import Answer, Question, evaluate, read_subject
from stagescore.models.familiarity import LEAST_DIVES as LEAST_FAMILIAR
from stagescore.models.familiarity import Familiarity, descriptors
from stagescore.training.assemble import read_dives
from stagescore.training.prediction import encode_dives
from stagescore.training.runs import settings_of
from stagescore.training.settings import TrainSettings
from stagescore.types import STAGE_NAMES, Dive

ByFold = Mapping[str, Outcomes]
"""Outcomes of each fold's test dives, by the name of the fold."""

LabelRule = Callable[[Sequence[Dive]], Callable[[Dive], float]]
"""From training dives to a score for any dive; the film is not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRun:
    """One run with what it is tested on.

    Attributes:
        folder: of the run.
        settings: of the run; its `data.fold` is given.
        manifest: with the fold as its split.
    """

    folder: Path
    settings: TrainSettings
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> "FoldRun":
        """Read the settings and labels of a run.

        Raises:
            ConfigError: it was not trained on a fold.
            StagescoreError: settings or labels cannot be read.
        """
        settings = settings_of(folder, TrainSettings)
        if settings.data.fold is None:
            raise ConfigError(
                "this run has no fold", where=folder, todo="train it with data.fold=PROTOCOL/NAME"
            )
        return cls(folder=folder, settings=settings, manifest=read_dives(settings.data).manifest)

    @property
    def name(self) -> str:
        """Of the fold, with its protocol."""
        return str(self.settings.data.fold)

    @property
    def clips(self) -> Path:
        """Folder of its decoded clips."""
        return Path(self.settings.data.clips or self.folder / "clips")


def open_runs(folders: Sequence[Path]) -> list[FoldRun]:
    """The runs of one protocol, each fold once.

    Raises:
        ConfigError: a fold is there twice or missing, or protocols are mixed.
    """
    runs = [FoldRun.open(folder) for folder in folders]
    protocols = {run.name.partition("/")[0] for run in runs}
    if len(protocols) != 1:
        raise ConfigError(
            f"runs of {' and '.join(sorted(protocols))} cannot be pooled",
            todo="name the runs of one protocol",
        )
    if len({run.settings.data.sealed for run in runs}) != 1:
        raise ConfigError(
            "runs with and without the sealed athletes cannot be pooled", todo="train all of them alike"
        )
    everyone = runs[0].manifest.dives
    wanted = {f"{fold.protocol}/{fold.name}" for fold in make_folds(everyone, protocols.pop())}  # type: ignore[arg-type]
    given = [run.name for run in runs]
    if sorted(given) != sorted(wanted):
        raise ConfigError(
            f"runs of {', '.join(sorted(given))} are given; the protocol has {', '.join(sorted(wanted))}",
            todo="name one run for each fold",
        )
    return runs


def predict_fold(run: FoldRun, progress: Progress, *, mirrored: bool = False) -> Answer:
    """Predict the test dives of a run's fold, exemplars being its training dives.

    Args:
        run: of the fold.
        progress: told while dives are decoded and encoded.
        mirrored: show the test dives mirrored as well, and average.

    Returns:
        Outcomes of the whole model without intervals and of each branch alone, and what it says of the dive numbers.
    """
    subject = replace(read_subject(str(run.folder)), mirrored=mirrored)
    store = ClipStore.build(run.manifest.dives, run.clips, subject.preprocessing, progress=progress)
    question = Question(manifest=run.manifest, part="test", store=store, exemplars_from="train")
    return evaluate(subject, question, scope="headline and branches", progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """What weights trained on all dives may say of themselves, from runs that each kept some of them out.

    Attributes:
        certainty: of scores, transitions and dive numbers.
        far: raw distance of `models.familiarity` that 95 % of the dives that were kept out stay below; mean of the folds;
            None where their training dives were too few to tell.
        num_dives: that were kept out.
    """

    certainty: Certainty
    far: float | None
    num_dives: int


def kept_out(
    runs: Sequence[FoldRun],
    *,
    mirrored: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> KeptOut:
    """Fit on the dives that each fold kept out.

    Args:
        runs: one of each fold.
        mirrored: show the dives mirrored as well, and average, as the weights will.
        progress: told while dives are decoded and encoded.

    Raises:
        DataError: too few dives, or none whose stages are labelled.
    """
    outcomes: list[Outcome] = []
    numbers: list[NumberEvidence] = []
    log_probabilities, frames, far = [], [], []
    for run in runs:
        answer = predict_fold(run, progress, mirrored=mirrored)
        outcomes += answer.outcomes.dives
        numbers += answer.evidence
        subject = read_subject(str(run.folder))
        model = next(iter(subject.states.values()))
        store = ClipStore.open(run.clips, subject.preprocessing)
        tested = [dive.dive_id for dive in answer.outcomes]
        trained = [dive.dive_id for dive in run.manifest.select("train")]
        source = EncodedDives(
            model, Samples(store, run.manifest.dives), [*trained, *tested], mirrored=mirrored
        )
        encoded = encode_dives(model, source, tested)
        if len(trained) >= LEAST_FAMILIAR:
            views = [source] if source.mirrored is None else [source, source.mirrored]
            known, new = (
                descriptors(*(encode_dives(model, view, ids).stages for view in views))
                for ids in (trained, tested)
            )
            far.append(Familiarity.fit(known, new).far)
        if encoded.log_probabilities is not None and encoded.edges.shape[1] == len(STAGE_NAMES) + 1:
            log_probabilities.append(encoded.log_probabilities.numpy())
            frames.append(np.stack([np.asarray(store.indices(name)) for name in tested]))
    together = Outcomes(tuple(outcomes))
    transitions = None
    if log_probabilities:
        transitions = TransitionCalibration.fit(
            np.concatenate(log_probabilities), np.concatenate(frames), together.true_transitions
        )
    certainty = Certainty(
        scores=IntervalModel.fit(together), transitions=transitions, numbers=NumberCalibration.fit(numbers)
    )
    return KeptOut(certainty=certainty, far=float(np.mean(far)) if far else None, num_dives=len(together))


def pooled(by_fold: ByFold) -> Outcomes:
    """All folds together, each with an interval that was fitted on the errors of the others, where those are enough."""
    dives = []
    for name, outcomes in by_fold.items():
        others = tuple(dive for other, some in by_fold.items() if other != name for dive in some)
        model = IntervalModel.fit(replace(outcomes, dives=others)) if len(others) >= LEAST_DIVES else None
        dives += [
            dive
            if model is None
            else replace(dive, interval=model.interval(dive.predicted_score, dive.votes))
            for dive in outcomes
        ]
    return Outcomes(tuple(dives))


def constant(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The mean training score, whatever the dive."""
    mean = float(np.mean([dive.score for dive in train]))
    return lambda dive: mean


def by_difficulty(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The mean training execution times the dive's difficulty."""
    mean = float(np.mean([dive.execution for dive in train if dive.execution is not None]))
    return lambda dive: mean * (dive.difficulty or 1.0)


def by_number(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The shrunken mean execution of the dive number in the training dives, times the difficulty."""
    return _expected(ScorePrior.fit(train))


def by_table(train: Sequence[Dive]) -> Callable[[Dive], float]:
    """The same from the table that ships, which none of these dives is part of."""
    return _expected(ScorePrior.shipped())


LABEL_RULES: dict[str, LabelRule] = {
    "constant": constant,
    "difficulty": by_difficulty,
    "number's mean execution, shrunken": by_number,
    "table of FineDiving without London": by_table,
}


def _expected(prior: ScorePrior) -> Callable[[Dive], float]:
    def predict(dive: Dive) -> float:
        return prior.expect(
            difficulty=dive.difficulty or 1.0, dive_number=dive.dive_number, height_m=dive.height_m, sex=None
        ).score

    return predict


def label_outcomes(rule: LabelRule, folds: Mapping[str, Manifest], like: ByFold) -> dict[str, Outcomes]:
    """What a rule says of each fold's test dives, fitted on its training dives.

    Args:
        rule: one of `LABEL_RULES`.
        folds: manifests by fold.
        like: outcomes of the same dives, whose labels are taken over.
    """
    found = {}
    for name, manifest in folds.items():
        predict = rule(manifest.select("train").dives)
        found[name] = replace(
            like[name],
            dives=tuple(
                replace(
                    one,
                    # Equal expectations must tie in rank, however they were summed.
                    predicted_score=round(predict(manifest[one.dive_id]), 9),
                    votes=(),
                    interval=None,
                    predicted_transitions=None,
                    confidences=None,
                )
                for one in like[name].without_numbers()
            ),
        )
    return found


def out_of_fold_report(
    runs: Sequence[FoldRun],
    *,
    mirrored: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> tuple[EvaluationReport, Outcomes]:
    """Predict, pool and measure; with label rules, single branches and published rows beside it."""
    whole: dict[str, Outcomes] = {}
    alone: dict[str, dict[str, Outcomes]] = {}
    evidence: dict[str, tuple[NumberEvidence, ...]] = {}
    for run in runs:
        answer = predict_fold(run, progress, mirrored=mirrored)
        whole[run.name], evidence[run.name] = answer.outcomes, answer.evidence
        for branch, some in answer.alone.items():
            alone.setdefault(branch, {})[run.name] = some
    together = pooled(cross_fitted(whole, evidence))
    protocol = runs[0].name.partition("/")[0]
    headline = Row(
        name=f"out of fold, {protocol}",
        figures=measure(together),
        protocol="w/ DN",
        num_dives=len(together),
        column="last",
    )
    folds = {run.name: run.manifest for run in runs}
    others = {branch: Outcomes(sum((o.dives for o in some.values()), ())) for branch, some in alone.items()}
    rules = {
        name: Outcomes(sum((o.dives for o in label_outcomes(rule, folds, whole).values()), ()))
        for name, rule in LABEL_RULES.items()
    }
    tables: dict[str, list[Row]] = {"Model": [headline]}
    if others:
        tables["Each branch of the regression alone"] = [
            Row(name=name, figures=measure(outcomes), num_dives=len(outcomes))
            for name, outcomes in others.items()
        ]
    tables |= number_tables(together)
    tables["What needs no film"] = [
        Row(name=name, figures=measure(outcomes), kind="floor", num_dives=len(outcomes))
        for name, outcomes in rules.items()
    ]
    datasets = {dive.dataset for dive in runs[0].manifest}
    if published := [published_row(row) for name in sorted(datasets) for row in published_on(name)]:
        tables["Published figures, measured by their authors on the published test split"] = published
    notes = [
        f"{len(runs)} folds, one run each, {len(together)} dives; known at test: dive number and difficulty.",
        "The sealed athletes take part: a development figure."
        if runs[0].settings.data.sealed
        else "The sealed athletes are left out.",
        *number_note(together, "the other folds" if calibrated(evidence) else ""),
        *(["Each dive is seen plain and mirrored by its one network."] if mirrored else []),
    ]
    report = EvaluationReport(
        headline=headline,
        exemplars=f"{runs[0].settings.run.votes} from the training dives of the fold",
        weights_hash="one a fold",
        tables=tables,
        paired={name: paired(together, some) for name, some in {**others, **rules}.items()},
        notes=tuple(notes),
    )
    return report, together
