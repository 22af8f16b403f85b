"""Static, dynamic and skeletal encoders side by side, as models share them."""

from collections.abc import Mapping
from typing import Literal

from jaxtyping import Float, UInt8
from torch import Tensor, nn

from stagescore.encoders.backbones import ImageBackbone, ImageTrunk
from stagescore.encoders.i3d import I3D
from stagescore.encoders.static import StaticEncoder
from stagescore.errors import ConfigError
from stagescore.models.recognition import NumberRecognition
from stagescore.tensors import DiveInputs, Features

Branch = Literal["static", "dynamic", "skeleton"]
_PARTS = ("static", "dynamic", "skeleton", "numbers")
"""Parts that may be off."""


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
            static: Static encoder, for what single frames look like; None where the branch is off.
            dynamic: Dynamic encoder, for how frames move; None where the branch is off.
            skeleton: Skeletal encoder, for how joints move; None where the branch is off.
            numbers: Head that reads the dive number from what the static encoder sees of each frame; None for a model
                that does not recognise it.

        Raises:
            ConfigError: Numbers are to be recognised without a static encoder.
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

    @property
    def pretrained_parts(self) -> dict[str, nn.Module]:
        """Networks that published weights fit, by the branch that they are in."""
        found: dict[str, nn.Module] = {}
        trunk = None if self.dynamic is None else self.dynamic.trunk
        if isinstance(trunk, I3D):
            found["dynamic"] = trunk
        elif isinstance(trunk, ImageTrunk):
            found["dynamic"] = trunk.backbone
        if self.static is not None and isinstance(self.static.backbone, ImageBackbone):
            found["static"] = self.static.backbone
        return found

    def present(self, factors: Mapping[str, float]) -> dict[str, float]:
        """Factors of the learning rate by module path, without those of branches that are off.

        Args:
            factors: Factor of each module path of a model, such as `encoders.static.backbone`.
        """
        off = {name for name in _PARTS if getattr(self, name) is None}
        return {
            path: factor
            for path, factor in factors.items()
            if not (path.startswith("encoders.") and path.split(".")[1] in off)
        }

    def forward(self, dives: DiveInputs) -> Features:
        """Encode a batch; rows of dives without the modality are zeros.

        Raises:
            DataError: No branch of the model finds anything to read.
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

    def describe_frames(
        self, frames: UInt8[Tensor, "dives frames channels height width"]
    ) -> Float[Tensor, "dives frames described"]:
        """What the static encoder's backbone says of each frame, for the recognition of dive numbers.

        Args:
            frames: Frames of some dives, as `DiveInputs` has them.

        Raises:
            ConfigError: There is no static branch, or one for frames of another number of channels.
        """
        if self.static is None:
            raise ConfigError(
                "the dive number is read from the static branch, which is off",
                todo="set model.static.on=true",
            )
        return self.static.with_descriptions(frames)[1]

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
