"""Tiny films for tests: every frame carries its number as a bar code."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH_PX, HEIGHT_PX = 64, 48
NUM_BITS = 7


def bar_code(number: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> np.ndarray:
    """Seven bars of bits and one of parity; the lower half shows the opposite of the upper half."""
    bits = [number >> bit & 1 for bit in range(NUM_BITS)]
    bars = np.array([*bits, (sum(bits) + 1) % 2], dtype=np.uint8) * 200 + 25
    upper = np.repeat(bars, width_px // 8)
    picture = np.empty((height_px, width_px, 3), dtype=np.uint8)
    picture[: height_px // 2] = upper[None, :, None]
    picture[height_px // 2 :] = 250 - upper[None, :, None]
    return picture


def read_bar_code(picture: np.ndarray) -> int | None:
    """The number, or None where the picture is too damaged to tell."""
    height, width = picture.shape[:2]
    bar = width // 8
    grey = picture.mean(axis=2)
    columns = [slice(k * bar + bar // 4, (k + 1) * bar - bar // 4) for k in range(8)]
    upper = np.array([grey[height // 8 : 3 * height // 8, column].mean() for column in columns])
    lower = np.array([grey[5 * height // 8 : 7 * height // 8, column].mean() for column in columns])
    if np.any(np.abs(upper - lower) < 80):
        return None
    bits = (upper > lower).astype(int)
    if (bits[:NUM_BITS].sum() + bits[NUM_BITS]) % 2 != 1:
        return None
    return int(sum(bit << k for k, bit in enumerate(bits[:NUM_BITS])))


def read_all(media) -> list[int | None]:
    """The bar code of every frame."""
    return [read_bar_code(picture) for _, picture in media.frames()]


def findings(info) -> list[str]:
    """The warnings of a film, but for what cannot be told of any film of its kind."""
    return [warning for warning in info.warnings if not warning.endswith(UNTOLD)]


UNTOLD = ("frames lost at its end cannot be told.", "has no checksums.")


@dataclass(frozen=True)
class Recipe:
    """How to write a film."""

    codec: str = "libx264"
    rate: int = 25
    pix_fmt: str = "yuv420p"
    codec_options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    time_base: Fraction | None = None
    audio: bool = False
    pixel_ratio: Fraction | None = None


def write_video(
    path: Path,
    num_frames: int = 24,
    recipe: Recipe | None = None,
    *,
    stamps: Sequence[int] | None = None,
    pictures: Sequence[np.ndarray] | None = None,
) -> Path:
    """Write a film of bar codes (or of `pictures`), shown at `stamps` in units of the time base."""
    recipe = recipe or Recipe()
    pictures = [bar_code(number) for number in range(num_frames)] if pictures is None else pictures
    with av.open(str(path), "w", options=recipe.container_options) as container:
        stream = container.add_stream(recipe.codec, rate=recipe.rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = recipe.pix_fmt
        stream.options = recipe.codec_options
        time_base = recipe.time_base or Fraction(1, recipe.rate)
        stream.codec_context.time_base = time_base
        if recipe.pixel_ratio is not None:
            stream.codec_context.sample_aspect_ratio = recipe.pixel_ratio
        sound = container.add_stream("aac", rate=16000) if recipe.audio else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=recipe.pix_fmt)
            frame.pts = number if stamps is None else stamps[number]
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            write_sound(container, sound, seconds=len(pictures) / recipe.rate + 0.7)
    return path


def write_sound(container, stream, seconds: float) -> None:
    """A quiet hum, a little longer than the pictures."""
    total = int(seconds * 16000)
    for start in range(0, total, 1024):
        wave = (np.sin(np.arange(start, start + 1024) / 20) * 1000).astype(np.float32) / 32768
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


B_FRAMES = {"bf": "2", "g": "12", "preset": "veryfast", "crf": "18"}
RECIPES: dict[str, tuple[str, Recipe]] = {
    "h264.mp4": ("mp4", Recipe(codec_options=B_FRAMES)),
    "h264_faststart.mp4": (
        "mp4",
        Recipe(codec_options=B_FRAMES, container_options={"movflags": "+faststart"}),
    ),
    "h264_fragmented.mp4": (
        "mp4",
        Recipe(codec_options=B_FRAMES, container_options={"movflags": "+frag_keyframe+empty_moov"}),
    ),
    "h264_sound.mp4": ("mp4", Recipe(codec_options=B_FRAMES, audio=True)),
    "mpeg4.mov": ("mov", Recipe(codec="mpeg4", codec_options={"g": "12", "q": "3", "flags": "+qscale"})),
    "mjpeg.mov": ("mov", Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
    "mpeg4_bframes.avi": ("avi", Recipe(codec="mpeg4", codec_options={"g": "12", "bf": "2"})),
    "mjpeg.avi": ("avi", Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
    "h264.mkv": ("mkv", Recipe(codec_options=B_FRAMES)),
    "ffv1.mkv": ("mkv", Recipe(codec="ffv1", codec_options={"slicecrc": "1", "level": "3"})),
    "vp8.webm": ("webm", Recipe(codec="libvpx", codec_options={"g": "12", "b": "300k"})),
    "vp9.webm": ("webm", Recipe(codec="libvpx-vp9", codec_options={"g": "12", "b": "300k"})),
    "rgb8.gif": ("gif", Recipe(codec="gif", pix_fmt="rgb8")),
}
"""Name -> (suffix, recipe): one of every container and codec that people send."""


def write_named(folder: Path, name: str, num_frames: int = 24) -> Path:
    """The film of `RECIPES` with this name."""
    return write_video(folder / name, num_frames, RECIPES[name][1])


def set_rotation(path: Path, clockwise_deg: int) -> None:
    """Write a turn into the display matrix of an mp4's first track (`tkhd`, version 0)."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[clockwise_deg]
    one = 0x10000
    content[at : at + 36] = struct.pack(
        ">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30
    )
    path.write_bytes(bytes(content))


def cut_without_encoding(
    source: Path, path: Path, first: int, rate: int = 25, last: int | None = None
) -> Path:
    """What `ffmpeg -ss ... -c copy` does: packets from a key frame on; times before `first` become negative.

    Args:
        source: whole film.
        path: the cut one; an mp4 then gets an edit list.
        first: the frame that is to be shown first; the key frame before it is kept for decoding.
        rate: frames per second.
        last: the last frame kept.
    """
    with av.open(str(source)) as whole, av.open(str(path), "w") as cut:
        stream = whole.streams.video[0]
        template = getattr(cut, "add_stream_from_template", None)
        copy = template(stream) if template else cut.add_stream(template=stream)
        packets = [packet for packet in whole.demux(stream) if packet.size]
        shift = int(Fraction(first, rate) / stream.time_base)
        keys = [k for k, packet in enumerate(packets) if packet.is_keyframe and packet.pts <= shift]
        for packet in packets[keys[-1] :]:
            if last is not None and packet.dts * stream.time_base * rate > last:
                break
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = copy
            cut.mux(packet)
    return path


def write_packed_b_frames(path: Path, num_pairs: int = 8) -> Path:
    """An AVI as old DivX encoders wrote it: a P and a B picture in one chunk, then an empty picture.

    Frames are I, (B P) and so on: `2 * num_pairs + 1` of them.
    """
    num_frames = 2 * num_pairs + 1
    encoder = av.CodecContext.create("mpeg4", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"bf": "1", "b_strategy": "0", "g": "100", "sc_threshold": "1000000000"}
    raw = []
    for number in range(num_frames):
        frame = av.VideoFrame.from_ndarray(bar_code(number), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        raw += [bytes(packet) for packet in encoder.encode(frame)]
    raw += [bytes(packet) for packet in encoder.encode(None)]
    mark = b"\x00\x00\x01\xb2DivX503b1393p"
    header = raw[0].index(b"\x00\x00\x01\xb6")
    chunks = [raw[0][:header] + mark + raw[0][header:]]
    # A picture that is not coded: type P, no whole second passed, marker, time 0 (5 bits), marker, the
    # bit `not coded`, filling.
    empty = b"\x00\x00\x01\xb6" + int("01_0_1_00000_1_0_01111".replace("_", ""), 2).to_bytes(2, "big")
    for at in range(1, num_frames - 1, 2):
        chunks += [raw[at] + raw[at + 1], empty]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for number, chunk in enumerate(chunks):
            packet = av.Packet(chunk)
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.dts = packet.pts = number
            packet.is_keyframe = number == 0
            container.mux(packet)
    return path
