import os
import pickle
from pathlib import Path

import pytest
import torch

from stagescore.errors import CheckpointError, DataError
from stagescore.training.checkpoints import newest_checkpoint, read_file, write_checkpoint, write_file


def write(folder: Path, *steps: int, keep: int = 5) -> None:
    for step in steps:
        write_checkpoint(
            folder, step, {"step": step, "model": {"w": torch.full((3,), float(step))}}, keep=keep
        )


def test_the_newest_comes_back_and_old_ones_go(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3, 4, keep=2)
    state, torn = newest_checkpoint(tmp_path)
    assert state is not None and state["step"] == 4 and not torn
    assert torch.equal(state["model"]["w"], torch.full((3,), 4.0))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000003.ckpt", "step-00000004.ckpt"]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty"])
def test_a_torn_one_is_noticed_and_the_one_before_it_used(tmp_path: Path, harm: str) -> None:
    write(tmp_path, 1, 2)
    path = tmp_path / "step-00000002.ckpt"
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-7], "flip": content, "empty": b""}[harm])
    state, torn = newest_checkpoint(tmp_path)
    assert state is not None and state["step"] == 1
    assert len(torn) == 1


def test_a_half_written_file_is_no_checkpoint(tmp_path: Path) -> None:
    """What a killed process leaves behind has another name and is passed over."""
    write(tmp_path, 1)
    (tmp_path / ".step-00000002.ckpt.abc.part").write_bytes(b"half")
    state, torn = newest_checkpoint(tmp_path)
    assert state is not None and state["step"] == 1 and not torn


def test_nothing_is_lost_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write(tmp_path, 2)
    state, _ = newest_checkpoint(tmp_path)
    assert state is not None and state["step"] == 1


def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(marker),)

    path = tmp_path / "hostile.ckpt"
    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(CheckpointError):
        read_file(path)
    write_file(path, {"model": {}})
    content = path.read_bytes()
    head = content[: content.index(b"PK")]
    import hashlib

    magic = b"stagescore-ckpt\n"
    evil = pickle.dumps(Hostile())
    path.write_bytes(magic + hashlib.sha256(evil).digest() + evil)
    assert len(head) == len(magic) + 32
    with pytest.raises(CheckpointError):
        read_file(path)
    assert not marker.exists()
