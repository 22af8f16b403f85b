"""`stagescore fit-bank`: a coach's own scored dives as exemplars."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagescore.cli.output import JsonOption, Output, QuietOption, command_output, rounded
from stagescore.cli.score import DeviceOption, ExemplarsOption, WeightsDirOption, WeightsOption

if TYPE_CHECKING:
    from stagescore.scoring.bank_fitting import FittedBank


def fit_bank(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the films of the labels are.")],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="TABLE", help="CSV or xlsx with columns path (within DIR) and score; docs/data.md."
        ),
    ],
    out_path: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="DIR/bank.safetensors by default.")
    ] = None,
    weights: WeightsOption = "auto",
    exemplars: ExemplarsOption = 10,
    device: DeviceOption = "cpu",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Make your own scored dives the exemplars, and measure what their films add to the mean of their scores.

    Each dive is predicted from the others. `stagescore score --bank FILE` then prints that error with every score.
    """
    from stagescore.data.csv_labels import load
    from stagescore.scoring.bank_fitting import fit_bank as fit
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out:
        # The films are not opened to count their frames: all that is wrong with the table is told first.
        found = load(labels, lambda path: 1, folder)
        for warning in found.ignored:
            out.warning(warning)
        dives = [dive.with_changes(num_frames=None) for dive in found.manifest]
        scorer = Scorer.load(weights, None, device, weights_dir)
        with out.progress() as progress:
            fitted = fit(scorer, dives, exemplars=exemplars, folder=folder, progress=progress)
        path = folder / "bank.safetensors" if out_path is None else out_path
        fitted.save(path)
        _say(out, fitted, path)


def _say(out: Output, fitted: "FittedBank", path: Path) -> None:
    """What came out of the fit, and where it is."""
    known = fitted.fit.validation
    out.document(
        {
            "bank": str(path),
            "validated": known.film_counts,
            "film_adds": known.gain_words,
            **known.model_dump(),
            "left_out": fitted.left_out,
            "same_dives": [
                {"first": copy.first, "second": copy.second, "how": copy.how} for copy in fitted.copies
            ],
            "dives": [
                {"dive": film, "score": true, "predicted": predicted}
                for film, (true, predicted) in fitted.predictions.items()
            ],
        }
    )
    for film, why in fitted.left_out.items():
        out.warning(f"{film} is left out: {why}")
    for copy in fitted.copies:
        out.warning(f"{copy.words}; neither is used to predict the other")
    out.table(
        "Each dive predicted from the others",
        ("film", "score", "predicted"),
        [
            (film, rounded(true, 2), rounded(predicted, 2))
            for film, (true, predicted) in fitted.predictions.items()
        ],
    )
    error = f"mean absolute error {known.mean_absolute_error:.2f} points"
    if known.error_interval is not None:
        error += f" (95 % interval {known.error_interval[0]:.2f} to {known.error_interval[1]:.2f})"
    out.text(f"{known.num_dives} dives, {error}, slope {known.slope:.2f}")
    for gain in known.gains:
        out.text(
            f"the {gain.over}, without any film: mean absolute error {gain.mean_absolute_error:.2f} points"
        )
    if not fitted.fit.score_intervals:
        out.text("scores get no interval: that needs nine dives or more")
    elif known.coverage is not None and known.coverage_interval is not None:
        low, high = known.coverage_interval
        out.text(
            f"intervals of 90 % held {known.coverage:.0%} of the dives (95 % interval {low:.0%} to {high:.0%})"
        )
    if known.film_counts:
        out.text(known.gain_words)
    else:
        out.warning(known.gain_words)
    out.text(f"written: {path}")
