"""Settings of any model, told apart by `name`."""

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from stagescore.models.core.settings import CoReSettings
from stagescore.models.hp_mcore.settings import HPMCoReSettings
from stagescore.models.usdl.settings import USDLSettings

DEFAULT = "hp-mcore"
"""Model of settings that name none."""
default_settings = HPMCoReSettings
"""Gives the settings of that model."""


def _name_of(settings: Any) -> str:
    name = settings.get("name", DEFAULT) if isinstance(settings, dict) else getattr(settings, "name", DEFAULT)
    return str(name)


ModelSettings = Annotated[
    Annotated[HPMCoReSettings, Tag("hp-mcore")]
    | Annotated[CoReSettings, Tag("core")]
    | Annotated[USDLSettings, Tag("usdl")],
    Discriminator(_name_of),
]
"""Settings of any model."""
