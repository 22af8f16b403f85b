"""A campaign: so many inputs of each kind, or one alone."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stagescore.benchmarks.campaign.kinds import KINDS, Making, simulated_dives
from stagescore.benchmarks.campaign.record import GOOD, InputOutcome, Records
from stagescore.benchmarks.campaign.trial import KindReaders, Limits, Trial
from stagescore.errors import DataError

Progress = Callable[[str, int, int], None]
RECORDS = "outcomes-{}.jsonl"
FAILED = "failed"
_MOST_KEPT = 200
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is tried.

    Attributes:
        inputs: Number of inputs of each kind.
        seed: Seed of the damage.
        limits: What reading an input may take.
        first: Number of the first input of each kind.
    """

    inputs: Mapping[str, int]
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    first: int = 0


def run_campaign(campaign: Campaign, folder: Path, progress: Progress) -> list[InputOutcome]:
    """Try all inputs whose outcomes are not in the folder yet; inputs that fail are kept there.

    Args:
        campaign: What is tried.
        folder: Folder of the outcomes.
        progress: Function that is called after every input.

    Raises:
        DataError: The folder holds another campaign, or a sample that nobody has damaged is not read.
    """
    found: list[InputOutcome] = []
    for kind, making in makings(campaign.inputs, campaign.seed).items():
        records = Records(
            folder / RECORDS.format(kind), {"kind": kind, "seed": campaign.seed, "samples": making.identity}
        )
        numbers = range(campaign.first, campaign.first + campaign.inputs[kind])
        done = records.done
        with _trial(making, campaign.limits) as trial:
            for number in numbers:
                if (kind, number) not in done:
                    _try_one(making, number, trial, records, folder)
                progress(kind, number + 1 - campaign.first, len(numbers))
        found += [outcome for outcome in records.outcomes if outcome.number in numbers]
    return found


def run_one(kind: str, number: int, seed: int, folder: Path, limits: Limits) -> InputOutcome:
    """Try one input again; its files are left in the folder, so that they can be looked at.

    Raises:
        DataError: There is no such kind, or a sample that nobody has damaged is not read.
    """
    if kind not in KINDS:
        raise DataError("there is no such kind of input", where=kind, todo=f"choose among {', '.join(KINDS)}")
    making = makings({kind: 1}, seed)[kind]
    with _trial(making, limits) as trial:
        outcome = trial.outcome(making.input(number), number)
    _keep(making, number, folder)
    return outcome


def makings(inputs: Mapping[str, int], seed: int) -> dict[str, Making]:
    """What makes the inputs of each kind of which there are to be any."""
    with simulated_dives() as simulated:
        return {
            name: Making(kind, kind.samples(simulated), seed)
            for name, kind in KINDS.items()
            if inputs.get(name, 0) > 0
        }


@contextmanager
def _trial(making: Making, limits: Limits) -> Iterator[Trial]:
    in_memory = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="stagescore-", dir=in_memory) as place:
        trial = Trial(
            making.kind.name, KindReaders(making.kind.name), making.samples, Path(place) / "trial", limits
        )
        try:
            yield trial
        finally:
            trial.close()


def _try_one(making: Making, number: int, trial: Trial, records: Records, folder: Path) -> None:
    outcome = trial.outcome(making.input(number), number)
    records.add(outcome)
    if outcome.verdict not in GOOD and len(list((folder / FAILED).glob("*"))) < _MOST_KEPT:
        _keep(making, number, folder)


def _keep(making: Making, number: int, folder: Path) -> None:
    making.input(number).write(folder / FAILED / f"{making.kind.name}-{number}")
