"""`stagescore data prepare` and `data features`: what is worked out once, before training."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, Skip, command_output


def prepare(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a manifest whose dives have films.")
    ],
    weights_dir: Annotated[Path | None, typer.Option(help="Look for pose networks here first.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    skip: Annotated[
        Skip,
        typer.Option(
            help="Films in which no flight is seen: name them and go on, or end with exit code 1 as well."
        ),
    ] = Skip.report,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look at every film as `score` does, and note joints and flight in the manifest.

    Goes on where it was stopped. What training on films needs: frames are placed by the flight, and the window follows the
    joints.
    """
    from stagescore.scoring.preparing import prepare as look_at_films

    with command_output(json=json, quiet=quiet) as out:
        with out.progress() as progress:
            prepared = look_at_films(folder, weights_dir=weights_dir, workers=workers, progress=progress)
        seen = sum(bool(dive.flight) for dive in prepared.manifest)
        document = {
            "dives": len(prepared.manifest),
            "flights": seen,
            "unseen": prepared.unseen,
            "doubtful": {name: list(codes) for name, codes in prepared.doubtful.items()},
        }
        out.document(document)
        out.text(f"{seen} of {len(prepared.manifest)} dives have a flight.")
        for name, why in prepared.unseen.items():
            out.text(f"  {name}: {why}")
        for name, codes in prepared.doubtful.items():
            out.text(f"  {name} would get no score: {', '.join(codes)}")
        if prepared.unseen and skip is Skip.fail:
            raise Failure


def features(
    config: Annotated[
        list[str],
        typer.Argument(metavar="CONFIG [KEY=VALUE ...]", help="As for `train`, with start.model=..."),
    ],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder of the cache; goes on if it was begun.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Cache what the frozen encoders of a model say of every view of every dive, for `train ... features=OUT`."""
    from stagescore.config import load_config
    from stagescore.training.runs import cache_features
    from stagescore.training.settings import TrainSettings

    with command_output(json=json, quiet=quiet) as out:
        settings = load_config(TrainSettings, config[0], config[1:])
        with out.progress() as progress:
            cache_features(
                settings,
                out_dir,
                decoding=progress,
                progress=progress,
                tell=out.warning,
            )
        out.document({"cache": str(out_dir), "views": settings.data.views})
        out.text(f"The features are in {out_dir}.")
