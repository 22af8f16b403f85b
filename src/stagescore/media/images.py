"""A folder of images as a film: the numbers in the names give the order, a missing number is a lost frame.

Source: how AQA data sets ship their frames (`00001.jpg ...`); EXIF 2.32 for orientation.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from stagescore.errors import DataError
from stagescore.media.black_ends import BlackEnds, is_black
from stagescore.media.info import DEFAULT_FRAME_RATE, Scan, check_size
from stagescore.media.orientation import EXIF_ORIENTATIONS, turned
from stagescore.media.scaling import scaled

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Endings of image names, in lower case."""

_EXIF_ORIENTATION = 0x0112
_ImageErrors = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def scan_images(folder: Path, frame_rate: float | None) -> Scan:
    """Decode every image once, keep none.

    Args:
        folder: Folder of images; hidden files, sub-folders and files that are no images are ignored.
        frame_rate: Images per second; None if unknown.

    Raises:
        DataError: There is no image that can be read, sizes are mixed, or they are outside the limits.
        OSError: The folder cannot be listed.
    """
    paths = image_paths(folder)
    if not paths:
        raise DataError(
            "there is no image in this folder",
            where=folder,
            todo=f"give a video or images ({', '.join(SUFFIXES)})",
        )
    good: list[str] = []
    bad: list[str] = []
    size_px: tuple[int, int] | None = None
    ends = BlackEnds()
    for path in paths:
        try:
            picture = load_image(path)
        except DataError:
            bad.append(path.name)
            continue
        height, width = picture.shape[:2]
        check_size(width, height, where=path)
        if size_px is not None and size_px != (width, height):
            raise DataError(
                f"{path.name} has {width} x {height} pixels, {good[0]} has {size_px[0]} x {size_px[1]}",
                where=folder,
                todo="keep the frames of one film, all of one size, in a folder",
            )
        size_px = (width, height)
        good.append(path.name)
        ends.add(black=is_black(picture))
    if size_px is None:
        raise DataError("none of its images can be read", where=folder, todo="check the images in a viewer")
    num_gaps = _num_missing_numbers([path.name for path in paths])
    problems, notes = [], []
    if bad:
        problems.append(f"{len(bad)} images cannot be read, the first is {bad[0]}")
    if num_gaps:
        problems.append(f"{num_gaps} numbers are missing between the first and the last image")
    if frame_rate is None:
        notes.append(
            f"The frame rate of images is unknown; times assume {DEFAULT_FRAME_RATE:g} per second "
            "(give the frame rate if you know it)."
        )
    rate = frame_rate or DEFAULT_FRAME_RATE
    # A lost frame keeps its time: the others were taken when they were taken.
    numbers = dict(zip([path.name for path in paths], _positions(paths), strict=True))
    return Scan(
        times_s=np.array([numbers[name] for name in good], dtype=np.float64) / rate,
        stamps=tuple(good),
        num_lost=len(bad) + num_gaps,
        problems=tuple(problems),
        notes=tuple(notes),
        size_px=size_px,
        frame_rate=frame_rate,
        duration_s=(numbers[good[-1]] - numbers[good[0]] + 1) / rate,
        codec="+".join(sorted({Path(name).suffix.lower().lstrip(".") for name in good})),
        black=ends.counts(),
    )


def read_images(
    folder: Path, scan: Scan, indices: Sequence[int], size_px: tuple[int, int] | None = None
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The wanted pictures, upright; arguments as of `video.read_video`.

    Raises:
        DataError: An image has changed since the first pass.
    """
    for position, index in enumerate(indices):
        if position == 0 or index != indices[position - 1]:
            path = folder / str(scan.stamps[index])
            picture = load_image(path)
            if picture.shape[1::-1] != scan.size_px:
                raise DataError(
                    "it has changed since it was first read", where=path, todo="leave it unchanged"
                )
            picture = picture if size_px is None else scaled(picture, size_px)
        yield picture


def image_paths(folder: Path) -> list[Path]:
    """Images of a folder in natural order: `img2` before `img10`.

    Raises:
        OSError: The folder cannot be listed.
    """
    return sorted(
        (
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        ),
        key=lambda path: (natural_order(path.stem), path.name),
    )


def load_image(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    """One image as RGB, upright.

    Raises:
        DataError: It cannot be read, is cut short, or claims to be absurdly large.
    """
    try:
        # PIL only warns of an image that is twice its limit; 8-bit pictures of any sane size are below.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(path) as image:
                check_size(*image.size, where=path)
                orientation = EXIF_ORIENTATIONS.get(
                    image.getexif().get(_EXIF_ORIENTATION, 1), EXIF_ORIENTATIONS[1]
                )
                picture = _as_rgb(image)
    except (UnidentifiedImageError, Warning, *_ImageErrors) as error:
        clause = (
            "it is not an image"
            if isinstance(error, UnidentifiedImageError)
            else f"it cannot be read ({error})"
        )
        raise DataError(clause, where=path, todo="replace or remove it") from error
    return turned(picture, orientation)


def jpeg_bytes(image: UInt8[np.ndarray, "height width 3"], quality: int) -> bytes:
    """A picture (RGB) as JPEG.

    Args:
        image: RGB picture of any size.
        quality: Quality of the JPEG, 1 to 100.

    Raises:
        DataError: It cannot be packed.
    """
    done, content = cv2.imencode(
        ".jpg", np.ascontiguousarray(image[..., ::-1]), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    if not done:
        raise DataError("a picture cannot be packed as JPEG", todo="look at the film")
    return content.tobytes()


def png_bytes(image: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """A picture (RGB) as PNG, which loses nothing.

    Raises:
        DataError: It cannot be packed.
    """
    done, content = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    if not done:
        raise DataError("a picture cannot be packed as PNG", todo="look at the film")
    return content.tobytes()


def _as_rgb(image: Image.Image) -> UInt8[np.ndarray, "height width 3"]:
    if image.mode.startswith("I"):  # 16 bits a pixel; PIL would clip instead of scaling
        grey = np.clip(np.asarray(image, dtype=np.int64) // 257, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def natural_order(stem: str) -> tuple[tuple[int, int, str], ...]:
    """A key by which names are sorted: digits compare as numbers, everything else as text."""
    pieces = re.split(r"(\d+)", stem)
    return tuple((0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces if piece)


def _numbers(names: Sequence[str]) -> list[int] | None:
    """The last number in each name; None if they do not number one sequence."""
    numbers, prefixes = [], set()
    for name in names:
        match = re.fullmatch(r"(.*?)(\d+)(\D*)", Path(name).stem, flags=re.DOTALL)
        if match is None:
            return None
        numbers.append(int(match[2]))
        prefixes.add((match[1], match[3]))
    increasing = all(a < b for a, b in pairwise(numbers))
    return numbers if len(prefixes) == 1 and increasing else None


def _stride(numbers: Sequence[int]) -> int:
    """Distance of neighbours: every fifth frame may have been kept on purpose."""
    return int(np.gcd.reduce(np.diff(numbers))) if len(numbers) > 1 else 1


def _num_missing_numbers(names: Sequence[str]) -> int:
    numbers = _numbers(names)
    if numbers is None:
        return 0
    return (numbers[-1] - numbers[0]) // _stride(numbers) + 1 - len(numbers)


def _positions(paths: Sequence[Path]) -> list[int]:
    numbers = _numbers([path.name for path in paths])
    if numbers is None:
        return list(range(len(paths)))
    stride = _stride(numbers)
    return [(number - numbers[0]) // stride for number in numbers]
