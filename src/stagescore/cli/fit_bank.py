"""`stagescore fit-bank`: a coach's own scored dives as exemplars."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import DeviceOption, ExemplarsOption, WeightsDirOption, WeightsOption


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
    """Make your own scored dives the exemplars, and measure how well they predict each other.

    Each dive is predicted from the others. `stagescore score --bank FILE` then prints that error with every score.
    """
    from stagescore.data.csv_labels import load
    from stagescore.media.source import open_media
    from stagescore.scoring.bank_fitting import fit_bank as fit
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out:
        found = load(labels, lambda path: open_media(path).num_frames, folder)
        for warning in found.ignored:
            out.warning(warning)
        scorer = Scorer.load(weights, None, device, weights_dir)
        with out.progress() as progress:
            fitted = fit(scorer, list(found.manifest), exemplars=exemplars, progress=progress)
        path = folder / "bank.safetensors" if out_path is None else out_path
        fitted.save(path)
        validation = fitted.fit.validation
        out.document(
            {
                "bank": str(path),
                **validation.model_dump(),
                "left_out": fitted.left_out,
                "dives": [
                    {"dive": dive, "score": true, "predicted": predicted}
                    for dive, (true, predicted) in fitted.predictions.items()
                ],
            }
        )
        for dive, why in fitted.left_out.items():
            out.warning(f"{dive} is left out: {why}")
        out.table(
            "Each dive predicted from the others",
            ("dive", "score", "predicted"),
            [
                (dive, rounded(true, 2), rounded(predicted, 2))
                for dive, (true, predicted) in fitted.predictions.items()
            ],
        )
        out.text(
            f"{validation.num_dives} dives, mean absolute error {validation.mean_absolute_error:.2f} points, "
            f"slope {validation.slope:.2f}"
        )
        out.text(f"written: {path}")
