"""`stagescore data check` and `data import`: foreign labels, checked and made into one manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output
from stagescore.data.label_request import LabelRequest, Source

if TYPE_CHECKING:
    from stagescore.data.checks import CheckReport

NUM_SHOWN = 5
"""Rows of each kind that are named on a terminal; `--json` names all. Set by hand."""

LabelsArgument = Annotated[
    Path | None, typer.Argument(metavar="LABELS", help="The same as --annotations.", show_default=False)
]
AnnotationsOption = Annotated[
    Path | None,
    typer.Option(
        "--annotations",
        help="Folder of the release's pickles; or the CSV or xlsx file, or the manifest.",
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
    request = LabelRequest(annotations=_named(labels, annotations), other=other, frames=frames, poses=poses)
    with command_output(json=json, quiet=quiet) as out:
        report = _checked(out, source, request)
        out.document(report.as_json())
        _show_report(out, report.as_json())
        if strict and not report.consistent:
            out.warning("rows are inconsistent, and --strict was asked for")
            raise Failure


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
    from stagescore.data.importing import import_labels

    request = LabelRequest(annotations=_named(labels, annotations), other=other, frames=frames, poses=poses)
    with command_output(json=json, quiet=quiet) as out:
        imported = import_labels(_checked(out, source, request), strict=strict, where=request.annotations)
        written = [str(path) for path in imported.write(out_dir or Path(source.value))]
        report = imported.report.as_json()
        out.document(report | {"written": written})
        _show_report(out, report)
        out.note(f"wrote {', '.join(written)}")


def _named(labels: Path | None, annotations: Path | None) -> Path:
    if (labels is None) == (annotations is None):
        raise typer.BadParameter("name the labels once, as LABELS or with --annotations")
    return labels or annotations or Path()


def _checked(out: Output, source: Source, request: LabelRequest) -> "CheckReport":
    from stagescore.data.importing import check_labels
    from stagescore.data.sources import READERS

    with out.progress() as progress:
        checked = check_labels(READERS[source], request, progress)
    for warning in checked.warnings:
        out.warning(warning)
    return checked.report


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
