"""Films of many containers and codecs, and folders of images; the reader opens them and counts the frames that it gets."""

import io
import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from stagescore.benchmarks.campaign.sample import Sample, Simulated
from stagescore.errors import DataError
from stagescore.media import open_media

_RATE = 25
_SIZE_PX = (32, 32)
_EXACT = {"fflags": "+bitexact"}
"""Without it, muxers write the time and random names into the file."""


@dataclass(frozen=True, slots=True)
class _FilmRecipe:
    """How a film is written.

    Attributes:
        codec: FFmpeg's name of the encoder.
        pixels: Form of the pixels.
        options: Options of the encoder.
        container: Options of the container.
        num_frames: Number of frames.
        sound: Whether there is a sound track.
    """

    codec: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    num_frames: int = 10
    sound: bool = False


_B_FRAMES = {"bf": "2", "g": "5", "preset": "veryfast", "threads": "1"}
_FILMS = {
    "h264.mp4": _FilmRecipe(options=_B_FRAMES),
    "faststart.mp4": _FilmRecipe(options=_B_FRAMES, container={"movflags": "+faststart"}),
    "fragmented.mp4": _FilmRecipe(options=_B_FRAMES, container={"movflags": "+frag_keyframe+empty_moov"}),
    "sound.mp4": _FilmRecipe(options=_B_FRAMES, sound=True),
    "mpeg4.mov": _FilmRecipe("mpeg4", options={"g": "5", "bf": "1"}, num_frames=8),
    "mjpeg.mov": _FilmRecipe("mjpeg", "yuvj420p", num_frames=6),
    "prores.mov": _FilmRecipe("prores", "yuv422p10le", num_frames=6),
    "raw.mov": _FilmRecipe("rawvideo", "rgb24", num_frames=6),
    "mpeg4.avi": _FilmRecipe("mpeg4", options={"g": "5", "bf": "2"}),
    "mjpeg.avi": _FilmRecipe("mjpeg", "yuvj420p", num_frames=7),
    "huffyuv.avi": _FilmRecipe("huffyuv", "yuv422p", num_frames=6),
    "h264.mkv": _FilmRecipe(options=_B_FRAMES),
    "ffv1.mkv": _FilmRecipe("ffv1", options={"slicecrc": "1", "level": "3"}, num_frames=6),
    "vp8.webm": _FilmRecipe("libvpx", options={"g": "5", "b": "100k"}),
    "vp9.webm": _FilmRecipe("libvpx-vp9", options={"g": "5", "b": "100k"}, num_frames=8),
    "rgb8.gif": _FilmRecipe("gif", "rgb8", num_frames=8),
    "h264.flv": _FilmRecipe(options=_B_FRAMES, num_frames=12),
    "h264.ts": _FilmRecipe(options=_B_FRAMES, num_frames=12),
    "mpeg2.mpg": _FilmRecipe("mpeg2video", options={"g": "4", "bf": "1"}, num_frames=9),
    "wmv2.wmv": _FilmRecipe("wmv2", num_frames=9),
    "theora.ogv": _FilmRecipe("libtheora", num_frames=9),
}
_IMAGES = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}


def film_samples(simulated: Simulated) -> tuple[Sample, ...]:
    """Films whose encoders this FFmpeg has, and folders of images."""
    pictures = _pictures(simulated)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, film in _FILMS.items():
            if film.codec in av.codecs_available or (
                film.codec == "libtheora" and "theora" in av.codecs_available
            ):
                path = Path(folder) / name
                try:
                    _write(path, film, pictures)
                except (av.FFmpegError, ValueError):  # a decoder of that name, and no encoder
                    continue
                found.append(Sample(name=name, files={name: path.read_bytes()}, entry=name, reader="film"))
    for ending, form in _IMAGES.items():
        files = {f"frames/{n:05d}{ending}": _image(one, form) for n, one in enumerate(pictures[:6])}
        found.append(Sample(name=f"images{ending}", files=files, entry="frames", reader="film"))
    return tuple(found)


def small_film(simulated: Simulated) -> bytes:
    """A film of a few kB, for labels that name films."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        _write(path, _FILMS["h264.mp4"], _pictures(simulated))
        return path.read_bytes()


def read_film(path: Path) -> str:
    """Open a film, decode all of it, and say what its verdict warns of.

    Raises:
        DataError: It is unreadable.
        AssertionError: What was read is not what the verdict says.
    """
    media = open_media(path)
    count = sum(1 for _ in media.frames())
    if count != media.num_frames or (media.info.verdict == "ok" and media.info.num_lost):
        raise AssertionError(f"{count} frames were read, the verdict is {media.info}")
    return " ".join((media.info.verdict.replace("ok", ""), *media.info.warnings)).strip()


def _pictures(simulated: Simulated) -> list[UInt8[np.ndarray, "height width 3"]]:
    return [np.asarray(Image.fromarray(one).resize(_SIZE_PX)) for one in simulated.pictures]


def _write(path: Path, film: _FilmRecipe, pictures: list[UInt8[np.ndarray, "height width 3"]]) -> None:
    with av.open(str(path), "w", options={**_EXACT, **film.container}) as container:
        stream = container.add_stream(film.codec, rate=_RATE)
        if not isinstance(stream, av.VideoStream):
            raise DataError("no codec of pictures", where=film.codec, todo="name another one")
        stream.width, stream.height = _SIZE_PX
        stream.pix_fmt = film.pixels
        stream.options = {"flags": "+bitexact", **film.options}
        stream.codec_context.time_base = Fraction(1, _RATE)
        sound = container.add_stream("aac", rate=16000) if film.sound else None
        for number in range(film.num_frames):
            frame = av.VideoFrame.from_ndarray(pictures[number % len(pictures)], format="rgb24").reformat(
                format=film.pixels
            )
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if isinstance(sound, av.AudioStream):
            for start in range(0, 16000 * film.num_frames // _RATE, 1024):
                wave = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
                )
                wave.sample_rate, wave.pts, wave.time_base = 16000, start, Fraction(1, 16000)
                container.mux(sound.encode(wave))
            container.mux(sound.encode(None))


def _image(picture: UInt8[np.ndarray, "height width 3"], form: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form)
    return stream.getvalue()
