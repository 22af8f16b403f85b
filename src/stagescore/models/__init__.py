"""Models by name: a model is a folder here and a line in `BUILDERS` and in `settings.ModelSettings`."""

from collections.abc import Callable
from typing import Any

from stagescore.models.base import ActionModel
from stagescore.models.base_settings import BaseModelSettings
from stagescore.models.core import build_core
from stagescore.models.hp_mcore import build_hp_mcore
from stagescore.models.usdl import build_usdl

BUILDERS: dict[str, Callable[[Any], ActionModel]] = {
    "hp-mcore": build_hp_mcore,
    "core": build_core,
    "usdl": build_usdl,
}
"""Each takes the settings of its model and gives a module with random weights."""


def build(settings: BaseModelSettings) -> ActionModel:
    """The model that the settings name, with random weights and the needs that they declare."""
    model = BUILDERS[settings.name](settings)
    model.needs = settings.needs
    return model
