"""`stagescore data`: labels, before any model. Films are in `films.py`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli import films
from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, rounded, speaking
from stagescore.data.sources import Source
from stagescore.errors import DataError

if TYPE_CHECKING:
    from stagescore.data.checks import CheckReport

app = typer.Typer(
    help="Check and import labels, look at films, print floors and ceilings.", no_args_is_help=True
)
app.command()(films.probe)
app.command()(films.frames)

NUM_SHOWN = 5
"""Rows of each kind that are named on a terminal; `--json` names all."""
FEW_DIVES = 30
"""Figures of fewer dives say little, and are warned about."""


LabelsArgument = Annotated[
    Path | None, typer.Argument(metavar="LABELS", help="The same as --annotations.", show_default=False)
]
AnnotationsOption = Annotated[
    Path | None,
    typer.Option(
        "--annotations",
        help="Folder of the release's pickles; or the CSV file, or the manifest.",
        show_default=False,
    ),
]
OtherOption = Annotated[
    Path | None,
    typer.Option(
        "--other",
        help="Annotation folder of the other data set (FineDiving or MTL-AQA), for shared dives. "
        "By default it is looked for beside --annotations.",
    ),
]
FramesOption = Annotated[Path | None, typer.Option(help="Frame folders, <frames>/<event>/<number>/*.jpg.")]
PosesOption = Annotated[
    Path | None,
    typer.Option(
        help="FineDiving-Pose, <poses>/<event>/pred_comp_<number>.npz, and the authors' JSON files."
    ),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Exit with 1 when rows are inconsistent.")]
ManifestArgument = Annotated[Path, typer.Argument(help="A manifest, or the folder that `data import` made.")]


@app.command()
def check(
    source: Annotated[Source, typer.Argument(help="What the labels are.")],
    labels: LabelsArgument = None,
    annotations: AnnotationsOption = None,
    other: OtherOption = None,
    frames: FramesOption = None,
    poses: PosesOption = None,
    strict: StrictOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check labels: splits, judging arithmetic, difficulties, transitions, shared dives, frames and poses.

    Exit code 0 when everything is readable; 1 when it is not, or with --strict when rows are inconsistent.
    """
    where = _named(labels, annotations)
    with speaking(json=json, quiet=quiet) as out:
        report = _checked(out, (source, where), other=other, frames=frames, poses=poses)
        out.document(report.as_json())
        _show_report(out, report.as_json())
        if strict and not report.consistent:
            out.warning("rows are inconsistent, and --strict was asked for")
            raise Failure


@app.command("import")
def import_(
    source: Annotated[Source, typer.Argument(help="What the labels are.")],
    labels: LabelsArgument = None,
    annotations: AnnotationsOption = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the manifest; by default one named after the source."),
    ] = None,
    other: OtherOption = None,
    frames: FramesOption = None,
    poses: PosesOption = None,
    strict: StrictOption = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn foreign labels into one manifest with named columns, with a validation split.

    Writes manifest.jsonl, val_split.json and check.json, all or none of them.
    """
    from stagescore.atomic import write_files
    from stagescore.data.checks import json_bytes
    from stagescore.data.splits import ValidationRule, choose_validation, validation_file, with_validation

    where = _named(labels, annotations)
    with speaking(json=json, quiet=quiet) as out:
        report = _checked(out, (source, where), other=other, frames=frames, poses=poses)
        rule = ValidationRule()
        held_out = choose_validation(report.manifest, rule)
        report = report.with_manifest(with_validation(report.manifest, held_out))
        if strict and not report.consistent:
            raise DataError(
                "rows are inconsistent, and --strict was asked for",
                where=where,
                todo="see them with `stagescore data check`; nothing was written",
            )
        folder = out_dir or Path(source.value)
        written = {
            folder / "manifest.jsonl": report.manifest.to_bytes(),
            folder / "val_split.json": validation_file(held_out, rule),
            folder / "check.json": json_bytes(report.as_json()),
        }
        write_files(written)
        out.document(report.as_json() | {"written": [str(path) for path in written]})
        _show_report(out, report.as_json())
        out.note(f"wrote {', '.join(str(path) for path in written)}")


@app.command()
def floors(
    manifest: ManifestArgument,
    split: Annotated[str, typer.Option(help="Dives to measure on: test or val.")] = "test",
    plot: Annotated[Path | None, typer.Option(help="Also draw a picture into this PNG file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what can be said without a video, and how well judges agree: a model belongs in between."""
    if split not in ("test", "val"):
        raise typer.BadParameter("choose test or val", param_hint="--split")
    from stagescore.data.manifest import read_manifest
    from stagescore.evaluation.floors import floors_and_ceilings

    with speaking(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest)
        found = floors_and_ceilings(dives, "test" if split == "test" else "val")
        if plot is not None:
            from stagescore.report.labels_figure import write_labels_figure

            write_labels_figure(dives, found, plot)
            out.note(f"drew {plot}")
        fewest = min(bound.num_test for bound in found.bounds)
        if fewest < FEW_DIVES:
            out.warning(f"some figures are of {fewest} dives only, and say little")
        out.document(found.as_json())
        for kind in ("floor", "ceiling"):
            bounds = [bound for bound in found.bounds if bound.kind == kind]
            out.table(
                f"{kind}s, split {found.part}" if kind == "floor" else "ceilings, all labelled dives",
                (
                    "dives",
                    "name",
                    "SRCC",
                    "lowest",
                    "highest",
                    "R-l2 x 100",
                    "AIoU@0.5",
                    "AIoU@0.75",
                    "n",
                ),
                [
                    (
                        b.dives,
                        b.name,
                        rounded(b.srcc, 4),
                        *((rounded(v, 4) for v in b.srcc_range) if b.srcc_range else (None, None)),
                        rounded(b.rl2x100, 3),
                        rounded(b.aiou50, 2),
                        rounded(b.aiou75, 2),
                        b.num_test,
                    )
                    for b in bounds
                ],
            )
        for bound in found.bounds:
            scores = "" if bound.score_range is None else "; scores {:g} to {:g}".format(*bound.score_range)
            learned = f"; learned from {bound.num_train} dives" if bound.num_train else ""
            out.text(f"  {bound.name}, {bound.dives}: {bound.rule}{learned}{scores}")


@app.command()
def folds(
    manifest: ManifestArgument,
    protocol: Annotated[
        str,
        typer.Option(help="'five-fold', 'leave-one-contest-out', 'athlete-disjoint' or 'sealed'."),
    ] = "athlete-disjoint",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show which training dives are trained on and predicted in each fold of an evaluation protocol.

    Dives of sealed athletes stand in no fold but that of `sealed`.
    """
    from stagescore.data.manifest import read_manifest
    from stagescore.data.protocols import PROTOCOLS, make_folds, sealed_ids

    if protocol not in PROTOCOLS:
        raise typer.BadParameter(f"choose one of {', '.join(PROTOCOLS)}", param_hint="--protocol")
    with speaking(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest).select("train").dives
        sealed = frozenset[str]()
        if all(dive.athlete is not None for dive in dives):
            sealed = sealed_ids(dives)
        else:
            out.warning("athletes are unknown, so no dive is sealed")
        kept = dives if protocol == "sealed" else [dive for dive in dives if dive.dive_id not in sealed]
        found = make_folds(kept, next(p for p in PROTOCOLS if p == protocol))
        athletes = {dive.dive_id: dive.athlete for dive in dives}
        out.document(
            {
                "protocol": protocol,
                "sealed": [dive.dive_id for dive in dives if dive.dive_id in sealed],
                "folds": [{"name": f.name, "train": list(f.train), "test": list(f.test)} for f in found],
            }
        )
        out.table(
            f"{protocol}: {len(kept)} dives, {len(sealed)} sealed",
            ("fold", "train", "test", "athletes tested"),
            [
                (f.name, len(f.train), len(f.test), len({athletes[i] for i in f.test} - {None}) or None)
                for f in found
            ],
        )


@app.command()
def stages(
    manifest: ManifestArgument,
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare UNLV-Dive's stages with FineDiving's labels of the same dives, and fit the map between them again.

    Each pair of flights is moved to where it fits best, since the two clips are cut differently.
    """
    from dataclasses import asdict

    import numpy as np

    from stagescore.data import finediving
    from stagescore.data.manifest import read_manifest
    from stagescore.data.protocols import sealed_ids
    from stagescore.data.unlv_stages import FITTED, agreement, fit_flight_map, labelled_twice

    with speaking(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest).dives
        pairs = labelled_twice(dives, finediving.load(annotations).manifest.dives)
        sealed = sealed_ids([dive for dive in dives if dive.split == "train"])
        rows = []
        for part, chosen in (
            ("fitted to", [p for p in pairs if p[0].split == "train" and p[0].dive_id not in sealed]),
            ("sealed", [p for p in pairs if p[0].dive_id in sealed]),
        ):
            if not chosen:
                continue
            theirs = np.array([float(flight) for _, flight in chosen])
            marks = [dive.hand_marks for dive, _ in chosen]
            ours = {
                "hand marks": [float(mark[2] - mark[0]) for mark in marks],
                "mapped": [float(round(FITTED.flight_frames(mark))) for mark in marks],
            }
            rows += [
                {"dives": part, "stages": name} | asdict(agreement(theirs, np.array(lengths)))
                for name, lengths in ours.items()
            ]
        fitted = [p for p in pairs if p[0].split == "train" and p[0].dive_id not in sealed]
        again = fit_flight_map([dive.hand_marks for dive, _ in fitted], [float(f) for _, f in fitted])
        out.document({"agreement": rows, "map": asdict(FITTED), "fitted_again": asdict(again)})
        out.table(
            "UNLV-Dive's flight against FineDiving's, best shift",
            ("dives", "stages", "n", "length ratio", "AIoU@0.5", "AIoU@0.75", "mean IoU"),
            [tuple(rounded(v, 3) if isinstance(v, float) else v for v in row.values()) for row in rows],
        )
        for name, value in asdict(FITTED).items():
            out.text(f"  {name}: {value:g}, fitted again {asdict(again)[name]:.4f}")


@app.command()
def prepare(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of a manifest whose dives have films.")
    ],
    weights_dir: Annotated[Path | None, typer.Option(help="Look for pose networks here first.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look at every film as `score` does, and note joints and flight in the manifest.

    Goes on where it was stopped. What training on films needs: frames are placed by the flight, and the window follows the
    joints.
    """
    from stagescore.scoring.preparing import prepare as look_at_films

    with speaking(json=json, quiet=quiet) as out:
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


@app.command()
def prior(
    manifest: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a manifest.")],
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this event out; may be given several times.")
    ] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the table to this JSON file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive the execution to expect of each dive number, height and sex, from labelled single dives.

    With FineDiving's manifest and `--without 01 --without 02 --without 03` this made the table that ships with the package
    (stagescore/tables/score_prior.json).
    """
    from stagescore.atomic import write_text
    from stagescore.data.manifest import read_manifest
    from stagescore.data.score_prior import ScorePrior

    with speaking(json=json, quiet=quiet) as out:
        left_out = set(without or ())
        fitted = ScorePrior.fit(dive for dive in read_manifest(manifest) if dive.event not in left_out)
        if out_file is not None:
            write_text(out_file, fitted.to_text())
            out.note(f"wrote {out_file}")
        out.document(fitted.as_json())
        out.table(
            "Execution (score / difficulty) to expect",
            ("group", "dives", "mean", "standard deviation"),
            [
                (key or "all dives", group.num, f"{group.mean:.2f}", f"{group.variance**0.5:.2f}")
                for key, group in fitted.groups.items()
            ],
        )


@app.command()
def difficulties(
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the table to this JSON file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive the usual difficulty of each dive number and height from FineDiving's individual dives.

    This made the table that ships with the package (stagescore/tables/difficulties.json).
    """
    from stagescore.atomic import write_bytes
    from stagescore.data import finediving
    from stagescore.data.checks import json_bytes
    from stagescore.data.heights import derive_difficulties
    from stagescore.diving import DiveNumber

    with speaking(json=json, quiet=quiet) as out:
        table = derive_difficulties(finediving.load(annotations).manifest.dives)
        rows: dict[str, dict[str, float]] = {}
        for (code, height), value in table.items():
            rows.setdefault(code, {})[f"{height:g}"] = value
        document = {
            "source": "FineDiving, individual dives; derived by `stagescore data difficulties`",
            "difficulties": rows,
        }
        if out_file is not None:
            write_bytes(out_file, json_bytes(document))
            out.note(f"wrote {out_file}")
        out.document(document)
        out.table(
            "Usual degree of difficulty",
            ("dive", "at 3 m", "at 10 m", "in words"),
            [(code, row.get("3"), row.get("10"), str(DiveNumber.parse(code))) for code, row in rows.items()],
        )


@app.command()
def population(
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    out_file: Annotated[Path, typer.Option("--out", help="Write the table to this JSON file.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive what competition dives are like on the whole: frequencies and histograms, no single dive.

    This made the table that `stagescore simulate` draws from (stagescore/tables/dive_population.json).
    """
    from stagescore.atomic import write_bytes
    from stagescore.data import finediving
    from stagescore.simulate.population import derive_population, table_bytes

    with speaking(json=json, quiet=quiet) as out:
        document = derive_population(finediving.load(annotations).manifest.dives)
        write_bytes(out_file, table_bytes(document))
        out.note(f"wrote {out_file}")
        out.document(document)


@app.command()
def explain(
    dive_number: Annotated[str, typer.Argument(help="Such as 5253B.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what a dive number means, and its usual difficulty."""
    from stagescore.data.heights import HEIGHTS_M
    from stagescore.diving import DiveNumber, usual_difficulty

    with speaking(json=json, quiet=quiet) as out:
        number = DiveNumber.parse(dive_number)
        usual = {f"{height:g}": usual_difficulty(number.code, height) for height in HEIGHTS_M}
        out.document(
            {
                "code": number.code,
                "words": str(number),
                "group": number.group,
                "half_somersaults": number.half_somersaults,
                "half_twists": number.half_twists,
                "position": number.position,
                "usual_difficulty": usual,
            }
        )
        out.text(f"{number.code}: {number}")
        for height, value in usual.items():
            out.text(f"usual difficulty from {height} m: {'not in the table' if value is None else value}")


@app.command()
def exemplars(
    manifest: ManifestArgument,
    dive: Annotated[str, typer.Argument(help="The query, <event>/<number>.")],
    protocol: Annotated[str, typer.Option(help="'w/ DN', 'w/o DN' or 'w/ DD'.")] = "w/ DN",
    num: Annotated[int, typer.Option(min=1, help="Exemplars wanted.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the choice.")] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show which training dives a query is compared with."""
    from typing import get_args

    from stagescore.data.exemplars import Protocol, choose_exemplars
    from stagescore.data.manifest import read_manifest

    if protocol not in get_args(Protocol):
        raise typer.BadParameter(f"choose one of {', '.join(get_args(Protocol))}", param_hint="--protocol")
    with speaking(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest)
        choice = choose_exemplars(
            dives[dive],
            dives.select("train").dives,
            protocol=next(p for p in get_args(Protocol) if p == protocol),
            num=num,
            seed=seed,
        )
        if choice.fallback:
            out.warning(choice.fallback)
        out.document(
            {
                "query": choice.query_id,
                "protocol": choice.protocol,
                "num_candidates": choice.num_candidates,
                "fallback": choice.fallback,
                "exemplars": [d.dive_id for d in choice.exemplars],
            }
        )
        out.table(
            f"{len(choice.exemplars)} of {choice.num_candidates} candidates, {choice.protocol}",
            ("exemplar", "dive number", "difficulty", "score"),
            [(d.dive_id, d.dive_number, d.difficulty, d.score) for d in choice.exemplars],
        )


@app.command()
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

    with speaking(json=json, quiet=quiet) as out:
        settings = load_config(TrainSettings, config[0], config[1:])
        with out.progress() as progress:
            cache_features(
                settings,
                out_dir,
                decoding=progress,
                progress=progress,
            )
        out.document({"cache": str(out_dir), "views": settings.data.views})
        out.text(f"The features are in {out_dir}.")


def _named(labels: Path | None, annotations: Path | None) -> Path:
    if (labels is None) == (annotations is None):
        raise typer.BadParameter("name the labels once, as LABELS or with --annotations")
    return labels or annotations or Path()


def _checked(
    out: Output, labelled: tuple[Source, Path], *, other: Path | None, frames: Path | None, poses: Path | None
) -> "CheckReport":
    from stagescore.data import unlv_dive
    from stagescore.data.attachments import attach
    from stagescore.data.checks import check as check_labels
    from stagescore.data.sources import read_labels

    read = read_labels(*labelled, other)
    for warning in read.warnings:
        out.warning(warning)
    labels = read.labels
    source, annotations = labelled
    if source is Source.UNLV_DIVE:
        beside = annotations / unlv_dive.FILMS
        films, frames = frames or (beside if beside.is_dir() else None), None
        if films is None:
            out.warning(
                f"there is no folder {beside}; without films no dive has stages; name it with --frames"
            )
        else:
            with out.progress() as progress:
                labels, told = unlv_dive.attach_films(labels, films, progress)
            for warning in told:
                out.warning(warning)
    if frames is not None or poses is not None:
        with out.progress() as progress:
            labels = attach(labels, frames=frames, poses=poses, progress=progress)
    return check_labels(labels, read.other)


_LABELS = {
    "overlap": "in both splits",
    "difficulty_disagreements": "unusual difficulty",
    "label_disagreements": "transitions disagree with frame labels",
    "impossible_marks": "impossible marks",
    "file_disagreements": "files disagree",
    "dive_number_disagreements": "dive numbers disagree",
    "missing_labels": "labels missing",
    "missing_frames": "frames missing",
    "frame_problems": "frames not whole",
    "other_shots": "begins with another shot",
    "missing_poses": "poses missing",
    "pose_problems": "poses not usable",
}


def _show_report(out: Output, report: dict[str, Any]) -> None:
    rows = report["rows"]
    low, high = report["score_range"]
    out.text(
        f"{report['dataset']}: {report['dives']} dives ({report['train']} train, {report['test']} test; "
        f"{report['individual']} individual), {report['dive_numbers']} dive numbers, scores {low:g} to {high:g}"
    )
    out.text("heights: " + ", ".join(f"{name}: {count}" for name, count in report["heights"].items()))
    out.text(
        "labelled transitions a dive: "
        + ", ".join(f"{name}: {count}" for name, count in report["transitions"].items() if name != "unusable")
    )
    if cross := report["cross_dataset_overlap"]:
        out.text(
            f"shared with {cross['other']}: {cross['shared']} dives; {cross['test_in_other_train']} test dives are "
            f"trained on there, {cross['train_in_other_test']} training dives are tested on there"
        )
    named: list[tuple[str, list[dict[str, str]]]] = [
        (f"judging errors, {n} marks", rows["judging_errors"][n]) for n in report["judging_errors"]
    ]
    named.append(("unusable transitions, stages masked", rows["transitions"]))
    named.extend((label, rows[kind]) for kind, label in _LABELS.items() if kind != "overlap")
    out.table(
        "Rows that disagree",
        ("what", "rows"),
        [
            *((label, len(found)) for label, found in named),
            (_LABELS["overlap"], report["overlap"]),
            ("judging arithmetic unchecked", report["unchecked"]),
        ],
    )
    for label, found in named:
        for row in found[:NUM_SHOWN]:
            out.text(f"  {label}: {row['dive']}: {row['what']}")
        if len(found) > NUM_SHOWN:
            out.text(f"  {label}: and {len(found) - NUM_SHOWN} more; --json names them all")
