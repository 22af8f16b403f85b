"""Containers that are made to exhaust whoever walks them: bounded depth, number, time and memory."""

import resource
import struct
import time

import pytest

from stagescore.media import inspect_media, open_media

NUM_PARTS = 300_000
TIME_LIMIT_S = 20
"""Seconds; without bounds the walks take minutes on two cores."""
MEMORY_LIMIT_BYTES = 500 << 20


def in_movi(content: bytes, chunks: bytes, *, first: bool = False) -> bytes:
    """An AVI with more chunks at the start or the end of its list of frames."""
    changed = bytearray(content)
    at = content.index(b"movi")
    (length,) = struct.unpack_from("<I", content, at - 4)
    place = at + 4 if first else at - 4 + 4 + length
    changed[place:place] = chunks
    struct.pack_into("<I", changed, at - 4, length + len(chunks))
    struct.pack_into("<I", changed, 4, len(changed) - 8)
    return bytes(changed)


def nested_lists(depth: int) -> bytes:
    """Empty AVI lists, one within the other."""
    return b"".join(
        b"LIST" + struct.pack("<I", 4 + 12 * (depth - 1 - level)) + b"rec " for level in range(depth)
    )


@pytest.mark.parametrize("depth", [20, 900, 5000])
@pytest.mark.parametrize("first", [True, False])
def test_avi_whose_lists_are_nested_without_end_is_unreadable(film, depth, first):
    path = film("mjpeg.avi")
    path.write_bytes(in_movi(path.read_bytes(), nested_lists(depth), first=first))
    info = inspect_media(path)
    assert info.verdict == "unreadable"
    assert "nested" in info.reason


def test_avi_whose_chunks_are_in_lists_of_their_own_is_whole(film):
    path = film("mjpeg.avi")
    content = path.read_bytes()
    at, end = content.index(b"movi") + 4, content.index(b"idx1")
    frames = content[at:end]
    record = b"LIST" + struct.pack("<I", 4 + len(frames)) + b"rec " + frames
    riff = bytearray(content[:at] + record)
    struct.pack_into("<I", riff, at - 8, 4 + len(record))
    struct.pack_into("<I", riff, 4, len(riff) - 8)
    path.write_bytes(bytes(riff))
    info = inspect_media(path)
    assert (info.verdict, info.num_frames) == ("ok", 24)


def many_chunks(chunk):
    return lambda content: in_movi(content, chunk * NUM_PARTS)


def many_index_entries(content):
    at = content.index(b"idx1")
    entries = content[at + 8 : at + 24] * (12 * NUM_PARTS)
    changed = bytearray(content[:at] + b"idx1" + struct.pack("<I", len(entries)) + entries)
    struct.pack_into("<I", changed, 4, len(changed) - 8)
    return bytes(changed)


def many_elements(element):
    def made(content):
        at = content.index(b"\x18\x53\x80\x67")  # the segment gets an unknown length
        return content[: at + 4] + b"\x01" + b"\xff" * 7 + content[at + 12 :] + element * NUM_PARTS

    return made


def many_boxes(content):
    at = content.index(b"moov") - 4
    (length,) = struct.unpack_from(">I", content, at)
    boxes = struct.pack(">I4s", 8, b"free") * NUM_PARTS
    return content[:at] + struct.pack(">I", length + len(boxes)) + content[at + 4 : at + length] + boxes


def many_fragments(content):
    return content + struct.pack(">I4sI4sII", 24, b"moof", 16, b"mfhd", 0, 1) * NUM_PARTS


def long_table(content):
    """An index whose table of sizes has 40 million entries."""
    size = 160 << 20
    at = content.index(b"moov") - 4
    (length,) = struct.unpack_from(">I", content, at)
    padding = struct.pack(">I4s", 8 + size, b"free") + bytes(size)
    return content[:at] + struct.pack(">I", length + len(padding)) + content[at + 4 : at + length] + padding


def many_extensions(content):
    return content[:-1] + b"\x21\xfe\x00" * NUM_PARTS + b";"


CASES = {
    "audio chunks": ("mjpeg.avi", many_chunks(b"01wb\0\0\0\0")),
    "empty pictures": ("mjpeg.avi", many_chunks(b"00dc\0\0\0\0")),
    "pictures of a byte": ("mjpeg.avi", many_chunks(b"00dc\1\0\0\0a\0")),
    "lists side by side": ("mjpeg.avi", many_chunks(b"LIST\4\0\0\0rec ")),
    "index entries": ("mjpeg.avi", many_index_entries),
    "void elements": ("h264.mkv", many_elements(b"\xec\x80")),
    "clusters": ("h264.mkv", many_elements(b"\x1f\x43\xb6\x75\x80")),
    "boxes": ("h264.mp4", many_boxes),
    "fragments": ("h264_fragmented.mp4", many_fragments),
    "a long table": ("h264.mp4", long_table),
    "extensions": ("rgb8.gif", many_extensions),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_very_many_parts_take_neither_long_nor_much_memory(film, case):
    name, made = CASES[case]
    path = film(name)
    path.write_bytes(made(path.read_bytes()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.monotonic()
    info = inspect_media(path)
    assert time.monotonic() - started < TIME_LIMIT_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MEMORY_LIMIT_BYTES
    assert info.verdict == "partial"
    assert info.num_frames > 0
    assert sum(1 for _ in open_media(path).frames()) == info.num_frames


@pytest.mark.parametrize("duration", [float("inf"), float("nan"), -1e308])
def test_duration_that_is_no_number_is_no_crash(film, duration):
    path = film("h264.mkv")
    content = path.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    path.write_bytes(content[:at] + struct.pack(">d", duration) + content[at + 8 :])
    info = inspect_media(path)
    assert info.num_frames == 24
    assert "internal error" not in info.reason
