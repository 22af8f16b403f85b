"""`stagescore bench stability`: does the score stay where it is when the same dive is filmed otherwise?"""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagescore.cli.output import Failure, JsonOption, Output, QuietOption, command_output, rounded
from stagescore.cli.score import WeightsDirOption, WeightsOption

if TYPE_CHECKING:
    from stagescore.benchmarks.stability import FilmRecord, StabilityRow

RecordsOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="A JSON file a film; a stopped measurement goes on there."),
]
GOAL_MEDIAN, GOAL_WITHIN = 2.0, 0.95
"""Goals: median change in points, and share of the changes below `benchmarks.stability.LIMIT_POINTS`. Set by hand."""


def stability(
    paths: Annotated[list[str], typer.Argument(metavar="FILM...", help="Films, folders of films, globs.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Dive numbers, difficulties, heights: a manifest, its folder, or a table (CSV, xlsx) with a column path."
        ),
    ] = None,
    variants: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Variants (rate-24) or kinds of them (rate); all by default."),
    ] = None,
    out_dir: RecordsOption = None,
    weights: WeightsOption = "auto",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Mirror, recode, scale, crop, brighten films and hold them still: how far do score and events move?

    Exit code 1 if the goal is missed.
    """
    from stagescore.benchmarks.labelled_films import labelled_films
    from stagescore.benchmarks.stability import measure_stability, stability_rows
    from stagescore.benchmarks.variants import chosen_variants
    from stagescore.scoring.scorer import Scorer

    place = tempfile.TemporaryDirectory() if out_dir is None else nullcontext(str(out_dir))
    with command_output(json=json, quiet=quiet) as out, place as folder:
        chosen = chosen_variants([] if variants is None else [v.strip() for v in variants.split(",")])
        films = labelled_films(paths, labels)
        scorer = Scorer.load(weights, weights_dir=weights_dir)
        with out.progress() as progress:
            records = measure_stability(
                scorer.score, films, chosen, Path(folder), measured_with=scorer.made_of, progress=progress
            )
        rows, together = stability_rows(records, chosen)
        out.document(
            {
                **stability_document(rows, together),
                "films": {name: record.model_dump(mode="json") for name, record in records.items()},
            }
        )
        say_stability(out, records, rows, together)
        if not _holds(together):
            raise Failure


def stability_document(rows: "list[StabilityRow]", together: "StabilityRow") -> dict[str, Any]:
    """The rows of variants against films for `--json`.

    Args:
        rows: Figures of each variant.
        together: Figures of all variants together.
    """
    return {
        "goal": {"median": GOAL_MEDIAN, "within": GOAL_WITHIN, "holds": _holds(together)},
        "all": together.as_json(),
        "variants": [row.as_json() for row in rows],
    }


def say_stability(
    out: Output, records: "dict[str, FilmRecord]", rows: "list[StabilityRow]", together: "StabilityRow"
) -> None:
    """Print how far variants move scores and events, as a table and beside the goal.

    Args:
        out: Output of the command, which prints.
        records: Records of the films, by name.
        rows: Figures of each variant.
        together: Figures of all variants together.
    """
    from stagescore.benchmarks.stability import LIMIT_POINTS, ORIGINAL

    for name, record in records.items():
        outcome = record.outcomes[ORIGINAL]
        if outcome.score is None:
            out.warning(
                f"{name} has no score as it is ({', '.join(outcome.reasons)}): its events count, no change"
            )
    out.table(
        f"Variant against film, {len(records)} films; points, and frames of the film",
        (
            "variant",
            "scored films",
            "median change",
            "95 %",
            "mean (signed)",
            f"below {LIMIT_POINTS:g}",
            "no score",
            "reasons",
            "other network",
            "airborne: median, most",
            "contact: median, most",
            "events lost",
        ),
        [
            (
                row.variant,
                row.films,
                rounded(row.median, 2),
                rounded(row.p95, 2),
                rounded(row.mean, 2),
                f"{row.within:.0%}",
                row.lost,
                ", ".join(f"{code} {times}" for code, times in row.reasons.items()),
                row.other_network,
                *(None if e is None else f"{e[0]:g}, {e[1]}" for e in (row.airborne, row.contact)),
                row.events_lost,
            )
            for row in (*rows, together)
        ],
    )
    median = "none" if together.median is None else f"{together.median:.2f} points"
    out.text(
        f"All variants: median change {median} (goal: at most {GOAL_MEDIAN:g}); {together.within:.1%} below "
        f"{LIMIT_POINTS:g} points, no score counting as above (goal: at least {GOAL_WITHIN:.0%})"
    )


def _holds(together: "StabilityRow") -> bool:
    return together.median is not None and together.median <= GOAL_MEDIAN and together.within >= GOAL_WITHIN
