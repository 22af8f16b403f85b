"""Which fold of which protocol a run, or the file that was kept of it, is about; and what can stand in one table."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stagescore.config import Config
from stagescore.errors import ConfigError
from stagescore.training.settings import TrainSettings

_NOT_OF_THE_RESULT: Mapping[str, set[str] | bool] = {
    "data": {"folder", "fold", "sealed", "clips", "skip", "workers"},
    "start": {"model", "static_branch", "fused_branch"},
    "run": {
        "seed",
        "weights_seed",
        "averaged_seeds",
        "checkpoint_steps",
        "keep",
        "validate_epochs",
        "validate_test",
        "threads",
        "device",
    },
    "features": True,
}
"""Settings that differ from fold to fold or from machine to machine."""
_FILES = ("start.", "data.fault_augmented", "data.flights")


class FoldIdentity(Config):
    """Which fold of which protocol a file or run is about.

    Attributes:
        fold: Name of the fold with its protocol, such as `five-fold/0`.
        folds: Names of all folds of the protocol, in its order.
        seed: Seed of the run; of a mean of runs, the seed of the first.
        averaged_seeds: Seeds of the runs that were averaged; empty for a run that was trained itself.
        mirrored: Whether each dive was seen plain and mirrored, and the two averaged.
        sealed: Whether the sealed athletes take part.
        datasets: Names of the data sets.
        settings: Settings of the run that its result depends on and that are not the default ones, by their dotted
            names.
    """

    fold: str
    folds: tuple[str, ...]
    seed: int
    averaged_seeds: tuple[int, ...] = ()
    mirrored: bool
    sealed: bool
    datasets: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def protocol(self) -> str:
        """Name of the protocol, such as `five-fold`."""
        return self.fold.partition("/")[0]

    @property
    def run(self) -> str:
        """Which run of the fold it is, in words: `seed 0`, or `mean of the runs of seeds 0 and 1`."""
        if not self.averaged_seeds:
            return f"seed {self.seed}"
        *first, last = map(str, self.averaged_seeds)
        return f"mean of the runs of seeds {', '.join(first)} and {last}"

    @property
    def place(self) -> tuple[bool, tuple[int, ...], int]:
        """Sort key of folds of several runs: single runs by seed, then means of runs, then the protocol's order."""
        return bool(self.averaged_seeds), self.averaged_seeds or (self.seed,), self.folds.index(self.fold)

    @property
    def file_name(self) -> str:
        """Name of the file, such as `five-fold-0-seed-0.json`, or `five-fold-0-mean-of-seeds-0-1.json` for a mean of runs."""
        seeds = "-".join(map(str, self.averaged_seeds))
        made = f"mean-of-seeds-{seeds}" if seeds else f"seed-{self.seed}"
        views = "-mirrored" if self.mirrored else ""
        sealed = "-with-sealed" if self.sealed and self.protocol != "sealed" else ""
        return f"{self.fold.replace('/', '-')}-{made}{views}{sealed}.json"


def settings_that_matter(settings: TrainSettings) -> dict[str, Any]:
    """Settings of a run that its result depends on and that are not the default ones, by their dotted names.

    Folders, the seed, the fold and what a run started from are left out; of files and of the folder of fault-augmented dives the name is given.
    """
    chosen = settings.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_OF_THE_RESULT)
    found = dict(sorted(_flat(chosen)))
    return {
        name: Path(value).name if name.startswith(_FILES) and isinstance(value, str) else value
        for name, value in found.items()
    }


def missing_folds(identities: Sequence[FoldIdentity]) -> list[str]:
    """Folds that each run still lacks for a table, such as `five-fold/3 (seed 0)`.

    Args:
        identities: Folds that can stand in one table as far as they go (`one_table`).
    """
    return [
        f"{fold} ({run})"
        for run in dict.fromkeys(one.run for one in identities)
        for fold in sorted(set(identities[0].folds) - {one.fold for one in identities if one.run == run})
    ]


def one_table(identities: Sequence[FoldIdentity], *, whole: bool = True) -> None:
    """Check that folds can stand in one table: every fold of one protocol once for each run, all made alike.

    Args:
        identities: What is known of each fold.
        whole: Whether no fold may be missing.

    Raises:
        ConfigError: A fold is there twice or missing, or protocols, views or settings are mixed.
    """
    if not identities:
        raise ConfigError("no fold is given", todo="name a run, or a kept file, of each fold of a protocol")
    protocols = {one.protocol for one in identities}
    if len(protocols) != 1:
        raise ConfigError(
            f"runs of {' and '.join(sorted(protocols))} cannot be pooled",
            todo="name the runs of one protocol",
        )
    first = identities[0]
    for other in identities[1:]:
        if other.sealed != first.sealed:
            raise ConfigError(
                "runs with and without the sealed athletes cannot be pooled", todo="train all of them alike"
            )
        if other.mirrored != first.mirrored:
            raise ConfigError(
                "plain and mirrored views cannot be pooled",
                where=other.fold,
                todo="keep all folds with --mirrored, or all without it",
            )
        if (other.datasets, other.folds) != (first.datasets, first.folds):
            raise ConfigError(
                f"it divides other dives than {first.fold} does",
                where=other.fold,
                todo="pool folds of one data set",
            )
        names = {*first.settings, *other.settings}
        differing = [n for n in sorted(names) if first.settings.get(n) != other.settings.get(n)]
        if differing:
            raise ConfigError(
                f"it was trained with another {differing[0]} than {first.fold}",
                where=other.fold,
                todo="pool runs of the same settings",
            )
    for run in dict.fromkeys(one.run for one in identities):
        given = sorted(one.fold for one in identities if one.run == run)
        if given != sorted(first.folds) and (whole or len(given) > len(set(given))):
            raise ConfigError(
                f"runs of {', '.join(given)} are given ({run}); "
                f"the protocol has {', '.join(sorted(first.folds))}",
                todo="name one run for each fold",
            )


def _flat(values: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
