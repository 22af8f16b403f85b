import builtins

import numpy as np
import pytest
from made_onnx import INT32, network

from stagescore.errors import CheckpointError, ConfigError
from stagescore.pose.networks import Detector, Estimator
from stagescore.pose.onnx_networks import open_detector, open_estimator, open_network, people_of_yolo
from stagescore.skeleton import MPII_16

pytest.importorskip("onnxruntime")


def save(tmp_path, outputs, shape=(1, 3, 64, 48), kind=1):
    path = tmp_path / "network.onnx"
    path.write_bytes(network(outputs, shape, kind))
    return path


def simcc(joints, places):
    columns, rows = np.zeros((1, joints, 96)), np.zeros((1, joints, 128))
    for joint, (x, y) in enumerate(places):
        columns[0, joint, int(2 * x)], rows[0, joint, int(2 * y)] = 0.9, 0.8
    return [columns, rows]


def test_simcc_of_16_joints_is_read_as_mpii(tmp_path):
    places = [(k, 2 * k) for k in range(16)]
    estimator = open_estimator(save(tmp_path, simcc(16, places)))
    assert estimator.crop_size_px == (48, 64)
    assert not estimator.derived.any()
    found = estimator.estimate([np.zeros((64, 48, 3), np.uint8)] * 3)
    assert found.shape == (3, 16, 3)
    np.testing.assert_allclose(found[1, :, :2], places)
    np.testing.assert_allclose(found[..., 2], 0.8, atol=1e-6)
    assert isinstance(estimator, Estimator)


def test_simcc_of_17_joints_is_mapped_and_the_derived_ones_are_marked(tmp_path):
    estimator = open_estimator(save(tmp_path, simcc(17, [(k, 2 * k) for k in range(17)])))
    (found,) = estimator.estimate([np.zeros((64, 48, 3), np.uint8)])
    assert [MPII_16.joints[k] for k in np.flatnonzero(estimator.derived)] == [
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
    ]
    np.testing.assert_allclose(found[MPII_16.index("right_ankle"), :2], (16, 32))
    np.testing.assert_allclose(found[MPII_16.index("pelvis"), :2], (11.5, 23))
    assert estimator.estimate([]).shape == (0, 16, 3)


def test_movenet_is_told_by_its_shapes(tmp_path):
    people = np.zeros((1, 6, 56))
    people[0, 2, 51:] = (0.25, 0.5, 0.75, 1.0, 0.6)
    detector = open_detector(save(tmp_path, [people], (1, "h", "w", 3), INT32))
    found = detector.detect(np.zeros((288, 384, 3), np.uint8)).above(0.1)
    np.testing.assert_allclose(found.boxes_px, [[192, 72, 384, 216]])
    assert found.confidence.tolist() == pytest.approx([0.6])
    found = detector.detect(np.zeros((720, 1280, 3), np.uint8)).above(0.1)  # shown as 384 x 216 and padded
    np.testing.assert_allclose(found.boxes_px, [[640, 186.67, 1280, 560]], atol=0.1)
    joints = np.zeros((1, 1, 17, 3))
    joints[..., 0], joints[..., 1], joints[..., 2] = 0.25, 0.5, 0.7
    estimator = open_estimator(save(tmp_path, [joints], (1, 256, 256, 3), INT32))
    (found,) = estimator.estimate([np.zeros((256, 256, 3), np.uint8)])
    np.testing.assert_allclose(found[0], (128, 64, 0.7), atol=1e-6)
    assert isinstance(detector, Detector)


CANDIDATES = 16**2 + 8**2 + 4**2  # of a picture of 128 x 128


def yolo_table():
    """Three candidates of two classes: two of the same person, and a bicycle."""
    table = np.zeros((3, 6))
    table[0] = (50, 40, 20, 30, 0.9, 0.0)
    table[1] = (51, 40, 20, 30, 0.8, 0.0)
    table[2] = (90, 90, 10, 10, 0.0, 0.95)
    return table


@pytest.mark.parametrize("form", ["columns", "objectness", "final"])
def test_yolo_in_three_forms_gives_the_same_person(tmp_path, form):
    table = yolo_table()
    if form == "columns":
        output = np.concatenate([table.T, np.zeros((6, CANDIDATES - 3))], axis=1)
    elif form == "objectness":
        output = np.concatenate([table[:, :4], np.ones((3, 1)), table[:, 4:]], axis=1)
        output = np.concatenate([output, np.zeros((CANDIDATES - 3, 7))])
    else:
        half = table[:, 2:4] / 2
        corners = np.concatenate([table[:, :2] - half, table[:, :2] + half], axis=1)
        output = np.concatenate([corners, [[0.9, 0], [0.01, 0], [0.95, 1]]], axis=1)
    detector = open_detector(save(tmp_path, [output[None]], (1, 3, 128, 128)))
    found = detector.detect(np.zeros((64, 64, 3), np.uint8))  # enlarged to twice its size
    np.testing.assert_allclose(found.boxes_px, [[20, 12.5, 30, 27.5]], atol=0.3)
    assert found.confidence.tolist() == pytest.approx([0.9])


def test_yolo_rows_without_people_are_empty():
    assert len(people_of_yolo(np.zeros((0, 6))).confidence) == 0


@pytest.mark.parametrize(
    ("outputs", "shape"),
    [
        ([np.zeros((1, 10))], (1, 3, 64, 48)),
        ([np.zeros((1, 16, 96)), np.zeros((1, 17, 128))], (1, 3, 64, 48)),
        ([np.zeros((1, 20, 96)), np.zeros((1, 20, 128))], (1, 3, 64, 48)),
        ([np.zeros((1, 6, 57))], (1, 64, 64, 3)),
        ([np.zeros((1, 17, 16, 12))], (1, 3, 64, 48)),
        ([np.zeros((1, 17, 3))], (1, 3, 64, 64)),
        ([np.zeros((1, 16, 64))], (1, 3, 64, 64)),
        ([np.zeros((1, 1000, 5))], (1, 3, 64, 64)),
    ],
    ids=["classes", "joints differ", "20 joints", "57 numbers", "heat maps", "17 points", "a map", "no grid"],
)
def test_a_network_of_unknown_shapes_is_refused_with_its_shapes(tmp_path, outputs, shape):
    path = save(tmp_path, outputs, shape)
    with pytest.raises(CheckpointError, match="unknown shapes") as caught:
        open_network(path)
    assert str(path) in str(caught.value)
    assert str(tuple(outputs[0].shape)) in str(caught.value)


def test_every_kind_of_truncation_is_refused(tmp_path):
    whole = network(simcc(16, [(1, 1)] * 16))
    path = tmp_path / "cut.onnx"
    for length in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.onnx"):
            open_network(path)


def test_the_wrong_kind_and_no_file_are_told(tmp_path):
    path = save(tmp_path, simcc(16, [(1, 1)] * 16))
    with pytest.raises(CheckpointError, match="finds joints"):
        open_detector(path)
    with pytest.raises(CheckpointError, match="no network"):
        open_detector(tmp_path / "none.onnx")


def test_without_onnxruntime_the_error_says_what_to_install(tmp_path, monkeypatch):
    plain = builtins.__import__

    def refuse(name, *rest, **more):
        if name == "onnxruntime":
            raise ModuleNotFoundError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'stagescore\[pose\]'"):
        open_network(tmp_path / "any.onnx")
