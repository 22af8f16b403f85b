"""All figures of an evaluation in one place: the headline, tables of rows, as JSON and as Markdown."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from stagescore.errors import DataError
from stagescore.evaluation.bootstrap import FIGURES, Difference, Measured, measured, paired_difference
from stagescore.evaluation.floors import Bound
from stagescore.evaluation.published import PublishedRow
from stagescore.inference.outcomes import Missing, Outcomes
from stagescore.types import Dive

Column = Literal["last", "best on validation", "best on test (paper protocol)"]
"""Which epoch of a run: only the first two are honest."""

Joints = Literal["estimated", "exact", ""]

HEADLINE = ("srcc", "rl2x100", "aiou50", "aiou75", "mae", "kendall")


def measure(outcomes: Outcomes, *, resamples: int = 1000, seed: int = 0) -> dict[str, Measured]:
    """Every figure of `FIGURES` with its interval; NaN where the outcomes lack what it needs."""
    return {name: measured(outcomes, name, resamples=resamples, seed=seed) for name in FIGURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes:
        name: Name of the model, the floor or the published method.
        figures: Figures by their names in `FIGURES`; those that are unknown may be left out.
        kind: What is measured: our model, a floor or ceiling from labels alone, or a published figure.
        protocol: How exemplars were chosen; empty where there are none.
        joints: Kind of the joints, `estimated` or `exact`; empty where none are used or nothing is said.
        missing: Modality that was withheld; empty for none.
        column: Epoch of a run that the row is of; empty where there is only one state.
        num_dives: Number of dives that were measured; None if not said.
        source: Place where a published row stands, or the rule of a floor.
    """

    name: str
    figures: Mapping[str, Measured]
    kind: Literal["model", "floor", "ceiling", "published"] = "model"
    protocol: str = ""
    joints: Joints = ""
    missing: Missing = ""
    column: Column | Literal[""] = ""
    num_dives: int | None = None
    source: str = ""

    def as_json(self) -> dict[str, Any]:
        """Undefined figures are null."""
        return {
            "name": self.name,
            "kind": self.kind,
            "published": self.kind == "published",
            "protocol": self.protocol,
            "joints": self.joints,
            "missing": self.missing,
            "column": self.column,
            "dives": self.num_dives,
            "source": self.source,
            "metrics": {name: figure.as_json() for name, figure in self.figures.items()},
        }


def published_row(row: PublishedRow) -> Row:
    """A published row, marked as such and without intervals."""
    return Row(
        name=f"{row.method}, {row.year}" if row.year else row.method,
        figures={name: Measured(value) for name, value in row.figures.items()},
        kind="published",
        protocol=row.protocol,
        source=row.source,
    )


def bound_row(bound: Bound) -> Row:
    """A floor or ceiling of `floors.floors_and_ceilings`; it comes without intervals."""
    given = {name: getattr(bound, name) for name in ("srcc", "rl2x100", "aiou50", "aiou75")}
    return Row(
        name=f"{bound.name.replace('_', ' ')}, {bound.dives}",
        figures={name: Measured(value) for name, value in given.items() if value is not None},
        kind=bound.kind,
        num_dives=bound.num_test,
        source=bound.rule,
    )


def floor_outcomes(outcomes: Outcomes, train: Sequence[Dive]) -> Outcomes:
    """What labels alone say of the same dives, by the rules of `floors.floors_and_ceilings`.

    The score is the training mean of the dive number (of all dives where it has none), the flight reaches
    from the median first to the median last training transition, as far as the clip goes.

    Args:
        outcomes: Outcomes of the dives to measure on.
        train: Dives to learn from.

    Raises:
        DataError: No dives to learn from.
    """
    if not train:
        raise DataError("there is no training dive to make a floor of", todo="give the training split")
    scores: dict[str | None, list[float]] = defaultdict(list)
    for dive in train:
        scores[dive.dive_number].append(dive.score)
    overall = float(np.mean([dive.score for dive in train]))
    # Rounded so that equal means tie in rank whatever the order in which they were summed.
    means = {number: round(float(np.mean(values)), 9) for number, values in scores.items()}
    flights = [(dive.transitions[0], dive.transitions[-1]) for dive in train if len(dive.transitions) >= 2]
    first, last = np.median(flights, axis=0).tolist() if flights else (math.nan, math.nan)
    return replace(
        outcomes,
        dives=tuple(
            replace(
                dive,
                predicted_score=means.get(dive.dive_number, round(overall, 9)),
                votes=(),
                sd=None,
                stated_interval=None,
                interval=None,
                predicted_transitions=_within(dive.num_frames, first, last) if flights else None,
                confidences=None,
                missing="",
            )
            for dive in outcomes.without_numbers()
        ),
    )


def _within(num_frames: int, first: float, last: float) -> tuple[float, float]:
    return min(first, num_frames - 1), min(last, num_frames - 1)


def paired(mine: Outcomes, other: Outcomes) -> dict[str, Difference]:
    """Every headline figure less the other model's, both resampled alike; figures that both have.

    Raises:
        DataError: The two were measured on other dives.
    """
    found = {name: paired_difference(mine, other, name) for name in HEADLINE}
    return {name: one for name, one in found.items() if not math.isnan(one.difference.value)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """An evaluation, ready to be printed.

    Attributes:
        headline: Row whose figures stand on top.
        exemplars: Number, source and protocol of the exemplars, in words; empty where the model predicts without
            exemplars.
        weights_hash: Hash of the weights that were evaluated.
        tables: Rows of each table, at least one, by the table's title.
        notes: Sentences that a reader needs besides the tables.
        paired: Figures of the headline less those of other models on the same dives, by their names (`paired`).
    """

    headline: Row
    exemplars: str
    weights_hash: str
    tables: Mapping[str, Sequence[Row]]
    paired: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if lacking := [name for name in HEADLINE if name not in self.headline.figures]:
            raise DataError(f"the headline lacks {', '.join(lacking)}", todo="measure every figure of it")
        for row in self._rows:
            if unknown := [name for name in row.figures if name not in FIGURES]:
                raise DataError(
                    f"there is no figure called {unknown[0]}",
                    where=row.name,
                    todo=f"choose from {', '.join(FIGURES)}",
                )

    @property
    def _rows(self) -> list[Row]:
        return [row for rows in self.tables.values() for row in rows]

    def as_json(self) -> dict[str, Any]:
        """`metrics` (the headline), its `protocol`, and all `tables`; undefined figures are null."""
        return {
            "metrics": {name: self.headline.figures[name].as_json() for name in HEADLINE},
            "protocol": {
                "exemplars": self.exemplars,
                "joints": self.headline.joints,
                "weights_hash": self.weights_hash,
                "dives": self.headline.num_dives,
                "column": self.headline.column,
            },
            "tables": {title: [row.as_json() for row in rows] for title, rows in self.tables.items()},
            "paired": {
                other: {
                    name: {**one.difference.as_json(), "share_better": one.share_better}
                    for name, one in figures.items()
                }
                for other, figures in self.paired.items()
            },
            "notes": list(self.notes),
        }

    def markdown(self) -> str:
        """Two tables a title, the headline's figures and the others, aligned; figures with their intervals."""
        head = self.headline
        said = {
            "exemplars": self.exemplars,
            "joints": head.joints,
            "weights": self.weights_hash,
            "dives": _text(head.num_dives),
            "column": head.column,
        }
        lines = ["# Evaluation", "", "; ".join(f"{k}: {v}" for k, v in said.items() if v), ""]
        figures = [[FIGURES[name].title, figure_text(head, name)] for name in HEADLINE]
        lines += _table(["figure", "value [95 % interval]"], figures)
        for title, rows in self.tables.items():
            lines += ["", f"## {title}"]
            if any(_known(row, name) for row in rows for name in HEADLINE):
                lines += ["", *_figures_table(rows, HEADLINE, with_source=True)]
            others = [name for name in FIGURES if name not in HEADLINE]
            if more := [row for row in rows if any(_known(row, name) for name in others)]:
                lines += ["", *_figures_table(more, others)]
        for other, differences in self.paired.items():
            cells = [
                [FIGURES[name].title, _measured_text(one.difference, name), f"{one.share_better:.3f}"]
                for name, one in differences.items()
            ]
            lines += ["", f"## {head.name} less {other}, on the same dives", ""]
            lines += _table(["figure", "difference [95 % interval]", "resamples in which better"], cells)
        if any(row.kind == "published" for row in self._rows):
            lines += [
                "",
                "Published figures are their authors'; they were not measured here and have no intervals.",
            ]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"


def _known(row: Row, name: str) -> bool:
    return name in row.figures and not math.isnan(row.figures[name].value)


def figure_text(row: Row, name: str) -> str:
    """A figure of a row with its interval, such as `4.91 [4.33, 5.53]`; empty where it is unknown."""
    if not _known(row, name):
        return ""
    return _measured_text(row.figures[name], name)


def _measured_text(figure: Measured, name: str) -> str:
    digits = FIGURES[name].digits
    value = f"{figure.value:.{digits}f}"
    if math.isnan(figure.low):
        return value
    return f"{value} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _figures_table(rows: Sequence[Row], names: Sequence[str], with_source: bool = False) -> list[str]:
    """Columns that are empty in all rows are left out."""
    columns: dict[str, list[str]] = {
        "what": [row.name if row.kind == "model" else f"{row.name} ({row.kind})" for row in rows],
        "exemplars": [row.protocol for row in rows],
        "joints": [row.joints for row in rows],
        "withheld": [row.missing for row in rows],
        "epoch": [row.column for row in rows],
        "dives": [_text(row.num_dives) for row in rows],
        **{FIGURES[name].title: [figure_text(row, name) for row in rows] for name in names},
        "source or rule": [row.source if with_source else "" for row in rows],
    }
    kept = {title: cells for title, cells in columns.items() if any(cells)}
    return _table(list(kept), [list(cells) for cells in zip(*kept.values(), strict=True)])


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
