"""An ONNX file as onnxruntime runs it: one picture goes in, numbers come out, in bounded memory and time.

onnxruntime takes whatever a graph asks for: a file of 100 bytes can ask for gigabytes, or never end. So all sessions of a
process share one arena with a limit, a run that takes too long is ended, and a file of unknown bytes is first run in a
process of its own (`onnx_trial`), since what opening it takes comes from no arena. onnxruntime is an extra.
"""

import os
import stat
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.errors import CheckpointError, ConfigError
from stagescore.hashing import file_sha256
from stagescore.pose.networks import NetworkIdentity

TODO = "get the file again, and check it with `stagescore weights verify`"
"""What to do about a file that cannot be used."""
MOST_ARENA_BYTES = 3 * 2**29
"""Most memory that the runs of all networks of a process may take. Set by hand: the two public networks take 0.1 GB."""
DRY_EDGE_PX = 128
"""Edge of the black picture for a network that has no size of its own. Set by hand."""
_MOST_FILE_BYTES = 2**30  # Set by hand; 40 times the largest public network, and half of what the form allows
_LONGEST_RUN_S = 30.0  # set by hand
_SIDES_PX = (16, 2048)  # set by hand: least and largest side of a picture that a network may ask for
_MOST_NUMBERS = (
    2**24
)  # set by hand: numbers that come out of one run; a YOLO of 640 x 640 pixels gives 2 million
_TYPES = {"tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(float)": np.float32}
_NUMBERS = ("tensor(float)", "tensor(double)", "tensor(float16)", "tensor(int32)", "tensor(int64)")


def checked_sha256(path: Path) -> str:
    """The SHA-256 of a file of a network, in hexadecimal.

    Raises:
        CheckpointError: It is missing, no ordinary file, or larger than a network can be.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise unusable(path, "it is no file")
        if status.st_size > _MOST_FILE_BYTES:
            raise unusable(path, f"it has {status.st_size} bytes")
        return file_sha256(path)
    except (OSError, ValueError) as error:
        raise unusable(path, getattr(error, "strerror", None) or error) from None


def unusable(path: Path, why: object) -> CheckpointError:
    """The error for a file that is no network for pictures."""
    told = " ".join(str(why).split())[:160]
    return CheckpointError(f"no network that onnxruntime can run on pictures ({told})", where=path, todo=TODO)


class OnnxSession:
    """A session of onnxruntime, and what its one picture input looks like.

    Attributes:
        path: File of the network.
        sha256: SHA-256 of the file, in hexadecimal.
        shape: Shape of the input as the file declares it; a side that may vary is a name or None.
        type: Type of the input, as onnxruntime calls it.
        size_px: Width and height of the pictures; None where any will do.
        takes_many: Whether several pictures may be shown at once.
        channels_last: Whether the colours are the last axis of the input, not the second.
    """

    def __init__(self, path: Path, threads: int | None, sha256: str) -> None:
        """Open a file.

        Args:
            path: File of the network, in ONNX.
            threads: Number of threads that the network may use; None for all cores.
            sha256: SHA-256 of the file, in hexadecimal.

        Raises:
            ConfigError: Onnxruntime is not installed.
            CheckpointError: Onnxruntime cannot open it, or it does not read one picture and give numbers.
        """
        self._runtime = onnxruntime_of(path)
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads or os.cpu_count() or 1, 1
        options.log_severity_level = 4
        # Threads that spin while they wait make a run twice as slow as one thread on a busy machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        _limit_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        self.path, self.sha256 = path, sha256
        try:
            self._session: Any = self._runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            inputs = [(one.name, list(one.shape), one.type) for one in self._session.get_inputs()]
            outputs = [one.type for one in self._session.get_outputs()]
        except Exception as error:  # its errors have no base of their own
            raise unusable(path, error) from None
        if len(inputs) != 1 or not outputs:
            raise unusable(path, f"it has {len(inputs)} inputs and {len(outputs)} outputs, not one picture")
        if strange := [kind for kind in outputs if kind not in _NUMBERS]:
            raise unusable(path, f"it gives {strange[0]}, not numbers")
        (self._name, self.shape, self.type), *_ = inputs
        if self.type not in _TYPES or len(self.shape) != 4:
            raise unusable(path, f"its input is {_told(self.shape)} of {self.type}, not a picture")
        sides = [side if isinstance(side, int) else None for side in self.shape]
        self.channels_last = sides[3] == 3
        rows, columns = sides[1:3] if self.channels_last else sides[2:4]
        least, most = _SIDES_PX
        if any(side is not None and not least <= side <= most for side in (rows, columns)):
            raise unusable(
                path, f"its input is {_told(self.shape)}, and a picture has {least} to {most} pixels a side"
            )
        self.size_px = None if rows is None or columns is None else (columns, rows)
        self.takes_many = sides[0] is None

    def identity(self, kind: str) -> NetworkIdentity:
        """The network's identity, for results."""
        return NetworkIdentity(name=self.path.name, kind=kind, sha256=self.sha256)

    def run(self, pictures: np.ndarray) -> list[np.ndarray]:
        """All outputs for some pictures, in double precision.

        Args:
            pictures: Pictures in the order of axes of the input.

        Raises:
            CheckpointError: Onnxruntime fails, takes too much memory or time, or gives more than a network for
                pictures does.
        """
        options = self._runtime.RunOptions()
        options.log_severity_level = 4
        timer = threading.Timer(_LONGEST_RUN_S, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            shown = pictures.astype(_TYPES[self.type])
            found = [np.asarray(output) for output in self._session.run(None, {self._name: shown}, options)]
            if sum(output.size for output in found) > _MOST_NUMBERS * max(len(pictures), 1):
                raise ValueError(f"it gives {', '.join(_told(output.shape) for output in found)} numbers")
            return [np.asarray(output, dtype=np.float64) for output in found]
        except Exception as error:  # its errors have no base of their own
            raise unusable(self.path, error) from None
        finally:
            timer.cancel()

    def run_each(self, pictures: np.ndarray) -> list[np.ndarray]:
        """All pictures at once where the network allows it, else one after another.

        Raises:
            CheckpointError: See `run`.
        """
        if self.takes_many:
            return self.run(pictures)
        found = [self.run(picture[None]) for picture in pictures]
        return [np.concatenate(outputs) for outputs in zip(*found, strict=True)]

    def dry_run(self) -> list[np.ndarray]:
        """What the network gives for a black picture.

        Raises:
            CheckpointError: See `run`; or it gives something that is not a number.
        """
        columns, rows = self.size_px or (DRY_EDGE_PX, DRY_EDGE_PX)
        found = self.run(np.zeros((1, rows, columns, 3) if self.channels_last else (1, 3, rows, columns)))
        if not all(np.isfinite(output).all() for output in found):
            raise unusable(self.path, "it gives NaN or infinite numbers for a black picture")
        return found


def onnxruntime_of(path: Path) -> Any:
    """The package onnxruntime.

    Args:
        path: File that needs the package, for the error.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "onnxruntime is not installed", where=path, todo="pip install 'stagescore[pose]'"
        ) from None
    return onnxruntime


@cache
def _limit_arena() -> None:
    """Once in a process: memory for the runs of all sessions comes from one arena with a limit."""
    import onnxruntime  # noqa: PLC0415 - an extra

    where = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # It grows by what is asked for (1), so that the limit is not reached by rounding up; -1 are its defaults.
    onnxruntime.create_and_register_allocator(where, onnxruntime.OrtArenaCfg(MOST_ARENA_BYTES, 1, -1, -1))


def _told(shape: Sequence[object]) -> str:
    return " x ".join(str(side)[:20] for side in shape[:8]) or "a single number"
