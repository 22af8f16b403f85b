"""`stagescore`: the verbs, and what happens when something goes wrong.

Exit codes: 0 ok; 1 something failed, or needs review where asked to be strict; 2 wrong usage;
130 interrupted; 143 ended by SIGTERM.
"""

import atexit
import os
import sys
import threading
from typing import Annotated, NoReturn

import typer

from stagescore import __version__
from stagescore.cli import (
    annotate,
    bench,
    compare,
    data,
    doctor,
    evaluate,
    fit_bank,
    pack,
    pose,
    report,
    score,
    simulate,
    split,
    strobe,
    train,
    train_events,
    watch,
    weights,
)
from stagescore.errors import ConfigError
from stagescore.extras import raise_from
from stagescore.shortages import shortage_of

app = typer.Typer(
    name="stagescore",
    help="Give it a dive, get the score, the stages, and where the points went.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("score")(score.score)
app.command("split")(split.split)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("watch")(watch.watch)
app.command("strobe")(strobe.strobe)
app.command("fit-bank")(fit_bank.fit_bank)
app.add_typer(data.app, name="data")
app.command("simulate")(simulate.simulate)
app.command("pretrain")(train.pretrain)
app.command("train")(train.train)
app.command("average")(train.average)
app.command("train-events")(train_events.train_events)
app.command("evaluate")(evaluate.evaluate)
app.command("evaluate-folds")(evaluate.evaluate_folds)
app.add_typer(bench.app, name="bench")
app.add_typer(annotate.app, name="annotate")
app.add_typer(pose.app, name="pose")
weights.app.command("pack")(pack.pack)
app.add_typer(weights.app, name="weights")
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"stagescore {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Give it a dive, get the score, the stages, and where the points went."""


def main() -> None:
    """The console script."""
    try:
        app()
    except ModuleNotFoundError as error:
        try:
            raise_from(error, "this command")
        except ConfigError as missing:
            sys.stderr.write(f"error: {missing}\n")
            sys.exit(1)
        raise
    except (MemoryError, OSError, RuntimeError, ImportError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader of a pipe has gone away (`| head`): nothing more to say, and no traceback about it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        short = shortage_of(error)
        if short is None:
            raise
        sys.stderr.write(f"error: {short}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def console() -> NoReturn:
    """As `main`, for a process that does nothing else: it ends when everything is said, without taking the program apart piece by piece.

    Python frees each module and each tensor when a process ends, for a sixth of a second after `score`; the system does it at once.
    """
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    if threading.active_count() > 1 or not (code is None or isinstance(code, int)):
        sys.exit(code)  # type: ignore[arg-type]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(code or 1)
    os._exit(code or 0)


if __name__ == "__main__":  # torchrun -m stagescore.cli.main
    main()
