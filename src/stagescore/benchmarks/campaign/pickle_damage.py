"""Damage to pickles, instruction by instruction: nothing is unpickled here."""

import pickletools
import struct

from stagescore.benchmarks.campaign.byte_damage import INTEGERS, MOST_BYTES, Fuzzer
from stagescore.benchmarks.campaign.chance import Chance

_GLOBALS = (b"cos\nsystem\n", b"cbuiltins\neval\n", b"cbuiltins\ngetattr\n", b"cnumpy\nndarray\n", b"ctorch._utils\n_rebuild_tensor_v2\n",
            b"ccollections\nOrderedDict\n", b"ctorch\nload\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"c__builtin__\nset\n")  # fmt: skip
_TEXTS = (
    b"S'posix'\n",
    b"X\x05\0\0\0abcde",
    b"V\\ud800\n",
    b"C\x02\xff\xfe",
    b"I99999999999999999999\n",
    b"Fnan\n",
    b"G\x7f\xf0\0\0\0\0\0\0",
)
_ACTIONS = (
    b"R",
    b"b",
    b"o",
    b"\x81",
    b"\x92",
    b"\x93",
    b"t",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"0",
    b"2",
    b"1",
    b"(",
    b")",
    b"]",
    b"}",
    b"Q",
    b".",
)


def _instructions(content: bytes) -> list[bytes]:
    try:
        places = [place for _, _, place in pickletools.genops(content) if place is not None]
    except (ValueError, IndexError, struct.error, UnicodeDecodeError):
        return [content[at : at + 1] for at in range(len(content))]
    return [content[a:b] for a, b in zip(places, [*places[1:], len(content)], strict=True)]


def instructions_changed(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Instructions move, double, vanish, come from another pickle, or are those that act."""
    ours, theirs = _instructions(content), _instructions(other)
    for _ in range(1 + chance.below(3)):
        place = chance.below(len(ours))
        way = chance.below(9)
        if way == 0:
            start, end = chance.span(len(ours), 20)
            del ours[start:end]
        elif way == 1:
            start, end = chance.span(len(ours), 20)
            ours[place:place] = ours[start:end] * chance.one_of((1, 2, 1000))
        elif way == 2:
            start, end = chance.span(len(theirs), 30)
            ours[place:place] = theirs[start:end]
        elif way == 3:
            ours.insert(place, chance.one_of(_ACTIONS))
        elif way == 4:
            ours.insert(place, chance.one_of(_TEXTS))
        elif way == 5:
            ours[place:place] = [chance.one_of(_GLOBALS), b")", b"R"]
        elif way == 6:  # keep it, and fetch it where something else is expected
            number = chance.below(4)
            ours[place:place] = [b"q" + bytes([number])]
            ours.insert(chance.below(len(ours)), b"h" + bytes([number]))
        elif way == 7:
            ours.insert(place, b"(" * chance.one_of((1, 100, 50_000)))
        else:
            ours[place] = _other_argument(ours[place], chance)
        if not ours:
            return b"."
    return b"".join(ours)[:MOST_BYTES]


def _other_argument(instruction: bytes, chance: Chance) -> bytes:
    """The same instruction with another number or length."""
    width = {b"K": 1, b"M": 2, b"J": 4, b"X": 4, b"B": 4, b"T": 4, b"\x8a": 1, b"\x8b": 4, b"\x8c": 1, b"\x8d": 8, b"\x8e": 8, b"\x95": 8,
             b"U": 1, b"C": 1, b"r": 4, b"j": 4, b"q": 1, b"h": 1}.get(instruction[:1], 0)  # fmt: skip
    if width:
        value = chance.one_of(INTEGERS) % (1 << 8 * width)
        return instruction[:1] + value.to_bytes(width, "little") + instruction[1 + width :]
    if instruction[:1] == b"G":
        return b"G" + struct.pack(">d", chance.one_of((float("nan"), float("inf"), -1.0, 1e308, 0.0)))
    return instruction[:1] + chance.noise(len(instruction) - 1)


PICKLE: tuple[Fuzzer, ...] = (instructions_changed,)
