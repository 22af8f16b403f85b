"""Pose networks of our own learn from simulated dives: a sampler of frames for the loop, the losses, whole runs.

Every epoch shows other frames of every dive, most of them of the flight, each in a new crop; which and how is a
function of seed, epoch and frame alone, so runs resume exactly.
Source: paper, section IV-B (HRNet, fine-tuned on divers); Departs: learned on simulated dives.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from pydantic import Field, model_validator
from torch import Tensor, nn

from stagescore.config import Config
from stagescore.data.manifest import Manifest, Part, read_manifest
from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.hashing import hash_u64
from stagescore.media.images import load_image
from stagescore.pose.boxes import box_iou
from stagescore.pose.heatmaps import gaussian_maps, joints_of_maps, map_loss
from stagescore.pose.network_card import NetworkSettings, PoseCard
from stagescore.pose.networks import NetworkIdentity
from stagescore.pose.own_networks import OwnDetector, build_network, load_network, save_network
from stagescore.pose.small_detector import SmallDetector, detector_loss
from stagescore.training.assembly.optimiser import make_adam, make_schedules
from stagescore.training.groups import BatchGroups, Group
from stagescore.training.loop import Loop, StepReport, TrainComponents, read_best
from stagescore.training.pose_augmentation import PoseAugmentation, PoseSample, crop_sample, frame_sample
from stagescore.training.pose_frames import GONE, DiveFrames, read_simulated
from stagescore.training.processes import training_device
from stagescore.training.run_folder import (
    SKIPPED,
    Tell,
    cannot_be_used,
    has_begun,
    read_skipped,
    run_start,
    told_skipped,
    write_skipped,
)
from stagescore.training.settings import OptimiserSettings, RunSettings
from stagescore.weights.named import named_weights

NEAR = 0.05
"""Share of the crop's height; joints closer than that count as found in validation. Set by hand."""
SAME_IOU = 0.5
"""IoU from which on a box counts as found in validation: the usual threshold for detectors, as in PASCAL VOC."""
_CHECKED_AT_ONCE = 32
"""Number of validation frames looked at together. Set by hand: it bounds the memory that validation takes."""


class PoseTrainSettings(Config):
    """A run that trains a network that finds joints or boxes.

    Attributes:
        name: Name of the weights that come out, and of their file.
        network: Settings of the network that is trained.
        folder: Folder of simulated dives; given on the command line as a rule.
        start: Weights of the same network to start from, by file or name (`pose-small`); None for random ones.
        skip: What becomes of dives whose truth or pictures are missing or damaged: `report` leaves them out and lists them in
            `skipped.csv` of the run, `fail` refuses to start and names all.
        frames: Numbers of frames of each dive in an epoch: of take-off, of flight, of entry, and without the diver (for
            boxes).
        batch: Number of frames in a batch.
        augmentation: How strongly the frames are changed.
        optimiser: Settings of the optimiser and of its learning rate.
        run: Settings of the run: its length, seed, device and checkpoints.
        checked: Number of frames of the validation dives that each validation looks at.
    """

    name: str = "pose-small"
    network: NetworkSettings = NetworkSettings()
    folder: str = ""
    start: str | None = None
    skip: Literal["report", "fail"] = "report"
    # Set by hand: most frames are of the flight. Presets have their own numbers.
    frames: tuple[int, int, int, int] = (3, 8, 3, 0)
    batch: int = Field(default=32, ge=1)
    augmentation: PoseAugmentation = PoseAugmentation()
    optimiser: OptimiserSettings = OptimiserSettings(learning_rate=1e-3)
    run: RunSettings = RunSettings()
    # Set by hand.
    checked: int = Field(default=512, ge=1)

    @model_validator(mode="after")
    def _sensible(self) -> "PoseTrainSettings":
        if min(self.frames) < 0 or not sum(self.frames[:GONE]):
            raise ValueError("give four numbers of frames that are not all 0")
        if self.network.finds == "joints" and self.frames[GONE]:
            raise ValueError("joints are not learned from frames without the diver: the fourth number is 0")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseBatch:
    """Pictures with what is known of them.

    Attributes:
        pictures: Crops or whole frames in red, green and blue, 0 to 255.
        joints_px: Places of the joints in the pictures, in pixels; 0 where unknown.
        known: Whether the place of each joint is known.
        seen: Whether each joint is to be seen.
        boxes_px: Left, top, right and bottom of the diver, in pixels; 0 where there is none.
        has_box: Whether each picture shows the diver.
    """

    pictures: UInt8[Tensor, "samples h w 3"]
    joints_px: Float[Tensor, "samples joints 2"]
    known: Bool[Tensor, "samples joints"]
    seen: Bool[Tensor, "samples joints"]
    boxes_px: Float[Tensor, "samples 4"]
    has_box: Bool[Tensor, " samples"]

    @classmethod
    def of(cls, samples: Sequence[PoseSample]) -> "PoseBatch":
        """The batch of some samples of one size."""
        joints = torch.from_numpy(np.stack([s.joints_px for s in samples]).astype(np.float32))
        boxes = torch.from_numpy(np.stack([s.box_px for s in samples]).astype(np.float32))
        return cls(
            pictures=torch.from_numpy(np.stack([s.picture for s in samples])),
            joints_px=joints.nan_to_num(),
            known=joints.isfinite().all(-1),
            seen=torch.from_numpy(np.stack([s.seen for s in samples])),
            boxes_px=boxes.nan_to_num(),
            has_box=boxes.isfinite().all(-1),
        )

    def to(self, device: torch.device | str) -> "PoseBatch":
        """The same batch on a device."""
        return PoseBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


class PoseObjective(nn.Module):
    """A network with its loss; `model` is what a checkpoint keeps.

    Joints that are known and not seen (under water, outside of the crop) are to have an empty map, so that
    confidence means something; those that nobody knows count for nothing.
    """

    def __init__(self, *, model: nn.Module, sigma: float) -> None:
        super().__init__()
        self.model = model
        self.sigma = sigma

    def forward(self, batch: PoseBatch) -> dict[str, Tensor]:
        """Named losses and their `total`."""
        answers = self.model(batch.pictures)
        if isinstance(self.model, SmallDetector):
            return detector_loss(answers, batch.boxes_px, batch.has_box)
        size_px = (batch.pictures.shape[2], batch.pictures.shape[1])
        wanted = gaussian_maps(batch.joints_px, batch.seen & batch.known, size_px, self.sigma)
        loss = map_loss(answers, wanted, batch.known, self.sigma)
        return {"maps": loss, "total": loss}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseSampler:
    """Which frames a step looks at, and in which crop.

    Attributes:
        dives: Dives to learn from, each in every epoch.
        network: Settings of the network that is trained, for what it finds and the size of its pictures.
        augmentation: How strongly the frames are changed.
        frames: Numbers of frames of each dive in an epoch: of take-off, of flight, of entry, and without the diver.
        batch: Number of frames in a batch.
        seed: Seed of all hashes.
    """

    dives: tuple[DiveFrames, ...]
    network: NetworkSettings
    augmentation: PoseAugmentation
    frames: tuple[int, int, int, int]
    batch: int
    seed: int

    def epoch(self, epoch: int) -> list[BatchGroups]:
        """The batches of an epoch: `dive:frame` by number, dives and frames in an order decided by hash."""
        chosen = []
        for number, dive in enumerate(self.dives):
            rng = np.random.default_rng(hash_u64(self.seed, "frames", epoch, dive.name))
            usable = dive.readable if self.network.finds == "joints" else np.ones(len(dive.stage), np.bool_)
            for stage, num in enumerate(self.frames):
                rows = np.flatnonzero(usable & (dive.stage == stage))
                chosen += [f"{number}:{row}" for row in rng.permutation(rows)[:num]]
        if not chosen:
            raise DataError("no frame of these dives can be learned from", todo="simulate more dives")
        order = np.random.default_rng(hash_u64(self.seed, "order", epoch)).permutation(len(chosen))
        groups = [Group((chosen[k],), 1) for k in order]
        return [BatchGroups(tuple(groups[k : k + self.batch])) for k in range(0, len(groups), self.batch)]

    def load(self, source: object, groups: BatchGroups, epoch: int) -> PoseBatch:
        """The samples of some frames; the sampler has its frames itself, so the source is not asked."""
        samples = []
        for sample_id in groups.dive_ids:
            number, row = map(int, sample_id.split(":"))
            dive = self.dives[number]
            rng = np.random.default_rng(hash_u64(self.seed, "sample", epoch, dive.name, row))
            cut = crop_sample if self.network.finds == "joints" else frame_sample
            samples.append(cut(whole_frame(dive, row), self.network.size_px, self.augmentation, rng))
        return PoseBatch.of(samples)


def whole_frame(dive: DiveFrames, row: int) -> PoseSample:
    """A frame as it is on the disk.

    Raises:
        DataError: The picture cannot be read.
    """
    return PoseSample(
        picture=load_image(dive.pictures[row]),
        joints_px=dive.joints_px[row].astype(np.float64),
        seen=dive.seen[row],
        box_px=dive.boxes_px[row].astype(np.float64),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseValidation:
    """Looks at a network as it stands, on frames of other dives.

    Attributes:
        model: Network of the run.
        sampler: Frames of the validation dives, without augmentation.
        most: Number of frames to look at, rounded up to whole batches.
        device: Device of the network.
    """

    model: nn.Module
    sampler: PoseSampler
    most: int
    device: torch.device | str = "cpu"

    def __call__(self) -> dict[str, float]:
        """`val_near`: share of seen joints closer than 5 % of the crop; or `val_recall` at an IoU of 0.5."""
        training = self.model.training
        self.model.eval()
        batches = self.sampler.epoch(0)[: -(-self.most // self.sampler.batch)]
        with torch.inference_mode():
            hits = np.concatenate(
                [self._hits(self.sampler.load(None, batch, 0).to(self.device)) for batch in batches]
            )
        self.model.train(training)
        name = "val_near" if self.sampler.network.finds == "joints" else "val_recall"
        return {name: float(hits.mean())}

    def _hits(self, batch: PoseBatch) -> np.ndarray:
        network = self.sampler.network
        if isinstance(self.model, SmallDetector):
            nobody = NetworkIdentity(name="", kind="", sha256="")
            detector = OwnDetector(self.model, network.size_px, nobody)
            hits = []
            for picture, box, has_box in zip(batch.pictures, batch.boxes_px, batch.has_box, strict=True):
                if has_box:
                    people = detector.detect(picture.cpu().numpy())
                    best = people.boxes_px[people.confidence.argsort()[-1:]]
                    hits.append(bool((box_iou(box.cpu().numpy().astype(np.float64), best) >= SAME_IOU).any()))
            return np.array(hits, dtype=np.bool_)
        found = joints_of_maps(self.model(batch.pictures), network.sigma)
        off = (found[..., :2] - batch.joints_px).norm(dim=-1)
        return (off < NEAR * network.height_px)[batch.seen & batch.known].cpu().numpy()


def train_pose(
    settings: PoseTrainSettings, folder: Path, tell: Tell = lambda line: None
) -> Iterator[StepReport]:
    """Train on simulated dives from where the folder stands; the best weights so far are `FOLDER/<name>.safetensors`.

    Args:
        settings: Settings of the run.
        folder: Folder of the run, which holds none or one with these settings.
        tell: Told in a line what dives are skipped.

    Raises:
        StagescoreError: Data, settings or checkpoints that cannot be used.
    """
    if not settings.folder:
        raise ConfigError("no simulated dives are named", where="folder", todo="add folder=FOLDER")
    manifest: Manifest = read_manifest(Path(settings.folder))
    noted, num_dives = read_skipped(folder) if has_begun(folder) else {}, len(manifest.select("train"))
    new: dict[str, str] = {}
    parts: tuple[Part, Part] = ("fit", "val")
    fit, val = (
        read_simulated(
            Path(settings.folder),
            [dive for dive in manifest.select(part) if dive.dive_id not in noted],
            new,
        )
        for part in parts
    )
    skipped = noted | new
    if new and (settings.skip == "fail" or has_begun(folder)):
        raise cannot_be_used(
            new,
            num_dives,
            where=settings.folder,
            todo="simulate them again with --resume, or begin a run with skip=report",
        )
    with run_start(folder, settings) as start:
        write_skipped(folder, skipped)
        if skipped:
            tell(told_skipped(skipped, num_dives, folder / SKIPPED))
        about = f"{len(fit)} simulated dives"
        for report in run_pose(settings, folder, fit, val, about=about, notes={"skipped": len(skipped)}):
            start.succeeded = True
            yield report


def run_pose(
    settings: PoseTrainSettings,
    folder: Path,
    dives: tuple[DiveFrames, ...],
    held_out: tuple[DiveFrames, ...],
    *,
    about: str,
    notes: Mapping[str, int] | None = None,
) -> Iterator[StepReport]:
    """Train a pose network as `train_pose` does, on any frames.

    Args:
        settings: Settings of the run; `folder` in them is not read.
        folder: Folder of the run.
        dives: Dives to learn from.
        held_out: Dives for validation; empty for none.
        about: What the network is trained on, in words, for the card.
        notes: Numbers that every row of the log has; none by default.
    """
    run = settings.run
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    device = training_device(run.device, precision=run.precision)
    model = start_network(settings).to(device)
    sampler = PoseSampler(
        dives=dives,
        network=settings.network,
        augmentation=settings.augmentation,
        frames=settings.frames,
        batch=settings.batch,
        seed=run.seed,
    )
    takeoff, flight, entry, _ = settings.frames
    shown_frames = (takeoff, flight, entry, 0)
    shown = PoseSampler(
        dives=held_out,
        network=settings.network,
        augmentation=PoseAugmentation.none(),
        frames=shown_frames,
        batch=_CHECKED_AT_ONCE,
        seed=run.seed,
    )
    loop = Loop(
        folder=folder,
        components=TrainComponents(
            objective=PoseObjective(model=model, sigma=settings.network.sigma),
            model=model,
            optimiser=make_adam(model, settings.optimiser, factors={}),
        ),
        source=None,
        sampler=sampler,
        schedules=make_schedules(settings.optimiser, run, steps_per_epoch=len(sampler.epoch(0))),
        validate=PoseValidation(model=model, sampler=shown, most=settings.checked, device=device)
        if held_out
        else None,
        notes=notes,
    )
    loop.resume()
    for report in loop.run():
        if report.figures:
            _write_best(settings, loop, about)
        yield report
    _write_best(settings, loop, about)


def start_network(settings: PoseTrainSettings) -> nn.Module:
    """The network of a run, random by the seed alone or with the weights that the settings name.

    Raises:
        CheckpointError: Those weights are of another network.
    """
    if settings.start is None:
        state = torch.get_rng_state()
        torch.manual_seed(settings.run.seed)
        model: nn.Module = build_network(settings.network)
        torch.set_rng_state(state)
        return model.to(memory_format=torch.channels_last)
    model, card = load_network(named_weights(settings.start, "estimator", "detector"))
    if card.network != settings.network:
        raise CheckpointError(
            "these weights are of another network than the settings describe",
            where=settings.start,
            todo="use the settings of its card",
        )
    return model


def weights_path(settings: PoseTrainSettings, folder: Path) -> Path:
    """Where a run puts its weights."""
    return folder / f"{settings.name}.safetensors"


def _write_best(settings: PoseTrainSettings, loop: Loop, about: str) -> None:
    """Weights with their card: the best on validation, or the last where nothing was validated."""
    figures: dict[str, Any] = {name: round(best["value"], 4) for name, best in loop.state.best.items()}
    tensors: Mapping[str, Tensor] = loop.model.state_dict()
    for name in loop.state.best:
        tensors = read_best(loop.folder, name)
    card = PoseCard(
        name=settings.name,
        network=settings.network,
        trained_on=about,
        commands=(f"stagescore pose train {settings.name} folder=DIVES --out RUN",),
        limits=("trained on simulated dives; real ones look different",),
        figures=figures | {"epochs": loop.state.epoch},
        weights_hash="",
    )
    save_network(weights_path(settings, loop.folder), tensors, card)
