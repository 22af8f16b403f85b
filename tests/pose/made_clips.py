"""A hall that is panned over, people who sit in it, and one who falls; and stand-ins for the networks."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from stagescore.pose.boxes import Detections
from stagescore.pose.networks import NetworkIdentity
from stagescore.skeleton import MPII_16

SIZE = (240, 160)
HEAD, FEET = np.array((230, 40, 40)), np.array((40, 60, 230))


@dataclass
class Clip:
    """A made clip: the camera follows the first diver down past spectators."""

    num_frames: int = 30
    divers: int = 1
    falls: bool = True
    turning: float = 0.0
    frames: list = field(default_factory=list)
    diver_boxes: list = field(default_factory=list)
    people: list = field(default_factory=list)

    def __post_init__(self):
        rng = np.random.default_rng(0)
        hall = cv2.GaussianBlur(rng.integers(0, 200, (900, 600, 3)).astype(np.uint8), (0, 0), 1.5)
        hall = cv2.normalize(hall, None, 20, 200, cv2.NORM_MINMAX)
        seats = [(130, 120), (300, 330), (150, 460), (290, 560)]
        for t in range(self.num_frames):
            fall = 0.45 * t * t if self.falls else 0.0
            top = min(fall, 700.0)
            picture = hall[int(top) : int(top) + SIZE[1], 100 : 100 + SIZE[0]].copy()
            boxes = []
            for k in range(self.divers):
                x, y = 120.0 + 60 * k, 80.0
                angle = self.turning * t
                _figure(picture, x, y, angle)
                boxes.append((x - 18, y - 18, x + 18, y + 18))
            seen = []
            for x, y in seats:
                box = np.array((x - 110, y - int(top) - 15, x - 90, y - int(top) + 15), float)
                if box[3] > 5 and box[1] < SIZE[1] - 5 and box[0] > 0:
                    seen.append(tuple(box))
            self.frames.append(picture)
            self.diver_boxes.append(boxes)
            self.people.append(seen)

    def __call__(self):
        return iter(self.frames)


def _figure(picture, x, y, angle):
    axis = np.array((np.sin(angle), -np.cos(angle)))  # from feet to head
    for share, colour in ((8.0, HEAD), (-8.0, FEET)):
        place = np.array((x, y)) + share * axis
        cv2.ellipse(
            picture, tuple(np.rint(place).astype(int).tolist()), (9, 9), 0, 0, 360, colour.tolist(), -1
        )


class Seer:
    """A detector that is surest of spectators, and sees a diver only so-so."""

    identity = NetworkIdentity(name="seer", kind="made", sha256="0" * 64)

    def __init__(self, clip, *, sees_divers=True):
        self.clip, self.sees_divers = clip, sees_divers

    def detect(self, image):
        (frame,) = [t for t, other in enumerate(self.clip.frames) if other is image][:1]
        boxes = list(self.clip.people[frame])
        sure = [0.9] * len(boxes)
        if self.sees_divers:
            boxes += self.clip.diver_boxes[frame]
            sure += [0.3] * len(self.clip.diver_boxes[frame])
        return Detections(np.array(boxes, float).reshape(-1, 4), np.array(sure, float))


class HeadUp:
    """An estimator that is sure only of people whose head is above their feet."""

    identity = NetworkIdentity(name="head-up", kind="made", sha256="1" * 64)
    crop_size_px = (64, 64)
    derived = MPII_16.mask(("pelvis", "thorax", "upper_neck", "head_top"))
    gains_by_mirroring = True

    def __init__(self):
        self.shown = []

    def estimate(self, crops):
        self.shown.append(len(crops))
        return np.array([self._one(crop) for crop in crops]).reshape(-1, 16, 3)

    def _one(self, crop):
        head, feet = (_middle(crop, colour) for colour in (HEAD, FEET))
        if head is None or feet is None:
            return np.zeros((16, 3))
        axis = head - feet
        upright = -axis[1] / max(np.linalg.norm(axis), 1e-6)
        sure = np.clip(0.05 + 0.85 * upright, 0.05, 0.9)
        share = np.linspace(0, 1, 16)[:, None]
        return np.concatenate((feet + share * axis, np.full((16, 1), sure)), axis=1)


def _middle(crop, colour):
    near = np.abs(crop.astype(int) - colour).sum(-1) < 90
    if near.sum() < 4:
        return None
    rows, columns = np.nonzero(near)
    return np.array((columns.mean() + 0.5, rows.mean() + 0.5))
