"""`stagescore bench captions`: are injected faults named, and is what is named there?"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output

if TYPE_CHECKING:
    from stagescore.benchmarks.named_faults import FaultTally

LEAST_RECALL, LEAST_PRECISION = 0.8, 0.9
"""Goals: share of injected faults that are named, those that a camera does not see included, and of what is said that is right. Set by hand."""


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
        visible = [one for one in injected if one.visible]
        dives, named = _sums(injected)
        visible_dives, visible_named = _sums(visible)
        said, right = sum(one.said for one in tallies), sum(one.right for one in tallies)
        out.document(
            {
                "rows": [asdict(one) for one in tallies],
                "recall": named / dives,
                "recall_visible": visible_named / visible_dives,
                "precision": right / said if said else None,
            }
        )
        out.table(
            "What corrections name",
            ("fault", "dives", "named", "corrections", "right", "a camera sees it"),
            [
                (one.fault, one.dives, one.named, one.said, one.right, "yes" if one.visible else "no")
                for one in tallies
            ],
        )
        share = f"{right / said:.0%}" if said else "none said"
        unseen = ", ".join(one.fault for one in injected if not one.visible)
        out.text(
            f"named {named} of {dives} injected faults ({named / dives:.0%}; goal {LEAST_RECALL:.0%}), {visible_named} of {visible_dives} "
            f"({visible_named / visible_dives:.0%}) without those that a camera from the side does not see ({unseen or 'none'}); of what is "
            f"said {share} is right (goal {LEAST_PRECISION:.0%})"
        )
        if named < LEAST_RECALL * dives or right < LEAST_PRECISION * said:
            raise Failure


def _sums(tallies: Sequence["FaultTally"]) -> tuple[int, int]:
    """Dives with these faults, and how many of them are named."""
    return sum(one.dives for one in tallies), sum(one.named for one in tallies)
