"""`stagescore evaluate`: a run or weights on labelled dives, every figure with its interval."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, speaking


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
        str, typer.Argument(metavar="RUN|WEIGHTS", help="A run, a file of weights, or `nano`.")
    ],
    data: Annotated[Path | None, typer.Option(help="Folder of a manifest; a run knows its own.")] = None,
    split: Annotated[Split, typer.Option(help="Dives to measure on.")] = Split.test,
    exemplars_from: Annotated[
        ExemplarsFrom | None, typer.Option(help="The data's training split, or the bank of the weights.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for evaluation.json, evaluation.md and dives.csv.")
    ] = None,
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
    from stagescore.data.clip_store import ClipStore
    from stagescore.data.manifest import read_manifest
    from stagescore.errors import ConfigError
    from stagescore.evaluation.subject import Question, read_subject
    from stagescore.evaluation.subject import evaluate as measure
    from stagescore.training.runs import settings_of
    from stagescore.training.settings import TrainSettings

    with speaking(json=json, quiet=quiet) as out:
        subject = read_subject(target, weights_dir)
        if data is None:
            if not Path(target).is_dir():
                raise ConfigError("no dives to measure on are named", todo="add --data FOLDER")
            settings = settings_of(Path(target), TrainSettings).data
            data = Path(settings.folder)
            if clips is None and settings.clips is None:
                clips = Path(target) / "clips"
        manifest = read_manifest(data)
        truth = data / "truth"
        with out.progress() as progress:
            store = ClipStore.build(
                manifest.dives,
                clips or cached_clips(data),
                subject.preprocessing,
                truth=truth if truth.is_dir() else None,
                skip=True,
                progress=lambda what, done, total: progress("decoding clips", done, total),
            )
            for dive_id, why in store.left_out.items():
                out.warning(f"{dive_id} is left out: {why}")
            origin = exemplars_from or (ExemplarsFrom.bank if subject.bank else ExemplarsFrom.train)
            answer = measure(
                subject,
                Question(manifest=manifest, part=split.value, store=store, exemplars_from=origin.value),
                progress=progress,
            )
        if out_dir is not None:
            _write(out_dir, answer.report.as_json(), answer.report.markdown(), answer.outcomes.as_csv())
        out.document(answer.report.as_json())
        out.text(answer.report.markdown())


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
