"""`stagescore train-events`: the network that places take-off and water contact, for every fold of a protocol."""

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, Skip, command_output, rounded

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
        Path,
        typer.Option(
            metavar="FILE",
            help="ImageNet weights of MobileNetV2: a file, or `mobilenetv2` once they are imported.",
        ),
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
    skip: Annotated[
        Skip,
        typer.Option(
            help="Films that cannot be used: leave them out and list them in DIR/skipped.csv, or fail."
        ),
    ] = Skip.report,
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
    from stagescore.errors import ConfigError
    from stagescore.training.event_folds import EventErrors, EventFolds, fold_names
    from stagescore.training.event_training import new_event_network, read_examples
    from stagescore.training.run_folder import SKIPPED, cannot_be_used, told_skipped, write_skipped
    from stagescore.weights.named import named_weights

    with command_output(json=json, quiet=quiet) as out:
        torch.set_num_threads(threads)
        image_network = named_weights(imagenet, "image")
        manifest = read_manifest(folder)
        if marked is not None:
            _marked_films(marked)
        if out_dir.exists() and not out_dir.is_dir():
            raise ConfigError(
                "a file is where the folder of the folds is to be", where=out_dir, todo="name another folder"
            )
        names = fold_names(manifest, protocol, sealed=sealed)
        with out.progress() as progress:
            describing = new_event_network(image_network, seed)
            skipped: dict[str, str] = {}
            examples = read_examples(manifest, folder, describing, progress, skipped)
            others, num_films = [], sum(dive.frames_path is not None for dive in manifest)
            if simulated is not None:
                beside = read_manifest(simulated)
                others = read_examples(beside, simulated, describing, progress, skipped)
                num_films += len(beside)
            if skipped and skip is Skip.fail:
                raise cannot_be_used(
                    skipped,
                    num_films,
                    where=folder,
                    todo="get these films again, take the dives out of the manifest, or leave --skip fail out",
                )
            write_skipped(out_dir, skipped)
            if skipped:
                out.warning(told_skipped(skipped, num_films, out_dir / SKIPPED))
            training = EventFolds(
                manifest=manifest,
                examples=examples,
                simulated=others,
                imagenet=image_network,
                out=out_dir,
                sealed=sealed,
                seed=seed,
                trained_on=trained_on,
            )
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
                "skipped": skipped,
                "folds": {fold.name: str(fold.folder) for fold in folds},
                "errors": {name: asdict(errors) for name, errors in rows.items()},
            }
        )
        for fold in folds:
            out.text(f"{fold.name}: {fold.folder}")


def _by_eye(path: Path, examples: "Sequence[EventExample]") -> Flights:
    """Events that were marked by eye, by dive."""
    by_film = _marked_films(path)
    return {
        one.dive.dive_id: by_film[Path(str(one.dive.frames_path)).name]
        for one in examples
        if Path(str(one.dive.frames_path)).name in by_film
    }


def _marked_films(path: Path) -> Flights:
    """Events that were marked by eye, by name of the film."""
    from stagescore.errors import DataError

    try:
        content = json_format.loads(path.read_text(encoding="utf-8"))
        return {
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
