"""`stagescore bench sessions`: are the dives of a pool session found, and nothing else?"""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import WeightsDirOption

GOAL_RECALL, GOAL_FALSE_ALARMS = 0.95, 1.0
"""Goals: share of dives that are found, and false alarms an hour. Set by hand."""


def sessions(
    out_dir: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the outcomes, a file a session.")
    ],
    films: Annotated[
        Path | None,
        typer.Option(metavar="DIVES", help="Folder of a manifest of real films with their flights."),
    ] = None,
    simulated: Annotated[int, typer.Option(min=0, help="Simulated sessions before a tripod.")] = 2,
    real: Annotated[
        int, typer.Option(min=0, help="Sessions of real films, with cuts and without, each.")
    ] = 2,
    dives: Annotated[int, typer.Option(min=1, help="Dives in a session.")] = 8,
    first: Annotated[
        int,
        typer.Option(min=0, help="Number of the first session of each kind: others than were shown before."),
    ] = 0,
    most_pause: Annotated[
        float, typer.Option(min=4.0, help="Most seconds between two simulated dives.")
    ] = 40.0,
    speed: Annotated[
        Path | None, typer.Option(metavar="FILM", help="Only say how fast this film is looked through.")
    ] = None,
    choosing: Annotated[
        bool,
        typer.Option("--choosing", help="The part that thresholds were chosen on, not the one that counts."),
    ] = False,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put sessions of dives together, look for the dives, and count those found, false alarms and time.

    A session that is done is kept: the same command goes on after a kill.
    """
    from dataclasses import asdict

    from stagescore.benchmarks.sessions import (
        Kind,
        Part,
        SessionPlan,
        measure_sessions,
        measure_speed,
        most_per_hour,
        rates,
    )
    from stagescore.data.manifest import read_manifest
    from stagescore.scoring.sessions.tools import detector_source

    with command_output(json=json, quiet=quiet) as out:
        if speed is not None:
            taken = measure_speed(speed, detector_source(weights_dir))
            out.document(asdict(taken))
            out.text(
                f"{taken.seconds:.1f} s of film: {taken.cpu_s:.2f} s of processor time, {taken.decoding_cpu_s:.2f} s of it to decode "
                f"({taken.seconds / taken.cpu_s:.1f} times as fast as it plays on one core that does nothing else); "
                f"{taken.wall_s:.1f} s passed; {taken.num_dives} dives."
            )
            return
        part: Part = "choosing" if choosing else "reporting"
        kinds: list[tuple[Kind, int]] = [("tripod", simulated)]
        if films:
            kinds += [("cuts", real), ("dissolves", real)]
        plans = [
            SessionPlan(kind=kind, number=number, part=part, num_dives=dives, pause_s=(4.0, most_pause))
            for kind, num in kinds
            for number in range(first, first + num)
        ]
        manifest = list(read_manifest(films)) if films else []
        with out.progress() as progress:
            outcomes = measure_sessions(plans, manifest, detector_source(weights_dir), out_dir, progress)
        table = rates(outcomes)
        out.document(
            {
                "part": part,
                "goals": {"recall": GOAL_RECALL, "false_alarms_per_hour": GOAL_FALSE_ALARMS},
                "rates": [asdict(row) for row in table],
                "sessions": [asdict(one) | {"hits": one.hits} for one in outcomes],
            }
        )
        out.table(
            f"Dives found in sessions, part {part}",
            (
                "kind",
                "sessions",
                "hours",
                "dives",
                "found",
                "recall",
                "false alarms",
                "an hour",
                "at most",
                "times faster",
            ),
            [
                (
                    row.kind,
                    row.sessions,
                    rounded(row.hours, 3),
                    row.dives,
                    row.hits,
                    rounded(row.hits / max(row.dives, 1), 3),
                    row.false_alarms,
                    rounded(row.false_alarms / row.hours, 2),
                    rounded(most_per_hour(row.false_alarms, row.hours), 2),
                    rounded(row.times_faster, 1),
                )
                for row in table
            ],
        )
        out.text(
            "At most: upper end of the 95 % interval of false alarms an hour. Times faster: seconds of film for each second of one "
            "core, without decoding."
        )
