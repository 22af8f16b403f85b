"""The annotation pipeline on dives whose joints are known, without any true box: what each part brings.

Rows: the surest person of the detector, upright; the same in the surest of eight rotations; tracking by
motion with followed turns; and the whole pipeline with checks and interpolation.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.errors import DataError
from stagescore.evaluation.pose_metrics import pckh, tight_boxes
from stagescore.media.images import load_image
from stagescore.pose.annotation import annotate, read_diver, watch
from stagescore.pose.boxes import box_iou
from stagescore.pose.estimation import Turn, best_of_eight, read_turns
from stagescore.pose.formats import read_authors_json, read_json
from stagescore.pose.networks import PoseNetworks
from stagescore.pose.tracking import choose_diver
from stagescore.simulate.dataset import Order, make_dive
from stagescore.skeleton import MPII_16

ROWS = ("upright only", "rotations", "tracking", "interpolation")
SAME_IOU = 0.3
"""IoU from which a box counts as the diver's. Set by hand."""
_LABELS, _DIVES, _FRAMES = "annotations_examples.json", "dives.json", "frames"


@dataclass(frozen=True, slots=True, eq=False)
class KnownDive:
    """Consecutive frames of a dive with true joints.

    Attributes:
        name: Name of the dive.
        frames: Pictures of the dive in red, green, blue.
        joints_px: True x and y of the joints, in pixels.
    """

    name: str
    frames: tuple[UInt8[np.ndarray, "h w 3"], ...]
    joints_px: Float[np.ndarray, "frames joints 2"]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What one method finds in a dive.

    Attributes:
        boxes_px: Left, top, right, bottom of the diver's box in each frame, in pixels; NaN where none is found.
        joints_px: Found x and y of the joints, in pixels; NaN where unknown.
        num_crops: Number of crops that were shown to the estimator.
        seconds: Wall time for the dive, in seconds.
    """

    boxes_px: Float[np.ndarray, "frames 4"]
    joints_px: Float[np.ndarray, "frames joints 2"]
    num_crops: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """The figures of one method over all dives.

    Attributes:
        method: Name of the method, one of `ROWS`.
        recall: Share of frames in which the box is the diver's, IoU of 0.3 or more with the joints' box.
        track_iou: Mean IoU of the found box with the joints' box.
        pckh_50: PCKh@0.5 of the 12 limb joints, 0 to 1.
        pckh_100: PCKh@1.0 of the 12 limb joints, 0 to 1.
        ms_a_frame: Wall time per frame, in milliseconds.
        crops_a_frame: Mean number of crops per frame that were shown to the estimator.
    """

    method: str
    recall: float
    track_iou: float
    pckh_50: float
    pckh_100: float
    ms_a_frame: float
    crops_a_frame: float

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def read_known_dives(folder: Path) -> list[KnownDive]:
    """Read frames and hand-made joints: `frames/`, `annotations_examples.json`, `dives.json`.

    Raises:
        DataError: One of them is missing or torn.
    """
    labels = {label.image: label for label in read_authors_json(folder / _LABELS)}
    spans = read_json(folder / _DIVES)
    for label in labels.values():
        label.skeleton.require(MPII_16, "the bench", folder / _LABELS)
    names = sorted(labels)
    if not isinstance(spans, dict):
        raise DataError("it names no dives", where=folder / _DIVES, todo="give first and last frame of each")
    dives = []
    for name, (first, last) in spans.items():
        images = names[first : last + 1]
        frames = tuple(load_image(folder / _FRAMES / image) for image in images)
        dives.append(KnownDive(name, frames, np.array([labels[image].joints_px for image in images])))
    return dives


def simulated_dives(order: Order) -> Iterator[KnownDive]:
    """The airborne parts of simulated dives, compressed as they are written."""
    for index in range(order.num_dives):
        dive = make_dive(order, index)
        first, contact = dive.motion.first_airborne_frame, dive.motion.first_water_contact_frame
        frames, joints = [], []
        for frame, picture in enumerate(dive.pictures):
            if frame >= contact:
                break
            if frame >= first and np.isfinite(picture.joints_px).all():
                quality = (cv2.IMWRITE_JPEG_QUALITY, dive.jpeg_quality)
                _, coded = cv2.imencode(".jpg", np.ascontiguousarray(picture.image[..., ::-1]), quality)
                decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), dtype=np.uint8)
                frames.append(np.ascontiguousarray(decoded[..., ::-1]))
                joints.append(picture.joints_px)
        yield KnownDive(f"simulated {index}", tuple(frames), np.array(joints))


def find(method: str, dive: KnownDive, networks: PoseNetworks) -> Found:
    """Run one method on one dive.

    Raises:
        DataError: There is no such method.
    """
    detector, estimator = networks.detector, networks.estimator
    begin = time.perf_counter()
    if method == "interpolation":
        whole = annotate(lambda: iter(dive.frames), networks)
        return Found(whole.boxes_px, whole.track.joints_px, whole.num_crops, time.perf_counter() - begin)
    if method == "tracking":
        (views,), _ = watch(dive.frames, [detector])
        diver = choose_diver(views).diver
        found, num_crops = read_diver(dive.frames, diver, len(views), estimator)
        boxes = np.full((len(views), 4), np.nan)
        if diver is not None:
            boxes[diver.first : diver.frames.stop] = diver.boxes_px
        return Found(boxes, found[..., :2], num_crops, time.perf_counter() - begin)
    if method not in ROWS:
        raise DataError(f"no method {method!r}", todo=f"choose among {', '.join(ROWS)}")
    boxes, joints = np.full((len(dive.frames), 4), np.nan), np.full(dive.joints_px.shape, np.nan)
    num_crops = 0
    for frame, image in enumerate(dive.frames):
        people = detector.detect(image).above(0.0)
        if not len(people.confidence):
            continue
        boxes[frame] = box = people.boxes_px[people.confidence.argmax()]
        if method == "upright only":
            (reading,) = read_turns(estimator, image, box, [Turn()])
        else:
            reading = best_of_eight(estimator, image, box)
        num_crops += 1 if method == "upright only" else 8
        joints[frame] = reading.joints[:, :2]
    return Found(boxes, joints, num_crops, time.perf_counter() - begin)


def row_of(method: str, dives: Sequence[KnownDive], found: Sequence[Found]) -> BenchRow:
    """The figures of one method.

    Args:
        method: Name of the method.
        dives: Dives with their true joints.
        found: What the method found in each of the dives.
    """
    true = np.concatenate([dive.joints_px for dive in dives])
    joints = np.concatenate([one.joints_px for one in found])
    boxes = np.nan_to_num(np.concatenate([one.boxes_px for one in found]))
    iou = np.array([box_iou(t, b[None])[0] for t, b in zip(tight_boxes(true), boxes, strict=True)])
    return BenchRow(
        method=method,
        recall=float((iou >= SAME_IOU).mean()),
        track_iou=float(iou.mean()),
        pckh_50=pckh(joints, true),
        pckh_100=pckh(joints, true, 1.0),
        ms_a_frame=1e3 * sum(one.seconds for one in found) / len(true),
        crops_a_frame=sum(one.num_crops for one in found) / len(true),
    )
