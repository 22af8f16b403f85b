"""Joints in npz files that ask for too much: refused in one line, before they take it."""

import io
import zipfile

import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.pose.npz_files import read_npz


def header(text):
    """The beginning of an array whose header says this."""
    padded = text.encode().ljust(118 - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded


def described(dtype, shape):
    return header(f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}")


def of_arrays(path, compression=zipfile.ZIP_DEFLATED, **contents):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.npy", content)


def saved(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


ARRAYS = {
    "bomb": described("<f8", (10**6, 16, 3)) + bytes(200 * 2**20),
    "declared": described("<f8", (10**12, 16, 3)) + bytes(64),
    "negative": described("<f8", (-4, -16, 3)) + bytes(4 * 16 * 3 * 8),
    "half": described("<f8", (4, 16, 3)) + bytes(100),
    "long item": described("|S1000000000", (1,)) + bytes(10),
    "empty item": described("|V0", (10**15,)),
    "objects": saved(np.array([[["a", 1]]], dtype=object)),
    "fields": saved(np.zeros((4, 16), dtype=[("x", "f8"), ("y", "f8")])),
    "complex": saved(np.zeros((4, 16, 2), complex)),
    "text": saved(np.full((4, 16, 2), "x")),
    "dates": saved(np.zeros((4, 16, 2), "M8[s]")),
    "nested": header("(" * 100 + ")" * 10),
    "a call": header("__import__('os').getpid()"),
    "nothing": b"",
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_cannot_be_poses_is_refused(tmp_path, name):
    path = tmp_path / "hostile.npz"
    of_arrays(path, pred=ARRAYS[name])
    with pytest.raises(DataError, match=r"hostile\.npz: ") as caught:
        read_npz(path)
    assert "\n" not in str(caught.value)


def test_a_long_list_of_arrays_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "many.npz"
    of_arrays(path, zipfile.ZIP_STORED, **{f"a{k}": b"" for k in range(20_000)})
    with pytest.raises(DataError, match="lists more arrays"):
        read_npz(path)
