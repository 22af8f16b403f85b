"""Damage that needs no knowledge of the form of a file: what broken copies, transfers and disks do, and numbers at their ends."""

import struct
from collections.abc import Callable

from stagescore.benchmarks.campaign.chance import Chance

Fuzzer = Callable[[bytes, bytes, Chance], bytes]
"""Damages a file, given another whole file of its kind."""
MOST_BYTES = 4 * 2**20
"""No damage makes a file larger. Set by hand."""
INTEGERS = (
    0,
    1,
    -1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, -0.0, 1e38)
_PAGE = 512


def stopped_download(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Whole blocks up to some place; what is missing is left out or, as by programs that take the space first, zeros."""
    kept = _PAGE * chance.below(1 + len(content) // _PAGE) or chance.below(len(content))
    return content[:kept] + (bytes(len(content) - kept) if chance.happens(2) else b"")


def lost_blocks(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Blocks of a disk are zeros, or those of another place of the file."""
    blocks = [content[at : at + _PAGE] for at in range(0, len(content), _PAGE)]
    for _turn in range(1 + chance.below(3)):
        place = chance.below(len(blocks))
        blocks[place] = bytes(len(blocks[place])) if chance.happens(2) else chance.one_of(blocks)
    return b"".join(blocks)


def shuffled_blocks(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Pieces of equal length in another order, some of them twice or not at all."""
    length = chance.one_of((16, 64, 188, 512, 1024))
    blocks = [content[at : at + length] for at in range(0, len(content), length)]
    start, end = chance.span(len(blocks), 8)
    return b"".join(
        blocks[:start] + [chance.one_of(blocks[start:end]) for _ in range(start, end)] + blocks[end:]
    )


def repeated(content: bytes, _: bytes, chance: Chance) -> bytes:
    """A piece very many times."""
    start, end = chance.span(len(content), chance.one_of((1, 8, 64, 1024)))
    room = max(2**18 - len(content), 0)
    times = min(chance.one_of((2, 10, 1000, 100_000)), room // (end - start))
    return content[:start] + content[start:end] * times + content[end:]


def spliced(content: bytes, other: bytes, chance: Chance) -> bytes:
    """The beginning of one file and the end of another."""
    return content[: chance.below(len(content))] + other[chance.below(len(other)) :]


def implanted(content: bytes, other: bytes, chance: Chance) -> bytes:
    """A piece of another file in the place of a piece of this one."""
    start, end = chance.span(len(other), chance.one_of((4, 32, 256, 4096)))
    at, after = chance.span(len(content), end - start)
    return content[:at] + other[start:end] + content[after if chance.happens(2) else at :]


def interleaved(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Two files that were written to one place at once."""
    length = chance.one_of((64, 512, 4096))
    pieces = [
        one[at : at + length]
        for at in range(0, max(len(content), len(other)), length)
        for one in (content, other)
    ]
    return b"".join(pieces[chance.below(2) :: 1 + chance.below(2)])


def as_text(content: bytes, _: bytes, chance: Chance) -> bytes:
    """A transfer that takes the file for text: line ends changed, the eighth bit lost, or recoded."""
    way = chance.below(4)
    if way == 0:
        return content.replace(b"\n", b"\r\n")
    if way == 1:
        return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if way == 2:
        return bytes(byte & 0x7F for byte in content)
    return content.decode("latin-1").encode("utf-8")[:MOST_BYTES]


def turned_words(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Words of two, four or eight bytes in the other order of bytes."""
    width = chance.one_of((2, 4, 8))
    start, end = chance.span(len(content), chance.one_of((width, 64, len(content))))
    words = [content[at : min(at + width, end)][::-1] for at in range(start, end, width)]
    return content[:start] + b"".join(words) + content[end:]


def edited_length(content: bytes, _: bytes, chance: Chance) -> bytes:
    """A number that can be the length of what follows it becomes another one."""
    for _turn in range(64):
        width, order = chance.one_of((2, 4, 4, 4, 8)), chance.one_of(("<", ">"))
        code = order + {2: "H", 4: "I", 8: "Q"}[width]
        at = chance.below(len(content) - width + 1)
        if at + width > len(content):
            continue
        (value,) = struct.unpack_from(code, content, at)
        if 0 < value <= len(content) - at:
            changed = chance.one_of((value - 1, value + 1, 2 * value, len(content), *INTEGERS))
            return content[:at] + struct.pack(code, changed % 256**width) + content[at + width :]
    return content[:-1]


def extreme_number(content: bytes, _: bytes, chance: Chance) -> bytes:
    """Numbers at the ends of their range, whole or not, at places where such numbers may stand."""
    changed = bytearray(content)
    for _turn in range(1 + chance.below(3)):
        width = chance.one_of((1, 2, 4, 8))
        order = chance.one_of(("little", "big"))
        if width >= 4 and chance.happens(3):
            number = struct.pack(
                ("<" if order == "little" else ">") + ("f" if width == 4 else "d"),
                chance.one_of(FLOATS[:3] + FLOATS[-1:]),
            )
        else:
            value = chance.one_of(INTEGERS) % 256**width
            number = value.to_bytes(width, "little" if order == "little" else "big")
        at = chance.below(len(changed)) // width * width
        changed[at : at + width] = number[: len(changed) - at]
    return bytes(changed)


ANY_FILE: tuple[Fuzzer, ...] = (
    stopped_download,
    lost_blocks,
    shuffled_blocks,
    repeated,
    spliced,
    implanted,
    interleaved,
    as_text,
    turned_words,
    edited_length,
    extreme_number,
)
"""For files of any form."""
