"""The dives of a film: in one fast pass over a film of any length, or over the frames of an opened one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from stagescore.media.sound import sudden_sounds
from stagescore.media.source import Media
from stagescore.media.streaming import StreamOptions, stream_film
from stagescore.pose.motion import EDGE_PX
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.dive_span import DiveSpan

_RATE = 31.0
"""Pictures per second of the event that the detector looks at, at most."""


def dives_in_film(
    path: Path,
    detector: SessionDetector,
    *,
    threads: int = 0,
    progress: Callable[[float], None] = lambda time_s: None,
) -> Iterator[DiveSpan]:
    """The dives of a film of any length, each when it is over. Memory does not grow with the film.

    Args:
        path: Path of the film.
        detector: A new detector.
        threads: Threads that decode; 0 for as many as there are cores.
        progress: Called with the time in the film, in seconds, after every picture.

    Raises:
        DataError: It is no film, or nothing in it can be decoded.
    """
    detector.sounds = sudden_sounds(path)
    options = StreamOptions(edge_px=EDGE_PX, most_rate=_RATE / detector.slowmo, threads=threads)
    for small in stream_film(path, options):
        yield from detector.feed(small.picture, small.time_s, small.frame)
        progress(small.time_s)
    yield from detector.finish()


def dives_in_media(media: Media, detector: SessionDetector) -> list[DiveSpan]:
    """The dives of an opened film; a long one is looked through without opening it again.

    Args:
        media: The film, of one or more frames.
        detector: A new detector.

    Raises:
        DataError: The film cannot be read any more.
    """
    times = media.times_s - media.times_s[0]
    found: list[DiveSpan] = []
    for frame, picture in media.frames():
        found += detector.feed(picture, float(times[frame]), frame)
    return [*found, *detector.finish()]


def in_frames_of(media: Media, dives: list[DiveSpan]) -> list[DiveSpan]:
    """The same dives with the numbers that frames have in an opened film, by their times.

    Args:
        media: The film.
        dives: Dives of the film, as the fast pass tells them.
    """

    def frame(time_s: float) -> int:
        return int(np.clip(np.searchsorted(media.times_s, time_s - _ROUNDED_S), 0, media.num_frames - 1))

    moved = []
    for dive in dives:
        takeoff, contact = frame(dive.takeoff_s), frame(dive.contact_s)
        begin, end = frame(dive.begin_s), frame(dive.end_s) + 1
        if begin <= takeoff < contact <= end:
            moved.append(replace(dive, begin=begin, end=end, takeoff=takeoff, contact=contact))
    return moved


_ROUNDED_S = 0.002
"""Seconds by which times may be rounded."""
