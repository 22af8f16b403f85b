"""Where the background lies in the frames of a clip, and what falls before it: found once, and handed on to all who need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BackgroundPath:
    """Where the background lies in the frames of a clip, and what falls before it.

    Attributes:
        maps: Map from pixels of a frame to those of the first, by frame; frames that repeat another have none.
        falling_px: Left, top, right, bottom of the box of what falls farthest, in pixels of its frame, by frame; empty where nothing falls.
    """

    maps: Mapping[int, Float[np.ndarray, "3 3"]]
    falling_px: Mapping[int, Float[np.ndarray, "4"]]

    @property
    def frames(self) -> range:
        """Frames of the clip, from the first that has a map to the last."""
        return range(min(self.maps), max(self.maps) + 1)

    def part(self, frames: Sequence[int]) -> "BackgroundPath":
        """The same for some of the frames; maps are to the first of these.

        Args:
            frames: Some of the frames that have a map, increasing.
        """
        if not frames:
            return BackgroundPath(maps={}, falling_px={})
        first = np.linalg.inv(self.maps[frames[0]])
        return BackgroundPath(
            maps={frame: np.asarray(first @ self.maps[frame]) for frame in frames},
            falling_px={frame: self.falling_px[frame] for frame in frames if frame in self.falling_px},
        )

    def numbered(self, frames: Sequence[int]) -> "BackgroundPath":
        """The same with other numbers for the frames 0, 1, 2, ...

        Args:
            frames: Number of each frame.
        """
        return BackgroundPath(
            maps={frames[row]: one for row, one in self.maps.items()},
            falling_px={frames[row]: box for row, box in self.falling_px.items()},
        )

    def scaled(self, scale: Float[np.ndarray, "2"]) -> "BackgroundPath":
        """The same for pictures of another size.

        Args:
            scale: Width and height of the other pictures, as shares of those of these.
        """
        there, back = np.diag((*scale, 1.0)), np.diag((*(1 / scale), 1.0))
        return BackgroundPath(
            maps={frame: np.asarray(there @ one @ back) for frame, one in self.maps.items()},
            falling_px={frame: box * np.tile(scale, 2) for frame, box in self.falling_px.items()},
        )
