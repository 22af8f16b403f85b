"""Seven marks with which a judges' panel would give about this score."""

from stagescore.report.charts import Table
from stagescore.report.pictures import Pictures
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, points
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import Judging


def build(result: Result, pictures: Pictures) -> Content | None:
    """Marks, sums and table; nothing without a score and its difficulty."""
    if result.judging is None or result.score is None:
        return None
    marks = _marks(result.judging)
    rows = [[f"{place + 1}", mark, "dropped" if out else "counts"] for place, (mark, out) in enumerate(marks)]
    table = Table(
        title="A plausible panel",
        head=("judge", "mark", "counts or dropped"),
        rows=rows,
        fields=("judging.marks", "judging.dropped"),
    )
    return {"marks": marks, "sentences": judging(result), "numbers": table}


def judging(result: Result) -> list[Sentence]:
    """How a panel could have arrived there."""
    if result.judging is None or result.score is None:
        return []
    panel = result.judging
    return [
        Sentence(
            f"{points(panel.total, 1)} × {panel.difficulty:g} = {points(panel.score)}, near the predicted {points(result.score)}.",
            ("judging.total", "judging.difficulty", "judging.score", "score"),
        ),
        Sentence(
            f"The score divided by the difficulty {panel.difficulty:g} is {points(panel.execution)} of 30.",
            ("judging.execution", "judging.difficulty"),
        ),
    ]


def _marks(panel: Judging) -> list[tuple[str, bool]]:
    """Each mark, and whether it is dropped."""
    return [(f"{mark:.1f}", place in panel.dropped) for place, mark in enumerate(panel.marks)]


SECTION = Section(
    order=80,
    title="As a judges' panel might put it",
    reads=("judging", "score"),
    build=build,
    printed=False,
)
