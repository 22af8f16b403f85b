"""Two people label the same images; what they disagree on is listed, decided, and merged.

Source: paper, section IV-B: "the labels from one annotator are reviewed and refined by another".
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from stagescore.csv_tables import csv_table, read_cell
from stagescore.errors import DataError
from stagescore.pose.boxes import box_iou
from stagescore.pose.formats import EmptyImage, LabelledImage, check_inside
from stagescore.pose.labels import read_labels_and_empty
from stagescore.spreadsheets import read_table

Judged = LabelledImage | EmptyImage
"""An image that an annotator has dealt with: labelled, or with nobody to label."""

TOLERANCE = 0.5
"""Two labels of a joint agree within this many lengths of the head (joints 8 to 9), as in PCKh@0.5."""

BOX = "box"
_COLUMNS = ("image", "thing", "a", "b", "px_apart", "decision")
IMAGE = "image"
# Set by hand: IoU from which two boxes agree, and the head's length as a share of the box where it is not labelled.
_BOX_IOU = 0.5
_HEAD_OF_BOX = 0.12
_HEAD = ("upper_neck", "head_top")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One thing that two annotators see differently.

    Attributes:
        image: File name of the image.
        thing: Name of a joint, `box`, or `image` where only one has labelled it (the other has not seen it, or nobody
            in it).
        a: What the first annotator says, in words.
        b: What the second annotator says, in words.
        distance_px: Distance between the two places of a joint, in pixels; None otherwise.
    """

    image: str
    thing: str
    a: str
    b: str
    distance_px: float | None = None

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)

    @property
    def key(self) -> tuple[str, str]:
        """Image and thing."""
        return self.image, self.thing


def read_judged(path: Path) -> list[Judged]:
    """All images that an annotator has dealt with.

    Raises:
        DataError: As of `labels.read_labels`.
    """
    labels, empty = read_labels_and_empty(path)
    return [*labels, *empty]


def disagreements(
    a: Sequence[Judged], b: Sequence[Judged], tolerance: float = TOLERANCE
) -> list[Disagreement]:
    """What two annotators see differently, image by image and joint by joint.

    Args:
        a: Labels of the first annotator.
        b: Labels of the second annotator.
        tolerance: Distance up to which two labels of a joint agree, in lengths of the head as the first sees it.

    Raises:
        DataError: The two have labelled an image with joints of different skeletons.
    """
    mine, others = ({one.image: one for one in judged} for judged in (a, b))
    found: list[Disagreement] = []
    for image in dict.fromkeys((*mine, *others)):
        one, other = mine.get(image), others.get(image)
        if isinstance(one, LabelledImage) and isinstance(other, LabelledImage):
            found += _of_image(one, other, tolerance)
        elif (told := _image_words(one)) != (against := _image_words(other)):
            found.append(Disagreement(image=image, thing=IMAGE, a=told, b=against))
    return found


def merged(
    a: Sequence[Judged],
    b: Sequence[Judged],
    found: Sequence[Disagreement],
    decisions: Mapping[tuple[str, str], str],
) -> list[Judged]:
    """The first annotator's labels with what was decided.

    Args:
        a: Labels of the first annotator.
        b: Labels of the second annotator.
        found: Everything that the two disagree on.
        decisions: Decision on each disagreement, by image and thing: `a`, `b`, `mean`, `unknown`, or `x y` in pixels.

    Raises:
        DataError: Something is undecided, decided for what is no disagreement, or decided in a way that
            does not fit: a joint outside of its image, for example.
    """
    open_keys = [d.key for d in found if not decisions.get(d.key, "").strip()]
    if open_keys:
        raise DataError(
            f"{len(open_keys)} of {len(found)} disagreements are undecided",
            where=" ".join(open_keys[0]),
            todo="write a, b, mean, unknown or `x y` into the column `decision`",
        )
    strange = sorted(set(decisions) - {d.key for d in found})
    if strange:
        raise DataError(
            "it is decided, and there is no such disagreement",
            where=" ".join(strange[0]),
            todo="list the disagreements again",
        )
    mine, others = ({label.image: label for label in labels} for labels in (a, b))
    result = dict(mine)
    for one in found:
        decision = decisions[one.key].strip().lower()
        if one.thing == IMAGE:
            _decide_image(one, decision, result, mine, others)
        else:
            label, first, second = (_labelled(labels[one.image]) for labels in (result, mine, others))
            result[one.image] = _decided(label, first, second, one.thing, decision)
    for judged in result.values():
        if isinstance(judged, LabelledImage):
            check_inside(judged, judged.image)
    return list(result.values())


def disagreements_csv(
    found: Sequence[Disagreement], decisions: Mapping[tuple[str, str], str] | None = None
) -> str:
    """The list as a table, with a column `decision` to be filled in; what was decided before stays there."""
    rows = []
    for one in found:
        apart = None if one.distance_px is None else f"{one.distance_px:.1f}"
        rows.append((one.image, one.thing, one.a, one.b, apart, (decisions or {}).get(one.key, "")))
    return csv_table(_COLUMNS, rows)


def decisions_of_csv(path: Path) -> dict[tuple[str, str], str]:
    """Read the table back: what was decided for each image and thing; empty where nothing was.

    Raises:
        DataError: It cannot be read or lacks a column.
    """
    table = read_table(path, "decisions")
    wanted = {"image", "thing", "decision"}
    if table.rows and not wanted <= set(table.columns):
        raise DataError(
            f"a column is missing; wanted are {', '.join(sorted(wanted))}",
            where=path,
            todo="start from --table",
        )
    rows = [dict(zip(table.columns, map(read_cell, row.cells), strict=True)) for row in table.rows]
    return {(row["image"], row["thing"]): row["decision"] for row in rows}


def _of_image(a: LabelledImage, b: LabelledImage, tolerance: float) -> list[Disagreement]:
    b.skeleton.require(a.skeleton, "the first annotator's labels", a.image, verb="have")
    found = []
    if box_iou(np.array(a.square_px), np.array([b.square_px]))[0] < _BOX_IOU:
        found.append(Disagreement(image=a.image, thing=BOX, a=_words(a.square_px), b=_words(b.square_px)))
    head = np.nan
    if set(_HEAD) <= set(a.skeleton.joints):
        neck, top = a.joints_px[a.skeleton.indices(*_HEAD)]
        head = float(np.linalg.norm(top - neck))
    left, top, right, bottom = a.square_px
    reach = tolerance * (
        head if np.isfinite(head) and head > 0 else _HEAD_OF_BOX * max(right - left, bottom - top)
    )
    for joint, name in enumerate(a.skeleton.joints):
        distance = float(np.linalg.norm(a.joints_px[joint] - b.joints_px[joint]))
        both, neither = bool(a.known[joint] and b.known[joint]), not (a.known[joint] or b.known[joint])
        same_mark = a.visible[joint] == b.visible[joint]
        if neither or (both and distance <= reach and same_mark):
            continue
        found.append(
            Disagreement(
                image=a.image,
                thing=name,
                a=_joint_words(a, joint),
                b=_joint_words(b, joint),
                distance_px=distance if both else None,
            )
        )
    return found


def _decide_image(
    one: Disagreement,
    decision: str,
    result: dict[str, Judged],
    mine: Mapping[str, Judged],
    others: Mapping[str, Judged],
) -> None:
    if decision not in ("a", "b"):
        raise DataError(
            f"the decision is {decision!r}", where=f"{one.image} {one.thing}", todo="write a or b"
        )
    chosen = (mine if decision == "a" else others).get(one.image)
    if chosen is None:
        result.pop(one.image, None)
    else:
        result[one.image] = chosen


def _decided(
    label: LabelledImage, a: LabelledImage, b: LabelledImage, thing: str, decision: str
) -> LabelledImage:
    where = f"{label.image} {thing}"
    if thing == BOX:
        boxes = {"a": a.square_px, "b": b.square_px}
        boxes["mean"] = tuple(((np.array(a.square_px) + np.array(b.square_px)) / 2).tolist())
        if decision not in boxes:
            raise DataError(f"the decision is {decision!r}", where=where, todo="write a, b or mean")
        return LabelledImage.with_box(
            label.image,
            boxes[decision],
            label.joints_px,
            label.visible,
            label.size_px,
            skeleton=label.skeleton,
            derived=label.derived,
            confidence=label.confidence,
        )
    joint = label.skeleton.index(thing)
    joints, visible, certainty = label.joints_px.copy(), label.visible.copy(), label.certainty.copy()
    derived = set(label.derived) - {thing}
    sources = [label]
    if decision in ("a", "b"):
        source = a if decision == "a" else b
        sources.append(source)
        joints[joint], visible[joint] = source.joints_px[joint], source.visible[joint]
        certainty[joint] = source.certainty[joint]
        derived |= {thing} & set(source.derived)
    elif decision == "mean" and a.known[joint] and b.known[joint]:
        sources += [a, b]
        joints[joint] = (a.joints_px[joint] + b.joints_px[joint]) / 2
        visible[joint] = a.visible[joint] or b.visible[joint]
        certainty[joint] = min(a.certainty[joint], b.certainty[joint])
    elif decision == "unknown":
        joints[joint], visible[joint], certainty[joint] = np.nan, False, 0.0
    else:
        joints[joint], visible[joint], certainty[joint] = _place(decision, where), True, 1.0
    by_hand = all(one.confidence is None for one in sources)
    return replace(
        label,
        joints_px=joints,
        visible=visible,
        derived=tuple(name for name in label.skeleton.joints if name in derived),
        confidence=None if by_hand else certainty,
    )


def _place(decision: str, where: str) -> np.ndarray:
    try:
        place = np.array([float(part) for part in decision.replace(",", " ").split()])
    except ValueError:
        place = np.zeros(0)
    if place.shape != (2,) or not np.isfinite(place).all():
        raise DataError(
            f"the decision is {decision!r}", where=where, todo="write a, b, mean, unknown or `x y` in pixels"
        )
    return place


def _labelled(judged: Judged) -> LabelledImage:
    if isinstance(judged, EmptyImage):
        raise TypeError(f"{judged.image}: joints are decided where there is nobody")
    return judged


def _image_words(judged: Judged | None) -> str:
    if judged is None:
        return "missing"
    return "nobody" if isinstance(judged, EmptyImage) else "labelled"


def _joint_words(label: LabelledImage, joint: int) -> str:
    if not label.known[joint]:
        return "unknown"
    x, y = label.joints_px[joint]
    return f"{x:.1f} {y:.1f}" + ("" if label.visible[joint] else " (not visible)")


def _words(box: Sequence[float]) -> str:
    return " ".join(f"{value:.1f}" for value in box)
