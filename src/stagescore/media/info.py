"""What is known of a video or of a folder of images before anything is computed from it.

Every output of the program carries a `MediaInfo`, so that a result made from a damaged or slowed down
film can be told from one made from a whole film.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from stagescore.errors import DataError

Kind = Literal["video", "images", "joints"]
Verdict = Literal["ok", "partial", "unreadable"]

MIN_SIDE_PX = 8
"""A smaller picture (a tracking pixel, a torn header) cannot show a person."""
MAX_SIDE_PX = 16384
"""Twice the width of 8K; a larger side comes from a damaged header."""
MAX_AREA_PX = 200_000_000
"""A single RGB frame then takes at most 600 MB; 8K video has 33 million pixels."""
DEFAULT_FRAME_RATE = 25.0
"""Frames per second, set by hand, where nothing says how fast images follow one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """Facts of one video or folder of images, and whether all of it could be read.

    Attributes:
        path: Path as given by the user.
        kind: Kind of the file: `video`, `images`, or `joints`, where there are no pictures and black ones stand in for
            them.
        verdict: Verdict on the file: `ok` if every frame could be read, `partial` if there is evidence that some are
            missing or damaged, `unreadable` if there is nothing to work with.
        num_frames: Number of frames that can be decoded.
        num_lost: Best estimate of the frames that are missing or cannot be decoded. May be 0 in a
            `partial` file whose damage is evident but cannot be counted; a warning then says so.
        width_px: Width of the upright picture with square pixels, after rotation, in pixels.
        height_px: Height of the upright picture with square pixels, after rotation, in pixels.
        frame_rate: Average frames per second of the file as it is (not of the real event when it was
            slowed down); None if unknown.
        variable_rate: Whether frames follow one another at unequal distances.
        slowmo: Factor by which the film is slowed down: real seconds = file seconds / slowmo.
        duration_s: Time from the first frame until the end of the last one, in seconds of the file.
        codec: FFmpeg's name of the video's codec, or the image formats.
        rotation_deg: Clockwise turn that the file asks for and that has been applied, in degrees (0, 90, 180, 270).
        black_start: Number of black frames before the first picture; they are counted in `num_frames` and left out of
            clips.
        black_end: Number of black frames after the last picture; they are counted in `num_frames` and left out of
            clips.
        sha256: SHA-256 of the file's bytes, in hexadecimal; None for a folder.
        warnings: Warnings for the user, in whole sentences.
        reason: Reason why the file is unreadable; empty otherwise.
    """

    path: str
    kind: Kind
    verdict: Verdict
    num_frames: int = 0
    num_lost: int = 0
    width_px: int = 0
    height_px: int = 0
    frame_rate: float | None = None
    variable_rate: bool = False
    slowmo: float = 1.0
    duration_s: float = 0.0
    codec: str = ""
    rotation_deg: int = 0
    black_start: int = 0
    black_end: int = 0
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        check_factor("slow-motion factor", self.slowmo, where=self.path)
        if self.frame_rate is not None:
            check_factor("frame rate", self.frame_rate, where=self.path)
        readable = self.verdict != "unreadable"
        if readable != (self.num_frames > 0) or readable == bool(self.reason):
            raise DataError(
                f"verdict `{self.verdict}` with {self.num_frames} frames and reason {self.reason!r}",
                where=self.path,
                todo="give a reason exactly where there is no frame",
            )
        if self.num_lost < 0 or (self.verdict == "ok" and self.num_lost > 0):
            raise DataError(
                f"verdict `{self.verdict}` with {self.num_lost} lost frames",
                where=self.path,
                todo="call a file with lost frames `partial`",
            )
        if readable and self.black_start + self.black_end >= self.num_frames:
            raise DataError(
                f"{self.black_start} and {self.black_end} of {self.num_frames} frames are left out as black",
                where=self.path,
                todo="leave at least one frame",
            )

    @property
    def real_duration_s(self) -> float:
        """Seconds that the event itself took."""
        return self.duration_s / self.slowmo

    def as_json(self) -> dict[str, Any]:
        """All attributes and `real_duration_s`, of types that JSON knows."""
        return {
            **{name: getattr(self, name) for name in self.__slots__},
            "warnings": list(self.warnings),
            "real_duration_s": self.real_duration_s,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames sampled from a video, with where and when they were taken.

    Attributes:
        frames: RGB pictures, 0 to 255.
        indices: Index of each frame in the video, increasing, repeats allowed.
        times_s: Presentation time of each frame in seconds of the file.
        info: Facts of the video that the frames come from.
    """

    frames: UInt8[np.ndarray, "frames height width 3"]
    indices: tuple[int, ...]
    times_s: Float[np.ndarray, " frames"]
    info: MediaInfo

    def __post_init__(self) -> None:
        lengths = (len(self.frames), len(self.indices), len(self.times_s))
        if len(set(lengths)) != 1:
            raise DataError(
                f"{lengths[0]} frames, {lengths[1]} indices and {lengths[2]} times",
                where=self.info.path,
                todo="give one index and one time a frame",
            )

    @property
    def num_frames(self) -> int:
        """Frames of the clip."""
        return len(self.indices)

    @property
    def real_times_s(self) -> Float[np.ndarray, " frames"]:
        """Times in seconds of the event itself."""
        return self.times_s / self.info.slowmo


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """What a first pass over a video or folder finds: everything but the pictures.

    Attributes:
        times_s: Presentation time of each decodable frame, in seconds of the file, non-decreasing.
        stamps: Mark of each frame by which a second pass recognises it.
        num_lost: Estimated number of lost frames.
        problems: Sentences that are evidence of damage; empty for a whole file.
        notes: Sentences that the user should read although nothing is lost.
        size_px: Width and height of the upright picture with square pixels, in pixels.
        frame_rate: Average frames per second; None if unknown.
        variable_rate: Whether frames follow one another at unequal distances.
        duration_s: Time from the first frame until the end of the last one, in seconds of the file.
        codec: FFmpeg's name of the video's codec, or the image formats.
        rotation_deg: Clockwise turn that has been applied, in degrees.
        orientation: Turn and mirroring that have been applied, as a matrix (`orientation`).
        black: Numbers of black frames before the first picture and after the last (`black_ends`).
        deinterlaced: Whether the pictures of an interlaced film are made whole while they are read.
        file_version: What tells whether a film's file was changed since (`file_version`); None for a folder.
    """

    times_s: Float[np.ndarray, " frames"]
    stamps: tuple[object, ...]
    num_lost: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    size_px: tuple[int, int]
    frame_rate: float | None
    variable_rate: bool = False
    duration_s: float
    codec: str
    rotation_deg: int = 0
    orientation: Int[np.ndarray, "2 2"] = field(default_factory=lambda: np.eye(2, dtype=np.int64))
    black: tuple[int, int] = (0, 0)
    deinterlaced: bool = False
    file_version: tuple[int, int, int] | None = None


def file_version(path: Path) -> tuple[int, int, int]:
    """Number, bytes and time of the last change (in nanoseconds) of a file: another one, or a changed one, differs.

    Raises:
        OSError: There is no such file, or it may not be looked at.
    """
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def check_factor(name: str, value: float, *, where: str = "") -> float:
    """The value itself if it is a usable rate or factor.

    Args:
        name: Name of the factor, for the message.
        value: A frame rate or a slow-motion factor.
        where: File or key that the value belongs to.

    Raises:
        DataError: It is not finite or not within 1/1000 to 1000000.
    """
    if not (math.isfinite(value) and 1e-3 <= value <= 1e6):
        raise DataError(
            f"the {name} is {value}", where=where, todo="give a positive number such as 1, 4 or 29.97"
        )
    return value


def check_size(width_px: int, height_px: int, where: Path) -> None:
    """Refuse pictures that are too small or too large to be a film of a person.

    Raises:
        DataError: A side or the area is outside the limits of this module.
    """
    if min(width_px, height_px) < MIN_SIDE_PX:
        raise DataError(
            f"the picture is only {width_px} x {height_px} pixels",
            where=where,
            todo=f"give a film of at least {MIN_SIDE_PX} pixels a side",
        )
    if max(width_px, height_px) > MAX_SIDE_PX or width_px * height_px > MAX_AREA_PX:
        raise DataError(
            f"the picture claims to be {width_px} x {height_px} pixels",
            where=where,
            todo=f"give at most {MAX_SIDE_PX} pixels a side and {MAX_AREA_PX // 10**6} million in all; "
            "a file that claims more is probably damaged",
        )
