"""A first run of an ONNX file in a process of its own, with limits of memory and time.

What a graph takes cannot be told from its file: constants are computed while it is opened, and loops end when they please.
So a file whose bytes are not known is opened and run once where that can do no harm. Windows has no limits of a process;
there only the arena of `onnx_session` and the time bound it.
"""

import json
import os
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import stagescore
from stagescore.errors import StagescoreError
from stagescore.json_files import parse_json
from stagescore.pose.onnx_session import OnnxSession, checked_sha256, onnxruntime_of, unusable

MOVENET_MULTIPOSE_SHA256 = "bbac5423f7da29a93b263ade02113532055aa29f41eae214860dffe174195de2"
MOVENET_THUNDER_SHA256 = "f505d5db376b1c1e139e8daa63162a71bafadc0e3f6f875a42bfdbe34583d567"
PUBLIC = frozenset({MOVENET_MULTIPOSE_SHA256, MOVENET_THUNDER_SHA256})
"""SHA-256 of files that need no trial, since their bytes are known."""
# All set by hand. Memory beyond what onnxruntime has taken before it opens the file: this much, and so many times the file,
# which is in memory as a graph, as initialisers and as weights in the order of the processor.
_MEMORY_BYTES = 2**30
_TIMES_FILE = 4
_PROCESSOR_S = 10
_WAIT_S = 40


def open_session(path: Path, threads: int | None = None) -> OnnxSession:
    """A network that has been run once without harm.

    Args:
        path: File of the network, in ONNX.
        threads: Number of threads that the network may use; None for all cores.

    Raises:
        ConfigError: Onnxruntime is not installed.
        CheckpointError: The file is no network that can be run on pictures within the limits.
    """
    onnxruntime_of(path)
    sha256 = checked_sha256(path)
    if sha256 not in PUBLIC:
        why = _tried(str(path.resolve()), sha256)
        if why:
            raise unusable(path, why)
    return OnnxSession(path, threads, sha256)


@lru_cache(maxsize=64)
def _tried(path: str, sha256: str) -> str:  # the hash is part of the key: a file may be written anew
    """Why a file cannot be used; empty where it can."""
    roots = [str(Path(stagescore.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))}
    # -P: nothing is imported from the folder that the command was called in.
    command = [sys.executable, "-P", "-m", "stagescore.pose.onnx_trial", path, sha256]
    try:
        done = subprocess.run(  # noqa: S603 - this very program
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WAIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a trial did not end within {_WAIT_S} s"
    except OSError as error:
        return f"it could not be tried: {error.strerror or error}"
    if done.returncode == 0:
        try:
            return str(parse_json(done.stdout)["why"])
        except (ValueError, LookupError, TypeError):
            return "a trial ended without an answer"
    if -done.returncode in (getattr(signal, "SIGXCPU", None), getattr(signal, "SIGKILL", None)):
        return f"a trial took more than {_PROCESSOR_S} s"
    return "a trial ended onnxruntime, perhaps for want of memory"


def _limit(file_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_S, _PROCESSOR_S + 1))
    statm = Path("/proc/self/statm")
    taken = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 2**30
    limit = taken + _MEMORY_BYTES + _TIMES_FILE * file_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main(path: Path, sha256: str) -> str:
    """Open and run a file within limits; why it cannot be used, empty where it can."""
    try:
        onnxruntime_of(path)
        _limit(path.stat().st_size)
        OnnxSession(path, 1, sha256).dry_run()
    except StagescoreError as error:
        return error.what.removeprefix("no network that onnxruntime can run on pictures (").removesuffix(")")
    except MemoryError:
        return "it takes more memory than a network for pictures does"
    return ""


if __name__ == "__main__":
    print(json.dumps({"why": main(Path(sys.argv[1]), sys.argv[2])}))  # noqa: T201 - the answer
