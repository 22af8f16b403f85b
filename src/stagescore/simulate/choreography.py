"""What a diver does with the body in the air: postures, and when they are taken.

Source: the positions of the World Aquatics rules (straight, pike, tuck, free) and how divers are seen to
move: arms overhead at take-off, the shape taken within a quarter of a second, held, opened some 0.3 s before
the water, arms overhead for the entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from stagescore.simulate.body import ANGLES, angles, within_limits
from stagescore.simulate.types import Faults

Posture = np.ndarray

REACH = angles(shoulder=175, elbow=4)
"""Straight with the arms overhead: at the end of the take-off, and at the entry."""
# Set by hand, in degrees, to look like the positions of the rules.
TUCK = angles(hip=126, knee=140, neck=28, shoulder=42, elbow=62)
PIKE = angles(hip=124, neck=18, shoulder=72, elbow=8)
STRAIGHT = angles(shoulder=12, elbow=4)
HANDSTAND = angles(shoulder=178, neck=-22)
FORWARD = 90.0
OVERHEAD = 180.0


@dataclass(frozen=True, slots=True)
class Key:
    """A posture at a time.

    Attributes:
        time_s: Seconds since leaving the board.
        posture: Joint angles in degrees, in the order of `ANGLES`.
    """

    time_s: float
    posture: Float[np.ndarray, " angles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When the shape changes, in seconds since leaving the board.

    Attributes:
        shaped_s: Time at which the position has been taken.
        open_s: Time at which the opening begins.
        straight_s: Time at which the body is straight again.
        contact_s: Time at which the water is touched.
    """

    shaped_s: float
    open_s: float
    straight_s: float
    contact_s: float

    def opened_at(self, open_s: float) -> "Timing":
        """The same dive, opened earlier or later, and as fast as before where there is time."""
        lasting = self.straight_s - self.open_s
        return replace(self, open_s=open_s, straight_s=min(open_s + lasting, self.contact_s - 0.01))


def posed(keys: Sequence[Key], times_s: Float[np.ndarray, " steps"]) -> Float[np.ndarray, "steps angles"]:
    """Joint angles at any times: from key to key with neither speed nor jerk at the keys, held before and after."""
    at = np.array([key.time_s for key in keys])
    postures = np.array([key.posture for key in keys])
    index = np.clip(np.searchsorted(at, times_s, side="right") - 1, 0, len(keys) - 2)
    lasting = np.maximum(at[index + 1] - at[index], 1e-9)
    share = np.clip((times_s - at[index]) / lasting, 0.0, 1.0)
    eased = (share**3 * (share * (6 * share - 15) + 10))[:, None]
    return within_limits((1 - eased) * postures[index] + eased * postures[index + 1])


def shape_in_flight(position: str, faults: Faults) -> Posture:
    """The position of a dive without twist, as well as it is held.

    Args:
        position: Position in the air: `tuck`, `pike`, `straight` or `free`.
        faults: Sizes of what is not as it should be.
    """
    if position == "tuck":
        loose = angles(hip=-faults.loose_position_deg, knee=-0.9 * faults.loose_position_deg)
        held = TUCK + loose
    elif position == "pike":
        held = PIKE + angles(hip=-faults.loose_position_deg) + bent_legs(faults)
    else:
        held = STRAIGHT + angles(hip=faults.loose_position_deg) + bent_legs(faults)
    return np.asarray(held + angles(spread=faults.split_legs_deg, toes=faults.flexed_toes_deg))


def bent_legs(faults: Faults) -> Posture:
    """Knees that should be straight; the hips give a little with them, and flexed feet bend them too."""
    knee = faults.bent_knees_deg + 0.12 * faults.flexed_toes_deg
    return angles(knee=knee, hip=0.35 * knee)


def entry_posture(faults: Faults) -> Posture:
    """Straight and stretched; feet that are not pointed stay so, and knees give with them."""
    legs = 0.4 * bent_legs(faults) + angles(spread=0.3 * faults.split_legs_deg)
    return np.asarray(REACH + angles(toes=faults.flexed_toes_deg) + legs)


def opening_keys(timing: Timing, shape: Posture, faults: Faults, late_arm: float) -> list[Key]:
    """From the shape to the entry: legs kicked straight while the arms go up through the front.

    Args:
        timing: Times at which the shape changes.
        shape: Posture that is opened.
        faults: Sizes of what is not as it should be.
        late_arm: Degrees by which one arm comes up sideways instead of through the front, the right
            one where negative. Swinging it tilts the body to the other side.
    """
    front_s = timing.open_s + 0.45 * (timing.straight_s - timing.open_s)
    entry = entry_posture(faults)
    front = changed(0.4 * shape + 0.6 * entry, shoulder=FORWARD, side=0, elbow=0)
    entry = changed(entry, shoulder=0, side=OVERHEAD)
    turned = changed(front, side=OVERHEAD)  # straight ahead, `side` turns an arm about itself only
    keys = [Key(timing.open_s, shape), Key(front_s, front), Key(front_s + 1e-7, turned)]
    if late_arm:
        arm = "side_l" if late_arm > 0 else "side_r"
        out = {arm: OVERHEAD - abs(late_arm)}
        keys[-1] = Key(front_s + 1e-7, changed(turned, **out))
        halfway_s = front_s + 0.5 * (timing.straight_s - front_s)
        keys.append(Key(halfway_s, changed(0.5 * turned + 0.5 * entry, shoulder=0, **out)))
    return [*keys, Key(timing.straight_s, entry), Key(timing.contact_s + 1.0, entry)]


def changed(posture: Posture, **degrees: float) -> Posture:
    """The same posture with some angles replaced; a name without a side stands for both."""
    values = posture.copy()
    for name, value in degrees.items():
        for index, angle in enumerate(ANGLES):
            if angle == name or angle.rpartition("_")[0] == name:
                values[index] = value
    return values
