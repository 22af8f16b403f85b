"""The folds of a protocol: every dive predicted by the one run that was not trained on it.

Each fold has a run of its own (`data.fold`), or the file that was kept of it (`kept_folds`). `fold_report` makes a table
of them; weights that were trained on everything take their calibration from them (`kept_out`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stagescore.data.attachments import Progress
from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.data.protocols import FoldProtocol, make_folds
from stagescore.errors import ConfigError, DataError
from stagescore.evaluation.evaluate import Calibration
from stagescore.evaluation.evaluated_model import (
    EvaluatedModel,
    EvaluationResult,
    EvaluationSet,
    evaluate,
    read_evaluated_model,
)
from stagescore.evaluation.fold_identity import FoldIdentity, one_table, settings_that_matter
from stagescore.evaluation.frozen_features import RIDGE_ROW, FrozenNetwork, frozen_features, ridge_scores
from stagescore.evaluation.kept_columns import (
    KeptLabels,
    KeptNumbers,
    KeptSight,
    kept_executions,
    kept_model,
    kept_scores,
    kept_sight,
)
from stagescore.evaluation.kept_folds import KeptFold
from stagescore.evaluation.label_rules import LABEL_RULES, label_scores
from stagescore.inference.dive_numbers import NumberCalibration
from stagescore.inference.encoding import encode_dives
from stagescore.inference.familiarity import FAR_SHARE, Familiarity, descriptors
from stagescore.inference.familiarity import LEAST_DIVES as LEAST_FAMILIAR
from stagescore.inference.intervals import IntervalModel, TransitionCalibration
from stagescore.inference.outcomes import Outcomes
from stagescore.training.assembly.data import read_dives
from stagescore.training.run_folder import read_skipped, settings_of
from stagescore.training.runs import finished_state
from stagescore.training.settings import TrainSettings
from stagescore.types import STAGE_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRun:
    """One run with what it is tested on.

    Attributes:
        folder: Folder of the run.
        settings: Settings of the run, in which `data.fold` is given.
        manifest: Manifest whose split is the fold.
    """

    folder: Path
    settings: TrainSettings
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> "FoldRun":
        """Read the settings and labels of a run.

        Raises:
            ConfigError: It was not trained on a fold.
            CheckpointError: It is not finished.
            StagescoreError: Settings or labels cannot be read.
        """
        settings = settings_of(folder, TrainSettings)
        if settings.data.fold is None:
            raise ConfigError(
                "this run has no fold", where=folder, todo="train it with data.fold=PROTOCOL/NAME"
            )
        finished_state(folder, settings)
        return cls(folder=folder, settings=settings, manifest=read_dives(settings.data).manifest)

    @property
    def name(self) -> str:
        """Name of the fold, with its protocol."""
        return str(self.settings.data.fold)

    @property
    def clips(self) -> Path:
        """Folder of its decoded clips."""
        return Path(self.settings.data.clips or self.folder / "clips")

    def identity(self, mirrored: bool) -> FoldIdentity:
        """Which fold it is, and how it was made.

        Args:
            mirrored: Whether the test dives are seen mirrored as well.
        """
        protocol: FoldProtocol = self.name.partition("/")[0]  # type: ignore[assignment]
        return FoldIdentity(
            fold=self.name,
            folds=tuple(f"{protocol}/{fold.name}" for fold in make_folds(self.manifest.dives, protocol)),
            seed=self.settings.run.seed,
            averaged_seeds=self.settings.run.averaged_seeds,
            mirrored=mirrored,
            sealed=self.settings.data.sealed,
            datasets=tuple(sorted({dive.dataset for dive in self.manifest})),
            settings=settings_that_matter(self.settings),
        )


def open_folds(
    paths: Sequence[Path], *, mirrored: bool = False, data: Path | None = None, whole: bool = True
) -> list[FoldRun | KeptFold]:
    """The folds of one protocol, one or more runs of each, from runs and from files that were kept of runs.

    Args:
        paths: Folders of runs, and files that `KeptFold.save` wrote.
        mirrored: Whether runs show the test dives mirrored as well; files must have been kept so.
        data: Folder of the manifest, for files that were kept without labels.
        whole: Whether no fold of the protocol may be missing.

    Returns:
        The folds: single runs by seed, then means of runs; within each in the order of the protocol.

    Raises:
        ConfigError: A fold is there twice or missing, or what is given cannot stand in one table.
        StagescoreError: A run or file cannot be read.
    """
    dives = None if data is None else read_manifest(data).dives
    folds = [KeptFold.read(path, dives) if path.is_file() else FoldRun.open(path) for path in paths]
    identities = [one.identity if isinstance(one, KeptFold) else one.identity(mirrored) for one in folds]
    one_table(identities, whole=whole)
    order = sorted(range(len(folds)), key=lambda k: identities[k].place)
    return [folds[k] for k in order]


def predict_fold(run: FoldRun, evaluated: EvaluatedModel, progress: Progress) -> EvaluationResult:
    """Predict the test dives of a run's fold, exemplars being its training dives.

    Args:
        run: Run of the fold.
        evaluated: Model that the run came to, with the views that the dives are seen in.
        progress: Called with how many dives are done while dives are decoded and encoded.

    Returns:
        Outcomes of the whole model without intervals and of each branch alone, and what it says of the dive numbers.
    """
    skipped = read_skipped(run.folder)
    store = ClipStore.build(
        [dive for dive in run.manifest if dive.dive_id not in skipped],
        run.clips,
        evaluated.preprocessing,
        skip=run.settings.data.skip == "report",
        progress=progress,
    )
    evaluation_set = EvaluationSet(
        manifest=run.manifest, part="test", store=store, exemplars_from="train", whole_pool=True
    )
    return evaluate(evaluated, evaluation_set, scope="headline and branches", progress=progress)


def keep(run: FoldRun, progress: Progress, *, mirrored: bool = False) -> KeptFold:
    """Predict the test dives of a run's fold, and keep all that a table is made of.

    Args:
        run: Run of the fold.
        progress: Called with how many dives are done while dives are decoded and encoded.
        mirrored: Whether to show the test dives mirrored as well, and average the two views.
    """
    evaluated = replace(read_evaluated_model(str(run.folder)), mirrored=mirrored)
    result = predict_fold(run, evaluated, progress)
    ids = tuple(dive.dive_id for dive in result.outcomes)
    dives = [run.manifest[dive_id] for dive_id in ids]
    return KeptFold(
        identity=run.identity(mirrored),
        weights_hash=result.report.weights_hash,
        exemplars=run.settings.run.votes if evaluated.model.compares else 0,
        labels=KeptLabels(
            dive_id=ids,
            dive_number=tuple(dive.dive_number for dive in dives),
            difficulty=tuple(dive.difficulty for dive in dives),
            score=tuple(dive.score for dive in dives),
            num_frames=tuple(dive.num_frames for dive in result.outcomes),
            transitions=tuple(dive.true_transitions for dive in result.outcomes),
            hand_marks=tuple(dive.hand_marks for dive in dives),
            flight=tuple(dive.flight for dive in dives),
        ),
        model=kept_model(result.outcomes),
        alone={
            name: kept_scores(dive.predicted_score for dive in outcomes)
            for name, outcomes in result.alone.items()
        },
        rules={
            name: kept_scores(label_scores(rule, run.manifest, ids)) for name, rule in LABEL_RULES.items()
        },
        numbers=KeptNumbers.of(result.evidence),
        executions=None
        if result.any_number is None
        else kept_executions(result.any_number, run.manifest.select("train")),
        sight=_sight(run, evaluated, result),
    )


def _sight(run: FoldRun, evaluated: EvaluatedModel, result: EvaluationResult) -> KeptSight | None:
    """What the run's network saw of the test dives, and how far they are from its training dives."""
    source = result.source
    if source is None:
        return None
    model = evaluated.model
    tested = [dive.dive_id for dive in result.outcomes]
    trained = [dive.dive_id for dive in run.manifest.select("train") if dive.dive_id in source.kept]
    distance: list[float] = []
    if len(trained) >= LEAST_FAMILIAR:
        views = [source] if source.mirrored is None else [source, source.mirrored]
        known, new = (
            descriptors(*(encode_dives(model, view, ids).stages for view in views))
            for ids in (trained, tested)
        )
        fitted = Familiarity.fit(known, new)
        distance = (fitted.far * fitted.distances(new)).tolist()
    encoded = encode_dives(model, source, tested)
    three_stages = encoded.edges.shape[1] == len(STAGE_NAMES) + 1
    log_probabilities = encoded.log_probabilities if three_stages else None
    return kept_sight(
        np.stack([np.asarray(source.samples.store.indices(name)) for name in tested]),
        None if log_probabilities is None else log_probabilities.numpy(),
        distance,
    )


def with_ridge(kept: KeptFold, run: FoldRun, network: FrozenNetwork, progress: Progress) -> KeptFold:
    """The same fold with a ridge on the features of a frozen network beside the model, on the same clips and views.

    Args:
        kept: What was kept of the run's fold.
        run: Run whose clips are stored.
        network: Network that sees the clips.
        progress: Called with how many dives are done while features are made.
    """
    store = ClipStore.open(run.clips, run.settings.data.preprocessing)
    train = [dive for dive in run.manifest.select("train") if dive.dive_id in store]
    tested = [run.manifest[dive_id] for dive_id in kept.labels.dive_id]
    features = frozen_features(
        network,
        store,
        [dive.dive_id for dive in (*train, *tested)],
        mirrored=kept.identity.mirrored,
        progress=lambda done, total: progress("frozen features", done, total),
    )
    said = ridge_scores(train, features[: len(train)], tested, features[len(train) :])
    return kept.with_row(RIDGE_ROW, said.scores, weights_sha256=network.sha256, penalty=said.penalty)


def known_fold(
    fold: FoldRun | KeptFold,
    progress: Progress,
    *,
    mirrored: bool = False,
    ridge: FrozenNetwork | None = None,
) -> KeptFold:
    """What a run says, or what was kept of it.

    Args:
        fold: A run, or what was kept of one.
        progress: Called with how many dives are done while dives are decoded and encoded.
        mirrored: Whether to show a run's test dives mirrored as well, as for `keep`.
        ridge: Network whose frozen features a ridge beside the model sees; None for no such row.

    Raises:
        ConfigError: The ridge is asked for, and the file of the fold has none.
    """
    if isinstance(fold, FoldRun):
        kept = keep(fold, progress, mirrored=mirrored)
        return kept if ridge is None else with_ridge(kept, fold, ridge, progress)
    row = fold.others.get(RIDGE_ROW)
    if ridge is not None and (row is None or row.made_of.get("weights_sha256") != ridge.sha256):
        raise ConfigError(
            "the kept file has no ridge on features of this network",
            where=fold.identity.file_name,
            todo="name the run of this fold, or leave --ridge out",
        )
    return fold


def data_of(folds: Sequence[FoldRun | KeptFold]) -> Path:
    """Folder of the manifest that the first run was trained on.

    Raises:
        ConfigError: There is no run among the folds.
    """
    folder = next((one.settings.data.folder for one in folds if isinstance(one, FoldRun)), None)
    if folder is None:
        raise ConfigError("kept files do not say where the films are", todo="add --data FOLDER")
    return Path(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """What weights trained on all dives may say of themselves, from runs that each kept some of them out.

    Attributes:
        calibration: Calibration of scores, transitions and dive numbers.
        far: Raw distance of `inference.familiarity` that 95 % of the dives that were kept out stay below; mean of the folds;
            None where their training dives were too few to tell.
        num_dives: Number of dives that were kept out.
    """

    calibration: Calibration
    far: float | None
    num_dives: int


def without_dives(folds: Sequence[KeptFold], dive_ids: Collection[str]) -> list[KeptFold]:
    """The folds that tested none of some dives: weights that are to be tried on these take nothing from the others.

    Args:
        folds: What was kept of each fold.
        dive_ids: Dives on whose labels nothing may be fitted.

    Returns:
        Some of the folds, in their order.

    Raises:
        ConfigError: There are folds, and none is left.
    """
    left = [fold for fold in folds if not set(dive_ids) & set(fold.labels.dive_id)]
    if folds and not left:
        raise ConfigError(
            "each of the folds tested a dive that this run is tested on too",
            where=folds[0].identity.protocol,
            todo="name folds of the protocol that the run is of",
        )
    return left


def kept_out(folds: Sequence[KeptFold]) -> KeptOut:
    """Fit on the dives that each fold kept out.

    Args:
        folds: What was kept of each fold.

    Raises:
        DataError: Too few dives, or none whose stages are labelled; or a file of an earlier version.
    """
    outcomes = Outcomes(tuple(dive for fold in folds for dive in fold.outcomes()))
    sights = [fold.sight for fold in folds if fold.sight is not None]
    if len(sights) < len(folds):
        old = next(fold for fold in folds if fold.sight is None)
        raise DataError(
            "the kept file is of an earlier version, which weights cannot take their calibration from",
            where=old.identity.file_name,
            todo="keep the fold again (`stagescore evaluate-folds RUN... --keep FOLDER`)",
        )
    arrays = [sight.log_probability_array() for sight in sights]
    known = [array for array in arrays if array is not None]
    transitions = None
    if len(known) == len(folds):
        frames = np.concatenate([np.array(sight.frames) for sight in sights])
        transitions = TransitionCalibration.fit(np.concatenate(known), frames, outcomes.true_transitions)
    far = [float(np.quantile(sight.distance, FAR_SHARE)) for sight in sights if sight.distance]
    calibration = Calibration(
        scores=IntervalModel.fit(outcomes),
        transitions=transitions,
        numbers=NumberCalibration.fit([one for fold in folds for one in fold.evidence()]),
    )
    return KeptOut(calibration=calibration, far=float(np.mean(far)) if far else None, num_dives=len(outcomes))
