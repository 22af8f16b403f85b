"""CoRe: group-aware contrastive regression (Yu et al., ICCV 2021)."""

from stagescore.models.core.build import build_core
from stagescore.models.core.model import CoRe
from stagescore.models.core.settings import CoReSettings

__all__ = ["CoRe", "CoReSettings", "build_core"]
