"""A machine that has too little of something is told in one line, whoever says so."""

import errno
import json
import os
import resource
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.errors import DataError
from stagescore.shortages import shortage_of


def chained() -> Exception:
    try:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/a/b")
        except OSError as cause:
            raise ValueError("torn") from cause
    except ValueError as error:
        return error


SHORT = {
    "memory ran out": [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        Exception("OpenCV(4.9) error: (-4:Insufficient memory) Failed to allocate 9 bytes"),
    ],
    "the disk is full": [OSError(errno.ENOSPC, "No space left on device"), chained()],
    "file too large": [OSError(errno.EFBIG, "File too large")],
    "too many files are open": [OSError(errno.EMFILE, "Too many open files")],
    "no thread": [RuntimeError("can't start new thread")],
}


@pytest.mark.parametrize(
    ("told", "error"), [(told, error) for told, errors in SHORT.items() for error in errors]
)
def test_what_is_short_is_told(told: str, error: Exception) -> None:
    found = shortage_of(error)
    assert found is not None and found.what.startswith(told) and found.todo


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        KeyError("memory"),
        OSError(errno.ENOENT, "No such file"),
        ImportError("no module"),
        DataError("a", todo="b"),
    ],
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert shortage_of(error) is None


def limited(limit: int, number: int, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", "from stagescore.cli.main import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (number, number)),
    )


@pytest.mark.parametrize("megabytes", [700, 2000])
def test_without_room_for_pytorch_there_is_one_line(tmp_path, megabytes: int) -> None:
    done = limited(
        resource.RLIMIT_AS,
        megabytes << 20,
        "score",
        str(tmp_path / "none.mp4"),
        "--out",
        str(tmp_path / "out"),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_runs_short_says_so_in_its_document(tmp_path, monkeypatch) -> None:
    from stagescore.data import manifest

    def short(path):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(manifest, "read_manifest", short)
    run = CliRunner().invoke(app, ["data", "exemplars", str(tmp_path), "a/1", "--json"])
    assert run.exit_code == 1 and len(run.stderr.splitlines()) == 1
    assert json.loads(run.stdout)["error"]["what"].startswith("too many files")
