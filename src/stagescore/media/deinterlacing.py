"""Interlaced films: every other line of a frame was filmed a moment later, so that whoever moves has a comb for an outline.

Source: FFmpeg's filter `bwdif` (Bob Weaver deinterlacing filter) by PyAV's filter graph. One picture comes of each frame,
so that frames keep their numbers and times.
"""

from collections.abc import Iterator
from itertools import chain
from typing import cast

import av.error
import av.filter
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_FILTER = "bwdif"


def can_deinterlace() -> bool:
    """Whether this FFmpeg has the filter."""
    return _FILTER in av.filter.filters_available


def deinterlaced(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[VideoFrame]:
    """As many frames in the same order: those marked as interlaced with the lines of their first moment, and the others filled in.

    Args:
        frames: Decoded frames of one size, in the order in which they are shown. Their stamps are changed.
        stream: Stream that the frames come from.

    Raises:
        FFmpegError: The filter cannot take the frames.
    """
    graph = av.filter.Graph()
    source = graph.add_buffer(template=stream)
    weave = graph.add(_FILTER, "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    for number, frame in enumerate(chain(frames, [None])):
        if frame is not None:
            frame.pts = number  # stamps that are missing or go backwards would confuse the filter
        graph.push(frame)
        while True:
            try:
                yield cast(VideoFrame, graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                break


def interlaced_note(*, deinterlaced: bool) -> str:
    """What the user should know of an interlaced film."""
    if not deinterlaced:
        return "The film is interlaced, and is read as it is: outlines of what moves look like combs."
    return (
        "The film is interlaced: every other line was filmed a moment later. "
        "These lines are replaced by what lies around them."
    )
