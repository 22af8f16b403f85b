"""What the water does after the contact: white that was not there before, frame by frame, laid over the frame of the contact.

Source: none needed. Foam and spray reflect all colours, water and skin lack one: what counts is the least of red, green and blue. Departs:
the camera looks down on the water, so that the height in the picture holds the foam on the water and some of the splash's depth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

SECONDS = 0.5
"""How long after the contact the water is looked at."""
MOST_PICTURES = 15
"""Pictures in all, so that a film is not scored noticeably slower."""
NUM_BEFORE = 3
"""Pictures before the contact that the water is compared with."""
_BESIDE, _ABOVE, _BELOW = 1.2, 1.1, 0.9
"""Body lengths beside, above and below the place of the contact that are looked at."""
_LEAST_RISE, _RISE_SHARE = 25.0, 0.35
"""Grey levels by which water whitens at least, and share of what it could."""
_NEAR = 0.8
"""Body lengths from the place of the contact within which a white part begins that is counted."""
_MIDDLE = 0.4
"""Body lengths around the place of the contact that a picture must hold to be counted."""
_LEAST_SEEN = 0.85
"""Share of this middle that must lie in the picture."""
_MOST_CUT = 0.03
"""Share of what is white that may lie at the picture's edge."""
LEAST_AFTER = 4
"""Pictures after the contact below which nothing is told of the splash. Set by hand."""
_WINDOW_PX = 200
"""Width of the place as it is looked at, in pixels, at most."""
_EDGE_PERCENT = 2.0
"""Of the white places, at either end, that do not count for width and height: single drops."""

Picture = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplashTrace:
    """The splash in some frames after the contact, in body lengths.

    Attributes:
        rows: Row of each frame that was looked at.
        width: Width of what is white in each of them.
        height: Height of the splash, foam at its foot included.
        area: Area of the splash, in squared body lengths.
        seen: Share of the place that lies in the pictures, 0 to 1.
    """

    rows: tuple[int, ...]
    width: Float[np.ndarray, " frames"]
    height: Float[np.ndarray, " frames"]
    area: Float[np.ndarray, " frames"]
    seen: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaterView:
    """Where and when the water is looked at.

    Attributes:
        rows: Row of each picture: some before the contact, then those after it.
        num_before: Number of those before.
        to_contact: Map of each picture's pixels to those of the picture of the contact.
        place_px: Place at which the body touches the water, in pixels of the picture.
        body_px: Length of the body, in pixels of that picture.
    """

    rows: tuple[int, ...]
    num_before: int
    to_contact: Float[np.ndarray, "pictures 3 3"]
    place_px: Float[np.ndarray, "2"]
    body_px: float


def trace_splash(pictures: Sequence[Picture], view: WaterView) -> SplashTrace | None:
    """Follow the splash over some pictures; None where too little of the place is in the picture.

    Args:
        pictures: The picture of each row of the view.
        view: Place and time of the pictures.
    """
    white, seen = white_parts(pictures, view)
    shown = np.flatnonzero(seen >= _LEAST_SEEN)
    if len(shown) < LEAST_AFTER:
        return None
    unit = _unit(view)
    figures = []
    for one in white[shown]:
        y, x = np.nonzero(one)
        if len(x):
            left, right = np.percentile(x, (_EDGE_PERCENT, 100 - _EDGE_PERCENT))
            top, bottom = np.percentile(y, (_EDGE_PERCENT, 100 - _EDGE_PERCENT))
            figures.append(((right - left + 1) / unit, (bottom - top + 1) / unit, len(x) / unit**2))
        else:
            figures.append((0.0, 0.0, 0.0))
    width, height, area = np.array(figures, dtype=float).T
    rows = tuple(view.rows[view.num_before + int(frame)] for frame in shown)
    return SplashTrace(rows=rows, width=width, height=height, area=area, seen=float(seen[shown].mean()))


def white_parts(
    pictures: Sequence[Picture], view: WaterView
) -> tuple[Bool[np.ndarray, "frames h w"], Float[np.ndarray, " frames"]]:
    """Where the water is white in each picture after the contact, and how much of the middle of the place the picture holds.

    That is a share from 0 to 1; 0 of a splash that the picture's edge cuts. A place is compared with its darkest moment, before the contact or after it: there it was water, without diver or spray.
    """
    shift, size = window(view)
    layers = [
        _laid(picture, (shift @ one)[:2], size)
        for picture, one in zip(pictures, view.to_contact, strict=True)
    ]
    white, inside = np.stack([layer for layer, _ in layers]), np.stack([there for _, there in layers])
    darkest = np.where(inside, white, 255.0).min(0)
    after, known = white[view.num_before :], inside[view.num_before :]
    least = np.maximum(_LEAST_RISE, _RISE_SHARE * (255.0 - darkest))
    found = (after - darkest > least) & known
    y, x = np.mgrid[: size[1], : size[0]] / _unit(view)
    middle = np.hypot(x - _BESIDE, y - _ABOVE) < _MIDDLE
    splash = np.stack([_at_contact(one, view) for one in found])
    inner = np.stack(
        [cv2.erode(one.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) for one in known]
    )
    cut = (splash & (inner == 0)).sum((1, 2)) > _MOST_CUT * splash.sum((1, 2))
    return splash, np.where(cut, 0.0, known[:, middle].mean(1))


def window(view: WaterView) -> tuple[Float[np.ndarray, "3 3"], tuple[int, int]]:
    """Map from the picture of the contact to the place that is looked at, and its width and height in pixels."""
    unit = _unit(view)
    scale = unit / view.body_px
    x, y = view.place_px
    shift = np.array(
        (
            (scale, 0.0, _BESIDE * unit - scale * x),
            (0.0, scale, _ABOVE * unit - scale * y),
            (0.0, 0.0, 1.0),
        )
    )
    return shift, (round(2 * _BESIDE * unit), round((_ABOVE + _BELOW) * unit))


def _unit(view: WaterView) -> float:
    """Pixels of the place for a body length."""
    return min(view.body_px, _WINDOW_PX / (2 * _BESIDE))


def _laid(
    picture: Picture, move: Float[np.ndarray, "2 3"], size: tuple[int, int]
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """The least of the colours of a picture, laid over the place, and where the picture has something to lay."""
    part = cv2.warpAffine(picture.min(2), move, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.full(picture.shape[:2], 255, np.uint8), move, size, flags=cv2.INTER_NEAREST)
    return cv2.blur(part, (3, 3)).astype(np.float32), inside > 0


def _at_contact(found: Bool[np.ndarray, "h w"], view: WaterView) -> Bool[np.ndarray, "h w"]:
    """The white parts that begin near the place of the contact."""
    unit = _unit(view)
    reach = max(round(0.04 * unit), 1)
    joined = cv2.morphologyEx(
        found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((2 * reach + 1,) * 2, np.uint8)
    )
    _, labels = cv2.connectedComponents(joined)
    y, x = np.mgrid[: found.shape[0], : found.shape[1]]
    near = np.hypot(x - _BESIDE * unit, y - _ABOVE * unit) < _NEAR * unit
    wanted = np.unique(labels[near & found])
    return np.asarray(found & np.isin(labels, wanted[wanted > 0]))
