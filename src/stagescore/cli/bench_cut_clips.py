"""`stagescore bench cut-clips`: are clips that begin or end in the air told, and no others?"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output
from stagescore.cli.score import WeightsDirOption

if TYPE_CHECKING:
    from stagescore.scoring.scorer import Scorer


def cut_clips(
    folder: Annotated[Path, typer.Argument(metavar="DIVES", help="Folder of a manifest of films.")],
    labels: Annotated[
        Path, typer.Option(metavar="FILE", help="Events of some films marked by eye, as for `real-clips`.")
    ],
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of `train-events` with the networks of a protocol's folds: each film is looked at by one that was not "
            "trained on it. By default the network that ships.",
        ),
    ] = None,
    protocol: Annotated[str, typer.Option(help="Protocol of these folds.")] = "five-fold",
    sealed: Annotated[bool, typer.Option("--sealed", help="The sealed athletes take part.")] = False,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Cut marked films before, in and after the flight and count those of which is said that an end is in the air."""
    from dataclasses import asdict

    from stagescore.benchmarks.cut_clips import marked_films, measure_cut_clips
    from stagescore.data.manifest import read_manifest
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out:
        manifest = read_manifest(folder)
        paths = {dive.dive_id: Path(dive.frames_path) for dive in manifest if dive.frames_path is not None}
        marked = marked_films(labels, {path.name: path for path in paths.values()})
        scorer = Scorer.load(weights_dir=weights_dir)
        scorer_of: Callable[[Path], Scorer] = lambda path: scorer  # noqa: E731
        if events is not None:
            by_film = _scorers(scorer, folder, events, protocol, sealed=sealed)
            marked = [film for film in marked if film.path in by_film]
            scorer_of = by_film.__getitem__
        with out.progress() as progress:
            rows = measure_cut_clips(marked, scorer_of, progress)
        out.document(
            {
                "films": len(marked),
                "events": "shipped" if events is None else f"{protocol}, out of fold",
                "rows": [asdict(row) | {"is_in_air": row.is_in_air} for row in rows],
            }
        )
        for end, event in (("begins", "take-off"), ("ends", "water contact")):
            out.table(
                f"{len(marked)} films, each cut so that the clip {end} so many frames after the {event}",
                ("frames after", "in the air", "clips", "said to be", "refused as partial"),
                [
                    (row.offset, "yes" if row.is_in_air else "no", row.num_clips, row.in_air, row.refused)
                    for row in rows
                    if row.end == end
                ],
            )


def _scorers(
    scorer: "Scorer", folder: Path, events: Path, protocol: str, *, sealed: bool
) -> "dict[Path, Scorer]":
    """For each film a scorer whose event network was not trained on it."""
    from copy import copy

    from stagescore.data.manifest import read_manifest
    from stagescore.data.protocols import split_by_fold
    from stagescore.scoring.event_refinement import EventNetworkRefiner
    from stagescore.training.event_folds import fold_names, network_path
    from stagescore.weights.event_weights import load_event_network

    manifest = read_manifest(folder)
    found: dict[Path, Scorer] = {}
    for name in fold_names(manifest, protocol, sealed=sealed):
        own = copy(scorer)
        own.events = EventNetworkRefiner(load_event_network(network_path(events, name, sealed=sealed))[0])
        for dive in split_by_fold(manifest, name, sealed=sealed):
            if dive.split == "test" and dive.frames_path is not None:
                found[Path(dive.frames_path)] = own
    return found
