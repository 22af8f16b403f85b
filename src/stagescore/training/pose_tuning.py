"""Pose networks tuned on dives labelled by hand, cross-validated by dive.

For every dive one network that has seen all the others: of random weights (`real only`), and of weights trained on
simulated dives (`both`), where simulated frames may go on to be shown beside the real ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from stagescore.config import Config
from stagescore.errors import ConfigError
from stagescore.pose.own_networks import load_network
from stagescore.training.loop import StepReport
from stagescore.training.pose_augmentation import PoseAugmentation
from stagescore.training.pose_frames import DiveFrames
from stagescore.training.pose_training import PoseTrainSettings, run_pose, weights_path
from stagescore.training.settings import OptimiserSettings, RunSettings

REAL, BOTH = "real only", "both"
_ALL_FRAMES = 10**6
"""More frames than any dive has."""


class PoseTuneSettings(Config):
    """How a network is tuned.

    Attributes:
        rounds: Number of times that each labelled frame is shown to a network that begins with trained weights.
        rounds_from_nothing: Number of times that each labelled frame is shown to a network that begins with random
            weights.
        batch: Number of frames in a batch.
        simulated: Number of simulated frames shown for every labelled one; needs simulated dives.
        augmentation: How strongly the frames are changed.
        optimiser: Settings of the optimiser for trained weights; random ones learn four times as fast.
        threads: Number of processor threads; None for all.
        seed: Seed of all hashes.
    """

    # Set by hand; what networks tuned so reach on two labelled dives stands in docs/log.md (26 November).
    rounds: int = 60
    rounds_from_nothing: int = 150
    batch: int = 16
    simulated: float = 1.0
    augmentation: PoseAugmentation = PoseAugmentation()
    optimiser: OptimiserSettings = OptimiserSettings(learning_rate=4e-4, warmup_steps=20, clip_norm=5.0)
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseFold:
    """One network of the cross-validation.

    Attributes:
        row: Kind of the network: `REAL` or `BOTH`.
        held_out: Dive that the network has not seen; None for the network that has seen all.
        folder: Folder of the network's run.
        settings: Settings of the network's run.
        dives: Dives that the network learns from.
    """

    row: str
    held_out: DiveFrames | None
    folder: Path
    settings: PoseTrainSettings
    dives: tuple[DiveFrames, ...]

    @property
    def weights(self) -> Path:
        """Where its weights are when it is trained."""
        return weights_path(self.settings, self.folder)

    def train(self) -> Iterator[StepReport]:
        """Train from where its folder stands; nothing is left to do where it was finished.

        Raises:
            StagescoreError: See `pose_training.train_pose`.
        """
        about = f"{sum(len(d.stage) for d in self.dives)} frames, among them labelled ones ({self.row})"
        yield from run_pose(self.settings, self.folder, self.dives, (), about=about)


def folds(
    weights: Path,
    labelled: tuple[DiveFrames, ...],
    simulated: tuple[DiveFrames, ...],
    settings: PoseTuneSettings,
    folder: Path,
) -> list[PoseFold]:
    """All networks that are to be trained: two a dive, and one on all dives.

    Args:
        weights: File of a pose network of ours, trained on simulated dives.
        labelled: Dives labelled by hand, two or more.
        simulated: Simulated dives shown beside the labelled ones; may be empty.
        settings: Settings of the tuning.
        folder: Folder of all the runs.

    Raises:
        CheckpointError: The weights cannot be used.
        ConfigError: There is a single dive, or the weights find boxes.
    """
    if len(labelled) < 2:
        raise ConfigError("dives are held out one by one", where="--labels", todo="give two dives or more")
    _, card = load_network(weights)
    if card.network.finds != "joints":
        raise ConfigError(
            "it finds boxes, and the labels are joints", where=weights, todo="give a pose network"
        )

    def fold(row: str, held_out: DiveFrames | None) -> PoseFold:
        real = tuple(dive for dive in labelled if dive is not held_out)
        both = row == BOTH
        name = "all" if held_out is None else held_out.name
        rounds = settings.rounds if both else settings.rounds_from_nothing
        # Random weights learn four times as fast as trained ones: set by hand.
        rate = settings.optimiser.learning_rate * (1 if both else 4)
        shown = _beside(simulated, real, settings) if both else ()
        return PoseFold(
            row=row,
            held_out=held_out,
            folder=folder / f"{row.replace(' ', '-')}-{name}",
            settings=PoseTrainSettings(
                name=f"{card.name}-tuned",
                network=card.network,
                start=str(weights) if both else None,
                frames=(_ALL_FRAMES, _ALL_FRAMES, _ALL_FRAMES, 0),
                batch=settings.batch,
                augmentation=settings.augmentation,
                optimiser=settings.optimiser.model_copy(update={"learning_rate": rate}),
                run=RunSettings(
                    epochs=rounds,
                    seed=settings.seed,
                    checkpoint_steps=50,
                    validate_epochs=0,
                    threads=settings.threads,
                ),
            ),
            dives=real + shown,
        )

    return [*(fold(row, dive) for dive in labelled for row in (REAL, BOTH)), fold(BOTH, None)]


def _beside(
    simulated: tuple[DiveFrames, ...], real: tuple[DiveFrames, ...], settings: PoseTuneSettings
) -> tuple[DiveFrames, ...]:
    """As many simulated frames as are wanted, evenly from all the dives."""
    wanted = round(settings.simulated * sum(int(dive.readable.sum()) for dive in real))
    order = torch.randperm(
        sum(int(dive.readable.sum()) for dive in simulated),
        generator=torch.Generator().manual_seed(settings.seed),
    )
    kept, first, chosen = set(order[:wanted].tolist()), 0, []
    for dive in simulated:
        rows = [
            row for place, row in enumerate(dive.readable.nonzero()[0].tolist(), start=first) if place in kept
        ]
        first += int(dive.readable.sum())
        if rows:
            chosen.append(
                replace(
                    dive,
                    pictures=tuple(dive.pictures[row] for row in rows),
                    joints_px=dive.joints_px[rows],
                    seen=dive.seen[rows],
                    boxes_px=dive.boxes_px[rows],
                    stage=dive.stage[rows],
                )
            )
    return tuple(chosen)
