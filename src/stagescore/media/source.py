"""Opening videos and folders of images: `inspect_media` says what they are, `open_media` gives frames.

`without_pictures` stands in for a film of which nothing but joints is left.

Decoding is PyAV's (OpenCV silently gives fewer frames of a damaged file), images are PIL's.
"""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike, fspath
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from stagescore.errors import DataError, StagescoreError
from stagescore.hashing import file_sha256
from stagescore.media.black_ends import black_notes
from stagescore.media.images import SUFFIXES, read_images, scan_images
from stagescore.media.info import DEFAULT_FRAME_RATE, Clip, Kind, MediaInfo, Scan, check_factor, check_size
from stagescore.media.sampling import sample_indices
from stagescore.media.scaling import scaled, windowed
from stagescore.media.video import read_video, scan_video
from stagescore.shortages import shortage_of


@dataclass(frozen=True, slots=True, eq=False)
class Media:
    """An opened video or folder of images; frames are counted from 0 in the order they are shown.

    No file stays open and no picture in memory between calls.

    Attributes:
        info: Facts of the film, and the verdict on it.
        times_s: Presentation time of each frame in seconds of the file, as the file counts (the first
            is not always 0), non-decreasing.
    """

    info: MediaInfo
    times_s: Float[np.ndarray, " frames"]
    _scan: Scan

    @property
    def scale(self) -> Float[np.ndarray, "2"]:
        """Width and height of its pictures, as shares of those of the film; below 1 where it is held smaller (`HeldMedia`)."""
        return np.ones(2)

    def released(self) -> "Media":
        """The same film without any picture in memory; see `HeldMedia`."""
        return self

    @property
    def num_frames(self) -> int:
        """Frames that can be decoded."""
        return self.info.num_frames

    @property
    def content(self) -> range:
        """The frames that show something: all but black ones at either end."""
        return range(self.info.black_start, self.num_frames - self.info.black_end)

    def frames(
        self, indices: Sequence[int] | None = None, *, size_px: tuple[int, int] | None = None
    ) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """Decode frames one after another; decoding ends with the last one wanted.

        Args:
            indices: Frames to decode, increasing, repeats allowed; all by default.
            size_px: Width and height of the pictures, in pixels; proportions are not kept; as filmed by default.

        Yields:
            Index and RGB picture. A repeated index gives the same array again.

        Raises:
            DataError: An index is outside the film or smaller than the one before, or the file has
                changed since it was opened or is too damaged to be read twice.
        """
        chosen = range(self.num_frames) if indices is None else [int(index) for index in indices]
        self._check(chosen)
        if self.info.kind == "joints":
            width, height = size_px or (self.info.width_px, self.info.height_px)
            black = np.zeros((height, width, 3), np.uint8)
            yield from ((index, black) for index in chosen)
            return
        read = read_video if self.info.kind == "video" else read_images
        yield from zip(chosen, read(Path(self.info.path), self._scan, chosen, size_px), strict=True)

    def sample(
        self,
        num_frames: int,
        *,
        first: int | None = None,
        last: int | None = None,
        size_px: tuple[int, int] | None = None,
        windows_px: Float[np.ndarray, "frames 3"] | None = None,
    ) -> Clip:
        """Evenly spread frames; see `sample_indices`.

        Args:
            num_frames: Number of frames to take.
            first: Index of the first frame; the first that is not black by default.
            last: Index of the last frame (included); the last that is not black by default.
            size_px: Width and height to scale each frame to as it is decoded, in pixels (proportions are not kept); as
                filmed by default.
            windows_px: Part of every frame of the film that is taken, as `scaling.windowed` has it; needs `size_px`.

        Raises:
            DataError: The range or the size does not exist, or the file has changed.
        """
        indices = sample_indices(
            self.content[0] if first is None else first,
            self.content[-1] if last is None else last,
            num_frames,
        )
        return self.take(indices, size_px=size_px, windows_px=windows_px)

    def take(
        self,
        indices: Sequence[int],
        *,
        size_px: tuple[int, int] | None = None,
        windows_px: Float[np.ndarray, "frames 3"] | None = None,
    ) -> Clip:
        """Some frames.

        Args:
            indices: Frames to take, increasing, repeats allowed.
            size_px: Width and height to scale each frame to, in pixels (proportions are not kept); as filmed by
                default.
            windows_px: Part of every frame of the film that is taken, as `scaling.windowed` has it; needs `size_px`.

        Raises:
            DataError: A frame or the size does not exist, or the file has changed.
        """
        self._check(indices)
        width, height = size_px or (self.info.width_px, self.info.height_px)
        if min(width, height) < 1:
            raise DataError(
                f"size {width} x {height} is asked for", where=self.info.path, todo="give positive pixels"
            )
        frames = np.empty((len(indices), height, width, 3), dtype=np.uint8)
        for position, (index, picture) in enumerate(self.frames(indices)):
            frames[position] = (
                scaled(picture, (width, height))
                if windows_px is None
                else windowed(picture, windows_px[index], (width, height))
            )
        return Clip(frames, tuple(indices), self.times_s[list(indices)], self.info)

    def _check(self, indices: Sequence[int]) -> None:
        outside = [
            index for index in (indices[:1], indices[-1:]) if index and not 0 <= index[0] < self.num_frames
        ]
        if outside:
            raise DataError(
                f"frame {outside[0][0]} is asked for",
                where=self.info.path,
                todo=f"choose among 0 to {self.num_frames - 1}",
            )
        if any(a > b for a, b in pairwise(indices)):
            raise DataError(
                "frames are asked for out of order", where=self.info.path, todo="sort the indices"
            )


def inspect_media(
    path: str | PathLike[str], *, slowmo: float = 1.0, frame_rate: float | None = None
) -> MediaInfo:
    """Read a video or folder once and say what it is. Bad input is a verdict, not an error.

    Args:
        path: Video file, or folder of images.
        slowmo: Factor by which the film is slowed down.
        frame_rate: Frames per second that replace those of the file; needed for true times of images.

    Raises:
        DataError: `slowmo` or `frame_rate` is not a positive number. Never for what is at `path`.
    """
    _check_settings(slowmo, frame_rate)
    try:
        return open_media(path, slowmo=slowmo, frame_rate=frame_rate).info
    except DataError as error:
        return MediaInfo(
            path=fspath(path),
            kind=_kind_of(path),
            verdict="unreadable",
            slowmo=slowmo,
            reason=f"{error.what}; {error.todo}",
        )


def open_media(path: str | PathLike[str], *, slowmo: float = 1.0, frame_rate: float | None = None) -> Media:
    """Read a video or folder once and make its frames available. Arguments as of `inspect_media`.

    Raises:
        DataError: Nothing of it can be read (what, where, what to do), or a setting is wrong.
    """
    _check_settings(slowmo, frame_rate)
    where = Path(path)
    try:
        kind = _checked_kind(where)
        scan = scan_video(where) if kind == "video" else scan_images(where, frame_rate)
        sha256 = file_sha256(where) if kind == "video" else None
    except (OSError, ValueError) as error:
        raise DataError(
            f"it cannot be read ({getattr(error, 'strerror', None) or error})",
            where=where,
            todo="check the path and that you may read it",
        ) from error
    except StagescoreError:
        raise
    except Exception as error:  # one film that we stumble over must not cost the others their verdict
        short = shortage_of(error)
        if short is not None:
            raise DataError(short.what, where=where, todo=short.todo) from error
        raise DataError(
            f"internal error ({type(error).__name__}: {error})", where=where, todo="please report this bug"
        ) from error
    times_s, duration_s, notes = scan.times_s, scan.duration_s, list(scan.notes)
    variable_rate, rate = scan.variable_rate, scan.frame_rate
    if kind == "video" and frame_rate is not None:
        notes.append(
            f"The file's own frame rate ({rate or 0:.6g}) is replaced by {frame_rate:g} as asked for."
        )
        times_s, duration_s = np.arange(len(times_s)) / frame_rate, len(times_s) / frame_rate
        rate, variable_rate = frame_rate, False
    notes += black_notes(*scan.black)
    problems = [f"{sentence[:1].upper()}{sentence[1:]}." for sentence in scan.problems]
    info = MediaInfo(
        path=fspath(path),
        kind=kind,
        verdict="partial" if problems or scan.num_lost else "ok",
        num_frames=len(times_s),
        num_lost=scan.num_lost,
        width_px=scan.size_px[0],
        height_px=scan.size_px[1],
        frame_rate=rate,
        variable_rate=variable_rate,
        slowmo=slowmo,
        duration_s=duration_s,
        codec=scan.codec,
        rotation_deg=scan.rotation_deg,
        black_start=scan.black[0],
        black_end=scan.black[1],
        sha256=sha256,
        warnings=(*problems, *notes),
    )
    return Media(info, times_s, scan)


def without_pictures(
    path: Path,
    num_frames: int,
    size_px: tuple[int, int],
    *,
    slowmo: float = 1.0,
    frame_rate: float = DEFAULT_FRAME_RATE,
) -> Media:
    """A film that nobody has: its frames are black.

    Args:
        path: Path of the file that stands for the film.
        num_frames: Number of frames, one or more.
        size_px: Width and height of the pictures, in pixels.
        slowmo: Factor by which the film was slowed down.
        frame_rate: Frames per second.

    Raises:
        DataError: A number is not positive, or the picture too small or too large.
    """
    _check_settings(slowmo, frame_rate)
    check_size(*size_px, where=path)
    times_s = np.arange(num_frames) / frame_rate
    info = MediaInfo(
        path=fspath(path),
        kind="joints",
        verdict="ok",
        num_frames=num_frames,
        width_px=size_px[0],
        height_px=size_px[1],
        frame_rate=frame_rate,
        slowmo=slowmo,
        duration_s=num_frames / frame_rate,
        sha256=file_sha256(path),
    )
    return Media(
        info,
        times_s,
        Scan(
            times_s=times_s,
            stamps=(),
            size_px=size_px,
            frame_rate=frame_rate,
            duration_s=info.duration_s,
            codec="",
        ),
    )


def _check_settings(slowmo: float, frame_rate: float | None) -> None:
    check_factor("slow-motion factor", slowmo)
    if frame_rate is not None:
        check_factor("frame rate", frame_rate)


def _kind_of(path: str | PathLike[str]) -> Kind:
    try:
        return "images" if Path(path).is_dir() else "video"
    except (OSError, ValueError):
        return "video"


def _checked_kind(path: Path) -> Kind:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        return "images"
    if not stat.S_ISREG(mode):
        # Opening a pipe or a device could wait for ever.
        raise DataError(
            "it is neither a file nor a folder", where=path, todo="give a video file or a folder of images"
        )
    if path.stat().st_size == 0:
        raise DataError("the file is empty", where=path, todo="copy or download it again")
    if path.suffix.lower() in SUFFIXES:
        raise DataError("it is a single image", where=path, todo="give a video, or the folder of all images")
    with path.open("rb"):  # says plainly if permission is missing
        return "video"
