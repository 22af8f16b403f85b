"""Settings of CoRe. Defaults are the published ones for MTL-AQA with the degree of difficulty (docs/fidelity.md)."""

from typing import Literal

from pydantic import Field, model_validator

from stagescore.models.base_settings import BaseModelSettings
from stagescore.models.encoder_settings import DynamicSettings
from stagescore.models.encoders import Branch
from stagescore.segmentation.stages import StageCut


class CoReSettings(BaseModelSettings):
    """A whole CoRe.

    Attributes:
        name: Name of the model (`models.BUILDERS`).
        dynamic: Settings of the video network that gives a vector of each clip.
        theta: Largest difference of two dives, in the unit that is predicted: 30 for execution, 100 or more for points.
        depth: Number of levels of the regression tree, that of the leaves included.
        width: Number of features of a node.
    """

    name: Literal["core"]
    dynamic: DynamicSettings = DynamicSettings(mixed=False)
    theta: float = Field(default=30.0, gt=0)
    depth: int = Field(default=5, ge=2, le=10)
    width: int = Field(default=256, ge=1)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """See `BaseModelSettings.branches`."""
        return ("dynamic",)

    @property
    def cut(self) -> StageCut:
        """See `BaseModelSettings.cut`: a dive is one stage."""
        return "1"

    @model_validator(mode="after")
    def _fits(self) -> "CoReSettings":
        if not self.dynamic.on or self.dynamic.mixed:
            raise ValueError(
                "CoRe reads one vector of each clip: set model.dynamic.on=true and model.dynamic.mixed=false"
            )
        return self
