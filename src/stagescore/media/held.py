"""A film whose pictures stay in memory once they were decoded, made smaller where they would not fit.

`score` goes through a film once for each of motion, people, joints, events and every network. Held, it is decoded once for all
of them. A film that does not fit is held as large as fits, since none of the networks reads more than a few hundred pixels; one
so long that it would become too small is decoded anew each time, so that memory stays bounded.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, UInt8

from stagescore.media.source import Media

MOST_BYTES = 256 * 2**20
"""Bytes of all pictures that are held: 380 frames of 640 x 360, 97 of 1280 x 720. Twice as much would hardly hold more
kinds of films."""
LEAST_EDGE_PX = 480
"""Longer edge of a picture, in pixels, below which a film is not made smaller: half as much again as the films have that the
networks learned from (320 x 240)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldMedia(Media):
    """As `Media`; pictures cannot be written to, since whoever comes next gets the same ones.

    `info` has the size in which the pictures are held.

    Attributes:
        film: The film as it is.
        span: Frames of the film that are held once they were decoded; others can be asked for as well.
    """

    film: Media
    span: Collection[int]
    _held: dict[int, UInt8[np.ndarray, "height width 3"]] = field(default_factory=dict)

    @classmethod
    def of(cls, film: Media, span: range | None = None) -> Media:
        """A film with its pictures held; itself where it is held already, cannot be, or is joints without a film.

        Args:
            film: The film.
            span: Frames that will be asked for; None for all of them, and then only in their own size.
        """
        if isinstance(film, HeldMedia) or film.info.kind == "joints":
            return film
        size_px = film.info.width_px, film.info.height_px
        if span is None:
            span, factor = range(film.num_frames), 1.0
            if _bytes(len(span), size_px) > MOST_BYTES:
                return film
        else:
            factor = min(math.sqrt(MOST_BYTES / max(_bytes(len(span), size_px), 1)), 1.0)
            if factor < 1.0 and factor * max(size_px) < LEAST_EDGE_PX:
                return film
        return cls._made(film, span, factor)

    @classmethod
    def for_drawing(cls, film: Media, frames: Collection[int], most_edge_px: int) -> Media:
        """A film with some of its pictures held, none larger than asked for; itself where it is held already, or is joints alone.

        Args:
            film: The film.
            frames: Frames that are shown again after the film was gone through once.
            most_edge_px: Longer edge of a picture, in pixels, at most.
        """
        if isinstance(film, HeldMedia) or film.info.kind == "joints":
            return film
        longer = max(film.info.width_px, film.info.height_px)
        return cls._made(film, frozenset(frames), min(most_edge_px / longer, 1.0))

    @classmethod
    def _made(cls, film: Media, span: Collection[int], factor: float) -> Media:
        size_px = film.info.width_px, film.info.height_px
        width_px, height_px = (max(math.floor(factor * edge), 1) for edge in size_px)
        info = replace(film.info, width_px=width_px, height_px=height_px)
        return cls(info=info, times_s=film.times_s, _scan=film._scan, film=film, span=span)

    @property
    def scale(self) -> Float[np.ndarray, "2"]:
        """See `Media.scale`."""
        there, here = (np.array([one.info.width_px, one.info.height_px]) for one in (self.film, self))
        return np.asarray(here / there)

    def frames(
        self, indices: Sequence[int] | None = None, *, size_px: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """See `Media.frames`; what was decoded before is not decoded again, unless another size is asked for."""
        chosen = range(self.num_frames) if indices is None else [int(index) for index in indices]
        self._check(chosen)
        here = self.info.width_px, self.info.height_px
        if size_px not in (None, here):
            yield from self.film.frames(chosen, size_px=size_px)
            return
        if all(index in self._held for index in chosen):
            yield from ((index, self._held[index]) for index in chosen)
            return
        smaller = None if (self.scale == 1).all() else here
        for index, picture in self.film.frames(chosen, size_px=smaller):
            if index in self.span:
                picture.flags.writeable = False
                self._held[index] = picture
            yield index, picture

    def protect(self) -> None:
        """Make pictures that came from another process such that nobody can write to them, either."""
        for picture in self._held.values():
            picture.flags.writeable = False

    def released(self) -> Media:
        """The film as it is, without any picture in memory."""
        return self.film


def _bytes(num_frames: int, size_px: tuple[int, int]) -> int:
    return 3 * num_frames * size_px[0] * size_px[1]
