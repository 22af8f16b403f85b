"""Damage to zip archives (xlsx, npz, PyTorch's files): their members, and what the list of members says of them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from stagescore.benchmarks.campaign.byte_damage import INTEGERS, Fuzzer
from stagescore.benchmarks.campaign.chance import Chance

_BOMB_BYTES = (2**20, 64 * 2**20, 700 * 2**20)
"""Bytes that a bomb unpacks to; the largest would take more memory than a reader may. Set by hand."""
_MOST_TAKEN = 16 * 2**20
_DATE = b"\0\0\x21\0"  # 1 January 1980
_NAMES = (
    "../outside",
    "/outside-of-all",
    "a/../../b",
    "",
    "C:\\x",
    "pred.npy",
    "x" * 60_000,
    "\u202e",
    "[Content_Types].xml",
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        name: Name of the member.
        packed: Content as it is stored.
        method: Method by which it is packed: 0 stored, 8 deflated.
        checksum: CRC-32 of the content.
        size: Bytes that the content has or claims to have, unpacked.
        flags: Flags of the entry, such as 1 for encrypted.
        listed: Bytes that the list of members claims, where it says another number than the entry; None for the same.
    """

    name: bytes
    packed: bytes
    method: int
    checksum: int
    size: int
    flags: int = 0
    listed: int | None = None


def members_of(content: bytes) -> list[Member]:
    """The members of an archive, which must be whole.

    Raises:
        BadZipFile: It is no archive, or unpacks to very much.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _MOST_TAKEN:
            raise zipfile.BadZipFile("it is a bomb already")
        return [
            stored(info.filename.encode(), archive.read(info), info.compress_type)
            for info in archive.infolist()
        ]


def stored(name: bytes, content: bytes, method: int = 8) -> Member:
    """A member with this content."""
    packed = _deflated(content) if method == 8 else content
    return Member(name, packed, method if method in (0, 8) else 0, zlib.crc32(content), len(content))


def archive_of(members: list[Member]) -> bytes:
    """The bytes of an archive; the same members always give the same bytes."""
    out, listing = b"", b""
    for one in members:
        sizes = struct.pack("<III", one.checksum, len(one.packed), one.size % 2**32)
        head = struct.pack("<HHH", 20, one.flags, one.method) + _DATE
        names = struct.pack("<HH", len(one.name), 0)
        told = sizes if one.listed is None else sizes[:8] + struct.pack("<I", one.listed % 2**32)
        listing += (
            b"PK\1\2\x14\0" + head + told + names + struct.pack("<HHHII", 0, 0, 0, 0, len(out)) + one.name
        )
        out += b"PK\3\4" + head + sizes + names + one.name + one.packed
    count = min(len(members), 0xFFFF)
    return out + listing + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(listing), len(out), 0)


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def bomb(size: int, begin: bytes = b"") -> Member:
    """A member that unpacks to so many spaces after what it begins with; packing it takes little memory."""
    packer, checksum = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.crc32(begin)
    packed, left, block = [packer.compress(begin)], size, b" " * 2**20
    while left > 0:
        piece = block[:left]
        packed.append(packer.compress(piece))
        checksum = zlib.crc32(piece, checksum)
        left -= len(piece)
    return Member(b"", b"".join([*packed, packer.flush()]), 8, checksum, size + len(begin))


def archive_fuzzer(inside: Callable[[str], tuple[Fuzzer, ...]]) -> Fuzzer:
    """Damages an archive.

    Args:
        inside: Function that says how a member of a name is damaged.
    """

    def archive_damaged(content: bytes, other: bytes, chance: Chance) -> bytes:
        members = members_of(content)
        place = chance.below(len(members))
        one = members[place]
        way = chance.below(12)
        if way < 6:
            body = _unpacked(one)
            lent = _unpacked(chance.one_of(members_of(other)))
            fuzzer = chance.one_of(inside(one.name.decode()))
            members[place] = stored(one.name, fuzzer(body, lent, chance), one.method)
        else:
            members = _listed_otherwise(members, place, chance)
        return archive_of(members)

    return archive_damaged


def _unpacked(member: Member) -> bytes:
    return zlib.decompress(member.packed, -15) if member.method == 8 else member.packed


def _listed_otherwise(members: list[Member], place: int, chance: Chance) -> list[Member]:
    """Members vanish, double, get other names, lie about their size or unpack without end."""
    one, rest = members[place], [*members[:place], *members[place + 1 :]]
    way = chance.below(8)
    if way == 0:
        return rest
    if way == 1:
        return [*members, *[one] * chance.one_of((1, 1, 50, 3000))]
    if way == 2:
        return [*rest, replace(one, name=chance.one_of(_NAMES).encode())]
    if way == 3:
        return [*rest, replace(one, listed=chance.one_of(INTEGERS))]
    if way == 4:
        return [
            *rest,
            replace(one, size=chance.one_of(INTEGERS), flags=chance.one_of((0, 1, 8, 0x800, 0xFFFF))),
        ]
    if way == 5:
        return [
            *rest,
            replace(
                one,
                method=chance.one_of((0, 1, 8, 9, 12, 14, 93, 99)),
                checksum=chance.one_of((one.checksum, 0)),
            ),
        ]
    if way == 6:
        return [*rest, replace(members[chance.below(len(members))], name=one.name)]
    grown = bomb(chance.one_of(_BOMB_BYTES), _unpacked(one))
    claimed = chance.one_of((None, one.size))
    return [*members[:place], replace(grown, name=one.name, listed=claimed), *members[place + 1 :]]
