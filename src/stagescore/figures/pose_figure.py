"""Figure 5 of the paper: good and bad frames, all methods side by side, a column a frame.

Frames are chosen by the last method: those in which it finds most and fewest of the twelve limb joints.
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.errors import DataError
from stagescore.evaluation.pose_bench import Found, KnownDive
from stagescore.evaluation.pose_metrics import hits, tight_boxes
from stagescore.pose.boxes import centres, long_edges
from stagescore.report.overlay import draw_pose

TILE_PX = 220
_ROOM = 1.7
_APART = 3  # set by hand: least frames from one chosen frame of a dive to another
_PAPER, _INK, _GOOD, _BAD = (255, 255, 255), (31, 45, 58), (42, 127, 98), (200, 85, 61)
_LABEL_PX = 120
_CAPTION_PX = 22

Image = UInt8[np.ndarray, "... 3"]


def figure_5(dives: Sequence[KnownDive], found: Mapping[str, Sequence[Found]], num_each: int = 4) -> Image:
    """Draw the figure.

    Args:
        dives: Dives with their true joints.
        found: What each method found in each dive; the last method chooses the frames.
        num_each: Number of good frames, and of bad ones.

    Raises:
        DataError: There is no method or no frame.
    """
    if not found or not dives:
        raise DataError("there is nothing to draw", todo="give at least one dive and one method")
    judged = list(found)[-1]
    right = {
        (d, frame): int(count)
        for d, dive in enumerate(dives)
        for frame, count in enumerate(hits(found[judged][d].joints_px, dive.joints_px).sum(1))
    }
    good = _spread(sorted(right, key=lambda key: (-right[key], key)), num_each)
    bad = _spread(
        sorted((key for key in right if key not in good), key=lambda key: (right[key], key)), num_each
    )
    columns = [*((key, _GOOD) for key in sorted(good)), *((key, _BAD) for key in sorted(bad))]
    rows = [_row("labelled", [_tile(dives, key, None) for key, _ in columns])]
    for method, results in found.items():
        tiles = [_tile(dives, key, results[key[0]]) for key, _ in columns]
        counts = [int(hits(results[d].joints_px, dives[d].joints_px)[f].sum()) for (d, f), _ in columns]
        rows.append(_row(method, [_captioned(t, f"{n} of 12") for t, n in zip(tiles, counts, strict=True)]))
    heads = [_head(f"{dives[d].name}, frame {frame}", colour) for (d, frame), colour in columns]
    return np.concatenate([_row("", heads), *rows])


def _spread(ranked: Sequence[tuple[int, int]], count: int) -> set[tuple[int, int]]:
    """The first of a ranking that are not next to each other in time."""
    chosen: list[tuple[int, int]] = []
    for dive, frame in ranked:
        if all(dive != d or abs(frame - f) >= _APART for d, f in chosen):
            chosen.append((dive, frame))
        if len(chosen) == count:
            break
    return set(chosen)


def _tile(dives: Sequence[KnownDive], key: tuple[int, int], found: Found | None) -> Image:
    dive, frame = dives[key[0]], key[1]
    box = tight_boxes(dive.joints_px[[frame]])[0]
    half = _ROOM * float(long_edges(box)) / 2
    scale = TILE_PX / (2 * half)
    x, y = (centres(box) - half).tolist()
    taking = np.array(((scale, 0, -x * scale), (0, scale, -y * scale)))
    taking[:, 2] += 0.5 * scale - 0.5  # OpenCV counts from the centre of the first pixel
    picture = np.asarray(
        cv2.warpAffine(dive.frames[frame], taking, (TILE_PX, TILE_PX), flags=cv2.INTER_CUBIC)
    )
    joints = dive.joints_px[frame] if found is None else found.joints_px[frame]
    shift = np.array((x, y))
    drawn_box = None if found is None else (found.boxes_px[frame] - np.tile(shift, 2)) * scale
    return draw_pose(picture, (joints - shift) * scale, box_px=drawn_box)


def _captioned(tile: Image, text: str) -> Image:
    return _with_text(tile.copy(), text, (6, TILE_PX - 8), (255, 255, 255))


def _head(text: str, colour: tuple[int, int, int]) -> Image:
    return _with_text(np.full((_CAPTION_PX, TILE_PX, 3), _PAPER, np.uint8), text, (4, 15), colour)


def _row(label: str, tiles: Sequence[Image]) -> Image:
    margin = np.full((tiles[0].shape[0], _LABEL_PX, 3), _PAPER, np.uint8)
    return np.concatenate([_with_text(margin, label, (4, tiles[0].shape[0] // 2), _INK), *tiles], axis=1)


def _with_text(image: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> Image:
    return np.asarray(cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA))
