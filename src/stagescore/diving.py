"""Dive numbers, their usual degree of difficulty, and the arithmetic of the judges' marks.

Source: World Aquatics (formerly FINA) Diving Rules: the designation of dives by number; panels of seven or five judges for
individual dives, and of eleven or nine for synchronised ones (D 5.2 of FINA's rules of 2017 to 2021); the cancelling of the highest
and lowest marks, and the mean that stands for a missing one (duties of the secretariat, D 6). The table of usual difficulties
is learned from labelled individual dives: `stagescore data difficulties` derives it anew.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from stagescore.errors import DataError
from stagescore.json_files import parse_json

Direction = Literal["forward", "back", "reverse", "inward"]
Position = Literal["straight", "pike", "tuck", "free"]

_DIRECTIONS: dict[str, Direction] = {"1": "forward", "2": "back", "3": "reverse", "4": "inward"}
_POSITIONS: dict[str, Position] = {"A": "straight", "B": "pike", "C": "tuck", "D": "free"}
MAX_MARK = 10.0
LEAST_FRAMES = 12
"""A film of fewer frames shows no dive. Set by hand."""
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
    table: dict[str, dict[str, float]] = parse_json(text)["difficulties"]
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
        groups: Number of marks of each group of judges, and how many of its highest marks are cancelled, and as many
            of its lowest; the groups stand one after the other.
        share: Factor of the sum of the kept marks, before the difficulty.
        words: The rule, in words.
        num_missing: Number of marks of the panel that nobody has given: the mean of the others stands for each.
    """

    groups: tuple[tuple[int, int], ...]
    share: float
    words: str
    num_missing: int = 0

    def execution(self, marks: Sequence[float]) -> float:
        """What the marks give before the difficulty, in points: three times a mark, as of three judges."""
        whole = [*marks, *[sum(marks) / len(marks)] * self.num_missing]
        total, first = 0.0, 0
        for num_marks, num_dropped in self.groups:
            total += sum(sorted(whole[first : first + num_marks])[num_dropped : num_marks - num_dropped])
            first += num_marks
        return total * self.share


_ALL_THREE = PanelRule(groups=((3, 0),), share=1.0, words="sum all three marks, times difficulty")
_MIDDLE_THREE_OF_SEVEN = PanelRule(
    groups=((7, 2),),
    share=1.0,
    words="drop the two highest and the two lowest, sum the other three, times difficulty",
)
PANEL_RULES: dict[int, PanelRule] = {
    7: _MIDDLE_THREE_OF_SEVEN,
    6: PanelRule(
        groups=((7, 2),),
        share=1.0,
        words="the mean of the six stands for the mark of the seventh judge; then as of seven marks",
        num_missing=1,
    ),
    5: PanelRule(
        groups=((5, 1),),
        share=1.0,
        words="drop the highest and the lowest, sum the other three, times difficulty",
    ),
    3: _ALL_THREE,
}
"""Rules of individual dives by number of marks, of the whole panel or of three that were kept.

World Aquatics' panels have seven or five judges, club competitions also three. A judge who gives no mark counts with the mean of the
others, which is what six marks mean; whether four were five is not told. The three kept marks that FineDiving has of a third of
its dives give the same sum (docs/log.md).
"""

SYNCHRONISED_RULES: dict[int, PanelRule] = {
    11: PanelRule(
        groups=((3, 1), (3, 1), (5, 1)),
        share=0.6,
        words="of three marks for the one diver's execution, three for the other's and five for synchronisation drop the "
        "highest and the lowest each, sum the other five, times 0.6, times difficulty",
    ),
    9: PanelRule(
        groups=((4, 1), (5, 1)),
        share=0.6,
        words="of four marks for execution and five for synchronisation drop the highest and the lowest each, sum the other "
        "five, times 0.6, times difficulty",
    ),
    7: _MIDDLE_THREE_OF_SEVEN,
    5: PanelRule(groups=((5, 0),), share=0.6, words="sum all five kept marks, times 0.6, times difficulty"),
    3: _ALL_THREE,
}
"""Rules of synchronised dives by number of marks: those for execution come first, as on the sheets.

World Aquatics: eleven judges (three, three and five), or nine (two, two and five). Five are the marks that were kept, as
FineDiving has them; this and the rules of seven and three were found from its labels (docs/log.md).
"""

SYNCHRONISED_PANELS = tuple(sorted(SYNCHRONISED_RULES.keys() - PANEL_RULES.keys()))
"""Numbers of marks that only synchronised dives have."""


def panel_rule(num_marks: int, *, synchronised: bool = False) -> PanelRule | None:
    """The rule for a number of marks; None where no panel gives so many.

    Args:
        num_marks: Number of marks; nine and eleven are those of a synchronised dive in any case.
        synchronised: Whether two divers dive.
    """
    rules = SYNCHRONISED_RULES if synchronised or num_marks in SYNCHRONISED_PANELS else PANEL_RULES
    return rules.get(num_marks)


def score_from_marks(marks: Sequence[float], difficulty: float, *, synchronised: bool = False) -> float:
    """Judges' marks to points, rounded to 0.01 as announced.

    Args:
        marks: Marks of a panel, or those that were kept (`PANEL_RULES`, `SYNCHRONISED_RULES`); for execution first.
        difficulty: Degree of difficulty.
        synchronised: Whether two divers dive.

    Raises:
        DataError: Another number of marks, a mark outside 0 to 10, a mark that is not in halves, or a
            difficulty that is not positive.

    >>> score_from_marks([9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5], 3.2)
    88.0
    >>> score_from_marks([7, 8, 6.5, 7, 7, 7.5, 8, 8.5, 8, 7.5, 9], 3.0)  # synchronised: 7 + 7 + 8 + 8 + 8.5
    69.3
    """
    if problem := marks_problem(marks, synchronised=synchronised):
        raise DataError(problem, todo="give 3, 5, 6, 7, 9 or 11 marks in halves from 0 to 10")
    _check_difficulty(difficulty)
    return round(points_of_marks(marks, difficulty, synchronised=synchronised), 2)


def points_of_marks(marks: Sequence[float], difficulty: float, *, synchronised: bool = False) -> float:
    """The arithmetic of `score_from_marks` alone, for marks of any value; not rounded.

    Raises:
        KeyError: No panel gives so many marks.
    """
    rule = panel_rule(len(marks), synchronised=synchronised)
    if rule is None:
        raise KeyError(len(marks))
    return rule.execution(marks) * difficulty


def marks_problem(marks: Sequence[float], *, synchronised: bool = False) -> str | None:
    """What is wrong with a panel's marks, or None."""
    if panel_rule(len(marks), synchronised=synchronised) is None:
        return f"{len(marks)} marks, which no panel gives"
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
