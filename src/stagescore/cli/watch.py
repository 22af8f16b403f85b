"""`stagescore watch`: dives that appear in a folder or before a camera, replayed and scored as they come."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import (
    Failure,
    JsonOption,
    QuietOption,
    collection_paused,
    command_output,
    sigterm_as_exit,
)
from stagescore.cli.score import (
    BankOption,
    DeviceOption,
    LoadedFrom,
    NumberOption,
    WeightsDirOption,
    WeightsOption,
)

if TYPE_CHECKING:
    from stagescore.scoring.result import Result


def watch(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|CAMERA",
            help="A folder in which films appear; or a camera (/dev/video0), or a film that is played again and again in its place.",
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
    delay: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Write the replay so many seconds after the dive has arrived."
        ),
    ] = 0.0,
    keep: Annotated[
        float,
        typer.Option(
            min=10, max=600, metavar="SECONDS", help="Seconds of the camera that are kept in memory."
        ),
    ] = 60.0,
    dives: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after so many dives; else Ctrl-C ends it.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on in the output folder; dives that are done are not scored again."
        ),
    ] = False,
    dive_number: NumberOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Degree of difficulty of all dives.")] = None,
    height: Annotated[float | None, typer.Option(help="Height of the board or platform, in metres.")] = None,
    weights: WeightsOption = "auto",
    bank: BankOption = None,
    device: DeviceOption = "cpu",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score dives as they appear, one after the other, with a line for each; Ctrl-C ends it and leaves the summary.

    What `score` writes, and replay.html for a tablet: the last dive at half speed, and the scores. A film is taken once it is wholly
    written; a camera's dives are cut out and kept in DIR/clips.
    """
    with collection_paused():
        from stagescore.errors import DataError
        from stagescore.media.live import is_camera
        from stagescore.report.replay import Replays
        from stagescore.report.score_files import write_dive_files, write_summary
        from stagescore.scoring.batch import DiveWriter
        from stagescore.scoring.options import ScoreOptions
        from stagescore.scoring.output_folder import claimed_folder
        from stagescore.scoring.sessions.tools import source_of
        from stagescore.scoring.watching.arrivals import Arrival, Arrivals, CameraArrivals, FolderArrivals
        from stagescore.scoring.watching.watch import DiveWatch

    with command_output(json=json, quiet=quiet) as out, sigterm_as_exit():
        options = ScoreOptions(dive_number=dive_number, difficulty=difficulty, height_m=height)
        if not source.exists():
            raise DataError("it is not there", where=source, todo="name a folder, a camera or a film")
        with collection_paused():
            scorer = LoadedFrom(weights, bank, device, weights_dir).load()
        with claimed_folder(out_dir, resume=resume) as claimed:
            if claimed.path != out_dir:
                out.note(
                    f"{out_dir} holds results already, or another run writes there; writing to {claimed.path}"
                )
            replays = Replays(claimed.path, delay)
            camera = None
            if is_camera(source):
                detector = source_of(scorer.events)()
                camera = CameraArrivals(source, claimed.path / "clips", detector, keep)
            arrivals = Arrivals(camera or FolderArrivals(source), replays.arrived)
            watching = DiveWatch(
                scorer=scorer,
                writer=DiveWriter(options=options, out=claimed.path, extras=write_dive_files),
                arrivals=arrivals,
                finish=write_summary,
                resume=resume,
                most=dives,
            )

            def told(result: "Result", arrival: Arrival) -> None:
                replays.scored(result)
                waiting = f"; {arrivals.num_waiting} waiting" if arrivals.num_waiting else ""
                after_s = time.monotonic() - arrival.at_s
                out.text(f"{_line(result)}, {after_s:.0f} s after it arrived{waiting}")

            out.note(f"watching {source}; replay and scores: {claimed.path / 'replay.html'}; Ctrl-C ends it")
            replays.start()
            try:
                results = watching.run(told)
            finally:
                replays.stop()
            if camera is not None and camera.num_missed:
                out.warning(
                    f"{camera.num_missed} pictures of the camera were not looked at, since looking took too long; "
                    "use a larger --keep, or a faster machine"
                )
            for problem in replays.problems:
                out.warning(f"no replay: {problem}")
        out.document(
            {"out": str(claimed.path), "dives": [result.model_dump(mode="json") for result in results]}
        )
        failed = sum(result.status == "failed" for result in results)
        scored = sum(result.score is not None for result in results)
        dives_told = "1 dive" if len(results) == 1 else f"{len(results)} dives"
        out.text(f"{dives_told}, {scored} scored, {failed} failed; in {claimed.path}")
        if failed:
            raise Failure


def _line(result: "Result") -> str:
    """A dive in a line."""
    number = f" {result.dive_number}" if result.dive_number else ""
    if result.score is None:
        why = " ".join(f"({reason.code}) {reason.text}" for reason in result.reasons)
        return f"{result.input.name}:{number} {result.status} {why}".rstrip()
    low, high = result.interval or (None, None)
    interval = "" if low is None else f" ({low:.1f} to {high:.1f})"
    return f"{result.input.name}:{number} {result.score:.2f} points{interval}"
