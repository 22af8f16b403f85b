"""Labelled images, and the JSON form in which FineDiving-Pose's hand-made labels are released.

Source: github.com/Lumos0507/HP-MCoRe. The labels are a JSON list of
`{image, center, scale, joints[16][2], joints_vis[16]}` with the scale in units of 200 px.
Departs: what we write also holds `box` and `size`; a joint that nobody knows is (-1, -1) and not visible, as in
MPII's own files.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from stagescore.errors import DataError
from stagescore.skeleton import MPII_16

SCALE_UNIT_PX = 200.0
"""MPII gives the height of a person in units of 200 px."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelledImage:
    """One image with hand-made joints.

    Attributes:
        image: file name.
        center_px: xy of the middle of the person's box.
        scale: height of the person in units of 200 px.
        joints_px: xy of the 16 joints in MPII's order; NaN where nobody knows.
        visible: which joints are marked as visible.
        box_px: left, top, right, bottom; None where only centre and scale are known.
        size_px: width and height of the image; None if unknown.
    """

    image: str
    center_px: tuple[float, float]
    scale: float
    joints_px: Float[np.ndarray, "joints 2"]
    visible: Bool[np.ndarray, " joints"]
    box_px: tuple[float, float, float, float] | None = None
    size_px: tuple[int, int] | None = None

    @classmethod
    def with_box(
        cls,
        image: str,
        box_px: tuple[float, float, float, float],
        joints_px: Float[np.ndarray, "joints 2"],
        visible: Bool[np.ndarray, " joints"],
        size_px: tuple[int, int] | None,
    ) -> "LabelledImage":
        """From a box, which gives centre and scale."""
        left, top, right, bottom = box_px
        return cls(
            image=image,
            center_px=((left + right) / 2, (top + bottom) / 2),
            scale=max(right - left, bottom - top) / SCALE_UNIT_PX,
            joints_px=joints_px,
            visible=visible,
            box_px=box_px,
            size_px=size_px,
        )

    @property
    def known(self) -> Bool[np.ndarray, " joints"]:
        """Which joints have coordinates."""
        return np.asarray(~np.isnan(self.joints_px).any(-1))

    @property
    def square_px(self) -> tuple[float, float, float, float]:
        """The box; the square of centre and scale where there is none."""
        (x, y), half = self.center_px, self.scale * SCALE_UNIT_PX / 2
        return self.box_px or (x - half, y - half, x + half, y + half)


@dataclass(frozen=True, slots=True)
class EmptyImage:
    """An image in which an annotator has found nobody to label.

    Attributes:
        image: file name.
        size_px: width and height.
    """

    image: str
    size_px: tuple[int, int]


def read_authors_json(path: Path) -> list[LabelledImage]:
    """Read hand-made joints in the authors' form, in the order of the file.

    Raises:
        DataError: unreadable, or an entry lacks a field or holds something else than numbers.
    """
    return labels_of_authors(read_json(path), path)


def read_json(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"cannot read the joints ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    return content


def labels_of_authors(content: object, path: Path) -> list[LabelledImage]:
    """From the content of a JSON file; see `read_authors_json`."""
    if not isinstance(content, list):
        raise DataError("it is no list of labelled images", where=path, todo="use the authors' JSON form")
    return [_labelled_image(entry, f"{path}, entry {number}") for number, entry in enumerate(content)]


def authors_json(labels: Sequence[LabelledImage]) -> list[dict[str, Any]]:
    """The authors' form, with `box` and `size` beside it where they are known."""
    content: list[dict[str, Any]] = []
    for label in labels:
        entry = {
            "image": label.image,
            "center": list(label.center_px),
            "scale": label.scale,
            "joints": np.where(label.known[:, None], label.joints_px, -1.0).tolist(),
            "joints_vis": (label.visible & label.known).astype(int).tolist(),
        }
        if label.box_px is not None:
            entry["box"] = list(label.box_px)
        if label.size_px is not None:
            entry["size"] = list(label.size_px)
        content.append(entry)
    return content


def _labelled_image(entry: object, where: str) -> LabelledImage:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise DataError("an entry names no image", where=where, todo="give each entry an `image`")
    where = f"{where} ({entry['image'][:60]})"
    center = _numbers(entry.get("center"), (2,), where, "center")
    scale = _numbers(entry.get("scale"), (), where, "scale")
    joints = _numbers(entry.get("joints"), (MPII_16.num_joints, 2), where, "joints")
    visible = _numbers(
        entry.get("joints_vis", [1] * MPII_16.num_joints), (MPII_16.num_joints,), where, "joints_vis"
    )
    unknown = (joints == -1).all(-1) & ~(visible > 0)
    box = _numbers(entry["box"], (4,), where, "box") if "box" in entry else None
    size = _numbers(entry["size"], (2,), where, "size") if "size" in entry else None
    label = LabelledImage(
        image=entry["image"],
        center_px=(float(center[0]), float(center[1])),
        scale=float(scale),
        joints_px=np.where(unknown[:, None], np.nan, joints),
        visible=np.asarray(visible > 0),
        box_px=None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        size_px=None if size is None else (int(size[0]), int(size[1])),
    )
    check_inside(label, where)
    return label


def check_inside(label: LabelledImage, where: str) -> None:
    """Refuse joints that lie outside of their image; where its size is not known, left of it or above it.

    Raises:
        DataError: one does.
    """
    size_px = (np.inf, np.inf) if label.size_px is None else label.size_px
    with np.errstate(invalid="ignore"):
        outside = ((label.joints_px < 0) | (label.joints_px > size_px)).any(-1)
    if outside.any():
        joint = int(np.flatnonzero(outside)[0])
        x, y = label.joints_px[joint]
        size = "" if label.size_px is None else f" of {label.size_px[0]} x {label.size_px[1]} pixels"
        raise DataError(
            f"joint {joint} ({MPII_16.joints[joint]}) at {x:g}, {y:g} lies outside of the image{size}",
            where=where,
            todo="move it into the image, or mark it as unknown",
        )


def _numbers(value: object, shape: tuple[int, ...], where: str, name: str) -> np.ndarray:
    expected = " x ".join(map(str, shape)) or "one number"
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.full((), math.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise DataError(
            f"`{name}` is not {expected} of finite numbers", where=where, todo="correct the entry"
        )
    return array
