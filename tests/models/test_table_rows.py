"""Every row of the paper's tables is reachable by configuration alone, with every preset, as docs/fidelity.md says."""

import re
from pathlib import Path

import pytest
import torch

from stagescore.config import load_config
from stagescore.models import build
from stagescore.training.assembly.model import make_objective
from stagescore.training.assembly.optimiser import make_adam
from stagescore.training.settings import TrainSettings

ROOT = Path(__file__).resolve().parents[2]
PRESETS = ("paper", "paper-mtl-aqa", "release", "nano")


def rows() -> list[str]:
    """The keys of the table."""
    text = (ROOT / "docs" / "fidelity.md").read_text()
    table = text[text.index("| row | keys |") :].split("\n\n")[0]
    return [found[1] for line in table.splitlines() if (found := re.search(r"\| `(.+)` \|$", line))]


def test_all_tables_are_there() -> None:
    text = (ROOT / "docs" / "fidelity.md").read_text()
    assert all(f"\n| {table} " in text for table in ("IV", "V", "VI", "VII", "VIII", "IX"))
    assert len(rows()) == 30


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.slow
def test_every_row_is_built_and_can_be_trained(preset: str) -> None:
    plain = load_config(TrainSettings, preset)
    changed = 0
    for keys in rows():
        settings = load_config(TrainSettings, preset, keys.split())
        with torch.device("meta"):  # shapes without numbers: the real sizes, at once
            model = build(settings.model)
        make_objective(model, settings.objective)
        optimiser = make_adam(
            model, settings.optimiser, factors=model.parameter_groups(settings.optimiser.factors)
        )
        trained = sum(len(group["params"]) for group in optimiser.param_groups)
        assert trained == len(list(model.parameters())), keys
        on = {name for name, encoder in model.encoders.named_children() if encoder is not None}
        assert on == set(settings.model.branches), keys
        assert model.segmentation.reads in on, keys
        assert (model.stand_ins is not None) == (
            settings.model.stand_ins and len(on) > 1 and "skeleton" in on
        )
        changed += settings != plain
    assert changed >= 24  # each preset is some of the rows itself
