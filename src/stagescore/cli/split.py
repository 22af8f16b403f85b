"""`stagescore split`: the dives of a long film, each as a film of its own."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import WeightsDirOption


def split(
    films: Annotated[list[Path], typer.Argument(metavar="FILM...", help="Films of any length.")],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for clips and dives.csv.")],
    slowmo: Annotated[float, typer.Option(help="The film is slowed down by this factor.")] = 1.0,
    clips: Annotated[
        bool, typer.Option("--clips/--no-clips", help="Write the clips, or only the table of the dives.")
    ] = True,
    threads: Annotated[int, typer.Option(min=0, help="Threads that decode; 0 for one a core.")] = 0,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the dives of long films and write each as a clip: DIR/FILM-1.mp4, FILM-2.mp4, ..., and DIR/dives.csv.

    Clips are copied, pictures and sound, and lose nothing. Clips that are there already are written again.
    """
    from stagescore.media.info import check_factor
    from stagescore.scoring.sessions.splitting import FoundDive, dives_csv, split_film, write_table
    from stagescore.scoring.sessions.tools import detector_source

    with command_output(json=json, quiet=quiet) as out:
        check_factor("slow-motion factor", slowmo)
        source = detector_source(weights_dir)
        found: list[FoundDive] = []
        with out.progress() as progress:
            for film in films:
                found += split_film(
                    film,
                    source(slowmo),
                    out_dir,
                    clips=clips,
                    threads=threads,
                    progress=progress,
                    taken=found,
                )
                write_table(out_dir, dives_csv(found))
        out.document({"out": str(out_dir), "dives": [one.as_json() for one in found]})
        out.table(
            f"Dives, in {out_dir}",
            ("dive", "film", "begin s", "take-off s", "contact s", "end s", "confidence", "told by"),
            [
                (
                    one.name,
                    str(one.film),
                    rounded(one.span.begin_s, 2),
                    rounded(one.span.takeoff_s, 2),
                    rounded(one.span.contact_s, 2),
                    rounded(one.span.end_s, 2),
                    rounded(one.span.confidence, 3),
                    ", ".join(one.span.told),
                )
                for one in found
            ],
        )
        if not found:
            out.warning("no dive was found")
