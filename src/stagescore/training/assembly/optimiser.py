"""The optimiser of a run, its learning rate over the steps, and how long it goes on."""

from collections.abc import Mapping

import torch
from torch import nn

from stagescore.training.loop import Schedules
from stagescore.training.optimiser import Schedule, make_optimiser
from stagescore.training.settings import OptimiserSettings, RunSettings

_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def make_adam(
    module: nn.Module, settings: OptimiserSettings, *, factors: Mapping[str, float]
) -> torch.optim.Adam:
    """Adam over the parameters of a module.

    Args:
        module: Module whose parameters are trained.
        settings: Learning rate and weight decay; its groups are not read.
        factors: Factor of the learning rate below each module path that the module has, 0 to freeze it, such as
            `ActionModel.parameter_groups` gives of the groups that the settings ask for.

    Raises:
        ConfigError: The module has no parameter below a path, or nothing is left to train.
    """
    return make_optimiser(
        module, factors, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay
    )


def make_schedule(settings: OptimiserSettings, *, epochs: int, steps_per_epoch: int) -> Schedule:
    """The learning rate over the run.

    Args:
        settings: Settings of warm-up and cosine.
        epochs: Number of epochs of the run.
        steps_per_epoch: Number of optimiser steps in an epoch.
    """
    period = epochs if settings.cosine_epochs is None else settings.cosine_epochs
    return Schedule(
        warmup_steps=settings.warmup_steps,
        period_steps=max(period * steps_per_epoch - settings.warmup_steps, 1) if period else None,
        restart_cosine=settings.restart_cosine,
    )


def make_schedules(optimiser: OptimiserSettings, run: RunSettings, *, steps_per_epoch: int) -> Schedules:
    """How long a run goes on, and what happens at which step.

    Args:
        optimiser: Settings of the learning rate, of the largest gradient and of averaged weights.
        run: Number of epochs, precision, and how often to validate and to write checkpoints.
        steps_per_epoch: Number of optimiser steps in an epoch.
    """
    return Schedules(
        epochs=run.epochs,
        rate=make_schedule(optimiser, epochs=run.epochs, steps_per_epoch=steps_per_epoch),
        clip_norm=optimiser.clip_norm,
        average_from=optimiser.average_from,
        checkpoint_steps=run.checkpoint_steps,
        keep=run.keep,
        validate_epochs=run.validate_epochs,
        precision=_PRECISIONS[run.precision],
    )
