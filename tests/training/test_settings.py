"""Every shipped preset is a test."""

from importlib.resources import files

import pytest

from stagescore.config import load_config, preset_names
from stagescore.models import build
from stagescore.training.assembly.model import make_objective
from stagescore.training.assembly.optimiser import make_adam
from stagescore.training.settings import PretrainSettings, TrainSettings

POSE = ("pose-small", "pose-hrnet-small", "pose-hrnet-w32", "diver-detector")
TRAINED = ("nano", "nano-tune", "paper", "paper-mtl-aqa", "release", "tower")


def test_all_presets_are_tested_somewhere() -> None:
    assert set(preset_names()) == {*TRAINED, "nano-pretrain", "finediving", "mtl-aqa", *POSE}


@pytest.mark.parametrize("name", TRAINED)
def test_a_preset_builds_model_objective_and_optimiser(name: str) -> None:
    settings = load_config(TrainSettings, name)
    model = build(settings.model)
    objective = make_objective(model, settings.objective)
    beside = {"number"} if name == "tower" else {"contrast_fused"}
    assert set(objective.weights) == {"score", "segmentation", "contrast_static"} | beside
    make_adam(model, settings.optimiser, factors=model.parameter_groups(settings.optimiser.factors))
    if name in ("paper", "paper-mtl-aqa", "release"):
        assert (settings.modality_dropout.video, settings.modality_dropout.skeleton) == (0, 0)


def test_the_released_settings() -> None:
    release = load_config(TrainSettings, "release")
    assert release.model.pooling.steps == 10
    assert release.objective.temperature == 0.1
    assert release.objective.weights.contrast_fused == 10
    assert release.model.regression.layers == 4
    model = build(release.model)
    assert model.encoders.static is not None and model.encoders.static.width == 368


def test_all_three_steps_of_nano_build_the_same_network() -> None:
    pretrained = load_config(PretrainSettings, "nano-pretrain")
    for name in ("nano", "nano-tune"):
        settings = load_config(TrainSettings, name)
        assert settings.model == pretrained.model
        assert settings.data.preprocessing == pretrained.data.preprocessing


def test_the_recipe_in_the_docs_names_presets_that_exist() -> None:
    package = files("stagescore").joinpath("configs")
    for name in ("nano-pretrain", "nano", "nano-tune"):
        text = package.joinpath(f"{name}.yaml").read_text()
        assert f"stagescore {'pretrain' if name == 'nano-pretrain' else 'train'} {name}" in text
