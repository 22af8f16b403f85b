"""`stagescore strobe`: a flight in one picture."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output
from stagescore.cli.score import WeightsDirOption

_QUALITY = 92
"""JPEG quality of the picture. Set by hand."""


def strobe(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILM|RESULT_DIR",
            help="A film of one dive, or the folder of a scored dive, which is much faster.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Picture, png or jpg; by default strobe.png here or in RESULT_DIR."
        ),
    ] = None,
    copies: Annotated[
        int | None,
        typer.Option(
            min=2, max=60, metavar="N", help="Copies of the diver; as many as can be seen by default."
        ),
    ] = None,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """One picture with the diver at equal times, before the hall as it stands still.

    Copies are numbered in the order of time, and the frames that they come from are printed.
    """
    from stagescore.atomic import write_bytes
    from stagescore.media.images import jpeg_bytes, png_bytes
    from stagescore.report.result_folder import RESULT, read_result, saved_joints, scored_film
    from stagescore.report.strobe import FILE_EDGE_PX, FilmedFlight, strobe_of
    from stagescore.scoring.pipeline import looked_at

    scored = (source / RESULT).is_file()
    path = out or (source if scored else Path()) / "strobe.png"
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise typer.BadParameter("name a file that ends in .png or .jpg", param_hint="--out")
    with command_output(json=json, quiet=quiet) as said:
        if scored:
            result = read_result(source)
            flight = FilmedFlight.of(result, scored_film(result, source), saved_joints(source))
            slowmo = result.input.slowmo
        else:
            flight, slowmo = FilmedFlight.seen_by(looked_at(source, weights_dir)), 1.0
        made = strobe_of(flight, edge_px=FILE_EDGE_PX, copies=copies)
        png = path.suffix.lower() == ".png"
        write_bytes(path, png_bytes(made.picture) if png else jpeg_bytes(made.picture, _QUALITY))
        seconds = [time / slowmo for time in made.times_s]
        said.document(
            {"written": str(path), "frames": made.frames, "times_s": seconds, "hidden": made.hidden}
        )
        said.text(made.told(slowmo))
        said.text(f"written: {path}")
