"""What is dived, by whom and how well: dive k of a seed, always the same one.

Dives come in events, as in a competition: one height, one broadcast, one panel, about as good divers.
Events come in pairs of 30 dives, so that the event of a dive follows from its index alone.

How well a dive goes is one number, from the level of the event, the diver, the day, and the difficulty;
every fault grows with it and has an own part beside. Faults that cause one another in the air do so here:
without height there is no time, so the position stays loose and the rotation short. Now and then
something goes wrong altogether.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

import numpy as np

from stagescore.diving import DiveNumber
from stagescore.errors import DataError
from stagescore.hashing import hash_u64, hash_unit
from stagescore.simulate.population import BIN_FRAMES, BIN_SHARE, DiveKind, TimingBin, population
from stagescore.simulate.types import GRAVITY_M_S2, Approach, DivePlan, Faults

# Set by hand: two events have 30 dives, each of them 12 to 18.
_DIVES_A_PAIR = 30
_MOST_UNEQUAL = 3
_GOLDEN = (math.sqrt(5) - 1) / 2

# Labelled flight lasts 34.9 frames from 3 m and 36.9 from 10 m in FineDiving: since a dive from 10 m is
# in the air for 0.3 s longer, most broadcasts of 3 m must show more frames per second.
_FRAME_RATES: dict[float, tuple[tuple[float, float], ...]] = {
    3.0: ((29.97, 0.85), (25.0, 1.0)),
    10.0: ((25.0, 0.75), (29.97, 1.0)),
}
# The longest flights that `launch` gives, in seconds.
_LONGEST_FLIGHT_S = {3.0: 1.6, 10.0: 1.9}
_SECONDS_BELOW = 0.35
"""At least so much of the clip comes after the water contact; set by hand."""

_FIRST_FRAMES = 4
"""At least so many frames of the clip come before the first transition; set by hand."""

_HURDLES = {3.0: 0.97, 10.0: 0.55}
"""Share of forward dives that start with an approach; from 3 m reverse ones too. Set by hand."""

# Share of reverse dives from the platform that start with an approach; set by hand.
_PLATFORM_REVERSE_HURDLES = 0.1

# About the mean of FineDiving's individual dives (3.19).
_MEAN_DIFFICULTY = 3.15
# Set by hand, for `approximate_entry_speed` alone.
_USUAL_HEIGHT_OF_JUMP_M = {3.0: 1.3, 10.0: 0.6}

# Parts of the latent quality, standard deviations; their squares sum to 1. These and those down to `_BAD_SPREAD` were
# chosen by looking at scores and marks of 1,200 dives beside FineDiving's (docs/simulation.md, calibration).
_EVENT, _DIVER, _DAY = 0.3, 0.55, 0.78
_HARDER_IS_WORSE = 0.3
_BETTER_DIVE_HARDER = 0.65
"""What a degree of difficulty more does to the latent quality, and that those who dive it are better:
in FineDiving execution and difficulty are all but unrelated (correlation 0.06)."""

_GOOD_SPREAD, _BAD_SPREAD = 0.48, 0.27
"""How fast faults grow with the latent quality, for good and for bad dives."""

_AUGMENTED_FAULTS: dict[str, tuple[float, float]] = {
    "takeoff_distance_m": (-0.3, 0.8),
    "low_jump_m": (0.0, 0.5),
    "bent_knees_deg": (0.0, 70.0),
    "split_legs_deg": (0.0, 45.0),
    "flexed_toes_deg": (0.0, 75.0),
    "loose_position_deg": (0.0, 60.0),
    "over_rotation_deg": (-40.0, 40.0),
    "short_twist_deg": (0.0, 75.0),
    "entry_lean_deg": (-25.0, 25.0),
    "loud_entry": (0.0, 0.9),
}
"""From what to what the enlarged faults of a fault-augmented dive go: about to where their deductions end."""

_AUGMENTED_SKILL = -1.5
"""Latent quality of everything else in a fault-augmented dive, set by hand: small faults."""

# Shares of dives in which something, or everything, goes wrong; chosen by the same figures.
_MISHAPS = 0.05
_DISASTERS = 0.0025


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A round of an invented competition.

    Attributes:
        name: Name that tells neither the height nor anything else that the score depends on.
        index: Index of the event, from 0.
        first_dive: Index of the event's first dive.
        num_dives: Number of dives, 12 to 18.
        height_m: Height of the board in metres, 3 or 10.
        frame_rate: Frames per second of the broadcast.
        level: Part of the latent quality by which the event's divers are worse (+) or better (-).
    """

    name: str
    index: int
    first_dive: int
    num_dives: int
    height_m: float
    frame_rate: float
    level: float


def draw_event(seed: int, dive_index: int, *, fault_augmented: bool = False) -> Event:
    """The event that a dive belongs to.

    Args:
        seed: Seed of the data set.
        dive_index: Index of the dive, 0 or more.
        fault_augmented: Whether the event is named as a training session, so that fault-augmented dives and others can stand side by side.

    Raises:
        DataError: A negative index.
    """
    if dive_index < 0:
        raise DataError(f"a dive of index {dive_index}", todo="count dives from 0")
    pair, place = divmod(dive_index, _DIVES_A_PAIR)
    unequal = hash_u64(seed, "event size", pair) % (2 * _MOST_UNEQUAL + 1) - _MOST_UNEQUAL
    size = _DIVES_A_PAIR // 2 + unequal
    second = place >= size
    index = 2 * pair + second
    # Evenly spread rather than drawn: few events give the right share of each height too.
    position = (hash_unit(seed, "heights") + index * _GOLDEN) % 1.0
    height = 3.0 if position < _share_of(3.0) else 10.0
    draw = hash_unit(seed, "frame rate", index)
    rates = _FRAME_RATES[height]
    return Event(
        name=f"{'Drill' if fault_augmented else 'Simulated'}_r{index:04d}",
        index=index,
        first_dive=pair * _DIVES_A_PAIR + size * second,
        num_dives=_DIVES_A_PAIR - size if second else size,
        height_m=height,
        frame_rate=next(rate for rate, up_to in rates if draw < up_to),
        level=float(np.random.default_rng(hash_u64(seed, "event level", index)).normal(0.0, _EVENT)),
    )


def draw_plan(seed: int, index: int, *, fault_augmented: bool = False) -> DivePlan:
    """Dive `index` of a seed.

    Args:
        seed: Seed of the data set.
        index: Index of the dive, 0 or more; the plan does not depend on how many dives there are.
        fault_augmented: Whether the dive has one to three faults of any size, large as often as small, and is good otherwise. In
            competitions large faults in flight are so rare that nobody can learn from them what they cost.

    Raises:
        DataError: A negative index.
    """
    event = draw_event(seed, index)
    random = np.random.default_rng(hash_u64(seed, "plan", index))
    kind = _one_of(event.height_m, random.random())
    number = DiveNumber.parse(kind.code)
    num_frames, share = _draw_timing(number.group, event, random)
    diver = np.random.default_rng(hash_u64(seed, "diver", event.index, index % 12))
    quality = (
        event.level
        + diver.normal(0.0, _DIVER)
        + random.normal(0.0, _DAY)
        + (_HARDER_IS_WORSE - _BETTER_DIVE_HARDER) * (kind.difficulty - _MEAN_DIFFICULTY)
    )
    approach = _draw_approach(number, kind.height_m, random.random())
    faults = _draw_faults(number, _AUGMENTED_SKILL if fault_augmented else float(quality), random)
    return DivePlan(
        number=number,
        height_m=kind.height_m,
        difficulty=kind.difficulty,
        approach=approach,
        faults=_with_large_faults(faults, number, random) if fault_augmented else faults,
        num_frames=num_frames,
        frame_rate=event.frame_rate,
        takeoff_share=share,
        body_scale=float(np.clip(diver.normal(1.0, 0.045), 0.88, 1.12)),
        seed=hash_u64(seed, "dive", index) >> 1,
    )


def draw_faults(seed: int, index: int, number: DiveNumber) -> Faults:
    """Faults of a dive of some number, as usual as those of a competition.

    Args:
        seed: Seed of the dives.
        index: Index of the dive, 0 or more.
        number: Number of the dive, which tells the faults that it can have.

    Raises:
        DataError: A negative index.
    """
    random = np.random.default_rng(hash_u64(seed, "faults", index))
    quality = draw_event(seed, index).level + random.normal(0.0, float(np.hypot(_DIVER, _DAY)))
    return _draw_faults(number, float(quality), random)


def approximate_entry_speed(plan: DivePlan) -> float:
    """Entry speed in m/s by free fall alone, for looking at marks without simulating motion."""
    jump = max(0.0, _USUAL_HEIGHT_OF_JUMP_M[plan.height_m] - plan.faults.low_jump_m)
    return math.sqrt(2 * GRAVITY_M_S2 * (plan.height_m + jump))


TOO_MANY_TWISTS = 7
"""Half twists that the arms alone do not give in one and a half somersaults: 5237D and 5337D, 19 of
FineDiving's 2,393 individual dives, are left out."""


@cache
def _share_of(height_m: float) -> float:
    kinds = population().kinds
    return sum(k.count for k in kinds if k.height_m == height_m) / sum(k.count for k in kinds)


@cache
def _kinds_at(height_m: float) -> tuple[tuple[DiveKind, ...], tuple[int, ...]]:
    """Dives from a height, with running sums of their counts; slips of the labels are left out."""
    at_height = [k for k in population().kinds if k.height_m == height_m]
    most = {code: max(k.count for k in at_height if k.code == code) for code in {k.code for k in at_height}}
    kinds = tuple(
        k
        for k in at_height
        if k.count > 0.05 * most[k.code] and DiveNumber.parse(k.code).half_twists < TOO_MANY_TWISTS
    )
    return kinds, tuple(accumulate(k.count for k in kinds))


def _one_of(height_m: float, draw: float) -> DiveKind:
    kinds, sums = _kinds_at(height_m)
    return kinds[bisect_right(sums, draw * sums[-1])]


@cache
def _timing_of(group: str, height_m: float) -> tuple[tuple[TimingBin, ...], tuple[int, ...]]:
    bins = population().timing[group, height_m]
    return bins, tuple(accumulate(timing.count for timing in bins))


def _draw_timing(group: str, event: Event, random: np.random.Generator) -> tuple[int, float]:
    """Clip length and place of the first transition, such that the whole dive fits in."""
    bins, sums = _timing_of(group, event.height_m)
    chosen = bins[bisect_right(sums, random.random() * sums[-1])]
    num_frames = chosen.frames + int(random.random() * BIN_FRAMES)
    share = chosen.share + random.random() * BIN_SHARE
    needed = math.ceil((_LONGEST_FLIGHT_S[event.height_m] + _SECONDS_BELOW) * event.frame_rate)
    num_frames = max(num_frames, needed + _FIRST_FRAMES)
    latest = 1.0 - needed / num_frames
    return num_frames, float(max(_FIRST_FRAMES / num_frames, min(share, latest)))


def _draw_approach(number: DiveNumber, height_m: float, draw: float) -> Approach:
    if number.armstand:
        return "armstand"
    if number.direction in ("back", "inward"):
        return "standing"
    platform_reverse = number.direction == "reverse" and height_m > 3.0
    hurdles = _PLATFORM_REVERSE_HURDLES if platform_reverse else _HURDLES[height_m]
    return "hurdle" if draw < hurdles else "standing"


def _draw_faults(number: DiveNumber, quality: float, random: np.random.Generator) -> Faults:
    """Sizes of the faults; the order of the draws is part of the data set's bytes."""
    # Exponential for good dives, linear for bad ones: nobody in a final dives four times as badly.
    badness = math.exp(_GOOD_SPREAD * quality) if quality < 0 else 1.0 + _BAD_SPREAD * quality

    def usual(size: float, spread: float) -> float:
        return float(size * badness * math.exp(spread * random.normal()))

    low_jump = usual(0.11, 0.5)
    takeoff = (1.0 if random.random() < 0.7 else -0.7) * usual(0.10, 0.6) + 0.25 * max(0.0, low_jump - 0.1)
    knees = usual(5.0, 0.6)
    split = usual(3.5, 0.6)
    toes = usual(7.0, 0.6)
    loose = usual(6.0, 0.55) * (1.0 + 2.0 * max(0.0, low_jump - 0.1))
    # Without height the rotation stays short; a few divers see it coming and overdo it.
    pull = 25.0 * max(0.0, low_jump - 0.08) * (-1.0 if random.random() < 0.75 else 1.0)
    rotation = pull + 4.6 * badness * float(random.normal())
    twist = usual(5.0, 0.7)
    lean = float(2.2 * badness * random.normal())
    loud = usual(0.24, 0.7)
    mishap, which, amount = random.random(), random.random(), random.random()
    sign = -1.0 if random.random() < 0.65 else 1.0
    if mishap < _DISASTERS:
        rotation = sign * (60.0 + 28.0 * amount)
    elif mishap < _MISHAPS:
        if which < 0.6:
            rotation = sign * (abs(rotation) + 8.0 + 12.0 * amount)
        elif which < 0.8:
            low_jump += 0.1 + 0.25 * amount
        else:
            loose += 10.0 + 25.0 * amount
    if number.half_twists:
        lean += 0.15 * twist * (1.0 if lean >= 0 else -1.0)
    return Faults(
        takeoff_distance_m=float(np.clip(takeoff, -0.4, 0.9)),
        low_jump_m=0.0 if number.armstand else min(low_jump, 0.5),  # an armstand has no jump
        bent_knees_deg=min(knees, 70.0),
        split_legs_deg=min(split, 45.0),
        flexed_toes_deg=min(toes, 75.0),
        loose_position_deg=min(loose, 80.0),
        over_rotation_deg=float(np.clip(rotation, -88.0, 88.0)),
        short_twist_deg=min(twist, 110.0) if number.half_twists else 0.0,
        entry_lean_deg=float(np.clip(lean, -30.0, 30.0)),
        loud_entry=1.0 - math.exp(-loud),
    )


def _with_large_faults(faults: Faults, number: DiveNumber, random: np.random.Generator) -> Faults:
    """The same dive with one to three faults drawn anew, every size as likely as any other."""
    impossible = {"low_jump_m"} if number.armstand else set()
    if not number.half_twists:
        impossible.add("short_twist_deg")
    names = [name for name in _AUGMENTED_FAULTS if name not in impossible]
    chosen = random.choice(len(names), size=random.integers(1, 4), replace=False)
    sizes = {names[k]: float(random.uniform(*_AUGMENTED_FAULTS[names[k]])) for k in chosen}
    return replace(faults, **sizes)
