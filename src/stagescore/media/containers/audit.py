"""The noun that a reading of a container's own tables gives, and the byte reader that they share."""

import os
from dataclasses import dataclass
from typing import BinaryIO

MAX_TABLE_BYTES = 256 << 20
"""Tables larger than this are not read; a real index of a day of video is far smaller."""


class StructureError(Exception):
    """The bytes do not follow the container's grammar; the message is a clause for the user."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a container says of itself, independently of FFmpeg, which forgives and forgets.

    Attributes:
        num_frames: Number of frames that the video track should give; None where it does not say.
        num_stored: Number of frames that are in the file, whether an edit list shows them or not; None if unknown.
        problems: Clauses, each one a contradiction within the file; empty where all agrees.
        accounts_for_all: Whether the tables would have shown a missing piece, so that a gap in the
            times is the film's own and no damage.
    """

    num_frames: int | None = None
    problems: tuple[str, ...] = ()
    accounts_for_all: bool = False
    num_stored: int | None = None


@dataclass(frozen=True, slots=True)
class ByteReader:
    """Exact reads from an open file: a short read is an error, never a short answer."""

    stream: BinaryIO
    size: int

    @classmethod
    def of(cls, stream: BinaryIO) -> "ByteReader":
        """A reader of an open regular file."""
        return cls(stream, os.fstat(stream.fileno()).st_size)

    def take(self, num_bytes: int, at: int | None = None) -> bytes:
        """Exactly `num_bytes`, from `at` or from where the last read ended.

        Raises:
            StructureError: The file ends before, or an absurd amount is asked for.
        """
        if num_bytes > MAX_TABLE_BYTES:
            raise StructureError("a table in it claims an absurd size")
        if at is not None:
            self.stream.seek(at)
        content = self.stream.read(num_bytes)
        if len(content) != num_bytes:
            raise StructureError("the file ends too early")
        return content

    def skip(self, num_bytes: int) -> None:
        """Move on.

        Raises:
            StructureError: That is beyond the end of the file.
        """
        if self.stream.seek(num_bytes, os.SEEK_CUR) > self.size:
            raise StructureError("the file ends too early")

    @property
    def position(self) -> int:
        """Bytes from the start of the file."""
        return self.stream.tell()
