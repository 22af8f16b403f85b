"""`stagescore compare`: two dives, stage by stage."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.cli.score import (
    BankOption,
    DeviceOption,
    NumberOption,
    SizeOption,
    WeightsDirOption,
    WeightsOption,
)
from stagescore.cli.simulate import size_px
from stagescore.report.film_kinds import Align, CompareFilm


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="A film, a folder of images, or an npz of joints.")
    ],
    second: Annotated[
        Path | None,
        typer.Argument(metavar="B", help="Another; the bank's best of the same number by default."),
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="For compare.json, compare.html and the films."),
    ] = None,
    film: Annotated[
        CompareFilm,
        typer.Option(help="compare.mp4 shows both dives beside each other, ghost.mp4 B laid over A."),
    ] = CompareFilm.side_by_side,
    align: Annotated[
        Align,
        typer.Option(help="What lies on each other in ghost.mp4: centres of mass, or points of take-off."),
    ] = Align.centre,
    dive_number: NumberOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Degree of difficulty of both.")] = None,
    height: Annotated[float | None, typer.Option(help="Of board or platform of both, in metres.")] = None,
    size: SizeOption = None,
    weights: WeightsOption = "auto",
    bank: BankOption = None,
    device: DeviceOption = "cpu",
    weights_dir: WeightsDirOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare two dives: difference of points a stage, angles and films on one time base.

    Both films show the same share of the same stage of both dives at a time. Of an exemplar they show the moments that its bank keeps,
    as pictures or as skeletons.
    """
    from stagescore.report.score_files import write_comparison
    from stagescore.scoring.compare import compare_dives, compare_with_best
    from stagescore.scoring.options import ScoreOptions
    from stagescore.scoring.output_folder import claimed_folder
    from stagescore.scoring.scorer import Scorer

    with command_output(json=json, quiet=quiet) as out:
        options = ScoreOptions(
            dive_number=dive_number,
            difficulty=difficulty,
            height_m=height,
            size_px=None if size is None else size_px(size),
        )
        scorer = Scorer.load(weights, bank, device, weights_dir)
        mine = scorer.scored(first, options)
        theirs = None if second is None else scorer.scored(second, options)
        found = compare_with_best(scorer, mine) if theirs is None else compare_dives(scorer, mine, theirs)
        content = found.model_dump(mode="json")
        for seen in (mine,) if theirs is None else (mine, theirs):
            for told in seen.result.warnings:
                out.warning(f"{seen.result.input.path}: {told}")
        if out_dir is not None:
            with claimed_folder(out_dir) as claimed:
                if claimed.path != out_dir:
                    out.note(f"{out_dir} is in use or holds results already; writing to {claimed.path}")
                write_comparison(found, mine, theirs, claimed.path, film=film, align=align)
            content["out"] = str(claimed.path)
        out.document(content)
        other = found.exemplar if found.second is None else found.second.input.path
        out.table(
            f"{first} against {other}: points, the first minus the second",
            ("stage", "difference", *found.branches),
            [
                (stage.name, rounded(stage.difference, 2), *(rounded(part, 2) for part in stage.by_branch))
                for stage in found.stages
            ],
        )
        out.text(f"altogether {found.difference:+.2f} points")
        if out_dir is not None:
            out.text(f"written: {content['out']}")
