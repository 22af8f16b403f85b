"""What the figures of a report have in common: a drawing with its words and its table, and where things stand in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stagescore.report.sentences import Sentence
from stagescore.report.svg import Anchor, Axis
from stagescore.scoring.result_parts import StageResult
from stagescore.types import STAGE_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text.

    Attributes:
        title: What the table shows.
        head: Names of the columns.
        rows: The cells of each row; the first one names the row.
        fields: Fields of the result that the table was made from.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    fields: Sequence[str]

    @property
    def data_field(self) -> str:
        """The fields as the attribute `data-field` has them."""
        return " ".join(self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing with its words and its table.

    Attributes:
        drawing: The drawing as SVG.
        captions: What there is to see in the drawing.
        table: The numbers that the drawing shows.
    """

    drawing: Markup
    captions: Sequence[Sentence]
    table: Table


def stage_style(kind: str, stage: StageResult) -> str:
    """The class of a stage's colour: the same whichever other stages were seen."""
    return f"{kind}{STAGE_NAMES.index(stage.name)}"


def anchor_at(x: float) -> Anchor:
    """On which side of a point its text stands, so that it does not leave the drawing.

    >>> anchor_at(10), anchor_at(50), anchor_at(90)
    ('start', 'middle', 'end')
    """
    return "start" if x < 25 else "end" if x > 75 else "middle"


def place_of_name(left: float, right: float) -> tuple[float, Anchor]:
    """Where the name of a stage stands: in its middle, unless the name would leave the drawing.

    >>> place_of_name(0, 10), place_of_name(20, 60)
    ((0.0, 'start'), (40.0, 'middle'))
    """
    middle = (left + right) / 2
    return (0.0, "start") if middle < 12 else (100.0, "end") if middle > 90 else (middle, "middle")


def axis_around_zero(values: Sequence[float]) -> Axis:
    """A scale with zero in the middle: what was lost lies left, what was won right.

    >>> axis_around_zero([-2.0, 1.0]).at(0)
    50.0
    """
    largest = max(max(map(abs, values), default=0.0), 0.5) * 1.05
    return Axis(-largest, largest)


def stacked(xs: Sequence[float]) -> list[tuple[float, float]]:
    """Dots that would cover each other, one above the other.

    >>> stacked([10.0, 10.5, 40.0])
    [(10.0, 0.0), (10.5, 9.0), (40.0, 0.0)]
    """
    placed: list[tuple[float, float]] = []
    for x in xs:
        level = 0.0
        while any(abs(x - other) < 2.5 and level == lift for other, lift in placed) and level < 27:
            level += 9.0
        placed.append((x, level))
    return placed
