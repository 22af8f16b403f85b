"""What is evaluated: the states of a run, or weights with their card; and the report about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from stagescore.card_files import weights_hash
from stagescore.data.clip_store import ClipStore
from stagescore.data.decoded_clip import Joints
from stagescore.data.manifest import Manifest, Part
from stagescore.data.preprocessing import Preprocessing
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError, DataError
from stagescore.evaluation.bootstrap import measured
from stagescore.evaluation.evaluate import (
    Calibration,
    Case,
    EncodedDives,
    Evaluator,
    can_be_withheld,
    cases,
)
from stagescore.evaluation.evaluation_report import (
    Column,
    EvaluationReport,
    Row,
    bound_row,
    floor_outcomes,
    measure,
    paired,
    published_row,
)
from stagescore.evaluation.floors import floors_and_ceilings
from stagescore.evaluation.published import published_on
from stagescore.evaluation.recognition import number_note, number_tables
from stagescore.evaluation.stated_intervals import stated_note
from stagescore.inference.dive_numbers import NumberCalibration, NumberEvidence
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.intervals import IntervalModel, TransitionCalibration
from stagescore.inference.outcomes import Outcomes
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import exemplar_bank, exemplars_of
from stagescore.models import build
from stagescore.models.base import ActionModel
from stagescore.models.recognition import NumberedFilm
from stagescore.training.assembly.starting_weights import read_state
from stagescore.training.loop import read_best
from stagescore.training.run_folder import settings_of
from stagescore.training.settings import TrainSettings
from stagescore.types import Dive
from stagescore.weights.checkpoint import load_weights
from stagescore.weights.named import named_weights

_BEST_ON_TEST: Column = "best on test (paper protocol)"
_COLUMNS: dict[Column, str] = {"best on validation": "val_srcc", _BEST_ON_TEST: "test_srcc"}
_RL2 = "rl2x100"
ExemplarsFrom = Literal["train", "bank"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedModel:
    """A model in one or more states.

    Attributes:
        name: Name of the model in the rows of tables.
        states: Model in each state, by the column of tables; the first is the headline's.
        best_rl2: State that "best on test" takes its R-l2 from: published practice chooses the epoch for each metric by
            itself (method, section 8).
        preprocessing: How clips are made into what the model sees.
        execution: Whether the model predicts score / difficulty.
        votes: Number of exemplars that vote.
        seed: Seed of the choice of exemplars.
        bank: Exemplars that came with the weights; None without, and for a model that predicts without exemplars.
        films: Training films that came with the weights, by which dive numbers are recognised without a bank.
        calibration: Calibration that came with the weights; None where it is to be fitted on validation dives.
        mirrored: Whether queries are seen plain and mirrored, and the differences averaged.
    """

    name: str
    states: Mapping[Column | Literal[""], ActionModel]
    best_rl2: ActionModel | None = None
    preprocessing: Preprocessing
    execution: bool = False
    votes: int = 10
    seed: int = 0
    bank: ExemplarBank | None = None
    films: tuple[NumberedFilm, ...] = ()
    calibration: Calibration | None = None
    mirrored: bool = False

    @property
    def model(self) -> ActionModel:
        """The model in its first state."""
        return next(iter(self.states.values()))


def read_evaluated_model(target: str, weights_dir: Path | None = None) -> EvaluatedModel:
    """A run's folder, a file of weights, or the name of shipped ones.

    Raises:
        CheckpointError: None of these, or damaged.
    """
    folder = Path(target)
    if folder.is_dir():
        return _of_run(folder)
    weights = load_weights(named_weights(target, "scorer", weights_dir=weights_dir, runs=True))
    card = weights.card
    beside = weights.path.with_name(f"{weights.path.stem}-bank.safetensors")
    calibration = None
    if card.score_intervals:
        transitions = card.transition_confidence
        calibration = Calibration(
            scores=IntervalModel.from_json(card.score_intervals),
            transitions=TransitionCalibration.from_json(transitions) if transitions else None,
            numbers=NumberCalibration.from_json(numbers) if (numbers := card.number_recognition) else None,
        )
    return EvaluatedModel(
        name=card.name,
        states={"": weights.model},
        preprocessing=card.preprocessing,
        execution=card.target == "execution",
        bank=weights.bank() if weights.model.compares and beside.exists() else None,
        films=card.films,
        calibration=calibration,
        mirrored=card.mirrored,
    )


def _of_run(folder: Path) -> EvaluatedModel:
    settings = settings_of(folder, TrainSettings)
    states: dict[Column | Literal[""], ActionModel] = {}
    for column, figure in _COLUMNS.items():
        if (folder / f"best-{figure}.ckpt").exists():
            states[column] = _with(settings, read_best(folder, figure))
    states["last"] = _with(settings, read_state(folder))
    by_rl2 = f"test_minus_{_RL2}"
    best = read_best(folder, by_rl2) if (folder / f"best-{by_rl2}.ckpt").exists() else None
    return EvaluatedModel(
        name=folder.resolve().name,
        states=states,
        best_rl2=None if best is None else _with(settings, best),
        preprocessing=settings.data.preprocessing,
        execution=settings.data.target == "execution",
        votes=settings.run.votes,
        seed=settings.run.seed,
    )


def _with(settings: TrainSettings, state: dict[str, Tensor]) -> ActionModel:
    model = build(settings.model)
    model.load_state_dict(state)
    return model.eval()


Scope = Literal["all", "headline and branches", "headline"]
"""How much of a model is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSet:
    """Dives to measure on, and where exemplars come from.

    Attributes:
        manifest: Labels of all dives.
        part: Part of the manifest that is measured on.
        store: Stored clips of the dives.
        exemplars_from: Source of the exemplars: the training split of the data, or the bank of the weights.
        whole_pool: Whether to encode all dives that may be exemplars, not only those that vote.
    """

    manifest: Manifest
    part: Part
    store: ClipStore
    exemplars_from: ExemplarsFrom
    whole_pool: bool = False

    @property
    def queries(self) -> list[Dive]:
        """Dives to measure on whose clips are stored."""
        return [dive for dive in self.manifest.select(self.part) if dive.dive_id in self.store]

    @property
    def pool(self) -> list[Dive]:
        """Dives that may be exemplars: the training split, without validation dives where those are measured."""
        part: Part = "fit" if self.part == "val" else "train"
        return [dive for dive in self.manifest.select(part) if dive.dive_id in self.store]


@dataclass(slots=True)
class EvaluationResult:
    """What came out.

    Attributes:
        report: Report with all tables.
        outcomes: Outcomes of the headline, dive by dive.
        by_case: Outcomes of every case that was asked, with the model's first state.
        alone: Outcomes of each branch alone, by its name, where the model averages its branches.
        evidence: What the model's first state says of the dive numbers, in the order of `outcomes`; empty for a model that
            does not recognise them.
        any_number: Outcomes of the headline with exemplars of any dive number; None for a model that predicts points or
            has no exemplars, and where the branches were not asked for.
        source: Dives as the headline's model encoded them.
    """

    report: EvaluationReport
    outcomes: Outcomes
    by_case: dict[Case, Outcomes] = field(default_factory=dict)
    alone: dict[str, Outcomes] = field(default_factory=dict)
    evidence: tuple[NumberEvidence, ...] = ()
    any_number: Outcomes | None = None
    source: EncodedDives | None = None


def evaluate(
    evaluated: EvaluatedModel,
    evaluation_set: EvaluationSet,
    *,
    scope: Scope = "all",
    progress: Progress = lambda what, done, total: None,
) -> EvaluationResult:
    """Measure a model in every state and case.

    Args:
        evaluated: Model that is measured, with its states.
        evaluation_set: Dives to measure on, and where exemplars come from.
        scope: Every state and case, or the headline only, with or without each branch alone.
        progress: Called with how many dives are done while dives are encoded.

    Raises:
        ConfigError: The bank is asked for and there is none.
        DataError: No dives to measure on.
    """
    queries = evaluation_set.queries
    if not queries:
        raise DataError(f"there is no dive in the split {evaluation_set.part}", todo="choose another split")
    compares = evaluated.model.compares
    if evaluation_set.exemplars_from == "bank" and compares and evaluated.bank is None:
        raise ConfigError("these weights have no bank", todo="add --exemplars-from train")
    headline_only = scope != "all"
    kinds: list[Joints] = ["estimated"]
    if not headline_only and all("exact" in evaluation_set.store[dive.dive_id].joints for dive in queries):
        kinds.append("exact")
    ids = [dive.dive_id for dive in queries]
    difficulty = all(dive.difficulty for dive in queries)
    rows: list[Row] = []
    headline: tuple[Row, Outcomes] | None = None
    by_case: dict[Case, Outcomes] = {}
    alone: dict[str, Outcomes] = {}
    any_number: Outcomes | None = None
    source: EncodedDives | None = None
    numbers: tuple[tuple[NumberEvidence, ...], str] = ((), "")
    for column, model in list(evaluated.states.items())[: 1 if headline_only else None]:
        evaluator, sources = _prepared(evaluated, model, evaluation_set, kinds, progress)
        withheld = can_be_withheld(model, sources["estimated"], ids)
        everything = list(cases(kinds, difficulty=difficulty, withheld=withheld, compares=compares))
        by_rl2 = None
        if column == _BEST_ON_TEST and evaluated.best_rl2 is not None:
            by_rl2 = _prepared(evaluated, evaluated.best_rl2, evaluation_set, kinds, progress)
        # Other columns stand beside the headline only, since each case of each costs minutes.
        for case in everything if headline is None and not headline_only else everything[:1]:
            outcomes = evaluator.outcomes(sources[case.joints], ids, case)
            figures = measure(outcomes)
            if by_rl2 is not None:
                other, seen = by_rl2
                figures[_RL2] = measured(other.outcomes(seen[case.joints], ids, case), _RL2)
            row = Row(
                name=evaluated.name,
                figures=figures,
                protocol=case.protocol if compares else "",
                joints=case.joints,
                missing=case.missing,
                column=column,
                num_dives=len(outcomes),
            )
            rows.append(row)
            if headline is None:
                headline, source = (row, outcomes), sources["estimated"]
                numbers = evaluator.evidence(sources["estimated"], ids), _fitted_on(evaluator)
                if scope != "headline":
                    alone, any_number = _beside(evaluator, sources["estimated"], ids)
            if column == next(iter(evaluated.states)):
                by_case[case] = outcomes
    if headline is None:
        raise ConfigError("there is no state to evaluate", todo="train first")
    tables = {
        "Model": rows,
        "Each branch of the regression alone": [
            replace(headline[0], name=f"{evaluated.name}, {name}", figures=measure(outcomes))
            for name, outcomes in alone.items()
        ],
        **number_tables(headline[1]),
        "Floors and ceilings, from labels alone": _bounds(evaluated, evaluation_set, headline[1]),
        "Published figures, measured by their authors on their data": [
            published_row(row)
            for name in sorted({dive.dataset for dive in queries})
            for row in published_on(name)
        ],
    }
    report = EvaluationReport(
        headline=headline[0],
        exemplars=f"{evaluated.votes} from {evaluation_set.exemplars_from}, {headline[0].protocol}"
        if compares
        else "",
        weights_hash=weights_hash(evaluated.model),
        tables={title: table for title, table in tables.items() if table},
        paired={f"its {name}": paired(headline[1], outcomes) for name, outcomes in alone.items()},
        notes=(*stated_note(headline[1]), *number_note(headline[1], numbers[1])),
    )
    return EvaluationResult(report, headline[1], by_case, alone, numbers[0], any_number, source)


def set_against(result: EvaluationResult, others: Mapping[str, EvaluationResult]) -> EvaluationResult:
    """The same result, with the differences between its headline and those of other models, by name.

    Raises:
        DataError: One of them was measured on other dives.
    """
    differences = {name: paired(result.outcomes, other.outcomes) for name, other in others.items()}
    return replace(result, report=replace(result.report, paired={**result.report.paired, **differences}))


def _fitted_on(evaluator: Evaluator) -> str:
    """What the calibration of the dive number was fitted on, in words; empty where there is none."""
    numbers = None if evaluator.calibration is None else evaluator.calibration.numbers
    return "" if numbers is None else f"{numbers.num_dives} validation dives"


def _beside(
    evaluator: Evaluator, source: EncodedDives, ids: Sequence[str]
) -> tuple[dict[str, Outcomes], Outcomes | None]:
    """What each branch says by itself, where the model takes their mean; and what the whole says by exemplars of any number.

    Intervals were fitted to the whole; the second is None for a model that predicts points or has no exemplars.
    """
    found = {}
    for branch in evaluator.model.averaged_branches:
        heard = replace(evaluator, model=evaluator.model.single_branch(branch), calibration=None)
        found[f"{branch} branch alone"] = heard.outcomes(source, ids, Case()).without_numbers()
    any_number = None
    if evaluator.execution and evaluator.model.compares:
        any_number = evaluator.outcomes(source, ids, Case(protocol="w/o DN"))
    return found, any_number


def _prepared(
    evaluated: EvaluatedModel,
    model: ActionModel,
    evaluation_set: EvaluationSet,
    kinds: Sequence[Joints],
    progress: Progress,
) -> tuple[Evaluator, dict[Joints, EncodedDives]]:
    """Encode queries, exemplars and, where a calibration has to be fitted, validation dives."""
    queries = evaluation_set.queries
    validation = [
        dive for dive in evaluation_set.manifest.select("val") if dive.dive_id in evaluation_set.store
    ]
    fits = evaluated.calibration is None and len(validation) >= 20
    voters: list[Dive] = []
    if evaluation_set.exemplars_from == "train":
        asked = [*queries, *(validation if fits else [])]
        tasks = [
            PredictionTask(protocol=case.protocol, num=evaluated.votes, seed=evaluated.seed)
            for case in cases(["estimated"], difficulty=all(dive.difficulty for dive in queries))
        ]
        voters = exemplars_of(model, asked, evaluation_set.pool, tasks)
    spare = {dive.dive_id for dive in evaluation_set.pool} if evaluation_set.whole_pool else set()
    wanted = sorted(
        {
            *(d.dive_id for d in voters),
            *spare,
            *(d.dive_id for d in queries),
            *(d.dive_id for d in validation if fits),
        }
    )
    dives = [evaluation_set.manifest[dive_id] for dive_id in wanted]
    sources: dict[Joints, EncodedDives] = {}
    for joints in kinds:
        ids = wanted if joints == "estimated" else [dive.dive_id for dive in queries]
        sources[joints] = EncodedDives(
            model,
            Samples(evaluation_set.store, dives, joints=joints),
            ids,
            mirrored=evaluated.mirrored,
            progress=lambda done, total: progress("encoding dives", done, total),
        )
    bank = evaluated.bank
    if evaluation_set.exemplars_from == "train":
        bank = exemplar_bank(model, sources["estimated"], voters)
    films: tuple[NumberedFilm, ...] = evaluated.films if bank is None else bank.dives
    evaluator = Evaluator(
        model=model,
        bank=bank,
        calibration=evaluated.calibration,
        execution=evaluated.execution,
        votes=evaluated.votes,
        seed=evaluated.seed,
        films=tuple(evaluation_set.pool) if evaluation_set.exemplars_from == "train" else films,
    )
    if fits:
        evaluator = evaluator.fitted(sources["estimated"], [dive.dive_id for dive in validation])
    return evaluator, sources


def _bounds(evaluated: EvaluatedModel, evaluation_set: EvaluationSet, outcomes: Outcomes) -> list[Row]:
    """Floors on the same dives, learned where the exemplars come from; ceilings where marks are labelled."""
    if evaluation_set.exemplars_from == "bank" and evaluated.bank is not None:
        pool = list(evaluated.bank.dives)
    else:
        pool = [] if evaluation_set.part in ("train", "all") else evaluation_set.pool
    rows = []
    if pool:
        floor = floor_outcomes(outcomes, pool)
        rows.append(
            Row(
                name="mean of the dive number, median transitions",
                figures=measure(floor),
                kind="floor",
                num_dives=len(floor),
            )
        )
    if evaluation_set.part in ("test", "val"):
        bounds = floors_and_ceilings(
            evaluation_set.manifest, "test" if evaluation_set.part == "test" else "val"
        ).bounds
        rows += [bound_row(bound) for bound in bounds if bound.kind == "ceiling"]
    return rows
