"""Settings of USDL. Defaults are the published ones for MTL-AQA (docs/fidelity.md) but for the readout."""

from typing import Literal

from pydantic import Field, model_validator

from stagescore.models.base_settings import BaseModelSettings
from stagescore.models.encoder_settings import DynamicSettings
from stagescore.models.encoders import Branch
from stagescore.segmentation.stages import StageCut

Readout = Literal["expectation", "argmax"]
"""What is taken for the score: the mean of the distribution, or its likeliest bin."""


class USDLSettings(BaseModelSettings):
    """A whole USDL.

    Attributes:
        name: Name of the model (`models.BUILDERS`).
        dynamic: Settings of the video network that gives a vector of each clip.
        highest: Value of the last bin, in the unit that is predicted: 104.5 for points, 30 for execution. The first bin
            is 0.
        bins: Number of bins, K.
        sigma: Standard deviation of the target, in bins.
        widths: Widths of the hidden layers of the head.
        readout: What is taken for the score: `expectation` (the mean of the distribution), or `argmax` (its likeliest
            bin, as published), which gives many dives the same score.
        loss_per_bin: Whether the divergence is divided by the number of bins as well as by the number of dives, as the
            official code does; without that the loss is K times as large, and so is the learning rate in effect.
    """

    name: Literal["usdl"]
    dynamic: DynamicSettings = DynamicSettings(mixed=False)
    highest: float = Field(default=104.5, gt=0)
    bins: int = Field(default=101, ge=2, le=10_000)
    sigma: float = Field(default=5.0, gt=0)
    widths: tuple[int, ...] = (256, 128)
    readout: Readout = "expectation"
    loss_per_bin: bool = True

    @property
    def branches(self) -> tuple[Branch, ...]:
        """See `BaseModelSettings.branches`."""
        return ("dynamic",)

    @property
    def compares(self) -> bool:
        """See `BaseModelSettings.compares`."""
        return False

    @property
    def cut(self) -> StageCut:
        """See `BaseModelSettings.cut`: a dive is one stage."""
        return "1"

    @model_validator(mode="after")
    def _fits(self) -> "USDLSettings":
        if not self.dynamic.on or self.dynamic.mixed:
            raise ValueError(
                "USDL reads one vector of each clip: set model.dynamic.on=true and model.dynamic.mixed=false"
            )
        return self
