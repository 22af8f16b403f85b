"""Models by name. Each builder takes settings and gives a module with random weights."""

from collections.abc import Callable

from stagescore.models.base import ActionModel
from stagescore.models.hp_mcore import build_hp_mcore
from stagescore.models.settings import ModelSettings

BUILDERS: dict[str, Callable[[ModelSettings], ActionModel]] = {"hp-mcore": build_hp_mcore}


def build(settings: ModelSettings) -> ActionModel:
    """The model that the settings name."""
    return BUILDERS[settings.name](settings)
