"""Matroska and WebM: a strict walk over the EBML elements. Source: RFC 8794 (EBML), RFC 9559 (Matroska)."""

import math
import struct
import zlib
from dataclasses import dataclass, field
from itertools import pairwise

from stagescore.media.containers.audit import Audit, ByteReader, StructureError

MAGIC = b"\x1a\x45\xdf\xa3"

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_SEEK_HEAD, _INFO, _TRACKS, _CUES = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B
_LEVEL_1 = {_SEEK_HEAD, _INFO, _TRACKS, _CUES, 0x1941A469, 0x1043A770, 0x1254C367, _CLUSTER}
_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _TIMESTAMP = 0xA3, 0xA0, 0xA1, 0xE7
_NUMBERS = {_TIMESTAMP, 0xA7, 0xAB}
_IN_CLUSTER = {_TIMESTAMP, 0x5854, 0xA7, 0xAB, _SIMPLE_BLOCK, _BLOCK_GROUP, 0xAF}
_CRC, _VOID = 0xBF, 0xEC
_SCALE, _DURATION, _TRACK, _NUMBER, _DEFAULT_DURATION = 0x2AD7B1, 0x4489, 0xAE, 0xD7, 0x23E383
# Set by hand: checksums of larger elements are not computed, since they would be read whole.
_MAX_CRC_BYTES = 64 << 20


@dataclass(slots=True)
class _MatroskaFound:
    scale_ns: int = 1_000_000
    duration: float | None = None
    frame_ns: int = 0
    num_tracks: int = 0
    track: int = 0
    times: list[int] = field(default_factory=list)
    num_blocks: int = 0
    last_time: int = 0
    problems: list[str] = field(default_factory=list)
    sealed: bool = True
    num_clusters: int = 0
    num_checked: int = 0


def audit(reader: ByteReader, stream_index: int) -> Audit:
    """Count the blocks of the video track, check checksums, sizes, order and the declared duration."""
    found = _MatroskaFound()
    try:
        at = 0
        while at < reader.size:
            name, body, end = _element(reader, at)
            if name == _SEGMENT:
                if end is None:
                    found.sealed = False
                elif end > reader.size:
                    found.problems.append("the file ends before its declared length")
                _walk_segment(reader, body, min(end or reader.size, reader.size), stream_index, found)
            elif name not in (_EBML, _VOID):
                if found.num_blocks:  # something appended to a whole file
                    break
                raise StructureError("it holds an element that does not belong there")
            at = reader.size if end is None else end
    except StructureError as error:
        found.problems.append(str(error))
    if not found.num_blocks:
        return Audit(problems=tuple(found.problems))
    expected = found.num_blocks
    if found.duration is not None and found.frame_ns:
        missing_ns = (found.duration - found.last_time) * found.scale_ns - found.frame_ns
        num_missing = round(missing_ns / found.frame_ns)
        if num_missing > 0 and _is_even(found):
            expected += num_missing
            found.problems.append("its last frame lies well before its declared end")
    return Audit(
        expected,
        tuple(dict.fromkeys(found.problems)),
        accounts_for_all=found.sealed,
        tells_end=found.sealed or found.duration is not None,
        has_checksums=found.num_clusters == found.num_checked,
    )


def _is_even(found: _MatroskaFound) -> bool:
    """Whether most blocks follow one another at the declared distance, but for rounding."""
    times = sorted(found.times)
    wanted = found.frame_ns / found.scale_ns
    return 10 * sum(abs(b - a - wanted) <= 1.5 for a, b in pairwise(times)) >= 9 * (len(times) - 1)


def _vint(reader: ByteReader, *, keep_marker: bool) -> tuple[int, int]:
    """(value, bytes) of a variable-length number; -1 for the reserved value `unknown`."""
    first = reader.take(1)[0]
    length = 9 - first.bit_length()
    if length > 8:
        raise StructureError("a number in it is torn")
    raw = bytes([first]) + reader.take(length - 1)
    value = int.from_bytes(raw, "big")
    if keep_marker:
        return value, length
    mask = (1 << (7 * length)) - 1
    return (-1 if value & mask == mask else value & mask), length


def _element(reader: ByteReader, at: int) -> tuple[int, int, int | None]:
    """(id, start of the content, its end or None if unknown) of the element at `at`."""
    reader.take(0, at)
    name, id_length = _vint(reader, keep_marker=True)
    if id_length > 4:
        raise StructureError("an element has no proper id")
    size, size_length = _vint(reader, keep_marker=False)
    body = at + id_length + size_length
    return name, body, None if size < 0 else body + size


def _children(reader: ByteReader, at: int, end: int, found: _MatroskaFound) -> list[tuple[int, int, int]]:
    children = []
    while at < end:
        name, body, child_end = _element(reader, at)
        if child_end is None or child_end > end:
            raise StructureError("an element reaches beyond the one around it")
        children.append((name, body, child_end))
        at = child_end
    _check_crc(reader, children, end, found)
    return children


def _check_crc(
    reader: ByteReader, children: list[tuple[int, int, int]], end: int, found: _MatroskaFound
) -> None:
    if not children or children[0][0] != _CRC:
        return
    _, body, start = children[0]
    if start - body == 4 and end - start <= _MAX_CRC_BYTES:
        (stored,) = struct.unpack("<I", reader.take(4, body))
        if _crc(reader, start, end) != stored:
            found.problems.append("a checksum is wrong")


def _crc(reader: ByteReader, at: int, end: int) -> int:
    checksum = 0
    while at < end:
        piece = reader.take(min(end - at, 1 << 20), at)
        checksum = zlib.crc32(piece, checksum)
        at += len(piece)
    return checksum


def _walk_segment(reader: ByteReader, at: int, limit: int, stream_index: int, found: _MatroskaFound) -> None:
    while at < limit:
        name, body, end = _element(reader, at)
        if name not in _LEVEL_1 and name not in (_VOID, _CRC):
            raise StructureError("it holds an element that does not belong there")
        if end is None:
            if name != _CLUSTER:
                raise StructureError("an element has no length")
            found.sealed = False
            end = _end_of_open_cluster(reader, body, limit)
        if end > limit:
            if name == _CLUSTER:
                _walk_cluster(reader, body, limit, found)
            raise StructureError("an element reaches beyond the end of the file")
        try:
            if name == _INFO:
                _read_info(reader, body, end, found)
            elif name == _TRACKS:
                _read_tracks(reader, body, end, stream_index, found)
            elif name == _CLUSTER:
                _walk_cluster(reader, body, end, found)
            elif name not in (_VOID, _CRC):
                _children(reader, body, end, found)
        except StructureError as error:  # the next element can still be found
            found.problems.append(str(error))
        at = end


def _end_of_open_cluster(reader: ByteReader, at: int, limit: int) -> int:
    while at < limit:
        name, _, end = _element(reader, at)
        if name in _LEVEL_1:
            return at
        if end is None or end > limit:
            return limit
        at = end
    return limit


def _walk_cluster(reader: ByteReader, at: int, end: int, found: _MatroskaFound) -> None:
    cluster_time = 0
    previous = found.last_time
    children = _children(reader, at, end, found)
    found.num_clusters += 1
    found.num_checked += bool(children) and children[0][0] == _CRC and end - at <= _MAX_CRC_BYTES
    for name, body, stop in children:
        if name in _NUMBERS and stop - body > 8:
            raise StructureError("a number in it is torn")
        if name == _TIMESTAMP:
            cluster_time = int.from_bytes(reader.take(stop - body, body), "big")
            if cluster_time < previous - 32768:
                found.problems.append("its clusters are out of order")
        elif name == _SIMPLE_BLOCK:
            _count_block(reader, body, cluster_time, found)
        elif name == _BLOCK_GROUP:
            for inner, inner_body, _ in _children(reader, body, stop, found):
                if inner == _BLOCK:
                    _count_block(reader, inner_body, cluster_time, found)
        elif name not in _IN_CLUSTER and name not in (_VOID, _CRC):
            raise StructureError("it holds an element that does not belong there")


def _count_block(reader: ByteReader, body: int, cluster_time: int, found: _MatroskaFound) -> None:
    reader.take(0, body)
    number, _ = _vint(reader, keep_marker=False)
    (offset,) = struct.unpack(">h", reader.take(2))
    if number == found.track:
        found.num_blocks += 1
        found.times.append(cluster_time + offset)
        found.last_time = max(found.last_time, cluster_time + offset)
    elif number > found.num_tracks:
        found.problems.append("a block belongs to no track")


def _read_info(reader: ByteReader, at: int, end: int, found: _MatroskaFound) -> None:
    for name, body, stop in _children(reader, at, end, found):
        if name == _SCALE:
            found.scale_ns = int.from_bytes(reader.take(min(stop - body, 8), body), "big") or 1_000_000
        elif name == _DURATION:
            raw = reader.take(min(stop - body, 9), body)
            found.duration = struct.unpack(">d" if len(raw) == 8 else ">f", raw)[0]
            if not math.isfinite(found.duration):
                raise StructureError("its declared duration is no number")


def _read_tracks(reader: ByteReader, at: int, end: int, stream_index: int, found: _MatroskaFound) -> None:
    entries = [span for span in _children(reader, at, end, found) if span[0] == _TRACK]
    for place, (_, body, stop) in enumerate(entries):
        fields = {
            name: int.from_bytes(reader.take(min(e - b, 8), b), "big")
            for name, b, e in _children(reader, body, stop, found)
        }
        found.num_tracks = max(found.num_tracks, fields.get(_NUMBER, 0))
        if place == stream_index:
            found.track = fields.get(_NUMBER, 0)
            found.frame_ns = fields.get(_DEFAULT_DURATION, 0)
    if len(entries) > 1:
        # The declared duration is that of the longest track, which may be the sound.
        found.frame_ns = 0
