"""Runs small enough for tests: five simulated dives, a network of a few thousand weights."""

from pathlib import Path

import pytest
import stored_dives
import torch

from stagescore.config import load_config
from stagescore.data.dive_sources import DiveSource, LiveSource, Views
from stagescore.data.preprocessing import Augmentation
from stagescore.data.samples import Samples
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.training.assembly import model as assembly
from stagescore.training.assembly.model import make_objective
from stagescore.training.assembly.optimiser import make_adam
from stagescore.training.loop import Loop, Schedules, TrainComponents
from stagescore.training.optimiser import Schedule
from stagescore.training.settings import TrainSettings
from stagescore.training.steps import BatchSampler

# With a first convolution narrower than 8 oneDNN's backward pass crashes on processors without AVX-512 (PyTorch 2.14).
MODEL = [
    "model.static={backbone: small, widths: [8, 8, 8, 8], width: 8}",
    "model.dynamic={trunk: small, widths: [8, 8, 8, 8], width: 8}",
    "model.skeleton={relative: true, widths: [8, 8], width: 8}",
    "model.segmentation.width=8",
    "model.regression={width: 8, heads: 2, layers: 1, dropout: 0.1, points: 10}",
    "model.stand_ins=true",
    "modality_dropout={video: 0.3, skeleton: 0.3}",
    "objective.weights.score=0.01",
    "optimiser={learning_rate: 0.003, warmup_steps: 2, clip_norm: 1.0}",
    "data.preprocessing={num_frames: 96, width: 56, height: 32, crop_width: 40, crop_height: 28}",
]
VIEWS = Views(seed=3, augmentation=Augmentation(shift=2), num=2)


def settings(*overrides: str) -> TrainSettings:
    return load_config(TrainSettings, None, [*MODEL, *overrides])


def make_model(asked: TrainSettings) -> HPMCoRe:
    return assembly.make_model(asked.model, seed=asked.run.begins_with)  # type: ignore[return-value]


def samples(factory: pytest.TempPathFactory) -> Samples:
    return Samples(stored_dives.store(factory), stored_dives.dives(factory))


def live(factory: pytest.TempPathFactory) -> LiveSource:
    return LiveSource(samples(factory), VIEWS)


def sampler(source: DiveSource, **changes: object) -> BatchSampler:
    values: dict[str, object] = {
        "dives": tuple(source.dives.values()),
        "seed": 3,
        "group_size": 3,
        "groups": 1,
        "protocol": "w/o DN",
        "drop_video": 0.3,
        "drop_skeleton": 0.3,
    }
    return BatchSampler(**(values | changes))  # type: ignore[arg-type]


def loop(
    folder: Path,
    source: DiveSource,
    *overrides: str,
    epochs: int = 3,
    model: HPMCoRe | None = None,
    **changes: object,
) -> Loop:
    asked = settings(*overrides)
    torch.manual_seed(0)
    model = model or make_model(asked)
    return Loop(
        folder=folder,
        components=TrainComponents(
            objective=make_objective(model, asked.objective),
            model=model,
            optimiser=make_adam(
                model, asked.optimiser, factors=model.parameter_groups(asked.optimiser.factors)
            ),
        ),
        source=source,
        sampler=sampler(source, **changes),
        schedules=Schedules(
            epochs=epochs, rate=Schedule(warmup_steps=2, period_steps=6), clip_norm=1.0, checkpoint_steps=2
        ),
        validate=lambda: {"val_srcc": 0.5},
    )
