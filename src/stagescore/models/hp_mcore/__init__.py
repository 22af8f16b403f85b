"""HP-MCoRe: hierarchical pose-guided multi-stage contrastive regression (arXiv 2501.03674)."""

from stagescore.models.hp_mcore.build import build_hp_mcore
from stagescore.models.hp_mcore.model import HPMCoRe
from stagescore.models.hp_mcore.settings import HPMCoReSettings

__all__ = ["HPMCoRe", "HPMCoReSettings", "build_hp_mcore"]
