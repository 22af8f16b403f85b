"""One network of several runs: the mean of their weights.

Runs that begin with the same random weights and differ in order, views and dropout tend to end in one valley of the loss, whose
middle as a rule errs less on new dives than its walls (Wortsman et al., "Model soups", ICML 2022). Tried here on one fold
(docs/log.md).
Departs: not part of the paper.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stagescore.errors import ConfigError
from stagescore.training.checkpoints import write_checkpoint
from stagescore.training.run_folder import keep_settings, read_skipped, refuse_run, settings_of, write_skipped
from stagescore.training.runs import finished_state
from stagescore.training.settings import TrainSettings


def average_runs(runs: Sequence[Path], folder: Path) -> TrainSettings:
    """Begin a run that has the mean of the weights of others, and nothing left to train but the head for dive numbers.

    Args:
        runs: Folders of finished runs with the same settings but for `run.seed`, that began with the same random
            weights (`RunSettings.begins_with`).
        folder: Folder of the new run, which `train` finishes.

    Returns:
        The settings of the new run: those of the first one, with the seeds of all.

    Raises:
        ConfigError: Fewer than two runs, or runs that did not begin alike; or the folder holds a run.
        CheckpointError: A run is not finished or cannot be read.
    """
    if len(runs) < 2:
        raise ConfigError("the mean of one run is that run", todo="name two runs or more")
    settings = [settings_of(run, TrainSettings) for run in runs]
    first = settings[0]
    seeds = [one.run.seed for one in settings]
    if len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"the runs have the seeds {', '.join(map(str, seeds))}", todo="name runs of different run.seed"
        )
    for run, other in zip(runs[1:], settings[1:], strict=True):
        if other.run.begins_with != first.run.begins_with:
            raise ConfigError(
                f"it began with the random weights of seed {other.run.begins_with}, {runs[0]} with those of "
                f"{first.run.begins_with}",
                where=run,
                todo="train runs with the same run.weights_seed and different run.seed",
            )
        if _without_seed(other) != _without_seed(first):
            raise ConfigError(
                f"its settings are not those of {runs[0]}",
                where=run,
                todo="train the runs alike but for run.seed",
            )
    states = [finished_state(run, one, with_numbers=False) for run, one in zip(runs, settings, strict=True)]
    weights = [state["model"] for state in states]
    mean: dict[str, Tensor] = {
        name: torch.stack([one[name] for one in weights]).mean(0) if value.is_floating_point() else value
        for name, value in weights[0].items()
    }
    run_settings = {"averaged_seeds": tuple(seeds), "weights_seed": first.run.begins_with}
    made = first.model_copy(update={"run": first.run.model_copy(update=run_settings)})
    refuse_run(folder)
    progressed = {**states[0]["progressed"], "finished": False, "log_bytes": 0}
    write_checkpoint(
        folder / "checkpoints",
        progressed["step"],
        {**states[0], "model": mean, "mean": {}, "progressed": progressed},
        keep=1,
    )
    write_skipped(folder, read_skipped(runs[0]))
    # Last: a folder without settings is no run, so that one that is stopped here is never trained from the beginning.
    keep_settings(folder, made)
    return made


def _without_seed(settings: TrainSettings) -> dict[str, Any]:
    content = settings.model_dump(mode="json")
    del content["run"]["seed"], content["run"]["weights_seed"]
    return content
