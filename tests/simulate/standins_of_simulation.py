"""A motion and a camera that take no time: a stretched body on a parabola, in tiny pictures."""

import math
from collections.abc import Iterator

import numpy as np

from stagescore.simulate.dataset import SimulatedFilm, Stage
from stagescore.simulate.render import Picture
from stagescore.simulate.types import BodyMotion, DivePlan, Splash

# Right ankle .. left wrist of a standing body, metres: x to the front, y to the left, z up.
STANDING = np.array(
    [
        [0.0, -0.1, 0.1], [0.05, -0.1, 0.5], [0.0, -0.1, 0.9], [0.0, 0.1, 0.9], [0.05, 0.1, 0.5], [0.0, 0.1, 0.1],
        [0.0, 0.0, 0.92], [0.0, 0.0, 1.4], [0.0, 0.0, 1.5], [0.0, 0.0, 1.75],
        [0.0, -0.15, 2.0], [0.05, -0.17, 1.75], [0.0, -0.18, 1.45], [0.0, 0.18, 1.45], [0.05, 0.17, 1.75], [0.0, 0.15, 2.0],
    ]
)  # fmt: skip


def dive(plan: DivePlan) -> BodyMotion:
    frames, rate = plan.num_frames, plan.frame_rate
    first = max(1, int(plan.takeoff_share * frames))
    seconds = np.maximum(0.0, (np.arange(frames) - first) / rate)
    height = plan.height_m + 1.0 + 2.5 * seconds - 4.905 * seconds**2
    centre = np.stack([1.2 * seconds, np.zeros(frames), np.maximum(height, -3.0)], axis=-1)
    contact = int(np.argmax(height < 1.0)) or frames - 2
    turn = (
        np.clip((np.arange(frames) - first) / max(1, contact - first), 0, 1)
        * math.pi
        * plan.number.half_somersaults
    )
    body = STANDING * plan.body_scale - [0.0, 0.0, 1.0]
    if plan.number.armstand:
        turn = turn + math.pi
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.zeros((frames, 3, 3))
    rotation[:, 0, 0], rotation[:, 0, 2], rotation[:, 2, 0], rotation[:, 2, 2], rotation[:, 1, 1] = (
        c,
        s,
        -s,
        c,
        1,
    )
    joints = np.einsum("fij,kj->fki", rotation, body) + centre[:, None]
    num_transitions = 3 if plan.number.half_twists else 2
    last = max(first + num_transitions, contact - 6)
    return BodyMotion(
        joints_m=joints,
        toes_m=joints[:, [0, 5]],
        fingers_m=joints[:, [10, 15]],
        centre_of_mass_m=centre,
        angular_momentum=np.zeros((frames, 3)),
        frame_rate=rate,
        label_transitions=tuple(int(t) for t in np.linspace(first, last, num_transitions)),
        first_airborne_frame=first,
        first_water_contact_frame=contact,
        somersaults=plan.number.half_somersaults / 2,
        twists=plan.number.half_twists / 2,
        entry_speed_m_s=math.sqrt(2 * 9.81 * (plan.height_m + 0.5)),
    )


def pictures(
    motion: BodyMotion, splash: Splash, plan: DivePlan, size_px: tuple[int, int]
) -> Iterator[Picture]:
    width, height = size_px
    noise = np.random.default_rng(plan.seed)
    scale = height / 14.0
    for frame in range(motion.num_frames):
        joints = motion.joints_m[frame]
        centre = motion.centre_of_mass_m[frame]
        offset = joints - [centre[0], 0.0, max(2.0, centre[2])]
        xy = np.stack([offset[:, 0] + 0.4 * offset[:, 1], -offset[:, 2]], -1) * scale * 3 + [
            width / 2,
            height / 2,
        ]
        image = noise.integers(0, 60, (height, width, 3)).astype(np.uint8)
        low, high = xy.min(0), xy.max(0)
        image[max(0, int(low[1])) : int(high[1]), max(0, int(low[0])) : int(high[0])] += 90
        in_water = frame >= splash.first_frame
        yield Picture(
            image=image,
            joints_px=xy,
            diver_box=np.full(4, np.nan) if in_water else np.concatenate([low, high]),
            people_boxes=np.array([[1.0, 2.0, 5.0, 9.0]]),
            splash_area_px=round(splash.size * 0.05 * width * height) if in_water else 0,
        )


def film(motion: BodyMotion, splash: Splash, plan: DivePlan, size_px: tuple[int, int]) -> SimulatedFilm:
    return SimulatedFilm(pictures(motion, splash, plan, size_px), 85)


STAGE = Stage(dive=dive, film=film)
