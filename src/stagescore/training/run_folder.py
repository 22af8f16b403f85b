"""The folder of a run: who may begin one there, what it is asked for, and what a start that fails leaves behind.

    FOLDER/config.yaml    all settings
    FOLDER/skipped.csv    dives that could not be used, and why; missing where all could

A run has begun when it has done a step. Until then its folder blocks nobody: a start that was killed is taken up by `--resume` or
by the same command, and one that failed leaves no settings, so there is no run.
"""

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from stagescore.atomic import remove_unfinished, write_text
from stagescore.config import Config, load_config
from stagescore.csv_tables import csv_table, read_cell
from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.locking import alone_in

SettingsT = TypeVar("SettingsT", bound=Config)
Tell = Callable[[str], None]
"""Told in a line what the user should know."""
CONFIG, SKIPPED, CLIPS = "config.yaml", "skipped.csv", "clips"


@dataclass(slots=True)
class RunStart:
    """The start of a run, which holds its folder.

    Attributes:
        folder: Folder of the run.
        begun: Whether the run had done a step before: it then goes on with the dives that it was begun with.
        succeeded: Whether the start is over; whoever starts the run says so.
    """

    folder: Path
    begun: bool
    succeeded: bool = False


def has_begun(folder: Path) -> bool:
    """Whether a run has done a step in a folder."""
    log = folder / "log.jsonl"
    return (log.is_file() and log.stat().st_size > 0) or any((folder / "checkpoints").glob("*.ckpt"))


def refuse_run(folder: Path) -> None:
    """Make sure that a run can be begun in a folder.

    Raises:
        ConfigError: It holds one that has begun, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(
            "a file is where the folder of the run is to be",
            where=folder,
            todo="name another folder with --out",
        )
    if (folder / CONFIG).exists() and has_begun(folder):
        raise ConfigError(
            "this folder holds a run", where=folder, todo=f"use --resume {folder}, or another folder"
        )


def settings_of(folder: Path, kind: type[SettingsT]) -> SettingsT:
    """The settings of a run.

    Raises:
        CheckpointError: The folder holds no run, or one of another command.
        ConfigError: Its settings cannot be read.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise CheckpointError("there is no run here", where=folder, todo="name the folder of a run")
    try:
        return load_config(kind, path)
    except ConfigError:
        with suppress(OSError, ValueError, TypeError, RecursionError, yaml.YAMLError):
            names = set(yaml.safe_load(path.read_text(encoding="utf-8")))
            if names - set(kind.model_fields) and set(kind.model_fields) - names:
                raise CheckpointError(
                    "this is a run of another command",
                    where=folder,
                    todo="resume it with the command that began it",
                ) from None
        raise


@contextmanager
def run_start(folder: Path, settings: Config, *, first: bool = True) -> Iterator[RunStart]:
    """Hold the folder of a run while it starts and goes on.

    Where the start fails, a run that was not there before is not there afterwards either; clips that were decoded stay, so that
    the next start need not decode them again.

    Args:
        folder: Folder of the run; made where it is missing.
        settings: Settings of the run, which are kept there.
        first: Whether this process writes; others neither hold the folder nor change it.

    Raises:
        FolderInUseError: Another process is at work there.
        DataError: It cannot be written to.
    """
    start = RunStart(folder, begun=has_begun(folder))
    if not first:
        yield start
        return
    was_there, was_a_run = folder.exists(), (folder / CONFIG).exists()
    try:
        with alone_in(folder):
            try:
                remove_unfinished(folder, folder / "checkpoints")
                if not start.begun or not was_a_run:
                    keep_settings(folder, settings)
                yield start
            except Exception:
                if not start.succeeded and not was_a_run:
                    _take_back(folder)
                raise
    finally:
        if not was_there:
            with suppress(OSError):  # it is not empty, as a rule
                folder.rmdir()


def keep_settings(folder: Path, settings: Config) -> None:
    """Write the settings of a run, where they do not stand there already."""
    content = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
    path = folder / CONFIG
    if not path.is_file() or path.read_bytes() != content.encode():
        write_text(path, content)


def _take_back(folder: Path) -> None:
    """Remove what a start has written that failed; clips only where none was decoded."""
    for name in (CONFIG, SKIPPED):
        (folder / name).unlink(missing_ok=True)
    index = folder / CLIPS / "index.json"
    if not index.is_file() or '"clips": {}' in index.read_text(encoding="utf-8"):
        shutil.rmtree(folder / CLIPS, ignore_errors=True)


def write_skipped(folder: Path, skipped: Mapping[str, str]) -> None:
    """Note which dives a run leaves out; nothing is written where there are none.

    Args:
        folder: Folder of the run.
        skipped: Why each dive cannot be used, by its id.
    """
    if skipped:
        write_text(folder / SKIPPED, csv_table(("dive", "why"), sorted(skipped.items())))
    else:
        (folder / SKIPPED).unlink(missing_ok=True)


def read_skipped(folder: Path) -> dict[str, str]:
    """The dives that a run leaves out, and why; none where nothing is noted.

    Raises:
        CheckpointError: The note is damaged.
    """
    path = folder / SKIPPED
    try:
        text = path.read_text(encoding="utf-8")
        rows = list(csv.DictReader(io.StringIO(text)))
        return {read_cell(row["dive"]): read_cell(row["why"]) for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, AttributeError, csv.Error) as error:
        raise CheckpointError(
            f"the list of skipped dives cannot be read ({' '.join(str(error).split())[:80]})",
            where=path,
            todo="put it back as it was; without it the run would go on with other dives",
        ) from None


def told_skipped(skipped: Mapping[str, str], num_dives: int, listed: Path) -> str:
    """One line about the dives that are left out.

    Args:
        skipped: Why each dive cannot be used, by its id; one or more.
        num_dives: Number of dives that were asked for.
        listed: File that lists them.
    """
    dive_id, why = min(skipped.items())
    others = f", and {len(skipped) - 1} more" if len(skipped) > 1 else ""
    return f"{len(skipped)} of {num_dives} dives are skipped ({dive_id}: {why}{others}); {listed} lists them"


def cannot_be_used(skipped: Mapping[str, str], num_dives: int, *, where: str | Path, todo: str) -> DataError:
    """The error that names all dives which cannot be used.

    Args:
        skipped: Why each dive cannot be used, by its id.
        num_dives: Number of dives that were asked for.
        where: Place of the dives.
        todo: What the user can do.
    """
    named = "; ".join(f"{dive_id}: {why}" for dive_id, why in sorted(skipped.items()))
    return DataError(f"{len(skipped)} of {num_dives} dives cannot be used: {named}", where=where, todo=todo)
