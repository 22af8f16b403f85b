"""One process or several, each with its device: what plain `torchrun` says of itself.

Whole groups of dives go to one process (`steps.share_of_rank`); gradients are averaged by
`DistributedDataParallel`, with gloo on processors and nccl on CUDA.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from stagescore.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a run.

    Attributes:
        rank: Number of this process, counted from 0.
        world: Number of processes.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes logs and checkpoints."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are averaged over the processes."""
        if self.world == 1:
            return module
        # A process whose group has no labelled stages, or all videos, leaves some parameters unused.
        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=True)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""
        if self.world == 1:
            return values
        distributed.all_reduce(values)
        return values / self.world

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Take down what `join` set up."""
        if self.world > 1:
            distributed.destroy_process_group()


def join(environment: Mapping[str, str] | None = None) -> Processes:
    """The processes that `torchrun` started, or this one alone."""
    environment = os.environ if environment is None else environment
    world = int(environment.get("WORLD_SIZE", "1"))
    if world == 1:
        return Processes()
    # Both, where there is CUDA: the settings may still ask for the processor.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return Processes(rank=int(environment["RANK"]), world=world)


def training_device(
    asked: str = "auto", *, precision: str = "float32", environment: Mapping[str, str] | None = None
) -> torch.device:
    """Where this process trains; of several CUDA devices the one with its local rank.

    Args:
        asked: Device that is asked for: `auto` for CUDA where there is any, or a device as PyTorch names it.
        precision: Type of the numbers of the forward pass: `float32`, `float16` or `bfloat16`.
        environment: Environment variables; the process's own by default.

    Raises:
        ConfigError: There is no such device, or mixed precision is asked for without CUDA.
    """
    environment = os.environ if environment is None else environment
    rank = int(environment.get("LOCAL_RANK", "0"))
    try:
        device = (
            torch.device("cuda" if torch.cuda.is_available() else "cpu")
            if asked == "auto"
            else torch.device(asked)
        )
        if str(device) == "cuda":  # without a number
            device = torch.device("cuda", rank)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"the device {asked!r} cannot be used ({str(error).splitlines()[0][:100]})",
            where="run.device",
            todo="choose cpu, or cuda where PyTorch has it",
        ) from None
    if precision != "float32" and device.type != "cuda":
        raise ConfigError(
            f"mixed precision ({precision}) is for CUDA, and the device is {device}",
            where="run.precision",
            todo="set run.precision=float32",
        )
    return device
