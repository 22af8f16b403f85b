"""Tiny ONNX files, written byte by byte: a picture goes in, fixed tensors come out."""

import numpy as np

FLOAT, INT32 = 1, 6


def _varint(value):
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, content):
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _value_info(name, kind, shape):
    dims = b"".join(_bytes(1, _number(1, s) if isinstance(s, int) else _bytes(2, s)) for s in shape)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims)))


def _tensor(name, array):
    dims = b"".join(_number(1, side) for side in array.shape)
    return dims + _number(2, FLOAT) + _bytes(8, name) + _bytes(9, array.astype("<f4").tobytes())


def network(outputs, shape=(1, 3, 64, 48), kind=FLOAT):
    """A network of one picture input whose outputs are always these arrays."""
    graph = b""
    for k, array in enumerate(outputs):
        graph += _bytes(1, _bytes(1, f"c{k}") + _bytes(2, f"y{k}") + _bytes(4, "Identity"))
        graph += _bytes(5, _tensor(f"c{k}", np.asarray(array, float)))
    graph += _bytes(2, "fixed") + _bytes(11, _value_info("picture", kind, shape))
    for k, array in enumerate(outputs):
        graph += _bytes(12, _value_info(f"y{k}", FLOAT, np.asarray(array).shape))
    return _number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, graph)
