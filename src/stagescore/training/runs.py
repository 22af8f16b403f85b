"""Whole runs: from settings and a folder to weights. What the commands `train` and `pretrain` call."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from stagescore.data.attachments import Progress
from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import LiveSource
from stagescore.data.samples import Samples
from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.inference.prediction import PredictionTask
from stagescore.models.base import ActionModel
from stagescore.models.needs import Needs
from stagescore.training.assembly.data import (
    TrainingDives,
    clips_folder,
    make_sampler,
    make_source,
    make_views,
    open_samples,
    read_dives,
    store_clips,
    unusable_dives,
)
from stagescore.training.assembly.model import make_model, make_objective
from stagescore.training.assembly.optimiser import make_adam, make_schedules
from stagescore.training.assembly.starting_weights import load_matching, load_start, starting_files
from stagescore.training.checkpoints import newest_checkpoint
from stagescore.training.data_needs import check_needs
from stagescore.training.feature_cache import FeatureCache, build_feature_cache, check_counted
from stagescore.training.loop import Loop, StepReport, TrainComponents
from stagescore.training.number_learning import describe_dives, learn_numbers
from stagescore.training.pretraining import Pretraining, PretrainingSampler
from stagescore.training.processes import Processes, training_device
from stagescore.training.run_folder import (
    CLIPS,
    SKIPPED,
    Tell,
    cannot_be_used,
    read_skipped,
    run_start,
    told_skipped,
    write_skipped,
)
from stagescore.training.settings import DataSettings, PretrainSettings, RunSettings, TrainSettings
from stagescore.training.simulation_targets import SimulationGroundTruth
from stagescore.training.steps import BatchSampler
from stagescore.training.validation import ModelValidation


def _silent(what: str, done: int, total: int) -> None:
    pass


def _untold(line: str) -> None:
    pass


def train(
    settings: TrainSettings,
    folder: Path,
    *,
    processes: Processes | None = None,
    decoding: Progress = _silent,
    tell: Tell = _untold,
) -> Iterator[StepReport]:
    """Train a model, from where its folder stands.

    All that can be wrong without a look at a film is told before the folder is made and a film is opened.

    Args:
        settings: Settings of the run.
        folder: Folder of the run, which holds none or one with these settings.
        processes: Processes that train together; only this one by default.
        decoding: Called as (what, done, total) while clips are decoded and dive numbers are learned.
        tell: Told in a line what dives are skipped.

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
    asked, with_test = read_dives(settings.data), settings.run.validate_test
    unusable = unusable_dives(settings.data, asked, settings.needs, with_test=with_test)
    fitted = _sampler(settings, asked.without(unusable)).dives
    check_needs(settings.needs, fitted, joints=settings.data.joints)
    ClipStore.check(clips_folder(settings.data, folder / CLIPS), settings.data.preprocessing)
    model, views = _starting_model(settings), make_views(settings.data, seed=settings.run.seed)
    if settings.features is not None:
        FeatureCache.check(
            Path(settings.features), model.encoders, settings.data.preprocessing, settings.data.joints, views
        )
    _adam(settings, model)
    with run_start(folder, settings, first=processes.first) as start:
        if processes.first:
            _store_clips(
                settings.data,
                asked,
                unusable,
                folder,
                begun=start.begun,
                with_test=with_test,
                decoding=decoding,
                tell=tell,
            )
        processes.wait()
        skipped = read_skipped(folder)
        dives = asked.without(skipped)
        samples = open_samples(settings.data, dives, clips=folder / CLIPS, with_test=with_test)
        source = make_source(samples, views, features=settings.features, model=settings.model)
        sampler = _sampler(settings, dives)
        model.prepare(sampler.differences)
        model.to(device)
        loop = Loop(
            folder=folder,
            components=TrainComponents(
                objective=make_objective(model, settings.objective),
                model=model,
                optimiser=_adam(settings, model),
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
            notes={"skipped": len(skipped)},
        )
        loop.resume()
        if settings.run.averaged_seeds and not loop.state.step:
            raise CheckpointError(
                "the mean of the runs is not here, or torn",
                where=folder,
                todo="`stagescore average` them again",
            )
        start.succeeded = True
        yield from loop.run()
        if settings.run.number_epochs and model.recognises and not loop.state.finished:
            described = dives.manifest.select("fit", individual_only=settings.data.individual_only)
            _learn_numbers(loop, model, samples, [dive.dive_id for dive in described], settings, decoding)


def _sampler(settings: TrainSettings, dives: TrainingDives) -> BatchSampler:
    """How the dives of a run meet.

    Raises:
        ConfigError: There are too few dives.
    """
    return make_sampler(
        dives.everything,
        settings.data,
        batches=settings.effective_batches,
        dropout=settings.drops,
        cut=settings.model.cut,
        seed=settings.run.seed,
    )


def _adam(settings: TrainSettings, model: ActionModel) -> torch.optim.Adam:
    """The optimiser of a run.

    Raises:
        ConfigError: The model has no parameter below a path of the settings, or nothing is left to train.
    """
    factors = model.parameter_groups(
        settings.optimiser.factors, encoders_frozen=settings.features is not None
    )
    return make_adam(model, settings.optimiser, factors=factors)


def _store_clips(
    settings: DataSettings,
    asked: TrainingDives,
    unusable: Mapping[str, str],
    folder: Path,
    *,
    begun: bool = False,
    with_test: bool = False,
    decoding: Progress,
    tell: Tell,
) -> None:
    """Decode the clips of a run, and note and tell which dives are skipped.

    Args:
        settings: Settings of the data.
        asked: All dives of the run.
        unusable: Why dives cannot be used, as far as the manifest tells it, by their ids.
        folder: Folder of the run.
        begun: Whether the run has begun: what it skips is then decided.
        with_test: Whether the test split is decoded as well.
        decoding: Called as (what, done, total).
        tell: Told in a line what dives are skipped.

    Raises:
        DataError: Dives cannot be used, and the settings ask for all; or the run was begun with them.
    """
    noted = read_skipped(folder) if begun else {}
    # A film that is missing or damaged tells more than that nobody was seen in it, so all are looked at.
    left_out = store_clips(
        settings, asked.without(noted), clips=folder / CLIPS, with_test=with_test, progress=decoding
    )
    new = {dive_id: why for dive_id, why in {**unusable, **left_out}.items() if dive_id not in noted}
    skipped, num_dives = noted | new, asked.count(settings, with_test=with_test)
    if begun and new:
        raise cannot_be_used(
            new,
            num_dives,
            where=folder,
            todo="the run was begun with them: get the films again, or begin another run",
        )
    if skipped and settings.skip == "fail":
        raise cannot_be_used(
            skipped,
            num_dives,
            where=settings.folder,
            todo="get these films again, take the dives out of the manifest, or set data.skip=report",
        )
    write_skipped(folder, skipped)
    if skipped:
        tell(told_skipped(skipped, num_dives, folder / SKIPPED))


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
    settings: PretrainSettings, folder: Path, *, decoding: Progress = _silent, tell: Tell = _untold
) -> Iterator[StepReport]:
    """Pretrain encoders on simulated dives, from where the folder stands.

    Args:
        settings: Settings of the run.
        folder: Folder of the run, which holds none or one with these settings.
        decoding: Called as (what, done, total) while clips are decoded.
        tell: Told in a line what dives are skipped.

    Raises:
        StagescoreError: Data, settings or checkpoints that cannot be used, or another process goes on with the run.
    """
    device = _prepared(settings.run)
    asked = read_dives(settings.data)
    _check_simulated(asked)
    needs = Needs(training=frozenset({"video"} if settings.model.reads_video else {"skeleton"}))
    unusable = unusable_dives(settings.data, asked, needs)
    ClipStore.check(clips_folder(settings.data, folder / CLIPS), settings.data.preprocessing)
    encoders = make_model(settings.model, seed=settings.run.begins_with).encoders
    start_from = [] if settings.start is None else starting_files(settings.start)
    with run_start(folder, settings) as start:
        _store_clips(settings.data, asked, unusable, folder, begun=start.begun, decoding=decoding, tell=tell)
        skipped = read_skipped(folder)
        dives = asked.without(skipped)
        samples = open_samples(settings.data, dives, clips=folder / CLIPS)
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
        # At least 0.05 points, set by hand: a deduction that hardly varies would otherwise outweigh all others.
        objective = Pretraining(
            encoders=encoders,
            weights=settings.weights.model_dump(),
            window=settings.window,
            deduction_scale=deductions.std(0).clamp(min=0.05),
        )
        if start_from:
            load_matching(objective.model, start_from)
        objective.to(device)
        loop = Loop(
            folder=folder,
            components=TrainComponents(
                objective=objective,
                model=objective.model,
                optimiser=make_adam(
                    objective.model,
                    settings.optimiser,
                    factors=encoders.present(settings.optimiser.factors),
                ),
            ),
            source=LiveSource(samples, make_views(settings.data, seed=settings.run.seed)),
            sampler=sampler,
            schedules=make_schedules(settings.optimiser, settings.run, steps_per_epoch=len(sampler.epoch(0))),
            notes={"skipped": len(skipped)},
        )
        loop.resume()
        start.succeeded = True
        yield from loop.run()


def _check_simulated(dives: TrainingDives) -> None:
    """Refuse films of which nothing is known but labels."""
    for folder in dives.folders:
        if not (folder / "truth").is_dir():
            raise DataError(
                "no truth about simulated dives is here, which pretraining learns from",
                where=folder,
                todo="name a folder that `stagescore simulate` wrote; films of real dives are for `stagescore train`",
            )


def cache_features(
    settings: TrainSettings,
    folder: Path,
    *,
    decoding: Progress = _silent,
    progress: Progress = _silent,
    tell: Tell = _untold,
) -> None:
    """Cache what the frozen encoders of a model say of every view of every dive; goes on where it was stopped.

    Args:
        settings: Settings of the run that will read the cache, with `data.views`.
        folder: Folder of the cache; decoded clips go beside it unless `data.clips` names another place.
        decoding: Called as (what, done, total) while clips are decoded.
        progress: Called as (what, done, total) while dives are encoded.
        tell: Told in a line what dives are skipped.

    Raises:
        StagescoreError: Data, settings or weights that cannot be used.
    """
    device = _prepared(settings.run)
    views = make_views(settings.data, seed=settings.run.seed)
    check_counted(views)
    asked, with_test = read_dives(settings.data), settings.run.validate_test
    unusable = unusable_dives(settings.data, asked, settings.needs, with_test=with_test)
    ClipStore.check(clips_folder(settings.data, folder / CLIPS), settings.data.preprocessing)
    model = _starting_model(settings)
    _store_clips(settings.data, asked, unusable, folder, with_test=with_test, decoding=decoding, tell=tell)
    dives = asked.without(read_skipped(folder))
    samples = open_samples(settings.data, dives, clips=folder / CLIPS, with_test=with_test)
    encoders = model.encoders.eval().to(device)
    build_feature_cache(encoders, LiveSource(samples, views), folder, progress=progress)


def _starting_model(settings: TrainSettings) -> ActionModel:
    """The model with the weights that the run starts from."""
    model = make_model(settings.model, seed=settings.run.begins_with)
    load_start(model, settings.start)
    return model


def _prepared(run: RunSettings) -> torch.device:
    """Threads of the processor are set; the device that the run is on."""
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    return training_device(run.device, precision=run.precision)
