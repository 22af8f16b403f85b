"""MP4 and QuickTime: boxes against the file's length, and the sample tables against one another.

Source: ISO/IEC 14496-12.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stagescore.media.containers.audit import Audit, ByteReader, StructureError

FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"sidx")

_Box = tuple[bytes, memoryview]
# Set by hand: boxes side by side in one box; a fragment may have one for each of its samples.
_MAX_BOXES = 10_000


@dataclass(slots=True)
class _Fragment:
    """A `moof` box, and how many bytes of data stand between it and the next."""

    content: memoryview
    num_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    """The sums of one track's tables, in frames and in units of the track's time scale."""

    num_sizes: int
    num_timed: int
    num_shifted: int | None
    num_in_chunks: int
    total_time: int
    media_time: int
    track_time_s: float
    edits: tuple[tuple[float, float], ...]
    scale: int

    @property
    def frame_s(self) -> float:
        return self.total_time / max(self.num_timed, 1) / self.scale


def audit(reader: ByteReader, track_id: int) -> Audit:
    """Compare the number of frames by size, time and chunk, the durations and the file's length."""
    problems: list[str] = []
    torn: list[str] = []
    moov: memoryview | None = None
    fragments: dict[int, _Fragment] = {}
    random_access: memoryview | None = None
    seen_data = False
    try:
        for name, body, end in _top_boxes(reader):
            if end > reader.size:
                problems.append("the file ends in the middle of its data")
            if name in (b"moov", b"moof", b"mfra"):
                content = memoryview(reader.table(min(end, reader.size) - body, body))
                if name == b"moov":
                    moov = content
                elif name == b"moof":
                    fragments[body - 8] = _Fragment(content)
                else:
                    random_access = content
            elif name == b"mdat":
                seen_data = True
                if fragments:
                    fragments[max(fragments)].num_bytes += end - body
    except StructureError as error:
        torn.append(str(error))
    if moov is None:
        return Audit(problems=(*problems, *torn, "it has no index"))
    if _child(moov, b"mvex") is not None:
        num_fragmented, found = _fragmented(fragments, random_access, track_id)
        return Audit(
            num_fragmented,
            (*problems, *torn, *found),
            accounts_for_all=True,
            tells_end=random_access is not None,
        )
    if not seen_data:  # what follows the index and the data is not needed to show the film
        problems += torn
    table = _table_of(moov, track_id)
    problems += _contradictions(table)
    counts = [table.num_sizes, table.num_timed]
    whole = _shows_all(table)
    return Audit(
        max(counts) if whole else None,
        tuple(problems),
        accounts_for_all=True,
        num_stored=max(counts),
        tells_end=True,
    )


def _top_boxes(reader: ByteReader) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    while at + 8 <= reader.size:
        length, name = struct.unpack(">I4s", reader.take(8, at))
        body = at + 8
        if length == 1:
            (length,) = struct.unpack(">Q", reader.take(8))
            body += 8
        elif length == 0:
            length = reader.size - at
        if length < body - at or not all(32 <= byte < 127 or byte == 0xA9 for byte in name):
            raise StructureError("it is torn: no box where the next should begin")
        yield name, body, at + length
        at += length
    if at < reader.size:
        raise StructureError("it is torn: it ends within a box's head")


def _boxes(content: memoryview) -> Iterator[_Box]:
    at = num_boxes = 0
    while at + 8 <= len(content):
        num_boxes += 1
        if num_boxes > _MAX_BOXES:
            raise StructureError("a box of its index holds more parts than that of any film")
        length, name = struct.unpack_from(">I4s", content, at)
        if length == 0:  # QuickTime ends some lists with a zero
            return
        if length < 8 or at + length > len(content):
            raise StructureError("its index is torn")
        yield name, content[at + 8 : at + length]
        at += length


def _child(content: memoryview, *path: bytes) -> memoryview | None:
    for name in path:
        found = next((body for kind, body in _boxes(content) if kind == name), None)
        if found is None:
            return None
        content = found
    return content


def _needed(content: memoryview, *path: bytes) -> memoryview:
    found = _child(content, *path)
    if found is None:
        raise StructureError(f"its index lacks `{path[-1].decode()}`")
    return found


def _u32(content: memoryview, at: int) -> int:
    return int(struct.unpack_from(">I", content, at)[0])


def _times(box: memoryview, at: int, *, wide: bool) -> tuple[int, ...]:
    return struct.unpack_from(">Q" if wide else ">I", box, at)


def _rows(box: memoryview, fields: str, at: int = 8) -> np.ndarray:
    """The rows of a full box with a count before them, a column for each field."""
    row = np.dtype(
        [(f"f{place}", kind if kind[0] == "V" else f">{kind}") for place, kind in enumerate(fields.split())]
    )
    num = _u32(box, at - 4)
    if at + num * row.itemsize > len(box):
        raise StructureError("a table of its index is longer than its box")
    return np.frombuffer(box, row, count=num, offset=at)


def _sum(column: np.ndarray) -> int:
    return int(column.astype(np.uint64).sum())


def _table_of(moov: memoryview, track_id: int) -> _Table:
    movie = _needed(moov, b"mvhd")
    movie_scale = max(_u32(movie, 20 if movie[0] else 12), 1)
    for name, track in _boxes(moov):
        if name != b"trak":
            continue
        header = _needed(track, b"tkhd")
        if _u32(header, 20 if header[0] else 12) != track_id:
            continue
        media = _needed(track, b"mdia", b"mdhd")
        tables = _needed(track, b"mdia", b"minf", b"stbl")
        times = _rows(_needed(tables, b"stts"), "u4 u4")
        shifts = _child(tables, b"ctts")
        edits = _child(track, b"edts", b"elst")
        return _Table(
            num_sizes=_num_sizes(tables),
            num_timed=_sum(times["f0"]),
            num_shifted=None if shifts is None else _sum(_rows(shifts, "u4 u4")["f0"]),
            num_in_chunks=_num_in_chunks(tables),
            total_time=_sum(times["f0"].astype(np.uint64) * times["f1"]),
            media_time=_times(media, 24 if media[0] else 16, wide=bool(media[0]))[0],
            track_time_s=_times(header, 28 if header[0] else 20, wide=bool(header[0]))[0] / movie_scale,
            edits=()
            if edits is None
            else _edits(edits, movie_scale, max(_u32(media, 20 if media[0] else 12), 1)),
            scale=max(_u32(media, 20 if media[0] else 12), 1),
        )
    raise StructureError("its index does not hold the video track")


def _num_sizes(tables: memoryview) -> int:
    compact = _child(tables, b"stz2")
    if compact is not None:
        return _u32(compact, 8)
    sizes = _needed(tables, b"stsz")
    if _u32(sizes, 4) == 0:
        return len(_rows(sizes, "u4", 12))
    return _u32(sizes, 8)


def _num_in_chunks(tables: memoryview) -> int:
    wide = _child(tables, b"co64")
    num_chunks = len(_rows(wide, "u8")) if wide is not None else len(_rows(_needed(tables, b"stco"), "u4"))
    runs = _rows(_needed(tables, b"stsc"), "u4 u4 u4")
    first = runs["f0"].astype(np.int64)
    if len(runs) and (first[0] != 1 or np.any(np.diff(first) <= 0)):
        raise StructureError("the chunks of its index are out of order")
    num_in_run = np.diff(first, append=num_chunks + 1)
    return int((num_in_run * runs["f1"].astype(np.int64)).sum())


def _edits(box: memoryview, movie_scale: int, scale: int) -> tuple[tuple[float, float], ...]:
    """(seconds shown, seconds into the media) of each edit; -1 seconds for an empty one."""
    rows = _rows(box, "u8 i8 u4" if box[0] else "u4 i4 u4")
    if len(rows) > _MAX_BOXES:
        raise StructureError("its edit list is longer than that of any film")
    return tuple(
        (length / movie_scale, start / scale if start >= 0 else -1.0) for length, start, _ in rows.tolist()
    )


def _shows_all(table: _Table) -> bool:
    shown = [edit for edit in table.edits if edit[1] >= 0]
    if not shown:
        return True
    media_s = table.total_time / table.scale
    # A clip cut without encoding anew shows less than it holds; a start of a few frames only makes up
    # for the delay of B-frames.
    return len(shown) == 1 and shown[0][0] >= media_s - 0.5 * table.frame_s


def _fragmented(
    fragments: dict[int, _Fragment], random_access: memoryview | None, track_id: int
) -> tuple[int, list[str]]:
    """(frames of the track, problems) of a film that is stored as a chain of fragments."""
    problems = []
    numbers = [_u32(_needed(fragment.content, b"mfhd"), 4) for fragment in fragments.values()]
    if any(after != before + 1 for before, after in pairwise(numbers)):
        problems.append("a fragment is missing")
    if random_access is not None and not fragments.keys() >= set(_random_access_points(random_access)):
        problems.append("a fragment is missing or not in its place")
    num_frames = 0
    for at, fragment in fragments.items():
        num_bytes = 0
        for part in _all(fragment.content, b"traf"):
            header = _needed(part, b"tfhd")
            runs = [_Run.of(run, header) for run in _all(part, b"trun")]
            num_bytes += sum(run.num_bytes for run in runs)
            num_frames += sum(run.num for run in runs) if _u32(header, 4) == track_id else 0
            base = _times(header, 8, wide=True)[0] if header[3] & 0x1 else at
            after = at + 8 + len(fragment.content) + fragment.num_bytes
            if not all(at < base + run.offset <= after for run in runs if run.offset is not None):
                problems.append("a fragment points to data outside it")
        if num_bytes != fragment.num_bytes:
            problems.append("the samples of a fragment do not fit its data")
    return num_frames, problems


def _all(content: memoryview, name: bytes) -> list[memoryview]:
    return [body for kind, body in _boxes(content) if kind == name]


@dataclass(frozen=True, slots=True)
class _Run:
    """A `trun` box: how many samples, of how many bytes together, and where they begin."""

    num: int
    num_bytes: int
    offset: int | None

    @classmethod
    def of(cls, run: memoryview, header: memoryview) -> "_Run":
        flags, num, header_flags = _u32(run, 0), _u32(run, 4), header[3]
        fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
        start = 8 + 4 * bool(flags & 0x1) + 4 * bool(flags & 0x4)
        if len(run) != start + 4 * len(fields) * num:
            raise StructureError("a fragment is torn")
        offset = struct.unpack_from(">i", run, 8)[0] if flags & 0x1 else None
        if 0x200 in fields:
            sizes = np.frombuffer(run, ">u4", count=len(fields) * num, offset=start)
            return cls(num, _sum(sizes[fields.index(0x200) :: len(fields)]), offset)
        at = 8 + 8 * bool(header_flags & 0x1) + 4 * bool(header_flags & 0x2) + 4 * bool(header_flags & 0x8)
        return cls(num, num * _u32(header, at) if header_flags & 0x10 else 0, offset)


def _random_access_points(random_access: memoryview) -> list[int]:
    """Positions of fragments in the file."""
    positions = []
    for table in _all(random_access, b"tfra"):
        sizes = _u32(table, 8)
        fields = ("u8 u8" if table[0] else "u4 u4") + "".join(
            f" V{((sizes >> shift) & 3) + 1}" for shift in (4, 2, 0)
        )
        positions += _rows(table, fields, 16)["f1"].tolist()
    return positions


def _contradictions(table: _Table) -> list[str]:
    problems = []
    counts = {table.num_sizes, table.num_timed, table.num_in_chunks}
    if table.num_shifted is not None:
        counts.add(table.num_shifted)
    if len(counts) > 1:
        problems.append(f"its tables count {' or '.join(map(str, sorted(counts)))} frames")
    # Writers round durations, and some leave out the last frame's; more than two frames is no rounding.
    tolerance = 2.5 * table.frame_s
    if table.media_time and abs(table.total_time - table.media_time) / table.scale > tolerance:
        problems.append("its tables disagree about its duration")
    if (
        table.edits
        and table.track_time_s
        and abs(sum(length for length, _ in table.edits) - table.track_time_s) > tolerance
    ):
        problems.append("its edit list disagrees with the track's duration")
    for length, start in table.edits:
        if start >= 0 and length + start > table.total_time / table.scale + tolerance + 16 * table.frame_s * (
            table.num_shifted is not None
        ):
            problems.append("its edit list reaches beyond the media")
    return problems
