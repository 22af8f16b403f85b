"""Folders that one process at a time works in, and what becomes of the lock when that process is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stagescore import locking
from stagescore.errors import DataError
from stagescore.locking import alone_in

HOLDER = """
import sys, time
from pathlib import Path
from stagescore.locking import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

PARENT = """
import os, sys, time
from pathlib import Path
from stagescore.locking import alone_in
from stagescore.workers import worker_pool

def work(folder):
    (Path(folder) / "worker").write_text(str(os.getpid()))
    (Path(folder) / "worker").rename(Path(folder) / "pid")
    time.sleep(60)

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with alone_in(folder) as lock, worker_pool(1, holding=lock) as pool:
        pool.submit(work, str(folder)).result()
"""


def is_held(folder: Path) -> bool:
    try:
        with alone_in(folder):
            return False
    except DataError as error:
        assert error.where == str(folder) and error.todo
        return True


def wait_for(what, seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not what() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(what())


def state_of(process: int) -> str:
    shown = ["ps", "-o", "state=", "-p", str(process)]
    return subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()


def test_a_held_folder_is_refused_or_waited_for_and_nothing_stays_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    told: list[int] = []
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert is_held(folder)

        def waiting() -> None:
            told.append(1)
            if len(told) == 3:
                holder.kill()

        with alone_in(folder, waiting=waiting):
            assert holder.wait() == -signal.SIGKILL
            assert is_held(folder)
    assert len(told) >= 3
    assert not is_held(folder)
    assert not list(folder.iterdir())


def test_the_lock_is_freed_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path):
        assert is_held(tmp_path)
        raise ZeroDivisionError
    assert not is_held(tmp_path)


def test_a_file_that_the_holder_removed_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits at the file that the holder removes, another one makes a new file: they must not both hold."""
    lock, others = locking._lock, []

    def late(descriptor: int) -> None:
        monkeypatch.setattr(locking, "_lock", lock)
        (tmp_path / locking.NAME).unlink()  # between this process's opening and locking
        others.append(subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE))
        assert others[0].stdout.readline() == b"held\n"
        lock(descriptor)

    monkeypatch.setattr(locking, "_lock", late)
    assert is_held(tmp_path)
    with others[0] as holder:
        holder.kill()


def test_workers_of_a_killed_process_hold_its_lock_until_they_end(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    folder = tmp_path / "held"
    folder.mkdir()
    with subprocess.Popen([sys.executable, str(script), str(folder)]) as parent:
        assert wait_for((folder / "pid").exists)
        worker = int((folder / "pid").read_text())
        os.kill(worker, signal.SIGSTOP)  # as slow as can be
        # All of its threads have to stand still: one of them ends the worker as soon as it misses the parent.
        assert wait_for(lambda: state_of(worker).startswith("T"))
        parent.kill()
    assert is_held(folder)
    os.kill(worker, signal.SIGCONT)
    assert wait_for(lambda: not is_held(folder))


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file.*cannot write"), alone_in(tmp_path / "file"):
        pass
