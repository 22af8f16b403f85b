"""The same dive filmed otherwise: films that show what another one shows, changed in one way each.

A score should not depend on who cut, recoded or scaled a film. Variants that are not recoded are stored without loss,
so that nothing but what their name says is changed.
Source: none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.media.film_writing import FILM_PRESET, LOSSLESS_CRF, write_film
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.scaling import scaled
from stagescore.media.source import Media

STILL_FRAMES = 20
"""Times that the first or last frame is shown again. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One change of a film.

    Attributes:
        name: Name, such as `rate-24`; what stands before the hyphen is its kind.
        mirrored: Whether left and right are exchanged.
        crf: Constant rate factor of x264; 0 loses nothing.
        rate: Frames per second, by repeating and leaving out frames; None keeps the film's own.
        lines: Height of the picture in pixels, with its proportions; None keeps the film's own.
        cut_off: Share of the width that is cut off at the left and at the right, and of the height at top and bottom.
        gain: Factor by which red, green and blue are multiplied.
        before: How often the first frame is shown before the film.
        after: How often the last frame is shown after the film.
    """

    name: str
    mirrored: bool = False
    crf: int = LOSSLESS_CRF
    rate: float | None = None
    lines: int | None = None
    cut_off: float = 0.0
    gain: float = 1.0
    before: int = 0
    after: int = 0


VARIANTS: tuple[Variant, ...] = (
    Variant(name="mirrored", mirrored=True),
    *(Variant(name=f"crf-{crf}", crf=crf) for crf in (18, 23, 28, 32)),
    *(Variant(name=f"rate-{rate}", rate=rate) for rate in (24, 30, 50, 60)),
    *(Variant(name=f"lines-{lines}", lines=lines) for lines in (240, 480, 720, 1080)),
    Variant(name="cropped", cut_off=0.05),
    Variant(name="brighter", gain=1.2),
    Variant(name="darker", gain=0.8),
    Variant(name="still-before", before=STILL_FRAMES),
    Variant(name="still-after", after=STILL_FRAMES),
)
"""All variants, in the order in which they are shown. Their sizes were set by hand."""


def chosen_variants(names: Sequence[str]) -> tuple[Variant, ...]:
    """Variants by name (`rate-24`) or kind (`rate`), in the order of `VARIANTS`; all without names.

    Raises:
        DataError: There is no such variant.

    >>> [variant.name for variant in chosen_variants(["still", "crf-18"])]
    ['crf-18', 'still-before', 'still-after']
    """
    for name in names:
        if not any(name in _called(variant) for variant in VARIANTS):
            known = ", ".join(variant.name for variant in VARIANTS)
            raise DataError(f"there is no variant {name!r}", todo=f"choose among {known}")
    return tuple(v for v in VARIANTS if not names or any(name in _called(v) for name in names))


def shown_frames(media: Media, variant: Variant) -> tuple[int, ...]:
    """Which frame of the film each frame of a variant shows; black frames at the ends are left out.

    Args:
        media: Film that is shown.
        variant: Variant, of which rate and still frames count.

    Returns:
        Non-decreasing numbers of frames. At another rate it is the one that is on the screen in the middle of the new
        frame's time.
    """
    content = np.arange(media.content.start, media.content.stop)
    if variant.rate is not None:
        begins_s = media.times_s[content]
        length_s = float(begins_s[-1] - begins_s[0]) + 1 / _rate(media)
        middles_s = begins_s[0] + (np.arange(max(round(length_s * variant.rate), 1)) + 0.5) / variant.rate
        content = content[np.searchsorted(begins_s, middles_s, side="right") - 1]
    frames = content.tolist()
    return (*frames[:1] * variant.before, *frames, *frames[-1:] * variant.after)


def write_variant(media: Media, variant: Variant, path: Path) -> tuple[int, ...]:
    """Write a variant of a film as an mp4 file.

    Args:
        media: Film that is changed.
        variant: How the film is changed.
        path: New file; written atomically.

    Returns:
        The frame of the film that each frame of the variant shows; see `shown_frames`.

    Raises:
        DataError: The film cannot be read any more, the file cannot be written, or FFmpeg lacks x264.
    """
    frames = shown_frames(media, variant)
    write_film(
        path,
        _pictures(media, frames, variant),
        variant.rate or _rate(media),
        crf=variant.crf,
        preset=FILM_PRESET,
    )
    return frames


def changed_picture(
    image: UInt8[np.ndarray, "h w 3"], variant: Variant
) -> UInt8[np.ndarray, "new_h new_w 3"]:
    """One picture as the variant shows it.

    Args:
        image: Picture in red, green, blue.
        variant: Variant, of which all but rate, quality and still frames count.
    """
    high, wide = (round(side * variant.cut_off) for side in image.shape[:2])
    picture = image[high : image.shape[0] - high, wide : image.shape[1] - wide]
    if variant.mirrored:
        picture = picture[:, ::-1]
    if variant.gain != 1:
        picture = np.clip(np.rint(picture * variant.gain), 0, 255).astype(np.uint8)
    if variant.lines is not None:
        width = 2 * round(variant.lines * picture.shape[1] / picture.shape[0] / 2)
        picture = scaled(np.ascontiguousarray(picture), (width, variant.lines))
    return np.ascontiguousarray(picture)


def _pictures(
    media: Media, frames: Sequence[int], variant: Variant
) -> Iterator[UInt8[np.ndarray, "new_h new_w 3"]]:
    for _, image in media.frames(frames):
        yield changed_picture(image, variant)


def _rate(media: Media) -> float:
    return media.info.frame_rate or DEFAULT_FRAME_RATE


def _called(variant: Variant) -> tuple[str, str]:
    return variant.name, variant.name.split("-")[0]
