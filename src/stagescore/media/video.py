"""Video files in two passes, so that memory does not grow with their length.

The first pass learns when each frame is shown and whether any is missing; the second decodes in the
same order and gives the wanted pictures; for late frames of a long film without damage it jumps to a key frame before them.

Source: FFmpeg by PyAV. FFmpeg is made to show as much as it can of a damaged file; what it says while
it does so (`ffmpeg_log`) and what the container's own tables say (`containers`) is the evidence that
decides between `ok` and `partial`. Decoding is on one thread, see `ffmpeg_log`; on two cores that costs
less than a fifth of the speed. PyAV raises whatever its own code stumbles over (an IndexError where a damaged
stream declares tracks late), so every exception of a call into it is about the file.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.media.ahead import ahead
from stagescore.media.black_ends import BlackEnds, is_black_frame
from stagescore.media.containers import Audit, HostileStructureError, audit_container
from stagescore.media.deinterlacing import can_deinterlace, deinterlaced, interlaced_note
from stagescore.media.ffmpeg_log import ErrorLog, captured_errors
from stagescore.media.info import MAX_AREA_PX, Scan, check_size, file_version
from stagescore.media.orientation import (
    clockwise_deg,
    frame_orientation,
    is_transposed,
    square_pixel_size,
    turned,
)
from stagescore.media.timeline import Declared, timeline_of

FORMATS = "mov,avi,matroska,gif,mpegts,mpeg,asf,flv,ogg,mxf"
"""FFmpeg readers that may be used: films only, no playlist that would make it open other files."""

# Set by hand: after so many errors a file is not read on.
_MAX_READ_ERRORS = 64
# After so many packets one after another of which no picture comes, neither.
_MAX_BARREN_PACKETS = 10_000
# Different messages that are counted apart; FFmpeg writes numbers into some.
_MAX_COMPLAINTS = 1000
# Different sizes and colours of pictures in one film; more come from damage.
_MAX_KINDS = 100
_COLOURS = ("colorspace", "color_range", "color_primaries", "color_trc")
# FFmpeg calls these errors, but shows every frame as it was filmed.
_HARMLESS = ("mmco: unref short failure", "co located POCs unavailable")
# Of eight changed bytes in a film of 24 frames (libx264, libx265, ... of FFmpeg 8.0), its decoders of these noticed
# less than half; of h264, av1, mpeg4, msmpeg4v2, mpeg2video, png, gif and wmv2 they noticed four of five or more.
_WITHOUT_CHECKS = frozenset("vp8 vp9 hevc mjpeg prores rawvideo huffyuv ffvhuff utvideo v210 dvvideo".split())
# FFmpeg reads the duration of these from their header, and estimates that of others from the last frame.
_LENGTH_IN_HEADER = {"asf", "mxf"}
# Set by hand: frames from which on it is worth while to jump, and frames before the wanted one that are decoded.
_LEAST_SOUGHT, _BEFORE_SOUGHT = 500, 64
_BROKEN = "it cannot be read as a video ({})"
_TODO = "check that it plays in a video player, or convert it to mp4"


@dataclass(slots=True)
class _Decoding:
    """One run over the video stream of an open file, and what was noticed on the way."""

    container: InputContainer
    stream: VideoStream
    log: ErrorLog | None = None
    num_expected: int = 0
    num_corrupt: int = 0
    num_invisible: int = 0
    num_interlaced: int = 0
    first_key_pts: int | None = None
    num_leading: int = 0
    complaints: Counter[str] = field(default_factory=Counter)
    showable: dict[tuple[object, ...], bool] = field(default_factory=dict)

    def frames(self) -> Iterator[VideoFrame]:
        """Every frame that can be decoded; errors of a packet cost its frames and no more."""
        num_barren = 0
        for packet in self._packets():
            num_barren += 1
            if num_barren > _MAX_BARREN_PACKETS:
                self._complain(f"{_MAX_BARREN_PACKETS} packets one after another hold no picture")
                return
            discarded = packet.is_discard
            if packet.size and self._is_invisible(packet):
                self.num_invisible += 1
            elif packet.size and not discarded:
                self.num_expected += 1
                self.num_corrupt += packet.is_corrupt
                self._note_leading(packet)
            try:
                decoded = packet.decode()
            except Exception as error:
                decoded = []
                if packet.size and not discarded:
                    self._complain(_clause(error))
            self.listen(ignore=discarded)
            for frame in decoded:
                if not self._is_showable(frame):
                    continue
                num_barren = 0
                self.num_corrupt += bool(frame.is_corrupt)
                self.num_interlaced += bool(frame.interlaced_frame)
                yield frame

    def _is_showable(self, frame: VideoFrame) -> bool:
        # A damaged header can name colours that nothing converts to RGB. Both passes leave such frames out, also the
        # second, which converts none but the wanted ones.
        colours = (getattr(frame, name, None) for name in _COLOURS)
        kind = (frame.format.name, frame.width, frame.height, *colours)
        if kind not in self.showable:
            if len(self.showable) >= _MAX_KINDS:
                self._complain("its pictures are of too many kinds")
                return False
            try:
                frame.reformat(format="rgb24")
                self.showable[kind] = True
            except Exception as error:
                self.showable[kind] = False
                self._complain(_clause(error))
        return self.showable[kind]

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        for _ in range(_MAX_READ_ERRORS):
            packets = _demuxed(self.container, self.stream)
            at_end = False
            while True:
                try:
                    packet = next(packets, None)
                except Exception as error:
                    # A track that came up late makes PyAV stumble after the last packet, when nothing is left to read.
                    if at_end and isinstance(error, IndexError):
                        return
                    self._complain(_clause(error))
                    break
                if packet is None:
                    return
                at_end = not packet.size and packet.pts is None and packet.dts is None
                yield packet

    def _note_leading(self, packet: "Packet[VideoStream]") -> None:
        # A film cut without encoding anew may begin with a key frame and, after it in the file, frames
        # that are shown before it and refer to others that were cut off: nobody can decode these.
        if self.num_expected == 1:
            self.first_key_pts = packet.pts if packet.is_keyframe else None
        elif self.first_key_pts is not None and self.num_leading == self.num_expected - 2:
            no_time = packet.pts is None and packet.dts is None  # before the start of an mkv
            self.num_leading += no_time or (packet.pts is not None and packet.pts < self.first_key_pts)

    def _is_invisible(self, packet: "Packet[VideoStream]") -> bool:
        # VP8 keeps pictures that are only referred to in packets of their own, marked in the first byte.
        return self.stream.codec_context.name == "vp8" and not bytes(packet)[0] & 0x10

    def listen(self, *, ignore: bool) -> None:
        """Take in what FFmpeg has said since the last time."""
        if self.log is None:
            return
        components = {*self.container.format.name.split(","), self.container.format.name}
        components |= {self.stream.codec_context.name, self.stream.codec_context.codec.name}
        for name, text in self.log.take():
            if name in components and not ignore and not text.startswith(_HARMLESS):
                self._complain(text)

    def _complain(self, text: str) -> None:
        if text in self.complaints or len(self.complaints) < _MAX_COMPLAINTS:
            self.complaints[text] += 1


def scan_video(path: Path) -> Scan:
    """First pass: times of all frames, and evidence of damage.

    Args:
        path: Path of an existing regular file.

    Raises:
        DataError: It is no video, has no picture track or not a single frame that can be decoded.
        OSError: It cannot be read.
    """
    version = file_version(path)
    with captured_errors() as log, _opened(path) as container:
        stream = _video_stream(container, path)
        decoding = _Decoding(container, stream, log)
        decoding.listen(ignore=False)
        stream.codec_context.options = {**stream.codec_context.options, "skip_loop_filter": "all"}
        pts: list[int | None] = []
        dts: list[int | None] = []
        size_px, orientation, num_resized = (0, 0), np.eye(2, dtype=np.int64), 0
        ends = BlackEnds()
        for frame in decoding.frames():
            if not pts:
                size_px = (frame.width, frame.height)
                check_size(*size_px, where=path)
                orientation = frame_orientation(frame)
            num_resized += (frame.width, frame.height) != size_px
            ends.add(black=is_black_frame(frame))
            pts.append(frame.pts)
            dts.append(frame.dts)
        decoding.listen(ignore=False)
        audit = _audit(path, stream, len(pts))
        if not pts:
            clause = next(iter(audit.problems), "") or next(
                iter(decoding.complaints), "no frame in it can be decoded"
            )
            raise DataError(_BROKEN.format(clause), where=path, todo=_TODO)
        # A damaged bit can make a picture of VP8 invisible; a true hidden one leaves no gap.
        accounts_for_gaps = audit.accounts_for_all and not decoding.num_invisible
        timeline = timeline_of(
            pts,
            dts,
            Declared(
                base=stream.time_base,
                rate=stream.average_rate or stream.guessed_rate,
                start=stream.start_time,
                duration=stream.duration,
            ),
            prefer_dts=container.format.name == "avi",
            accounts_for_gaps=accounts_for_gaps,
        )
        problems = [*audit.problems, *timeline.problems, *_complaints_of(decoding)]
        num_leading = decoding.num_leading if pts[0] == decoding.first_key_pts else 0
        interlaced = 2 * decoding.num_interlaced > len(pts)
        # The filter needs pictures of one size.
        is_deinterlaced = interlaced and not num_resized and can_deinterlace()
        shown_px = square_pixel_size(size_px, stream.sample_aspect_ratio)
        check_size(*shown_px, where=path)
        num_lost = max(decoding.num_expected, audit.num_frames or 0) - num_leading - len(pts)
        if not accounts_for_gaps or problems:
            num_lost = max(num_lost, timeline.num_missing)
        if num_lost > 0:
            problems.append(f"{num_lost} of {len(pts) + num_lost} frames are missing or cannot be decoded")
        elif problems:
            problems.append("how many frames that cost cannot be told")
        notes = list(timeline.notes)
        if audit.num_frames is None and (audit.num_stored or 0) > len(pts):
            num_hidden = (audit.num_stored or 0) - len(pts)
            notes.append(f"{num_hidden} more frames are stored in the file; its edit list leaves them out.")
        notes += _untold(container, stream, audit)
        if num_leading:
            notes.append(
                f"{num_leading} frames at the cut before the first cannot be shown: what they refer to is gone."
            )
        if interlaced:
            notes.append(interlaced_note(deinterlaced=is_deinterlaced))
        notes += _size_notes(size_px, shown_px, num_resized)
        return Scan(
            times_s=timeline.times_s,
            stamps=tuple(pts),
            num_lost=max(num_lost, 0),
            problems=tuple(problems),
            notes=tuple(notes),
            size_px=shown_px[::-1] if is_transposed(orientation) else shown_px,
            frame_rate=timeline.frame_rate,
            variable_rate=timeline.variable_rate,
            duration_s=timeline.duration_s,
            codec=str(stream.codec_context.name),
            rotation_deg=clockwise_deg(orientation),
            orientation=orientation,
            black=ends.counts(),
            file_version=version,
            deinterlaced=is_deinterlaced,
        )


def _size_notes(size_px: tuple[int, int], shown_px: tuple[int, int], num_resized: int) -> list[str]:
    notes = []
    if shown_px != size_px:
        notes.append(
            f"Its pixels are not square; pictures of {size_px[0]} x {size_px[1]} are scaled to "
            f"{shown_px[0]} x {shown_px[1]} pixels."
        )
    if num_resized:
        notes.append(f"{num_resized} frames have another size than the first; they are scaled to it.")
    return notes


def _audit(path: Path, stream: VideoStream, num_frames: int) -> Audit:
    try:
        return audit_container(path, stream.id, stream.index, num_frames)
    except HostileStructureError as error:
        raise DataError(_BROKEN.format(error), where=path, todo=_TODO) from error


def read_video(
    path: Path, scan: Scan, indices: Sequence[int], size_px: tuple[int, int] | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Second pass: the wanted pictures, upright, and not a frame further than the last of them.

    Args:
        path: Path of the file that `scan` came from.
        scan: What the first pass found.
        indices: Frames to read, increasing, repeats allowed.
        size_px: Width and height of the pictures, in pixels; as filmed by default. Scaled by area while colours are
            converted, which takes a third of the time of doing one after the other.

    Yields:
        One RGB picture per index.

    Raises:
        DataError: The file has changed since the first pass, or is so damaged that FFmpeg does not decode the same frames
            again.
    """
    if len(indices):
        yield from ahead(_pictures(path, scan, indices, size_px or scan.size_px))


def _pictures(
    path: Path, scan: Scan, indices: Sequence[int], size_px: tuple[int, int], *, jump: bool = True
) -> Generator[UInt8[np.ndarray, "height width 3"], None, None]:
    wanted = Counter(indices)
    last = max(indices)
    width, height = size_px[::-1] if is_transposed(scan.orientation) else size_px
    num_seen = begin = 0
    given = False
    problem: Exception | None = None
    try:
        with captured_errors() as log, _opened(path) as container:
            stream = _video_stream(container, path)
            begin = _sought(container, stream, scan, min(indices)) if jump else 0
            frames = _same_frames(_Decoding(container, stream, log), scan, begin)
            if scan.deinterlaced:
                frames = deinterlaced(frames, stream)
            for index, frame in enumerate(frames, start=begin):
                if index in wanted:
                    picture = turned(
                        frame.to_ndarray(
                            format="rgb24", width=width, height=height, interpolation=_scaling(frame, width)
                        ),
                        scan.orientation,
                    )
                    given = True
                    for _ in range(wanted[index]):
                        yield picture
                num_seen = index + 1
                if index == last:
                    break
    except Exception as error:
        problem = error
    if problem is None and num_seen > last:
        return
    if begin and not given:  # after a jump other frames come than before: then without one
        yield from _pictures(path, scan, indices, size_px, jump=False)
        return
    raise _other_frames(path, scan, num_seen) from problem


def _sought(container: InputContainer, stream: VideoStream, scan: Scan, first: int) -> int:
    """Go near a frame that is late in a film; says from which frame on those of the first pass must come.

    Only in a film without damage, whose stamps tell every frame. Decoding begins at a key frame well before, so that all that the
    frame refers to has been decoded; and where the stamps after the jump are not those of the first pass, at the film's start.
    """
    begin = first - _BEFORE_SOUGHT
    if begin < _LEAST_SOUGHT or scan.problems or scan.num_lost or scan.deinterlaced:
        return 0
    known = [stamp for stamp in scan.stamps if isinstance(stamp, int)]
    if len(known) < len(scan.stamps) or any(a >= b for a, b in pairwise(known)):
        return 0
    try:
        container.seek(known[begin], stream=stream)
        landed = next(
            (packet.pts for packet in container.demux(stream) if packet.size and packet.is_keyframe), None
        )
        # Reading a packet has moved on: the same jump again.
        found = -1 if landed is None else bisect_left(known, landed)
        if 0 <= found <= begin and known[found] == landed:
            container.seek(known[begin], stream=stream)
            return found
    except Exception:  # a container that cannot jump, whatever PyAV says of it
        found = -1
    container.seek(0, stream=stream)
    return 0


def _same_frames(decoding: _Decoding, scan: Scan, begin: int = 0) -> Iterator[VideoFrame]:
    """Frames as long as they are those of the first pass.

    Args:
        decoding: Run over the stream.
        scan: What the first pass found.
        begin: First frame that is given; after a jump those before it may come in pieces, and are passed over.
    """
    frames = decoding.frames()
    if begin:
        first = scan.stamps[begin]
        frames = dropwhile(lambda frame: frame.pts != first, frames)
    for stamp, frame in zip(scan.stamps[begin:], frames, strict=False):
        if decoding.log is not None:
            decoding.log.take()
        if frame.pts != stamp:
            return
        yield frame


def _other_frames(path: Path, scan: Scan, num_seen: int) -> DataError:
    """Why a second reading gave other frames than the first: only a file that looks different was changed."""
    try:
        changed = file_version(path) != scan.file_version
    except OSError as error:
        return DataError(
            f"it can no longer be read ({error.strerror})", where=path, todo="leave it in its place"
        )
    if changed:
        return DataError("it has changed since it was first read", where=path, todo="leave it unchanged")
    return DataError(
        f"it is damaged: FFmpeg gives another frame {num_seen} when it reads the file again",
        where=path,
        todo="convert it to mp4, and use that",
    )


def _untold(container: InputContainer, stream: VideoStream, audit: Audit) -> list[str]:
    """What nobody can tell of a film of this kind, in sentences."""
    notes = []
    says_length = set(container.format.name.split(",")) & _LENGTH_IN_HEADER and stream.duration
    if not (audit.tells_end or says_length):
        name = container.format.name.split(",")[0]
        notes.append(f"The file ({name}) does not say how long it is: frames lost at its end cannot be told.")
    codec = str(stream.codec_context.name)
    if codec in _WITHOUT_CHECKS and not audit.has_checksums:
        notes.append(f"Damage inside a picture often cannot be told: {codec} has no checksums.")
    return notes


def _scaling(frame: VideoFrame, width: int) -> str | None:
    """How FFmpeg scales: by area where it shrinks a picture on purpose, in its usual way where a frame is of another size."""
    return "AREA" if width < frame.width else None


def _opened(path: Path) -> InputContainer:
    # `options` would also go to the streams, at which PyAV 12 and 13 crash on flv and ts files.
    # The prefix keeps a name such as `http:x.mp4` or `concat:a|b` a name.
    try:
        return av.open(
            f"file:{path}",
            mode="r",
            container_options={"format_whitelist": FORMATS},
            metadata_errors="ignore",
        )
    except Exception as error:
        if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError):
            raise
        raise DataError(_BROKEN.format(_clause(error)), where=path, todo=_TODO) from error


def _demuxed(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[VideoStream]]":
    return container.demux(stream)


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    streams: Any = container.streams
    best = streams.best("video") if hasattr(streams, "best") else next(iter(streams.video), None)
    if best is None:
        raise DataError("it has no picture track", where=path, todo="give a video, not a sound file")
    stream: VideoStream = best
    context = stream.codec_context
    if context is None or not context.codec:
        raise DataError("its codec is not known to FFmpeg", where=path, todo=_TODO)
    if context.width and context.height:
        check_size(context.width, context.height, where=path)
    context.thread_count = 1
    context.thread_type = "NONE"
    context.options = {**context.options, "max_pixels": str(MAX_AREA_PX)}
    return stream


def _complaints_of(decoding: _Decoding) -> list[str]:
    """At most three of FFmpeg's messages, the most frequent first."""
    complaints = [
        f"FFmpeg: {text}" + (f" ({num} times)" if num > 1 else "")
        for text, num in decoding.complaints.most_common(3)
    ]
    if decoding.num_corrupt:
        complaints.append(f"{decoding.num_corrupt} frames or packets are marked as corrupt")
    return complaints


def _clause(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
