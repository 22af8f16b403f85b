"""The page about a batch: every dive with its score or why it has none, and a link to its own page."""

from collections import Counter
from collections.abc import Collection, Sequence
from urllib.parse import quote

from markupsafe import Markup

from stagescore.report.rendering import render
from stagescore.report.sections.refusal import reasons
from stagescore.report.sections.score import interval, telling, trust
from stagescore.report.sections.title import words
from stagescore.report.sentences import Sentence, counted, points, status
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import Status

_ROW = 26


def summary_page(results: Sequence[tuple[str, Result]], *, without_page: Collection[str] = ()) -> str:
    """The page about some dives.

    Args:
        results: Pairs of a dive's folder, as the page links to it (`FOLDER/report.html`), and what scoring gave; failed
            dives too.
        without_page: Folders in which there is no page to link to.
    """
    rows = [
        {
            "name": folder,
            "link": None if folder in without_page else f"{quote(folder)}/report.html",
            "ok": result.status == "ok",
            "status": status(result),
            "words": words(result),
            "score": None if result.score is None else points(result.score),
            "sentences": _sentences(result),
        }
        for folder, result in results
    ]
    return render(
        "summary.html.j2",
        heading=counted(len(results), "dive"),
        lines=_lines(results),
        rows=rows,
        axis=_scores(results),
    )


def _sentences(result: Result) -> list[Sentence]:
    found = [interval(result), telling(result)] if result.score is not None else []
    return [sentence for sentence in (*reasons(result), *found) if sentence is not None]


def _lines(results: Sequence[tuple[str, Result]]) -> list[str]:
    """How many went well, and what to know of all scores."""
    counts = Counter(result.status for _, result in results)
    names: dict[Status, str] = {"ok": "scored", "needs_review": "to be reviewed", "failed": "failed"}
    lines = [f"{', '.join(f'{counts[key]} {names[key]}' for key in names if counts[key])}."] if counts else []
    errors = dict.fromkeys(trust(result).text for _, result in results if result.score is not None)
    return [*lines, *errors]


def _scores(results: Sequence[tuple[str, Result]]) -> Markup | None:
    """All scores and their intervals on one scale."""
    scored = [(folder, result) for folder, result in results if result.score is not None]
    if len(scored) < 2:
        return None
    ends = [value for _, r in scored for value in (r.score, *(r.interval or ())) if value is not None]
    axis = Axis(min(ends), max(ends), margin=3)
    label = "Scores: " + ", ".join(f"{folder} {points(r.score or 0.0)}" for folder, r in scored)
    drawing = Drawing(2 * _ROW * len(scored) + 24, label)
    for row, (folder, result) in enumerate(scored):
        y = 2 * _ROW * row
        drawing.text(0, y + 16, folder)
        drawing.text(100, y + 16, points(result.score or 0.0), "figure", "end")
        if result.interval is not None:
            drawing.rect(axis.at(result.interval[0]), axis.at(result.interval[1]), y + 24, 14, "band")
        drawing.dot(axis.at(result.score or 0.0), y + 31, 5, "query")
    for tick in axis.ticks():
        drawing.text(axis.at(tick), 2 * _ROW * len(scored) + 14, f"{tick:g}", "quiet", "middle")
    return drawing.markup()
