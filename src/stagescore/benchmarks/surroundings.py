"""Commands where they have little: nothing to write to but their result, few files and little memory, a full disk, a locale without letters.

Each is a process of its own. Right is: exit code 0 and a result, or one line for a film that says what is short; no traceback, and
no half file under a final name. Where nothing is short, as in another locale, only a result is right. Linux only.

Disks are full and the installation is read-only in a mount namespace of that process (`unshare`), which needs root or user
namespaces. Without them a copy of the package, and a home, lose their permission to write.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import stagescore
from stagescore.atomic import write_text
from stagescore.benchmarks.whole_files import half_files
from stagescore.data.manifest import read_manifest
from stagescore.errors import DataError
from stagescore.json_files import read_json
from stagescore.media import open_media
from stagescore.media.film_writing import write_film
from stagescore.simulate.dataset import Order, simulate_dataset

Progress = Callable[[str, int, int], None]
Verdict = Literal["works", "told", "WRONG", "skipped"]
Where = Literal["", "read-only", "full"]
OUTCOMES = "outcomes.json"
COLUMNS = ("surroundings", "command", "exit code", "what happens")
_LONGEST_S = 900.0
_ACCENTS = "plongée 漢.mp4"
_SHORT = re.compile(
    r"memory ran out|too many files|disk is full|no space left|file too large|no thread", re.IGNORECASE
)
"""What an error of ours says where something is short."""
_OURS = ("error: ", "warning: ")
_READ_ONLY = 'set -e; for place in "$1" "$2" "$3"; do mount --bind "$place" "$place"; mount -o remount,bind,ro "$place"; done; shift 3; exec "$@"'
_FULL = (
    'mount -t tmpfs -o size="$1"k none "$2" || exit 125; from="$2"; to="$3"; shift 3; "$@"; code=$?; '
    'cp -a "$from/." "$to/"; exit $code'
)
"""What is on the small disk is copied off it, since it vanishes with the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSurroundings:
    """What a process has and has not.

    Attributes:
        key: Short name, with which one is chosen.
        name: Name in words, for the table.
        environment: Variables that are set for the process.
        limits: Limits of the process: names of `resource`, and their values.
        where: Kind of disk: `read-only` for installation and home, `full` for the results.
        disk_kb: Size of the disk of the results in kB, where it is small.
        must_work: Whether nothing is short, so that a command has to work.
    """

    key: str
    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    where: Where = ""
    disk_kb: int = 0
    must_work: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCommand:
    """A command that is tried.

    Attributes:
        name: Command in words, for the table.
        words: Function that gives the words of the command for the folder of what it reads and an output folder.
        makes: Pattern of the files of its result; empty where its result is what it prints.
        least: Number of films that it reads or, where it reads none, 1: it makes a file of that pattern for each, and may have an
            error for each.
    """

    name: str
    words: Callable[[Path, Path], list[str]]
    makes: str = ""
    least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingsOutcome:
    """What came of one command in one kind of surroundings.

    Attributes:
        key: Short names of surroundings and command, with which this one is run alone.
        surroundings: Surroundings in words.
        command: Command in words.
        verdict: Outcome: `works`, `told` (one line says what is short), `WRONG` or `skipped`.
        code: Exit code, below 0 for a signal; None where nothing was run.
        said: Line that says what is short, what is wrong, or why nothing was run.
        seconds: Time that the command took, in seconds.
    """

    key: str
    surroundings: str
    command: str
    verdict: Verdict
    code: int | None = None
    said: str = ""
    seconds: float = 0.0

    @property
    def row(self) -> tuple[str, str, int | None, str]:
        """Cells of the table."""
        told = self.verdict if self.verdict in ("works", "WRONG") else self.said
        return self.surroundings, self.command, self.code, f"WRONG: {self.said}" if told == "WRONG" else told

    def as_json(self) -> dict[str, Any]:
        """All attributes."""
        return asdict(self)


def _score(film: str) -> TriedCommand:
    words = lambda needed, out: ["score", str(needed / film), "--out", str(out), "--quiet"]  # noqa: E731
    named = "score" if film == "film.mp4" else f'score "{film}"'
    return TriedCommand(name=named, words=words, makes="result.json")


def _annotate(workers: int = 1) -> TriedCommand:
    return TriedCommand(
        name="annotate" if workers == 1 else f"annotate --workers {workers}",
        words=lambda needed, out: [
            *("annotate", str(needed / ("short.mp4" if workers == 1 else "two")), "--out", str(out)),
            *("--frames", "8"),
            *("--workers", str(workers), "--quiet"),
        ],
        makes="quality.json",
        least=workers,
    )


_SCORE, _ANNOTATE = _score("film.mp4"), _annotate()
_DOCTOR = TriedCommand(name="doctor", words=lambda needed, out: ["doctor"])
_LIST = TriedCommand(name="weights list", words=lambda needed, out: ["weights", "list"])
_SIMULATE = TriedCommand(
    name="simulate",
    words=lambda needed, out: ["simulate", str(out), "--dives", "2", "--workers", "1", "--quiet"],
    makes="manifest.jsonl",
)
_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def _files(number: int) -> TriedSurroundings:
    return TriedSurroundings(
        key=f"files-{number}", name=f"{number} open files", limits={"RLIMIT_NOFILE": number}
    )


def _memory(megabytes: int) -> TriedSurroundings:
    limit = {"RLIMIT_AS": megabytes * 10**6}
    return TriedSurroundings(
        key=f"memory-{megabytes}", name=f"{megabytes:,} MB of address space", limits=limit
    )


def _disk(kilobytes: int) -> TriedSurroundings:
    name = f"disk of {kilobytes} kB (tmpfs)"
    return TriedSurroundings(key=f"disk-{kilobytes}", name=name, where="full", disk_kb=kilobytes)


TRIALS: tuple[tuple[TriedSurroundings, tuple[TriedCommand, ...]], ...] = (
    (
        TriedSurroundings(key="usual", name="the usual ones", must_work=True),
        (_SCORE, _ANNOTATE, _DOCTOR, _LIST, _SIMULATE),
    ),
    (
        TriedSurroundings(
            key="read-only", name="installation and home read-only", where="read-only", must_work=True
        ),
        (_SCORE, _ANNOTATE, _DOCTOR, _LIST),
    ),
    (
        TriedSurroundings(key="c", name="`LC_ALL=C`", environment={"LC_ALL": "C"}, must_work=True),
        (_SCORE, _score(_ACCENTS)),
    ),
    (
        TriedSurroundings(
            key="ascii",
            name="`LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0`",
            environment=_ASCII,
            must_work=True,
        ),
        (_score(_ACCENTS),),
    ),
    (_files(64), (_SCORE, _annotate(2))),
    (_files(40), (_SCORE,)),
    (_files(20), (_SCORE,)),
    (_memory(2000), (_SCORE,)),
    (_memory(4600), (_SCORE,)),
    (_memory(6000), (_SCORE,)),
    (_disk(4), (_SCORE, _SIMULATE)),
    (_disk(64), (_SCORE, _ANNOTATE, _SIMULATE)),
    (_disk(400), (_SCORE, _SIMULATE)),
    (
        TriedSurroundings(key="file-20", name="files of 20 kB at most", limits={"RLIMIT_FSIZE": 20_000}),
        (_SCORE, _ANNOTATE, _SIMULATE),
    ),
)
"""What is tried: surroundings, and the commands in them."""


def key_of(surroundings: TriedSurroundings, command: TriedCommand) -> str:
    """Short names of surroundings and command, such as `files-64:score`.

    Args:
        surroundings: Surroundings of the trial.
        command: Command of the trial.
    """
    return (
        f"{surroundings.key}:{command.name.split(' --')[0].replace(_ACCENTS, 'accents').replace(chr(34), '')}"
    )


def try_surroundings(folder: Path, progress: Progress, only: str | None = None) -> list[SurroundingsOutcome]:
    """Try all commands in all surroundings, one after the other; what was right before in that folder is not tried again.

    Args:
        folder: Folder for what the commands read and make.
        progress: Function that is called after each.
        only: Key of the only one that is tried (`key_of`).

    Raises:
        DataError: There is no such one, or what the commands read cannot be made.
    """
    all_of = [(one, command) for one, commands in TRIALS for command in commands]
    wanted = [pair for pair in all_of if only in (None, key_of(*pair))]
    if not wanted:
        keys = ", ".join(key_of(*pair) for pair in all_of)
        raise DataError("there is no such trial", where=str(only), todo=f"choose among {keys}")
    needed = folder.resolve() / "needed"
    _prepare(needed)
    found = _kept(folder)
    for one, command in wanted:
        if key_of(one, command) in {outcome.key for outcome in found}:
            continue
        out = folder.resolve() / key_of(one, command).replace(":", "-").replace(" ", "-")
        found.append(_tried(one, command, needed, out))
        rows = [outcome.as_json() for outcome in found]
        write_text(folder / OUTCOMES, json.dumps(rows, indent=1) + "\n")
        progress("surroundings", len(found), len(wanted))
    order = [key_of(*pair) for pair in wanted]
    return sorted((one for one in found if one.key in order), key=lambda one: order.index(one.key))


def _kept(folder: Path) -> list[SurroundingsOutcome]:
    """What was tried before in a folder and was right."""
    path = folder / OUTCOMES
    try:
        rows = read_json(path) if path.exists() else []
        found = [SurroundingsOutcome(**row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"no outcomes can be read ({str(error)[:100]})", where=path, todo="choose another folder"
        ) from None
    return [one for one in found if one.verdict in ("works", "told")]


def markdown(outcomes: Sequence[SurroundingsOutcome]) -> str:
    """A table of what happened, for documents.

    Args:
        outcomes: Outcomes, in the order of the table's rows.
    """
    rows = [COLUMNS, *(outcome.row for outcome in outcomes)]
    lines = [
        " | ".join("" if cell is None else str(cell).replace("|", "\\|") for cell in row) for row in rows
    ]
    return "".join(f"| {line} |\n" for line in (lines[0], *lines[1:])).replace(
        "\n", "\n|---|---|---|---|\n", 1
    )


def judged(
    done: "subprocess.CompletedProcess[str]", out: Path, one: TriedSurroundings, command: TriedCommand
) -> tuple[Verdict, str]:
    """Whether a command did what is right, and what it said.

    Args:
        done: Process that has ended.
        out: Output folder of the command.
        one: Surroundings of the command.
        command: Command that was run.
    """
    said = [line for line in done.stderr.splitlines() if line.strip()]
    last = said[-1][:300] if said else ""
    if half := half_files(out):
        return "WRONG", f"half files: {', '.join(half)[:300]}"
    if "Traceback" in done.stderr + done.stdout:
        return "WRONG", f"a traceback ({last})"
    if done.returncode == 0:
        made = (
            len(list(out.rglob(command.makes)))
            if command.makes
            else len(done.stdout.strip()) and command.least
        )
        return ("works", "") if made >= command.least else ("WRONG", "exit code 0 without a result")
    if done.returncode != 1:
        return "WRONG", f"exit code {done.returncode} ({last})"
    if one.must_work:
        return "WRONG", last
    if stray := [line for line in said if not line.isprintable() or not line.startswith(_OURS)]:
        return "WRONG", f"it says more than its errors ({stray[0][:300]!a})"
    if (num := sum(line.startswith("error: ") for line in said)) > command.least:
        return "WRONG", f"{num} lines of error ({last})"
    short = next((line[:300] for line in said if _SHORT.search(line)), "")
    return ("told", short) if short else ("WRONG", f"it does not say what is short ({last})")


def _tried(one: TriedSurroundings, command: TriedCommand, needed: Path, out: Path) -> SurroundingsOutcome:
    key, out = key_of(one, command), out / "made"
    shutil.rmtree(out.parent, ignore_errors=True)  # of a try that was stopped
    try:
        line, environment = _launched(one, command.words(needed, out), needed, out)
    except _CannotBeHadError as error:
        return SurroundingsOutcome(
            key=key, surroundings=one.name, command=command.name, verdict="skipped", said=f"skipped: {error}"
        )
    begun = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - this very program
            line,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
        kept = out.parent / "kept" if one.where == "full" else out
        verdict, said = judged(done, kept, one, command)
        said = said.replace(f"{out.parent}{os.sep}", "").replace(f"{needed}{os.sep}", "")
        code: int | None = done.returncode
        (out.parent / "stderr.txt").write_text(done.stderr, encoding="utf-8")
    except subprocess.TimeoutExpired:
        verdict, said, code = "WRONG", f"it did not end within {_LONGEST_S:.0f} s", None
    return SurroundingsOutcome(
        key=key,
        surroundings=one.name,
        command=command.name,
        verdict=verdict,
        code=code,
        said=said,
        seconds=round(time.monotonic() - begun, 1),
    )


# How a process gets its surroundings


class _CannotBeHadError(Exception):
    """Surroundings that this machine, or this user, cannot have."""


def _launched(
    one: TriedSurroundings, words: list[str], needed: Path, out: Path
) -> tuple[list[str], dict[str, str]]:
    """The line of a process and its environment."""
    out.parent.mkdir(parents=True, exist_ok=True)
    home = needed / "home"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    environment |= {"HOME": str(home), "OMP_NUM_THREADS": "1", **one.environment}
    line = _line(words, one.limits)
    if one.where == "full":
        small, kept = out, out.parent / "kept"
        small.mkdir(exist_ok=True)
        kept.mkdir(exist_ok=True)
        if not _can_mount():
            raise _CannotBeHadError("a small disk needs root, or namespaces of users")
        # The results go into a folder of the small disk, so that the command makes it itself.
        line = [word.replace(str(small), str(small / "out")) for word in line]
        return [*_unshared(), _FULL, "sh", str(one.disk_kb), str(small), str(kept), *line], environment
    if one.where == "read-only":
        package = Path(stagescore.__file__).parent
        if _can_mount():
            places = (sys.prefix, str(package), str(home))
            return [*_unshared(), _READ_ONLY, "sh", *places, *line], environment
        return line, environment | _without_permission(package, home, needed)
    return line, environment


def _line(words: Sequence[str], limits: Mapping[str, int]) -> list[str]:
    limited = [f"resource.setrlimit(resource.{name}, ({value}, {value}))" for name, value in limits.items()]
    program = ["import resource", *limited] if limited else []
    program += ["from stagescore.cli.main import main", "main()"]
    return [sys.executable, "-P", "-c", "; ".join(program), *words]


def _unshared() -> list[str]:
    """The beginning of a line whose process has mounts of its own."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return [shutil.which("unshare") or "unshare", *as_root, "--mount", "sh", "-uc"]


@cache
def _can_mount() -> bool:
    """Whether a process may have a small disk and a folder that is read-only."""
    if shutil.which("unshare") is None:
        return False
    trial = "mount -t tmpfs -o size=64k none /tmp && mkdir /tmp/a && mount --bind /tmp/a /tmp/a && mount -o remount,bind,ro /tmp/a && ! touch /tmp/a/b"
    done = subprocess.run([*_unshared(), trial, "sh"], capture_output=True, check=False)  # noqa: S603 - fixed words
    return done.returncode == 0


def _without_permission(package: Path, home: Path, needed: Path) -> dict[str, str]:
    """Variables with which a copy of the package is used that, like the home, nobody may write to."""
    if os.geteuid() == 0:
        raise _CannotBeHadError("root may write everywhere, and nothing can be mounted")
    copy = needed / "installation" / "stagescore"
    if not copy.exists():
        shutil.copytree(package, copy)
    for place in (home, copy.parent):
        for folder, _, names in os.walk(place):
            for path in (Path(folder), *(Path(folder) / name for name in names)):
                path.chmod(path.stat().st_mode & ~0o222)
    return {"PYTHONPATH": str(copy.parent)}


def _prepare(needed: Path) -> None:
    """Films of simulated dives: one, the same under a name with accents, one at half the frame rate, and two of those in a folder."""
    (needed / "home").mkdir(parents=True, exist_ok=True)
    film, two = needed / "film.mp4", needed / "two"
    if (needed / _ACCENTS).exists():
        return
    dives = needed / "dives"
    if not (dives / "manifest.jsonl").exists():
        simulate_dataset(dives, Order(num_dives=2, seed=7, size_px=(256, 144)), workers=1)
    two.mkdir(exist_ok=True)
    for dive in read_manifest(dives):
        path, media = two / f"{dive.event}-{dive.number}.mp4", open_media(dive.frames_path or "")
        every_other = range(0, media.num_frames, 2)
        write_film(path, (picture for _, picture in media.frames(every_other)), 12.5)
        if not film.exists():
            shutil.copy(path, needed / "short.mp4")
            write_film(film, (picture for _, picture in media.frames()), 25)
    shutil.copy(film, needed / _ACCENTS)
