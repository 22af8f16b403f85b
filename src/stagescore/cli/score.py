"""`stagescore score`: films to scores, stages, and where the points went."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, collection_paused, command_output, rounded
from stagescore.cli.simulate import size_px

WeightsOption = Annotated[
    str,
    typer.Option(help="Name of shipped weights, a file, or auto: the film decides which of those that ship."),
]
BankOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Exemplars of your own; see `stagescore fit-bank`.")
]
DeviceOption = Annotated[str, typer.Option(help="PyTorch device: cpu or cuda.")]
WeightsDirOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Look for weights here first.")]
NumberOption = Annotated[
    str | None,
    typer.Option(
        metavar="DN",
        help="Dive number, e.g. 107B; exemplars are limited to it. Recognised from the film by default, where the weights can.",
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="WxH",
        help="Width and height of the picture, e.g. 1920x1080, where joints (npz) are scored without their film.",
    ),
]
SkeletonOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Joints of the given poses: mpii-16, coco-17, halpe-26, openpose-25 or blazepose-33. By default "
        "recognised by the names or the number of the joints.",
    ),
]
ExemplarsOption = Annotated[int, typer.Option(min=1, help="Number of exemplars that vote.")]


def _print_schema(wanted: bool) -> bool:
    if wanted:
        from stagescore.scoring.result import schema_bytes

        typer.echo(schema_bytes().decode(), nl=False)
        raise typer.Exit
    return wanted


def score(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO...",
            help="Films, folders of images, folders of films, globs; or joints alone, as npz.",
        ),
    ],
    out_dir: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Output folder. If it already has results, DIR-2, DIR-3, ... is used.",
        ),
    ],
    dive_number: NumberOption = None,
    difficulty: Annotated[
        float | None, typer.Option(help="Degree of difficulty; the usual one by default.")
    ] = None,
    height: Annotated[float | None, typer.Option(help="Height of the board or platform, in metres.")] = None,
    women: Annotated[
        bool | None,
        typer.Option(
            "--women/--men", help="Whose competition, for what scores are to be expected; unknown by default."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="FRAME|auto", help="First frame; `auto` finds the dive.")
    ] = None,
    end: Annotated[int | None, typer.Option(min=0, help="Last frame, included.")] = None,
    slowmo: Annotated[float, typer.Option(help="The film is slowed down by this factor.")] = 1.0,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second of a folder of images, or of joints.")
    ] = None,
    poses: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Joints: npz, the authors' JSON, COCO, LabelMe, OpenPose's folder or AlphaPose's list.",
        ),
    ] = None,
    skeleton: SkeletonOption = None,
    size: SizeOption = None,
    weights: WeightsOption = "auto",
    bank: BankOption = None,
    exemplars: ExemplarsOption = 10,
    device: DeviceOption = "cpu",
    weights_dir: WeightsDirOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a dive needs review.")] = False,
    schema: Annotated[
        bool,
        typer.Option(
            "--schema", callback=_print_schema, is_eager=True, help="Print the JSON Schema of result.json."
        ),
    ] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score dives: result.json, report.html and overlay.mp4 for each, summary.csv and summary.html for all.

    Goes on after a bad film, lists what failed at the end, and then exits with 1.
    """
    with collection_paused():
        from stagescore.config import load_config
        from stagescore.errors import ConfigError
        from stagescore.report.score_files import write_dive_files, write_summary
        from stagescore.scoring.batch import new_folder, score_batch
        from stagescore.scoring.inputs import find_clips
        from stagescore.scoring.options import ScoreOptions
        from stagescore.scoring.scorer import Scorer

    given = {
        "dive_number": dive_number,
        "difficulty": difficulty,
        "height_m": height,
        "sex": None if women is None else "women" if women else "men",
        "start": start,
        "end": end,
        "slowmo": slowmo,
        "frame_rate": fps,
        "poses": None if poses is None else f"'{str(poses).replace(chr(39), chr(39) * 2)}'",
        "skeleton": skeleton,
        "size_px": None if size is None else list(size_px(size)),
        "exemplars": exemplars,
    }
    flags = [f"{name}={value}" for name, value in given.items() if value is not None]
    try:
        options = load_config(ScoreOptions, None, flags)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None
    with command_output(json=json, quiet=quiet) as out:
        with collection_paused():
            scorer = Scorer.load(weights, bank, device, weights_dir)
        clips, folder = find_clips(paths), new_folder(out_dir)
        if folder != out_dir:
            out.note(f"{out_dir} holds results already; writing to {folder}")
        with out.progress() as progress:
            results = score_batch(
                scorer,
                clips,
                options,
                folder,
                extras=write_dive_files,
                finish=write_summary,
                progress=progress,
            )
        out.document({"out": str(folder), "dives": [result.model_dump(mode="json") for result in results]})
        _say(out, results, folder)
        failed = [result for result in results if result.status == "failed"]
        if failed or (strict and any(result.status != "ok" for result in results)):
            raise Failure


def _shown_on(networks: Any) -> str:
    """What kind of film a network has been shown to work on, in one line."""
    if networks.shown_on:
        return f"{networks.weights} has been shown to work on: {networks.shown_on}"
    return f"{networks.weights} has not been shown to work on real films; it was trained on: {networks.trained_on}"


def _of_the_number(result: Any) -> list[str]:
    """What the film says of the dive number, and execution where there is no score; a warning says what disagrees."""
    from stagescore.report.number_sentences import dive_number, execution

    told = [execution(result), None if result.dive_number_source == "given" else dive_number(result)]
    return [f"{result.input.name}: {sentence.text}" for sentence in told if sentence is not None]


def _say(out: Any, results: list[Any], folder: Path) -> None:
    out.table(
        f"Scores, in {folder}",
        ("dive", "status", "score", "from", "to", "take-off", "flight", "entry"),
        [
            (
                r.input.name,
                r.status,
                rounded(r.score, 2),
                *(rounded(v, 2) for v in (r.interval or (None, None))),
                *(
                    next((rounded(s.difference, 2) for s in r.stages if s.name == name), None)
                    for name in ("take-off", "flight", "entry")
                ),
            )
            for r in results
        ],
    )
    for line in dict.fromkeys(_shown_on(r.networks) for r in results if r.networks and r.networks.asked):
        out.text(line)
    for result in results:
        for line in _of_the_number(result):
            out.text(line)
        for warning in result.warnings:
            out.warning(f"{result.input.path}: {warning}")
        for reason in result.reasons:
            out.warning(f"{result.input.path}: {result.status} ({reason.code}): {reason.text}")
    failed = [result.input.path for result in results if result.status == "failed"]
    if failed:
        out.warning(f"{len(failed)} of {len(results)} dives failed: {', '.join(failed)}")
