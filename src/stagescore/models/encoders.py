"""Static, dynamic and skeletal encoders side by side, as models share them."""

from typing import Literal

from torch import Tensor, nn

from stagescore.encoders.static import StaticEncoder
from stagescore.errors import ConfigError
from stagescore.models.recognition import NumberRecognition
from stagescore.tensors import DiveBatch, Features

Branch = Literal["static", "dynamic", "skeleton"]


class Encoders(nn.Module):
    """Static, dynamic and skeletal encoders, each seeing a dive once (paper, section III-B)."""

    def __init__(
        self,
        *,
        static: StaticEncoder | None = None,
        dynamic: nn.Module | None = None,
        skeleton: nn.Module | None = None,
        numbers: NumberRecognition | None = None,
    ) -> None:
        """Put the encoders together.

        Args:
            static: what single frames look like; None where the branch is off, as for the others.
            dynamic: how they move.
            skeleton: how the joints move.
            numbers: which dive number it is, from what the static encoder sees of each frame; None for a model that does
                not recognise it.

        Raises:
            ConfigError: numbers are to be recognised without a static encoder.
        """
        super().__init__()
        if numbers is not None and static is None:
            raise ConfigError(
                "the dive number is read from the static branch, which is off",
                todo="set model.static.on=true or model.recognition.on=false",
            )
        self.static = static
        self.dynamic = dynamic
        self.skeleton = skeleton
        self.numbers = numbers

    def forward(self, dives: DiveBatch) -> Features:
        """Encode a batch; rows of dives without the modality are zeros.

        Raises:
            DataError: no branch of the model finds anything to read.
        """
        frames, joints = dives.frames, dives.joints
        static, number_logits = self._static(frames, dives.has_video)
        return Features(
            static=static,
            number_logits=number_logits,
            dynamic=_seen(self.dynamic, frames, dives.has_video),
            skeleton=_seen(self.skeleton, joints, dives.has_skeleton),
            has_video=dives.has_video,
            has_skeleton=dives.has_skeleton,
        )

    def _static(self, frames: Tensor | None, known: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Static features and logits of the dive number."""
        if self.numbers is None or self.static is None:
            return _seen(self.static, frames, known), None
        if frames is None or not bool(known.any()):
            return None, None
        vectors, described = self.static.with_descriptions(_of_known(frames, known))
        return _in_rows(vectors, known), _in_rows(self.numbers(described), known)


def _seen(encoder: nn.Module | None, given: Tensor | None, known: Tensor) -> Tensor | None:
    if encoder is None or given is None or not bool(known.any()):
        return None
    return _in_rows(encoder(_of_known(given, known)), known)


def _of_known(given: Tensor, known: Tensor) -> Tensor:
    return given if bool(known.all()) else given[known]


def _in_rows(some: Tensor, known: Tensor) -> Tensor:
    """A row for each dive, zeros for those that have nothing."""
    if bool(known.all()):
        return some
    return some.new_zeros(len(known), *some.shape[1:]).index_put((known.nonzero()[:, 0],), some)
