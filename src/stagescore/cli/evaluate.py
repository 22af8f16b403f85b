"""`stagescore evaluate`: a run or weights on labelled dives, every figure with its interval."""

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output
from stagescore.cli.simulate import NUM_CORES

if TYPE_CHECKING:
    from collections.abc import Callable

    from stagescore.data.attachments import Progress
    from stagescore.evaluation.kept_folds import KeptFold

TEST_SEED, TEST_DIVES = 12, 320
"""Seed and number of the simulated dives that shipped weights are measured on: their training never saw this seed
(docs/training.md)."""


class Split(enum.StrEnum):
    """Which dives."""

    test = "test"
    val = "val"
    train = "train"
    all = "all"


class ExemplarsFrom(enum.StrEnum):
    """Who votes."""

    train = "train"
    bank = "bank"


def evaluate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RUN|WEIGHTS", help="A run, a file of weights, or the name of shipped ones: nano, tower."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a manifest; a run knows its own, and weights are measured on simulated dives."
        ),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="Dives to measure on: test, or all of those simulated here.")
    ] = None,
    simulated: Annotated[
        int,
        typer.Option(
            min=2, help="Weights without --data: how many dives to simulate, by a seed kept for it."
        ),
    ] = TEST_DIVES,
    exemplars_from: Annotated[
        ExemplarsFrom | None, typer.Option(help="The data's training split, or the bank of the weights.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RUN|WEIGHTS", help="Another model on the same dives: paired differences. Repeatable."
        ),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json, evaluation.md and dives.csv.")
    ] = None,
    mirrored: Annotated[
        bool,
        typer.Option(
            "--mirrored",
            help="Runs: show each dive mirrored too, and average; weights do what their card says.",
        ),
    ] = False,
    clips: Annotated[
        Path | None, typer.Option(help="Folder of decoded clips; kept in the user's cache.")
    ] = None,
    weights_dir: Annotated[Path | None, typer.Option(help="Look for weights here first.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure a model: SRCC, R-l2, AIoU, event errors, MAE, Kendall's tau, with 95 % intervals.

    Tables hold every protocol, estimated and exact joints, a modality missing, floors, ceilings and published rows.
    """
    from dataclasses import replace

    from stagescore.data.clip_store import ClipStore
    from stagescore.data.manifest import Manifest, read_manifest
    from stagescore.errors import ConfigError
    from stagescore.evaluation.evaluated_model import (
        EvaluatedModel,
        EvaluationResult,
        EvaluationSet,
        Scope,
        read_evaluated_model,
        set_against,
    )
    from stagescore.evaluation.evaluated_model import evaluate as measure
    from stagescore.training.run_folder import read_skipped, settings_of
    from stagescore.training.settings import TrainSettings

    with command_output(json=json, quiet=quiet) as out:
        evaluated = read_evaluated_model(target, weights_dir)
        if mirrored:
            evaluated = replace(evaluated, mirrored=True)
        others = {}
        for name in against or ():
            other = read_evaluated_model(name, weights_dir)
            if other.preprocessing != evaluated.preprocessing:
                raise ConfigError(
                    "it sees clips of another size", where=name, todo="compare models that see alike"
                )
            others[name if Path(name).name == name else other.name] = other
        part, skipped = split or Split.test, dict[str, str]()
        if data is None and Path(target).is_dir():
            settings = settings_of(Path(target), TrainSettings).data
            data, skipped = Path(settings.folder), read_skipped(Path(target))
            clips = clips or Path(settings.clips or Path(target) / "clips")
        elif data is None:
            part = split or Split.all
            with out.progress() as progress:
                data = simulated_test(simulated, progress)
            out.note(f"{simulated} dives were simulated to measure on, in {data}")
        manifest = read_manifest(data)
        if skipped:
            out.warning(f"{len(skipped)} dives that the run skipped are left out")
            manifest = Manifest(tuple(dive for dive in manifest if dive.dive_id not in skipped))
        truth = data / "truth"
        with out.progress() as progress:
            store = ClipStore.build(
                manifest.dives,
                clips or cached_clips(data),
                evaluated.preprocessing,
                truth=truth if truth.is_dir() else None,
                skip=True,
                progress=progress,
            )
            for dive_id, why in store.left_out.items():
                out.warning(f"{dive_id} is left out: {why}")

            def measured(one: EvaluatedModel, scope: Scope = "all") -> EvaluationResult:
                origin = exemplars_from or (ExemplarsFrom.bank if one.bank else ExemplarsFrom.train)
                evaluation_set = EvaluationSet(
                    manifest=manifest, part=part.value, store=store, exemplars_from=origin.value
                )
                return measure(one, evaluation_set, scope=scope, progress=progress)

            result = measured(evaluated)
            result = set_against(
                result, {name: measured(other, "headline") for name, other in others.items()}
            )
        if out_dir is not None:
            _write(out_dir, result.report.as_json(), result.report.markdown(), result.outcomes.as_csv())
        out.document(result.report.as_json())
        out.text(result.report.markdown())


def simulated_test(num_dives: int, progress: "Progress") -> Path:
    """Simulated dives that no shipped weights have seen, kept in the user's cache."""
    from stagescore.simulate.dataset import Order, simulate_dataset
    from stagescore.weights.search import user_cache

    order = Order(num_dives=num_dives, seed=TEST_SEED)
    width, height = order.size_px
    folder = user_cache().parent / "simulated" / f"seed-{order.seed}-{width}x{height}-{num_dives}"
    simulate_dataset(folder, order, workers=NUM_CORES, resume=True, progress=progress)
    return folder


def cached_clips(data: Path) -> Path:
    """Where decoded clips of a folder are kept between evaluations."""
    from hashlib import sha256

    from stagescore.weights.search import user_cache

    return user_cache().parent / "clips" / sha256(str(data.resolve()).encode()).hexdigest()[:16]


def _write(folder: Path, document: object, markdown: str, csv: bytes) -> None:
    import json

    from stagescore.atomic import write_files

    write_files(
        {
            folder / "evaluation.json": (json.dumps(document, indent=1) + "\n").encode(),
            folder / "evaluation.md": markdown.encode(),
            folder / "dives.csv": csv,
        }
    )


def evaluate_folds(
    folds: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|FILE...",
            help="A run, or the file that --keep wrote of it, for each fold of a protocol; one or more seeds.",
        ),
    ],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json, evaluation.md and dives.csv.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep what each run says as a small file; the table can be printed again from these alone. Takes the folds that "
            "are there; there is no table until all are.",
        ),
    ] = None,
    without_labels: Annotated[
        bool,
        typer.Option("--without-labels", help="--keep: leave the labels of the data set out of the files."),
    ] = False,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Runs: show each dive mirrored too, and average.")
    ] = False,
    ridge: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Runs: set a ridge on frozen features beside the model; ImageNet weights of MobileNetV2, as a file or "
            "`mobilenetv2` once they are imported (`stagescore weights import`).",
        ),
    ] = None,
    calibrated_on: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN|FILE",
            help="Fit intervals and probabilities of dive numbers on this fold of another protocol as well; once for each of "
            "its folds. For a protocol of one fold, which has no others to fit them on.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Set weights beside the model that no such dive was trained on, such as nano: as they are, and with a bank "
            "of the fold's training dives. Every film is scored, seconds each; with --keep it can be stopped and goes on.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the manifest, for --weights and for files without labels; a run knows its own.",
        ),
    ] = None,
    weights_dir: Annotated[Path | None, typer.Option(help="Look for weights here first.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pool the folds of a protocol: every dive predicted by the model that was not trained on it.

    Beside the model stand its branches alone, what needs no film, and published rows.
    """
    from stagescore.evaluation.fold_identity import missing_folds
    from stagescore.evaluation.fold_report import fold_report
    from stagescore.evaluation.frozen_features import FrozenNetwork
    from stagescore.evaluation.out_of_fold import data_of, known_fold, open_folds
    from stagescore.weights.named import named_weights

    with command_output(json=json, quiet=quiet) as out:
        network = (
            None
            if ridge is None
            else FrozenNetwork.load(named_weights(ridge, "image", weights_dir=weights_dir))
        )
        opened = open_folds(folds, mirrored=mirrored, data=data, whole=keep is None)
        beside = None if weights is None else _rows_of(weights, weights_dir, data or data_of(opened))
        known = []
        with out.progress() as progress:
            for one in opened:
                fold = known_fold(one, progress, mirrored=mirrored, ridge=network)
                if keep is not None:
                    fold = fold.with_rows_kept_in(keep)
                    fold.save(keep, labels=not without_labels)
                if beside is not None:
                    fold = beside(fold, progress)
                    if keep is not None:
                        fold.save(keep, labels=not without_labels)
                known.append(fold)
            if missing := missing_folds([fold.identity for fold in known]):
                told = f"kept {len(known)} of {len(known) + len(missing)} folds; for the table there must be {', '.join(missing)} as well"
                out.document({"kept": [fold.identity.fold for fold in known], "missing": missing})
                out.text(told)
                return
            others = open_folds(calibrated_on, mirrored=mirrored, data=data) if calibrated_on else []
            calibration = [known_fold(one, progress, mirrored=mirrored) for one in others]
        report, outcomes = fold_report(known, calibration)
        if out_dir is not None:
            _write(out_dir, report.as_json(), report.markdown(), outcomes.as_csv())
        out.document(report.as_json())
        out.text(report.markdown())


def _rows_of(name: str, weights_dir: Path | None, data: Path) -> "Callable[[KeptFold, Progress], KeptFold]":
    """Adds the rows of some weights to a fold; what they have seen of films is kept in the user's cache."""
    from hashlib import sha256

    from stagescore.benchmarks.fold_rows import OtherWeights, with_rows
    from stagescore.data.manifest import read_manifest
    from stagescore.scoring.scorer import Scorer
    from stagescore.weights.search import user_cache

    scorer = Scorer.load(name, weights_dir=weights_dir)
    made_of = f"{scorer.scoring_networks[0].card.weights_hash} {data.resolve()}"
    notes = user_cache().parent / "scored" / sha256(made_of.encode()).hexdigest()[:16]
    manifest, weights = read_manifest(data), OtherWeights(scorer=scorer, notes=notes)
    return lambda fold, progress: with_rows(fold, manifest, weights, progress)
