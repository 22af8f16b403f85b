"""ONNX networks of every form that is read, tiny, written field by field; the reader opens them and shows them a picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Num

from stagescore.benchmarks.campaign.part_damage import FilePart
from stagescore.benchmarks.campaign.part_forms import PROTOBUF, as_varint
from stagescore.benchmarks.campaign.sample import Reader, Sample, Simulated
from stagescore.pose.loading import open_detector, open_estimator

_FLOAT, _INT32, _INT64 = 1, 6, 7
_SIMCC_PX = (64, 48)
_YOLO_PX = 64
Array = Num[np.ndarray, "..."]


def onnx_samples(simulated: Simulated) -> tuple[Sample, ...]:
    """Networks whose answers are constants, through several operators."""
    rows, columns = np.zeros((1, 17, 2 * _SIMCC_PX[1])), np.zeros((1, 17, 2 * _SIMCC_PX[0]))
    people = np.zeros((1, 6, 56))
    people[0, 0, 51:] = (0.2, 0.3, 0.4, 0.6, 0.9)
    networks = {
        "multipose.onnx": ("detector", _network({"y": people}, (1, "h", "w", 3), _INT32)),
        "thunder.onnx": ("estimator", _network({"y": np.full((1, 1, 17, 3), 0.5)}, (1, 256, 256, 3), _INT32)),
        "simcc.onnx": (
            "estimator",
            _network({"x": columns + 0.5, "y": rows + 0.5}, (1, 3, *_SIMCC_PX[::-1]), _FLOAT),
        ),
        "yolo.onnx": (
            "detector",
            _network({"y": np.full((1, 5, 84), 0.1)}, (1, 3, _YOLO_PX, _YOLO_PX), _FLOAT),
        ),
    }
    return tuple(
        Sample(name=name, files={name: content}, entry=name, reader=reader)
        for name, (reader, content) in networks.items()
    )


def read_detector(path: Path) -> str:
    """Open a detector and look for people in a grey picture."""
    open_detector(path, threads=1).detect(np.full((48, 64, 3), 128, np.uint8))
    return ""


def read_estimator(path: Path) -> str:
    """Open an estimator and find joints in two grey crops."""
    estimator = open_estimator(path, threads=1)
    width, height = estimator.crop_size_px
    estimator.estimate([np.full((height, width, 3), 128, np.uint8)] * 2)
    return ""


ONNX_READERS: Mapping[str, Reader] = {"detector": read_detector, "estimator": read_estimator}


def _number(field: int, value: int) -> FilePart:
    return FilePart(as_varint(field << 3), as_varint(value))


def _bytes(field: int, content: bytes | str) -> FilePart:
    return FilePart(as_varint(field << 3 | 2), content.encode() if isinstance(content, str) else content)


def _message(field: int, *parts: FilePart) -> FilePart:
    return FilePart(as_varint(field << 3 | 2), b"", parts)


def _picture(name: str, kind: int, shape: tuple[int | str, ...]) -> tuple[FilePart, FilePart]:
    sides = [_message(1, _number(1, side) if isinstance(side, int) else _bytes(2, side)) for side in shape]
    return _bytes(1, name), _message(2, _message(1, _number(1, kind), _message(2, *sides)))


def _tensor(name: str, array: Array) -> list[FilePart]:
    kind, form = (_INT64, "<i8") if array.dtype.kind == "i" else (_FLOAT, "<f4")
    sides = [_number(1, side) for side in array.shape]
    return [*sides, _number(2, kind), _bytes(8, name), _bytes(9, array.astype(form).tobytes())]


def _node(kind: str, inputs: tuple[str, ...], output: str, **numbers: int) -> FilePart:
    told = [
        _message(5, _bytes(1, name), _number(3, value), _number(20, 2)) for name, value in numbers.items()
    ]
    return _message(1, *(_bytes(1, name) for name in inputs), _bytes(2, output), _bytes(4, kind), *told)


def _network(answers: Mapping[str, Array], shape: tuple[int | str, ...], kind: int) -> bytes:
    """A network that adds the mean of the picture, times nothing, to constants."""
    nodes = [
        _node("Cast", ("picture",), "light", to=_FLOAT),
        _node("ReduceMean", ("light",), "mean", keepdims=0),
        _node("Mul", ("mean", "nothing"), "none"),
    ]
    constants = [_message(5, *_tensor("nothing", np.zeros(())))]
    for name, array in answers.items():
        nodes += [
            _node("Reshape", (f"c{name}", f"s{name}"), f"r{name}"),
            _node("Add", (f"r{name}", "none"), name),
        ]
        constants += [
            _message(5, *_tensor(f"c{name}", array.ravel())),
            _message(5, *_tensor(f"s{name}", np.array(array.shape))),
        ]
    outputs = [_message(12, *_picture(name, _FLOAT, array.shape)) for name, array in answers.items()]
    graph = _message(
        7, *nodes, _bytes(2, "made"), *constants, _message(11, *_picture("picture", kind, shape)), *outputs
    )
    return PROTOBUF.written([_number(1, 8), graph, _message(8, _number(2, 13))])
