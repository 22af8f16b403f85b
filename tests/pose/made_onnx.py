"""Tiny ONNX files, written byte by byte: a picture goes in, and out come fixed tensors or what any nodes make of it."""

import numpy as np

FLOAT, INT32, INT64, STRING = 1, 6, 7, 8


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
    kind, form = (INT64, "<i8") if array.dtype.kind in "iu" else (FLOAT, "<f4")
    return dims + _number(2, kind) + _bytes(8, name) + _bytes(9, array.astype(form).tobytes())


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


def node(kind, inputs, outputs, **attributes):
    """A node; attributes are whole numbers, lists of them, or bytes of a graph."""
    content = b"".join(_bytes(1, name) for name in inputs) + b"".join(_bytes(2, name) for name in outputs)
    content += _bytes(4, kind)
    for name, value in attributes.items():
        if isinstance(value, bytes):
            told = _bytes(6, value) + _number(20, 5)
        elif isinstance(value, int):
            told = _number(3, value) + _number(20, 2)
        else:
            told = b"".join(_number(8, one) for one in value) + _number(20, 7)
        content += _bytes(5, _bytes(1, name) + told)
    return content


def graph(nodes, constants, inputs, outputs):
    """The bytes of a graph.

    Args:
        nodes: What `node` gives.
        constants: Arrays by name; whole numbers become int64.
        inputs: Kind and shape of each input by name.
        outputs: Kind and shape of each output by name.
    """
    content = b"".join(_bytes(1, one) for one in nodes) + _bytes(2, "made")
    content += b"".join(_bytes(5, _tensor(name, np.asarray(value))) for name, value in constants.items())
    content += b"".join(_bytes(11, _value_info(name, *form)) for name, form in inputs.items())
    return content + b"".join(_bytes(12, _value_info(name, *form)) for name, form in outputs.items())


def model(content):
    """The bytes of a file with a graph."""
    return _number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, content)
