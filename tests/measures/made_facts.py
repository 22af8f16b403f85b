"""A body of straight limbs that flies as it is told, for measures whose answers are known."""

import numpy as np

from stagescore.diving import DiveNumber
from stagescore.measures.facts import DiveFacts
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

RATE, BODY_PX = 25.0, 100.0
TAKEOFF, CONTACT, ROWS = 6, 42, 60
# Along the stretched body, in pixels from the hips; the ankles are 50 below, the top of the head 50 above.
TRUNK = {"pelvis": 0, "thorax": 30, "upper_neck": 36, "head_top": 50}
ARMS = {"shoulder": 30, "elbow": 48, "wrist": 66}


def turned(length: float | np.ndarray, degrees: float) -> np.ndarray:
    """A way of some pixels, counterclockwise from straight up in the picture."""
    angle = np.radians(degrees)
    return np.array((-np.sin(angle), -np.cos(angle))) * length


def body(direction: float, *, fold: float = 0.0, knee: float = 0.0, split: float = 0.0) -> np.ndarray:
    """Joints around the hips.

    Args:
        direction: Where the head points, in degrees counterclockwise from straight up.
        fold: Degrees by which the hips are closed.
        knee: Degrees by which the knees are bent.
        split: Degrees between the legs.
    """
    joints = np.zeros((MPII_16.num_joints, 2))
    for name, along in TRUNK.items():
        joints[MPII_16.index(name)] = turned(along, direction)
    for side, sign in (("right", 1), ("left", -1)):
        for name, along in ARMS.items():
            joints[MPII_16.index(f"{side}_{name}")] = turned(along, direction)
        leg = direction + 180 + fold + sign * split / 2
        at_knee = turned(25, leg)
        joints[MPII_16.index(f"{side}_knee")] = at_knee
        joints[MPII_16.index(f"{side}_ankle")] = at_knee + turned(25, leg + knee)
    return joints


def made_facts(
    *,
    turns: float = 2.5,
    rise_px: float = 40.0,
    past_deg: float = 0.0,
    fold: float = 0.0,
    opens: int = CONTACT - 8,
    code: str = "105B",
    pan_px: float = 0.0,
    **shape: float,
) -> DiveFacts:
    """A dive that somersaults counterclockwise at one speed.

    Args:
        turns: Somersaults from the take-off to the water, less what it is past the vertical.
        rise_px: How far the centre of mass rises.
        past_deg: Degrees past the vertical at the contact.
        fold: Degrees by which the hips are closed from a fifth of the flight until `opens`.
        opens: First row in which the body is open again.
        code: Dive number.
        pan_px: Pixels per row by which the camera pans down; the map takes it away.
        shape: What `body` takes, in every row.
    """
    joints = np.zeros((ROWS, MPII_16.num_joints, 2))
    mass = np.array(MPII_16.mass_shares)
    flight = CONTACT - TAKEOFF
    apex = 0.25 * flight
    for row in range(ROWS):
        since = min(max(row - TAKEOFF, 0), flight)
        direction = (360.0 * turns + past_deg) * since / flight
        folded = TAKEOFF + flight // 5 <= row < opens
        one = body(direction, fold=fold if folded else 0.0, **shape)
        fall = rise_px * ((since - apex) / apex) ** 2
        place = np.array((300.0 + 3.0 * since, 100.0 + fall - pan_px * row))
        joints[row] = one - mass @ one + place
    camera = np.tile(np.eye(3), (ROWS, 1, 1))
    camera[:, 1, 2] = pan_px * np.arange(ROWS)
    track = PoseTrack(joints, np.ones(joints.shape[:2]))
    return DiveFacts(
        track=track,
        believed=track.known,
        times_s=np.arange(ROWS) / RATE,
        start_frame=10,
        takeoff=TAKEOFF,
        contact=CONTACT,
        to_common=camera,
        number=DiveNumber.parse(code),
    )
