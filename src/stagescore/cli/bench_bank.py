"""`stagescore bench bank`: how far the decisions of `fit-bank` can be trusted."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded


def bank(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIVES", help="Folder of a manifest of different dives (`data prepare`)."),
    ],
    most: Annotated[int, typer.Option(min=2, metavar="N", help="At most so many films.")] = 45,
    sealed: Annotated[bool, typer.Option("--sealed", help="The sealed athletes may be looked at.")] = False,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """How alike films of different dives and copies of a film are, and how often a chance gain is called real."""
    from stagescore.benchmarks.bank_checks import gain_rows, likeness_rows
    from stagescore.benchmarks.film_check import dives_to_check
    from stagescore.data.manifest import read_manifest
    from stagescore.hashing import hash_u64
    from stagescore.scoring.bank_copies import ALIKE

    with command_output(json=json, quiet=quiet) as out:
        dives = dives_to_check(read_manifest(folder), sealed=sealed)
        dives = sorted(dives, key=lambda dive: hash_u64(0, "bench bank", dive.dive_id))[:most]
        with out.progress() as progress:
            alike = likeness_rows(dives, progress)
        gains = gain_rows()
        out.document(
            {
                "alike_from": ALIKE,
                "films": [asdict(row) for row in alike],
                "gains": [asdict(row) for row in gains],
            }
        )
        out.table(
            f"Correlation of the pictures of two films; copies from {ALIKE} on",
            ("pairs", "number", "lowest", "highest"),
            [(row.pairs, row.num, rounded(row.lowest, 3), rounded(row.highest, 3)) for row in alike],
        )
        out.table(
            "Made-up banks that are called better than the mean of the scores",
            ("dives", "correlation", "mean gain, points", "by t", "by bootstrap"),
            [
                (
                    row.num_dives,
                    row.correlation,
                    rounded(row.mean_gain, 2),
                    f"{row.by_t:.1%}",
                    f"{row.by_bootstrap:.1%}",
                )
                for row in gains
            ],
        )
