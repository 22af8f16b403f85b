"""The optimiser of a run and its schedules, from their settings alone."""

import pytest
import torch
from torch import nn

from stagescore.training.assembly.optimiser import make_adam, make_schedule, make_schedules
from stagescore.training.settings import OptimiserSettings, RunSettings


def test_adam_has_the_rate_the_decay_and_the_factors() -> None:
    net = nn.ModuleDict({"encoders": nn.Linear(2, 2), "head": nn.Linear(2, 1)})
    adam = make_adam(
        net, OptimiserSettings(learning_rate=0.2, weight_decay=0.1), factors={"encoders": 0.0, "head": 0.5}
    )
    (group,) = adam.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.1)
    assert not net["encoders"].weight.requires_grad


def test_the_rate_falls_over_the_run_unless_told_otherwise() -> None:
    whole = make_schedule(OptimiserSettings(warmup_steps=2), epochs=4, steps_per_epoch=5)
    assert [round(whole.factor(step), 2) for step in (0, 1, 10, 19)] == [0.5, 1.0, 0.5, 0.0]
    constant = make_schedule(OptimiserSettings(cosine_epochs=0), epochs=4, steps_per_epoch=5)
    assert {constant.factor(step) for step in range(20)} == {1.0}
    short = make_schedule(OptimiserSettings(cosine_epochs=2), epochs=4, steps_per_epoch=5)
    assert short.factor(9) == short.factor(19) == pytest.approx(0.0)


def test_a_run_lasts_and_is_kept_as_asked() -> None:
    run = RunSettings(epochs=7, checkpoint_steps=3, keep=4, validate_epochs=2, precision="bfloat16")
    schedules = make_schedules(OptimiserSettings(clip_norm=2.0, average_from=5), run, steps_per_epoch=10)
    assert (schedules.epochs, schedules.checkpoint_steps, schedules.keep) == (7, 3, 4)
    assert (schedules.validate_epochs, schedules.precision) == (2, torch.bfloat16)
    assert (schedules.clip_norm, schedules.average_from) == (2.0, 5)
    assert schedules.rate.factor(69) == pytest.approx(0.0)
