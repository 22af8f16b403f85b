"""The nouns that travel inside the model: what encoding, pooling and comparing hand on.

Apart from `types.py` so that commands without a network do not wait for PyTorch. All tensors are
batched; the axis words are those of the method: dives, frames, stages, steps, width, pairs.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from stagescore.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What the encoders say of each dive, frame by frame (paper, section III-B).

    Attributes:
        static: appearance of single frames (eq. 2), or None where the branch is off.
        dynamic: motion (eq. 3), or None.
        skeleton: hierarchical pose features (eq. 4 and 5), or None.
    """

    static: Float[Tensor, "dives frames static_width"] | None = None
    dynamic: Float[Tensor, "dives frames dynamic_width"] | None = None
    skeleton: Float[Tensor, "dives frames skeleton_width"] | None = None

    def __post_init__(self) -> None:
        sizes = {tuple(x.shape[:2]) for x in (self.static, self.dynamic, self.skeleton) if x is not None}
        if len(sizes) != 1:
            raise DataError(
                f"feature branches have (dives, frames) {sorted(sizes)}",
                todo="give at least one branch, all with the same dives and frames",
            )

    @property
    def num_dives(self) -> int:
        """Dives of the batch."""
        return self._any.shape[0]

    @property
    def num_frames(self) -> int:
        """Frames of each dive."""
        return self._any.shape[1]

    @property
    def _any(self) -> Tensor:
        return next(x for x in (self.static, self.dynamic, self.skeleton) if x is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFeatures:
    """Features pooled to a fixed number of steps a stage (method, section 3).

    Attributes:
        fused: motion guided by pose, or None where the branch is off.
        static: appearance, or None.
    """

    fused: Float[Tensor, "dives stages steps fused_width"] | None = None
    static: Float[Tensor, "dives stages steps static_width"] | None = None

    def __post_init__(self) -> None:
        sizes = {tuple(x.shape[:3]) for x in (self.fused, self.static) if x is not None}
        if len(sizes) != 1:
            raise DataError(
                f"stage features have (dives, stages, steps) {sorted(sizes)}",
                todo="give at least one branch, both with the same dives, stages and steps",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Predicted differences of score, query minus exemplar, in points (eq. 1, 19 and 20).

    Attributes:
        delta: the difference of each pair.
        stage_deltas: its parts, already weighted, so that they add up to `delta` over branches and
            stages; the last axis is (fused, static) or the one branch there is.
    """

    delta: Float[Tensor, "pairs"]
    stage_deltas: Float[Tensor, "pairs stages branches"]

    def __post_init__(self) -> None:
        if self.stage_deltas.shape[0] != self.delta.shape[0]:
            raise DataError(
                f"{self.delta.shape[0]} differences with parts for {self.stage_deltas.shape[0]} pairs",
                todo="give the parts of every pair",
            )
