"""How real simulated dives look to strangers: to pose networks that never saw a drawn diver.

MoveNet thunder is shown the diver in a square crop around the true box, at eight angles since divers are
upside down half the time; the angle it is surest of counts. MoveNet multipose is shown whole frames, in
which spectators compete with the diver. The same protocol gives 0.67 PCKh on real dives.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.data.attachments import Progress
from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.simulate.dataset import Order, make_dive
from stagescore.simulate.render import Picture
from stagescore.simulate.write import SimulatedDive
from stagescore.skeleton import JOINTS
from stagescore.weights.search import find_weights

REAL_PCKH = 0.67
REAL_PCKH_SOURCE = "real dives, measured with the same networks: 0.67, shared data README"
THUNDER, MULTIPOSE = "movenet-thunder.onnx", "movenet-multipose.onnx"
LIMBS = tuple(
    JOINTS.index(f"{side}_{joint}")
    for side in ("right", "left")
    for joint in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
)
"""The 12 limb joints, by their places in `JOINTS`."""

EVERY = 4
ROTATIONS = 8
_COCO_LIMBS = (16, 14, 12, 10, 8, 6, 15, 13, 11, 9, 7, 5)
_NECK, _HEAD = JOINTS.index("upper_neck"), JOINTS.index("head_top")
_CROP_PX = 256
_CROP_ROOM = 1.25
_STRIDE_PX = 32
_SAME_BOX_IOU = 0.3
_PCKH_SHARE = 0.5
_NETWORK_JOINTS = 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """A square part of a picture, turned upright in one of many ways, as a network is shown it.

    Attributes:
        taking: picture to crop, pixels; rotation and scale, then a shift.
    """

    taking: Float[np.ndarray, "2 3"]

    @classmethod
    def around(cls, box_px: Float[np.ndarray, "4"], angle_rad: float) -> "Crop":
        """The crop of 256 x 256 pixels around a box.

        Args:
            box_px: left, top, right, bottom; the square's edge is 1.25 times its longer edge.
            angle_rad: by which the picture is turned about the box's centre.

        Raises:
            DataError: the box is empty or not finite.
        """
        edge = _CROP_ROOM * float(max(box_px[2] - box_px[0], box_px[3] - box_px[1]))
        if not (np.isfinite(box_px).all() and edge > 0):
            raise DataError(f"a box of {box_px.tolist()} pixels", todo="leave out frames without the diver")
        cos, sin = np.cos(angle_rad), np.sin(angle_rad)
        turning = np.array(((cos, -sin), (sin, cos))) * (_CROP_PX / edge)
        shift = _CROP_PX / 2 - turning @ ((box_px[:2] + box_px[2:]) / 2)
        return cls(taking=np.concatenate((turning, shift[:, None]), axis=1))

    def to_crop(self, points_px: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points of the picture, in the crop."""
        return np.asarray(points_px @ self.taking[:, :2].T + self.taking[:, 2])

    def to_picture(self, points_px: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
        """Points of the crop, in the picture."""
        return np.asarray((points_px - self.taking[:, 2]) @ np.linalg.inv(self.taking[:, :2]).T)

    def cut(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "256 256 3"]:
        """The crop's pixels; black outside the picture."""
        centred = self.taking.copy()  # OpenCV counts from the centre of the first pixel
        centred[:, 2] += self.taking[:, :2].sum(1) * 0.5 - 0.5
        return np.asarray(cv2.warpAffine(image, centred, (_CROP_PX, _CROP_PX), flags=cv2.INTER_LINEAR))


class Networks:
    """The two public pose networks, each on one thread.

    Args:
        weights_dir: folder to look in before the usual places.

    Raises:
        ConfigError: onnxruntime is not installed.
        CheckpointError: a network is missing or is none.
    """

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._thunder = _session(find_weights(THUNDER, weights_dir))
        self._multipose = _session(find_weights(MULTIPOSE, weights_dir))

    def limbs(
        self, image: UInt8[np.ndarray, "h w 3"], box_px: Float[np.ndarray, "4"]
    ) -> tuple[Float[np.ndarray, "12 2"], float]:
        """The limb joints of the person in a box, in the order of `LIMBS`, pixels, and thunder's confidence.

        Args:
            image: red, green, blue.
            box_px: left, top, right, bottom.

        Returns:
            What the surest of eight rotations gives; the confidence is the mean of 17 joints, 0 to 1.
        """
        best, surest = np.zeros((len(LIMBS), 2)), -1.0
        for turn in range(ROTATIONS):
            crop = Crop.around(box_px, 2 * np.pi * turn / ROTATIONS)
            found = _run(self._thunder, crop.cut(image)).reshape(_NETWORK_JOINTS, 3)
            confidence = float(found[:, 2].mean())
            if confidence > surest:
                limbs = found[list(_COCO_LIMBS), 1::-1].astype(np.float64) * _CROP_PX
                best, surest = crop.to_picture(limbs), confidence
        return best, surest

    def top_box(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "4"]:
        """Left, top, right, bottom of the person that multipose is surest of, pixels."""
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(
            image, 0, -height % _STRIDE_PX, 0, -width % _STRIDE_PX, cv2.BORDER_CONSTANT
        )
        people = _run(self._multipose, padded).reshape(6, 56).astype(np.float64)
        top, left, bottom, right = people[people[:, 55].argmax(), 51:55]
        rows, columns = padded.shape[:2]
        return np.array((left * columns, top * rows, right * columns, bottom * rows))


def _session(path: Path) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigError(
            "onnxruntime is not installed", where=path, todo="pip install 'stagescore[pose]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no base of their own
        raise CheckpointError(
            f"no network that onnxruntime can run ({error})", where=path, todo="fetch the file again"
        ) from error


def _run(session: Any, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "..."]:
    name = session.get_inputs()[0].name
    return np.asarray(session.run(None, {name: image[None].astype(np.int32)})[0])


def limb_hits(
    found_px: Float[np.ndarray, "frames limbs 2"],
    true_px: Float[np.ndarray, "frames limbs 2"],
    head_px: Float[np.ndarray, " frames"],
) -> Bool[np.ndarray, "frames limbs"]:
    """Which joints count as found for PCKh@0.5: off by less than half the head's length.

    Args:
        found_px: places that a network gives.
        true_px: where the joints are.
        head_px: distance between upper neck and head top.
    """
    off = np.linalg.norm(found_px - true_px, axis=-1)
    return np.asarray(off < _PCKH_SHARE * head_px[:, None])


def box_iou(
    box_px: Float[np.ndarray, "4"], others_px: Float[np.ndarray, "others 4"]
) -> Float[np.ndarray, " others"]:
    """Intersection over union of a box with each of the others, 0 to 1; boxes are left, top, right, bottom."""
    low, high = np.maximum(box_px[:2], others_px[:, :2]), np.minimum(box_px[2:], others_px[:, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    area = np.clip(box_px[2:] - box_px[:2], 0, None).prod()
    areas = np.clip(others_px[:, 2:] - others_px[:, :2], 0, None).prod(-1)
    return np.asarray(common / np.maximum(area + areas - common, 1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """What the networks make of simulated dives.

    Attributes:
        dives: how many were shown.
        frames: airborne frames in which the diver is seen, every fourth.
        frames_without_diver: airborne frames that were left out since nothing of the diver is in the picture.
        pckh: share of limb joints that thunder finds, PCKh@0.5.
        pckh_by_limb: likewise for each joint.
        confidence: thunder's mean confidence, 0 to 1.
        multipose_diver: share of frames in which multipose's top box is the diver.
        multipose_spectator: share of frames in which it is somebody else.
        real_pckh: the reference, on real dives.
    """

    dives: int
    frames: int
    frames_without_diver: int
    pckh: float
    pckh_by_limb: dict[str, float]
    confidence: float
    multipose_diver: float
    multipose_spectator: float
    real_pckh: float = REAL_PCKH

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "real_pckh_source": REAL_PCKH_SOURCE}


@dataclass(slots=True)
class _Tally:
    hits: list[np.ndarray] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    diver: int = 0
    spectator: int = 0
    unseen: int = 0


def measure_realism(
    order: Order, networks: Networks, progress: Progress = lambda what, done, total: None
) -> Realism:
    """Show the airborne frames of simulated dives, every fourth and compressed as written, to the networks.

    Args:
        order: which dives, and how large their frames are.
        networks: the strangers.
        progress: told after every dive.

    Raises:
        DataError: no airborne frame shows a diver.
    """
    tally = _Tally()
    for index in range(order.num_dives):
        for image, picture in airborne_pictures(make_dive(order, index)):
            _look_at(image, picture, networks, tally)
        progress("dives", index + 1, order.num_dives)
    frames = len(tally.hits)
    if not frames:
        raise DataError("no airborne frame shows a diver", todo="ask for more dives")
    hits = np.array(tally.hits)
    return Realism(
        dives=order.num_dives,
        frames=frames,
        frames_without_diver=tally.unseen,
        pckh=float(hits.mean()),
        pckh_by_limb={JOINTS[k]: float(share) for k, share in zip(LIMBS, hits.mean(0), strict=True)},
        confidence=float(np.mean(tally.confidences)),
        multipose_diver=tally.diver / frames,
        multipose_spectator=tally.spectator / frames,
    )


def airborne_pictures(dive: SimulatedDive) -> Iterator[tuple[UInt8[np.ndarray, "h w 3"], Picture]]:
    """Every fourth picture between leaving the board and touching the water, and what JPEG leaves of it."""
    first, contact = dive.motion.first_airborne_frame, dive.motion.first_water_contact_frame
    for frame, picture in enumerate(dive.pictures):
        if frame >= contact:
            return
        if frame >= first and (frame - first) % EVERY == 0:
            quality = (cv2.IMWRITE_JPEG_QUALITY, dive.jpeg_quality)
            _, coded = cv2.imencode(".jpg", np.ascontiguousarray(picture.image[..., ::-1]), quality)
            decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
            if decoded is None:
                raise DataError("a frame cannot be decoded", todo="report this as a defect")
            yield np.ascontiguousarray(decoded[..., ::-1]), picture


def _look_at(image: UInt8[np.ndarray, "h w 3"], picture: Picture, networks: Networks, tally: _Tally) -> None:
    if not np.isfinite(picture.diver_box).all():
        tally.unseen += 1
        return
    joints = picture.joints_px
    found, confidence = networks.limbs(image, picture.diver_box)
    head = np.linalg.norm(joints[[_HEAD]] - joints[[_NECK]], axis=-1)
    tally.hits.append(limb_hits(found[None], joints[None, list(LIMBS)], head)[0])
    tally.confidences.append(confidence)
    box = networks.top_box(image)
    if box_iou(box, picture.diver_box[None])[0] > _SAME_BOX_IOU:
        tally.diver += 1
    elif len(picture.people_boxes) and box_iou(box, picture.people_boxes).max() > _SAME_BOX_IOU:
        tally.spectator += 1
