"""From settings to the parts of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from stagescore.data.attachments import Progress
from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import DiveSource, LiveSource, Views
from stagescore.data.manifest import Manifest, Part, read_manifest
from stagescore.data.protocols import split_by_fold
from stagescore.data.samples import Samples
from stagescore.encoders.backbones import ImageBackbone
from stagescore.encoders.i3d import I3D
from stagescore.errors import CheckpointError, ConfigError
from stagescore.losses.contrast import ContrastLoss, info_nce, stage_contrast, triplet
from stagescore.losses.segmentation import segmentation_losses, smoothed_segmentation_losses
from stagescore.models import build
from stagescore.models.base import ActionModel, LossFunctions, SegmentationLoss
from stagescore.training.checkpoints import newest_checkpoint, read_file
from stagescore.training.event_folds import read_flights
from stagescore.training.feature_cache import FeatureCache
from stagescore.training.objective import Objective
from stagescore.training.optimiser import Schedule, make_optimiser
from stagescore.training.settings import DataSettings, ObjectiveSettings, OptimiserSettings, TrainSettings
from stagescore.training.steps import Plan
from stagescore.types import Dive
from stagescore.weights.imagenet import load_imagenet, published_at
from stagescore.weights.kinetics import PUBLISHED as KINETICS
from stagescore.weights.kinetics import load_kinetics, read_kinetics
from stagescore.weights.search import find_weights


def make_model(settings: TrainSettings) -> ActionModel:
    """The model, its random weights decided by the seed alone."""
    state = torch.get_rng_state()
    torch.manual_seed(settings.run.begins_with)
    model = build(settings.model)
    torch.set_rng_state(state)
    return model


def make_objective(model: ActionModel, settings: ObjectiveSettings) -> Objective:
    """Model and losses."""
    everything = settings.weights.model_dump()
    contrast: ContrastLoss
    if settings.contrast == "triplet":
        contrast = partial(triplet, margin=settings.margin, normalisation=settings.normalisation)
    else:
        loss = stage_contrast if settings.contrast == "stage" else info_nce
        contrast = partial(loss, temperature=settings.temperature, normalisation=settings.normalisation)
    segmentation: SegmentationLoss = segmentation_losses
    if settings.smoothing_frames:
        segmentation = partial(smoothed_segmentation_losses, width_frames=settings.smoothing_frames)
    return Objective(
        model=model,
        functions=LossFunctions(segmentation=segmentation, contrast=contrast),
        weights={name: everything[name] for name in model.loss_names},
    )


def make_schedule(settings: OptimiserSettings, *, epochs: int, steps_per_epoch: int) -> Schedule:
    """The learning rate over the run."""
    period = epochs if settings.cosine_epochs is None else settings.cosine_epochs
    return Schedule(
        warmup_steps=settings.warmup_steps,
        period_steps=max(period * steps_per_epoch - settings.warmup_steps, 1) if period else None,
        restart_cosine=settings.restart_cosine,
    )


def make_optimiser_of(model: ActionModel, settings: TrainSettings) -> torch.optim.Adam:
    """Adam with the groups that the settings name; encoders behind cached features are frozen."""
    groups = model.parameter_groups(settings.optimiser.factors, encoders_frozen=settings.features is not None)
    return make_optimiser(
        model,
        groups,
        learning_rate=settings.optimiser.learning_rate,
        weight_decay=settings.optimiser.weight_decay,
    )


def make_plan(settings: TrainSettings, manifest: Manifest) -> Plan:
    """How training dives meet.

    Raises:
        ConfigError: too few of them.
    """
    dives = manifest.select("fit", individual_only=settings.data.individual_only).dives
    if len(dives) < 2:
        raise ConfigError(
            f"{len(dives)} dives to train on", where=settings.data.folder, todo="name a folder with more"
        )
    return Plan(
        dives=dives,
        seed=settings.run.seed,
        pairing=settings.pairing,
        group_size=settings.batches.group_size,
        groups=settings.batches.groups,
        protocol=settings.batches.protocol,
        drop_video=settings.drops.video,
        drop_skeleton=settings.drops.skeleton,
        cut=settings.model.cut,
        execution=settings.data.target == "execution",
    )


@dataclass(frozen=True, slots=True)
class TrainingDives:
    """The dives of a run.

    Attributes:
        folders: manifests by folder: first the one with the splits, then the drills where there are any.
    """

    folders: Mapping[Path, Manifest]

    @property
    def manifest(self) -> Manifest:
        """The dives with the splits, without drills: what validates, tests and becomes exemplars."""
        return next(iter(self.folders.values()))

    @property
    def everything(self) -> Manifest:
        """Drills as well.

        Raises:
            DataError: a drill has the id of another dive.
        """
        return Manifest(tuple(dive for manifest in self.folders.values() for dive in manifest))

    def select(self, part: Part, *, individual_only: bool = False) -> dict[Path, tuple[Dive, ...]]:
        """The dives of a part of the split, by folder."""
        return {
            folder: manifest.select(part, individual_only=individual_only).dives
            for folder, manifest in self.folders.items()
        }


def read_dives(settings: DataSettings) -> TrainingDives:
    """The dives that the settings name.

    Raises:
        ConfigError: none is named, or the drills are the dives themselves.
        DataError: they cannot be read.
    """
    if not settings.folder:
        raise ConfigError("no data are named", where="data.folder", todo="add data.folder=FOLDER")
    manifest = read_manifest(Path(settings.folder))
    if settings.flights is not None:
        flights = read_flights(Path(settings.flights))
        manifest = Manifest(
            tuple(dive.with_changes(flight=flights.get(dive.dive_id, dive.flight)) for dive in manifest)
        )
    if settings.fold is not None:
        manifest = split_by_fold(manifest, settings.fold, sealed=settings.sealed)
    folders = {Path(settings.folder): manifest}
    if settings.drills is not None:
        if Path(settings.drills).resolve() == Path(settings.folder).resolve():
            raise ConfigError(
                "the drills are the dives themselves", where="data.drills", todo="name another folder"
            )
        drills = read_manifest(Path(settings.drills))
        folders[Path(settings.drills)] = Manifest(
            tuple(dive.with_changes(split="train", validation=False) for dive in drills)
        )
    return TrainingDives(folders)


def open_samples(
    settings: DataSettings,
    dives: TrainingDives,
    *,
    clips: Path,
    with_test: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Samples:
    """Decode what is not decoded yet, and open the clips of the training split.

    Args:
        settings: of the data.
        dives: of the run.
        clips: folder of decoded clips, unless the settings name one.
        with_test: also the test split.
        progress: told while clips are decoded.

    Raises:
        DataError: a film is missing or damaged.
    """
    clips = Path(settings.clips) if settings.clips else clips
    chosen = dives.select("all" if with_test else "train", individual_only=settings.individual_only)
    for folder, some in chosen.items():
        ClipStore.build(
            some,
            clips,
            settings.preprocessing,
            # The truth about simulated dives stays closed unless exact joints are asked for.
            truth=folder / "truth" if settings.joints == "exact" else None,
            workers=settings.workers,
            progress=progress,
        )
    store = ClipStore.open(clips, settings.preprocessing)
    return Samples(store, [dive for some in chosen.values() for dive in some], joints=settings.joints)


def views_of(settings: TrainSettings) -> Views:
    """The views of a run."""
    return Views(seed=settings.run.seed, augmentation=settings.data.augmentation, num=settings.data.views)


def make_source(settings: TrainSettings, samples: Samples) -> DiveSource:
    """Live encoders, or cached features where the settings name some.

    Raises:
        DataError: the cache is not finished or holds something else.
        ConfigError: the model recognises dive numbers, which cached features do not allow.
    """
    views = views_of(settings)
    if settings.features is None:
        return LiveSource(samples, views)
    model = settings.model
    if model.recognises:
        raise ConfigError(
            "cached features hold nothing that a dive number could be recognised from",
            where=settings.features,
            todo="set model.recognition.on=false, or features=null",
        )
    return FeatureCache(Path(settings.features), samples, views, model.branches)


def load_start(model: ActionModel, settings: TrainSettings) -> None:
    """Put published or earlier weights into a new model.

    Raises:
        CheckpointError: A file is missing, or fits no part of the model.
        ConfigError: The model has no part that such weights fit.
    """
    start = settings.start
    if start.dynamic is not None:
        load_published(model, "dynamic", start.dynamic)
    if start.static is not None:
        load_published(model, "static", start.static)
    if start.model is not None:
        load_matching(model, [Path(part.strip()) for part in start.model.split(",")])
    for branch, path in (("static", start.static_branch), ("fused", start.fused_branch)):
        if path is not None:
            load_branch(model, Path(path), branch)


_NETWORKS = {"dynamic": "model.dynamic.trunk", "static": "model.static.backbone"}
"""The setting that chooses the network of a branch."""


def load_published(model: ActionModel, branch: str, name: str) -> None:
    """Kinetics weights for I3D, ImageNet weights for an image network.

    Args:
        model: Model to load into.
        branch: Branch of the encoders that the weights are for.
        name: Path of the file, or its name in one of the places for weights.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
        ConfigError: The model has no network there that published weights fit.
    """
    part = model.pretrained_parts.get(branch)
    if isinstance(part, I3D):
        load_kinetics(part, read_kinetics(_found(name, KINETICS)))
    elif isinstance(part, ImageBackbone):
        load_imagenet(part, _found(name, published_at(part)))
    else:
        raise ConfigError(
            f"start.{branch} is for public networks, and the model has none there",
            where=name,
            todo=f"set {_NETWORKS[branch]} to any but small, or leave start.{branch} out",
        )


def load_branch(model: ActionModel, path: Path, branch: str) -> None:
    """The heads of one branch, from a model that has been trained with it alone.

    Args:
        model: Model to load into.
        path: Path of the other model, as for `read_state`.
        branch: Name of the branch.

    Raises:
        CheckpointError: The other model cannot be read, or its branch does not fit.
        ConfigError: The model takes no such branch over.
    """
    parts = model.branch_parts.get(branch)
    if parts is None:
        raise ConfigError(
            f"the model takes no {branch} branch over", where=path, todo=f"leave start.{branch}_branch out"
        )
    state = read_state(path)
    for part in parts:
        own = {
            key.removeprefix(f"{part}."): value for key, value in state.items() if key.startswith(f"{part}.")
        }
        try:
            model.get_submodule(part).load_state_dict(own)
        except (AttributeError, RuntimeError) as error:
            raise CheckpointError(
                f"its {branch} branch does not fit at {part} ({' '.join(str(error).split())[:120]})",
                where=path,
                todo="name a run with the same settings but for the branches that are off",
            ) from None


def _found(name: str, published: str) -> Path:
    """A path as it is, or the name of a file in one of the places for weights."""
    if Path(name).exists() or Path(name).name != name:
        return Path(name)
    return find_weights(name, published=published)


def load_matching(model: nn.Module, paths: Sequence[Path]) -> None:
    """Weights of ours: a whole model, or files that have all its encoders between them.

    A model whose other parts are all there is whole without the recognition of dive numbers: where the files lack that
    head, the model keeps its own, and where only the files have one, it is left out.

    Raises:
        CheckpointError: one cannot be read, an encoder is in none of them, or one does not fit.
    """
    wanted = model.state_dict()
    state: dict[str, torch.Tensor] = {}
    for path in paths:
        state |= read_state(path)
    if set(_without_recognition(state)) == set(_without_recognition(wanted)):
        if len(_without_recognition(state)) == len(state):
            wanted = _without_recognition(wanted)
    else:
        wanted = {
            name: value
            for name, value in _without_recognition(wanted).items()
            if name.startswith("encoders.")
        }
    wrong = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    if wrong:
        raise CheckpointError(
            f"the weights do not fit the model, for example at {wrong[0]}",
            where=", ".join(map(str, paths)),
            todo="use the settings that the weights were made with, and name files of all encoders",
        )
    model.load_state_dict({name: state[name] for name in wanted}, strict=False)


def _without_recognition(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("encoders.numbers.")}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, from a safetensors file, a checkpoint, or the folder of a run (its newest checkpoint).

    Raises:
        CheckpointError: none of these, or damaged.
    """
    if path.is_dir():
        state, torn = newest_checkpoint(path / "checkpoints")
        if state is None:
            raise CheckpointError(
                "the run has no whole checkpoint" + (f" ({torn[0]})" if torn else ""),
                where=path,
                todo="train first",
            )
        return dict(state["model"])
    if path.suffix == ".ckpt":
        return dict(read_file(path)["model"])
    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"cannot read the weights ({' '.join(str(error).split())[:100]})",
            where=path,
            todo="name a safetensors file, a checkpoint or a run",
        ) from None
