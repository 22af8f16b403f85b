"""Readers in a process of their own, with limits of time and memory, which is watched: what it writes, runs and says.

One process at a time reads input after input, since starting one takes seconds. It ends when an input takes too long or ends
it, and after some thousand inputs; another one goes on.
"""

import contextlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from stagescore.benchmarks.campaign.kinds import KINDS
from stagescore.benchmarks.campaign.record import InputOutcome, Verdict
from stagescore.benchmarks.campaign.sample import DamagedInput, Reader, Sample, whole
from stagescore.errors import DataError, StagescoreError
from stagescore.printable import printable

_LONGEST_LINE = 1500
_INPUTS_A_PROCESS = 3000
_STARTING_S = 1800.0
_TOLD = 700
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = frozenset(
    (
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.mkdir",
        "os.symlink",
        "os.link",
        "os.truncate",
        "os.chmod",
        "os.chown",
    )
)
_RUNS = frozenset(
    (
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.spawn",
        "pickle.find_class",
        "socket.connect",
        "socket.bind",
    )
)
_OWN_PLACES = ("/proc/self", "/dev/null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading an input may take.

    Attributes:
        seconds: Processor time for one input, in seconds; a busy machine does not make an input slow.
        hang_s: Time on the clock after which the process is ended, in seconds.
        peak_mb: Memory beyond what the process had, in MB.
        address_mb: Address space beyond what the process had after it had read all whole samples, in MB; beyond it
            the system refuses.
    """

    seconds: float = 10.0
    hang_s: float = 900.0
    peak_mb: float = 512.0
    address_mb: int = 2048


ReadersOf = Callable[[], dict[str, Reader]]
"""Gives readers by name, in another process."""


@dataclass(frozen=True, slots=True)
class KindReaders:
    """The readers of a kind, found in the process that uses them.

    Attributes:
        kind: Name of the kind.
    """

    kind: str

    def __call__(self) -> dict[str, Reader]:
        """All readers of the kind."""
        return dict(KINDS[self.kind].readers)


class Trial:
    """Reads inputs of one kind.

    Args:
        kind: Name of the kind, for outcomes.
        readers: Gives the readers.
        samples: Whole samples, all of which a new process reads first.
        folder: Folder for inputs, which is emptied before each; best in memory, since every write waits for the disk.
        limits: What reading an input may take.
    """

    def __init__(
        self, kind: str, readers: ReadersOf, samples: Sequence[Sample], folder: Path, limits: Limits
    ) -> None:
        self._kind, self._readers, self._samples = kind, readers, samples
        self._folder, self._limits = folder, limits
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._read = 0

    def outcome(self, damaged: DamagedInput, number: int) -> InputOutcome:
        """What becomes of an input.

        Raises:
            DataError: A sample that nobody has damaged is not read, so that the campaign would prove nothing.
        """
        if self._read >= _INPUTS_A_PROCESS:
            self.close()
        if self._process is None:
            self._start()
        self._read += 1
        return self._ask(damaged, number, self._limits.hang_s)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._connection is not None:
            _end(self._process)
            self._connection.close()
        self._process, self._connection, self._read = None, None, 0

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._readers, self._limits, self._folder), daemon=True
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process.start()
        theirs.close()
        for sample in self._samples:
            outcome = self._ask(whole(sample), -1, _STARTING_S)
            if outcome.verdict not in ("read", "warned"):
                self.close()
                raise DataError(
                    f"a whole sample is not read ({outcome.verdict}: {outcome.told})",
                    where=f"{self._kind}: {sample.name}",
                    todo="mend this first",
                )
        self._send(None)

    def _send(self, task: Any) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it has ended: seen when it is asked for an answer
                self._connection.send(task)

    def _answers(self, seconds: float) -> bool:
        """Wait for an answer as long as there is time on the clock, and processor time for twice what an input may take."""
        pid = 0 if self._process is None or self._process.pid is None else self._process.pid
        until, begun = time.monotonic() + seconds, _process_s(pid)
        most = 2 * self._limits.seconds if seconds == self._limits.hang_s else seconds
        while self._connection is not None and time.monotonic() < until and _process_s(pid) - begun <= most:
            if self._connection.poll(0.5):
                return True
        return False

    def _ask(self, damaged: DamagedInput, number: int, seconds: float) -> InputOutcome:
        place = self._folder / "input"
        shutil.rmtree(self._folder, ignore_errors=True)
        path = damaged.write(place)
        (self._folder / "tmp").mkdir()
        self._send((damaged.sample.reader, path, damaged.sample.name))
        verdict: Verdict
        verdict, told, taken, peak_mb = "time", "it was ended", seconds, None
        ended = False
        try:
            if self._connection is not None and self._answers(seconds):
                verdict, told, taken, peak_mb = self._connection.recv()
            else:
                ended = True
        except (EOFError, OSError):
            ended = True
            if self._process is not None:
                self._process.join(5)
                verdict, told = "crash", f"the process ended with {self._process.exitcode}"
        if ended:
            self.close()
        elif taken > self._limits.seconds and number >= 0:
            verdict, told = "time", f"{taken:.1f} s of processor time; {told}"
        elif verdict in ("read", "warned", "refused"):
            if strange := sorted(
                str(one.relative_to(self._folder))
                for one in self._folder.iterdir()
                if one.name not in ("input", "tmp", "said")
            ):
                verdict, told = "outside", f"{strange[0]} was written"
            elif peak_mb is not None and peak_mb > self._limits.peak_mb and number >= 0:
                verdict, told = "memory", f"{peak_mb:.0f} MB; {told}"
        return InputOutcome(
            kind=self._kind, number=number, sample=damaged.sample.name, damage=damaged.damage, verdict=verdict,
            told=told.replace(f"{place}{os.sep}", "")[:_TOLD], seconds=round(taken, 3), peak_mb=None if peak_mb is None else round(peak_mb, 1),
        )  # fmt: skip


def _process_s(pid: int) -> float:
    """Processor time of another process and of those that it has waited for, in seconds; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _end(process: BaseProcess) -> None:
    """With all that it has started: it leads a group of its own."""
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


# In the other process


def _serve(connection: Connection, readers_of: ReadersOf, limits: Limits, folder: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.dont_write_bytecode = True
    os.environ["TMPDIR"] = str(folder / "tmp")
    warnings.simplefilter("always")
    readers = readers_of()
    watch = _Watch(folder.resolve())
    sys.addaudithook(watch)
    with contextlib.suppress(EOFError):
        while True:
            task = connection.recv()
            if task is None:  # the whole samples have been read: from now on there are limits
                taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                most = taken + limits.address_mb * 2**20
                resource.setrlimit(resource.RLIMIT_AS, (most, most))
                continue
            name, path, _ = task
            connection.send(_judged(readers[name], path, folder, watch))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)


def _judged(
    read: Reader, path: Path, folder: Path, watch: "_Watch"
) -> tuple[Verdict, str, float, float | None]:
    begun = _processor_s()
    before = _peak_from_now()
    with _overheard(folder / "said") as said, watch.on():
        verdict, told = _answer(read, path)
    peak_mb = None if before is None else max(_status_mb("VmHWM") - before, 0.0)
    if verdict in ("read", "warned", "refused"):
        if watch.seen:
            verdict, told = "outside", watch.seen[0]
        elif said and said[0]:
            verdict, told = "spoke", said[0]
    return verdict, told, _processor_s() - begun, peak_mb


def _answer(read: Reader, path: Path) -> tuple[Verdict, str]:
    try:
        told = read(path)
    except StagescoreError as error:
        line = str(error)
        if re.search("internal error|report this bug", line, re.IGNORECASE):
            return "internal", line
        if printable(line) != line or not 0 < len(line) <= _LONGEST_LINE or not error.what or not error.todo:
            return "message", repr(line)
        return "refused", line
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [one for one in traceback.extract_tb(error.__traceback__) if "stagescore" in one.filename]
        at = ours[-1] if ours else place
        return (
            "traceback",
            f"{type(error).__name__}: {str(error)[:300]!r} at {Path(at.filename).name}:{at.lineno} ({Path(place.filename).name}:{place.lineno})",
        )
    if printable(told) != told:
        return "message", repr(told)
    return ("warned", told) if told else ("read", "")


def _processor_s() -> float:
    """Processor time of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _status_mb(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def _peak_from_now() -> float | None:
    """Memory of this process in MB; the system notes its peak anew from here on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status_mb("VmRSS")
    except OSError:
        return None


@contextlib.contextmanager
def _overheard(path: Path) -> Iterator[list[str]]:
    """What is written to standard output and error meanwhile, by whatever library; known afterwards."""
    said: list[str] = []
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    taken = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        os.dup2(taken, 1)
        os.dup2(taken, 2)
        yield said
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, number in zip(kept, (1, 2), strict=True):
            os.dup2(stream, number)
            os.close(stream)
        os.lseek(taken, 0, os.SEEK_SET)
        said.append(os.read(taken, 500).decode("utf-8", "replace"))
        os.close(taken)


class _Watch:
    """Notes what Python is asked to write outside of a folder, and what is run."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._watching = False
        self.seen: list[str] = []

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Notes from here to the end."""
        self.seen.clear()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event in _RUNS or (event == "subprocess.Popen" and arguments[0] != sys.executable):
            self.seen.append(f"{event} {str(arguments)[:200]}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and not self._may(path):
                self.seen.append(f"open {str(path)[:200]} for writing")
        elif event in _CHANGES and not self._may(arguments[0]):
            self.seen.append(f"{event} {str(arguments[0])[:200]}")

    def _may(self, path: Any) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a stream that is open already
        place = os.path.normpath(os.path.join(os.getcwd(), os.fsdecode(path)))  # noqa: PTH109, PTH118 - within an audit hook
        return place.startswith((self._folder, os.path.realpath(self._folder), *_OWN_PLACES))
