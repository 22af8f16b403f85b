"""`stagescore bench`: figures about the project itself, each by one command."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli import (
    bench_bank,
    bench_campaign,
    bench_captions,
    bench_cut_clips,
    bench_film_refusals,
    bench_films,
    bench_kills,
    bench_measures,
    bench_pose,
    bench_real_clips,
    bench_results,
    bench_sessions,
    bench_stability,
    bench_surroundings,
)
from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output, rounded
from stagescore.cli.simulate import NUM_CORES, size_px

app = typer.Typer(help="Measure speed, calibration and realism.", no_args_is_help=True)
app.command("bank")(bench_bank.bank)
app.command("cut-clips")(bench_cut_clips.cut_clips)
app.command("campaign")(bench_campaign.campaign)
app.command("films")(bench_films.films)
app.command("film-refusals")(bench_film_refusals.film_refusals)
app.command("kills")(bench_kills.kills)
app.command("measures")(bench_measures.measures)
app.command("captions")(bench_captions.captions)
app.command("pose")(bench_pose.pose)
app.command("real-clips")(bench_real_clips.real_clips)
app.command("refusals")(bench_real_clips.refusals)
app.command("results")(bench_results.results)
app.command("sessions")(bench_sessions.sessions)
app.command("stability")(bench_stability.stability)
app.command("surroundings")(bench_surroundings.surroundings)

WorkersOption = Annotated[int, typer.Option(min=1, help="Processes.")]
_CLIP_FRAMES = 96
"""Frames that the paper takes of each FineDiving clip; the unit of the speed."""


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
    """Time the simulation: dives of 96 frames per second, written to disk."""
    from stagescore.simulate.dataset import Order, simulate_dataset

    with command_output(json=json, quiet=quiet) as out, tempfile.TemporaryDirectory() as folder:
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
            f"{result['dives_of_96_frames_per_second']:.2f} dives of {_CLIP_FRAMES} frames per second"
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

    with command_output(json=json, quiet=quiet) as out:
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


@app.command()
def sheets(
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the pictures go.")],
    size: Annotated[str, typer.Option(help="Width x height at which the dives are filmed.")] = "455x256",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Draw sheets of simulated dives, splashes and faults, to be looked at: sheet.jpg, splash.jpg, faults.jpg."""
    from stagescore.atomic import write_bytes
    from stagescore.figures.contact_sheet import (
        Image,
        contact_sheet,
        fault_pairs,
        jpeg,
        plan_of,
        splash_sheet,
    )
    from stagescore.simulate.types import Faults

    usual = Faults(bent_knees_deg=3.0, flexed_toes_deg=5.0, over_rotation_deg=3.0, loud_entry=0.4)
    dives = [
        (
            "3 m springboard: forward 3 1/2 somersaults, tuck (107C)",
            plan_of("107C", 3.0, seed=2, faults=usual),
        ),
        (
            "10 m platform: armstand back 3 somersaults, pike (626B)",
            plan_of("626B", 10.0, seed=4, faults=usual),
        ),
        (
            "10 m platform: back 2 1/2 somersaults, 1 1/2 twists, pike (5253B)",
            plan_of("5253B", 10.0, seed=5, faults=usual),
        ),
        (
            "3 m springboard: inward 2 1/2 somersaults, pike (405B)",
            plan_of("405B", 3.0, seed=7, faults=usual),
        ),
    ]
    with command_output(json=json, quiet=quiet) as out:
        px = size_px(size)
        drawings: tuple[tuple[str, Callable[[], Image]], ...] = (
            ("sheet.jpg", lambda: contact_sheet(dives, px)),
            ("splash.jpg", lambda: splash_sheet(px)),
            ("faults.jpg", lambda: fault_pairs(px)),
        )
        written = []
        with out.progress() as progress:
            for done, (name, draw) in enumerate(drawings):
                progress("sheets", done, len(drawings))
                write_bytes(out_dir / name, jpeg(draw()))
                written.append(str(out_dir / name))
        out.document({"size": size, "files": written})
        out.text(f"written: {', '.join(written)}")


@app.command()
def realism(
    dives: Annotated[int, typer.Option(min=2, help="How many dives to show to the networks.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the dives.")] = 0,
    size: Annotated[str, typer.Option(help="Width x height at which the dives are filmed.")] = "455x256",
    weights_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder with MoveNet's two ONNX files.")
    ] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show simulated dives to public pose networks: do they find the diver, as they do in real dives?"""
    from stagescore.evaluation.realism import REAL_PCKH_SOURCE, RealismNetworks, measure_realism
    from stagescore.simulate.dataset import Order

    with command_output(json=json, quiet=quiet) as out:
        networks = RealismNetworks(weights_dir)
        order = Order(num_dives=dives, seed=seed, size_px=size_px(size))
        with out.progress() as progress:
            seen = measure_realism(order, networks, progress)
        out.document({"seed": seed, "size": size, **seen.as_json()})
        out.table(
            f"{dives} simulated dives of {size}, seed {seed}: {seen.frames} airborne frames",
            ("figure", "simulated", "reference"),
            [
                (
                    "PCKh@0.5, thunder on the true box, best of 8 rotations",
                    rounded(seen.pckh, 3),
                    REAL_PCKH_SOURCE,
                ),
                ("mean confidence", rounded(seen.confidence, 3), None),
                ("multipose's top box is the diver", rounded(seen.multipose_diver, 3), None),
                ("multipose's top box is a spectator", rounded(seen.multipose_spectator, 3), None),
            ],
        )
        out.text(
            "PCKh by joint: "
            + ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for name, share in seen.pckh_by_limb.items())
        )


@app.command("encoders")
def bench_encoders(
    rounds: Annotated[int, typer.Option(min=1, help="How often each encoder is measured.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch.")] = NUM_CORES,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time the encoders on this CPU: GFLOP, seconds, and the share of the rate of matrix products."""
    import torch

    from stagescore.evaluation.encoder_speed import measure_speed, published_encoders, small_encoders

    with command_output(json=json, quiet=quiet) as out:
        torch.set_num_threads(threads)
        with out.progress() as progress:
            speeds, rate = measure_speed(published_encoders() + small_encoders(), rounds, progress)
        out.document(
            {
                "threads": threads,
                "rounds": rounds,
                "product_gflop_per_second": rate,
                "encoders": [speed.as_json() for speed in speeds],
            }
        )
        out.table(
            f"Medians of {rounds} rounds, {threads} threads; matrix product {rate:.0f} GFLOP/s",
            ("encoder", "input", "GFLOP", "seconds", "share", "plain seconds", "plain share"),
            [
                (
                    speed.name,
                    speed.size,
                    rounded(speed.gflop, 2),
                    rounded(speed.seconds, 3),
                    rounded(speed.share, 2),
                    rounded(speed.plain_seconds, 3),
                    rounded(speed.plain_share, 2),
                )
                for speed in speeds
            ],
        )


@app.command("score")
def bench_score(
    preset: Annotated[str, typer.Option(help="Whose network, with random weights.")] = "paper",
    exemplars: Annotated[int, typer.Option(min=1, help="That vote.")] = 10,
    eager: Annotated[bool, typer.Option(help="Also time the plain layout.")] = True,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """What one query costs with a warm bank of exemplars, and the published way, in the same run."""
    from stagescore.evaluation.score_speed import measure_score_speed

    with command_output(json=json, quiet=quiet) as out:
        speed = measure_score_speed(preset, exemplars=exemplars, eager=eager, tell=out.note)
        out.document(
            {
                "preset": preset,
                "exemplars": exemplars,
                "encoding_s": speed.encoding_s,
                "bank_s": speed.bank_s,
                "published_s": speed.published_s,
                "eager_s": speed.eager_s,
                "encodings": speed.encodings,
                "times_published": speed.times_published,
                "times_eager": speed.times_eager,
                "largest_difference": speed.largest_difference,
                "peak_mb": speed.peak_mb,
            }
        )
        rows: list[list[object]] = [
            ["encode one dive", rounded(speed.encoding_s, 3), None],
            [f"query, warm bank of {exemplars}", rounded(speed.bank_s, 3), rounded(1.0, 1)],
            [
                "published way, same encoders",
                rounded(speed.published_s, 3),
                rounded(speed.times_published, 1),
            ],
        ]
        if speed.eager_s is not None:
            rows.append(
                ["published way, plain layout", rounded(speed.eager_s, 3), rounded(speed.times_eager, 1)]
            )
        out.table(f"Preset {preset}, random weights", ["way", "seconds", "times the bank"], rows)
        out.text(
            f"A query costs {speed.encodings:.2f} encodings; scores differ by {speed.largest_difference:.1e}."
        )
        for number, megabytes in speed.peak_mb.items():
            out.text(f"Peak memory with {number} exemplars: {megabytes:.0f} MB.")
