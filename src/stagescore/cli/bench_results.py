"""`stagescore bench results`: do scored dives contradict themselves?"""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output


def results(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Folders that `score` wrote.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look for results whose parts do not add up, that contradict themselves, or name files that are missing.

    Exit code 1 if there is one.
    """
    from stagescore.benchmarks.result_laws import broken_folder_laws
    from stagescore.errors import DataError
    from stagescore.report.result_folder import RESULT

    with command_output(json=json, quiet=quiet) as out:
        broken: list[str] = []
        num_dives = 0
        for folder in folders:
            num_here = len(list(folder.glob(f"*/{RESULT}")))
            if not num_here:
                raise DataError(
                    "no dive's result is in it",
                    where=folder,
                    todo="name a folder that `stagescore score` wrote",
                )
            num_dives += num_here
            prefix = f"{folder}/" if len(folders) > 1 else ""
            broken += [f"{prefix}{told}" for told in broken_folder_laws(folder)]
        out.document({"dives": num_dives, "broken": broken})
        for told in broken:
            out.text(told)
        out.text(f"{num_dives} dives, {len(broken)} faults")
        if broken:
            raise Failure
