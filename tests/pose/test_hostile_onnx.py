"""ONNX files that ask for too much: refused in one line, before memory or time is gone."""

import resource

import numpy as np
import pytest
from made_onnx import FLOAT, INT32, INT64, STRING, graph, model, network, node

from stagescore.errors import CheckpointError
from stagescore.pose.onnx_networks import open_detector, open_network

pytest.importorskip("onnxruntime")

PICTURE = {"picture": (FLOAT, (1, 3, 64, 64))}
BOOL = 9
LIMIT_MB = 1500


def endless():
    """A loop whose condition stays true."""
    kept = (FLOAT, (1, 1, 17, 3))
    body = graph(
        [node("Identity", ["on"], ["on_again"]), node("Identity", ["before"], ["after"])],
        {},
        {"turn": (INT64, ()), "on": (BOOL, ()), "before": kept},
        {"on_again": (BOOL, ()), "after": kept},
    )
    nodes = [
        node("Cast", ["one"], ["true"], to=BOOL),
        node("Loop", ["", "true", "joints"], ["y"], body=body),
    ]
    constants = {"one": np.int64(1), "joints": np.zeros((1, 1, 17, 3))}
    return model(graph(nodes, constants, PICTURE, {"y": kept}))


HUGE = {"shape": np.array([40_000, 40_000])}
CASES = {
    "constant": model(
        graph([node("ConstantOfShape", ["shape"], ["y"])], HUGE, PICTURE, {"y": (FLOAT, ("a", "b"))})
    ),
    "expand": model(
        graph(
            [node("Expand", ["one", "shape"], ["y"])],
            HUGE | {"one": np.ones((1, 1))},
            PICTURE,
            {"y": (FLOAT, ("a", "b"))},
        )
    ),
    "tile": model(
        graph(
            [node("Tile", ["one", "shape"], ["y"])],
            HUGE | {"one": np.ones((1, 1))},
            PICTURE,
            {"y": (FLOAT, ("a", "b"))},
        )
    ),
    "range": model(
        graph(
            [node("Range", ["zero", "end", "step"], ["y"])],
            {"zero": np.int64(0), "end": np.int64(10**12), "step": np.int64(1)},
            PICTURE,
            {"y": (INT64, ("a",))},
        )
    ),
    "random": model(
        graph([node("RandomNormal", [], ["y"], shape=[50_000, 50_000])], {}, PICTURE, {"y": (FLOAT, (1, 2))})
    ),
    "no input": model(graph([node("Identity", ["c"], ["y"])], {"c": np.zeros(2)}, {}, {"y": (FLOAT, (2,))})),
    "two inputs": model(
        graph(
            [node("Add", ["picture", "more"], ["y"])],
            {},
            PICTURE | {"more": (FLOAT, (1,))},
            {"y": (FLOAT, (1, 3, 64, 64))},
        )
    ),
    "no output": model(graph([node("Identity", ["picture"], ["y"])], {}, PICTURE, {})),
    "huge picture": network([np.zeros((1, 6, 56))], (1, 300_000, 300_000, 3)),
    "no pixels": network([np.zeros((1, 6, 56))], (1, 0, 64, 3)),
    "text comes out": model(
        graph([node("Cast", ["picture"], ["y"], to=STRING)], {}, PICTURE, {"y": (STRING, (1, 3, 64, 64))})
    ),
    "a sequence comes out": model(
        graph([node("SequenceConstruct", ["picture"], ["y"])], {}, PICTURE, {"y": (FLOAT, (1,))})
    ),
    "text goes in": network([np.zeros((1, 6, 56))], (1, 64, 64, 3), STRING),
    "one axis": network([np.zeros((1, 6, 56))], (64,)),
    "no axes": network([np.zeros((1, 6, 56))], ()),
    "a number comes out": network([np.zeros(())]),
    "NaN comes out": network([np.full((1, 6, 56), np.nan)], (1, 64, 64, 3)),
}


def most_mb() -> float:
    """Most memory that this process and those that it started have had at once, in MB."""
    return (
        sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        / 1024
    )


@pytest.mark.parametrize("name", CASES)
def test_what_no_network_for_pictures_asks_for_is_refused(tmp_path, name):
    path = tmp_path / "hostile.onnx"
    path.write_bytes(CASES[name])
    before = most_mb()
    with pytest.raises(CheckpointError, match=r"hostile\.onnx: .*; ") as caught:
        open_network(path)
    assert "\n" not in str(caught.value)
    assert most_mb() < before + LIMIT_MB


@pytest.mark.parametrize("name", ["folder", "device"])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(CheckpointError, match="it is no file"):
        open_network(tmp_path if name == "folder" else tmp_path.__class__("/dev/zero"))


def test_what_depends_on_the_picture_is_bounded_when_pictures_come(tmp_path):
    nodes = [
        node("Cast", ["picture"], ["light"], to=FLOAT),
        node("ReduceSum", ["light"], ["sum"], keepdims=0),
        node("Cast", ["sum"], ["whole"], to=INT64),
        node("Mul", ["whole", "hundred"], ["many"]),
        node("Reshape", ["many", "flat"], ["shape"]),
        node("ConstantOfShape", ["shape"], ["zeros"]),
        node("ReduceSum", ["zeros"], ["nothing"], keepdims=0),
        node("Add", ["people", "nothing"], ["y"]),
    ]
    constants = {"hundred": np.int64(100), "flat": np.array([1]), "people": np.zeros((1, 6, 56))}
    content = graph(nodes, constants, {"picture": (INT32, (1, "h", "w", 3))}, {"y": (FLOAT, (1, 6, 56))})
    path = tmp_path / "waits.onnx"
    path.write_bytes(model(content))
    detector = open_detector(path)
    assert len(detector.detect(np.zeros((64, 64, 3), np.uint8)).confidence) == 6
    before = most_mb()
    with pytest.raises(CheckpointError, match=r"waits\.onnx"):
        detector.detect(np.full((64, 64, 3), 255, np.uint8))
    assert most_mb() < before + LIMIT_MB


@pytest.mark.slow
def test_a_loop_without_an_end_is_ended(tmp_path):
    path = tmp_path / "endless.onnx"
    path.write_bytes(endless())
    with pytest.raises(CheckpointError, match=r"a trial|terminate"):
        open_network(path)
