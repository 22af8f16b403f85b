"""One process or several: what plain `torchrun` says of itself.

Whole groups of dives go to one process (`steps.share_of_rank`); gradients are averaged by
`DistributedDataParallel`, with gloo on processors and nccl on CUDA.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a run.

    Attributes:
        rank: of this one, from 0.
        world: how many there are.
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
        """Until all processes are here."""
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
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Processes(rank=int(environment["RANK"]), world=world)
