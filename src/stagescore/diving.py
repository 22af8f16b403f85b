"""Dive numbers, their usual degree of difficulty, and the arithmetic of the judges' marks.

Source: World Aquatics (formerly FINA) Diving Rules: the designation of dives by number, judging by
panels of seven, and the cancelling of the highest and lowest marks. The table of usual difficulties
is learned from labelled individual dives: `stagescore data difficulties` derives it anew.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from stagescore.errors import DataError

Direction = Literal["forward", "back", "reverse", "inward"]
Position = Literal["straight", "pike", "tuck", "free"]

_DIRECTIONS: dict[str, Direction] = {"1": "forward", "2": "back", "3": "reverse", "4": "inward"}
_POSITIONS: dict[str, Position] = {"A": "straight", "B": "pike", "C": "tuck", "D": "free"}
MAX_MARK = 10.0
SYNCHRONISED_COMPULSORY_DIFFICULTY = 2.0
"""Synchronised pairs dive their first rounds at this difficulty, whatever the dive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveNumber:
    """What a dive number says.

    Attributes:
        code: Dive number in upper case, such as `5253B`.
        direction: Direction of take-off and rotation.
        armstand: Whether the dive starts from a handstand.
        flying: Whether it is a flying dive: the body is straight for the first part of the flight.
        half_somersaults: Number of half somersaults.
        half_twists: Number of half twists.
        position: Position of the body in flight.
    """

    code: str
    direction: Direction
    armstand: bool
    flying: bool
    half_somersaults: int
    half_twists: int
    position: Position

    @classmethod
    def parse(cls, code: str) -> "DiveNumber":
        """Read a dive number.

        Groups 1 to 4: group, flying or not, half somersaults. Group 5 (twisting): 5, group of the
        take-off, half somersaults, half twists. Group 6 (armstand): 6, direction, half somersaults,
        and half twists if there are any. Then the position: A straight, B pike, C tuck, D free.

        Args:
            code: Dive number such as `5253B`; lower case is read too.

        Raises:
            DataError: There is no such dive.

        >>> str(DiveNumber.parse("5253B"))
        'back 2 1/2 somersaults, 1 1/2 twists, pike'
        >>> str(DiveNumber.parse("626c"))
        'armstand back 3 somersaults, tuck'
        """
        text = code.strip().upper()
        if match := re.fullmatch(r"([1-4])([01])([1-9]|1[01])([ABC])", text):
            group, flying, half_somersaults, position = match.groups()
            armstand, half_twists = False, "0"
        elif match := re.fullmatch(r"5([1-4])([1-9])([1-9])([ABCD])", text):
            group, half_somersaults, half_twists, position = match.groups()
            armstand, flying = False, "0"
        elif match := re.fullmatch(r"6([1-3])([1-9])([1-9])?([ABCD])", text):
            group, half_somersaults, twists, position = match.groups()
            armstand, flying, half_twists = True, "0", twists or "0"
        else:
            raise _no_such_dive(code)
        number = cls(
            code=text,
            direction=_DIRECTIONS[group],
            armstand=armstand,
            flying=flying == "1",
            half_somersaults=int(half_somersaults),
            half_twists=int(half_twists),
            position=_POSITIONS[position],
        )
        free_without_twist = number.position == "free" and not number.half_twists
        flying_without_somersault = number.flying and number.half_somersaults < 2
        if free_without_twist or flying_without_somersault:
            raise _no_such_dive(code)
        return number

    @property
    def group(self) -> str:
        """`forward`, `back`, `reverse`, `inward`, `twisting` or `armstand`, as in the rules."""
        return "armstand" if self.armstand else "twisting" if self.half_twists else self.direction

    def __str__(self) -> str:
        start = f"armstand {self.direction}" if self.armstand else self.direction
        start = f"flying {start}" if self.flying else start
        parts = [f"{start} {_halves(self.half_somersaults, 'somersault')}"]
        if self.half_twists:
            parts.append(_halves(self.half_twists, "twist"))
        return ", ".join([*parts, self.position])


class NumberClasses(NamedTuple):
    """The five attributes of a dive number as class indices, which is what a network learns; -1 where unknown.

    Flying dives have no class of their own: 113B has the classes of 103B.

    Attributes:
        armstand: Start of the dive: 1 from a handstand, else 0.
        direction: Direction: 0 forward, 1 back, 2 reverse, 3 inward; of an armstand dive the direction of its
            somersaults.
        half_somersaults: Number of half somersaults; 9 stands for 9 and more.
        half_twists: Number of half twists.
        position: Position of the body: 0 straight, 1 pike, 2 tuck, 3 free.
    """

    armstand: int
    direction: int
    half_somersaults: int
    half_twists: int
    position: int

    @classmethod
    def of(cls, code: str | None) -> "NumberClasses":
        """The classes of a dive number; all unknown for None and for a text that is no dive number.

        >>> NumberClasses.of("626C")
        NumberClasses(armstand=1, direction=1, half_somersaults=6, half_twists=0, position=2)
        """
        try:
            number = DiveNumber.parse(code or "")
        except DataError:
            return cls(-1, -1, -1, -1, -1)
        return cls(
            armstand=int(number.armstand),
            direction=get_args(Direction).index(number.direction),
            half_somersaults=min(number.half_somersaults, NUM_NUMBER_CLASSES.half_somersaults - 1),
            half_twists=number.half_twists,
            position=get_args(Position).index(number.position),
        )


NUM_NUMBER_CLASSES = NumberClasses(armstand=2, direction=4, half_somersaults=10, half_twists=10, position=4)
"""How many classes each attribute of a dive number has."""


def _no_such_dive(code: str) -> DataError:
    return DataError(
        f"{code[:20]!a} is no dive number",
        todo="write it as in 107B (group, flying, half somersaults, position), 5253B (with half twists) or 626C",
    )


def _halves(count: int, noun: str) -> str:
    whole, half = divmod(count, 2)
    amount = " ".join([*([str(whole)] if whole or not half else []), *(["1/2"] if half else [])])
    return f"{amount} {noun if 0 < count <= 2 else noun + 's'}"


@cache
def usual_difficulties() -> dict[tuple[str, float], float]:
    """(dive number, height in metres) -> degree of difficulty, as individual dives carry it."""
    text = files("stagescore").joinpath("tables/difficulties.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, float]] = json.loads(text)["difficulties"]
    return {(code, float(height)): value for code, row in table.items() for height, value in row.items()}


def usual_difficulty(code: str, height_m: float) -> float | None:
    """The usual degree of difficulty of a dive at a height, or None where the table has none.

    Args:
        code: Dive number such as `107B`.
        height_m: Height of the board in metres, 3 or 10.

    Raises:
        DataError: There is no such dive.

    >>> usual_difficulty("407C", 10.0), usual_difficulty("407C", 3.0)
    (3.2, 3.4)
    """
    return usual_difficulties().get((DiveNumber.parse(code).code, float(height_m)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRule:
    """How the marks of a panel become points.

    Attributes:
        num_marks: Number of marks as labelled.
        num_dropped: Number of highest marks that are cancelled, and of lowest marks as well.
        share: Factor of the sum of the kept marks, before the difficulty.
        words: The rule, in words.
    """

    num_marks: int
    num_dropped: int
    share: float
    words: str


PANEL_RULES: dict[int, PanelRule] = {
    7: PanelRule(
        num_marks=7,
        num_dropped=2,
        share=1.0,
        words="drop the two highest and the two lowest, sum the other three, times difficulty",
    ),
    5: PanelRule(
        num_marks=5,
        num_dropped=0,
        share=0.6,
        words="sum all five kept marks (synchronised), times 0.6, times difficulty",
    ),
    3: PanelRule(num_marks=3, num_dropped=0, share=1.0, words="sum all three kept marks, times difficulty"),
}
"""Rules by number of labelled marks; five and three were found from the labels (docs/log.md)."""


def score_from_marks(marks: Sequence[float], difficulty: float) -> float:
    """Judges' marks to points, rounded to 0.01 as announced.

    Args:
        marks: Seven marks (a whole panel), five (kept marks of a synchronised dive) or three (kept marks).
        difficulty: Degree of difficulty.

    Raises:
        DataError: Another number of marks, a mark outside 0 to 10, a mark that is not in halves, or a
            difficulty that is not positive.

    >>> score_from_marks([9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5], 3.2)
    88.0
    """
    if problem := marks_problem(marks):
        raise DataError(problem, todo="give 7, 5 or 3 marks in halves from 0 to 10")
    _check_difficulty(difficulty)
    return round(points_of_marks(marks, difficulty), 2)


def points_of_marks(marks: Sequence[float], difficulty: float) -> float:
    """The arithmetic of `score_from_marks` alone, for 7, 5 or 3 marks of any value; not rounded.

    Raises:
        KeyError: Another number of marks.
    """
    rule = PANEL_RULES[len(marks)]
    kept = sorted(marks)[rule.num_dropped : len(marks) - rule.num_dropped]
    return sum(kept) * rule.share * difficulty


def marks_problem(marks: Sequence[float]) -> str | None:
    """What is wrong with a panel's marks, or None."""
    if len(marks) not in PANEL_RULES:
        return f"{len(marks)} marks"
    for mark in marks:
        if not 0 <= mark <= MAX_MARK:
            return f"a mark of {mark} outside 0 to 10"
        if (2 * mark) % 1:
            return f"a mark of {mark} that is not in halves"
    return None


def mean_mark(score: float, difficulty: float) -> float:
    """Points back to the mean of the three marks that counted, from 0 to 10 for a possible score.

    Raises:
        DataError: The difficulty is not positive, or the score cannot be reached with it.

    >>> round(mean_mark(88.0, 3.2), 3)
    9.167
    """
    _check_difficulty(difficulty)
    mark = score / difficulty / 3
    if not 0 <= mark <= MAX_MARK + 1e-9:
        raise DataError(
            f"{score} points cannot be reached at difficulty {difficulty}",
            todo=f"give a score from 0 to {3 * MAX_MARK * difficulty:g}",
        )
    return min(mark, MAX_MARK)


def _check_difficulty(difficulty: float) -> None:
    if not 0 < difficulty < math.inf:
        raise DataError(f"a difficulty of {difficulty}", todo="give a positive degree of difficulty")


def plausible_marks(score: float, difficulty: float) -> tuple[float, float, float]:
    """Three marks in halves, as equal as they can be, whose points come nearest to a score.

    Raises:
        DataError: As `mean_mark`.

    >>> plausible_marks(88.0, 3.2)
    (9.0, 9.0, 9.5)
    """
    halves = round(mean_mark(score, difficulty) * 6)
    low, extra = divmod(halves, 3)
    first, second, third = (0.5 * (low + (k >= 3 - extra)) for k in range(3))
    return first, second, third
