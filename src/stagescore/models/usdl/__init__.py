"""USDL: uncertainty-aware score distribution learning (Tang et al., CVPR 2020)."""

from stagescore.models.usdl.build import build_usdl
from stagescore.models.usdl.model import USDL
from stagescore.models.usdl.settings import USDLSettings

__all__ = ["USDL", "USDLSettings", "build_usdl"]
