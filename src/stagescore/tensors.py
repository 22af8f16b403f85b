"""The nouns that travel inside the model: what encoding, pooling and comparing hand on.

Apart from `types.py` so that commands without a network do not wait for PyTorch. All tensors are
batched; the axis words are those of the method: dives, frames, stages, steps, width, pairs.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from stagescore.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveInputs:
    """Frames and joints of some dives: the input of `encode`.

    Attributes:
        frames: RGB frames, 0 to 255, or None where no dive has a video; three channels or, where the whole frame
            stands beside a window around the diver, six. Each encoder brings them to its own range.
        joints: Joints: x and y in heights of the picture with the origin at its middle (x right, y down), then
            confidence, 0 to 1; unknown joints are (0, 0, 0). None where no dive has a skeleton.
        has_video: Whether the frames of each dive are to be used; its rows of `frames` are ignored otherwise.
        has_skeleton: Whether the joints of each dive are to be used.
    """

    frames: UInt8[Tensor, "dives frames channels height width"] | None = None
    joints: Float[Tensor, "dives frames joints 3"] | None = None
    has_video: Bool[Tensor, " dives"]
    has_skeleton: Bool[Tensor, " dives"]

    def __post_init__(self) -> None:
        _need_a_modality(self.has_video, self.has_skeleton)
        for given, wanted, name in (
            (self.frames, self.has_video, "frames"),
            (self.joints, self.has_skeleton, "joints"),
        ):
            if given is None and bool(wanted.any()):
                raise DataError(f"dives are said to have {name}, and none are given", todo=f"give {name}")

    def to(self, device: torch.device | str) -> "DiveInputs":
        """The same batch on a device."""
        return DiveInputs(
            frames=None if self.frames is None else self.frames.to(device, non_blocking=True),
            joints=None if self.joints is None else self.joints.to(device, non_blocking=True),
            has_video=self.has_video.to(device),
            has_skeleton=self.has_skeleton.to(device),
        )

    def masked(self, *, video: Bool[Tensor, " dives"], skeleton: Bool[Tensor, " dives"]) -> "DiveInputs":
        """The same dives with fewer modalities: a dive keeps what it has and the masks allow.

        Args:
            video: Whether each dive may keep its video.
            skeleton: Whether each dive may keep its skeleton.

        Raises:
            DataError: A dive would be left with neither.
        """
        return replace(self, has_video=self.has_video & video, has_skeleton=self.has_skeleton & skeleton)


def _need_a_modality(has_video: Tensor, has_skeleton: Tensor) -> None:
    neither = ~(has_video | has_skeleton)
    if bool(neither.any()):
        raise DataError(
            f"dive {int(neither.nonzero()[0])} of the batch has neither video nor skeleton",
            todo="give each dive frames, joints, or both",
        )


TensorsT = TypeVar("TensorsT", bound="NamedTensors")


class NamedTensors:
    """Some tensors of the same dives, each with a row for every dive: the fields of a dataclass, None where there is none.

    What a model's encoders say and what it compares are such nouns, so that caches, banks and votes need not know
    which model they are of.
    """

    __slots__ = ()

    def named(self) -> dict[str, Tensor]:
        """The tensors that are there, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if value is not None}

    @property
    def num_dives(self) -> int:
        """Number of dives."""
        return len(next(iter(self.named().values())))

    def select(self: TensorsT, dives: Int[Tensor, " pairs"]) -> TensorsT:
        """Some dives, in the order given; the same one may stand more than once."""
        return type(self)(**{name: value[dives] for name, value in self.named().items()})

    def to(self: TensorsT, device: torch.device | str) -> TensorsT:
        """The same on a device."""
        return type(self)(**{name: value.to(device) for name, value in self.named().items()})

    @classmethod
    def join(cls: type[TensorsT], parts: Sequence[TensorsT]) -> TensorsT:
        """The dives of several batches, one after the other; rows of dives that lack a tensor are zeros, as of the encoders."""
        named = [part.named() for part in parts]
        like = {name: value for one in named for name, value in one.items()}

        def rows(part: TensorsT, one: dict[str, Tensor], name: str) -> Tensor:
            return one[name] if name in one else like[name].new_zeros(part.num_dives, *like[name].shape[1:])

        return cls(
            **{
                name: torch.cat([rows(part, one, name) for part, one in zip(parts, named, strict=True)])
                for name in like
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Features(NamedTensors):
    """What the encoders say of each dive, frame by frame (paper, section III-B).

    Attributes:
        static: Appearance of single frames (eq. 2), or None where the branch is off.
        dynamic: Motion (eq. 3), or None where the branch is off.
        skeleton: Hierarchical pose features (eq. 4 and 5), or None where the branch is off.
        number_logits: Logits of the attributes of each dive's number (`models.recognition`), or None; zeros without a
            video.
        has_video: Whether the static and dynamic rows of each dive mean something.
        has_skeleton: Whether the skeleton rows of each dive mean something.
    """

    static: Float[Tensor, "dives frames static_width"] | None = None
    dynamic: Float[Tensor, "dives frames dynamic_width"] | None = None
    skeleton: Float[Tensor, "dives frames skeleton_width"] | None = None
    number_logits: Float[Tensor, "dives classes"] | None = None
    has_video: Bool[Tensor, " dives"]
    has_skeleton: Bool[Tensor, " dives"]

    def __post_init__(self) -> None:
        sizes = {tuple(x.shape[:2]) for x in (self.static, self.dynamic, self.skeleton) if x is not None}
        if len(sizes) != 1:
            raise DataError(
                f"feature branches have (dives, frames) {sorted(sizes)}",
                todo="give at least one branch, all with the same dives and frames",
            )
        _need_a_modality(self.has_video, self.has_skeleton)

    @property
    def num_frames(self) -> int:
        """Frames of each dive."""
        return self._any.shape[1]

    @property
    def _any(self) -> Tensor:
        return next(x for x in (self.static, self.dynamic, self.skeleton) if x is not None)

    def masked(self, *, video: Tensor, skeleton: Tensor) -> "Features":
        """The same features with fewer modalities: a dive keeps what it has and the masks allow.

        Args:
            video: Whether each dive may keep its video.
            skeleton: Whether each dive may keep its skeleton.

        Raises:
            DataError: A dive would be left with neither.
        """
        return replace(self, has_video=self.has_video & video, has_skeleton=self.has_skeleton & skeleton)


class Representation(NamedTensors):
    """What a model compares of dives, and what a bank keeps of exemplars."""

    __slots__ = ()

    @property
    @abstractmethod
    def described(self) -> Float[Tensor, "dives width"]:
        """One vector of each dive, by which films like the training films are told from others."""


RepresentationT = TypeVar("RepresentationT", bound=Representation)


def joined(parts: Sequence[RepresentationT]) -> RepresentationT:
    """The dives of several batches of one kind, one after the other."""
    return type(parts[0]).join(parts)


def number_logits_of(representation: Representation) -> Tensor | None:
    """Logits of the attributes of each dive's number; None of a model that recognises none."""
    return representation.named().get("number_logits")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipVectors(Representation):
    """One vector of each dive, the mean over its clips.

    Attributes:
        vectors: One vector per dive.
    """

    vectors: Float[Tensor, "dives width"]

    @property
    def described(self) -> Float[Tensor, "dives width"]:
        """The vectors themselves."""
        return self.vectors.float()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFeatures(Representation):
    """Features pooled to a fixed number of steps a stage (method, section 3).

    Attributes:
        fused: Motion guided by pose, or None where the branch is off.
        static: Appearance of single frames, or None where the branch is off.
        has_fused: Whether the fused features of each dive are to be used, where some are not: they lack the skeleton
            that these features are made of as well. None: all of them.
        number_logits: Logits of the attributes of each dive's number (`models.recognition`); None where nobody asks for
            them.
    """

    fused: Float[Tensor, "dives stages steps fused_width"] | None = None
    static: Float[Tensor, "dives stages steps static_width"] | None = None
    has_fused: Bool[Tensor, " dives"] | None = None
    number_logits: Float[Tensor, "dives classes"] | None = None

    def __post_init__(self) -> None:
        sizes = {tuple(x.shape[:3]) for x in (self.fused, self.static) if x is not None}
        if len(sizes) != 1:
            raise DataError(
                f"stage features have (dives, stages, steps) {sorted(sizes)}",
                todo="give at least one branch, both with the same dives, stages and steps",
            )

    @classmethod
    def join(cls, parts: Sequence["StageFeatures"]) -> "StageFeatures":
        """See `NamedTensors.join`; where some dives lack fused features the others are said to have them."""
        if any(part.has_fused is not None for part in parts):
            parts = [replace(part, has_fused=part.uses_fused) for part in parts]
        return super(StageFeatures, cls).join(parts)

    @property
    def described(self) -> Float[Tensor, "dives width"]:
        """The appearance of each stage, or its motion where there is no appearance, as one vector."""
        features = self.fused if self.static is None else self.static
        if features is None:
            raise DataError("stage features without a branch", todo="give at least one")
        return features.float().mean(dim=2).flatten(1)

    @property
    def uses_fused(self) -> Bool[Tensor, " dives"]:
        """`has_fused`, written out."""
        if self.has_fused is not None:
            return self.has_fused
        known = next(x for x in (self.fused, self.static) if x is not None)
        return torch.ones(self.num_dives, dtype=torch.bool, device=known.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDistribution(NamedTensors):
    """How probable each score of some dives is, in the unit that is predicted: points, or execution.

    Attributes:
        values: Centres of the bins of each dive: two or more, increasing, evenly spaced.
        probabilities: Probability of each bin; those of a dive add up to 1.
        chosen: Value that the model takes for the score, such as the mean or the likeliest bin.
    """

    values: Float[Tensor, "dives bins"]
    probabilities: Float[Tensor, "dives bins"]
    chosen: Float[Tensor, " dives"]

    def __post_init__(self) -> None:
        if self.values.shape != self.probabilities.shape or self.values.shape[1] < 2:
            raise DataError(
                f"{self.values.shape[1]} bins with {self.probabilities.shape[1]} probabilities",
                todo="give two bins or more, and a probability for each",
            )

    @classmethod
    def mean_of(cls, views: Sequence["ScoreDistribution"]) -> "ScoreDistribution":
        """The mean of several distributions of the same dives over the same bins, and of what is taken for the score."""
        return cls(
            values=views[0].values,
            probabilities=torch.stack([one.probabilities for one in views]).mean(dim=0),
            chosen=torch.stack([one.chosen for one in views]).mean(dim=0),
        )

    @property
    def mean(self) -> Float[Tensor, " dives"]:
        """Mean of each dive's distribution."""
        return (self.probabilities * self.values).sum(dim=1)

    @property
    def sd(self) -> Float[Tensor, " dives"]:
        """Standard deviation of each dive's distribution."""
        away = self.values - self.mean[:, None]
        return (self.probabilities * away.square()).sum(dim=1).sqrt()

    def quantile(self, share: float) -> Float[Tensor, " dives"]:
        """Value below which a share of each distribution lies; a bin's probability is spread evenly over its width.

        Args:
            share: Share, from 0 to 1.

        >>> even = ScoreDistribution(values=torch.tensor([[1.0, 2.0]]), probabilities=torch.full((1, 2), 0.5), chosen=torch.ones(1))
        >>> even.quantile(0.25), even.quantile(1.0)
        (tensor([1.]), tensor([2.5000]))
        """
        width = self.values[:, 1] - self.values[:, 0]
        below = torch.cat([torch.zeros_like(width)[:, None], self.probabilities.cumsum(dim=1)], dim=1)
        wanted = torch.full_like(width, share).minimum(below[:, -1])[:, None]
        bin_of = (torch.searchsorted(below[:, 1:].contiguous(), wanted)).clamp(max=self.values.shape[1] - 1)
        first, start, inside = (
            one.gather(1, bin_of)[:, 0] for one in (self.values, below[:, :-1], self.probabilities)
        )
        return first + width * ((wanted[:, 0] - start) / inside.clamp(min=1e-12) - 0.5)

    def interval(self, level: float) -> Float[Tensor, "dives 2"]:
        """Lowest and highest value of the middle of each distribution.

        Args:
            level: Share of the distribution that lies inside.
        """
        tail = (1.0 - level) / 2.0
        return torch.stack([self.quantile(tail), self.quantile(1.0 - tail)], dim=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Predicted differences of score, query minus exemplar, in points (eq. 1, 19 and 20).

    Attributes:
        delta: Difference of each pair, in points.
        stage_deltas: Parts of the difference, already weighted, so that they add up to `delta` over branches and
            stages; the last axis is (fused, static) or the one branch there is.
    """

    delta: Float[Tensor, " pairs"]
    stage_deltas: Float[Tensor, "pairs stages branches"]

    def __post_init__(self) -> None:
        if self.stage_deltas.shape[0] != self.delta.shape[0]:
            raise DataError(
                f"{self.delta.shape[0]} differences with parts for {self.stage_deltas.shape[0]} pairs",
                todo="give the parts of every pair",
            )


REPRESENTATIONS: dict[str, type[Representation]] = {
    "stage features": StageFeatures,
    "clip vectors": ClipVectors,
}
"""Kinds of representations by the name that files of banks have for them."""
