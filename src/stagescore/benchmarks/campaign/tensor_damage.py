"""Damage to files of tensors: headers of safetensors and of NumPy's arrays."""

import json
import struct
from typing import Any

from stagescore.benchmarks.campaign.byte_damage import ANY_FILE, INTEGERS, Fuzzer, extreme_number
from stagescore.benchmarks.campaign.chance import Chance
from stagescore.benchmarks.campaign.text_damage import JSON_TEXT
from stagescore.json_files import parse_json

_SHAPES: tuple[list[int], ...] = (
    [0],
    [2**31],
    [2**62, 4],
    [2**32, 2**32],
    [-1],
    [1] * 100,
    [],
    [1, 2**40],
    [0, 2**63],
    [3, 3],
)
_TYPES = ("F64", "F32", "F16", "BF16", "I64", "U64", "BOOL", "F8_E4M3", "C64", "X", "", "F4")


def _taken_apart(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<Q", content)
    return parse_json(content[8 : 8 + length], finite=False), content[8 + length :]


def _together(header: bytes, data: bytes, claimed: int | None = None) -> bytes:
    return struct.pack("<Q", (len(header) if claimed is None else claimed) % 2**64) + header + data


def tensor_header(content: bytes, _: bytes, chance: Chance) -> bytes:
    """What a safetensors header says of a tensor becomes huge, negative, another type or another tensor's place."""
    header, data = _taken_apart(content)
    names = [name for name in header if name != "__metadata__"]
    name = chance.one_of(names)
    told = header[name]
    way = chance.below(9)
    if way == 0:
        told["shape"] = chance.one_of(_SHAPES)
    elif way == 1:
        told["dtype"] = chance.one_of(_TYPES)
    elif way == 2:
        told["data_offsets"] = [chance.one_of(INTEGERS), chance.one_of(INTEGERS)]
    elif way == 3:
        told["data_offsets"] = header[chance.one_of(names)]["data_offsets"]
    elif way == 4:
        header[chance.one_of((name + "2", "__metadata__", "\x1b[2J", "x" * 10_000))] = told
    elif way == 5:
        del header[name]
    elif way == 6:
        header |= {
            f"more{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
            for n in range(chance.one_of((1, 1000, 30_000)))
        }
    elif way == 7:
        told["shape"] = told["shape"][::-1] or [1]
    else:
        return _together(json.dumps(header).encode(), data, chance.one_of(INTEGERS))
    return _together(json.dumps(header).encode(), data)


def tensor_card(content: bytes, other: bytes, chance: Chance) -> bytes:
    """The card in a safetensors header, which is JSON in JSON, changes as JSON does."""
    header, data = _taken_apart(content)
    texts = header.get("__metadata__", {})
    if not texts:
        return tensor_header(content, other, chance)
    key = chance.one_of(sorted(texts))
    changed = chance.one_of(JSON_TEXT)(texts[key].encode(), b"{}", chance)
    texts[key] = changed.decode("utf-8", "replace")
    return _together(json.dumps(header).encode(), data)


def tensor_numbers(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Numbers of the tensors change, as bits do in memory; the header stays."""
    header, data = _taken_apart(content)
    return _together(json.dumps(header).encode(), extreme_number(data, other, chance))


SAFETENSORS: tuple[Fuzzer, ...] = (
    tensor_header,
    tensor_header,
    tensor_card,
    tensor_card,
    tensor_card,
    tensor_numbers,
)

_ARRAY_TYPES = (
    "<f8",
    ">f4",
    "|O",
    "<f2",
    "|S3",
    "<U1000000",
    "<c16",
    "|V8",
    "<M8[s]",
    "[('a', '<f8')]",
    "<i8",
    "|b1",
    "x",
    "<f8' + '",
)
_ARRAY_SHAPES = (
    "(0,)",
    "(1000000000000,)",
    "(-1, 16, 3)",
    "(2, 16, 99999999)",
    "()",
    "(3,)",
    "(1, 2, 3, 4, 5)",
    "(True,)",
    "(1e9,)",
    "(9" + "9" * 60 + ",)",
)


def array_header(content: bytes, _: bytes, chance: Chance) -> bytes:
    """The header of an array of NumPy (`.npy`) says another type, shape, order, version or length."""
    (length,) = struct.unpack_from("<H", content, 8)
    header, data = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    way = chance.below(7)
    version = content[6:8]
    if way == 0:
        header = (
            f"{{'descr': '{chance.one_of(_ARRAY_TYPES)}', 'fortran_order': False, 'shape': (2, 16, 3), }}"
        )
    elif way == 1:
        header = header[: header.rindex("'shape'")] + f"'shape': {chance.one_of(_ARRAY_SHAPES)}, }}"
    elif way == 2:
        header = header.replace("False", chance.one_of(("True", "None", "1", "__import__('os')")))
    elif way == 3:
        header = "(" * chance.one_of((10, 200, 60_000)) + header
    elif way == 4:
        version = chance.one_of((b"\2\0", b"\3\0", b"\0\0", b"\xff\xff", b"\1\1"))
    elif way == 5:
        data = extreme_number(data, b"", chance)
    else:
        header = (
            header.strip()[:-1]
            + ", 'more': "
            + chance.one_of(("1", "[" * 90 + "]" * 90, "lambda: 0", "9**9**9"))
            + "}"
        )
    told = header.encode("latin-1")[:65_000]
    return content[:6] + version + struct.pack("<H", len(told)) + told + data


NPY: tuple[Fuzzer, ...] = (array_header, array_header, array_header, *ANY_FILE)
