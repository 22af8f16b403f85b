"""Where training and evaluation take dives from: their frames and joints, or what frozen encoders said of them.

Both kinds give the same thing for the same dives, views and weights, so that heads trained on cached features
are the heads that would have been trained on live ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

from stagescore.data.preprocessing import Augmentation, View, view_of
from stagescore.data.samples import SampleBatch, Samples
from stagescore.hashing import hash_u64
from stagescore.tensors import DiveBatch, Features
from stagescore.types import Dive


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledDives:
    """Some dives as a model sees them, with their labels.

    Attributes:
        seen: frames and joints, or features.
        edges: edges of take-off, flight and entry; anything where `has_edges` is False.
        has_edges: dives whose stages are labelled.
        scores: points.
        difficulties: NaN where unknown.
        numbers: attributes of the dive numbers as class indices (`NumberClasses`); -1 where unknown.
    """

    seen: DiveBatch | Features
    edges: Int[Tensor, "dives 4"]
    has_edges: Bool[Tensor, "dives"]
    scores: Float[Tensor, "dives"]
    difficulties: Float[Tensor, "dives"]
    numbers: Int[Tensor, "dives 5"]


@runtime_checkable
class DiveSource(Protocol):
    """Gives labelled dives by id."""

    @property
    def dives(self) -> dict[str, Dive]:
        """All dives there are."""
        ...

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> LabelledDives:
        """Dives as an epoch of training sees them."""
        ...

    def plain(self, dive_ids: Sequence[str]) -> LabelledDives:
        """Dives as evaluation sees them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Which views of a dive an epoch sees.

    Attributes:
        seed: of the hashes.
        augmentation: what may change from view to view.
        num: different views of a dive, the first being the plain one; None for new ones every epoch.
    """

    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    num: int | None = None

    def view(self, number: int, dive_id: str) -> View:
        """The view with a number; where views are counted, number 0 is the plain one."""
        if self.num is not None and number == 0:
            return View.plain()
        return view_of(self.seed, number, dive_id, self.augmentation)

    def number(self, epoch: int, dive_id: str) -> int:
        """Which view of a dive an epoch sees."""
        return epoch if self.num is None else hash_u64(self.seed, "which view", epoch, dive_id) % self.num


class LiveSource:
    """Frames and joints, from stored clips."""

    def __init__(self, samples: Samples, views: Views) -> None:
        self.samples = samples
        self.views = views

    @property
    def dives(self) -> dict[str, Dive]:
        """All dives there are."""
        return self.samples.dives

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> LabelledDives:
        """Dives as an epoch of training sees them."""
        numbers = [self.views.number(epoch, dive_id) for dive_id in dive_ids]
        return self.viewed(dive_ids, numbers)

    def viewed(self, dive_ids: Sequence[str], numbers: Sequence[int]) -> LabelledDives:
        """Dives in the views with these numbers."""
        views = [self.views.view(n, dive_id) for n, dive_id in zip(numbers, dive_ids, strict=True)]
        return labelled(self.samples.batch(dive_ids, views))

    def plain(self, dive_ids: Sequence[str]) -> LabelledDives:
        """Dives as evaluation sees them."""
        return labelled(self.samples.batch(dive_ids))


def labelled(batch: SampleBatch) -> LabelledDives:
    """A batch of samples as a model reads it."""
    return LabelledDives(
        seen=batch.dives,
        edges=batch.edges,
        has_edges=batch.has_stages,
        scores=batch.score,
        difficulties=batch.difficulty,
        numbers=batch.dive_number,
    )


def keep_modalities(
    seen: DiveBatch | Features, *, video: Bool[Tensor, "dives"], skeleton: Bool[Tensor, "dives"]
) -> DiveBatch | Features:
    """The same dives with fewer modalities; a dive keeps what it has and the masks allow."""
    if isinstance(seen, Features):
        return seen.masked(video=video, skeleton=skeleton)
    return DiveBatch(
        frames=seen.frames,
        joints=seen.joints,
        has_video=seen.has_video & video,
        has_skeleton=seen.has_skeleton & skeleton,
    )
