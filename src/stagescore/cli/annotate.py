"""`stagescore annotate`: the joints of the diver in films, and work on labels made by hand."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import SkeletonOption

NUM_CORES = os.cpu_count() or 1


class FilmsByDefault(TyperGroup):
    """`annotate FILM...` is `annotate films FILM...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the command that is meant."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["films", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=FilmsByDefault,
    no_args_is_help=True,
    help="Find the joints of the diver: stagescore annotate VIDEO|FOLDER... --out DIR. "
    "The other commands work on labels made by hand.",
)

WeightsDirOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A folder to look for networks in before all others.")
]
Form = Literal["authors", "coco", "labelme", "openpose", "alphapose", "npz"]
ConvertedForm = Literal[
    "authors", "coco", "labelme", "openpose", "alphapose", "npz", "csv", "ods", "trc", "mot", "kva"
]


@app.command()
def films(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO|FOLDER...", help="Films, folders of films, or folders with the images of one clip."
        ),
    ],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="Each clip gets a folder in it.")],
    num_frames: Annotated[
        int | None,
        typer.Option("--frames", min=1, help="Evenly spaced rows, 96 as in FineDiving-Pose; all by default."),
    ] = None,
    detector: Annotated[
        Path | None, typer.Option(help="A detector by file or name: ONNX, or trained by `pose train`.")
    ] = None,
    estimator: Annotated[
        Path | None, typer.Option(help="A pose network by file or name: ONNX, or trained by `pose train`.")
    ] = None,
    weights_dir: WeightsDirOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result is the same.")] = NUM_CORES,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a clip needs review.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the diver and the joints in films: skeletons for `score`, label files, an overlay and its quality.

    Can be stopped and started again: what is done is kept. Goes on after a bad clip, lists the failures at the
    end, and then exits with 1.
    """
    from stagescore.errors import StagescoreError
    from stagescore.locking import alone_in
    from stagescore.report.annotation_run import Settings, annotate_clips, clips_of
    from stagescore.weights.named import named_weights
    from stagescore.weights.registry import pose_networks

    with command_output(json=json, quiet=quiet) as out:
        clips, results = [], list[dict[str, Any]]()
        for path in paths:
            try:
                clips += clips_of(path)
            except StagescoreError as error:
                results.append({"status": "failed", "input": str(path), "error": error.as_json()})
        if clips:
            workers = min(workers, len(clips))
            settings = Settings(
                out=out_dir,
                networks=pose_networks(
                    weights_dir,
                    detector and named_weights(detector, "detector", weights_dir=weights_dir),
                    estimator and named_weights(estimator, "estimator", weights_dir=weights_dir),
                ),
                num_frames=num_frames,
                threads=max(NUM_CORES // workers, 1),
            )
            with alone_in(out_dir), out.progress() as progress:
                results += annotate_clips(clips, settings, workers=workers, progress=progress)
        _report(out, results)
        good = [result for result in results if result["status"] == "ok"]
        out.document({"out": str(out_dir), "clips": results})
        if len(good) < len(results) or (strict and any(result["needs_review"] for result in good)):
            raise Failure


def _report(out: Any, results: list[dict[str, Any]]) -> None:
    from stagescore.errors import DataError

    good = [result for result in results if result["status"] == "ok"]
    failed = [result for result in results if result["status"] == "failed"]
    out.table(
        "Annotated",
        ("clip", "frames", "with diver", "measured", "filled", "doubtful", "crops a frame", "needs review"),
        [
            (
                r["name"],
                r["frames"],
                r["frames_with_diver"],
                *(rounded(r[f"share_{what}"], 3) for what in ("measured", "filled", "doubtful")),
                rounded(r["crops_a_frame"], 2),
                "yes" if r["needs_review"] else "no",
            )
            for r in good
        ],
    )
    if good:
        used = good[0]["networks"]
        out.text(f"networks: {used['detector']['name']}, {used['estimator']['name']}")
    for result in good:
        for warning in result["warnings"]:
            out.warning(f"{result['input']}: {warning}")
    for result in failed:
        out.error(DataError(**result["error"]))
    if failed:
        out.warning(f"{len(failed)} of {len(results)} clips failed: {', '.join(r['input'] for r in failed)}")


@app.command()
def review(
    a: Annotated[Path, typer.Argument(metavar="A", help="Labels of the first annotator.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Labels of the second.")],
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", metavar="FILE", help="Write the disagreements as CSV, to fill in `decision`."
        ),
    ] = None,
    decided: Annotated[
        Path | None, typer.Option("--decided", metavar="FILE", help="The same CSV with all decisions.")
    ] = None,
    out_path: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Where the merged labels go.")
    ] = None,
    form: Annotated[Form, typer.Option("--to", help="Form of the merged labels.")] = "authors",
    # Set by hand: the distance of PCKh@0.5.
    tolerance: Annotated[float, typer.Option(min=0.0, help="In lengths of the head (joints 8 to 9).")] = 0.5,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List what two annotators see differently, joint by joint, and merge what was decided.

    Labels are LabelMe (a file or a folder), COCO or the authors' JSON. First write the list with --table, fill
    its column `decision` with a, b, mean, unknown or `x y`, then merge with --decided and --out. Where the two
    agree, the first annotator's label is kept. Images with nobody in them are kept in LabelMe's and COCO's forms.
    """
    from stagescore.atomic import write_text
    from stagescore.errors import ConfigError
    from stagescore.pose.formats import EmptyImage, LabelledImage
    from stagescore.pose.labels import write_labels
    from stagescore.pose.review import (
        decisions_of_csv,
        disagreements,
        disagreements_csv,
        merged,
        read_judged,
    )

    with command_output(json=json, quiet=quiet) as out:
        first, second = read_judged(a), read_judged(b)
        found = disagreements(first, second, tolerance)
        content: dict[str, Any] = {
            "a": str(a),
            "b": str(b),
            "disagreements": [one.as_json() for one in found],
        }
        # Read before anything is written: both may be the same file.
        decisions = {} if decided is None else decisions_of_csv(decided)
        if table is not None:
            earlier = decisions_of_csv(table) if decided is None and table.is_file() else decisions
            write_text(table, disagreements_csv(found, earlier))
            content["table"] = str(table)
        if out_path is not None:
            if decided is None and found:
                raise ConfigError(
                    f"{len(found)} disagreements are undecided",
                    todo="write them with --table, decide, give --decided",
                )
            judged = merged(first, second, found, decisions)
            labels = [one for one in judged if isinstance(one, LabelledImage)]
            empty = [one for one in judged if isinstance(one, EmptyImage)]
            write_labels(out_path, labels, form, empty)
            content["merged"] = {"path": str(out_path), "images": len(labels), "empty": len(empty)}
        out.document(content)
        out.table(
            f"{len(found)} disagreements in {len({one.image for one in found})} of {len(first)} images",
            ("image", "what", "A", "B", "px apart"),
            [(one.image, one.thing, one.a, one.b, rounded(one.distance_px, 1)) for one in found],
        )
        if not found:
            out.text("the two agree")
        if table is not None:
            out.text(f"written: {table}; fill in the column `decision`")
        if out_path is not None:
            out.text(f"merged: {out_path}")


@app.command("convert")
def convert_labels(
    source: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dive that `score` or `annotate` wrote; LabelMe or OpenPose (file or folder), COCO "
            "(CVAT), the authors' JSON, AlphaPose or npz."
        ),
    ],
    out_path: Annotated[
        Path, typer.Option("--out", metavar="PATH", help="A file; for LabelMe and OpenPose a folder.")
    ],
    form: Annotated[ConvertedForm, typer.Option("--to", help="The form to write.")] = "authors",
    skeleton: SkeletonOption = None,
    map_to: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write the joints of this skeleton instead of the source's own."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The images, where the source does not know their sizes."),
    ] = None,
    film: Annotated[
        Path | None,
        typer.Option(
            metavar="FILM",
            help="Film or folder of its images, for times and pictures; by default that of the folder.",
        ),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second, where no film tells the times.")
    ] = None,
    metres_per_pixel: Annotated[
        float | None,
        typer.Option(help="Write metres instead of pixels (csv, ods, trc), or a calibration (kva)."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Put the picture of each frame beside its LabelMe file.")
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read labels and poses in any form and skeleton, check them, and write them in another.

    With --map-to, joints of the same name are copied, and pelvis, thorax, necks and the top of the head are derived
    where they are missing and marked so; other joints stay unknown. The forms csv, ods, trc, mot and kva hold joints
    or angles with the times of their frames, for spreadsheets, OpenSim and Kinovea.
    """
    from stagescore.errors import ConfigError
    from stagescore.report.exports.conversion import Conversion
    from stagescore.skeleton import skeleton_called

    with command_output(json=json, quiet=quiet) as out:
        if pictures and form != "labelme":
            raise ConfigError(f"--pictures is given, and the form is {form}", todo="use it with --to labelme")
        done = Conversion(
            source=source,
            skeleton=None if skeleton is None else skeleton_called(skeleton),
            target=None if map_to is None else skeleton_called(map_to),
            images=images,
            film=film,
            frame_rate=fps,
            metres_per_pixel=metres_per_pixel,
            pictures=pictures,
        ).write(out_path, form)
        out.document({"source": str(source), "out": str(out_path), "form": form, **done.content})
        for warning in done.warnings:
            out.warning(warning)
        out.text(f"{done.what} from {source}, as {form} in {out_path}")


@app.command()
def choose(
    manifest: Annotated[Path, typer.Argument(help="A manifest or the folder it is in; see `data import`.")],
    out_path: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the list as JSON lines.")
    ] = None,
    per_number: Annotated[int, typer.Option(min=1, help="Most dives of a dive number.")] = 10,
    seed: Annotated[int, typer.Option(help="Another one chooses other dives.")] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Choose what to label: up to so many individual dives a dive number, their airborne frames only."""
    import json as json_format

    from stagescore.atomic import write_text
    from stagescore.data.manifest import read_manifest
    from stagescore.pose.selection import choose_to_label

    with command_output(json=json, quiet=quiet) as out:
        chosen = choose_to_label(list(read_manifest(manifest)), per_number, seed)
        rows = [
            {
                "dive": one.dive.dive_id,
                "dive_number": one.dive.dive_number,
                "frames_path": one.dive.frames_path,
                "first_frame": one.first,
                "last_frame": one.stop - 1,
            }
            for one in chosen
        ]
        frames = sum(one.stop - one.first for one in chosen)
        numbers = len({one.dive.dive_number for one in chosen})
        if out_path is not None:
            write_text(out_path, "".join(json_format.dumps(row) + "\n" for row in rows))
        out.document({"dives": rows, "dive_numbers": numbers, "frames": frames})
        out.text(f"{len(rows)} dives of {numbers} dive numbers, {frames} airborne frames")
        if out_path is not None:
            out.text(f"written: {out_path}")
