"""A stick body that jumps, tucks, somersaults, opens and goes in hands first: for tests of the drawing."""

import numpy as np

from stagescore.simulate.types import BodyMotion, Splash

THIGH, SHANK, TRUNK, UPPER_ARM, FOREARM = 0.43, 0.43, 0.51, 0.29, 0.26


def _turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Turn about y (the body's left): + takes the head forward, towards +x."""
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array(((c, 0, -s), (0, 1, 0), (s, 0, c)))


def _body(tuck: float, arms_up: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints, toes and fingers of a body that stands upright at the origin and faces +x.

    tuck 0 is straight and 1 a tuck; arms_up 0 hangs, 1 stretches overhead.
    """

    def along(angle: float, length: float) -> np.ndarray:
        """A limb that hangs at 0 and points forward at 90 degrees."""
        a = np.radians(angle)
        return length * np.array((np.sin(a), 0.0, -np.cos(a)))

    joints = np.zeros((16, 3))
    toes, fingers = np.zeros((2, 3)), np.zeros((2, 3))
    thorax = np.array((0, 0, TRUNK))
    joints[7] = thorax
    joints[8] = thorax + np.array((0.03 * tuck, 0, 0.08))
    joints[9] = joints[8] + (0.14 * tuck, 0, 0.24 - 0.06 * tuck)
    hip, knee = 128.0 * tuck, -125.0 * tuck
    for side, (h, k, a, s, e, w) in enumerate(((2, 1, 0, 12, 11, 10), (3, 4, 5, 13, 14, 15))):
        sign = -1 if side == 0 else 1
        joints[h] = (0, sign * 0.09, 0)
        joints[k] = joints[h] + along(hip, THIGH)
        joints[a] = joints[k] + along(hip + knee, SHANK)
        toes[side] = joints[a] + along(hip + knee + 12, 0.18)
        joints[s] = thorax + np.array((0, sign * (0.18 - 0.05 * arms_up), -0.02 + 0.05 * arms_up))
        shoulder = 10 + 170 * arms_up * (1 - tuck) + 45 * tuck
        joints[e] = joints[s] + along(shoulder, UPPER_ARM)
        joints[w] = joints[e] + along(shoulder + 50 * tuck, FOREARM)
        joints[w, 1] = sign * (0.13 - 0.10 * arms_up * (1 - tuck))
        fingers[side] = joints[w] + along(shoulder + 60 * tuck, 0.18)
    return joints, toes, fingers


def made_motion(height_m: float = 10.0, num_frames: int = 103, frame_rate: float = 26.0) -> BodyMotion:
    first_airborne = round(0.28 * num_frames)
    times = (np.arange(num_frames) - first_airborne) / frame_rate
    rise_m_s, reach = (3.0, 1.9) if height_m > 5 else (5.2, 2.4)
    leaves_at = height_m + 1.0
    flight_s = (rise_m_s + np.sqrt(rise_m_s**2 + 2 * 9.81 * (leaves_at - 1.1))) / 9.81
    contact = first_airborne + int(np.ceil(flight_s * frame_rate))
    turns = 2.5
    frames = {name: [] for name in ("joints", "toes", "fingers", "centre")}
    for t in times:
        share = np.clip(t / flight_s, 0, 1)
        tuck = float(np.clip(min((share - 0.1) / 0.12, (0.8 - share) / 0.14), 0, 1))
        arms = float(np.clip(1 + t / 0.5, 0.1, 1))
        crouch = float(0.35 * np.exp(-(((t + 0.25) / 0.12) ** 2)))
        joints, toes, fingers = _body(max(tuck, crouch), arms)
        angle = turns * 2 * np.pi * np.clip((share - 0.04) / 0.92, 0, 1)
        middle = 0.6 * joints[6] + 0.4 * joints[7]
        if t < 0:
            centre = np.array((-0.1, 0, height_m - min(joints[0, 2], toes[0, 2]))) + middle
            landed = 0.0
        else:
            fall = min(t, flight_s)
            centre = np.array((-0.1 + reach * t / 1.6, 0, leaves_at + rise_m_s * fall - 4.905 * fall**2))
            landed = max(t - flight_s, 0.0)
        centre[2] -= 3.2 * (1 - np.exp(-landed * 4)) if landed else 0
        for name, points in (("joints", joints), ("toes", toes), ("fingers", fingers)):
            frames[name].append(_turned(points - middle, angle) + centre)
        frames["centre"].append(centre)
    return BodyMotion(
        joints_m=np.stack(frames["joints"]),
        toes_m=np.stack(frames["toes"]),
        fingers_m=np.stack(frames["fingers"]),
        centre_of_mass_m=np.stack(frames["centre"]),
        angular_momentum=np.zeros((num_frames, 3)),
        frame_rate=frame_rate,
        label_transitions=(first_airborne - 1, contact - 6),
        first_airborne_frame=first_airborne,
        first_water_contact_frame=contact,
        somersaults=turns,
        twists=0.0,
        entry_speed_m_s=float(9.81 * flight_s - rise_m_s),
    )


def made_splash(motion: BodyMotion, size: float = 0.4, lean: float = 0.0) -> Splash:
    frame = motion.first_water_contact_frame
    return Splash(
        size=size, first_frame=frame, x_m=float(motion.centre_of_mass_m[frame, 0]), y_m=0.0, lean=lean
    )
