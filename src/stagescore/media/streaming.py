"""A film in one pass, fast and small: for whoever looks for something in hours of it.

Frames that no other refers to may be left out, the filter that smooths blocks is off, and pictures are scaled while colours are
converted. So the pictures are good for finding, not for measuring, and damage is passed over: `source.open_media` tells it.

Source: FFmpeg by PyAV. Frames get the numbers that `source.Media` gives them in a film without damage: the rank of their times
among those of all packets.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.orientation import frame_orientation, square_pixel_size, turned
from stagescore.media.video import FORMATS

_MOST_ERRORS = 1000
"""Packets that cannot be decoded, after which a film is not read on. Set by hand."""
_ROUNDED_S = 1e-4
"""Seconds by which times may be rounded."""
_TODO = "check that it plays in a video player, or convert it to mp4"


@dataclass(frozen=True, slots=True, eq=False)
class SmallFrame:
    """One frame of a film, small.

    Attributes:
        frame: Number of the frame in the film, from 0.
        time_s: Time at which it is shown, in seconds of the file.
        picture: RGB picture, upright.
    """

    frame: int
    time_s: float
    picture: UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a film is read.

    Attributes:
        edge_px: Longer edge of the pictures, in pixels, at most.
        most_rate: Pictures per second of the film at most; others are decoded and not converted.
        threads: Threads that decode; 0 for as many as there are cores.
        all_frames: Whether frames that no other refers to are decoded too.
    """

    edge_px: int = 320
    most_rate: float = 31.0
    threads: int = 0
    all_frames: bool = False


def stream_film(path: Path, options: StreamOptions = StreamOptions()) -> Iterator[SmallFrame]:
    """Pictures of a film in their order; one is in memory at a time.

    Args:
        path: Path of a film.
        options: How it is read.

    Raises:
        DataError: It is no film, or nothing in it can be decoded.
    """
    with _opened(path) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            raise DataError("it has no picture track", where=path, todo="give a video, not a sound file")
        context = stream.codec_context
        context.thread_count, context.thread_type = options.threads, "FRAME"
        context.options = {**context.options, "skip_loop_filter": "all"}
        if not options.all_frames:
            context.skip_frame = "NONREF"
        found = False
        for small in _frames(container, stream, options):
            found = True
            yield small
        if not found:
            raise DataError("no frame in it can be decoded", where=path, todo=_TODO)


def seconds_of(path: Path) -> float:
    """Length of a film in seconds as its header says; 0 where it says nothing.

    Args:
        path: Path of a film.

    Raises:
        DataError: It is no film.
    """
    with _opened(path) as container:
        return float(container.duration or 0) / av.time_base


def _opened(path: Path) -> InputContainer:
    try:
        return av.open(
            f"file:{path}",
            mode="r",
            container_options={"format_whitelist": FORMATS},
            metadata_errors="ignore",
        )
    except Exception as error:
        text = getattr(error, "strerror", None) or str(error)
        raise DataError(f"it cannot be read as a video ({text})", where=path, todo=_TODO) from error


def _frames(container: InputContainer, stream: VideoStream, options: StreamOptions) -> Iterator[SmallFrame]:
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_FRAME_RATE)
    base = float(stream.time_base or 0) or 1 / rate
    least_step_s = 1 / options.most_rate
    stamps: list[int] = []
    last_s, num_errors, num_seen = -np.inf, 0, 0
    # One for all frames: it keeps its tables.
    scaler, orientation = VideoReformatter(), None
    packets = container.demux(stream)
    while num_errors < _MOST_ERRORS:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            if packet.pts is not None and packet.size and not packet.is_discard:
                insort(stamps, packet.pts)
            decoded = packet.decode()
        except Exception:  # PyAV raises whatever it stumbles over; the next packet may be whole
            num_errors += 1
            continue
        for frame in decoded:
            num_seen += 1
            stamp = frame.pts if frame.pts is not None else round((num_seen - 1) / rate / base)
            time_s = stamp * base
            if time_s < last_s + least_step_s - _ROUNDED_S:
                continue
            last_s = time_s
            orientation = frame_orientation(frame) if orientation is None else orientation
            shown = square_pixel_size((frame.width, frame.height), stream.sample_aspect_ratio)
            scale = min(options.edge_px / max(shown), 1.0)
            # The stored picture, before it is turned.
            width, height = (max(round(edge * scale), 8) for edge in shown)
            try:
                small = scaler.reformat(frame, width, height, "rgb24", interpolation="AREA")
                picture = small.to_ndarray()
            except Exception:  # a damaged header names colours that nothing converts
                num_errors += 1
                continue
            # Frames that are shown before this one have been read: they were decoded before it.
            number = bisect_left(stamps, stamp) if stamps else num_seen - 1
            yield SmallFrame(number, time_s, turned(picture, orientation))
