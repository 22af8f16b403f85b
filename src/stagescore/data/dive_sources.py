"""Where training and evaluation take dives from: their frames and joints, or what frozen encoders said of them.

Both kinds give the same thing for the same dives, views and weights, so that heads trained on cached features
are the heads that would have been trained on live ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from stagescore.batch import Batch
from stagescore.data.preprocessing import Augmentation, View, view_of
from stagescore.data.samples import Samples
from stagescore.hashing import hash_u64
from stagescore.types import Dive


@runtime_checkable
class DiveSource(Protocol):
    """Gives batches of dives by their ids."""

    @property
    def dives(self) -> dict[str, Dive]:
        """All dives there are."""
        ...

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> Batch:
        """Dives as an epoch of training sees them."""
        ...

    def plain(self, dive_ids: Sequence[str]) -> Batch:
        """Dives as evaluation sees them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Which views of a dive an epoch sees.

    Attributes:
        seed: Seed of the hashes that draw the views.
        augmentation: What may change from view to view.
        num: Number of different views of a dive, the first being the plain one; None for new ones every epoch.
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

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> Batch:
        """Dives as an epoch of training sees them."""
        numbers = [self.views.number(epoch, dive_id) for dive_id in dive_ids]
        return self.viewed(dive_ids, numbers)

    def viewed(self, dive_ids: Sequence[str], numbers: Sequence[int]) -> Batch:
        """Dives in the views with these numbers."""
        views = [self.views.view(n, dive_id) for n, dive_id in zip(numbers, dive_ids, strict=True)]
        return self.samples.batch(dive_ids, views)

    def plain(self, dive_ids: Sequence[str]) -> Batch:
        """Dives as evaluation sees them."""
        return self.samples.batch(dive_ids)
