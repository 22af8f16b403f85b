"""What training, evaluation and scoring ask of the settings of any model."""

from abc import ABC, abstractmethod

from stagescore.config import Config
from stagescore.models.encoders import Branch
from stagescore.models.needs import Input, Needs
from stagescore.segmentation.stages import StageCut
from stagescore.types import Modality


class BaseModelSettings(Config, ABC):
    """Settings of a model; each model has its own, told apart by `name`."""

    name: str

    @property
    @abstractmethod
    def branches(self) -> tuple[Branch, ...]:
        """Branches of the encoders that are on."""

    @property
    def compares(self) -> bool:
        """Whether the model compares with exemplars (`ActionModel.compares`)."""
        return True

    @property
    def reads_video(self) -> bool:
        """Whether the model looks at pictures."""
        return "static" in self.branches or "dynamic" in self.branches

    @property
    def can_miss(self) -> tuple[Modality, ...]:
        """What a dive may lack; none for a model that needs all it reads (`ActionModel.can_miss`)."""
        return ()

    @property
    def needs(self) -> Needs:
        """What data must have for the model; by default what it sees and cannot do without."""
        video: tuple[Input, ...] = ("video",) if self.reads_video else ()
        skeleton: tuple[Input, ...] = ("skeleton",) if "skeleton" in self.branches else ()
        always = frozenset(one for one in (*video, *skeleton) if one not in self.can_miss)
        return Needs(training=always, test=always)

    @property
    def recognises(self) -> bool:
        """Whether the model recognises dive numbers."""
        return False

    @property
    @abstractmethod
    def cut(self) -> StageCut:
        """Into which stages a dive is cut; `1` for a model without stages."""
