"""`stagescore bench film-refusals`: two divers and other shots, seen where they are and where they are not."""

from typing import Annotated

import typer

from stagescore.cli.output import Failure, JsonOption, QuietOption, command_output
from stagescore.cli.score import WeightsDirOption

MOST_FALSE, LEAST_PAIRS, LEAST_CUTS = 0.01, 0.9, 0.95
"""Goals: largest share of single dives refused, smallest shares of pairs and of cuts that are found. Set by hand."""


def film_refusals(
    paths: Annotated[
        list[str], typer.Argument(metavar="FILM...", help="Films of single dives, folders of films, globs.")
    ],
    pairs: Annotated[
        list[str] | None, typer.Option("--pairs", metavar="FILM", help="Films of synchronised pairs.")
    ] = None,
    half: Annotated[
        str, typer.Option(help="Only half of the films, by a hash of their names: first or second; or all.")
    ] = "all",
    most: Annotated[
        int | None, typer.Option(min=2, metavar="N", help="At most so many films, evenly spread.")
    ] = None,
    made: Annotated[
        int, typer.Option(min=0, metavar="N", help="Into how many films a second diver is put.")
    ] = 20,
    simulated: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many simulated pairs of each view.")
    ] = 20,
    seed: Annotated[int, typer.Option(help="Of the simulated pairs.")] = 0,
    second_look: Annotated[
        bool,
        typer.Option(
            "--second-look",
            help="Look for a second diver in ways that `score` does not use, since they are not proven yet.",
        ),
    ] = False,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look for a second diver and for other shots in films of single dives, and in what is made of them.

    Made of them are pairs (the diver put in once more, beside, in front or later), fast pans, flashes, graphics that come and go, and
    splices with another of the films. Exit code 1 if a goal is missed.
    """
    from stagescore.benchmarks.film_refusals import PAIR, half_of, measure_film_refusals
    from stagescore.scoring.inputs import find_clips
    from stagescore.scoring.pipeline import looking_tools

    with command_output(json=json, quiet=quiet) as out:
        films = half_of([clip.path for clip in find_clips(paths)], half)
        if most is not None:
            films = films[:: max(len(films) // most, 1)][:most]
        with out.progress() as progress:
            tallies = measure_film_refusals(
                looking_tools(weights_dir),
                films,
                pairs=[clip.path for clip in find_clips(pairs)] if pairs else [],
                num_made=made,
                num_simulated=simulated,
                seed=seed,
                second_look=second_look,
                progress=progress,
            )
        out.document({"films": len(films), "half": half, "rows": [tally.as_json() for tally in tallies]})
        out.table(
            f"Found in {len(films)} films and what is made of them",
            ("looked for", "in", "clips", "found", "share", "95 % interval", "it is there"),
            [
                (
                    tally.question,
                    tally.kind,
                    tally.num,
                    tally.num_found,
                    f"{tally.num_found / tally.num:.1%}",
                    f"{tally.interval[0]:.1%} to {tally.interval[1]:.1%}",
                    "yes" if tally.is_there else "no",
                )
                for tally in tallies
            ],
        )
        out.text(
            f"goals: at most {MOST_FALSE:.0%} where it is not, {LEAST_PAIRS:.0%} of the pairs and {LEAST_CUTS:.0%} of the cuts"
        )
        for tally in tallies:
            share = tally.num_found / tally.num
            least = LEAST_PAIRS if tally.question == PAIR else LEAST_CUTS
            if share < least if tally.is_there else share > MOST_FALSE:
                raise Failure
