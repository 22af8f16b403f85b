"""`stagescore bench`: figures about the project itself, each by one command."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, rounded, speaking
from stagescore.cli.simulate import NUM_CORES, size_px

app = typer.Typer(help="Measure speed, calibration and realism.", no_args_is_help=True)

WorkersOption = Annotated[int, typer.Option(min=1, help="Processes.")]
_CLIP_FRAMES = 96


@app.callback()
def bench() -> None:
    """Measure speed, calibration and realism."""


@app.command("simulate")
def bench_simulate(
    dives: Annotated[int, typer.Option(min=2, help="How many dives to time.")] = 40,
    size: Annotated[str, typer.Option(help="Width x height of the frames, in pixels.")] = "256x144",
    workers: WorkersOption = NUM_CORES,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time the simulation: dives of 96 frames a second, written to disk."""
    from stagescore.simulate.dataset import Order, simulate_dataset

    with speaking(json=json, quiet=quiet) as out, tempfile.TemporaryDirectory() as folder:
        order = Order(num_dives=dives, seed=1, size_px=size_px(size))
        warm_up = Order(num_dives=2 * workers, seed=2, size_px=order.size_px)
        simulate_dataset(Path(folder) / "warm-up", warm_up, workers=workers)
        with out.progress() as progress:
            begin = time.perf_counter()
            manifest = simulate_dataset(Path(folder) / "dives", order, workers=workers, progress=progress)
            seconds = time.perf_counter() - begin
        frames = sum(dive.num_frames or 0 for dive in manifest)
        result = {
            "dives": dives,
            "size": size,
            "workers": workers,
            "seconds": seconds,
            "frames": frames,
            "dives_of_96_frames_per_second": frames / _CLIP_FRAMES / seconds,
        }
        out.document(result)
        out.text(
            f"{dives} dives, {frames} frames of {size}, {workers} processes: {seconds:.1f} s, "
            f"{result['dives_of_96_frames_per_second']:.2f} dives of {_CLIP_FRAMES} frames a second"
        )


@app.command()
def calibration(
    dives: Annotated[int, typer.Option(min=40, help="How many dives to simulate, without pictures.")] = 1200,
    seed: Annotated[int, typer.Option(help="Of the dives.")] = 0,
    workers: WorkersOption = NUM_CORES,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare simulated dives with FineDiving's individual dives, figure by figure; exit code 1 if one is off."""
    from stagescore.evaluation.calibration import compare
    from stagescore.evaluation.timing import timing_rows
    from stagescore.simulate.dataset import judged_dives

    with speaking(json=json, quiet=quiet) as out:
        with out.progress() as progress:
            judged = judged_dives(seed, dives, workers=workers, progress=progress)
        rows = compare([dive.plan for dive in judged], [dive.judgement for dive in judged])
        rows += timing_rows([(d.transitions[0], d.transitions[-1], d.plan.num_frames) for d in judged])
        out.document({"dives": dives, "seed": seed, "rows": [row.as_json() for row in rows]})
        out.table(
            f"{dives} simulated dives, seed {seed}",
            ("figure", "real", "tolerance", "simulated", "holds"),
            [
                (
                    row.name,
                    rounded(row.target, 3),
                    rounded(row.tolerance, 3) if row.tolerance is not None else None,
                    rounded(row.reached, 3),
                    "yes" if row.holds else "NO",
                )
                for row in rows
            ],
        )
        if not all(row.holds for row in rows):
            raise Failure
