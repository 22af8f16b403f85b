"""The model of a run, from its settings and a seed, and its losses."""

import pytest
import tiny_runs
import torch

from stagescore.losses.contrast import info_nce, stage_contrast, triplet
from stagescore.models.core import CoReSettings
from stagescore.training.assembly.model import make_model, make_objective
from stagescore.training.settings import LossWeights, ObjectiveSettings

TINY = tiny_runs.settings().model


def test_the_seed_alone_decides_the_weights() -> None:
    torch.manual_seed(1)
    first, after = make_model(TINY, seed=3).state_dict(), torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)  # nobody else's random numbers change
    second = make_model(TINY, seed=3).state_dict()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    other = make_model(TINY, seed=4).state_dict()
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


@pytest.mark.parametrize(
    ("name", "loss"), [("stage", stage_contrast), ("info-nce", info_nce), ("triplet", triplet)]
)
def test_the_objective_contrasts_as_asked(name: str, loss: object) -> None:
    functions = make_objective(
        make_model(TINY, seed=0), ObjectiveSettings(contrast=name, margin=0.7, temperature=0.2)
    ).functions
    assert functions.contrast.func is loss
    wanted = {"margin": 0.7} if name == "triplet" else {"temperature": 0.2}
    assert functions.contrast.keywords.items() >= wanted.items()


def test_a_model_gets_the_weights_of_its_own_losses() -> None:
    settings = ObjectiveSettings(weights=LossWeights(score=0.5, leaf=3.0, place=2.0))
    assert make_objective(make_model(TINY, seed=0), settings).weights["score"] == 0.5
    core = CoReSettings(name="core", dynamic={"trunk": "small", "widths": (8, 8, 8, 8), "mixed": False})
    assert make_objective(make_model(core, seed=0), settings).weights == {"leaf": 3.0, "place": 2.0}
