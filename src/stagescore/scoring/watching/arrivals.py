"""Where dives come from: files that appear in a folder, and clips that are cut from what a camera sees.

Each source runs on threads of its own and puts what has arrived into a queue, where it waits until those before it are scored.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import Protocol, runtime_checkable

from stagescore.errors import DataError
from stagescore.media.film_writing import write_film
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.live import LastSeconds, live_frames
from stagescore.media.source import inspect_media
from stagescore.scoring.inputs import find_films
from stagescore.scoring.watching.dive_stream import DiveStream, TimeSpan

_POLL_S, _STEADY_S = 0.5, 1.0
"""Seconds between two looks into a folder, and for which a file must not grow. Set by hand."""
_GIVE_UP_S = 30.0
"""Seconds for which a file does not grow and still cannot be opened, after which it is taken for broken. Set by hand."""
_DIGITS = 4
"""Digits of the number of a clip."""
_CLIP_CRF = 18
"""Quality of a clip: hardly to be told from what the camera gave (x264's own words for 17 to 18)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A dive that has arrived.

    Attributes:
        path: Path of its film.
        at_s: Time at which it had arrived whole, on the clock of `time.monotonic`.
    """

    path: Path
    at_s: float


Arrived = Callable[[Arrival], None]
"""Told of each arrival."""


@runtime_checkable
class ArrivalSource(Protocol):
    """Gives dives as they come."""

    def run(self, arrived: Arrived, stop: Event) -> None:
        """Tell of dives until `stop` is set.

        Raises:
            StagescoreError: No more can come.
        """


@dataclass(frozen=True, slots=True)
class FolderArrivals:
    """Films that appear in a folder; those that are there at first come too, in the order of their names.

    Attributes:
        folder: The folder.
        poll_s: Seconds between two looks.
        steady_s: Seconds for which a file must not grow before it is opened.
        give_up_s: Seconds for which a file that cannot be opened must not grow before it is taken all the same.
    """

    folder: Path
    poll_s: float = _POLL_S
    steady_s: float = _STEADY_S
    give_up_s: float = _GIVE_UP_S

    def run(self, arrived: Arrived, stop: Event) -> None:
        """See `ArrivalSource`."""
        taken: set[Path] = set()
        growing: dict[Path, tuple[tuple[int, int], float]] = {}
        while not stop.is_set():
            if not self.folder.is_dir():
                raise DataError(
                    "the folder is gone", where=self.folder, todo="put it back, and watch it again"
                )
            for path in find_films([str(self.folder)]).paths:
                if path == self.folder or path in taken:
                    continue
                size, now = _size(path), time.monotonic()
                if size is None:
                    growing.pop(path, None)
                    continue
                before = growing.get(path)
                if before is None or before[0] != size:
                    growing[path] = size, now
                    continue
                still_s = now - before[1]
                if still_s < self.steady_s:
                    continue
                if still_s >= self.give_up_s or inspect_media(path).verdict != "unreadable":
                    taken.add(path)
                    del growing[path]
                    arrived(Arrival(path, before[1]))
            stop.wait(self.poll_s)


def _size(path: Path) -> tuple[int, int] | None:
    """Size and time of the last change of a file; None where it is gone again."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


@dataclass(slots=True)
class CameraArrivals:
    """Dives before a camera, cut out of its last seconds and written as films; films that an earlier watch left there come first.

    Attributes:
        camera: A device, or a film that stands in for one.
        clips: Folder that the films are written to.
        detector: What says that a dive was seen.
        seconds: Seconds of the camera that are kept.
        num_missed: Number of pictures that were not looked at, since looking took longer than they were kept.
    """

    camera: Path
    clips: Path
    detector: DiveStream
    seconds: float = 60.0
    num_missed: int = field(default=0, init=False)

    def run(self, arrived: Arrived, stop: Event) -> None:
        """See `ArrivalSource`."""
        kept, problem = LastSeconds(self.seconds), list[Exception]()

        def film() -> None:
            try:
                for frame in live_frames(self.camera, stop):
                    kept.add(frame)
            except Exception as error:  # raised again where it can be told
                problem.append(error)
            finally:
                kept.end()

        earlier = sorted(self.clips.glob(f"dive-{'[0-9]' * _DIGITS}.mp4"))
        for path in earlier:
            arrived(Arrival(path, time.monotonic()))
        filming = Thread(target=film, name="camera", daemon=True)
        filming.start()
        number, dives = -1, max((int(path.stem.rpartition("-")[2]) for path in earlier), default=0)

        def cut_out(spans: Sequence[TimeSpan]) -> None:
            nonlocal dives
            for span in spans:
                dives += 1
                path = self.clips / f"dive-{dives:0{_DIGITS}d}.mp4"
                if _write(kept, span.begin_s, span.end_s, path):
                    arrived(Arrival(path, time.monotonic()))

        try:
            while not stop.is_set() and (frame := kept.after(number)) is not None:
                self.num_missed += frame.number - number - 1
                number = frame.number
                cut_out(self.detector.feed(frame.picture, frame.time_s, frame.number))
            if not stop.is_set():
                cut_out(self.detector.finish())
        finally:
            filming.join(timeout=5.0)
        if problem:
            raise problem[0]


def _write(kept: LastSeconds, begin_s: float, end_s: float, path: Path) -> bool:
    """Write what a camera saw between two times; False where too little of it is kept."""
    times, frames = kept.between(begin_s, end_s)
    if len(times) < 2 or times[-1] <= times[0]:
        return False
    rate = (len(times) - 1) / (times[-1] - times[0])
    write_film(path, (frame.picture for frame in frames), rate or DEFAULT_FRAME_RATE, crf=_CLIP_CRF)
    return True


@dataclass(slots=True, eq=False)
class Arrivals:
    """The queue of what has arrived, filled by a thread.

    Attributes:
        source: What dives come from.
        told: Told of each arrival as it comes, on the thread of the source; where a replay is shown meanwhile.
    """

    source: ArrivalSource
    told: Arrived = lambda arrival: None
    _queue: "Queue[Arrival | Exception]" = field(default_factory=Queue)
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin to wait for dives."""
        self._thread = Thread(target=self._run, name="arrivals", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        def arrived(arrival: Arrival) -> None:
            self.told(arrival)
            self._queue.put(arrival)

        try:
            self.source.run(arrived, self._stop)
        except Exception as error:  # raised again by whoever waits for the next dive
            self._queue.put(error)

    @property
    def num_waiting(self) -> int:
        """Number of dives that have arrived and wait."""
        return self._queue.qsize()

    def next(self) -> Arrival:
        """The next dive, once it has arrived.

        Raises:
            StagescoreError: No more can come.
        """
        found: Arrival | Exception | None = None
        while found is None:
            with suppress(Empty):  # without a limit nothing could interrupt the waiting on some systems
                found = self._queue.get(timeout=_POLL_S)
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """End the waiting; returns when the source has ended, or after some seconds."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)
