"""The training loop: step, log, check, validate; killed anywhere, it goes on as if nothing had happened.

A step is a function of the state (weights, optimiser, step) and of hashes; no generator runs on from step to
step. So a run that is taken up from a checkpoint repeats the steps since then bit for bit, on the same machine
with the same number of threads, and its log is cut where the checkpoint was made.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from stagescore.data.dive_sources import DiveSource
from stagescore.errors import CheckpointError
from stagescore.hashing import hash_u64
from stagescore.json_files import parse_json
from stagescore.training.checkpoints import newest_checkpoint, read_file, write_checkpoint, write_file
from stagescore.training.groups import BatchGroups
from stagescore.training.optimiser import Schedule, set_rates
from stagescore.training.processes import Processes
from stagescore.training.steps import share_of_rank


@runtime_checkable
class Movable(Protocol):
    """What a step reads: the `Batch` of a model, or what an objective of its own wants of some dives or frames."""

    def to(self, device: torch.device | str) -> "Movable":
        """The same on a device."""
        ...


@runtime_checkable
class BatchSchedule(Protocol):
    """Which dives meet in which epoch: `steps.BatchSampler`, `pretraining.PretrainingSampler`, `pose_training.PoseSampler`."""

    @property
    def seed(self) -> int:
        """Seed of all hashes."""
        ...

    def epoch(self, epoch: int) -> list[BatchGroups]:
        """The batches of an epoch."""
        ...

    def load(self, source: Any, groups: BatchGroups, epoch: int) -> Movable:
        """What a step reads of some groups, from whatever source its kind of dives comes from."""
        ...


Validate = Callable[[], dict[str, float]]
"""Figures of the model as it stands; `best_on` of the loop names those that are better when higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """How long a run goes on, and how often it validates and writes checkpoints.

    Attributes:
        epochs: Number of epochs of the run.
        rate: Factor of the learning rate, by step.
        clip_norm: Largest norm of the gradient; None for no limit.
        checkpoint_steps: Number of optimiser steps between checkpoints.
        keep: Number of checkpoints to keep.
        validate_epochs: Number of epochs between validations; 0 for none.
        precision: Type of the numbers of the forward pass on CUDA.
        average_from: Epoch from which the weights of all steps are averaged; the run ends with their mean. None for the
            weights of the last step.
    """

    epochs: int
    rate: Schedule
    clip_norm: float | None = None
    checkpoint_steps: int = 200
    keep: int = 2
    validate_epochs: int = 1
    precision: torch.dtype = torch.float32
    average_from: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainComponents:
    """What a run trains: the objective, its model and the optimiser.

    Attributes:
        objective: Module that turns a batch into named losses, their `total` among them.
        model: Part of the objective whose weights are kept.
        optimiser: Optimiser of the model's parameters.
    """

    objective: nn.Module
    model: nn.Module
    optimiser: torch.optim.Optimizer


@dataclass(slots=True, kw_only=True)
class TrainState:
    """Where a run stands: what a checkpoint holds besides weights and optimiser.

    Attributes:
        step: Number of optimiser steps done.
        epoch: Number of the epoch that comes next or is under way, counted from 0.
        batch: Number of batches of the epoch under way that are done.
        best: Best value of each validation figure so far and its epoch, by the name of the figure.
        log_bytes: Length of the log at this step, in bytes.
        averaged: Number of steps whose weights are in the mean.
        finished: Whether what comes after the last step is done as well.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: dict[str, dict[str, float]] = field(default_factory=dict)
    log_bytes: int = 0
    averaged: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What the loop tells after every step.

    Attributes:
        step: Number of the step just done, counted from 1.
        epoch: Number of the epoch, counted from 0.
        done: Share of the whole run that is done, 0 to 1.
        terms: Losses by name.
        figures: Figures of a validation by name; empty where there was none.
    """

    step: int
    epoch: int
    done: float
    terms: dict[str, float]
    figures: dict[str, float]


class Loop:
    """A run: its parts, its folder, its state."""

    def __init__(
        self,
        *,
        folder: Path,
        components: TrainComponents,
        source: DiveSource | None,
        sampler: BatchSchedule,
        schedules: Schedules,
        validate: Validate | None = None,
        processes: Processes | None = None,
        notes: Mapping[str, int] | None = None,
    ) -> None:
        """Put a run together.

        Args:
            folder: Folder of the run: `log.jsonl`, `checkpoints/`, `best-<figure>.ckpt`.
            components: What a run trains: the objective, its model and the optimiser.
            source: Source of the dives; None where the sampler has them itself.
            sampler: Decides which dives meet in each batch.
            schedules: How long the run goes on, and how often it validates and writes checkpoints.
            validate: Function that gives figures that are better when higher; None for no validation.
            processes: Processes that train together; only this one by default.
            notes: Numbers that every row of the log has, such as how many dives are skipped; none by default.
        """
        self.folder = folder
        self.notes = dict(notes or {})
        self.objective = components.objective
        self.model = components.model
        self.optimiser = components.optimiser
        self.source = source
        self.sampler = sampler
        self.schedules = schedules
        self.validate = validate
        self.processes = processes or Processes()
        self.device = next(self.objective.parameters()).device
        self.wrapped: nn.Module = self.processes.wrap(self.objective)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=schedules.precision == torch.float16)
        self.state = TrainState()
        self.mean: dict[str, Tensor] = {}

    @property
    def log_path(self) -> Path:
        """File with one JSON object per step, validation figures among its numbers."""
        return self.folder / "log.jsonl"

    def resume(self) -> list[str]:
        """Take up the newest whole checkpoint and cut the log where it was made.

        Returns:
            What was wrong with newer checkpoints, in words.
        """
        state, torn = newest_checkpoint(self.folder / "checkpoints")
        if state is not None:
            try:
                rates = [group["base_rate"] for group in self.optimiser.param_groups]
                self.model.load_state_dict(state["model"])
                self.optimiser.load_state_dict(state["optimiser"])
                # The settings decide, as for everything else: whoever lowers the rate in them means it.
                for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
                    group["base_rate"] = rate
                self.scaler.load_state_dict(state["scaler"])
                self.state = TrainState(**state["progressed"])
                self.mean = {name: value.to(self.device) for name, value in state.get("mean", {}).items()}
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                raise CheckpointError(
                    f"the checkpoint is of another model or version ({' '.join(str(error).split())[:160]})",
                    where=self.folder / "checkpoints",
                    todo="resume with the settings the run was begun with",
                ) from None
        if self.processes.first and self.log_path.exists():
            with self.log_path.open("rb+") as log:
                log.truncate(min(self.state.log_bytes, self.log_path.stat().st_size))
        self.processes.wait()
        return torn

    def run(self) -> Iterator[StepReport]:
        """Train to the end, telling every step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for epoch in range(self.state.epoch, self.schedules.epochs):
            batches = self.sampler.epoch(epoch)
            for number in range(self.state.batch, len(batches)):
                self.state.epoch, self.state.batch = epoch, number
                started = time.perf_counter()
                terms = self.step(batches[number], epoch)
                self.state.step += 1
                self.state.batch = number + 1
                last = epoch + 1 == self.schedules.epochs and number + 1 == len(batches)
                self._average(epoch, last=last)
                figures: dict[str, float] = {}
                if number + 1 == len(batches):
                    self.state.epoch, self.state.batch = epoch + 1, 0
                    figures = self._validated(epoch)
                self._log(terms, figures, epoch, time.perf_counter() - started)
                if last or self.state.step % self.schedules.checkpoint_steps == 0:
                    self.checkpoint()
                done = (epoch + (number + 1) / len(batches)) / self.schedules.epochs
                yield StepReport(step=self.state.step, epoch=epoch, done=done, terms=terms, figures=figures)

    def step(self, groups: BatchGroups, epoch: int) -> dict[str, float]:
        """One optimiser step.

        Raises:
            CheckpointError: The loss became NaN or infinite.
        """
        self.objective.train()
        own, factor = share_of_rank(groups, rank=self.processes.rank, world=self.processes.world)
        loaded = self.sampler.load(self.source, own, epoch).to(self.device)
        torch.manual_seed(hash_u64(self.sampler.seed, "dropout", self.state.step, self.processes.rank) >> 1)
        set_rates(self.optimiser, self.schedules.rate.factor(self.state.step))
        self.optimiser.zero_grad(set_to_none=True)
        with self._autocast():
            terms: dict[str, Tensor] = self.wrapped(loaded)
        total = terms["total"] * factor
        if total.requires_grad:  # not where all that is trained is a stand-in, and nothing is missing
            self.scaler.scale(total).backward()
            self.scaler.unscale_(self.optimiser)
            if self.schedules.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.objective.parameters(), self.schedules.clip_norm)
            self.scaler.step(self.optimiser)
            self.scaler.update()
        names = sorted(terms)
        means = self.processes.mean(torch.stack([terms[name].detach().double() * factor for name in names]))
        if not bool(means.isfinite().all()):
            raise CheckpointError(
                f"the loss became NaN or infinite at step {self.state.step + 1}",
                where=self.folder,
                todo=f"lower optimiser.learning_rate or set optimiser.clip_norm in "
                f"{self.folder / 'config.yaml'}, and resume",
            )
        return dict(zip(names, means.tolist(), strict=True))

    def _average(self, epoch: int, *, last: bool) -> None:
        """Take the weights of this step into the mean, and end with the mean."""
        begins = self.schedules.average_from
        if begins is None or epoch < begins:
            return
        self.state.averaged += 1
        for name, value in self.model.state_dict().items():
            if not value.is_floating_point() or name not in self.mean:
                self.mean[name] = value.clone()
            else:
                self.mean[name].lerp_(value, 1.0 / self.state.averaged)
        if last:
            self.model.load_state_dict(self.mean)

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.schedules.precision == torch.float32 or self.device.type != "cuda":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.schedules.precision)

    def _validated(self, epoch: int) -> dict[str, float]:
        every = self.schedules.validate_epochs
        if self.validate is None or not every:
            return {}
        if (epoch + 1) % every and epoch + 1 != self.schedules.epochs:
            return {}
        figures = self.validate() if self.processes.first else {}
        for name, value in figures.items():
            if value > self.state.best.get(name, {}).get("value", float("-inf")):
                self.state.best[name] = {"value": value, "epoch": float(epoch)}
                write_file(self.folder / f"best-{name}.ckpt", {"model": self.model.state_dict()})
        self.processes.wait()
        return figures

    def _log(self, terms: dict[str, float], figures: dict[str, float], epoch: int, seconds: float) -> None:
        if not self.processes.first:
            return
        row = {
            "step": self.state.step,
            "epoch": epoch,
            "rate": self.schedules.rate.factor(self.state.step - 1),
            **terms,
            **figures,
            **self.notes,
            "seconds": round(seconds, 4),
        }
        with self.log_path.open("ab") as log:
            log.write(f"{json.dumps(row)}\n".encode())
            self.state.log_bytes = log.tell()

    def checkpoint(self) -> None:
        """Write where the run stands."""
        if self.processes.first:
            state = {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scaler": self.scaler.state_dict(),
                "mean": self.mean,
                "progressed": {
                    name: getattr(self.state, name)
                    for name in ("step", "epoch", "batch", "best", "log_bytes", "averaged", "finished")
                },
            }
            write_checkpoint(self.folder / "checkpoints", self.state.step, state, keep=self.schedules.keep)
        self.processes.wait()


def read_best(folder: Path, figure: str) -> dict[str, Tensor]:
    """The weights of a run that were best in a figure.

    Raises:
        CheckpointError: There are none, or they are torn.
    """
    return dict(read_file(folder / f"best-{figure}.ckpt")["model"])


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's log; a torn last line is left out.

    Raises:
        CheckpointError: There is no log, or a line of it is no row.
    """
    try:
        text = (folder / "log.jsonl").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"cannot read the log ({error})", where=folder, todo="name a run") from None
    rows = []
    for number, line in enumerate(text[: text.rfind("\n") + 1].split("\n")[:-1], start=1):
        try:
            row = parse_json(line, finite=False)  # a validation figure may be NaN
            if not isinstance(row, dict):
                raise ValueError("it holds no object")
        except ValueError as error:
            raise CheckpointError(
                f"line {number} of the log is no row ({str(error)[:80]})",
                where=folder,
                todo="remove the line, or go on from a copy of the run",
            ) from None
        rows.append(row)
    return rows
