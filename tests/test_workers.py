"""Worker processes do not outlive whoever gave them work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stagescore.workers import Lost, each_in_workers

PARENT = """
import os, time
from pathlib import Path
from stagescore.workers import worker_pool

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)

if __name__ == "__main__":
    import sys
    with worker_pool(2) as pool:
        list(pool.map(work, [sys.argv[1]] * 8))
"""


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(what, seconds: float = 60.0):
    until = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("whether a process runs is looked up in /proc")
    script, marks = tmp_path / "parent.py", tmp_path / "marks"
    script.write_text(PARENT)
    marks.mkdir()
    parent = subprocess.Popen([sys.executable, str(script), str(marks)])
    assert wait_for(lambda: len(list(marks.iterdir())) == 2)
    workers = [int(mark.name) for mark in marks.iterdir()]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert wait_for(lambda: not any(running(pid) for pid in workers), 20.0)
    assert len(list(marks.iterdir())) == 2  # no other piece of work was begun


def make_sleeper() -> Callable[[float], int]:
    def work(seconds: float) -> int:
        if seconds < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(seconds)
        return os.getpid()

    return work


def test_a_worker_that_is_killed_loses_its_own_task_only() -> None:
    outcomes = dict(each_in_workers(make_sleeper, [0.0, -1.0, 0.0, 0.0], 2))
    assert sorted(outcomes) == [0, 1, 2, 3]
    assert outcomes[1] == Lost(-signal.SIGKILL)
    assert all(isinstance(outcomes[place], int) for place in (0, 2, 3))


def test_workers_end_at_once_when_nobody_wants_their_outcomes() -> None:
    begun = time.monotonic()
    outcomes = each_in_workers(make_sleeper, [0.0, 600.0, 600.0], 2)
    place, pid = next(outcomes)
    outcomes.close()
    assert place == 0 and isinstance(pid, int)
    assert not running(pid) and time.monotonic() - begun < 300
