"""Draws for damage: each is a hash of what it is for, so that an input can be made again alone, on any machine."""

from collections.abc import Sequence
from hashlib import shake_128
from typing import TypeVar

from stagescore.hashing import hash_u64

Option = TypeVar("Option")


class Chance:
    """A row of draws.

    Args:
        key: What the draws are for, such as seed, kind and number.
    """

    def __init__(self, *key: str | int) -> None:
        self._key = key
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1; 0 where there is no other."""
        self._drawn += 1
        return hash_u64(*self._key, self._drawn) % max(limit, 1)

    def happens(self, one_in: int) -> bool:
        """Whether something happens that happens once in so many times."""
        return self.below(one_in) == 0

    def one_of(self, options: Sequence[Option]) -> Option:
        """One of several, each as probable as the others."""
        return options[self.below(len(options))]

    def noise(self, length: int) -> bytes:
        """Bytes without any order."""
        self._drawn += 1
        return shake_128(hash_u64(*self._key, self._drawn).to_bytes(8, "little")).digest(length)

    def span(self, size: int, longest: int) -> tuple[int, int]:
        """Start and end of a piece of something of `size`, at most `longest` long and at least 1 where that is possible."""
        length = min(1 + self.below(longest), size)
        start = self.below(size - length + 1)
        return start, start + length
