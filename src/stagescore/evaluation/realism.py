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
from jaxtyping import Float, UInt8

from stagescore.data.attachments import Progress
from stagescore.errors import DataError
from stagescore.evaluation.pose_metrics import LIMBS, head_lengths, limb_hits
from stagescore.pose.boxes import box_iou
from stagescore.pose.estimation import best_of_eight
from stagescore.pose.onnx_networks import open_detector, open_estimator
from stagescore.simulate.dataset import Order, make_dive
from stagescore.simulate.render import Picture
from stagescore.simulate.write import SimulatedDive
from stagescore.skeleton import MPII_16
from stagescore.weights.search import find_weights

REAL_PCKH = 0.67
REAL_PCKH_SOURCE = "real dives, measured with the same networks: 0.67, shared data README"
THUNDER, MULTIPOSE = "movenet-thunder.onnx", "movenet-multipose.onnx"
# Set by hand: which airborne frames are shown, and the IoU above which two boxes are the same person.
EVERY = 4
_SAME_BOX_IOU = 0.3


class RealismNetworks:
    """The two public pose networks, each on one thread.

    Args:
        weights_dir: Folder to look in before the usual places.

    Raises:
        ConfigError: Onnxruntime is not installed.
        CheckpointError: A network is missing or is none.
    """

    def __init__(self, weights_dir: Path | None = None) -> None:
        self._thunder = open_estimator(find_weights(THUNDER, weights_dir))
        self._multipose = open_detector(find_weights(MULTIPOSE, weights_dir))

    def limbs(
        self, image: UInt8[np.ndarray, "h w 3"], box_px: Float[np.ndarray, "4"]
    ) -> tuple[Float[np.ndarray, "12 2"], float]:
        """The limb joints of the person in a box, in the order of `LIMBS`, pixels, and thunder's confidence.

        Args:
            image: Picture in red, green, blue.
            box_px: Left, top, right, bottom of the box, in pixels.

        Returns:
            What the surest of eight rotations gives; the confidence is the mean of 16 joints, 0 to 1.
        """
        reading = best_of_eight(self._thunder, image, box_px)
        return reading.joints[list(LIMBS), :2], reading.surety

    def top_box(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "4"]:
        """Left, top, right, bottom of the person that multipose is surest of, pixels."""
        people = self._multipose.detect(image)
        return np.asarray(people.boxes_px[people.confidence.argmax()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Realism:
    """What the networks make of simulated dives.

    Attributes:
        dives: Number of dives that were shown.
        frames: Number of airborne frames in which the diver is seen, of every fourth frame.
        frames_without_diver: Number of airborne frames that were left out since nothing of the diver is in the picture.
        pckh: Share of limb joints that thunder finds, PCKh@0.5, 0 to 1.
        pckh_by_limb: Share of frames in which thunder finds each limb joint, by the joint's name.
        confidence: Mean confidence of thunder, 0 to 1.
        multipose_diver: Share of frames in which multipose's top box is the diver.
        multipose_spectator: Share of frames in which multipose's top box is somebody else.
        real_pckh: PCKh@0.5 of the same networks on real dives, as the reference.
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
    order: Order, networks: RealismNetworks, progress: Progress = lambda what, done, total: None
) -> Realism:
    """Show the airborne frames of simulated dives, every fourth and compressed as written, to the networks.

    Args:
        order: Dives to simulate, and how large their frames are.
        networks: Networks that are shown the frames.
        progress: Called after every dive with how many are done.

    Raises:
        DataError: No airborne frame shows a diver.
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
        pckh_by_limb={MPII_16.joints[k]: float(share) for k, share in zip(LIMBS, hits.mean(0), strict=True)},
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


def _look_at(
    image: UInt8[np.ndarray, "h w 3"], picture: Picture, networks: RealismNetworks, tally: _Tally
) -> None:
    if not np.isfinite(picture.diver_box).all():
        tally.unseen += 1
        return
    joints = picture.joints_px
    found, confidence = networks.limbs(image, picture.diver_box)
    tally.hits.append(limb_hits(found[None], joints[None, list(LIMBS)], head_lengths(joints[None]))[0])
    tally.confidences.append(confidence)
    box = networks.top_box(image)
    if box_iou(box, picture.diver_box[None])[0] > _SAME_BOX_IOU:
        tally.diver += 1
    elif len(picture.people_boxes) and box_iou(box, picture.people_boxes).max() > _SAME_BOX_IOU:
        tally.spectator += 1
