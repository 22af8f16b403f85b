"""Checkpoints that survive a kill at any moment.

A checkpoint is one file with its SHA-256 in front, written under a temporary name, synced and renamed. One that
is torn all the same (a full disk, a copied half) is noticed by its hash and the one before it is used.
Read with `weights_only=True`, so a hostile file cannot run anything.
"""

import io
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from stagescore.atomic import write_bytes
from stagescore.errors import CheckpointError, StagescoreError

_NAME = re.compile(r"step-(\d{8})\.ckpt")
_MAGIC = b"stagescore-ckpt\n"


def write_checkpoint(folder: Path, step: int, state: Mapping[str, Any], *, keep: int) -> Path:
    """Write the checkpoint of a step and remove all but the newest.

    Args:
        folder: Folder of the checkpoints.
        step: Number of optimiser steps done.
        state: Tensors, numbers, strings, lists and dicts to keep, by name.
        keep: Number of checkpoints to keep, the newest ones.

    Raises:
        DataError: It cannot be written; older ones are left alone then.
    """
    path = folder / f"step-{step:08d}.ckpt"
    write_file(path, state)
    for old in _found(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def newest_checkpoint(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest whole checkpoint.

    Returns:
        State of the newest whole checkpoint, or None where there is none; and what was wrong with newer ones, in words.
    """
    torn: list[str] = []
    for path in reversed(_found(folder)):
        try:
            return read_file(path), torn
        except StagescoreError as error:
            torn.append(str(error))
    return None, torn


def write_file(path: Path, state: Mapping[str, Any]) -> None:
    """Write one state atomically.

    Raises:
        DataError: It cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    write_bytes(path, _MAGIC + sha256(content).digest() + content)


def read_file(path: Path) -> dict[str, Any]:
    """Read one state.

    Raises:
        CheckpointError: Not there, torn, or not one of ours.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"cannot read the checkpoint ({error.strerror or error})", where=path, todo="name another one"
        ) from error
    head = len(_MAGIC) + sha256().digest_size
    if not whole.startswith(_MAGIC):
        raise CheckpointError("this is no checkpoint of a run", where=path, todo="name one of a run's folder")
    if sha256(whole[head:]).digest() != whole[len(_MAGIC) : head]:
        raise CheckpointError(
            "the checkpoint is torn: it does not match its own hash", where=path, todo="use the one before it"
        )
    try:
        state = torch.load(io.BytesIO(whole[head:]), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch lets many kinds through, its reader's own among them
        raise CheckpointError(
            f"the checkpoint cannot be read ({' '.join(str(error).split())[:80]})",
            where=path,
            todo="use the one before it",
        ) from None
    if not isinstance(state, dict):
        raise CheckpointError("the checkpoint holds no state", where=path, todo="use the one before it")
    return state


def _found(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*.ckpt") if _NAME.fullmatch(path.name))
