"""`stagescore bench films`: what `score` gives for labelled films, held against the labels."""

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.bench_stability import RecordsOption, say_stability, stability_document
from stagescore.cli.output import JsonOption, Output, QuietOption, command_output, rounded
from stagescore.cli.score import BankOption, WeightsDirOption, WeightsOption

if TYPE_CHECKING:
    from stagescore.benchmarks.film_check import FilmCheck
    from stagescore.benchmarks.variants import Variant

_FIGURES = ("srcc", "rl2x100", "mae", "interval_coverage", "interval_width")


def films(
    folder: Annotated[
        Path, typer.Argument(metavar="DIVES", help="Folder of a manifest of films with scores.")
    ],
    fold: Annotated[
        str, typer.Option(help="Only the dives that a fold tests on, such as five-fold/0; or all.")
    ] = "all",
    sealed: Annotated[bool, typer.Option("--sealed", help="The sealed athletes may be looked at.")] = False,
    without_number: Annotated[
        bool, typer.Option("--without-number", help="Tell neither dive number nor difficulty.")
    ] = False,
    variants: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Also variants of each film, as of `bench stability`, and how far they move the scores; all for "
            "every variant, none by default.",
        ),
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most so many films, the same ones each time.")
    ] = None,
    out_dir: RecordsOption = None,
    weights: WeightsOption = "auto",
    bank: BankOption = None,
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score labelled films as `score` does: how many get a score, how far is it off, does the interval hold?

    Films that the weights were trained on say nothing about new ones: choose films of another kind, or weights of a fold
    (`weights pack`) and the fold's own test dives.
    """
    from stagescore.benchmarks.film_check import as_known_film, dives_to_check, film_checks
    from stagescore.benchmarks.stability import measure_stability, stability_rows
    from stagescore.data.manifest import read_manifest
    from stagescore.hashing import hash_u64
    from stagescore.scoring.scorer import Scorer

    place = tempfile.TemporaryDirectory() if out_dir is None else nullcontext(str(out_dir))
    with command_output(json=json, quiet=quiet) as out, place as records_folder:
        chosen = _chosen(variants)
        dives = dives_to_check(read_manifest(folder), fold=fold, sealed=sealed)
        if most is not None:
            dives = sorted(dives, key=lambda dive: hash_u64(0, "bench films", dive.dive_id))[:most]
        scorer = Scorer.load(weights, bank, weights_dir=weights_dir)
        with out.progress() as progress:
            records = measure_stability(
                scorer.score,
                [as_known_film(dive, with_number=not without_number) for dive in dives],
                chosen,
                Path(records_folder),
                measured_with=scorer.made_of,
                progress=progress,
            )
        checks = film_checks(dives, records, chosen)
        moved = stability_rows(records, chosen) if chosen else None
        out.document(
            {
                "fold": fold,
                "sealed": sealed,
                "with_number": not without_number,
                "conditions": [check.as_json() for check in checks],
                "stability": None if moved is None else stability_document(*moved),
            }
        )
        _say(out, checks, told="number and difficulty" if not without_number else "the height alone")
        if moved is not None:
            say_stability(out, records, *moved)


def _chosen(variants: str | None) -> "tuple[Variant, ...]":
    from stagescore.benchmarks.variants import chosen_variants

    if not variants:
        return ()
    return chosen_variants([] if variants == "all" else [name.strip() for name in variants.split(",")])


def _say(out: Output, checks: "list[FilmCheck]", *, told: str) -> None:
    from stagescore.evaluation.bootstrap import FIGURES
    from stagescore.evaluation.evaluation_report import figure_text

    out.table(
        f"{checks[0].num_films} films, {told} given",
        ("condition", "with a score", "share of the film", "networks", "reasons against a score"),
        [
            (
                check.condition,
                f"{check.share_scored:.0%}",
                rounded(check.film_share, 2),
                ", ".join(f"{name} {times}" for name, times in check.networks.items()),
                ", ".join(f"{code} {times}" for code, times in check.reasons.items()),
            )
            for check in checks
        ],
    )
    out.table(
        "Scores against labels, of the films with a score",
        ("condition", "films", *(FIGURES[name].title for name in _FIGURES), "bias, points"),
        [
            (row.name, row.num_dives, *(figure_text(row, name) for name in _FIGURES), rounded(bias, 2))
            for check in checks
            for row, bias in zip(check.rows, check.biases, strict=True)
        ],
    )
