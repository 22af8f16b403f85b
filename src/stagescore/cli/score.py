"""`stagescore score`: films to scores, stages, and where the points went."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import (
    Failure,
    JsonOption,
    QuietOption,
    collection_paused,
    command_output,
    rounded,
    sigterm_as_exit,
)
from stagescore.cli.simulate import size_px

if TYPE_CHECKING:
    from stagescore.scoring.scorer import Scorer

_NUM_NAMED = 3
"""Number of dives that are named where a warning is about several. Set by hand."""

WeightsOption = Annotated[
    str,
    typer.Option(help="Name of shipped weights, a file, or auto: the film decides which of those that ship."),
]
BankOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Exemplars of your own (`stagescore fit-bank`), or the name of a bank that ships.",
    ),
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
            help="Output folder. If it already has results, DIR-2, DIR-3, ... is used; see --resume.",
        ),
    ],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on in the output folder: results made of the same film, options and networks are kept.",
        ),
    ] = False,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Score N dives at a time, each in a process of its own.")
    ] = 1,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Also take the films in sub-folders of a folder.")
    ] = False,
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
    edges: Annotated[
        str | None,
        typer.Option(
            metavar="FLIGHT,ENTRY",
            help="First frame of the flight and of the entry, where the network cuts wrongly.",
        ),
    ] = None,
    diver: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y@FRAME",
            help="Where the diver is, in pixels, where somebody else is followed; or a box, X0,Y0,X1,Y1@FRAME.",
        ),
    ] = None,
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

    Goes on after a bad film, lists what failed at the end, and then exits with 1. Stopped by Ctrl-C (exit code 130) or SIGTERM
    (143), it writes the summary of what is done.
    """
    with collection_paused():
        coming = None
        if (
            len(paths) == 1
            and workers == 1
            and all(one is None for one in (start, end, poses, fps))
            and not resume
        ):
            from stagescore.scoring.first_look import ComingLook

            # Before PyTorch is there: what follows loads for longer than a film is looked at.
            coming = ComingLook.begin(Path(paths[0]), slowmo=slowmo)
        from stagescore.config import load_config
        from stagescore.errors import ConfigError
        from stagescore.report.score_files import write_dive_files, write_summary
        from stagescore.scoring.batch import BatchRun, BatchWorkers, score_batch
        from stagescore.scoring.inputs import find_films, named_apart
        from stagescore.scoring.kept_results import is_free
        from stagescore.scoring.options import ScoreOptions
        from stagescore.scoring.output_folder import claimed_folder

    given = {
        "dive_number": dive_number,
        "difficulty": difficulty,
        "height_m": height,
        "sex": None if women is None else "women" if women else "men",
        "start": start,
        "end": end,
        "edges": None if edges is None else f"[{edges}]",
        "diver": None if diver is None else f"'{diver}'",
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
    source = LoadedFrom(weights, bank, device, weights_dir)
    with command_output(json=json, quiet=quiet) as out, sigterm_as_exit():
        found = find_films(paths, recursive=recursive)
        for folder, number in found.passed_over.items():
            films = "1 film" if number == 1 else f"{number} films"
            out.warning(f"{folder}: {films} in sub-folders were not looked at; --recursive takes them")
        with collection_paused():
            scorer = source.load()
        with claimed_folder(out_dir, resume=resume) as claimed:
            if claimed.path != out_dir:
                out.note(
                    f"{out_dir} holds results already, or another run writes there; writing to {claimed.path}"
                )
            clips = named_apart(found.paths, free=partial(is_free, claimed.path))
            how = BatchRun(
                resume=resume,
                workers=BatchWorkers(workers, source) if workers > 1 else None,
                lock=claimed.lock,
                coming=coming,
            )
            try:
                with out.progress() as progress:
                    results = score_batch(
                        scorer,
                        clips,
                        options,
                        claimed.path,
                        extras=write_dive_files,
                        finish=write_summary,
                        progress=progress,
                        how=how,
                    )
            except (KeyboardInterrupt, SystemExit):
                out.warning(
                    f"stopped; what is done is in {claimed.path}, and the same with --resume goes on there"
                )
                raise
        out.document(
            {"out": str(claimed.path), "dives": [result.model_dump(mode="json") for result in results]}
        )
        _say(out, results, claimed.path)
        failed = [result for result in results if result.status == "failed"]
        if failed or (strict and any(result.status != "ok" for result in results)):
            raise Failure


@dataclass(frozen=True, slots=True)
class LoadedFrom:
    """Where a scorer is loaded from, the same in every process.

    Attributes:
        weights: Name of the weights, a file, or `auto`.
        bank: File of exemplars of the user's own; None for those beside the weights.
        device: PyTorch device.
        weights_dir: Folder to look for networks in before all others; None to look in the usual places only.
    """

    weights: str
    bank: Path | None
    device: str
    weights_dir: Path | None

    def load(self) -> "Scorer":
        """The scorer, with its weights loaded."""
        from stagescore.scoring.scorer import Scorer

        return Scorer.load(self.weights, self.bank, self.device, self.weights_dir)


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
    for line in _warnings(results):
        out.warning(line)
    failed = [result.input.path for result in results if result.status == "failed"]
    if failed:
        out.warning(f"{len(failed)} of {len(results)} dives failed: {', '.join(failed)}")


def _warnings(results: list[Any]) -> list[str]:
    """Warnings and reasons of all dives, each once, with the dives that it is about."""
    about: dict[str, list[str]] = {}
    for result in results:
        reasons = [f"{result.status} ({reason.code}): {reason.text}" for reason in result.reasons]
        for told in dict.fromkeys([*result.warnings, *reasons]):
            about.setdefault(told, []).append(result.input.path)
    return [
        f"{paths[0]}: {told}"
        if len(paths) == 1
        else f"{len(paths)} of {len(results)} dives ({_first_of(paths)}): {told}"
        for told, paths in about.items()
    ]


def _first_of(paths: list[str]) -> str:
    shown = ", ".join(paths[:_NUM_NAMED])
    return shown if len(paths) <= _NUM_NAMED else f"{shown}, ..."
