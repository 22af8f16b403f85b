"""`stagescore bench campaign`: damaged inputs by the thousand, each read or refused in one line."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output, sigterm_as_exit
from stagescore.errors import DataError

if TYPE_CHECKING:
    from stagescore.benchmarks.campaign.record import InputOutcome

_MOST_SHOWN = 50


def campaign(
    films: Annotated[int, typer.Option(min=0, help="How many damaged films.")] = 100,
    labels: Annotated[int, typer.Option(min=0, help="How many damaged label files.")] = 100,
    weights: Annotated[
        int, typer.Option(min=0, help="How many damaged weights, banks, fits, checkpoints.")
    ] = 100,
    onnx: Annotated[
        int, typer.Option(min=0, help="How many damaged ONNX networks; about a second each.")
    ] = 20,
    joints: Annotated[int, typer.Option(min=0, help="How many damaged files of joints.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the damage.")] = 0,
    first: Annotated[int, typer.Option(min=0, help="Number of the first input of each kind.")] = 0,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:NUMBER", help="Make and read this input alone; with --out its files are kept."
        ),
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Outcomes line by line, and inputs that failed; a stopped campaign goes on there.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Time that an input may take.")] = 10.0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Damage films, labels, weights, ONNX networks and joints, and read them as the product does.

    Exit code 1 if anything but "read" or "refused in one line" comes out: another error, a crash, too much time or memory,
    a file written elsewhere.
    """
    from stagescore.benchmarks.campaign.record import failures, markdown
    from stagescore.benchmarks.campaign.running import Campaign, run_campaign, run_one
    from stagescore.benchmarks.campaign.trial import Limits

    place = tempfile.TemporaryDirectory() if out_dir is None else nullcontext(str(out_dir))
    with command_output(json=json, quiet=quiet) as out, place as folder, sigterm_as_exit():
        limits = Limits(seconds=seconds)
        if only is not None:
            kind, _, number = only.partition(":")
            if not number.isdecimal():
                raise DataError("this names no input", where=only, todo="give KIND:NUMBER, such as films:12")
            outcomes = [run_one(kind, int(number), seed, Path(folder), limits)]
        else:
            asked = {"films": films, "labels": labels, "weights": weights, "onnx": onnx, "joints": joints}
            with out.progress() as progress:
                outcomes = run_campaign(
                    Campaign(inputs=asked, seed=seed, limits=limits, first=first), Path(folder), progress
                )
            if out_dir is not None:
                (out_dir / "table.md").write_text(markdown(outcomes), encoding="utf-8")
        _say(out, outcomes, seed)
        if failures(outcomes):
            raise Failure


def _say(out: Output, outcomes: "list[InputOutcome]", seed: int) -> None:
    from stagescore.benchmarks.campaign.record import COLUMNS, failures, rows

    failed = failures(outcomes)
    out.document(
        {
            "seed": seed,
            "rows": [dict(zip(COLUMNS, row, strict=True)) for row in rows(outcomes)],
            "failed": [outcome.model_dump() for outcome in failed],
        }
    )
    out.table(f"Damaged inputs, seed {seed}", COLUMNS, rows(outcomes))
    if len(outcomes) == 1:
        out.text(f"{outcomes[0].verdict}: {outcomes[0].told}")
    for outcome in failed[:_MOST_SHOWN]:
        out.text(
            f"{outcome.kind}:{outcome.number} ({outcome.sample}; {outcome.damage}) {outcome.verdict}: {outcome.told}"
        )
    if len(failed) > _MOST_SHOWN:
        out.text(f"and {len(failed) - _MOST_SHOWN} more")
