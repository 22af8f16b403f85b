"""`stagescore report`: the pages of scored dives made again, and the paper's figure 6."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output
from stagescore.extras import from_extra


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RESULT_DIR", help="Folder of a scored dive, or of a batch of them.")
    ],
    figure6: Annotated[
        Path | None,
        typer.Option("--figure6", metavar="FILE", help="Draw figure 6 of the paper: png, svg or pdf."),
    ] = None,
    truth: Annotated[
        float | None, typer.Option(min=0, help="The judges' score, where it is known, for figure 6.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make report.html again from result.json and the film, and summary.html for a batch.

    Without the film the report has no pictures, and says so; one that is there is not written over by it.
    """
    from stagescore.atomic import write_text
    from stagescore.errors import DataError
    from stagescore.report.result_folder import (
        REPORT,
        RESULT,
        SUMMARY,
        read_result,
        saved_pictures,
        write_dive_report,
    )
    from stagescore.report.summary import summary_page

    with command_output(json=json, quiet=quiet) as out:
        single = (folder / RESULT).exists()
        dives = [folder] if single else sorted(path.parent for path in folder.glob(f"*/{RESULT}"))
        if not dives:
            raise DataError(
                "no result.json is in it", where=folder, todo="name a folder that `stagescore score` wrote"
            )
        if figure6 is not None and not single:
            raise DataError(
                "figure 6 shows one dive", where=folder, todo=f"name a folder in it, such as {dives[0]}"
            )
        written, results = list[Path](), [read_result(dive) for dive in dives]
        for dive, result in zip(dives, results, strict=True):
            pictures, missing = saved_pictures(result, dive)
            if missing:
                out.warning(missing)
            if figure6 is not None:
                from_extra("matplotlib", "figure 6")
                from stagescore.figures.figure6 import write_figure6

                write_figure6(result, pictures, figure6, truth)
                written.append(figure6)
            if missing and (dive / REPORT).exists():
                out.warning(
                    f"{dive / REPORT} may have pictures and is left as it is; remove it to have one without"
                )
            else:
                write_dive_report(dive, result, pictures)
                written.append(dive / REPORT)
        if not single:
            names = [dive.name for dive in dives]
            write_text(folder / SUMMARY, summary_page(list(zip(names, results, strict=True))))
            written.append(folder / SUMMARY)
        out.document({"written": [str(path) for path in written]})
        for path in written:
            out.text(f"wrote {path}")
