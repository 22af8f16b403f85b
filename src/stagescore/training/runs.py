"""Whole runs: from settings and a folder to weights. What the commands `train` and `pretrain` call."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml

from stagescore.config import Config, load_config
from stagescore.data.attachments import Progress
from stagescore.data.dive_sources import LiveSource
from stagescore.data.samples import Samples
from stagescore.errors import CheckpointError, ConfigError
from stagescore.inference.prediction import PredictionTask
from stagescore.locking import alone_in
from stagescore.models.base import ActionModel
from stagescore.training.assembly.data import (
    make_sampler,
    make_source,
    make_views,
    open_samples,
    read_dives,
)
from stagescore.training.assembly.model import make_model, make_objective
from stagescore.training.assembly.optimiser import make_adam, make_schedules
from stagescore.training.assembly.starting_weights import load_matching, load_start
from stagescore.training.checkpoints import newest_checkpoint
from stagescore.training.data_needs import check_needs
from stagescore.training.feature_cache import FeatureCache, build_feature_cache, encoder_hashes
from stagescore.training.loop import Loop, StepReport, TrainComponents, write_settings
from stagescore.training.number_learning import describe_dives, learn_numbers
from stagescore.training.pretraining import Pretraining, PretrainingSampler
from stagescore.training.processes import Processes, training_device
from stagescore.training.settings import PretrainSettings, RunSettings, TrainSettings
from stagescore.training.simulation_targets import SimulationGroundTruth
from stagescore.training.validation import ModelValidation

SettingsT = TypeVar("SettingsT", bound=Config)


def _silent(what: str, done: int, total: int) -> None:
    pass


def refuse_run(folder: Path) -> None:
    """Make sure that a folder holds no run.

    Raises:
        ConfigError: It holds one.
    """
    if (folder / "config.yaml").exists():
        raise ConfigError(
            "this folder holds a run", where=folder, todo=f"use --resume {folder}, or another folder"
        )


def begin(folder: Path, settings: Config) -> None:
    """Claim a new folder for a run and keep its settings there.

    Raises:
        ConfigError: The folder holds a run already.
    """
    refuse_run(folder)
    write_settings(folder, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False).encode())


def settings_of(folder: Path, kind: type[SettingsT]) -> SettingsT:
    """The settings of a run.

    Raises:
        CheckpointError: The folder holds no run.
        ConfigError: Its settings cannot be read.
    """
    if not (folder / "config.yaml").is_file():
        raise CheckpointError("there is no run here", where=folder, todo="name the folder of a run")
    return load_config(kind, folder / "config.yaml")


def train(
    settings: TrainSettings,
    folder: Path,
    *,
    processes: Processes | None = None,
    decoding: Progress = _silent,
) -> Iterator[StepReport]:
    """Train a model, from where its folder stands.

    Args:
        settings: Settings of the run.
        folder: Folder of the run, begun by `begin`.
        processes: Processes that train together; only this one by default.
        decoding: Called as (what, done, total) while clips are decoded and dive numbers are learned.

    Raises:
        StagescoreError: Data, settings or checkpoints that cannot be used, or another process goes on with the run.
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
    sampler = make_sampler(
        dives.everything,
        settings.data,
        batches=settings.effective_batches,
        dropout=settings.drops,
        cut=settings.model.cut,
        seed=settings.run.seed,
    )
    check_needs(settings.needs, sampler.dives, joints=settings.data.joints)
    clips, with_test = folder / "clips", settings.run.validate_test
    if processes.first:
        open_samples(settings.data, dives, clips=clips, with_test=with_test, progress=decoding)
    processes.wait()
    samples = open_samples(settings.data, dives, clips=clips, with_test=with_test)
    views = make_views(settings.data, seed=settings.run.seed)
    source = make_source(samples, views, features=settings.features, model=settings.model)
    model = _starting_model(settings)
    if isinstance(source, FeatureCache) and source.encoder_hashes != encoder_hashes(model.encoders):
        raise CheckpointError(
            "the cached features come from other encoders than this run starts with",
            where=settings.features or "",
            todo="build the cache with the same settings, or start from the weights it was built with",
        )
    model.prepare(sampler.differences)
    model.to(device)
    factors = model.parameter_groups(
        settings.optimiser.factors, encoders_frozen=settings.features is not None
    )
    loop = Loop(
        folder=folder,
        components=TrainComponents(
            objective=make_objective(model, settings.objective),
            model=model,
            optimiser=make_adam(model, settings.optimiser, factors=factors),
        ),
        source=source,
        sampler=sampler,
        schedules=make_schedules(settings.optimiser, settings.run, steps_per_epoch=len(sampler.epoch(0))),
        validate=ModelValidation(
            model=model,
            source=source,
            manifest=dives.manifest,
            task=PredictionTask(
                protocol=sampler.protocol,
                num=settings.run.votes,
                seed=settings.run.seed,
                execution=sampler.execution,
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
        settings: Settings of the run.
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
        head = model.number_head
        new = make_model(settings.model, seed=settings.run.begins_with).number_head
        if new is None or head is None:
            raise ConfigError("the model recognises no dive numbers", todo="set run.number_epochs=0")
        head.load_state_dict(new.state_dict())
        described = describe_dives(
            model,
            samples,
            dive_ids,
            progress=lambda done, total: progress("describing dives", done, total),
        )
        learn_numbers(
            head,
            described,
            epochs=settings.run.number_epochs,
            seed=settings.run.seed,
            progress=lambda done, total: progress("learning dive numbers", done, total),
        )
        loop.state.finished = True
    loop.checkpoint()


def pretrain(
    settings: PretrainSettings, folder: Path, *, decoding: Progress = _silent
) -> Iterator[StepReport]:
    """Pretrain encoders on simulated dives, from where the folder stands.

    Raises:
        StagescoreError: Data, settings or checkpoints that cannot be used, or another process goes on with the run.
    """
    device = _prepared(settings.run)
    dives = read_dives(settings.data)
    samples = open_samples(settings.data, dives, clips=folder / "clips", progress=decoding)
    fitted = dives.select("fit", individual_only=settings.data.individual_only)
    truth = SimulationGroundTruth(fitted, samples.store)
    sampler = PretrainingSampler(
        dives=tuple(dive for some in fitted.values() for dive in some),
        truth=truth,
        seed=settings.run.seed,
        dives_at_once=settings.dives_at_once,
        num_stills=settings.stills,
        window=settings.window,
        with_video=settings.model.reads_video,
    )
    deductions = truth.batch([dive.dive_id for dive in sampler.dives]).deductions
    encoders = make_model(settings.model, seed=settings.run.begins_with).encoders
    # At least 0.05 points, set by hand: a deduction that hardly varies would otherwise outweigh all others.
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
        components=TrainComponents(
            objective=objective,
            model=objective.model,
            optimiser=make_adam(
                objective.model, settings.optimiser, factors=encoders.present(settings.optimiser.factors)
            ),
        ),
        source=LiveSource(samples, make_views(settings.data, seed=settings.run.seed)),
        sampler=sampler,
        schedules=make_schedules(settings.optimiser, settings.run, steps_per_epoch=len(sampler.epoch(0))),
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
        settings: Settings of the run that will read the cache, with `data.views`.
        folder: Folder of the cache; decoded clips go beside it unless `data.clips` names another place.
        decoding: Called as (what, done, total) while clips are decoded.
        progress: Called as (what, done, total) while dives are encoded.

    Raises:
        StagescoreError: Data, settings or weights that cannot be used.
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
    model = _starting_model(settings)
    encoders = model.encoders.eval().to(device)
    views = make_views(settings.data, seed=settings.run.seed)
    build_feature_cache(encoders, LiveSource(samples, views), folder, progress=progress)


def _starting_model(settings: TrainSettings) -> ActionModel:
    """The model with the weights that the run starts from."""
    model = make_model(settings.model, seed=settings.run.begins_with)
    load_start(model, settings.start)
    return model


def _taken_up(loop: Loop) -> Iterator[StepReport]:
    """Go on from where the folder stands."""
    with _alone(loop):
        loop.resume()
        yield from loop.run()


def _alone(loop: Loop) -> AbstractContextManager[Any]:
    """No other process may go on with the run meanwhile."""
    return alone_in(loop.folder) if loop.processes.first else nullcontext()


def _prepared(run: RunSettings) -> torch.device:
    """Threads of the processor are set; the device that the run is on."""
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    return training_device(run.device, precision=run.precision)
