"""`stagescore bench surroundings`: commands where they have little, and what they say of it."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output, sigterm_as_exit


def surroundings(
    only: Annotated[
        str | None,
        typer.Option(metavar="SURROUNDINGS:COMMAND", help="Try this one alone, such as files-64:score."),
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="table.md, and what the commands made; a stopped run goes on there."
        ),
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run commands without permission to write, in other locales, with few files, little memory, a full disk.

    Exit code 1 if one neither works nor says in one line what is short, or leaves a half file.
    """
    from stagescore.atomic import write_text
    from stagescore.benchmarks.surroundings import COLUMNS, markdown, try_surroundings

    place = tempfile.TemporaryDirectory() if out_dir is None else nullcontext(str(out_dir))
    with command_output(json=json, quiet=quiet) as out, place as folder, sigterm_as_exit():
        with out.progress() as progress:
            outcomes = try_surroundings(Path(folder), progress, only)
        if out_dir is not None:
            write_text(out_dir / "table.md", markdown(outcomes))
        out.document({"surroundings": [outcome.as_json() for outcome in outcomes]})
        out.table("Surroundings", COLUMNS, [outcome.row for outcome in outcomes])
        if any(outcome.verdict == "WRONG" for outcome in outcomes):
            raise Failure
