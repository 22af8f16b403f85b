"""Writing pictures as a film: an mp4 file that appears complete or not at all.

Source: FFmpeg by PyAV, H.264 where it has the encoder.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.media.ahead import ahead

CODECS = ("libx264", "h264", "mpeg4")
"""Encoders, the first of these that FFmpeg has is used."""
USUAL_CRF, LOSSLESS_CRF = 23, 0
"""Constant rate factors of x264: its own default, and what loses nothing but rounding and the halved chroma of
yuv420p."""
DRAWN_PRESET, FILM_PRESET = "superfast", "veryfast"
"""X264's presets for films that we draw, and for films like those that people have. 300 frames of 1280 x 1080 take 2.3 and
3.7 s, and 1.4 and 1.1 MB."""


def write_film(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
    frame_rate: float,
    *,
    crf: int = USUAL_CRF,
    preset: str = DRAWN_PRESET,
) -> None:
    """Write pictures of one size as a film; the same pictures always give the same bytes.

    A last odd row or column is left out.

    Args:
        path: Path of the mp4 file, which is written atomically.
        frames: RGB pictures of one size.
        frame_rate: Frames per second.
        crf: X264's constant rate factor, 0 (lossless) to 51; other encoders know the usual quality only.
        preset: X264's preset, from `ultrafast` to `veryslow`; other encoders have none.

    Raises:
        DataError: There is no encoder, or none that knows this quality; there is no picture, or the file cannot be
            written.
    """
    codec = _codec()
    if crf != USUAL_CRF and codec != "libx264":
        raise DataError(
            f"FFmpeg's encoder {codec} knows no quality {crf}", where=path, todo="use a PyAV with libx264"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part.mp4")
    os.close(handle)
    staged = Path(name)
    try:
        num_frames = _encode(staged, frames, Fraction(frame_rate).limit_denominator(1001), codec, crf, preset)
        if not num_frames:
            raise DataError("there is no picture to write", where=path, todo="give at least one frame")
        staged.chmod(0o644)
        staged.replace(path)
    except (OSError, av.error.FFmpegError) as error:
        raise DataError(
            f"cannot write ({error.strerror or error})",
            where=path,
            todo="free some space or choose another folder",
        ) from error
    finally:
        staged.unlink(missing_ok=True)


def _encode(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "h w 3"]],
    rate: Fraction,
    codec: str,
    crf: int,
    preset: str,
) -> int:
    done = 0
    with av.open(str(path), "w", format="mp4") as film:
        stream: Any = None
        for image in ahead(one for one in frames):
            high, wide = (side - side % 2 for side in image.shape[:2])  # chroma is stored at half size
            if stream is None:
                stream = film.add_stream(codec, rate=rate)
                stream.width, stream.height, stream.pix_fmt = wide, high, "yuv420p"
                stream.codec_context.thread_count = 1
                if codec == "libx264":
                    stream.options = {"crf": str(crf), "preset": preset}
                else:
                    stream.bit_rate = 4_000_000
            picture = cv2.cvtColor(image[: stream.height, : stream.width], cv2.COLOR_RGB2YUV_I420)
            film.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture, np.uint8), format="yuv420p"))
            )
            done += 1
        if stream is not None:
            film.mux(stream.encode(None))
    return done


def _codec() -> str:
    for name in CODECS:
        with contextlib.suppress(
            Exception
        ):  # PyAV's own class for an unknown codec has changed between versions
            av.codec.Codec(name, "w")
            return name
    raise DataError("FFmpeg has no encoder for mp4", todo=f"install one of {', '.join(CODECS)}")
