"""How good pose networks are on frames whose joints and boxes are known: by joint, stage and how the diver is turned.

Estimators get the true box, detectors the whole frame.
Source: PCKh as in `pose_metrics`; OKS and its average precision as in COCO's keypoint evaluation, with its constants
for the limb joints; those of the four other joints are our choice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.media.images import load_image
from stagescore.pose.boxes import box_iou
from stagescore.pose.estimation import Turn, best_of_eight, read_turns
from stagescore.pose.networks import Detector, Estimator
from stagescore.skeleton import MPII_16
from stagescore.training.pose_frames import GONE, DiveFrames
from stagescore.types import STAGE_NAMES

SHARES = (0.5, 0.1)
"""Shares of the head's length, for PCKh: MPII's 0.5, and 0.1 for finer differences."""
IOUS = (0.3, 0.5)
"""IoU from which a box counts as the diver's. Set by hand."""
OKS_THRESHOLDS = tuple(float(t) for t in np.arange(0.5, 0.96, 0.05).round(2))

_BY_NAME = {
    "ankle": 0.089,
    "knee": 0.087,
    "hip": 0.107,
    "wrist": 0.062,
    "elbow": 0.072,
    "shoulder": 0.079,
    "pelvis": 0.107,
    "thorax": 0.079,
    "upper_neck": 0.079,
    "head_top": 0.079,
}
OKS_SIGMAS: Float[np.ndarray, " joints"] = np.array(
    [_BY_NAME[n.removeprefix("right_").removeprefix("left_")] for n in MPII_16.joints]
)
_RECALLS = np.linspace(0, 1, 101)  # COCO's
_NECK, _TOP, _PELVIS = (MPII_16.index(name) for name in ("upper_neck", "head_top", "pelvis"))
_SURE = 0.3
"""Confidence from which a box counts as a false alarm where there is no diver. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointsFound:
    """What an estimator finds in some frames.

    Attributes:
        joints: Found x and y of each joint in pixels, and confidence, 0 to 1.
        true_px: True x and y of each joint, in pixels; NaN where nobody knows.
        counts: True for joints that are to be found.
        area_px: Area of the true box, in square pixels.
        stage: Index of the stage in `STAGE_NAMES`.
    """

    joints: Float[np.ndarray, "frames joints 3"]
    true_px: Float[np.ndarray, "frames joints 2"]
    counts: Bool[np.ndarray, "frames joints"]
    area_px: Float[np.ndarray, " frames"]
    stage: Int[np.ndarray, " frames"]

    @property
    def upside_down(self) -> Bool[np.ndarray, " frames"]:
        """Frames in which the neck is below the pelvis."""
        return np.asarray(self.true_px[:, _NECK, 1] > self.true_px[:, _PELVIS, 1])

    def hits(self, share: float) -> Bool[np.ndarray, "frames joints"]:
        """Joints that are off by less than a share of the head's length."""
        head = np.linalg.norm(self.true_px[:, _TOP] - self.true_px[:, _NECK], axis=-1)
        with np.errstate(invalid="ignore"):
            off = np.linalg.norm(self.joints[..., :2] - self.true_px, axis=-1)
            return np.asarray(self.counts & (off < share * head[:, None]))

    def oks(self) -> Float[np.ndarray, " frames"]:
        """Object keypoint similarity of each frame."""
        off = np.nan_to_num(((self.joints[..., :2] - self.true_px) ** 2).sum(-1), nan=np.inf)
        alike = np.exp(-off / (2 * self.area_px[:, None] * (2 * OKS_SIGMAS) ** 2))
        return np.asarray((alike * self.counts).sum(1) / np.maximum(self.counts.sum(1), 1))

    def figures(self) -> dict[str, Any]:
        """PCKh by joint, by stage and by turn, over all joints; and the average precision."""
        parts = {name: self.stage == k for k, name in enumerate(STAGE_NAMES)}
        parts |= {"upright": ~self.upside_down, "upside down": self.upside_down}
        figures: dict[str, Any] = {"frames": len(self.joints)}
        for share in SHARES:
            hits, counts = self.hits(share), self.counts
            figures[f"pckh@{share}"] = {
                "all": _share(hits, counts),
                "by_joint": {name: _share(hits[:, k], counts[:, k]) for k, name in enumerate(MPII_16.joints)},
                "by_part": {name: _share(hits[rows], counts[rows]) for name, rows in parts.items()},
            }
        figures["ap_oks"] = average_precision(self.oks(), self.joints[..., 2].mean(1))
        return figures


def headline(figures: dict[str, Any]) -> dict[str, float]:
    """The few figures that a card names, of `JointsFound.figures` or `BoxesFound.figures`."""
    kinds = {name: value["all"] for name, value in figures.items() if isinstance(value, dict)}
    kinds |= {name: value for name, value in figures.items() if isinstance(value, float)}
    return {name: round(value, 4) for name, value in kinds.items()}


def average_precision(oks: Float[np.ndarray, " frames"], confidence: Float[np.ndarray, " frames"]) -> float:
    """Mean over thresholds of 0.5 to 0.95 of the area below precision and recall, one found pose a true one.

    Args:
        oks: Similarity of the pose found in each frame with the true one, 0 to 1.
        confidence: Confidence of each pose, by which poses are ranked.

    >>> round(average_precision(np.array([1.0, 0.0]), np.array([0.9, 0.1])), 3)
    0.505
    """
    ranked = oks[np.argsort(-confidence, kind="stable")]
    if not len(ranked):
        return float("nan")
    precisions = []
    for threshold in OKS_THRESHOLDS:
        right = np.cumsum(ranked >= threshold)
        precision = right / np.arange(1, len(ranked) + 1)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(right / len(ranked), _RECALLS, side="left")
        precisions.append(np.append(best_from_here, 0.0)[places].mean())
    return float(np.mean(precisions))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoxesFound:
    """What a detector finds in some frames.

    Attributes:
        iou: IoU of the surest box with the diver's; NaN where there is no diver.
        confidence: Confidence of the surest box, 0 to 1; 0 where there is none.
        stage: Index of the stage in `STAGE_NAMES`, or `GONE`.
        upside_down: True for frames in which the neck is below the pelvis.
    """

    iou: Float[np.ndarray, " frames"]
    confidence: Float[np.ndarray, " frames"]
    stage: Int[np.ndarray, " frames"]
    upside_down: Bool[np.ndarray, " frames"]

    def figures(self) -> dict[str, Any]:
        """Recall of the surest box, by stage and by turn; false alarms in frames without the diver."""
        there = self.stage != GONE
        recalls = {
            f"recall@{iou}": {
                "all": _share(self.iou >= iou, there),
                **{name: _share(self.iou >= iou, self.stage == k) for k, name in enumerate(STAGE_NAMES)},
                "upright": _share(self.iou >= iou, there & ~self.upside_down),
                "upside down": _share(self.iou >= iou, there & self.upside_down),
            }
            for iou in IOUS
        }
        alarms = _share(self.confidence >= _SURE, ~there)
        return {"frames": len(self.iou), **recalls, "false_alarms_without_diver": alarms}


def find_joints(
    estimator: Estimator, dives: Sequence[DiveFrames], a_dive: int, *, rotations: bool = False
) -> JointsFound:
    """Show an estimator some frames of every dive, each in its true box.

    Args:
        estimator: Estimator that finds the joints.
        dives: Dives with known joints.
        a_dive: Number of frames of each dive, chosen by hash; 0 for all.
        rotations: Whether to take the surest of eight rotations instead of the upright crop.

    Raises:
        DataError: There is no frame with enough joints, or a picture cannot be read.
    """
    found, rows = [], list(_chosen(dives, a_dive, boxes=False))
    if not rows:
        raise DataError("no frame has enough joints", todo="give other dives")
    for dive, row in rows:
        image, box = load_image(dive.pictures[row]), dive.boxes_px[row].astype(np.float64)
        if rotations:
            found.append(best_of_eight(estimator, image, box).joints)
        else:
            found.append(read_turns(estimator, image, box, [Turn()])[0].joints)
    boxes = np.array([dive.boxes_px[row] for dive, row in rows], dtype=np.float64)
    return JointsFound(
        joints=np.array(found),
        true_px=np.array([dive.joints_px[row] for dive, row in rows], dtype=np.float64),
        counts=np.array([dive.seen[row] for dive, row in rows]),
        area_px=(boxes[:, 2:] - boxes[:, :2]).prod(1),
        stage=np.array([dive.stage[row] for dive, row in rows]),
    )


def find_boxes(detector: Detector, dives: Sequence[DiveFrames], a_dive: int) -> BoxesFound:
    """Show a detector some frames of every dive; as `find_joints`.

    Raises:
        DataError: There is no frame, or a picture cannot be read.
    """
    iou, confidence, stage, upside_down = [], [], [], []
    for dive, row in _chosen(dives, a_dive, boxes=True):
        people = detector.detect(load_image(dive.pictures[row]))
        best = people.confidence.argsort()[-1:]
        true = dive.boxes_px[row].astype(np.float64)
        iou.append(
            float(box_iou(true, people.boxes_px[best]).max(initial=0.0))
            if np.isfinite(true).all()
            else np.nan
        )
        confidence.append(float(people.confidence[best].max(initial=0.0)))
        stage.append(int(dive.stage[row]))
        upside_down.append(bool(dive.joints_px[row, _NECK, 1] > dive.joints_px[row, _PELVIS, 1]))
    if not stage:
        raise DataError("there is no frame", todo="give other dives")
    return BoxesFound(
        iou=np.array(iou),
        confidence=np.array(confidence),
        stage=np.array(stage),
        upside_down=np.array(upside_down),
    )


def _chosen(dives: Sequence[DiveFrames], a_dive: int, *, boxes: bool) -> Iterator[tuple[DiveFrames, int]]:
    for dive in dives:
        rows = np.arange(len(dive.stage)) if boxes else np.flatnonzero(dive.readable)
        ranked = sorted(rows.tolist(), key=lambda row: hash_u64("evaluated", dive.name, row))
        for row in sorted(ranked[: a_dive or None]):
            yield dive, row


def _share(hits: np.ndarray, counts: np.ndarray) -> float:
    return float(hits[counts].mean()) if counts.any() else float("nan")
