import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stagescore.errors import DataError
from stagescore.pose.formats import read_authors_json
from stagescore.pose.npz_files import read_npz


def save(tmp_path, pred, compressed=False):
    path = tmp_path / "pred_comp_1.npz"
    (np.savez_compressed if compressed else np.savez)(path, pred=pred)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4", ">f8"])
def test_joints_are_read_as_written(tmp_path, compressed, dtype):
    pred = (np.arange(96 * 16 * 2).reshape(96, 16, 2) % 450).astype(dtype)
    track = read_npz(save(tmp_path, pred, compressed))
    assert np.array_equal(track.joints_px, pred.astype(float))
    assert (track.confidence == 1).all()


def test_the_third_coordinate_is_the_confidence(tmp_path):
    pred = np.random.default_rng(0).random((96, 16, 3))
    track = read_npz(save(tmp_path, pred))
    assert np.array_equal(track.confidence, pred[..., 2])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_joints_that_are_no_numbers_are_unknown(tmp_path, value):
    pred = np.full((96, 16, 3), 0.5)
    pred[3, 4, 1] = value
    pred[5, 6, 2] = np.nan
    track = read_npz(save(tmp_path, pred))
    assert not track.known[3, 4]
    assert track.confidence[3, 4] == 0
    assert track.confidence[5, 6] == 0
    assert track.known.sum() == 96 * 16 - 1


def _npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip(name, content, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def _broken_stream():
    content = bytearray(_zip("pred.npy", _npy(np.random.default_rng(0).random((96, 16, 2)))))
    content[content.index(b"pred.npy") + len("pred.npy")] = 0xFF  # a kind of block that does not exist
    return bytes(content)


def _encrypted():
    content = bytearray(_zip("pred.npy", _npy(np.zeros((96, 16, 2))), zipfile.ZIP_STORED))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


BROKEN = {
    "empty": b"",
    "no archive": b"abc" * 100,
    "an array alone": _npy(np.zeros((96, 16, 2))),
    "a pickle": pickle.dumps(np.zeros((96, 16, 2))),
    "another name": _zip("joints.npy", _npy(np.zeros((96, 16, 2)))),
    "no array inside": _zip("pred.npy", b"hello"),
    "a broken header": _zip("pred.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((\n"),
    "objects": _zip("pred.npy", _npy(np.array([{}, []], dtype=object))),
    "another shape": _zip("pred.npy", _npy(np.zeros((96, 18, 2)))),
    "another last axis": _zip("pred.npy", _npy(np.zeros((96, 16, 4)))),
    "another rank": _zip("pred.npy", _npy(np.zeros((96, 32)))),
    "texts": _zip("pred.npy", _npy(np.full((96, 16, 2), "a"))),
    "complex numbers": _zip("pred.npy", _npy(np.zeros((96, 16, 2), dtype=complex))),
    "a confidence above 1": _zip("pred.npy", _npy(np.full((96, 16, 3), 1.5))),
    "a negative confidence": _zip("pred.npy", _npy(np.full((96, 16, 3), -0.5))),
    "a huge declared shape": _zip(
        "pred.npy", _npy(np.zeros((96, 16, 2))).replace(b"(96, 16, 2)", b"(99999999999, 16, 2)")
    ),
    "a bomb": _zip("pred.npy", bytes(200 * 2**20)),
    "a broken stream": _broken_stream(),
    "encrypted": _encrypted(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, name):
    path = tmp_path / "pred_comp_1.npz"
    path.write_bytes(BROKEN[name])
    with pytest.raises(DataError) as caught:
        read_npz(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "pred_comp_1.npz"
    path.write_bytes(BROKEN["a bomb"])
    with pytest.raises(DataError, match="unpacks to more"):
        read_npz(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(DataError, match="cannot read the poses"):
            read_npz(path)


def test_every_truncation_is_refused(tmp_path):
    content = save(tmp_path, np.zeros((4, 16, 2)), compressed=True).read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            read_npz(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(0, 3), st.just(16), st.sampled_from([2, 3])), elements=st.floats()
    )
)
def test_any_numbers_give_a_track_or_an_error(tmp_path, pred):
    try:
        track = read_npz(save(tmp_path, pred))
    except DataError:
        return
    assert track.num_frames == len(pred)
    assert np.array_equal(track.known, np.isfinite(pred[..., :2]).all(-1))


ENTRY = {
    "image": "a.jpg",
    "center": [100.0, 80.0],
    "scale": 0.5,
    "joints": [[float(j), float(j + 1)] for j in range(16)],
    "joints_vis": [1] * 15 + [0],
}


def write(tmp_path, content):
    path = tmp_path / "joints.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_hand_made_joints_are_read_as_written(tmp_path):
    (label,) = read_authors_json(write(tmp_path, [ENTRY]))
    assert label.image == "a.jpg"
    assert label.center_px == (100.0, 80.0)
    assert label.scale == 0.5
    assert np.array_equal(label.joints_px, ENTRY["joints"])
    assert label.visible.tolist() == [True] * 15 + [False]


@pytest.mark.parametrize(
    "changes",
    [
        {"image": None},
        {"image": 5},
        {"center": [1.0]},
        {"center": [1.0, None]},
        {"center": "ab"},
        {"scale": None},
        {"scale": [1.0]},
        {"scale": float("nan")},
        {"scale": 10**400},
        {"joints": [[1.0, 2.0]] * 15},
        {"joints": [[1.0, 2.0]] * 15 + [[1.0]]},
        {"joints": [[1.0, float("inf")]] * 16},
        {"joints": None},
        {"joints": {}},
        {"joints_vis": [1] * 17},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_entry_that_cannot_be_is_named(tmp_path, changes):
    path = write(tmp_path, [ENTRY, ENTRY | changes])
    with pytest.raises(DataError, match="entry 1") as caught:
        read_authors_json(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "{}", "null", "[" * 100_000, "[1]", "[[]]"], ids=range(7))
def test_a_torn_json_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=r"joints\.json"):
        read_authors_json(write(tmp_path, content))


def test_the_real_hand_made_joints(shared):
    labels = read_authors_json(shared / "data" / "finediving_pose" / "annotations_examples.json")
    assert len(labels) == 69
    for label in labels:
        assert (label.joints_px >= 0).all()
        assert (label.joints_px[:, 0] <= 455).all()
        assert (label.joints_px[:, 1] <= 256).all()
