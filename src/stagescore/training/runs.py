"""Whole runs: from settings and a folder to weights. What the commands `train` and `pretrain` call."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import yaml

from stagescore.config import Config, load_config
from stagescore.data.attachments import Progress
from stagescore.data.dive_sources import DiveSource, LiveSource
from stagescore.data.manifest import Manifest
from stagescore.data.samples import Samples
from stagescore.errors import CheckpointError, ConfigError
from stagescore.hashing import hash_u64
from stagescore.inference.encoding import encode_dives
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import exemplar_bank, predictor_of
from stagescore.locking import alone_in
from stagescore.models.base import ActionModel
from stagescore.training.assemble import (
    load_matching,
    load_start,
    make_model,
    make_objective,
    make_optimiser_of,
    make_plan,
    make_schedule,
    make_source,
    open_samples,
    read_dives,
    views_of,
)
from stagescore.training.checkpoints import newest_checkpoint
from stagescore.training.data_needs import check_needs
from stagescore.training.feature_cache import FeatureCache, build_feature_cache, encoder_hashes
from stagescore.training.loop import Learner, Loop, Schedules, Told, write_settings
from stagescore.training.number_learning import describe_dives, learn_numbers
from stagescore.training.optimiser import make_optimiser
from stagescore.training.pretraining import Pretraining, PretrainingPlan
from stagescore.training.processes import Processes, training_device
from stagescore.training.settings import PretrainSettings, RunSettings, TrainSettings
from stagescore.training.steps import Plan
from stagescore.training.truth import Truth
from stagescore.types import Dive

_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SettingsT = TypeVar("SettingsT", bound=Config)


def _silent(what: str, done: int, total: int) -> None:
    pass


def refuse_run(folder: Path) -> None:
    """Make sure that a folder holds no run.

    Raises:
        ConfigError: it holds one.
    """
    if (folder / "config.yaml").exists():
        raise ConfigError(
            "this folder holds a run", where=folder, todo=f"use --resume {folder}, or another folder"
        )


def begin(folder: Path, settings: Config) -> None:
    """Claim a new folder for a run and keep its settings there.

    Raises:
        ConfigError: the folder holds a run already.
    """
    refuse_run(folder)
    write_settings(folder, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False).encode())


def settings_of(folder: Path, kind: type[SettingsT]) -> SettingsT:
    """The settings of a run.

    Raises:
        CheckpointError: the folder holds no run.
        ConfigError: its settings cannot be read.
    """
    if not (folder / "config.yaml").is_file():
        raise CheckpointError("there is no run here", where=folder, todo="name the folder of a run")
    return load_config(kind, folder / "config.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Looks at the model as it stands, on the validation split.

    Attributes:
        model: of the run.
        source: of the dives.
        manifest: with the splits.
        task: What is predicted, and by which exemplars.
        test: also look at the test split.
    """

    model: ActionModel
    source: DiveSource
    manifest: Manifest
    task: PredictionTask
    test: bool = False

    def __call__(self) -> dict[str, float]:
        """SRCC by split; higher is better."""
        dives = self.source.dives
        pool = [dive for dive in self.manifest.select("fit") if dive.dive_id in dives]
        kept = bank_dives(pool, per_number=self.task.num, seed=self.task.seed)
        predictor = predictor_of(self.model, self.task, exemplar_bank(self.model, self.source, kept))
        figures = {}
        for part in ("val", "test") if self.test else ("val",):
            ids = [d.dive_id for d in self.manifest.select(part) if d.dive_id in dives]
            if len(ids) < 2:
                continue
            found = predictor.predict_all([encode_dives(self.model, self.source, ids)], dives)
            truth = np.array([one.dive.score for one in found])
            predicted = np.array([one.prediction.score for one in found])
            spread = float(np.ptp(truth)) or 1.0
            figures[f"{part}_srcc"] = _rank_correlation(truth, predicted)
            figures[f"{part}_minus_rl2x100"] = -100 * float(np.mean(((truth - predicted) / spread) ** 2))
        return figures


def bank_dives(pool: list[Dive], *, per_number: int, seed: int) -> list[Dive]:
    """Up to so many dives of every dive number, chosen by hash."""
    kept: dict[str | None, int] = {}
    chosen = []
    for dive in sorted(pool, key=lambda d: (hash_u64(seed, "bank", d.dive_id), d.dive_id)):
        kept[dive.dive_number] = kept.get(dive.dive_number, 0) + 1
        if kept[dive.dive_number] <= per_number:
            chosen.append(dive)
    return sorted(chosen, key=lambda d: d.dive_id)


def train(
    settings: TrainSettings,
    folder: Path,
    *,
    processes: Processes | None = None,
    decoding: Progress = _silent,
) -> Iterator[Told]:
    """Train a model, from where its folder stands.

    Args:
        settings: of the run.
        folder: begun by `begin`.
        processes: those that train together.
        decoding: told while clips are decoded.

    Raises:
        StagescoreError: data, settings or checkpoints that cannot be used, or another process goes on with the run.
    """
    processes = processes or Processes()
    if processes.world > 1 and settings.objective.contrast == "info-nce":
        raise ConfigError(
            "the negatives of InfoNCE are all dives of the batch, which no single process holds",
            where="objective.contrast",
            todo="train it in one process, or choose another contrast",
        )
    device = _prepared(settings.run)
    dives = read_dives(settings.data)
    fitted = dives.everything.select("fit", individual_only=settings.data.individual_only)
    check_needs(settings.needs, fitted.dives, joints=settings.data.joints)
    clips, with_test = folder / "clips", settings.run.validate_test
    if processes.first:
        open_samples(settings.data, dives, clips=clips, with_test=with_test, progress=decoding)
    processes.wait()
    samples = open_samples(settings.data, dives, clips=clips, with_test=with_test)
    source = make_source(settings, samples)
    model = make_model(settings)
    load_start(model, settings)
    if isinstance(source, FeatureCache) and source.encoder_hashes != encoder_hashes(model.encoders):
        raise CheckpointError(
            "the cached features come from other encoders than this run starts with",
            where=settings.features or "",
            todo="build the cache with the same settings, or start from the weights it was built with",
        )
    plan = make_plan(settings, dives.everything)
    model.prepare(plan.differences)
    model.to(device)
    loop = Loop(
        folder=folder,
        learner=Learner(
            objective=make_objective(model, settings.objective),
            model=model,
            optimiser=make_optimiser_of(model, settings),
        ),
        source=source,
        plan=plan,
        schedules=_schedules(settings, plan),
        validate=Validation(
            model=model,
            source=source,
            manifest=dives.manifest,
            task=PredictionTask(
                protocol=plan.protocol,
                num=settings.run.votes,
                seed=settings.run.seed,
                execution=settings.data.target == "execution",
            ),
            test=settings.run.validate_test,
        ),
        processes=processes,
    )
    with _alone(loop):
        loop.resume()
        if settings.run.averaged_seeds and not loop.state.step:
            raise CheckpointError(
                "the mean of the runs is not here, or torn",
                where=folder,
                todo="`stagescore average` them again",
            )
        yield from loop.run()
        if settings.run.number_epochs and model.recognises and not loop.state.finished:
            described = dives.manifest.select("fit", individual_only=settings.data.individual_only)
            _learn_numbers(loop, model, samples, [dive.dive_id for dive in described], settings, decoding)


def finished_state(folder: Path, settings: TrainSettings, *, with_numbers: bool = True) -> dict[str, Any]:
    """The last checkpoint of a run that has nothing left to do.

    Args:
        folder: Folder of the run.
        settings: Its settings.
        with_numbers: Whether the head for dive numbers has to be learned too, where the run learns it anew at its end.

    Raises:
        CheckpointError: The run is not finished, or its last checkpoint cannot be read.
    """
    state, torn = newest_checkpoint(folder / "checkpoints")
    done = None if state is None or torn else state["progressed"]
    if state is None or done is None or done["epoch"] < settings.run.epochs:
        raise CheckpointError(
            "the run is not finished", where=folder, todo=f"`stagescore train --resume {folder}`"
        )
    learns = with_numbers and settings.run.number_epochs and settings.model.recognises
    if learns and not done.get("finished"):
        raise CheckpointError(
            "the run has yet to learn dive numbers",
            where=folder,
            todo=f"`stagescore train --resume {folder}`, which takes minutes",
        )
    return state


def _learn_numbers(
    loop: Loop,
    model: ActionModel,
    samples: Samples,
    dive_ids: Sequence[str],
    settings: TrainSettings,
    progress: Progress,
) -> None:
    """Learn the head for dive numbers anew, and keep the run with it; a run that is stopped meanwhile begins it again."""
    if loop.processes.first:
        new = make_model(settings).encoders.numbers
        if new is None or model.encoders.numbers is None:
            raise ConfigError("the model recognises no dive numbers", todo="set run.number_epochs=0")
        model.encoders.numbers.load_state_dict(new.state_dict())
        described = describe_dives(
            model,
            samples,
            dive_ids,
            progress=lambda done, total: progress("describing dives", done, total),
        )
        learn_numbers(
            model.encoders.numbers,
            described,
            epochs=settings.run.number_epochs,
            seed=settings.run.seed,
            progress=lambda done, total: progress("learning dive numbers", done, total),
        )
        loop.state.finished = True
    loop.checkpoint()


def pretrain(settings: PretrainSettings, folder: Path, *, decoding: Progress = _silent) -> Iterator[Told]:
    """Pretrain encoders on simulated dives, from where the folder stands.

    Raises:
        StagescoreError: data, settings or checkpoints that cannot be used, or another process goes on with the run.
    """
    device = _prepared(settings.run)
    dives = read_dives(settings.data)
    samples = open_samples(settings.data, dives, clips=folder / "clips", progress=decoding)
    whole = TrainSettings(model=settings.model, data=settings.data, run=settings.run)
    fitted = dives.select("fit", individual_only=settings.data.individual_only)
    truth = Truth(fitted, samples.store)
    plan = PretrainingPlan(
        dives=tuple(dive for some in fitted.values() for dive in some),
        truth=truth,
        seed=settings.run.seed,
        dives_at_once=settings.dives_at_once,
        num_stills=settings.stills,
        window=settings.window,
        with_video=settings.model.reads_video,
    )
    deductions = truth.batch([dive.dive_id for dive in plan.dives]).deductions
    encoders = make_model(whole).encoders
    objective = Pretraining(
        encoders=encoders,
        weights=settings.weights.model_dump(),
        window=settings.window,
        deduction_scale=deductions.std(0).clamp(min=0.05),
    )
    if settings.start is not None:
        load_matching(objective.model, [Path(settings.start)])
    objective.to(device)
    loop = Loop(
        folder=folder,
        learner=Learner(
            objective=objective,
            model=objective.model,
            optimiser=make_optimiser(
                objective.model,
                encoders.present(settings.optimiser.factors),
                learning_rate=settings.optimiser.learning_rate,
                weight_decay=settings.optimiser.weight_decay,
            ),
        ),
        source=LiveSource(samples, views_of(whole)),
        plan=plan,
        schedules=_schedules(settings, plan),
    )
    yield from _taken_up(loop)


def cache_features(
    settings: TrainSettings,
    folder: Path,
    *,
    decoding: Progress = _silent,
    progress: Progress = _silent,
) -> None:
    """Cache what the frozen encoders of a model say of every view of every dive; goes on where it was stopped.

    Args:
        settings: of the run that will read the cache, with `data.views`.
        folder: of the cache; decoded clips go beside it unless `data.clips` names another place.
        decoding: told while clips are decoded.
        progress: told while dives are encoded.

    Raises:
        StagescoreError: data, settings or weights that cannot be used.
    """
    device = _prepared(settings.run)
    dives = read_dives(settings.data)
    samples = open_samples(
        settings.data,
        dives,
        clips=folder / "clips",
        with_test=settings.run.validate_test,
        progress=decoding,
    )
    model = make_model(settings)
    load_start(model, settings)
    encoders = model.encoders.eval().to(device)
    build_feature_cache(encoders, LiveSource(samples, views_of(settings)), folder, progress=progress)


def _taken_up(loop: Loop) -> Iterator[Told]:
    """Go on from where the folder stands."""
    with _alone(loop):
        loop.resume()
        yield from loop.run()


def _alone(loop: Loop) -> AbstractContextManager[Any]:
    """No other process may go on with the run meanwhile."""
    return alone_in(loop.folder) if loop.processes.first else nullcontext()


def _schedules(settings: TrainSettings | PretrainSettings, plan: Plan | PretrainingPlan) -> Schedules:
    run = settings.run
    return Schedules(
        epochs=run.epochs,
        rate=make_schedule(settings.optimiser, epochs=run.epochs, steps_per_epoch=len(plan.epoch(0))),
        clip_norm=settings.optimiser.clip_norm,
        average_from=settings.optimiser.average_from,
        checkpoint_steps=run.checkpoint_steps,
        keep=run.keep,
        validate_epochs=run.validate_epochs,
        precision=_PRECISIONS[run.precision],
    )


def _prepared(run: RunSettings) -> torch.device:
    """Threads of the processor are set; the device that the run is on."""
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    return training_device(run.device, precision=run.precision)


def _rank_correlation(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's, ties by their order: good enough to choose among epochs; `evaluate` prints the real one."""
    ranks = [np.argsort(np.argsort(values, kind="stable")) for values in (truth, predicted)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
