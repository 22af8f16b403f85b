"""FLV: the chain of tags against their own lengths, the declared file size and the declared duration.

Source: Adobe Flash Video File Format Specification 10.1, annex E; the packet types of Enhanced RTMP.
"""

import math
import struct
from dataclasses import dataclass, field

import numpy as np

from stagescore.media.containers.audit import Audit, ByteReader, StructureError

_SOUND, _PICTURE, _SCRIPT = 8, 9, 18
_AVC, _HEVC = 7, 12
_ENHANCED = 0x80
_COMMAND = 5
"""Kind of picture that is none: a command to the player."""
_CODED = {_AVC: (1,), _ENHANCED: (1, 3)}
"""Packet types that hold a picture; others hold settings of the codec or its end."""
_NUMBER_MARK = 0
# Set by hand: names and numbers stand at the start of the table, and a longer one is not looked through.
_MAX_SCRIPT_BYTES = 1 << 16
# Frames per second: FLV counts in milliseconds.
_MAX_RATE = 1000.0
_MAX_DURATION_S = 7 * 24 * 3600.0


@dataclass(slots=True)
class _FlvFound:
    times_ms: list[int] = field(default_factory=list)
    last_ms: int = 0
    has_sound: bool = False
    duration_s: float = 0.0
    num_bytes: float = 0.0
    rate: float = 0.0


def audit(reader: ByteReader) -> Audit:
    """Count the pictures, and hold the end of the file against what its first table says."""
    found = _FlvFound()
    problems: list[str] = []
    (at,) = struct.unpack(">I", reader.take(4, 5))
    try:
        _walk(reader, at, found)
    except StructureError as error:
        problems.append(str(error))
    if found.num_bytes > reader.size:
        problems.append(f"the file says that it has {found.num_bytes:.0f} bytes, and has {reader.size}")
    num_frames = len(found.times_ms)
    if 0 < found.duration_s < _MAX_DURATION_S and num_frames > 1:
        step_ms = 1000 / (found.rate or _measured_rate(found.times_ms))
        num_missing = round((1000 * found.duration_s - found.last_ms) / step_ms) - 1
        if num_missing > 1:
            problems.append("its last frame lies well before its declared end")
            # Sound may go on after the last picture.
            if not found.has_sound:
                num_frames = max(num_frames, round((1000 * found.duration_s - min(found.times_ms)) / step_ms))
    return Audit(num_frames, tuple(problems), tells_end=found.duration_s > 0 or found.num_bytes > 0)


def _measured_rate(times_ms: list[int]) -> float:
    step_ms = float(np.median(np.diff(np.sort(times_ms))))
    return 1000 / max(step_ms, 1000 / _MAX_RATE)


def _walk(reader: ByteReader, at: int, found: _FlvFound) -> None:
    at += 4  # the length of the tag before the first, which is none
    while at < reader.size:
        head = reader.take(11, at)
        kind, length = head[0] & 0x1F, int.from_bytes(head[1:4], "big")
        if kind not in (_SOUND, _PICTURE, _SCRIPT):
            raise StructureError("it is torn: no tag where the next should begin")
        body, after = at + 11, at + 11 + length
        if after > reader.size:
            raise StructureError("the file ends in the middle of its data")
        time_ms = int.from_bytes(head[4:7], "big") | head[7] << 24
        if kind == _SCRIPT:
            _read_script(reader.take(min(length, _MAX_SCRIPT_BYTES), body), found)
        elif kind == _SOUND:
            found.has_sound = True
            found.last_ms = max(found.last_ms, time_ms)
        elif _is_picture(start := reader.take(min(length, 5), body)):
            found.times_ms.append(time_ms + _delay_ms(start))
            found.last_ms = max(found.last_ms, found.times_ms[-1])
        if reader.take(4, after) != struct.pack(">I", 11 + length):
            raise StructureError("it is torn: a tag has another length than it says at its end")
        at = after + 4


def _is_picture(start: bytes) -> bool:
    if len(start) < 2:
        return False
    if start[0] & _ENHANCED:
        return start[0] & 0xF in _CODED[_ENHANCED] and start[0] >> 4 & 7 != _COMMAND
    if start[0] >> 4 == _COMMAND:
        return False
    return start[0] & 0xF not in (_AVC, _HEVC) or start[1] in _CODED[_AVC]


def _delay_ms(start: bytes) -> int:
    """How much later than it is decoded a picture is shown."""
    if start[0] & _ENHANCED or start[0] & 0xF not in (_AVC, _HEVC) or len(start) < 5:
        return 0
    return int.from_bytes(start[2:5], "big", signed=True)


def _read_script(content: bytes, found: _FlvFound) -> None:
    """The numbers `duration`, `filesize` and `framerate` of `onMetaData`, wherever they stand in it."""
    if b"onMetaData" not in content[:16]:
        return
    found.duration_s = _number(content, b"duration") or found.duration_s
    found.num_bytes = _number(content, b"filesize") or found.num_bytes
    rate = _number(content, b"framerate")
    found.rate = rate if 1 <= rate <= _MAX_RATE else found.rate


def _number(content: bytes, name: bytes) -> float:
    """The number with this name; 0 if there is none."""
    at = content.find(struct.pack(">H", len(name)) + name)
    value = content[at + 2 + len(name) :][:9]
    if at < 0 or len(value) < 9 or value[0] != _NUMBER_MARK:
        return 0.0
    number = float(struct.unpack(">d", value[1:])[0])
    return number if math.isfinite(number) and number > 0 else 0.0
