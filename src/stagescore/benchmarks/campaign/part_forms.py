"""Forms of files with parts: MP4, AVI, Matroska, FLV, transport streams, GIF, ASF, Ogg, PNG, JPEG, protocol buffers."""

import struct
from collections.abc import Callable

from stagescore.benchmarks.campaign.part_damage import FilePart, PartForm

_DEEPEST = 12
_BOXES = frozenset(b"moov trak mdia minf stbl edts dinf udta moof traf mvex mfra meta".split())
_EBML_MASTERS = frozenset(
    bytes.fromhex(name)
    for name in "1a45dfa3 18538067 1f43b675 1654ae6b ae e0 e1 1c53bb6b bb b7 1549a966 114d9b74 4dbb a0 1254c367 7373 63c0 67c8".split()
)
_VARINT_LIMIT = 10


def _flat(split: Callable[[bytes], list[FilePart]]) -> Callable[[bytes], tuple[FilePart, ...]]:
    """Without parts within parts; whatever cannot be split is one part."""

    def parse(content: bytes) -> tuple[FilePart, ...]:
        try:
            return tuple(split(content))
        except (struct.error, IndexError, ValueError):
            return (FilePart(b"", content),)

    return parse


# MP4 and QuickTime


def _boxes(content: bytes, depth: int = 0) -> tuple[FilePart, ...]:
    parts: list[FilePart] = []
    at = 0
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + length if 8 <= length <= len(content) - at else len(content)
        inner = content[at + 8 : end]
        if name in _BOXES and depth < _DEEPEST:
            head = 4 if name == b"meta" else 0
            parts.append(FilePart(name, inner[:head], _boxes(inner[head:], depth + 1)))
        else:
            parts.append(FilePart(name, inner))
        at = end
    return tuple(parts)


def _box(name: bytes, content: bytes, length: int | None) -> bytes:
    claimed = 8 + len(content) if length is None else length
    return struct.pack(">I", claimed % 2**32) + (name + b"    ")[:4] + content


# AVI and other RIFF


def _chunks(content: bytes, depth: int = 0) -> tuple[FilePart, ...]:
    parts: list[FilePart] = []
    at = 0
    while at + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        inner = content[at + 8 : at + 8 + length]
        if name in (b"RIFF", b"LIST") and depth < _DEEPEST:
            parts.append(FilePart(name, inner[:4], _chunks(inner[4:], depth + 1)))
        else:
            parts.append(FilePart(name, inner))
        at += 8 + length + (length & 1)
    return tuple(parts)


def _chunk(name: bytes, content: bytes, length: int | None) -> bytes:
    claimed = len(content) if length is None else length
    return (name + b"    ")[:4] + struct.pack("<I", claimed % 2**32) + content + b"\0" * (len(content) & 1)


# Matroska and WebM


def _elements(content: bytes, depth: int = 0) -> tuple[FilePart, ...]:
    parts: list[FilePart] = []
    at = 0
    while at < len(content):
        width = 9 - content[at].bit_length()
        name, start = content[at : at + width], at + width
        if width > 4 or start >= len(content):
            return (*parts, FilePart(b"\xec", content[at:]))
        size = 9 - content[start].bit_length()
        if size > 8:
            return (*parts, FilePart(b"\xec", content[at:]))
        length = int.from_bytes(content[start : start + size], "big") & (1 << 7 * size) - 1
        start += size
        if length == (1 << 7 * size) - 1:  # unknown: to the end
            length = len(content) - start
        inner = content[start : start + length]
        parts.append(
            FilePart(name, b"", _elements(inner, depth + 1))
            if name in _EBML_MASTERS and depth < _DEEPEST
            else FilePart(name, inner)
        )
        at = start + length
    return tuple(parts)


def _element(name: bytes, content: bytes, length: int | None) -> bytes:
    claimed = len(content) if length is None else length % 2**56
    return name + (claimed | 1 << 56).to_bytes(8, "big") + content


# Flat forms


def _flv_tags(content: bytes) -> list[FilePart]:
    parts, at = [FilePart(b"", content[:13])], 13
    while at + 11 <= len(content):
        length = int.from_bytes(content[at + 1 : at + 4], "big")
        parts.append(
            FilePart(content[at : at + 1] + content[at + 4 : at + 11], content[at + 11 : at + 11 + length])
        )
        at += 11 + length + 4
    return parts


def _flv_tag(name: bytes, content: bytes, length: int | None) -> bytes:
    if len(name) != 8:
        return content
    claimed = (len(content) if length is None else length) % 2**24
    return (
        name[:1] + claimed.to_bytes(3, "big") + name[1:] + content + struct.pack(">I", (11 + claimed) % 2**32)
    )


def _pieces_of(size: int) -> Callable[[bytes], list[FilePart]]:
    return lambda content: [
        FilePart(content[at : at + 4], content[at + 4 : at + size]) for at in range(0, len(content), size)
    ]


def _unlengthened(name: bytes, content: bytes, length: int | None) -> bytes:
    """Of forms whose parts have no length of their own: a claimed one cuts."""
    return (name + content)[: length if length is not None and length > 0 else None]


def _gif_blocks(content: bytes) -> list[FilePart]:
    table = 3 << (content[10] & 7) + 1 if content[10] & 0x80 else 0
    at = 13 + table
    parts = [FilePart(b"", content[:at])]
    while at < len(content):
        begin = at
        if content[at] == 0x21:
            at += 2
        elif content[at] == 0x2C:
            at += 10 + (3 << (content[at + 9] & 7) + 1 if content[at + 9] & 0x80 else 0) + 1
        else:
            parts.append(FilePart(b"", content[at:]))
            break
        while content[at]:
            at += content[at] + 1
        at += 1
        parts.append(FilePart(content[begin : begin + 1], content[begin + 1 : at]))
    return parts


def _asf_objects(content: bytes) -> list[FilePart]:
    parts, at = [], 0
    while at + 24 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at + 16)
        end = at + length if 24 <= length <= len(content) - at else len(content)
        parts.append(FilePart(content[at : at + 16], content[at + 24 : end]))
        at = end
    return parts


def _asf_object(name: bytes, content: bytes, length: int | None) -> bytes:
    claimed = 24 + len(content) if length is None else length
    return (name + bytes(16))[:16] + struct.pack("<Q", claimed % 2**64) + content


def _ogg_pages(content: bytes) -> list[FilePart]:
    starts = [at for at in range(len(content)) if content.startswith(b"OggS", at)]
    return [
        FilePart(b"OggS", content[a + 4 : b])
        for a, b in zip(starts, [*starts[1:], len(content)], strict=True)
    ]


def _png_chunks(content: bytes) -> list[FilePart]:
    parts, at = [FilePart(b"", content[:8])], 8
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        parts.append(FilePart(name, content[at + 8 : at + 12 + length]))  # with its checksum
        at += 12 + length
    return parts


def _png_chunk(name: bytes, content: bytes, length: int | None) -> bytes:
    if not name:
        return content
    claimed = len(content) - 4 if length is None else length
    return struct.pack(">I", claimed % 2**32) + (name + b"    ")[:4] + content


def _jpeg_segments(content: bytes) -> list[FilePart]:
    parts, at = [FilePart(b"", content[:2])], 2
    while content[at] == 0xFF and content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        parts.append(FilePart(content[at : at + 2], content[at + 4 : at + 2 + length]))
        at += 2 + length
    return [*parts, FilePart(b"", content[at:])]


def _jpeg_segment(name: bytes, content: bytes, length: int | None) -> bytes:
    if not name:
        return content
    claimed = 2 + len(content) if length is None else length
    return name + struct.pack(">H", claimed % 2**16) + content


# Protocol buffers (ONNX)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_VARINT_LIMIT):
        byte = content[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number does not end")


def as_varint(value: int) -> bytes:
    """A number as protocol buffers write it."""
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _fields(content: bytes) -> list[FilePart]:
    """Fields of a message.

    Raises:
        ValueError: It is none.
        IndexError: It ends too early.
    """
    parts, at = [], 0
    while at < len(content):
        tag, start = _varint(content, at)
        wire = tag & 7
        if wire == 0:
            _, end = _varint(content, start)
        elif wire in (1, 5):
            end = start + (8 if wire == 1 else 4)
        elif wire == 2:
            length, start = _varint(content, start)
            end = start + length
        else:
            raise ValueError("no such form of a field")
        if tag >> 3 == 0 or end > len(content):
            raise ValueError("no such field")
        inner = content[start:end]
        parts.append(
            FilePart(as_varint(tag), *_message(inner)) if wire == 2 else FilePart(as_varint(tag), inner)
        )
        at = end
    return parts


def _message(content: bytes) -> tuple[bytes, tuple[FilePart, ...]]:
    """What a field of bytes holds: other fields, where it can be read so, or bytes."""
    try:
        return (b"", tuple(_fields(content))) if len(content) > 3 else (content, ())
    except (ValueError, IndexError, RecursionError):
        return content, ()


def _field(name: bytes, content: bytes, length: int | None) -> bytes:
    if not name or name[0] & 7 != 2:
        return name + content
    return name + as_varint((len(content) if length is None else length) % 2**64) + content


MP4 = PartForm(
    _boxes,
    _box,
    tuple(
        b"moov trak stts ctts stsz stsc stco co64 stss elst edts moof traf trun tfhd mdat free meta uuid wide".split()
    ),
)
RIFF = PartForm(
    _chunks,
    _chunk,
    tuple(b"RIFF LIST hdrl strl strh strf idx1 indx movi 00dc 00db 01wb ix00 JUNK rec ".split(b" ")),
)
EBML = PartForm(
    _elements,
    _element,
    (
        *sorted(_EBML_MASTERS),
        b"\xa3",
        b"\xa1",
        b"\xe7",
        b"\xb0",
        b"\xba",
        b"\x44\x89",
        b"\x23\xe3\x83",
        b"\xec",
    ),
)
FLV = PartForm(_flat(_flv_tags), _flv_tag)
TS = PartForm(_flat(_pieces_of(188)), _unlengthened)
GIF = PartForm(_flat(_gif_blocks), _unlengthened)
ASF = PartForm(_flat(_asf_objects), _asf_object)
OGG = PartForm(_flat(_ogg_pages), _unlengthened)
PNG = PartForm(_flat(_png_chunks), _png_chunk)
JPEG = PartForm(_flat(_jpeg_segments), _jpeg_segment)
PROTOBUF = PartForm(
    _flat(_fields),
    _field,
    tuple(bytes([number << 3 | wire]) for number in range(1, 16) for wire in (0, 2, 5)),
)

FORM_OF = {
    ".mp4": MP4,
    ".mov": MP4,
    ".avi": RIFF,
    ".mkv": EBML,
    ".webm": EBML,
    ".flv": FLV,
    ".ts": TS,
    ".mpg": PartForm(_flat(_pieces_of(2048)), _unlengthened),
    ".gif": GIF,
    ".wmv": ASF,
    ".ogv": OGG,
    ".png": PNG,
    ".jpg": JPEG,
    ".webp": RIFF,
    ".onnx": PROTOBUF,
}
"""Form of the files with each ending."""
