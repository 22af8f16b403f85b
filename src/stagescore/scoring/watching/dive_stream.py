"""What a camera's dives are found by: pictures go in one by one, dives that are over come out.

`sessions.detector.SessionDetector` is one, the same that finds the dives of a long film.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8


@runtime_checkable
class TimeSpan(Protocol):
    """A dive lies between these times."""

    @property
    def begin_s(self) -> float:
        """Time at which what belongs to the dive begins, in seconds."""

    @property
    def end_s(self) -> float:
        """Time at which what belongs to the dive ends, in seconds."""


@runtime_checkable
class DiveStream(Protocol):
    """Finds dives while pictures come."""

    def feed(
        self, picture: UInt8[np.ndarray, "height width 3"], time_s: float, frame: int
    ) -> Sequence[TimeSpan]:
        """Look at the next picture; gives dives that are over, each once.

        Args:
            picture: RGB picture, of any size, the same for all.
            time_s: Time at which it is shown, in seconds; later than the one before.
            frame: Number of the picture, larger than the one before.
        """

    def finish(self) -> Sequence[TimeSpan]:
        """Dives that were not over when the pictures ended."""
