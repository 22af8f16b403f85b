"""`stagescore data` as tests call it, and labels that are not consistent."""

import json

import numpy as np
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.data import finediving

FINE = finediving.FINE

KEYS = (
    "dives train test overlap dive_numbers score_range transitions judging_errors unchecked "
    "difficulty_disagreements label_disagreements cross_dataset_overlap"
).split()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(result):
    """Standard output as the one JSON document that it must be."""
    return json.loads(result.stdout)


def check(source, folder, *options):
    return run("data", "check", source, "--annotations", folder, *options)


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def import_(folder, out, *options, source="finediving"):
    return run("data", "import", source, "--annotations", folder, "--out", out, *options)


INCONSISTENT = {
    "judging": lambda t: [t[name][("01", 1)].__setitem__(key, 50.0) for name, key in ((FINE, 1), (finediving.FINE_NAMED, "dive_score"))],
    "minus one": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([-1, 34])),
    "not increasing": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([34, 2])),
    "outside": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([2, 84])),
    "both splits": lambda t: t["train_split.pkl"].append(("01", 1)),
    "files disagree": lambda t: t[finediving.COARSE][("01", 1)].update(difficulty=3.3),
}  # fmt: skip
