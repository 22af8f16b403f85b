"""From faults and splash to deductions, from deductions to seven marks, from marks to the score.

Source: World Aquatics (FINA) Diving Rules, the part on judging and its summary of penalties. Judges start
from 10 and consider take-off, flight and entry without regard to the difficulty. The rules name what is
to be deducted for (board clearance and height of the take-off; legs not together, knees bent, toes not
pointed; position altered; entry short or past vertical or with a wrong twist; splash) as "1/2 to 2
points, according to the judge's opinion", cap a position that is altered at 4 1/2 points, and fail a
dive whose twist is 90 degrees off (D 8.6.6) or that enters the wrong way round (D 6.19.1).

How many degrees make half a point the rules leave to the judge's eye: the sizes in `RULES` are ours.
Up to its cap every deduction grows strictly with the fault, so that no fault is ever free.
"""

import math
from dataclasses import dataclass

import numpy as np

from stagescore.diving import MAX_MARK, score_from_marks
from stagescore.errors import DataError
from stagescore.hashing import hash_u64
from stagescore.simulate.types import DivePlan, Faults, Judgement

NUM_JUDGES = 7
FAILED_TWIST_DEG = 90.0
"""A twist that is this much off: the referee declares a failed dive."""

FAILED_ROTATION_DEG = 80.0
"""Past this the hands are no longer first: a failed dive."""

FAILED = "failed"
"""Name under which a failed dive loses all that the other deductions have left."""

SPLASH = "splash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Points for one fault: a straight line between the given sizes, constant behind the last.

    Attributes:
        fault: Name of the fault: a field of `Faults`, or `splash`.
        sizes: Increasing sizes in the fault's own unit, from 0.
        points: Points that judges deduct at each of the sizes, increasing; the last is the cap.
        words: What the rules say, in words.
    """

    fault: str
    sizes: tuple[float, ...]
    points: tuple[float, ...]
    words: str

    def deduction(self, size: float) -> float:
        """Points for a size; the sign does not matter."""
        return float(np.interp(abs(size), self.sizes, self.points))


RULES: tuple[Rule, ...] = (
    Rule(
        fault="takeoff_distance_m",
        sizes=(0.0, 0.3, 0.9),
        points=(0.0, 0.5, 2.0),
        words="take-off: too close to the board or too far from it; 1/2 to 2",
    ),
    Rule(
        fault="low_jump_m",
        sizes=(0.0, 0.15, 0.5),
        points=(0.0, 0.5, 2.0),
        words="take-off: without height; 1/2 to 2",
    ),
    Rule(
        fault="bent_knees_deg",
        sizes=(0.0, 15.0, 70.0),
        points=(0.0, 0.5, 2.0),
        words="flight: knees bent where legs are straight; 1/2 to 2",
    ),
    Rule(
        fault="split_legs_deg",
        sizes=(0.0, 10.0, 45.0),
        points=(0.0, 0.5, 2.0),
        words="flight: legs not together; 1/2 to 2",
    ),
    Rule(
        fault="flexed_toes_deg",
        sizes=(0.0, 20.0, 75.0),
        points=(0.0, 0.5, 1.5),
        words="flight: toes not pointed; 1/2 to 2",
    ),
    Rule(
        fault="loose_position_deg",
        sizes=(0.0, 15.0, 45.0, 90.0),
        points=(0.0, 0.5, 2.0, 5.5),
        words="flight: position loose 1/2 to 2, altered 4 1/2 at most",
    ),
    Rule(
        fault="over_rotation_deg",
        sizes=(0.0, 10.0, 25.0, 50.0, 80.0),
        points=(0.0, 0.8, 2.6, 5.2, 7.4),
        words="entry: short of vertical or past it; 1/2 to 2, more where far from vertical",
    ),
    Rule(
        fault="short_twist_deg",
        sizes=(0.0, 15.0, 45.0, 90.0),
        points=(0.0, 0.5, 2.0, 5.0),
        words="entry: twist not complete 1/2 to 2, deficient beyond",
    ),
    Rule(
        fault="entry_lean_deg",
        sizes=(0.0, 8.0, 30.0),
        points=(0.0, 0.5, 2.0),
        words="entry: to the side; 1/2 to 2",
    ),
    Rule(
        fault=SPLASH,
        sizes=(0.0, 0.25, 1.0),
        points=(0.0, 0.65, 2.8),
        words="entry: as little splash as possible",
    ),
)

_TOO_CLOSE = 1.5
"""A path this close to the board counts like one so many times as far: safety goes first. Set by hand."""

_OWN_LEANING = 0.1
"""Standard deviation of what a judge gives more or less than others all through an event, points; set by hand."""

# Seven judges' marks lie closer together the better the dive: within a panel FineDiving's marks have a
# standard deviation of 0.29 above 9 points, 0.35 about 7.5 and 0.5 below 6, rounding to halves included.
_NOISE_AT_TEN = 0.15
_NOISE_A_POINT = 0.05
_MOST_NOISE = 0.5

# Set by hand; what each does is said in `splash_size`. The speed is that of an entry from 10 m.
_SPLASH_ANGLE_DEG = 26.0
_SPLASH_SPEED_M_S = 14.0
_LEAN_WEIGHT = 1.3
_LOUD_WEIGHT = 1.1


@dataclass(frozen=True, slots=True)
class Panel:
    """Seven judges of an event.

    Attributes:
        leanings: Points that each judge gives more (+) or less (-) than a judge without leaning.
    """

    leanings: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.leanings) != NUM_JUDGES or not all(map(math.isfinite, self.leanings)):
            raise DataError(f"a panel of {len(self.leanings)} judges", todo=f"give {NUM_JUDGES} leanings")


def draw_panel(seed: int, event: str | int) -> Panel:
    """The judges of an event, the same ones for all its dives."""
    random = np.random.default_rng(hash_u64(seed, "panel", event))
    return Panel(tuple(float(leaning) for leaning in random.normal(0.0, _OWN_LEANING, NUM_JUDGES)))


def splash_size(faults: Faults, entry_speed_m_s: float) -> float:
    """How much water the entry throws up: `1 - exp(-v / 14 m/s * (angle / 26 deg + 1.1 * loud))`.

    `angle` is how far the body is from vertical, pitch and sideways lean together with the lean
    counting 1.3 times, since hands made for entering along the line of the dive don't close the hole
    sideways. `loud` is `loud_entry`: hands that are not flat, or open too early. The speed of 14 m/s is
    that of an entry from 10 m; from 3 m the same angle throws up two thirds of it.

    Args:
        faults: Faults of the dive.
        entry_speed_m_s: Speed of the centre of mass at water contact, in metres per second, positive.

    Returns:
        Size from 0 (a rip entry) to 1, exclusive; strictly increasing in each of the three faults and the speed.

    Raises:
        DataError: A speed that is not positive.

    >>> splash_size(Faults(), 14.0)
    0.0
    >>> round(splash_size(Faults(over_rotation_deg=13.0), 14.0), 3)
    0.393
    """
    if not 0 < entry_speed_m_s < math.inf:
        raise DataError(f"an entry speed of {entry_speed_m_s} m/s", todo="give a positive speed")
    angle = math.hypot(faults.over_rotation_deg, _LEAN_WEIGHT * faults.entry_lean_deg)
    force = angle / _SPLASH_ANGLE_DEG + _LOUD_WEIGHT * faults.loud_entry
    return 1.0 - math.exp(-entry_speed_m_s / _SPLASH_SPEED_M_S * force)


def deductions(faults: Faults, splash: float) -> dict[str, float]:
    """Points by name of the fault; the splash carries what `loud_entry` does.

    Args:
        faults: Faults of the dive.
        splash: Size of the splash, 0 to 1, as `splash_size` returns it.

    Returns:
        Points for each of `RULES`, and for `failed` in a failed dive.

    Raises:
        DataError: A splash outside 0 to 1.
    """
    if not 0 <= splash <= 1:
        raise DataError(f"a splash of {splash}", todo="give a size from 0 to 1")
    points: dict[str, float] = {}
    for rule in RULES:
        size = splash if rule.fault == SPLASH else float(getattr(faults, rule.fault))
        if rule.fault == "takeoff_distance_m" and size < 0:
            size *= _TOO_CLOSE
        points[rule.fault] = rule.deduction(size)
    if is_failed(faults):
        points[FAILED] = max(0.0, MAX_MARK - sum(points.values()))
    return points


def is_failed(faults: Faults) -> bool:
    """Whether the referee declares a failed dive, for which every judge gives 0."""
    return faults.short_twist_deg >= FAILED_TWIST_DEG or abs(faults.over_rotation_deg) >= FAILED_ROTATION_DEG


def judge(plan: DivePlan, splash: float, panel: Panel | None = None) -> Judgement:
    """What seven judges make of a dive.

    Each gives the execution, plus their leaning, plus noise of a standard deviation that grows from 0.15
    at a perfect dive to 0.5 points at poor ones, rounded to halves. The noise is drawn from the plan's
    seed, so the same dive with one more fault meets the same judges in the same mood.

    Args:
        plan: Plan of the dive.
        splash: Size of the splash, 0 to 1, as `splash_size` returns it.
        panel: Judges of the event; by default ones without leaning.

    Raises:
        DataError: A splash outside 0 to 1.
    """
    points = deductions(plan.faults, splash)
    execution = max(0.0, MAX_MARK - sum(points.values()))
    leanings = panel.leanings if panel is not None else (0.0,) * NUM_JUDGES
    marks = (0.0,) * NUM_JUDGES
    if not is_failed(plan.faults):
        spread = min(_NOISE_AT_TEN + _NOISE_A_POINT * (MAX_MARK - execution), _MOST_NOISE)
        noise = np.random.default_rng(hash_u64(plan.seed, "marks")).normal(0.0, spread, NUM_JUDGES)
        seen = np.clip(execution + np.array(leanings) + noise, 0.0, MAX_MARK)
        marks = tuple(math.floor(2 * float(mark) + 0.5) / 2 for mark in seen)
    return Judgement(
        execution=execution,
        deductions=points,
        marks=marks,
        score=score_from_marks(marks, plan.difficulty),
    )
