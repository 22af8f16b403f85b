"""Commands that are killed (`kill -9`) at moments drawn by seed, and started again.

Right is: no file is there under its final name that is not whole, and the command that is run again ends well with the result
that it has when nobody kills it. Every other kill waits until a file is being written (`atomic` names it `*.part`).

Results are compared byte by byte, but for what tells time: rows of a log without their seconds, checkpoints by their tensors and
numbers without the length of that log, and TensorBoard's files, which are drawn from the log and named after the second, not at all.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from stagescore.atomic import write_bytes
from stagescore.benchmarks.campaign.chance import Chance
from stagescore.benchmarks.whole_files import is_temporary
from stagescore.data.manifest import MANIFEST, Manifest, read_manifest
from stagescore.errors import DataError, StagescoreError
from stagescore.json_files import parse_json
from stagescore.media import open_media
from stagescore.media.film_writing import write_film
from stagescore.simulate.dataset import Order, simulate_dataset
from stagescore.training.checkpoints import read_file

Progress = Callable[[str, int, int], None]
OUTCOMES = "outcomes.json"
_LONGEST_S = 1800.0
_NUM_VALIDATION = 20
_NUM_FEW = 2
"""Films that `annotate` reads, at half the frame rate: a film takes it some seconds, and two are enough to go on with the second."""
_MODEL = (
    "model.static={backbone: small, widths: [8, 8, 8, 8], width: 8}",
    "model.dynamic={trunk: small, widths: [8, 8, 8, 8], width: 8}",
    "model.skeleton={relative: true, widths: [8, 8], width: 8}",
    "model.segmentation.width=8",
    "model.regression={width: 8, heads: 2, layers: 1, dropout: 0.1, points: 10}",
    "model.stand_ins=true",
    "data.preprocessing={num_frames: 96, width: 56, height: 32, crop_width: 40, crop_height: 28}",
    "data.views=2",
    "batches={group_size: 3, groups: 1, protocol: w/o DN}",
    "run={epochs: 6, threads: 1, checkpoint_steps: 1, validate_epochs: 0}",
)
"""Live encoders of a few thousand weights, and a checkpoint after every step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledCommand:
    """A command that is killed.

    Attributes:
        name: Name of the command.
        words: Function that gives the words of the command for an output folder.
        again: Function that gives the words with which it is started again; None for the same ones.
        grows: Endings of files that grow while the command runs, and of its lock; all others are whole or not there.
        differs: Names of files that differ from run to run, such as those with times.
        drawn: Names of folders of files that are drawn from others, and not compared.
    """

    name: str
    words: Callable[[Path], list[str]]
    again: Callable[[Path], list[str]] | None = None
    grows: tuple[str, ...] = (".lock",)
    differs: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()

    def results(self, out: Path) -> dict[str, bytes]:
        """What must come out the same, by name of the file."""
        return {
            name: content_of(out / name)
            for name in self._names(out)
            if Path(name).name not in self.differs and not name.endswith(".lock")
        }

    def half_files(self, out: Path, whole: dict[str, bytes]) -> list[str]:
        """Files under their final names that are neither whole nor of those that grow."""
        found = []
        for name in self._names(out):
            if name.endswith(self.grows):
                continue
            content = (out / name).read_bytes()
            if name.endswith(".ckpt"):
                try:
                    read_file(out / name)
                except StagescoreError as error:
                    found.append(str(error))
            elif not content or (name in whole and content != whole[name]):
                found.append(name)
        return found

    def _names(self, out: Path) -> list[str]:
        names = [path.relative_to(out) for path in sorted(_files(out)) if not is_temporary(path, out)]
        return [str(name) for name in names if not set(name.parent.parts) & set(self.drawn)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOutcome:
    """What came of one kill.

    Attributes:
        command: Name of the command.
        number: Number of the kill; it gives the moment, with the seed.
        moment: Moment of the kill, in words.
        half_files: Files that were there and not whole.
        different: Files that the second run made otherwise, or did not make; none where it failed.
        left: Number of temporary files that are there after the second run.
        said: Last line of the second run, where it failed.
    """

    command: str
    number: int
    moment: str
    half_files: tuple[str, ...] = ()
    different: tuple[str, ...] = ()
    left: int = 0
    said: str = ""

    @property
    def failed(self) -> bool:
        """Whether something is not as it must be."""
        return bool(self.half_files or self.different or self.said)

    def as_json(self) -> dict[str, Any]:
        """All attributes."""
        return {**asdict(self), "failed": self.failed}


def content_of(path: Path) -> bytes:
    """What a file says, without what tells time.

    Args:
        path: File of a finished command.

    Raises:
        CheckpointError: A checkpoint is torn.
    """
    if path.suffix == ".ckpt":
        digest = sha256()
        _digest(read_file(path), digest.update)
        return digest.digest()
    content = path.read_bytes()
    if path.name != "log.jsonl":
        return content
    rows = [parse_json(line, finite=False) for line in content.splitlines()]
    return json.dumps([{key: row[key] for key in row if key != "seconds"} for row in rows]).encode()


def _digest(value: Any, update: Callable[[bytes], None]) -> None:
    """Tensors by their bytes and all else as it is written, but for the length of a log."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            if key != "log_bytes":
                update(repr(key).encode())
                _digest(one, update)
    elif isinstance(value, list | tuple):
        update(f"{type(value).__name__} {len(value)}".encode())
        for one in value:
            _digest(one, update)
    elif isinstance(value, Tensor):
        update(f"{value.dtype} {tuple(value.shape)}".encode())
        update(value.detach().cpu().contiguous().numpy().tobytes())
    else:
        update(repr(value).encode())


def commands(folder: Path, names: Sequence[str] = ()) -> list[KilledCommand]:
    """The commands that are killed, with what they need: simulated dives, films, a finished run.

    Args:
        folder: Folder for what they need.
        names: Names of the commands that are wanted; all by default.

    Raises:
        DataError: There is no such command, or what one needs cannot be made.
    """
    dives, run = folder / "dives", folder / "run"
    train = [
        "train",
        str(folder / "tiny.yaml"),
        *_MODEL,
        f"data.folder={dives}",
        f"data.clips={folder / 'clips'}",
    ]
    found = [
        KilledCommand(
            name="train",
            words=lambda out: [*train, "--out", str(out)],
            again=lambda out: (
                ["train", "--resume", str(out)]
                if (out / "config.yaml").exists()
                else [*train, "--out", str(out)]
            ),
            grows=(".lock", ".jsonl"),
            differs=("config.yaml",),
            drawn=("tensorboard",),
        ),
        KilledCommand(
            name="weights pack",
            words=lambda out: [
                "weights",
                "pack",
                str(run),
                "--name",
                "tiny",
                "--out",
                str(out),
                "--without-pictures",
            ],
        ),
        KilledCommand(
            name="fit-bank",
            words=lambda out: [
                "fit-bank",
                str(folder / "films"),
                "--labels",
                str(folder / "films" / "dives.csv"),
                "--out",
                str(out / "bank.safetensors"),
            ],
        ),
        KilledCommand(
            name="annotate",
            words=lambda out: [
                "annotate",
                str(folder / "few"),
                "--out",
                str(out),
                "--frames",
                "8",
                "--workers",
                "1",
            ],
            differs=("quality.json",),  # it says how long it took
        ),
    ]
    if strange := sorted(set(names) - {command.name for command in found}):
        raise DataError(
            "there is no such command to kill",
            where=strange[0],
            todo=f"choose among {', '.join(one.name for one in found)}",
        )
    wanted = [command for command in found if not names or command.name in names]
    _prepare(folder, train, with_run=any(command.name == "weights pack" for command in wanted))
    return wanted


def kill_often(
    command: KilledCommand, folder: Path, *, numbers: Sequence[int], seed: int, progress: Progress
) -> list[KillOutcome]:
    """Kill a command several times, each time from its beginning, and start it again; `OUTCOMES` says what came out so far.

    Args:
        command: Command to kill.
        folder: Folder for what the command makes.
        numbers: Numbers of the kills; each gives its moment, with the seed.
        seed: Seed of the moments.
        progress: Function that is called after each kill.

    Raises:
        DataError: The command fails where nobody kills it.
    """
    whole, begun = folder / "whole", time.monotonic()
    process = _started(command.words(whole))
    num_writes = _watched(process, whole, lambda num_writes: False)
    code, said = _ended(process)
    if code:
        raise DataError(f"{command.name} fails by itself ({said})", where=whole, todo="mend this first")
    alone = _Undisturbed(command.results(whole), time.monotonic() - begun, num_writes)
    found = []
    for number in numbers:
        found.append(_killed(command, folder / str(number), alone, seed=seed, number=number))
        kept = [outcome.as_json() for outcome in found]
        write_bytes(folder / OUTCOMES, (json.dumps(kept, indent=1) + "\n").encode())
        progress(command.name, len(found), len(numbers))
    return found


@dataclass(frozen=True, slots=True)
class _Undisturbed:
    """A run of a command that nobody killed.

    Attributes:
        results: The files that it made.
        seconds: Time that it took, in seconds.
        num_writes: Number of files that were seen being written.
    """

    results: dict[str, bytes]
    seconds: float
    num_writes: int


def _killed(command: KilledCommand, out: Path, alone: _Undisturbed, *, seed: int, number: int) -> KillOutcome:
    chance = Chance("kills", seed, command.name, number)
    at_s, write = alone.seconds * (5 + chance.below(90)) / 100, 1 + chance.below(alone.num_writes)
    writing = number % 2 == 1
    process = _started(command.words(out))
    if writing:
        _watched(process, out, lambda num_writes: num_writes >= write)
    else:
        with suppress(subprocess.TimeoutExpired):
            process.wait(at_s)
    moment = f"while file {write} was written" if writing else f"after {at_s:.1f} s"
    if process.poll() is not None:
        moment = "it had ended already"
    process.kill()
    process.communicate()
    half = command.half_files(out, alone.results) if out.exists() else []
    words = command.words if command.again is None else command.again
    code, said = _ended(_started(words(out)))
    after = command.results(out) if out.exists() and not code else {}
    names = alone.results.keys() | after.keys()
    different = [] if code else sorted(n for n in names if alone.results.get(n) != after.get(n))
    return KillOutcome(
        command=command.name,
        number=number,
        moment=moment,
        half_files=tuple(half),
        different=tuple(different),
        left=sum(is_temporary(path, out) for path in _files(out)),
        said=said if code else "",
    )


def _watched(process: "subprocess.Popen[str]", out: Path, stop: Callable[[int], bool]) -> int:
    """Wait until a process ends, or `stop` says so of the number of files that were seen being written."""
    seen = set[Path]()
    while process.poll() is None:
        seen |= {path for path in _files(out) if is_temporary(path, out)}
        if stop(len(seen)):
            break
        time.sleep(0.001)
    return len(seen)


def _files(out: Path) -> list[Path]:
    """All files in a folder; those that vanish meanwhile are no error."""
    return [Path(folder) / name for folder, _, names in os.walk(out) for name in names]


def _started(words: list[str]) -> "subprocess.Popen[str]":
    program = "from stagescore.cli.main import main; main()"
    return subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-P", "-c", program, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 1, f"it did not end within {_LONGEST_S:.0f} s"
    return process.returncode, (said.strip().splitlines() or [""])[-1][:300]


def _with_validation(dives: Path) -> None:
    """The dives again under other names, as those that packing measures the weights on; training sees the five alone.

    All get one dive number, since a bank takes none that stands there once.
    """
    read = list(read_manifest(dives))
    known = [
        dive.with_changes(
            split="train", validation=False, dive_number=read[0].dive_number, difficulty=read[0].difficulty
        )
        for dive in read
    ]
    again = [
        known[number % len(known)].with_changes(
            event=f"again{number}", recording=f"again/{number}", validation=True
        )
        for number in range(_NUM_VALIDATION)
    ]
    write_bytes(dives / MANIFEST, Manifest((*known, *again)).to_bytes())


def _prepare(folder: Path, train: list[str], *, with_run: bool) -> None:
    dives, films, few = folder / "dives", folder / "films", folder / "few"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text("{}\n")
    if not dives.exists():
        simulate_dataset(dives, Order(num_dives=5, seed=7, size_px=(256, 144)), workers=1)
        _with_validation(dives)
    if not (films / "dives.csv").exists():
        films.mkdir(exist_ok=True)
        rows = ["path,score,dive_number,height"]
        few.mkdir(exist_ok=True)
        for number, dive in enumerate(read_manifest(dives).select("fit")):
            path, media = films / f"{dive.number}.mp4", open_media(dive.frames_path or "")
            write_film(path, (picture for _, picture in media.frames()), 25)
            if number < _NUM_FEW:
                every_other = range(0, media.num_frames, 2)
                write_film(few / path.name, (picture for _, picture in media.frames(every_other)), 12.5)
            rows.append(f"{path.name},{dive.score},{dive.dive_number},{dive.height_m:g}")
        (films / "dives.csv").write_text("\n".join(rows) + "\n")
    if with_run and not (folder / "run").exists():
        code, said = _ended(_started([*train, "--out", str(folder / "run")]))
        if code:
            raise DataError(f"no run can be made ({said})", where=folder, todo="mend this first")
