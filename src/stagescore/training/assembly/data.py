"""The dives of a run: which there are, their clips, where batches come from, and how dives meet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from stagescore.data.attachments import Progress
from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import DiveSource, LiveSource, Views
from stagescore.data.manifest import Manifest, Part, read_manifest
from stagescore.data.protocols import split_by_fold
from stagescore.data.samples import Samples
from stagescore.errors import ConfigError, DataError
from stagescore.models.base_settings import BaseModelSettings
from stagescore.models.needs import Needs
from stagescore.segmentation.stages import StageCut
from stagescore.training.event_folds import read_flights
from stagescore.training.feature_cache import FeatureCache
from stagescore.training.settings import BatchSettings, DataSettings, ModalityDropout
from stagescore.training.steps import BatchSampler
from stagescore.types import Dive


@dataclass(frozen=True, slots=True)
class TrainingDives:
    """The dives of a run.

    Attributes:
        folders: Manifests by folder: first the one with the splits, then the fault-augmented dives where there are any.
    """

    folders: Mapping[Path, Manifest]

    @property
    def manifest(self) -> Manifest:
        """The dives with the splits, without fault-augmented ones: what validates, tests and becomes exemplars."""
        return next(iter(self.folders.values()))

    @property
    def everything(self) -> Manifest:
        """All dives of the run, fault-augmented ones among them.

        Raises:
            DataError: A fault-augmented dive has the id of another dive.
        """
        return Manifest(tuple(dive for manifest in self.folders.values() for dive in manifest))

    def without(self, dive_ids: Collection[str]) -> "TrainingDives":
        """The same without some dives."""
        return TrainingDives(
            {
                folder: Manifest(tuple(dive for dive in manifest if dive.dive_id not in dive_ids))
                for folder, manifest in self.folders.items()
            }
        )

    def used(self, settings: DataSettings, *, with_test: bool = False) -> dict[Path, tuple[Dive, ...]]:
        """The dives whose clips a run reads, by folder: those of the training split, and of the test split if asked for."""
        return self.select("all" if with_test else "train", individual_only=settings.individual_only)

    def count(self, settings: DataSettings, *, with_test: bool = False) -> int:
        """Number of the dives that are `used`."""
        return sum(map(len, self.used(settings, with_test=with_test).values()))

    def select(self, part: Part, *, individual_only: bool = False) -> dict[Path, tuple[Dive, ...]]:
        """The dives of a part of the split, by folder."""
        return {
            folder: manifest.select(part, individual_only=individual_only).dives
            for folder, manifest in self.folders.items()
        }


def read_dives(settings: DataSettings) -> TrainingDives:
    """The dives that the settings name.

    Raises:
        ConfigError: None is named, or the fault-augmented dives are the dives themselves.
        DataError: They cannot be read.
    """
    if not settings.folder:
        raise ConfigError("no data are named", where="data.folder", todo="add data.folder=FOLDER")
    manifest = read_manifest(Path(settings.folder))
    if settings.flights is not None:
        flights = read_flights(Path(settings.flights))
        if not any(dive.dive_id in flights for dive in manifest):
            raise DataError(
                f"no dive of {settings.folder} stands there",
                where=settings.flights,
                todo="name the flights.json that `stagescore train-events` wrote for this folder",
            )
        manifest = Manifest(
            tuple(dive.with_changes(flight=flights.get(dive.dive_id, dive.flight)) for dive in manifest)
        )
    if settings.fold is not None:
        manifest = split_by_fold(manifest, settings.fold, sealed=settings.sealed)
    folders = {Path(settings.folder): manifest}
    if settings.fault_augmented is not None:
        if Path(settings.fault_augmented).resolve() == Path(settings.folder).resolve():
            raise ConfigError(
                "the fault-augmented dives are the dives themselves",
                where="data.fault_augmented",
                todo="name another folder",
            )
        augmented = read_manifest(Path(settings.fault_augmented))
        folders[Path(settings.fault_augmented)] = Manifest(
            tuple(dive.with_changes(split="train", validation=False) for dive in augmented)
        )
    return TrainingDives(folders)


def unusable_dives(
    settings: DataSettings, dives: TrainingDives, needs: Needs, *, with_test: bool = False
) -> dict[str, str]:
    """Why dives cannot be used, as far as the manifest tells it: no film, no joints, nobody seen in it.

    What all dives of a folder lack is not told here: then it is the data set that lacks it (`data_needs.check_needs`).

    Args:
        settings: Settings of the data.
        dives: Dives of the run.
        needs: What the run needs of each dive.
        with_test: Whether the test split is used as well.

    Returns:
        The reason, by id of the dive.
    """
    found: dict[str, str] = {}
    for some in dives.used(settings, with_test=with_test).values():
        lacks = {
            "it has no film": [dive for dive in some if dive.frames_path is None],
            "it has no joints": [dive for dive in some if dive.poses_path is None],
            "`data prepare` saw nobody fall in its film": [dive for dive in some if not dive.flight],
        }
        if "skeleton" not in needs.training or settings.joints == "exact":
            del lacks["it has no joints"]
        for why, lacking in lacks.items():
            if len(lacking) < len(some):
                found |= {dive.dive_id: why for dive in lacking if dive.dive_id not in found}
    return found


def store_clips(
    settings: DataSettings,
    dives: TrainingDives,
    *,
    clips: Path,
    with_test: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> dict[str, str]:
    """Decode what is not decoded yet of the training split.

    Args:
        settings: Settings of the data.
        dives: Dives of the run.
        clips: Folder of decoded clips, unless the settings name one.
        with_test: Whether the test split is decoded as well.
        progress: Called as (what, done, total) while clips are decoded.

    Returns:
        Why dives cannot be used, by their ids.

    Raises:
        DataError: The folder cannot be written to, or holds clips of another preprocessing.
    """
    chosen = dives.used(settings, with_test=with_test)
    left_out: dict[str, str] = {}
    for folder, some in chosen.items():
        store = ClipStore.build(
            some,
            clips_folder(settings, clips),
            settings.preprocessing,
            # The truth about simulated dives stays closed unless exact joints are asked for.
            truth=folder / "truth" if settings.joints == "exact" else None,
            workers=settings.workers,
            skip=True,
            progress=progress,
        )
        left_out |= {
            dive.dive_id: store.left_out[dive.dive_id] for dive in some if dive.dive_id in store.left_out
        }
    return left_out


def open_samples(
    settings: DataSettings,
    dives: TrainingDives,
    *,
    clips: Path,
    with_test: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Samples:
    """Open the clips of dives that can be used; what is not decoded yet is decoded.

    Args:
        settings: Settings of the data.
        dives: Dives of the run, all of which can be used.
        clips: Folder of the clips, unless the settings name one.
        with_test: Whether the test split is opened as well.
        progress: Called as (what, done, total) while films are decoded.

    Raises:
        DataError: A film is missing or damaged, the folder cannot be written to, or it holds clips of another preprocessing.
    """
    unusable = store_clips(settings, dives, clips=clips, with_test=with_test, progress=progress)
    for dive_id, why in unusable.items():
        raise DataError(why, where=dive_id, todo="get the film again, or leave the dive out")
    store = ClipStore.open(clips_folder(settings, clips), settings.preprocessing)
    used = dives.used(settings, with_test=with_test)
    return Samples(store, [dive for some in used.values() for dive in some], joints=settings.joints)


def clips_folder(settings: DataSettings, clips: Path) -> Path:
    """Where decoded clips are: the folder that the settings name, else the run's own."""
    return Path(settings.clips) if settings.clips else clips


def make_views(settings: DataSettings, *, seed: int) -> Views:
    """The views of the training dives.

    Args:
        settings: Settings of the data: what may change from view to view, and how many there are.
        seed: Seed of the run.
    """
    return Views(seed=seed, augmentation=settings.augmentation, num=settings.views)


def make_source(
    samples: Samples, views: Views, *, features: str | None, model: BaseModelSettings
) -> DiveSource:
    """Where batches come from: clips for live encoders, or cached features.

    Args:
        samples: Dives whose clips are decoded.
        views: Views of the training dives.
        features: Folder of cached features; None for live encoders.
        model: Settings of the model, which say what it reads of a cache.

    Raises:
        DataError: The cache is not finished or holds something else.
        ConfigError: The model recognises dive numbers, which cached features do not allow.
    """
    if features is None:
        return LiveSource(samples, views)
    if model.recognises:
        raise ConfigError(
            "cached features hold nothing that a dive number could be recognised from",
            where=features,
            todo="set model.recognition.on=false, or features=null",
        )
    return FeatureCache(Path(features), samples, views, model.branches)


def make_sampler(
    manifest: Manifest,
    settings: DataSettings,
    *,
    batches: BatchSettings,
    dropout: ModalityDropout,
    cut: StageCut,
    seed: int,
) -> BatchSampler:
    """How training dives meet.

    Args:
        manifest: All dives of the run; those to fit to are chosen here.
        settings: Settings of the data: which dives take part, and what is predicted.
        batches: Groups and pairs, as they come into effect (`TrainSettings.effective_batches`).
        dropout: Modality dropout, as it comes into effect (`TrainSettings.drops`).
        cut: Stages of the model.
        seed: Seed of the run.

    Raises:
        ConfigError: There are too few dives.
    """
    dives = manifest.select("fit", individual_only=settings.individual_only).dives
    if len(dives) < 2:
        raise ConfigError(
            f"{len(dives)} dives to train on", where=settings.folder, todo="name a folder with more"
        )
    return BatchSampler(
        dives=dives,
        seed=seed,
        pairing=batches.pairing,
        group_size=batches.group_size,
        groups=batches.groups,
        protocol=batches.protocol,
        drop_video=dropout.video,
        drop_skeleton=dropout.skeleton,
        cut=cut,
        execution=settings.target == "execution",
    )
