"""`stagescore simulate`: a data set of simulated dives."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output

NUM_CORES = os.cpu_count() or 1


def size_px(text: str) -> tuple[int, int]:
    """A picture size such as 256x144.

    Raises:
        typer.BadParameter: It is none.
    """
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text.strip().lower())
    if match is None:
        raise typer.BadParameter("write width x height, such as 256x144", param_hint="--size")
    return int(match[1]), int(match[2])


def simulate(
    out_dir: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    dives: Annotated[int, typer.Option(min=2, help="How many.")] = 100,
    seed: Annotated[int, typer.Option(help="Of everything: the same seed gives the same bytes.")] = 0,
    size: Annotated[str, typer.Option(help="Width x height of the frames, in pixels.")] = "256x144",
    # Set by hand; FineDiving tests on a quarter of its dives too (749 of 3,000).
    test_share: Annotated[
        float, typer.Option(min=0, max=1, help="Of the dives, for the test split; one dive at least.")
    ] = 0.25,
    fault_augmented: Annotated[
        bool,
        typer.Option(
            "--fault-augmented",
            help="Faults of all sizes, large as often as small: for training, no competition.",
        ),
    ] = False,
    drills: Annotated[
        bool, typer.Option("--drills", hidden=True, help="Earlier name of --fault-augmented.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = NUM_CORES,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in a folder that was begun.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Simulate dives in FineDiving's layout: frames, label files, poses, a manifest, and the truth apart.

    OUT/frames/<event>/<number>/*.jpg, OUT/annotations, OUT/poses and OUT/manifest.jsonl are what a model may
    see; OUT/truth holds fault sizes, marks, exact joints and physical events.
    """
    from stagescore.simulate.dataset import Order, simulate_dataset

    with command_output(json=json, quiet=quiet) as out:
        if drills:
            out.warning("--drills is called --fault-augmented now")
        order = Order(
            num_dives=dives,
            seed=seed,
            size_px=size_px(size),
            test_share=test_share,
            fault_augmented=fault_augmented or drills,
        )
        with out.progress() as progress:
            manifest = simulate_dataset(out_dir, order, workers=workers, resume=resume, progress=progress)
        scores = [dive.score for dive in manifest]
        out.document(
            {
                "folder": str(out_dir),
                "manifest": str(out_dir / "manifest.jsonl"),
                "dives": len(manifest),
                "train": len(manifest.select("train")),
                "test": len(manifest.select("test")),
                "dive_numbers": len({dive.dive_number for dive in manifest}),
                "score_range": [min(scores), max(scores)],
            }
        )
        out.text(
            f"{len(manifest)} dives ({len(manifest.select('train'))} train, {len(manifest.select('test'))} test), "
            f"scores {min(scores):g} to {max(scores):g}, in {out_dir}"
        )
