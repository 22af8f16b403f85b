"""`stagescore bench measures`: how far are measures off on simulated dives, and which go with the judges' marks on real ones?"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, command_output, rounded

if TYPE_CHECKING:
    from stagescore.measures.reference import Agreement


class JointsChoice(StrEnum):
    """Whose joints simulated dives are measured on."""

    exact = "exact"
    found = "found"


def measures(
    simulated: Annotated[
        Path | None,
        typer.Argument(
            metavar="SIMULATED_DIVES", help="Folder of `stagescore simulate`, to measure against its truth."
        ),
    ] = None,
    dives: Annotated[
        Path | None,
        typer.Option(
            metavar="DIVES",
            help="Prepared folder of real dives (`data prepare`), to compare with their marks.",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="DIR", help="Keeps what was measured; a run that was stopped goes on there."
        ),
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Dives at most, by hash of their names.")] = None,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="Real dives of the sealed athletes take part.")
    ] = False,
    joints: Annotated[
        JointsChoice,
        typer.Option(help="Joints of simulated dives: the exact ones, or those that `score` finds."),
    ] = JointsChoice.exact,
    flights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="flights.json of `train-events`, for flights as `score` sees them."
        ),
    ] = None,
    frame_rate: Annotated[
        float | None,
        typer.Option(min=1, help="True frames per second of real films whose files say otherwise."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the table that ships: values of real dives, and what is usable."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Which real dives they are, in words, for the table.")
    ] = "real dives",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure simulated dives against their truth (SIMULATED_DIVES), or real ones against their marks (--dives)."""
    from stagescore.errors import ConfigError

    with command_output(json=json, quiet=quiet) as out:
        if (simulated is None) == (dives is None):
            raise ConfigError(
                "nothing or two things to measure", todo="give SIMULATED_DIVES, or --dives DIVES"
            )
        if simulated is not None:
            _against_truth(out, simulated, keep, joints.value, most)
        elif dives is not None:
            if keep is None:
                raise ConfigError(
                    "real films take long", todo="give --keep DIR, where what was measured is kept"
                )
            _against_marks(out, dives, keep, flights, frame_rate, (most, sealed), table, name)


def _against_truth(out: Output, folder: Path, keep: Path | None, joints: str, most: int | None) -> None:
    from dataclasses import asdict

    from stagescore.benchmarks.measure_truth import truth_pairs, truth_rows
    from stagescore.data.manifest import read_manifest
    from stagescore.scoring.scorer import Scorer

    scorer = Scorer.load() if joints == "found" else None
    with out.progress() as progress:
        pairs = truth_pairs(
            folder,
            read_manifest(folder),
            "found" if joints == "found" else "exact",
            keep,
            most=most,
            scorer=scorer,
            progress=progress,
        )
    rows = truth_rows(pairs)
    out.document({"joints": joints, "rows": [asdict(row) for row in rows]})
    out.table(
        f"{len({pair.dive_id for pair in pairs})} simulated dives, {joints} joints",
        ("measure", "venue", "dives", "told", "bias", "error", "Spearman", "unit"),
        [
            (
                row.name,
                row.venue,
                row.possible,
                row.told,
                rounded(row.bias, 3),
                rounded(row.error, 3),
                rounded(row.srcc, 2),
                row.unit,
            )
            for row in rows
        ],
    )
    out.text("Bias and error are medians of found minus true and of its size.")


def _against_marks(
    out: Output,
    folder: Path,
    keep: Path,
    flights: Path | None,
    frame_rate: float | None,
    which: tuple[int | None, bool],
    table: Path | None,
    name: str,
) -> None:
    from stagescore.atomic import write_text
    from stagescore.benchmarks.measure_marks import marks_rows, measured_dives, reference_of
    from stagescore.data.manifest import read_manifest
    from stagescore.training.event_folds import read_flights

    with out.progress() as progress:
        measured = measured_dives(
            read_manifest(folder),
            {} if flights is None else read_flights(flights),
            keep,
            frame_rate=frame_rate,
            most=which[0],
            sealed=which[1],
            progress=progress,
        )
    rows = marks_rows(measured)
    if table is not None:
        write_text(table, reference_of(measured, rows, name).to_text())
    out.document(
        {
            "dives": len(measured),
            "rows": [
                {
                    "name": row.name,
                    "known": row.known,
                    "over_all": _listed(row.over_all),
                    "within": _listed(row.within),
                    "usable": row.usable,
                }
                for row in rows
            ],
        }
    )
    out.table(
        f"{len(measured)} real dives: Spearman's correlation with the execution, 95 % intervals over dives",
        ("measure", "known", "over all", "within a number", "dives", "usable"),
        [
            (
                row.name,
                row.known,
                _words(row.over_all),
                _words(row.within),
                None if row.within is None else row.within.num_dives,
                "yes" if row.usable else "no",
            )
            for row in rows
        ],
    )


def _listed(one: "Agreement | None") -> list[float] | None:
    return None if one is None else [one.value, one.low, one.high, one.num_dives]


def _words(one: "Agreement | None") -> str | None:
    return None if one is None else f"{one.value:+.2f} [{one.low:+.2f}, {one.high:+.2f}]"
