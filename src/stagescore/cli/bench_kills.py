"""`stagescore bench kills`: commands that are killed, and go on."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output, sigterm_as_exit
from stagescore.errors import DataError

if TYPE_CHECKING:
    from stagescore.benchmarks.kills import KillOutcome


def kills(
    times: Annotated[int, typer.Option(min=1, help="How often each command is killed.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    command: Annotated[
        list[str] | None,
        typer.Option(help="train, weights pack, fit-bank or annotate; all by default. Can be repeated."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND:NUMBER",
            help="Kill this command once, as that kill of all; --out keeps its files.",
        ),
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="New folder in which what the commands made is kept."),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Kill training, packing, fitting and annotating at random moments and start them again.

    Exit code 1 if a half file is there under its final name, or the second run gives something else than an undisturbed one.
    """
    from stagescore.benchmarks.kills import commands, kill_often

    place = tempfile.TemporaryDirectory() if out_dir is None else nullcontext(str(out_dir))
    with command_output(json=json, quiet=quiet) as out, place as folder, sigterm_as_exit():
        outcomes: "list[KillOutcome]" = []
        wanted, numbers = list(command or ()), list(range(times))
        if only is not None:
            name, _, number = only.partition(":")
            if not number.isdecimal():
                raise DataError("this names no kill", where=only, todo="give COMMAND:NUMBER, such as train:3")
            wanted, numbers = [name], [int(number)]
        for one in commands(Path(folder) / "needed", wanted):
            place_of_one = Path(folder) / one.name.replace(" ", "-")
            with out.progress() as progress:
                killed = kill_often(one, place_of_one, numbers=numbers, seed=seed, progress=progress)
            _say(out, killed, seed)
            outcomes += killed
        out.document({"seed": seed, "kills": [outcome.as_json() for outcome in outcomes]})
        if any(outcome.failed for outcome in outcomes):
            raise Failure


def _say(out: Output, outcomes: "list[KillOutcome]", seed: int) -> None:
    out.table(
        f"{outcomes[0].command}: killed and started again, seed {seed}",
        ("kill", "moment", "half files", "different afterwards", "temporary files left", "said"),
        [
            (o.number, o.moment, ", ".join(o.half_files), ", ".join(o.different), o.left, o.said)
            for o in outcomes
        ],
    )
