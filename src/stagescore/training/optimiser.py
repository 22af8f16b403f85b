"""Adam with parameter groups by module path, warm-up and cosine (paper, section V-A; method, section 7)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from stagescore.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Factor of the learning rate, step by step, a function of the step alone.

    Attributes:
        warmup_steps: Number of steps over which the rate rises from 0.
        period_steps: Number of steps over which the rate falls from 1 to `least` along a cosine; None for a constant
            rate.
        restart_cosine: Whether the rate rises and falls again after `period_steps`, as the release's scheduler does;
            otherwise it stays at `least`.
        least: Factor at the bottom of the cosine.
    """

    warmup_steps: int = 0
    period_steps: int | None = None
    restart_cosine: bool = False
    least: float = 0.0

    def factor(self, step: int) -> float:
        """Factor of the learning rate at a step, counted from 0.

        >>> [round(Schedule(warmup_steps=2, period_steps=4).factor(i), 3) for i in range(5)]
        [0.5, 1.0, 0.854, 0.5, 0.146]
        """
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        if self.period_steps is None or warm < 1:
            return warm
        done = (step - self.warmup_steps + 1) / self.period_steps
        if not self.restart_cosine:
            done = min(done, 1.0)
        return self.least + (1 - self.least) * 0.5 * (1 + math.cos(math.pi * done))


def make_optimiser(
    model: nn.Module, groups: Mapping[str, float], *, learning_rate: float, weight_decay: float = 0.0
) -> torch.optim.Adam:
    """Adam over all parameters, those below a named path with their own rate; frozen ones are left out.

    The longest path that fits counts. Every group carries its own base rate as `base_rate`.

    Args:
        model: Module whose parameters are trained.
        groups: Module paths, and what the learning rate of the parameters below each is multiplied by; 0 freezes them.
            The empty path stands for all parameters that no other path names.
        learning_rate: Learning rate of everything that no path names.
        weight_decay: Weight decay of everything.

    Raises:
        ConfigError: There is a path below which the model has no parameter, or nothing is left to train.
    """
    found: dict[str, list[nn.Parameter]] = {path: [] for path in ("", *groups)}
    for name, parameter in model.named_parameters():
        fitting = [path for path in groups if name == path or name.startswith(f"{path}.")]
        found[max(fitting, key=len, default="")].append(parameter)
    for named in groups:
        if not found[named]:
            raise ConfigError(
                f"the model has no parameter below {named!r}",
                where="optimiser groups",
                todo="name modules as in "
                + ", ".join(sorted({n.split(".")[0] for n, _ in model.named_parameters()})),
            )
    factors = {"": 1.0, **groups}
    trained = []
    for path, parameters in found.items():
        if factors[path] == 0:
            for parameter in parameters:
                parameter.requires_grad_(False)
        elif parameters:
            rate = learning_rate * factors[path]
            trained.append({"params": parameters, "lr": rate, "base_rate": rate})
    if not trained:
        raise ConfigError("every parameter is frozen", where="optimiser groups", todo="give some a factor")
    return torch.optim.Adam(trained, lr=learning_rate, weight_decay=weight_decay)


def set_rates(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's rate to its base rate times a factor."""
    for group in optimiser.param_groups:
        group["lr"] = group["base_rate"] * factor
