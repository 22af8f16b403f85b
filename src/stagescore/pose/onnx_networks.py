"""Detectors and estimators in ONNX files, told apart by what goes in and what comes out.

Sources: MoveNet's model cards (multipose: 6 people x 56; single pose: 17 x (y, x, score)); RTMPose (two
one-dimensional distributions a joint, "SimCC"); YOLO exports (boxes as centre and size, one row or column
a candidate). How a file is opened and run: `onnx_trial`, `onnx_session`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.errors import CheckpointError
from stagescore.media.scaling import scaled
from stagescore.pose.boxes import Detections, suppressed
from stagescore.pose.networks import Detector, Estimator
from stagescore.pose.onnx_session import DRY_EDGE_PX, OnnxSession, unusable
from stagescore.pose.onnx_trial import open_session
from stagescore.skeleton import COCO_17, MPII_16
from stagescore.skeleton_mapping import SkeletonMapping

DETECTION_EDGE_PX = 384
"""Longer edge of the picture that MoveNet multipose is shown. Chosen among 256, 384, 480 and 640 on the 69
labelled real frames (its own advice is 256); all find the diver in 94 % of the frames or more but 640."""

_FROM_COCO = SkeletonMapping(COCO_17, MPII_16)
_DERIVED = MPII_16.mask(_FROM_COCO.derived)
_STRIDE_PX = 32  # divides the edges that MoveNet multipose takes (model card)
_YOLO_EDGE_PX = 640  # usual edge of YOLO exports
_YOLO_GREY = 114  # grey of their margins
# Set by hand: IoU above which two boxes are one person, and the least confidence that is kept.
_YOLO_OVERLAP = 0.6
_YOLO_LEAST = 0.02
_MOST_END_TO_END = 1000
_FINISHED = 6
_GRID_STEPS_PX = (8, 16, 32)
_MEAN, _SD = np.array((123.675, 116.28, 103.53)), np.array((58.395, 57.12, 57.375))
"""Mean and standard deviation of ImageNet's colours, by which RTMPose's pictures are normalised."""


def open_network(path: Path, threads: int | None = None) -> Detector | Estimator:
    """The detector or estimator in an ONNX file.

    Args:
        path: File of the network, in ONNX.
        threads: Number of threads that the network may use; all cores by default.

    Raises:
        ConfigError: Onnxruntime is not installed.
        CheckpointError: The file is no network that can be run, or one of unknown shapes.
    """
    network = open_session(path, threads)
    shapes = [output.shape for output in network.dry_run()]
    channels_last = network.channels_last
    channels_first = network.shape[1] == 3 and not channels_last
    one = shapes[0][:1] == (1,)
    if one and channels_last and len(shapes) == 1 and shapes[0][1:] == (6, 56):
        return MoveNetDetector(network)
    if one and channels_last and len(shapes) == 1 and shapes[0][1:] == (1, COCO_17.num_joints, 3):
        return MoveNetEstimator(network)
    if one and channels_first and len(shapes) == 2 and _is_simcc(shapes, network.size_px):
        return SimccEstimator(network)
    if (
        one
        and channels_first
        and len(shapes) == 1
        and _is_yolo(shapes[0], network.size_px or (DRY_EDGE_PX, DRY_EDGE_PX))
    ):
        return YoloDetector(network)
    raise CheckpointError(
        f"a network of unknown shapes: {network.shape} of {network.type} gives {', '.join(map(str, shapes))}",
        where=path,
        todo="use MoveNet, an RTMPose-style SimCC network of 16 or 17 joints, or a YOLO-style detector",
    )


def open_detector(path: Path, threads: int | None = None) -> Detector:
    """As `open_network`.

    Raises:
        CheckpointError: It is an estimator.
    """
    network = open_network(path, threads)
    if isinstance(network, MoveNetDetector | YoloDetector):
        return network
    raise CheckpointError(
        f"it finds joints ({network.identity.kind}), not people", where=path, todo="name a detector"
    )


def open_estimator(path: Path, threads: int | None = None) -> Estimator:
    """As `open_network`.

    Raises:
        CheckpointError: It is a detector.
    """
    network = open_network(path, threads)
    if isinstance(network, MoveNetEstimator | SimccEstimator):
        return network
    raise CheckpointError(
        f"it finds people ({network.identity.kind}), not the joints of one",
        where=path,
        todo="name an estimator",
    )


def _expect(network: OnnxSession, found: Sequence[np.ndarray], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse outputs of other shapes than those by which the network was told.

    Raises:
        CheckpointError: The shapes depend on what the picture shows.
    """
    if [output.shape for output in found] != list(shapes):
        raise unusable(network.path, f"it gives {', '.join(str(output.shape) for output in found)} now")


def _is_yolo(shape: tuple[int, ...], size_px: tuple[int, int]) -> bool:
    """Boxes that are the best already, six numbers each; or a candidate for every cell of the usual grids."""
    if len(shape) != 3:
        return False
    if shape[2] == _FINISHED:
        return True
    candidates = sum((size_px[0] // step) * (size_px[1] // step) for step in _GRID_STEPS_PX)
    rows, columns = shape[1:]
    # Newer ones have a column a candidate, older ones (with an objectness) a row, some with three anchors a cell.
    return (columns == candidates and rows >= 5) or (rows in (candidates, 3 * candidates) and columns >= 6)


def _is_simcc(shapes: Sequence[tuple[int, ...]], size_px: tuple[int, int] | None) -> bool:
    return (
        size_px is not None
        and all(len(shape) == 3 for shape in shapes)
        and shapes[0][1] == shapes[1][1] in (MPII_16.num_joints, COCO_17.num_joints)
        and shapes[0][2] * size_px[1] == shapes[1][2] * size_px[0]
        and shapes[0][2] >= size_px[0]
    )


class MoveNetDetector:
    """MoveNet multipose, used for its boxes."""

    def __init__(self, network: OnnxSession) -> None:
        self._network = network
        self.identity = network.identity("MoveNet multipose")

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Detections:
        """At most six people."""
        height, width = image.shape[:2]
        scale = DETECTION_EDGE_PX / max(height, width)
        small = scaled(image, (max(round(width * scale), 1), max(round(height * scale), 1)))
        padding = -small.shape[0] % _STRIDE_PX, -small.shape[1] % _STRIDE_PX
        padded = np.pad(small, ((0, padding[0]), (0, padding[1]), (0, 0)))
        found = self._network.run(padded[None])
        _expect(self._network, found, [(1, 6, 56)])
        (people,) = found
        top, left, bottom, right = people.reshape(6, 56)[:, 51:55].T
        across, down = padded.shape[1] * width / small.shape[1], padded.shape[0] * height / small.shape[0]
        boxes = np.stack((left * across, top * down, right * across, bottom * down), axis=1)
        return Detections(boxes, np.clip(people.reshape(6, 56)[:, 55], 0, 1))


class MoveNetEstimator:
    """MoveNet single pose (lightning or thunder)."""

    derived: Bool[np.ndarray, " joints"] = _DERIVED
    gains_by_mirroring = True

    def __init__(self, network: OnnxSession) -> None:
        self._network = network
        self.identity = network.identity("MoveNet single pose")
        self.crop_size_px = network.size_px or (256, 256)

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops joints 3"]:
        """See `Estimator`."""
        if not len(crops):
            return np.zeros((0, MPII_16.num_joints, 3))
        found = self._network.run_each(np.stack(crops))
        _expect(self._network, found, [(len(crops), 1, COCO_17.num_joints, 3)])
        joints = found[0][:, 0][..., [1, 0, 2]]
        joints[..., :2] *= self.crop_size_px
        joints[..., 2] = np.clip(joints[..., 2], 0, 1)
        return _FROM_COCO.joints(joints)


class SimccEstimator:
    """RTMPose and its like: for each joint one distribution over columns and one over rows."""

    gains_by_mirroring = True

    def __init__(self, network: OnnxSession) -> None:
        if network.size_px is None:
            raise CheckpointError("its crop size is not fixed", where=network.path, todo="export it anew")
        self._network = network
        self.crop_size_px = network.size_px
        self._shapes = [output.shape[1:] for output in network.dry_run()]
        self._num_joints = self._shapes[0][0]
        self.derived: Bool[np.ndarray, " joints"] = _DERIVED & (self._num_joints == COCO_17.num_joints)
        self.identity = network.identity(f"SimCC, {self._num_joints} joints")

    def estimate(self, crops: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Float[np.ndarray, "crops joints 3"]:
        """See `Estimator`."""
        if not len(crops):
            return np.zeros((0, MPII_16.num_joints, 3))
        pictures = ((np.stack(crops) - _MEAN) / _SD).transpose(0, 3, 1, 2)
        found = self._network.run_each(pictures)
        _expect(self._network, found, [(len(crops), *shape) for shape in self._shapes])
        columns, rows = found
        bins = columns.shape[2] / self.crop_size_px[0]
        joints = np.stack((columns.argmax(-1), rows.argmax(-1)), axis=-1) / bins
        sure = np.clip(np.minimum(columns.max(-1), rows.max(-1)), 0, 1)
        joints = np.concatenate((joints, sure[..., None]), axis=-1)
        return _FROM_COCO.joints(joints) if self._num_joints == COCO_17.num_joints else joints


class YoloDetector:
    """YOLO exports of three forms: a column a candidate, a row a candidate with objectness, or final boxes."""

    def __init__(self, network: OnnxSession) -> None:
        self._network = network
        self.identity = network.identity("YOLO-style detector")

    def detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Detections:
        """The people (the first class) in a picture."""
        height, width = image.shape[:2]
        size = self._network.size_px or (_YOLO_EDGE_PX, _YOLO_EDGE_PX)
        scale = min(size[0] / width, size[1] / height)
        small = scaled(image, (max(round(width * scale), 1), max(round(height * scale), 1)))
        canvas = np.full((size[1], size[0], 3), _YOLO_GREY, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        found = self._network.run(canvas.transpose(2, 0, 1)[None] / 255)
        if len(found) != 1 or not _is_yolo(found[0].shape, size) or len(found[0]) != 1:
            _expect(self._network, found, [])
        seen = suppressed(people_of_yolo(found[0][0]).above(_YOLO_LEAST), _YOLO_OVERLAP)
        return Detections(seen.boxes_px / scale, seen.confidence)


def people_of_yolo(found: Float[np.ndarray, "rows columns"]) -> Detections:
    """Boxes of the first class, before suppression.

    Args:
        found: Output of the network: (4 + classes) x candidates; candidates x (5 + classes), the fifth being
            objectness; or, with six columns and at most 1000 rows, left, top, right, bottom, confidence, class.
    """
    rows, columns = found.shape
    if columns == 6 and rows <= _MOST_END_TO_END:
        people = found[found[:, 5] == 0]
        return Detections(people[:, :4], np.clip(people[:, 4], 0, 1))
    if rows < columns:
        table, sure = found[:4].T, found[4]
    else:
        table, sure = found[:, :4], found[:, 4] * (found[:, 5] if columns > 5 else 1)
    half = table[:, 2:] / 2
    return Detections(np.concatenate((table[:, :2] - half, table[:, :2] + half), axis=1), np.clip(sure, 0, 1))
