"""How commands speak: results to standard output, everything else to standard error.

With `--json` standard output holds one JSON document and nothing else, also when the command fails.
Progress is a bar on a terminal and plain lines when piped.
"""

import enum
import gc
import json
import math
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from stagescore.errors import RenamedSetting, StagescoreError
from stagescore.printable import printable, writable
from stagescore.shortages import shortage_of


class Skip(enum.StrEnum):
    """What becomes of films that cannot be used."""

    report = "report"
    fail = "fail"


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no tables: errors only.")]

_SECONDS_BETWEEN_LINES = 5.0
"""Least time between two lines of progress where there is no terminal. Set by hand."""
_PIPED_WIDTH = 160
"""Width of tables where there is no terminal, in characters. Set by hand."""


@contextmanager
def collection_paused() -> Iterator[None]:
    """While modules and networks are loaded: nothing of them is ever freed, and looking for it takes a sixth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()


class Failure(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """Ends a command with an exit code after everything has been said.

    Args:
        code: Exit code of the command. 1: something failed, or needs review where asked to be strict.
    """

    def __init__(self, code: int = 1) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Output:
    """What a command may say, and where.

    Attributes:
        json: Whether one JSON document is printed instead of text and tables.
        quiet: Whether text, tables and progress are left out.
    """

    json: bool = False
    quiet: bool = False

    @property
    def _shown(self) -> bool:
        return not self.json and not self.quiet

    def text(self, line: str) -> None:
        """A line of the result, or several."""
        if self._shown:
            _stdout().print(printable(line, keep="\n"), highlight=False, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table of the result; numbers to the right."""
        if not self._shown or not rows:
            return
        table = Table(
            title=Text(printable(title)), title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for index, column in enumerate(columns):
            numeric = all(isinstance(row[index], int | float) or row[index] is None for row in rows)
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*[_cell(value) for value in row])
        _stdout().print(table)

    def document(self, content: dict[str, Any]) -> None:
        """The result as JSON, where it was asked for."""
        if self.json:
            # ASCII only, so that it can be written whatever the encoding of standard output is.
            sys.stdout.write(json.dumps(_finite(content), indent=1) + "\n")
            sys.stdout.flush()

    def note(self, line: str) -> None:
        """Something worth knowing that is no result."""
        if not self.quiet:
            _stderr().print(printable(line), highlight=False, markup=False, soft_wrap=True)

    def warning(self, line: str) -> None:
        """Something the user should look at."""
        _stderr().print(f"warning: {printable(line)}", highlight=False, markup=False, soft_wrap=True)

    def error(self, error: StagescoreError) -> None:
        """A failure, as one line."""
        _stderr().print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator["ProgressReport"]:
        """Progress of a long piece of work, told by calling what this yields."""
        console = _stderr()
        if self.quiet or not console.is_terminal:
            yield ProgressReport(None if self.quiet else console)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            yield ProgressReport(console, bar)


class ProgressReport:
    """Call it with what is being done, how many are done, and of how many."""

    def __init__(self, console: Console | None, bar: Progress | None = None) -> None:
        self._console = console
        self._bar = bar
        self._task: tuple[str, Any] | None = None
        self._begun: tuple[str, int, float] | None = None
        self._done = 0
        self._last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say how far the work has come; what was done before the first call took no time of ours."""
        if self._console is None:
            return
        again, self._done = done < self._done, done  # the same work for the next fold
        if self._bar is not None:
            if again or self._task is None or self._task[0] != what:
                self._task = (what, self._bar.add_task(what, total=total))
            self._bar.update(self._task[1], completed=done, total=total)
            return
        now = time.monotonic()
        if again or self._begun is None or self._begun[0] != what:
            self._begun = (what, done, now)
        _, first, started = self._begun
        if now - self._last >= _SECONDS_BETWEEN_LINES and done < total:
            self._last = now
            remaining = (now - started) / max(done - first, 1) * (total - done)
            self._console.print(f"{what}: {done} of {total}, about {remaining:.0f} s left", highlight=False)


@contextmanager
def command_output(*, json: bool, quiet: bool) -> Iterator[Output]:
    """An `Output` for one command; an expected failure becomes one line and exit code 1."""
    output = Output(json=json, quiet=quiet)
    try:
        with _renamed_settings(output):
            yield output
    except StagescoreError as error:
        output.error(error)
        output.document({"status": "failed", "error": error.as_json()})
        raise typer.Exit(1) from None
    except Failure as failure:
        raise typer.Exit(failure.code) from None
    except Exception as error:
        short = shortage_of(error)
        if short is None:
            raise
        output.error(short)
        output.document({"status": "failed", "error": short.as_json()})
        raise typer.Exit(1) from None


@contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """SIGTERM ends what is under way as Ctrl-C does, so that what is done is written; exit code 143, as shells give it."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _renamed_settings(output: Output) -> Iterator[None]:
    """Settings by earlier names are told in a line like any other warning, without a place in the code."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, RenamedSetting):
                output.warning(str(message))
            else:
                others(message, category, *place, **more)

        warnings.simplefilter("always", RenamedSetting)
        warnings.showwarning = show
        yield


def _stdout() -> Console:
    return _console(sys.stdout)


def _stderr() -> Console:
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    if hasattr(stream, "reconfigure"):  # paths may hold what the terminal's encoding cannot
        stream.reconfigure(errors="backslashreplace")
    return Console(file=stream, width=None if stream.isatty() else _PIPED_WIDTH)


def _cell(value: object) -> Text:
    """A `Text`, since Rich would take `[...]` in a plain string for markup."""
    if value is None:
        return Text()
    return Text(f"{value:.4g}" if isinstance(value, float) else printable(str(value)))


def rounded(value: float | None, digits: int) -> float | None:
    """A figure for a table."""
    return None if value is None else round(value, digits)


def _finite(value: Any) -> Any:
    """JSON has no NaN: undefined figures become null; nor lone surrogates."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_finite(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
