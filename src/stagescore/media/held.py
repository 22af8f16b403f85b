"""A film whose pictures stay in memory once they were decoded, as far as they fit.

`score` goes through a film once for each of motion, people, joints, events, every network, report and overlay. Of the films
that coaches send most fit into memory as a whole; larger ones are decoded for each of these, so that memory stays bounded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from stagescore.media.source import Media

MOST_BYTES = 256 * 2**20
"""Of all pictures of a film: 380 frames of 640 x 360, 97 of 1280 x 720. Twice as much would hardly hold more kinds of films."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldMedia(Media):
    """As `Media`; pictures cannot be written to, since whoever comes next gets the same ones."""

    _held: dict[int, UInt8[np.ndarray, "height width 3"]] = field(default_factory=dict)

    @classmethod
    def of(cls, media: Media) -> Media:
        """The same film, held where all of its pictures fit; itself where they do not, and for joints without a film."""
        info = media.info
        if info.kind == "joints" or 3 * info.num_frames * info.width_px * info.height_px > MOST_BYTES:
            return media
        return cls(media.info, media.times_s, media._scan)

    def frames(
        self, indices: Sequence[int] | None = None
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """See `Media.frames`; what was decoded before is not decoded again."""
        chosen = range(self.num_frames) if indices is None else [int(index) for index in indices]
        self._check(chosen)
        if all(index in self._held for index in chosen):
            yield from ((index, self._held[index]) for index in chosen)
            return
        for index, picture in Media.frames(self, chosen):
            picture.flags.writeable = False
            self._held[index] = picture
            yield index, picture

    def released(self) -> Media:
        """The same film without any picture in memory."""
        return Media(self.info, self.times_s, self._scan)
