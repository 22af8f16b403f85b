"""Settings of a model by its name."""

from stagescore.models.hp_mcore.settings import HPMCoReSettings

ModelSettings = HPMCoReSettings
"""Settings of any model."""
