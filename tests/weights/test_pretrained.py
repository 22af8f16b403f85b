"""Files of others: hostile, torn, or something else altogether."""

import os
import pickle

import pytest
import torch

from stagescore.errors import CheckpointError
from stagescore.weights.pretrained import read_tensors

PAGE = "https://example.org/weights"


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_hostile_file_is_an_error_and_runs_nothing(tmp_path):
    for name, write in (
        ("zip.pt", lambda p: torch.save({"w": Hostile(tmp_path / "hit")}, p)),
        ("raw.pth", lambda p: p.write_bytes(pickle.dumps(Hostile(tmp_path / "hit")))),
    ):
        write(tmp_path / name)
        with pytest.raises(CheckpointError, match=PAGE):
            read_tensors(tmp_path / name, PAGE)
    assert not (tmp_path / "hit").exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_torn_and_empty_files_are_errors(tmp_path, suffix):
    whole = tmp_path / "whole.pt"
    torch.save({"w": torch.zeros(1000)}, whole)
    for size in (0, 1, 100, len(whole.read_bytes()) // 2):
        torn = tmp_path / f"torn{suffix}"
        torn.write_bytes(whole.read_bytes()[:size])
        with pytest.raises(CheckpointError, match="these are no weights") as told:
            read_tensors(torn, PAGE)
        # PyTorch's own message tells how to load what may run code.
        assert "weights_only" not in str(told.value)


@pytest.mark.parametrize("content", [[1, 2], {}, {"w": 3}, {1: torch.zeros(1)}, {"a": {"w": torch.zeros(1)}}])
def test_other_things_than_named_tensors_are_errors(tmp_path, content):
    torch.save(content, tmp_path / "file.pt")
    with pytest.raises(CheckpointError, match="these are no weights"):
        read_tensors(tmp_path / "file.pt", PAGE)


def test_files_of_an_unknown_kind_of_pickle_make_pytorch_say_nothing(tmp_path, recwarn):
    path = tmp_path / "old.bin"
    torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes().replace(b"\x80\x02", b"\x80\x65"))
    assert read_tensors(path, PAGE)["w"].tolist() == [1, 1, 1]
    assert not recwarn.list
