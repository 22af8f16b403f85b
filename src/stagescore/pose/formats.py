"""Labelled images, and the JSON form in which FineDiving-Pose's hand-made labels are released.

Source: github.com/Lumos0507/HP-MCoRe. The labels are a JSON list of
`{image, center, scale, joints[16][2], joints_vis[16]}` with the scale in units of 200 px.
Departs: other skeletons are read and written as well, told by the number of joints; what we write also holds `box`
and `size`, `derived` and `confidence`; a joint that nobody knows is (-1, -1) and not visible, as in MPII's own files.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from stagescore.errors import DataError
from stagescore.json_files import read_json as read_file_json
from stagescore.pose.layouts import skeleton_of_count
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.skeleton_mapping import SkeletonMapping

SCALE_UNIT_PX = 200.0
"""MPII gives the height of a person in units of 200 px."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelledImage:
    """One image with hand-made joints.

    Attributes:
        image: File name of the image.
        center_px: Middle of the person's box (x, y), in pixels.
        scale: Height of the person in units of 200 px.
        joints_px: Places of the joints (x, y) in pixels, in the order of the skeleton; NaN where nobody knows.
        visible: True for joints that are marked as visible.
        box_px: Left, top, right, bottom of the person's box, in pixels; None where only centre and scale are known.
        size_px: Width and height of the image, in pixels; None if unknown.
        skeleton: Skeleton whose joints these are.
        derived: Names of the joints that nobody has labelled, but that follow from others.
        confidence: How sure a network is of each joint, 0 to 1 and 0 where unknown; None for labels made by hand.
    """

    image: str
    center_px: tuple[float, float]
    scale: float
    joints_px: Float[np.ndarray, "joints 2"]
    visible: Bool[np.ndarray, " joints"]
    box_px: tuple[float, float, float, float] | None = None
    size_px: tuple[int, int] | None = None
    skeleton: Skeleton = MPII_16
    derived: tuple[str, ...] = ()
    confidence: Float[np.ndarray, " joints"] | None = None

    @classmethod
    def with_box(
        cls,
        image: str,
        box_px: tuple[float, float, float, float],
        joints_px: Float[np.ndarray, "joints 2"],
        visible: Bool[np.ndarray, " joints"],
        size_px: tuple[int, int] | None,
        *,
        skeleton: Skeleton = MPII_16,
        derived: tuple[str, ...] = (),
        confidence: Float[np.ndarray, " joints"] | None = None,
    ) -> "LabelledImage":
        """A label from a box, which gives centre and scale."""
        left, top, right, bottom = box_px
        return cls(
            image=image,
            center_px=((left + right) / 2, (top + bottom) / 2),
            scale=max(right - left, bottom - top) / SCALE_UNIT_PX,
            joints_px=joints_px,
            visible=visible,
            box_px=box_px,
            size_px=size_px,
            skeleton=skeleton,
            derived=derived,
            confidence=confidence,
        )

    @property
    def known(self) -> Bool[np.ndarray, " joints"]:
        """Which joints have coordinates."""
        return np.asarray(~np.isnan(self.joints_px).any(-1))

    @property
    def certainty(self) -> Float[np.ndarray, " joints"]:
        """The confidence; of labels made by hand 1 where a joint is known."""
        return self.known.astype(np.float64) if self.confidence is None else self.confidence

    def mapped(self, target: Skeleton) -> "LabelledImage":
        """The same label with the joints of another skeleton; what cannot be had is unknown."""
        if target == self.skeleton:
            return self
        way = SkeletonMapping(self.skeleton, target)
        found = way.joints(np.column_stack((self.joints_px, self.certainty)))
        known = ~np.isnan(found).any(-1)
        return replace(
            self,
            joints_px=found[:, :2],
            visible=known & ~way.marks(~self.visible),
            skeleton=target,
            derived=way.derived_after(self.derived),
            confidence=None if self.confidence is None else found[:, 2],
        )

    @property
    def square_px(self) -> tuple[float, float, float, float]:
        """The box; the square of centre and scale where there is none."""
        (x, y), half = self.center_px, self.scale * SCALE_UNIT_PX / 2
        return self.box_px or (x - half, y - half, x + half, y + half)


@dataclass(frozen=True, slots=True)
class EmptyImage:
    """An image in which an annotator has found nobody to label.

    Attributes:
        image: File name of the image.
        size_px: Width and height of the image, in pixels; None if unknown.
    """

    image: str
    size_px: tuple[int, int] | None


def read_authors_json(path: Path) -> list[LabelledImage]:
    """Read hand-made joints in the authors' form, in the order of the file.

    Raises:
        DataError: Unreadable, or an entry lacks a field or holds something else than numbers.
    """
    return labels_of_authors(read_json(path), path)


def read_json(path: Path) -> object:
    """What a JSON file holds.

    Raises:
        DataError: It cannot be read.
    """
    try:
        content: object = read_file_json(path, finite=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the joints ({str(error)[:80]})", where=path, todo="get or make the file again"
        ) from None
    return content


def labels_of_authors(content: object, path: Path, asked: Skeleton | None = None) -> list[LabelledImage]:
    """The labels in the content of a JSON file, whose joints are told by their number; see `read_authors_json`."""
    if not isinstance(content, list):
        raise DataError("it is no list of labelled images", where=path, todo="use the authors' JSON form")
    return [_labelled_image(entry, f"{path}, entry {number}", asked) for number, entry in enumerate(content)]


def authors_json(labels: Sequence[LabelledImage]) -> list[dict[str, Any]]:
    """The authors' form, with `box`, `size`, `derived` and `confidence` beside it where there are any."""
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
        content.append(entry | extra_fields(label))
    return content


def extra_fields(label: LabelledImage) -> dict[str, Any]:
    """What a public form has no place for, under names of ours; nothing for most labels made by hand."""
    fields: dict[str, Any] = {"derived": list(label.derived)} if label.derived else {}
    if label.confidence is not None:
        fields["confidence"] = label.confidence.tolist()
    return fields


def joints_named(entry: Mapping[str, Any], field: str, skeleton: Skeleton, where: str) -> tuple[str, ...]:
    """The joints that a list of ours in a file names, such as `derived`; none where it is not there.

    Raises:
        DataError: It names something else than joints.
    """
    names = entry.get(field, [])
    if not isinstance(names, list) or not all(name in skeleton.joints for name in names):
        raise DataError(
            f"`{field}` is no list of joints of {skeleton.name}",
            where=where,
            todo="correct it or leave it out",
        )
    return tuple(names)


def confidence_of(
    entry: Mapping[str, Any], known: Bool[np.ndarray, " joints"], where: str
) -> Float[np.ndarray, " joints"] | None:
    """The confidence of each joint that a file gives beside its labels; None where it gives none, or one of the person.

    Raises:
        DataError: It is not a number of 0 to 1 for each joint.
    """
    if not isinstance(entry.get("confidence"), list):
        return None
    values = _numbers(entry["confidence"], known.shape, where, "confidence")
    if (values < 0).any() or (values > 1).any():
        raise DataError("`confidence` is not between 0 and 1", where=where, todo="correct the entry")
    return np.where(known, values, 0.0)


def _labelled_image(entry: object, where: str, asked: Skeleton | None) -> LabelledImage:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise DataError("an entry names no image", where=where, todo="give each entry an `image`")
    where = f"{where} ({entry['image'][:60]})"
    center = _numbers(entry.get("center"), (2,), where, "center")
    scale = _numbers(entry.get("scale"), (), where, "scale")
    given = entry.get("joints")
    skeleton = skeleton_of_count(len(given), where, asked) if isinstance(given, list) else (asked or MPII_16)
    count = skeleton.num_joints
    check_joint_numbers(given if isinstance(given, list) else [], skeleton.joints, where)
    joints = _numbers(given, (count, 2), where, "joints")
    visible = _numbers(entry.get("joints_vis", [1] * count), (count,), where, "joints_vis")
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
        skeleton=skeleton,
        derived=joints_named(entry, "derived", skeleton, where),
        confidence=confidence_of(entry, ~unknown, where),
    )
    check_inside(label, where)
    return label


def check_inside(label: LabelledImage, where: str) -> None:
    """Refuse joints that lie outside of their image; where its size is not known, left of it or above it.

    A derived joint may lie outside: nobody has labelled it, and the top of a head is beyond the edge of many pictures.

    Raises:
        DataError: A joint that is not derived lies outside.
    """
    size_px = (np.inf, np.inf) if label.size_px is None else label.size_px
    with np.errstate(invalid="ignore"):
        outside = ((label.joints_px < 0) | (label.joints_px > size_px)).any(-1)
    outside &= ~label.skeleton.mask(label.derived)
    if outside.any():
        joint = int(np.flatnonzero(outside)[0])
        x, y = label.joints_px[joint]
        size = "" if label.size_px is None else f" of {label.size_px[0]} x {label.size_px[1]} pixels"
        raise DataError(
            f"joint {joint} ({label.skeleton.joints[joint]}) at {x:g}, {y:g} lies outside of the image{size}",
            where=where,
            todo="move it into the image, or mark it as unknown",
        )


def check_joint_numbers(rows: Sequence[object], joints: Sequence[str], where: str) -> None:
    """Refuse joints of a file that hold something else than finite numbers.

    Args:
        rows: Numbers of each joint, such as x, y and visibility.
        joints: Names of the joints, in the order of the file.
        where: File, and place in it, as errors name it.

    Raises:
        DataError: A joint holds something that is no finite number; the first one is named.
    """
    for place, (row, joint) in enumerate(zip(rows, joints, strict=False)):
        for value in row if isinstance(row, Sequence) and not isinstance(row, str) else [row]:
            if not _is_finite(value):
                raise DataError(
                    f"joint {place} ({joint}) has {str(value)[:20]!a}, which is not a number".replace(
                        "'", ""
                    ),
                    where=where,
                    todo="correct the joint, or mark it as not labelled",
                )


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(float(value))
    except OverflowError:
        return False


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
