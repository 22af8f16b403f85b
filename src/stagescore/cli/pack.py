"""`stagescore weights pack`: from a run to weights that ship."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output


def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    name: Annotated[str, typer.Option(help="Of the weights.")],
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder for NAME.safetensors and NAME-bank.safetensors.")
    ],
    test_data: Annotated[
        Path | None, typer.Option(help="Dives that training never saw; their figures go into the card.")
    ] = None,
    # Set by hand: as many as vote on a dive.
    per_number: Annotated[int, typer.Option(min=2, help="Exemplars of every dive number, at most.")] = 10,
    spare: Annotated[
        Path | None,
        typer.Option(
            help="Folder of more dives that training saw, such as fault-augmented ones: exemplars where the run's own dives hold a "
            "dive number once."
        ),
    ] = None,
    folds: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run of the same settings that kept some dives out, or the file that `evaluate-folds --keep` wrote of it; "
            "once for each fold of a protocol. Intervals and distances are fitted on these dives, and the run itself may have "
            "been trained on everything. A fold with test dives of the run itself is left out."
        ),
    ] = None,
    trained_on: Annotated[str, typer.Option(help="For the card, in words.")] = "simulated dives only",
    command: Annotated[
        list[str] | None, typer.Option(help="For the card: commands that make the weights.")
    ] = None,
    limit: Annotated[list[str] | None, typer.Option(help="For the card: what they are no good for.")] = None,
    shown_on: Annotated[
        str, typer.Option(help="For the card: kind of film that they have been shown to work on.")
    ] = "",
    validated: Annotated[
        bool, typer.Option("--validated", help="For the card: the error on real dives is known.")
    ] = False,
    blend_with_prior: Annotated[
        bool,
        typer.Option(
            "--blend-with-prior",
            help="Scores of unfamiliar films move towards what dive number and difficulty alone say.",
        ),
    ] = False,
    film_scale: Annotated[
        float,
        typer.Option(min=0.01, help="How far beyond distance 1 the film's share of the score is one half."),
    ] = 1.0,
    mirrored: Annotated[
        bool,
        typer.Option("--mirrored", help="The network is shown each film mirrored too, and the mean counts."),
    ] = False,
    without_pictures: Annotated[
        bool,
        typer.Option(
            "--without-pictures", help="The bank keeps skeletons of its exemplars, and no picture of films."
        ),
    ] = False,
    half: Annotated[
        bool,
        typer.Option(
            "--half",
            help="Round the weights to half precision, which halves their file; everything is fitted after that.",
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a run's best weights with their card, and a bank of exemplars from its training dives."""
    from dataclasses import replace

    from stagescore.cli.evaluate import cached_clips
    from stagescore.data.clip_store import ClipStore
    from stagescore.data.manifest import read_manifest
    from stagescore.evaluation.evaluated_model import EvaluationSet, evaluate, read_evaluated_model
    from stagescore.evaluation.out_of_fold import kept_out, known_fold, open_folds, without_dives
    from stagescore.evaluation.packing import DivesToPack, Words, add_figures, add_fold_figures, choose_bank
    from stagescore.evaluation.packing import pack as write
    from stagescore.training.assembly.data import read_dives
    from stagescore.training.run_folder import read_skipped, settings_of
    from stagescore.training.runs import finished_state
    from stagescore.training.settings import TrainSettings
    from stagescore.weights.checkpoint import in_half_precision

    with command_output(json=json, quiet=quiet) as out:
        settings = settings_of(run, TrainSettings)
        finished_state(run, settings)
        evaluated = replace(read_evaluated_model(str(run)), mirrored=mirrored)
        if half:
            states = {name: in_half_precision(state) for name, state in evaluated.states.items()}
            evaluated = replace(evaluated, states=states)
        manifest = read_dives(settings.data).without(read_skipped(run)).manifest
        clips = Path(settings.data.clips) if settings.data.clips else run / "clips"
        store = ClipStore.open(clips, settings.data.preprocessing)
        opened = open_folds(folds, mirrored=mirrored, data=Path(settings.data.folder)) if folds else []
        more = [dive for dive in read_manifest(spare) if dive.dive_id in store] if spare else []
        exemplars, left_out = choose_bank(
            manifest.select("fit").dives, more, per_number=per_number, seed=evaluated.seed
        )
        with out.progress() as progress:
            known = [known_fold(fold, progress, mirrored=mirrored) for fold in opened]
            others = without_dives(known, [dive.dive_id for dive in manifest.select("test")])
            if len(others) < len(known):
                out.warning(_left_out_folds(len(known) - len(others), figures=test_data is not None))
            path, bank = write(
                evaluated,
                settings.model,
                Words(
                    name=name,
                    trained_on=trained_on,
                    commands=tuple(command or ()),
                    limits=tuple(limit or ()),
                    shown_on=shown_on,
                    validated=validated,
                    blends_with_prior=blend_with_prior,
                    film_scale=film_scale,
                ),
                dives=DivesToPack(
                    exemplars=exemplars,
                    validation=manifest.select("val").dives,
                    training=manifest.select("fit").dives,
                    pictures=not without_pictures,
                ),
                store=store,
                folder=out_dir,
                kept_out=kept_out(others) if others else None,
                progress=progress,
            )
            if others and len(others) == len(known) and test_data is None:
                add_fold_figures(path, known)
            if test_data is not None:
                tested = read_manifest(test_data)
                truth = test_data / "truth"
                test_store = ClipStore.build(
                    tested.dives,
                    cached_clips(test_data),
                    settings.data.preprocessing,
                    truth=truth if truth.is_dir() else None,
                )
                result = evaluate(
                    read_evaluated_model(str(path)),
                    EvaluationSet(manifest=tested, part="all", store=test_store, exemplars_from="bank"),
                    progress=progress,
                )
                add_figures(path, result.report, f"{len(result.outcomes)} dives that training never saw")
        if left_out and bank is not None:
            out.warning(f"the bank leaves out {', '.join(left_out)}: there is a single dive of each")
        out.document({"weights": str(path), "exemplars": 0 if bank is None else len(bank)})
        beside = (
            "; it predicts without exemplars" if bank is None else f", with {len(bank)} exemplars beside it"
        )
        out.text(f"{path}: {path.stat().st_size / 1e6:.1f} MB{beside}")


def _left_out_folds(num_folds: int, *, figures: bool) -> str:
    folds = "1 of the folds" if num_folds == 1 else f"{num_folds} of the folds"
    left = (
        f"{folds} tested dives that this run is tested on too, so nothing is fitted on what was kept of them"
    )
    return (
        left
        if figures
        else f"{left}; the card gets no figures, since the table of a protocol needs all of its folds"
    )
