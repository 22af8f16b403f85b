"""`stagescore train-events`: the network that places take-off and water contact, for every fold of a protocol."""

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, command_output, rounded

if TYPE_CHECKING:
    from stagescore.training.event_training import EventExample

Flights = dict[str, tuple[int, ...]]


def train_events(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIVES", help="Folder of a manifest of films with hand marks (`data prepare`)."
        ),
    ],
    imagenet: Annotated[
        Path, typer.Option(metavar="FILE", help="ImageNet weights of MobileNetV2 (`weights import`).")
    ],
    out_dir: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the folds; goes on there.")
    ],
    simulated: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Simulated dives that every fold is trained on as well."),
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="Protocol of `data folds`, or `all` for weights that ship.")
    ] = "five-fold",
    sealed: Annotated[bool, typer.Option("--sealed", help="The sealed athletes take part.")] = False,
    marked: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Events of some films marked by eye, as for `bench real-clips`."),
    ] = None,
    trained_on: Annotated[
        str, typer.Option(metavar="TEXT", help="The training films in words, for the card.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train the network that places take-off and water contact, and note the flight of every dive.

    For each fold DIR/<protocol>-<fold>/flights.json has the flights as a network sees them that was not trained on the
    fold's test dives; `train ... data.flights=FILE` places the frames by them. Prints the errors on dives kept out.
    """
    import torch

    from stagescore.data.manifest import read_manifest
    from stagescore.training.event_folds import EventErrors, EventFolds, fold_names
    from stagescore.training.event_training import new_event_network, read_examples

    with command_output(json=json, quiet=quiet) as out:
        torch.set_num_threads(threads)
        manifest = read_manifest(folder)
        with out.progress() as progress:
            describing = new_event_network(imagenet, seed)
            examples = read_examples(manifest, folder, describing, progress)
            others = (
                []
                if simulated is None
                else read_examples(read_manifest(simulated), simulated, describing, progress)
            )
            training = EventFolds(
                manifest=manifest,
                examples=examples,
                simulated=others,
                imagenet=imagenet,
                out=out_dir,
                sealed=sealed,
                seed=seed,
                trained_on=trained_on,
            )
            names = fold_names(manifest, protocol, sealed=sealed)
            folds = [training.train(name, progress) for name in names]
        found: Flights = {dive: fold.flights.get(dive, ()) for fold in folds for dive in fold.tested}
        kept_out = [one for one in examples if one.dive.dive_id in found]
        rows: dict[str, EventErrors] = {}
        for against, labels in (
            ("hand marks", {one.dive.dive_id: one.events for one in kept_out}),
            *((("marked by eye", _by_eye(marked, kept_out)),) if marked else ()),
        ):
            compared = [one for one in kept_out if labels.get(one.dive.dive_id)]
            if not compared:
                continue
            true = [labels[one.dive.dive_id] for one in compared]
            rows[f"fall of the body, {against}"] = EventErrors.of([one.dive.flight for one in compared], true)
            rows[f"with the network, {against}"] = EventErrors.of(
                [found[one.dive.dive_id] for one in compared], true
            )
        _show(out, rows)
        out.document(
            {
                "protocol": protocol,
                "sealed": sealed,
                "folds": {fold.name: str(fold.folder) for fold in folds},
                "errors": {name: asdict(errors) for name, errors in rows.items()},
            }
        )
        for fold in folds:
            out.text(f"{fold.name}: {fold.folder}")


def _by_eye(path: Path, examples: "Sequence[EventExample]") -> Flights:
    """Events that were marked by eye, by dive."""
    from stagescore.errors import DataError

    try:
        content = json_format.loads(path.read_text(encoding="utf-8"))
        by_film = {
            str(film): (int(one["first_airborne_frame"]), int(one["first_water_contact_frame"]))
            for film, one in content.items()
            if one.get("first_airborne_frame") is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the marked events cannot be read ({' '.join(str(error).split())[:100]})",
            where=path,
            todo='give a file such as {"film.mp4": {"first_airborne_frame": 34, "first_water_contact_frame": 76}}',
        ) from None
    return {
        one.dive.dive_id: by_film[Path(str(one.dive.frames_path)).name]
        for one in examples
        if Path(str(one.dive.frames_path)).name in by_film
    }


def _show(out: Output, rows: dict[str, Any]) -> None:
    out.table(
        "Flights of dives that the network was not trained on, in frames; positive is late",
        ("flight", "dives", "take-off", "sd", "off by > 4 (%)", "contact", "sd ", "off by > 4 (%) ", "IoU"),
        [
            (
                name,
                errors.num_dives,
                *(
                    rounded(value, 1)
                    for which in (0, 1)
                    for value in (
                        errors.median[which],
                        errors.sd[which],
                        100 * errors.share_off[which],
                    )
                ),
                rounded(errors.iou, 3),
            )
            for name, errors in rows.items()
        ],
    )
