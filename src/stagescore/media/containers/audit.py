"""The noun that a reading of a container's own tables gives, and the byte reader that they share."""

import os
from dataclasses import dataclass
from typing import BinaryIO

# Set by hand. Bytes of one table, and of all tables that are kept; a real index needs at most 40 bytes per frame of a
# track, also where other tracks have samples that are much shorter than a frame.
_TABLE_BYTES, _TABLE_BYTES_PER_FRAME = 32 << 20, 2048
# Reads of a walk: a block of Matroska takes six, a picture of a GIF one per 255 bytes. Reads that are allowed whatever
# the film are done within a second.
_READS, _READS_PER_FRAME, _BYTES_PER_READ = 200_000, 300, 128


class StructureError(Exception):
    """The bytes do not follow the container's grammar; the message is a clause for the user."""


class HostileStructureError(StructureError):
    """The bytes have a structure that no film has, made to exhaust whoever reads it."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a container says of itself, independently of FFmpeg, which forgives and forgets.

    Attributes:
        num_frames: Number of frames that the video track should give; None where it does not say.
        num_stored: Number of frames that are in the file, whether an edit list shows them or not; None if unknown.
        tells_end: Whether the file says where it ends, so that a piece lost at its end would be noticed.
        has_checksums: Whether every picture lies under a checksum of the container.
        problems: Clauses, each one a contradiction within the file; empty where all agrees.
        accounts_for_all: Whether the tables would have shown a missing piece, so that a gap in the
            times is the film's own and no damage.
    """

    num_frames: int | None = None
    problems: tuple[str, ...] = ()
    accounts_for_all: bool = False
    num_stored: int | None = None
    tells_end: bool = False
    has_checksums: bool = False


@dataclass(slots=True)
class ByteReader:
    """Exact reads from an open file: a short read is an error, never a short answer.

    Attributes:
        stream: The open file.
        size: Bytes of the file.
        reads_left: Number of reads until the file is taken for one that is made of nothing but small parts.
        table_bytes_left: Bytes of tables that may still be kept in memory.
    """

    stream: BinaryIO
    size: int
    reads_left: int
    table_bytes_left: int

    @classmethod
    def of(cls, stream: BinaryIO, num_frames: int) -> "ByteReader":
        """A reader of an open regular file, whose work is bounded by what that many frames may need."""
        size = os.fstat(stream.fileno()).st_size
        return cls(
            stream,
            size,
            reads_left=_READS + _READS_PER_FRAME * num_frames + size // _BYTES_PER_READ,
            table_bytes_left=_TABLE_BYTES + _TABLE_BYTES_PER_FRAME * num_frames,
        )

    def table(self, num_bytes: int, at: int | None = None) -> bytes:
        """As `take`, of bytes that are kept.

        Raises:
            StructureError: The file ends before, or the tables are larger than its frames can need.
        """
        self.table_bytes_left -= num_bytes
        if self.table_bytes_left < 0:
            raise StructureError("its tables are larger than its frames can need")
        return self.take(num_bytes, at)

    def take(self, num_bytes: int, at: int | None = None) -> bytes:
        """Exactly `num_bytes`, from `at` or from where the last read ended.

        Raises:
            StructureError: The file ends before, or it has more parts than its frames can need.
        """
        self.reads_left -= 1
        if self.reads_left < 0:
            raise StructureError("it has more parts than its frames can need")
        if num_bytes > self.size:
            raise StructureError("the file ends too early")
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
