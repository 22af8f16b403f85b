"""Parts of a film as films of their own, without decoding: the packets are copied, pictures and sound.

A film can only be entered at a key frame. So a clip holds the frames from the key frame before its begin, and an edit list that tells
players, and `source.open_media`, to show none before the begin. Source: ISO/IEC 14496-12 (`elst`), which FFmpeg writes for packets
before time 0.
"""

import os
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from stagescore.errors import DataError
from stagescore.media.video import FORMATS

CODECS = ("h264", "hevc", "mpeg4", "av1", "vp9", "mjpeg")
"""Pictures that an mp4 file may hold and players know."""
_SOUNDS = ("aac", "mp3", "ac3", "opus", "alac", "flac")


def copy_clips(path: Path, spans_s: Sequence[tuple[float, float]], clips: Sequence[Path]) -> None:
    """Write parts of a film as mp4 files, each whole or not at all.

    Args:
        path: Path of the film.
        spans_s: Begin and end of each part, in seconds of the film.
        clips: Path of each file.

    Raises:
        DataError: It is no film, its pictures are of a kind that mp4 files do not hold, or nothing can be written.
    """
    for (begin_s, end_s), clip in zip(spans_s, clips, strict=True):
        clip.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=clip.parent, prefix=f".{clip.name}.", suffix=".part.mp4")
        os.close(handle)
        staged = Path(name)
        try:
            _copy(path, begin_s, end_s, staged)
            staged.chmod(0o644)
            staged.replace(clip)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise DataError(
                f"a part of it cannot be copied to {clip} ({error})",
                where=path,
                todo="free some space, choose another folder, or convert the film to mp4",
            ) from error
        finally:
            staged.unlink(missing_ok=True)


def _copy(path: Path, begin_s: float, end_s: float, clip: Path) -> None:
    with (
        av.open(f"file:{path}", container_options={"format_whitelist": FORMATS}) as film,
        av.open(str(clip), "w", format="mp4") as out,
    ):
        picture = next(iter(film.streams.video), None)
        if picture is None:
            raise DataError("it has no picture track", where=path, todo="give a video, not a sound file")
        if picture.codec_context.name not in CODECS:
            raise DataError(
                f"its pictures ({picture.codec_context.name}) cannot be copied into an mp4 file",
                where=path,
                todo="convert it to mp4 with H.264",
            )
        sound = next((one for one in film.streams.audio if one.codec_context.name in _SOUNDS), None)
        copied: dict[int, Any] = {picture.index: out.add_stream_from_template(picture)}
        if sound is not None:
            copied[sound.index] = out.add_stream_from_template(sound)
        base = picture.time_base or Fraction(1, 90_000)
        film.seek(round(begin_s / base), stream=picture)
        last = -1  # stamp of the latest picture that is copied
        for packet in film.demux([one for one in (picture, sound) if one is not None]):
            if packet.dts is None or packet.pts is None:
                continue
            unit = packet.time_base or base
            time_s = float(packet.pts * unit)
            if packet.stream_index == picture.index:
                # Pictures are stored after those that they refer to. One that is shown after all before it comes when none is missing.
                if packet.pts > last and last * unit >= end_s:
                    break
                last = max(last, packet.pts)
            elif not begin_s <= time_s <= end_s:
                continue
            shift = round(begin_s / unit)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copied[packet.stream_index]
            out.mux(packet)
