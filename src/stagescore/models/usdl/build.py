"""From settings to a USDL."""

from stagescore.models.build_encoders import build_dynamic
from stagescore.models.encoders import Encoders
from stagescore.models.usdl.model import USDL, TargetDistribution
from stagescore.models.usdl.settings import USDLSettings
from stagescore.regression.mlp_head import mlp_head


def build_usdl(settings: USDLSettings) -> USDL:
    """A USDL with random weights."""
    dynamic = build_dynamic(settings.dynamic, how="clips")
    head = mlp_head(in_width=dynamic.width, widths=settings.widths, out_width=settings.bins)
    target = TargetDistribution(highest=settings.highest, bins=settings.bins, sigma=settings.sigma)
    return USDL(
        encoders=Encoders(dynamic=dynamic),
        head=head,
        target=target,
        readout=settings.readout,
        loss_per_bin=settings.loss_per_bin,
    )
