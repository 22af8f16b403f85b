"""`stagescore data prior`, `difficulties`, `population` and `explain`: the tables that ship, and what they say."""

from pathlib import Path
from typing import Annotated

import typer

from stagescore.cli.output import JsonOption, QuietOption, command_output


def prior(
    manifest: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a manifest.")],
    without: Annotated[
        list[str] | None, typer.Option(help="Leave this event out; may be given several times.")
    ] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the table to this JSON file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive the execution to expect of each dive number, height and sex, from labelled single dives.

    With FineDiving's manifest and `--without 01 --without 02 --without 03` this made the table that ships with the package
    (stagescore/tables/score_prior.json).
    """
    from stagescore.atomic import write_text
    from stagescore.data.manifest import read_manifest
    from stagescore.data.score_prior import ScorePrior

    with command_output(json=json, quiet=quiet) as out:
        left_out = set(without or ())
        fitted = ScorePrior.fit(dive for dive in read_manifest(manifest) if dive.event not in left_out)
        if out_file is not None:
            write_text(out_file, fitted.to_text())
            out.note(f"wrote {out_file}")
        out.document(fitted.as_json())
        out.table(
            "Execution (score / difficulty) to expect",
            ("group", "dives", "mean", "standard deviation"),
            [
                (key or "all dives", group.num, f"{group.mean:.2f}", f"{group.variance**0.5:.2f}")
                for key, group in fitted.groups.items()
            ],
        )


def difficulties(
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    out_file: Annotated[Path | None, typer.Option("--out", help="Write the table to this JSON file.")] = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive the usual difficulty of each dive number and height from FineDiving's individual dives.

    This made the table that ships with the package (stagescore/tables/difficulties.json).
    """
    from stagescore.atomic import write_bytes
    from stagescore.data import finediving
    from stagescore.data.checks import json_bytes
    from stagescore.data.heights import derive_difficulties
    from stagescore.diving import DiveNumber

    with command_output(json=json, quiet=quiet) as out:
        table = derive_difficulties(finediving.load(annotations).manifest.dives)
        rows: dict[str, dict[str, float]] = {}
        for (code, height), value in table.items():
            rows.setdefault(code, {})[f"{height:g}"] = value
        document = {
            "source": "FineDiving, individual dives; derived by `stagescore data difficulties`",
            "difficulties": rows,
        }
        if out_file is not None:
            write_bytes(out_file, json_bytes(document))
            out.note(f"wrote {out_file}")
        out.document(document)
        out.table(
            "Usual degree of difficulty",
            ("dive", "at 3 m", "at 10 m", "in words"),
            [(code, row.get("3"), row.get("10"), str(DiveNumber.parse(code))) for code, row in rows.items()],
        )


def population(
    annotations: Annotated[Path, typer.Option(help="Folder of FineDiving's pickles.")],
    out_file: Annotated[Path, typer.Option("--out", help="Write the table to this JSON file.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Derive what competition dives are like on the whole: frequencies and histograms, no single dive.

    This made the table that `stagescore simulate` draws from (stagescore/tables/dive_population.json).
    """
    from stagescore.atomic import write_bytes
    from stagescore.data import finediving
    from stagescore.simulate.population import derive_population, table_bytes

    with command_output(json=json, quiet=quiet) as out:
        document = derive_population(finediving.load(annotations).manifest.dives)
        write_bytes(out_file, table_bytes(document))
        out.note(f"wrote {out_file}")
        out.document(document)


def explain(
    dive_number: Annotated[str, typer.Argument(help="Such as 5253B.")],
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Say what a dive number means, and its usual difficulty."""
    from stagescore.data.heights import HEIGHTS_M
    from stagescore.diving import DiveNumber, usual_difficulty

    with command_output(json=json, quiet=quiet) as out:
        number = DiveNumber.parse(dive_number)
        usual = {f"{height:g}": usual_difficulty(number.code, height) for height in HEIGHTS_M}
        out.document(
            {
                "code": number.code,
                "words": str(number),
                "group": number.group,
                "half_somersaults": number.half_somersaults,
                "half_twists": number.half_twists,
                "position": number.position,
                "usual_difficulty": usual,
            }
        )
        out.text(f"{number.code}: {number}")
        for height, value in usual.items():
            out.text(f"usual difficulty from {height} m: {'not in the table' if value is None else value}")
