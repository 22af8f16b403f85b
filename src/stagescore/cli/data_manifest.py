"""`stagescore data floors`, `folds`, `stages` and `exemplars`: what a manifest says before any model."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output, rounded
from stagescore.extras import from_extra

FEW_DIVES = 30
"""Figures of fewer dives say little, and are warned about. Set by hand."""

ManifestArgument = Annotated[Path, typer.Argument(help="A manifest, or the folder that `data import` made.")]


def floors(
    manifest: ManifestArgument,
    split: Annotated[str, typer.Option(help="Dives to measure on: test or val.")] = "test",
    plot: Annotated[Path | None, typer.Option(help="Also draw a picture into this PNG file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Print what can be said without a video, and how well judges agree: a model belongs in between."""
    if split not in ("test", "val"):
        raise typer.BadParameter("choose test or val", param_hint="--split")
    from stagescore.data.manifest import read_manifest
    from stagescore.evaluation.floors import floors_and_ceilings

    with command_output(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest)
        found = floors_and_ceilings(dives, "test" if split == "test" else "val")
        if plot is not None:
            from_extra("matplotlib", "the picture of labels")
            from stagescore.figures.labels_figure import write_labels_figure

            write_labels_figure(dives, found, plot)
            out.note(f"drew {plot}")
        fewest = min(bound.num_test for bound in found.bounds)
        if fewest < FEW_DIVES:
            out.warning(f"some figures are of {fewest} dives only, and say little")
        out.document(found.as_json())
        for kind in ("floor", "ceiling"):
            bounds = [bound for bound in found.bounds if bound.kind == kind]
            out.table(
                f"{kind}s, split {found.part}" if kind == "floor" else "ceilings, all labelled dives",
                (
                    "dives",
                    "name",
                    "SRCC",
                    "lowest",
                    "highest",
                    "R-l2 x 100",
                    "AIoU@0.5",
                    "AIoU@0.75",
                    "n",
                ),
                [
                    (
                        b.dives,
                        b.name,
                        rounded(b.srcc, 4),
                        *((rounded(v, 4) for v in b.srcc_range) if b.srcc_range else (None, None)),
                        rounded(b.rl2x100, 3),
                        rounded(b.aiou50, 2),
                        rounded(b.aiou75, 2),
                        b.num_test,
                    )
                    for b in bounds
                ],
            )
        for bound in found.bounds:
            scores = "" if bound.score_range is None else "; scores {:g} to {:g}".format(*bound.score_range)
            learned = f"; learned from {bound.num_train} dives" if bound.num_train else ""
            out.text(f"  {bound.name}, {bound.dives}: {bound.rule}{learned}{scores}")


def folds(
    manifest: ManifestArgument,
    protocol: Annotated[
        str,
        typer.Option(help="'five-fold', 'leave-one-contest-out', 'athlete-disjoint' or 'sealed'."),
    ] = "athlete-disjoint",
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show which training dives are trained on and predicted in each fold of an evaluation protocol.

    Dives of sealed athletes stand in no fold but that of `sealed`.
    """
    from stagescore.data.manifest import read_manifest
    from stagescore.data.protocols import PROTOCOLS, make_folds, sealed_ids

    if protocol not in PROTOCOLS:
        raise typer.BadParameter(f"choose one of {', '.join(PROTOCOLS)}", param_hint="--protocol")
    with command_output(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest).select("train").dives
        sealed = frozenset[str]()
        if all(dive.athlete is not None for dive in dives):
            sealed = sealed_ids(dives)
        else:
            out.warning("athletes are unknown, so no dive is sealed")
        kept = dives if protocol == "sealed" else [dive for dive in dives if dive.dive_id not in sealed]
        found = make_folds(kept, next(p for p in PROTOCOLS if p == protocol))
        athletes = {dive.dive_id: dive.athlete for dive in dives}
        out.document(
            {
                "protocol": protocol,
                "sealed": [dive.dive_id for dive in dives if dive.dive_id in sealed],
                "folds": [{"name": f.name, "train": list(f.train), "test": list(f.test)} for f in found],
            }
        )
        out.table(
            f"{protocol}: {len(kept)} dives, {len(sealed)} sealed",
            ("fold", "train", "test", "athletes tested"),
            [
                (f.name, len(f.train), len(f.test), len({athletes[i] for i in f.test} - {None}) or None)
                for f in found
            ],
        )


def stages(
    manifest: ManifestArgument,
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare UNLV-Dive's stages with FineDiving's labels of the same dives, and fit the map between them again.

    Each pair of flights is moved to where it fits best, since the two clips are cut differently.
    """
    from dataclasses import asdict

    import numpy as np

    from stagescore.data import finediving
    from stagescore.data.manifest import read_manifest
    from stagescore.data.protocols import sealed_ids
    from stagescore.data.unlv_stages import FITTED, agreement, fit_flight_map, labelled_twice

    with command_output(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest).dives
        pairs = labelled_twice(dives, finediving.load(annotations).manifest.dives)
        sealed = sealed_ids([dive for dive in dives if dive.split == "train"])
        rows = []
        for part, chosen in (
            ("fitted to", [p for p in pairs if p[0].split == "train" and p[0].dive_id not in sealed]),
            ("sealed", [p for p in pairs if p[0].dive_id in sealed]),
        ):
            if not chosen:
                continue
            theirs = np.array([float(flight) for _, flight in chosen])
            marks = [dive.hand_marks for dive, _ in chosen]
            ours = {
                "hand marks": [float(mark[2] - mark[0]) for mark in marks],
                "mapped": [float(round(FITTED.flight_frames(mark))) for mark in marks],
            }
            rows += [
                {"dives": part, "stages": name} | asdict(agreement(theirs, np.array(lengths)))
                for name, lengths in ours.items()
            ]
        fitted = [p for p in pairs if p[0].split == "train" and p[0].dive_id not in sealed]
        again = fit_flight_map([dive.hand_marks for dive, _ in fitted], [float(f) for _, f in fitted])
        out.document({"agreement": rows, "map": asdict(FITTED), "fitted_again": asdict(again)})
        out.table(
            "UNLV-Dive's flight against FineDiving's, best shift",
            ("dives", "stages", "n", "length ratio", "AIoU@0.5", "AIoU@0.75", "mean IoU"),
            [tuple(rounded(v, 3) if isinstance(v, float) else v for v in row.values()) for row in rows],
        )
        for name, value in asdict(FITTED).items():
            out.text(f"  {name}: {value:g}, fitted again {asdict(again)[name]:.4f}")


def exemplars(
    manifest: ManifestArgument,
    dive: Annotated[str, typer.Argument(help="The query, <event>/<number>.")],
    protocol: Annotated[str, typer.Option(help="'w/ DN', 'w/o DN' or 'w/ DD'.")] = "w/ DN",
    num: Annotated[int, typer.Option(min=1, help="Exemplars wanted.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the choice.")] = 0,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show which training dives a query is compared with."""
    from typing import get_args

    from stagescore.data.exemplars import Protocol, choose_exemplars
    from stagescore.data.manifest import read_manifest

    if protocol not in get_args(Protocol):
        raise typer.BadParameter(f"choose one of {', '.join(get_args(Protocol))}", param_hint="--protocol")
    with command_output(json=json, quiet=quiet) as out:
        dives = read_manifest(manifest)
        choice = choose_exemplars(
            dives[dive],
            dives.select("train").dives,
            protocol=next(p for p in get_args(Protocol) if p == protocol),
            num=num,
            seed=seed,
        )
        if choice.fallback:
            out.warning(choice.fallback)
        out.document(
            {
                "query": choice.query_id,
                "protocol": choice.protocol,
                "num_candidates": choice.num_candidates,
                "fallback": choice.fallback,
                "exemplars": [d.dive_id for d in choice.exemplars],
            }
        )
        out.table(
            f"{len(choice.exemplars)} of {choice.num_candidates} candidates, {choice.protocol}",
            ("exemplar", "dive number", "difficulty", "score"),
            [(d.dive_id, d.dive_number, d.difficulty, d.score) for d in choice.exemplars],
        )
