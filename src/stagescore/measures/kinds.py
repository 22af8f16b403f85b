"""The measures there are, in the order in which they are told. A new one is a function of `DiveFacts` and a line here."""

from collections.abc import Callable
from dataclasses import dataclass

from stagescore.measures.entry import entry_legs, entry_rotation, entry_trunk
from stagescore.measures.facts import DiveFacts
from stagescore.measures.flight import knee_bend, leg_split, opening_time, tightness
from stagescore.measures.measure import MeasuredValue, Stage, Worse
from stagescore.measures.rotation import rotation_speed, somersaults, twists
from stagescore.measures.splash import splash_area, splash_height, splash_width
from stagescore.measures.takeoff import board_distance, jump_height

BODY, DEGREES = "body lengths", "degrees"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureKind:
    """A measure as the registry knows it.

    Attributes:
        name: Name of the measure.
        title: The measure in words.
        unit: Unit of its values.
        stage: Stage of the dive that it belongs to.
        find: Measures a dive.
        trust: Factor on the confidence, 0 to 1: about how often the measure was right on real films, by eye (docs/measures.md). Below
            `measuring.LEAST_CONFIDENCE` it is never told.
        worse: Values that the rules like less; None where they favour neither.
        rule: Name of the rule in `rules.RULES`; empty where none speaks of it.
        size: Whether the size of the value counts and not its sign, where it is compared with marks.
    """

    name: str
    title: str
    unit: str
    stage: Stage
    find: Callable[[DiveFacts], MeasuredValue]
    trust: float = 1.0
    worse: Worse | None = None
    rule: str = ""
    size: bool = False


KINDS: tuple[MeasureKind, ...] = (
    MeasureKind(
        name="jump_height",
        title="height of the jump",
        unit=BODY,
        stage="take-off",
        find=jump_height,
        trust=0.9,
        worse="lower",
        rule="take-off height",
    ),
    MeasureKind(
        name="board_distance",
        title="distance to the board at head height",
        unit=BODY,
        stage="take-off",
        find=board_distance,
        trust=0.8,
        rule="board clearance",
    ),
    MeasureKind(
        name="somersaults",
        title="somersaults counted",
        unit="turns",
        stage="flight",
        find=somersaults,
        trust=0.8,
        rule="somersaults",
    ),
    MeasureKind(
        name="twists",
        title="twists counted",
        unit="turns",
        stage="flight",
        find=twists,
        trust=0.5,
        rule="twists",
    ),
    MeasureKind(
        name="rotation_speed",
        title="fastest rotation",
        unit="degrees per second",
        stage="flight",
        find=rotation_speed,
        trust=0.8,
    ),
    MeasureKind(
        name="tightness",
        title="neck to ankles in the fold",
        unit="of the stretched length",
        stage="flight",
        find=tightness,
        trust=0.8,
        worse="higher",
        rule="position",
    ),
    MeasureKind(
        name="opening_time",
        title="time from opening to water",
        unit="seconds",
        stage="flight",
        find=opening_time,
        trust=0.9,
        worse="lower",
    ),
    MeasureKind(
        name="knee_bend",
        title="bend of the knees after the opening",
        unit=DEGREES,
        stage="flight",
        find=knee_bend,
        trust=0.8,
        worse="higher",
        rule="knees",
    ),
    MeasureKind(
        name="leg_split",
        title="angle between the legs after the opening",
        unit=DEGREES,
        stage="flight",
        find=leg_split,
        trust=0.25,
        worse="higher",
        rule="legs together",
    ),
    MeasureKind(
        name="entry_trunk",
        title="trunk from the vertical at the entry",
        unit=DEGREES,
        stage="entry",
        find=entry_trunk,
        worse="higher",
        rule="entry angle",
    ),
    MeasureKind(
        name="entry_legs",
        title="legs from the vertical at the entry",
        unit=DEGREES,
        stage="entry",
        find=entry_legs,
        worse="higher",
        rule="entry angle",
    ),
    MeasureKind(
        name="entry_rotation",
        title="body past the vertical (+) or short of it (−) at the entry",
        unit=DEGREES,
        stage="entry",
        find=entry_rotation,
        worse="higher",
        rule="entry angle",
        size=True,
    ),
    MeasureKind(
        name="splash_width",
        title="width of the splash",
        unit=BODY,
        stage="entry",
        find=splash_width,
        worse="higher",
        rule="splash",
    ),
    MeasureKind(
        name="splash_height",
        title="height of the splash",
        unit=BODY,
        stage="entry",
        find=splash_height,
        worse="higher",
        rule="splash",
    ),
    MeasureKind(
        name="splash_area",
        title="area of the splash",
        unit="squared body lengths",
        stage="entry",
        find=splash_area,
        worse="higher",
        rule="splash",
    ),
)
