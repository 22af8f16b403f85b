"""Joints as a pose network would give them: wrong in the ways in which networks are wrong.

Networks on divers err by about 6 px in the median at 455 x 256 and reach about 0.67 PCKh@0.5 on the limbs,
where a standing diver is some 145 px tall: that is 0.041 of the height. The errors are not independent noise:

- they last over frames, and are larger for wrists and ankles, upside down and in tucks;
- whole legs or arms swap sides for a run of frames;
- joints are lost in tucks and in spray, and then stand where another joint is, or are interpolated
  between the frames around the run, as FineDiving-Pose does: there is no NaN in its files;
- under water there is nothing to see, and joints hang about where the body went in.

Confidence falls with the error, without telling it exactly.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.skeleton import MPII_16

# Set by hand, these and those below, until error and PCKh in flight were those of real networks (docs/simulation.md).
ERROR_SHARE = 0.0237
"""Scale of the noise of an average joint of an upright, stretched body, as a share of the height; with
all the rest on top the median error in flight is 0.041 of the height."""

_NOISE_BY_NAME = {
    "ankle": 1.5,
    "knee": 1.0,
    "hip": 0.8,
    "pelvis": 0.75,
    "thorax": 0.75,
    "upper_neck": 0.8,
    "head_top": 0.95,
    "wrist": 1.6,
    "elbow": 1.15,
    "shoulder": 0.85,
}
_JOINT_NOISE = np.array(
    [_NOISE_BY_NAME[name.removeprefix("right_").removeprefix("left_")] for name in MPII_16.joints]
)
_MEMORY = 0.72
"""Correlation of the error between neighbouring frames."""

_UPSIDE_DOWN = 0.45
_TUCKED = 0.8
"""How much larger errors are with the head straight down, and with the body rolled up completely."""


def _limbs(*names: str) -> Int[np.ndarray, " limbs"]:
    """Indices of the joints whose names end in one of `names`, on both sides."""
    return np.array([k for k, joint in enumerate(MPII_16.joints) if joint.split("_")[-1] in names])


_LEGS = _limbs("ankle", "knee", "hip")
_ARMS = _limbs("wrist", "elbow", "shoulder")
_EASILY_LOST = _limbs("ankle", "knee", "top", "wrist", "elbow")
_TALL_CHAIN = tuple(
    pairwise(
        MPII_16.indices(
            "right_ankle", "right_knee", "right_hip", "pelvis", "thorax", "upper_neck", "head_top"
        )
    )
)
_PELVIS, _UPPER_NECK = MPII_16.indices("pelvis", "upper_neck")
# Set by hand: extent of a stretched and of a rolled-up body as shares of the height, and the least height believed.
_STRETCHED_SHARE = 0.9
_ROLLED_SHARE = 0.35
_LEAST_HEIGHT_PX = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """What can be seen of the joints.

    Attributes:
        visible: Whether each joint is inside the picture and not covered.
        underwater: Whether each joint is below the surface.
        spray: Share of the diver that the spray covers in each frame, 0 to 1.
    """

    visible: Bool[np.ndarray, "frames joints"]
    underwater: Bool[np.ndarray, "frames joints"]
    spray: Float[np.ndarray, " frames"]

    def __post_init__(self) -> None:
        if not ((self.spray >= 0) & (self.spray <= 1)).all():
            raise DataError("spray covers less than nothing or more than all", todo="give shares of 0 to 1")


def estimate_joints(
    joints_px: Float[np.ndarray, "frames joints 2"], sight: Sight, seed: int
) -> Float[np.ndarray, "frames joints 3"]:
    """Estimated joints with their confidence: `pred` of a FineDiving-Pose file.

    Args:
        joints_px: Exact joints as xy pixels, frame by frame.
        sight: What can be seen of the joints.
        seed: Seed of the errors.

    Returns:
        Places x and y in pixels and confidence, 0 to 1, of each joint; never NaN.

    Raises:
        DataError: Joints that are not finite.
    """
    if not np.isfinite(joints_px).all():
        raise DataError("exact joints are not finite", where="pose estimate", todo="project the whole body")
    random = np.random.default_rng(hash_u64(seed, "pose estimate"))
    height_px = _height_px(joints_px)
    trouble = _trouble(joints_px, height_px)
    spread = ERROR_SHARE * height_px * (1 + trouble + 0.8 * sight.spray)[:, None] * _JOINT_NOISE
    swapped = _swap(joints_px, trouble, random)
    estimate = swapped + spread[..., None] * _lasting_noise(len(joints_px), random)
    lost = _lost_runs(trouble, sight, random)
    estimate = _misplace(estimate, lost, spread, random)
    deep = sight.underwater
    estimate = np.where(deep[..., None], _afterimage(estimate, deep, height_px, random), estimate)
    error = np.linalg.norm(estimate - joints_px, axis=-1)
    confidence = _confidence(error / height_px, random)
    confidence = np.where(lost | ~sight.visible, 0.6 * confidence, confidence)
    confidence = np.where(deep, 0.05 + 0.15 * random.random(deep.shape), confidence)
    return np.concatenate([estimate, np.clip(confidence, 0.0, 1.0)[..., None]], axis=-1)


def _height_px(joints_px: Float[np.ndarray, "frames joints 2"]) -> float:
    """Height of the stretched diver, about: the chain from ankle to head where it is seen at its longest."""
    chain = sum(np.linalg.norm(joints_px[:, a] - joints_px[:, b], axis=-1) for a, b in _TALL_CHAIN)
    return max(float(np.percentile(chain, 90)), _LEAST_HEIGHT_PX)


def _trouble(
    joints_px: Float[np.ndarray, "frames joints 2"], height_px: float
) -> Float[np.ndarray, " frames"]:
    """What the attitude of the body adds to the errors, frame by frame, 0 or more."""
    trunk = joints_px[:, _UPPER_NECK] - joints_px[:, _PELVIS]
    length = np.linalg.norm(trunk, axis=-1) + 1e-6
    upside_down = 0.5 * (1 + trunk[:, 1] / length)  # y points down: 1 with the head straight below
    extent = np.linalg.norm(np.ptp(joints_px, axis=1), axis=-1) / height_px
    rolled = np.clip((_STRETCHED_SHARE - extent) / (_STRETCHED_SHARE - _ROLLED_SHARE), 0.0, 1.0)
    return np.asarray(_UPSIDE_DOWN * upside_down + _TUCKED * rolled)


def _lasting_noise(num_frames: int, random: np.random.Generator) -> Float[np.ndarray, "frames joints 2"]:
    """Unit noise with a memory and heavy tails that last as well."""
    fresh = random.standard_normal((num_frames, MPII_16.num_joints, 2))
    steady = np.empty_like(fresh)
    state = random.standard_normal((MPII_16.num_joints, 2))
    for frame in range(num_frames):
        state = _MEMORY * state + np.sqrt(1 - _MEMORY**2) * fresh[frame]
        steady[frame] = state
    slow = random.standard_normal((num_frames // 8 + 2, MPII_16.num_joints))
    between = np.arange(num_frames) / 8
    low = between.astype(int)
    part = (between - low)[:, None]
    volume = np.exp(0.7 * ((1 - part) * slow[low] + part * slow[low + 1]))
    return np.asarray(steady * volume[..., None])


def _runs(start: Float[np.ndarray, " frames"], longest: int, random: np.random.Generator) -> list[slice]:
    """Runs of frames that begin with the given probability in each frame."""
    begins = np.flatnonzero(random.random(len(start)) < start)
    lengths = random.integers(2, longest + 1, len(begins))
    return [slice(int(b), int(b + n)) for b, n in zip(begins, lengths, strict=True)]


def _swap(
    joints_px: Float[np.ndarray, "frames joints 2"],
    trouble: Float[np.ndarray, " frames"],
    random: np.random.Generator,
) -> Float[np.ndarray, "frames joints 2"]:
    """Whole limbs change sides for some frames."""
    swapped = joints_px.copy()
    flipped = joints_px[:, np.array(MPII_16.flip_order)]
    for limbs in (_LEGS, _ARMS):
        for run in _runs(0.008 + 0.035 * trouble, 8, random):
            swapped[run, limbs] = flipped[run, limbs]
    return swapped


def _lost_runs(
    trouble: Float[np.ndarray, " frames"], sight: Sight, random: np.random.Generator
) -> Bool[np.ndarray, "frames joints"]:
    lost = ~sight.visible & ~sight.underwater
    for joint in _EASILY_LOST:
        for run in _runs(0.006 + 0.05 * trouble + 0.15 * sight.spray, 6, random):
            lost[run, joint] = True
    return np.asarray(lost)


def _misplace(
    estimate: Float[np.ndarray, "frames joints 2"],
    lost: Bool[np.ndarray, "frames joints"],
    spread: Float[np.ndarray, "frames joints"],
    random: np.random.Generator,
) -> Float[np.ndarray, "frames joints 2"]:
    """Lost joints: half of them stand at another joint, half are interpolated over the run."""
    result = estimate.copy()
    frames = np.arange(len(estimate))
    for joint in range(MPII_16.num_joints):
        gone = lost[:, joint]
        if not gone.any():
            continue
        if random.random() < 0.5 or gone.all():
            other = int(random.integers(MPII_16.num_joints - 1))
            other += other >= joint
            jitter = random.standard_normal((len(frames), 2)) * spread[:, joint, None]
            result[gone, joint] = estimate[gone, other] + jitter[gone]
        else:
            for axis in range(2):
                known = estimate[~gone, joint, axis]
                result[gone, joint, axis] = np.interp(frames[gone], frames[~gone], known)
    return result


def _afterimage(
    estimate: Float[np.ndarray, "frames joints 2"],
    deep: Bool[np.ndarray, "frames joints"],
    height_px: float,
    random: np.random.Generator,
) -> Float[np.ndarray, "frames joints 2"]:
    """Where a network puts a joint that went under: near where it was seen last, drifting about."""
    result = estimate.copy()
    for joint in range(MPII_16.num_joints):
        last = estimate[0, joint]
        drift = np.cumsum(random.standard_normal((len(estimate), 2)), axis=0) * 0.02 * height_px
        for frame in range(len(estimate)):
            if deep[frame, joint]:
                result[frame, joint] = last + np.clip(drift[frame], -0.4 * height_px, 0.4 * height_px)
            else:
                last = estimate[frame, joint]
    return result


def _confidence(
    error_share: Float[np.ndarray, "frames joints"], random: np.random.Generator
) -> Float[np.ndarray, "frames joints"]:
    """About 0.85 for joints that are right, 0.55 at the median error's double, 0.2 far off."""
    noise = random.standard_normal(error_share.shape)
    return np.asarray(1.0 / (1.0 + np.exp(-(2.0 - 18.0 * error_share + 1.0 * noise))))
