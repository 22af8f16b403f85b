"""`stagescore bench captions`: are injected faults named, and is what is named there?"""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output

LEAST_RECALL, LEAST_PRECISION = 0.8, 0.9
"""Goals: share of injected faults that are named, and of what is said that is right. Set by hand."""


def captions(
    keep: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Folder of the dives; a run that was stopped goes on there."
        ),
    ],
    usual: Annotated[int, typer.Option(min=10, help="Dives that say what is usual.")] = 60,
    each: Annotated[int, typer.Option(min=1, help="Dives with each fault.")] = 8,
    seed: Annotated[int, typer.Option(help="Of all dives.")] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Inject one fault at a time into simulated dives and count what the corrections name.

    Measured on the exact joints, and with every measure usable. Exit code 1 if a goal is missed.
    """
    from stagescore.benchmarks.named_faults import PERFECT, name_faults

    with command_output(json=json, quiet=quiet) as out:
        with out.progress() as progress:
            tallies = name_faults(keep, usual=usual, each=each, seed=seed, progress=progress)
        injected = [one for one in tallies if one.fault != PERFECT]
        dives, named = sum(one.dives for one in injected), sum(one.named for one in injected)
        said, right = sum(one.said for one in tallies), sum(one.right for one in tallies)
        out.document(
            {
                "rows": [
                    {name: getattr(one, name) for name in ("fault", "dives", "named", "said", "right")}
                    for one in tallies
                ],
                "recall": named / dives,
                "precision": right / said if said else None,
            }
        )
        out.table(
            "What corrections name",
            ("fault", "dives", "named", "corrections", "right"),
            [(one.fault, one.dives, one.named, one.said, one.right) for one in tallies],
        )
        share = f"{right / said:.0%}" if said else "none said"
        out.text(
            f"named {named} of {dives} injected faults ({named / dives:.0%}; goal {LEAST_RECALL:.0%}); of what is said {share} is right "
            f"(goal {LEAST_PRECISION:.0%})"
        )
        if named < LEAST_RECALL * dives or right < LEAST_PRECISION * said:
            raise Failure
