"""`stagescore bench real-clips` and `stagescore bench refusals`: what scoring is worth before any score."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import WeightsDirOption, WeightsOption

GOAL_IOU = 0.75
MOST_CLEAN, LEAST_SPOILED = 0.05, 0.9
"""Goals: mean IoU of the flight, largest share of clean clips and smallest share of spoiled clips that are refused.
Set by hand."""


def real_clips(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Films, with labels.json read by eye.")],
    labels: Annotated[
        Path | None, typer.Option(help="Labels, where they do not lie beside the films.")
    ] = None,
    weights: WeightsOption = "auto",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare first airborne frame and first water contact with labels: IoU of the span between them."""
    from dataclasses import asdict

    from stagescore.benchmarks.real_clips import event_errors, measure_real_clips
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out:
        scorer = Scorer.load(weights, weights_dir=weights_dir)
        with out.progress() as progress:
            rows = measure_real_clips(scorer, folder, labels, progress)
        known = [row.iou for row in rows if row.iou is not None]
        mean = sum(known) / max(len(known), 1)
        errors = event_errors(rows)
        out.document(
            {
                "mean_iou": mean,
                "goal": GOAL_IOU,
                "events": [asdict(error) for error in errors],
                "films": [row.as_json() for row in rows],
            }
        )
        out.table(
            f"Events of {len(rows)} films",
            ("film", "status", "airborne", "by eye", "contact", "by eye", "IoU"),
            [
                (
                    r.name,
                    r.status,
                    r.found[0],
                    r.true[0],
                    r.found[1],
                    r.true[1],
                    None if r.iou is None else rounded(r.iou, 3),
                )
                for r in rows
            ],
        )
        out.table(
            "Found minus read, in frames",
            ("event", "films", "median", "standard deviation", "within three frames"),
            [
                (e.event, e.num, e.median_frames, rounded(e.spread_frames, 2), f"{e.within_three:.0%}")
                for e in errors
            ],
        )
        out.text(f"mean IoU {mean:.3f}, the goal is {GOAL_IOU}")


def refusals(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Of simulated dives.")],
    dives: Annotated[
        int, typer.Option(min=2, help="Each is used clean and spoiled in one way, in turn.")
    ] = 200,
    weights: WeightsOption = "auto",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Spoil simulated dives and see which are refused; exit code 1 if too many clean or too few spoiled ones are."""
    from stagescore.benchmarks.refusals import CLEAN, measure_refusals, simulated_clips
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out, tempfile.TemporaryDirectory() as spoiled:
        scorer = Scorer.load(weights, weights_dir=weights_dir)
        with out.progress() as progress:
            found = measure_refusals(scorer, simulated_clips(folder, dives), Path(spoiled), progress=progress)
        out.document(found.as_json())
        out.table(
            f"Refused, of {dives} simulated dives",
            ("clips", "number", "refused", "share", "reasons given"),
            [
                (
                    kind,
                    found.asked[kind],
                    found.refused[kind],
                    rounded(found.share(kind), 3),
                    ", ".join(f"{code} {times}" for code, times in found.reasons[kind].most_common()),
                )
                for kind in found.asked
            ],
        )
        out.text(
            f"{found.share_of_spoiled:.0%} of the spoiled clips are refused (goal: {LEAST_SPOILED:.0%} or more)"
        )
        if found.share(CLEAN) > MOST_CLEAN or found.share_of_spoiled < LEAST_SPOILED:
            raise Failure
