"""The replay of the last dive, and a page for a tablet at the pool: what it shows is written anew for every dive.

OUT/replay.mp4     the last dive at half speed
OUT/replay.html    the replay, and the scores of the last dives; it loads itself again
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Lock, Thread

from stagescore.atomic import write_text
from stagescore.errors import StagescoreError
from stagescore.media.film_writing import write_film
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.source import open_media
from stagescore.report.rendering import render
from stagescore.report.sentences import points, status
from stagescore.scoring.result import Result
from stagescore.scoring.watching.arrivals import Arrival

REPLAY, PAGE = "replay.mp4", "replay.html"
SPEED = 0.5
"""Speed of the replay, as a share of the real one."""
_EDGE_PX = 960
"""Longer edge of the replay, in pixels, at most: what a tablet shows."""
_MOST_FRAMES = 900
"""Frames of a replay at most; of a longer film the last ones."""
_NUM_TOLD = 8
"""Dives on the page. Set by hand."""
_RATES = (1.0, 120.0)


@dataclass(slots=True, eq=False)
class Replays:
    """Shows each dive again after a while.

    Attributes:
        out: Folder of the film and of the page.
        delay_s: Seconds from the arrival of a dive to its replay.
        problems: What could not be written, in one line each; of many the last.
    """

    out: Path
    delay_s: float
    problems: list[str] = field(default_factory=list)
    _waiting: "Queue[Arrival]" = field(default_factory=Queue)
    _stop: Event = field(default_factory=Event)
    _writing: Lock = field(default_factory=Lock)
    _shown: str | None = None
    _told: list[tuple[str, str]] = field(default_factory=list)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin to wait for dives."""
        self._write_page()
        self._thread = Thread(target=self._run, name="replays", daemon=True)
        self._thread.start()

    def arrived(self, arrival: Arrival) -> None:
        """A dive that will be shown again."""
        self._waiting.put(arrival)

    def scored(self, result: Result) -> None:
        """A dive of which the score is known."""
        told = status(result).text if result.score is None else f"{points(result.score)} points"
        if result.score is not None and result.interval is not None:
            told += f" ({points(result.interval[0], 0)} to {points(result.interval[1], 0)})"
        self._told = [(result.input.name, told), *self._told][:_NUM_TOLD]
        self._write_page()

    def stop(self) -> None:
        """End; a replay that is due later is not written."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                arrival = self._waiting.get(timeout=0.2)
            except Empty:
                continue
            if self._stop.wait(max(arrival.at_s + self.delay_s - time.monotonic(), 0.0)):
                return
            try:
                write_replay(arrival.path, self.out / REPLAY)
                self._shown = arrival.path.stem
            except StagescoreError as error:  # a film that is damaged; its result says so
                self.problems = [str(error)]
            self._write_page()

    def _write_page(self) -> None:
        with self._writing:
            try:
                page = render("replay.html.j2", dive=self._shown, film=REPLAY, rows=self._told)
                write_text(self.out / PAGE, page)
            except StagescoreError as error:
                self.problems = [str(error)]


def write_replay(film: Path, path: Path) -> None:
    """Write a film at half speed, small enough for a tablet.

    Raises:
        DataError: The film cannot be read, or the replay cannot be written.
    """
    media = open_media(film)
    content = media.content[-_MOST_FRAMES:]
    wide, high = media.info.width_px, media.info.height_px
    scale = min(_EDGE_PX / max(wide, high), 1.0)
    size = max(round(scale * wide), 2), max(round(scale * high), 2)
    rate = SPEED * (media.info.frame_rate or DEFAULT_FRAME_RATE)
    pictures = (picture for _, picture in media.frames(content, size_px=size))
    write_film(path, pictures, min(max(rate, _RATES[0]), _RATES[1]))
