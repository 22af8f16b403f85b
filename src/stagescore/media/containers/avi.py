"""AVI: chunks in `movi` against the lengths in the headers and the index.

Source: Microsoft's AVI RIFF file reference and the OpenDML extension (several RIFF parts one after another).
"""

import struct
from dataclasses import dataclass, field

import numpy as np

from stagescore.media.containers.audit import Audit, ByteReader, HostileStructureError, StructureError

# Set by hand: a damaged header may claim any rate, in frames per second.
_MAX_RATE = 100_000.0
# A film has lists in lists: `strl` in `hdrl`, `rec ` in `movi`. Set by hand, generous.
_MAX_DEPTH = 8
_INDEX_ENTRY = np.dtype([("name", "S4"), ("flags", "<u4"), ("at", "<u4"), ("size", "<u4")])


@dataclass(slots=True)
class _AviFound:
    declared: list[int] = field(default_factory=list)
    kinds: list[bytes] = field(default_factory=list)
    chunks: list[tuple[bytes, int, int]] = field(default_factory=list)
    index: np.ndarray | None = None
    main_total: int = 0
    main_interval_us: int = 0
    rates: list[float] = field(default_factory=list)
    movi_at: int = 0


def audit(reader: ByteReader, stream_index: int) -> Audit:
    """Compare the number of frames in `strh` with the chunks present and with the index."""
    found = _AviFound()
    problems: list[str] = []
    num_parts = 0
    at = 0
    while at + 12 <= reader.size and reader.take(4, at) == b"RIFF":
        (length,) = struct.unpack("<I", reader.take(4))
        end = at + 8 + length
        if end > reader.size:
            problems.append("the file ends before its declared length")
        num_parts += 1
        try:
            _walk(reader, at + 12, min(end, reader.size), found)
        except HostileStructureError:
            raise
        except StructureError as error:
            problems.append(str(error))
            if not reader.reads_left > 0:
                break
        at = end + (end & 1)
    if stream_index >= len(found.kinds) or found.kinds[stream_index] != b"vids":
        return Audit(problems=(*problems, "the stream headers do not fit the streams"))
    prefix = b"%02d" % stream_index
    chunks = [
        (at, size) for name, at, size in found.chunks if name[:2] == prefix and name[2:] in (b"dc", b"db")
    ]
    declared = found.declared[stream_index]
    counts = {len(chunks), declared or len(chunks)}
    if num_parts == 1:
        counts.add(found.main_total or len(chunks))
    if found.index is not None and num_parts == 1:
        pictures = found.index[np.isin(found.index["name"], [prefix + b"dc", prefix + b"db"])]
        indexed = list(zip(pictures["at"].tolist(), pictures["size"].tolist(), strict=True))
        counts.add(len(indexed))
        # Offsets count from `movi` or from the file's start, depending on who wrote the file.
        shift = chunks[0][0] - indexed[0][0] if chunks and indexed else 0
        if len(indexed) == len(chunks) and [(at + shift, size) for at, size in indexed] != chunks:
            problems.append("the index does not point to the frames")
    if len(counts) > 1:
        problems.append(f"its tables count {' or '.join(map(str, sorted(counts)))} frames")
    if found.main_interval_us and found.rates[stream_index]:
        ratio = found.rates[stream_index] * found.main_interval_us / 1e6
        if not 0.5 < ratio < 2:
            problems.append("its headers disagree about the frame rate")
    num_empty = sum(size == 0 for _, size in chunks)
    return Audit(max(counts) - num_empty, tuple(problems), accounts_for_all=True, tells_end=True)


def _walk(reader: ByteReader, at: int, end: int, found: _AviFound, depth: int = 0) -> None:
    if depth > _MAX_DEPTH:
        raise HostileStructureError("its lists are nested deeper than those of any film")
    while at + 8 <= end:
        name = reader.take(4, at)
        (length,) = struct.unpack("<I", reader.take(4))
        body = at + 8
        if body + length > end:
            raise StructureError("a chunk reaches beyond the end of its list")
        if name == b"LIST":
            kind = reader.take(4)
            if kind == b"movi":
                found.movi_at = body
            if kind in (b"hdrl", b"strl", b"movi", b"rec "):
                _walk(reader, body + 4, body + length, found, depth + 1)
        elif name == b"avih":
            header = reader.take(min(length, 32))
            found.main_interval_us = struct.unpack_from("<I", header, 0)[0]
            found.main_total = struct.unpack_from("<I", header, 16)[0]
        elif name == b"strh":
            header = reader.take(min(length, 36))
            scale, rate, _, num = struct.unpack_from("<4I", header, 20)
            found.kinds.append(header[:4])
            found.declared.append(num)
            found.rates.append(min(rate / scale, _MAX_RATE) if scale else 0.0)
        elif name == b"idx1":
            found.index = np.frombuffer(reader.table(length)[: length // 16 * 16], _INDEX_ENTRY)
        elif name[:2].isdigit():
            found.chunks.append((name, at, length))
        elif not (name in (b"JUNK", b"vprp", b"strf", b"strn", b"strd", b"indx", b"odml") or name.isascii()):
            raise StructureError("a chunk has no proper name")
        at = body + length + (length & 1)
