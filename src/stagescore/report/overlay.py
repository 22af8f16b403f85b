"""The skeleton drawn over the film: to see at a glance whether the joints can be believed.

Right side red, left side green, the middle yellow; what was filled or is doubtful is drawn thin.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.media.source import Media
from stagescore.pose.annotation import Annotation
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

RIGHT, LEFT, MIDDLE, BOX = (235, 70, 60), (70, 205, 90), (245, 205, 60), (150, 190, 255)
LEAST_EDGE_PX = 480
"""Smaller films are drawn larger, so that lines can be told apart."""
_SUBPIXEL_BITS = 4
_SKELETON_EDGE_PX, _SKELETON_ROOM = 240, 1.25
"""Size of a skeleton's picture, and by how much it is larger than the largest of the skeletons."""


def draw_pose(
    image: UInt8[np.ndarray, "h w 3"],
    joints_px: Float[np.ndarray, "joints 2"],
    weak: Bool[np.ndarray, " joints"] | None = None,
    box_px: Float[np.ndarray, "4"] | None = None,
    scale: float = 1.0,
) -> UInt8[np.ndarray, "big_h big_w 3"]:
    """A copy of the picture, enlarged, with bones and box.

    Args:
        image: Picture in red, green, blue.
        joints_px: Joints in pixels of the picture before it is enlarged; NaN where unknown.
        weak: Joints whose bones are drawn thin; None for none.
        box_px: Left, top, right and bottom of the diver's box, in pixels; NaN or None for none.
        scale: Factor by which the copy is larger than the picture.
    """
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    drawn = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) if scale != 1 else image.copy()
    width = max(round(min(size) / 180), 1)
    if box_px is not None and np.isfinite(box_px).all():
        left, top, right, bottom = np.rint(box_px * scale).astype(int).tolist()
        cv2.rectangle(drawn, (left, top), (right, bottom), BOX, 1, cv2.LINE_AA)
    points = (joints_px * scale - 0.5) * 2**_SUBPIXEL_BITS
    for start, end in MPII_16.bone_indices:
        if not np.isfinite(points[[start, end]]).all():
            continue
        thin = weak is not None and bool(weak[start] or weak[end])
        (x0, y0), (x1, y1) = np.rint(points[[start, end]]).astype(int).tolist()
        colour = _colour(start)
        cv2.line(drawn, (x0, y0), (x1, y1), colour, 1 if thin else 2 * width, cv2.LINE_AA, _SUBPIXEL_BITS)
    return np.asarray(drawn)


def skeleton_pictures(
    joints: Mapping[int, Float[np.ndarray, "joints 2"]],
) -> dict[int, UInt8[np.ndarray, "_ _ 3"]]:
    """Skeletons on black squares, all of one scale and each in the middle of its square.

    Args:
        joints: Joints by frame, in any unit; NaN where unknown.
    """
    extent = max((float(np.ptp(_known(xy), axis=0).max()) for xy in joints.values()), default=0.0)
    side = _SKELETON_ROOM * max(extent, 1e-6)
    black = np.zeros((_SKELETON_EDGE_PX, _SKELETON_EDGE_PX, 3), np.uint8)
    found = {}
    for frame, xy in joints.items():
        known = _known(xy)
        middle = (known.min(axis=0) + known.max(axis=0)) / 2
        found[frame] = draw_pose(black, (xy - middle) * (_SKELETON_EDGE_PX / side) + _SKELETON_EDGE_PX / 2)
    return found


def _known(joints: Float[np.ndarray, "joints 2"]) -> Float[np.ndarray, "known 2"]:
    return np.asarray(joints[np.isfinite(joints).all(axis=-1)])


def shown_frames(
    media: Media, frames: Sequence[int], track: PoseTrack | None, first: int
) -> Iterator[tuple[int, UInt8[np.ndarray, "_ _ 3"]]]:
    """Frames as they were filmed; of joints without their film the joints, drawn.

    Args:
        media: The film, or what stands for it where joints were scored alone.
        frames: Frames of the film that are shown, increasing.
        track: The joints from frame `first` on; None where there are none.
        first: Frame of the track's first row.
    """
    for frame, image in media.frames(frames):
        if media.info.kind == "joints" and track is not None:
            image = draw_pose(image, track.joints_px[frame - first])  # noqa: PLW2901
        yield frame, image


def overlay_frames(
    annotation: Annotation, frames: Iterable[UInt8[np.ndarray, "h w 3"]]
) -> Iterable[UInt8[np.ndarray, "big_h big_w 3"]]:
    """The pictures of a film with its annotation drawn on them, one for each row of the annotation."""
    weak = annotation.filled | annotation.doubtful
    for row, image in enumerate(frames):
        scale = max(LEAST_EDGE_PX / max(image.shape[:2]), 1.0)
        drawn = draw_pose(image, annotation.track.joints_px[row], weak[row], annotation.boxes_px[row], scale)
        text = f"{row}" if np.isfinite(annotation.boxes_px[row]).all() else f"{row}  no diver"
        cv2.putText(drawn, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        yield drawn


def _colour(joint: int) -> tuple[int, int, int]:
    return (
        RIGHT
        if MPII_16.joints[joint].startswith("right")
        else LEFT
        if MPII_16.joints[joint].startswith("left")
        else MIDDLE
    )
