"""A camera, and a film that stands in for one: pictures in real time, and a memory of the last seconds.

Source: FFmpeg by PyAV. Pictures are kept as JPEG, so that a minute of film stays small.
"""

import itertools
import stat
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Event

import av
import av.error
import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.media.images import jpeg_bytes
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.source import open_media

_QUALITY = 92
"""JPEG quality of what is kept."""
_MOST_BYTES = 256 * 2**20
"""Bytes that are kept at most: 90 s of 1280 x 720 at 30 frames per second."""
_DEVICES = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}
"""FFmpeg's inputs for cameras, by system."""
_LONGEST_SLEEP_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class LiveFrame:
    """One picture of a camera.

    Attributes:
        number: Number of the picture, from 0.
        time_s: Seconds since the first picture.
        picture: RGB picture.
    """

    number: int
    time_s: float
    picture: UInt8[np.ndarray, "height width 3"]


def is_camera(path: Path) -> bool:
    """Whether a path is a camera, or a film that stands in for one: anything but a folder."""
    return not path.is_dir()


def live_frames(path: Path, stop: Event) -> Iterator[LiveFrame]:
    """Pictures of a camera as they come; of a film again and again, at its own pace.

    Args:
        path: A device such as `/dev/video0`, or a film.
        stop: Ends the pictures when it is set.

    Raises:
        DataError: It cannot be opened, or gives no more pictures.
    """
    try:
        device = stat.S_ISCHR(path.stat().st_mode) or (sys.platform == "win32" and not path.exists())
    except OSError as error:
        raise DataError(
            f"there is no such camera or film ({error.strerror})", where=path, todo="name a device or a film"
        ) from None
    yield from _camera(path, stop) if device else _looped(path, stop)


def _camera(path: Path, stop: Event) -> Iterator[LiveFrame]:
    try:
        with av.open(str(path), format=_DEVICES.get(sys.platform)) as device:
            began = time.monotonic()
            for number, frame in enumerate(device.decode(video=0)):
                if stop.is_set():
                    return
                picture = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                yield LiveFrame(number, time.monotonic() - began, picture)
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(
            f"the camera gives no picture ({error})", where=path, todo="check that it is plugged in and free"
        ) from error
    raise DataError("the camera gives no more pictures", where=path, todo="check that it is plugged in")


def _looped(path: Path, stop: Event) -> Iterator[LiveFrame]:
    media = open_media(path)
    times = media.times_s - media.times_s[0]
    step = 1 / (media.info.frame_rate or DEFAULT_FRAME_RATE)
    began, numbers = time.monotonic(), itertools.count()
    for turn in itertools.count():
        before = turn * (float(times[-1]) + step)
        for index, picture in media.frames():
            at = before + float(times[index])
            while not stop.is_set() and (early := began + at - time.monotonic()) > 0:
                stop.wait(min(early, _LONGEST_SLEEP_S))
            if stop.is_set():
                return
            yield LiveFrame(next(numbers), at, picture)


@dataclass(frozen=True, slots=True)
class _KeptPicture:
    number: int
    time_s: float
    jpeg: bytes

    def frame(self) -> LiveFrame:
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise DataError("a picture that was kept cannot be unpacked", todo="please report this bug")
        picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return LiveFrame(self.number, self.time_s, picture)


@dataclass(slots=True, eq=False)
class LastSeconds:
    """The last seconds of a camera; one thread may add pictures while others read.

    Attributes:
        seconds: How long a picture is kept; less where they would take more than 256 MB.
    """

    seconds: float
    _kept: deque[_KeptPicture] = field(default_factory=deque)
    _bytes: int = 0
    _changed: Condition = field(default_factory=Condition)
    _over: bool = False

    @property
    def num_bytes(self) -> int:
        """Bytes of the pictures that are kept."""
        return self._bytes

    def add(self, frame: LiveFrame) -> None:
        """Keep a picture, and drop those that are too old."""
        kept = _KeptPicture(frame.number, frame.time_s, jpeg_bytes(frame.picture, _QUALITY))
        with self._changed:
            self._kept.append(kept)
            self._bytes += len(kept.jpeg)
            while (self._kept[0].time_s < frame.time_s - self.seconds or self._bytes > _MOST_BYTES) and len(
                self._kept
            ) > 1:
                self._bytes -= len(self._kept.popleft().jpeg)
            self._changed.notify_all()

    def end(self) -> None:
        """No more pictures will come."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def after(self, number: int) -> LiveFrame | None:
        """The oldest picture that is kept and comes after one of a number; waits for it; None where no more will come.

        Args:
            number: Number of the picture before; -1 for none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._kept and self._kept[-1].number > number))
            if not self._kept or self._kept[-1].number <= number:
                return None
            place = max(number + 1 - self._kept[0].number, 0)
            kept = self._kept[place]
        return kept.frame()

    def between(self, begin_s: float, end_s: float) -> tuple[list[float], Iterator[LiveFrame]]:
        """Times and pictures from one time to another, as far as they are kept; pictures are unpacked one by one."""
        with self._changed:
            chosen = [kept for kept in self._kept if begin_s <= kept.time_s <= end_s]
        return [kept.time_s for kept in chosen], (kept.frame() for kept in chosen)
