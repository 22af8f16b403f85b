"""Figure 6 of the paper for any scored dive: query, exemplar, stages, differences, and the sum that is the score.

Source: paper, section V-D and figure 6. Departs: the paper adds one exemplar's score and differences; here many
exemplars vote, so the sum of the one shown is its vote, and a second sum over the mean exemplar gives the score.
"""

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stagescore.atomic import write_bytes
from stagescore.errors import DataError
from stagescore.report.keyframes import aligned_pairs, nearest_exemplar, shown_edges
from stagescore.report.pictures import Image, Pictures
from stagescore.report.score_breakdown import ScoreBreakdown, breakdown_of, breakdown_of_vote
from stagescore.report.sentences import points, signed
from stagescore.scoring.result import Result

SUFFIXES = (".png", ".svg", ".pdf")
_INK, _QUIET, _ACCENT = "#16232e", "#53616d", "#00618f"
_STAGES = ("#667785", "#2f7ba5", "#24465c")
_WIDTH_IN, _FRAME_PX = 11.0, 240
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def write_figure6(result: Result, pictures: Pictures, path: Path, truth: float | None = None) -> None:
    """Draw the figure.

    Args:
        result: Result that has a score.
        pictures: Frames of `dive_report.frames_wanted(result)`; without any, the figure has none.
        path: File to write (png, svg or pdf); written atomically, the same bytes each time.
        truth: Score of the judges, in points, where it is known.

    Raises:
        DataError: No score, sums that are not equal to 1e-6, another kind of file, or it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"cannot draw a {suffix or 'nameless kind of'} file",
            where=path,
            todo=f"end it in {', '.join(SUFFIXES)}",
        )
    with mpl.rc_context(
        {"font.size": 10, "text.color": _INK, "svg.hashsalt": "figure 6", "svg.fonttype": "none"}
    ):
        content = io.BytesIO()
        _draw(result, pictures, truth).savefig(
            content, format=suffix[1:], dpi=150, metadata=_METADATA[suffix]
        )
    write_bytes(path, content.getvalue())


def sum_line(breakdown: ScoreBreakdown, total: str) -> str:
    """A sum as one line whose printed parts add up to what is printed.

    >>> breakdown = ScoreBreakdown(names=("Exemplar", "Entry"), parts=(70.0, -1.5), total=68.5, fields=("a", "b", "score"))
    >>> sum_line(breakdown, "vote")
    'exemplar 70.00   entry −1.50   =   vote 68.50'
    """
    first, *others = breakdown.printed
    parts = [f"{breakdown.names[0].lower()} {points(float(first))}"]
    parts += [
        f"{name.lower()} {signed(float(v))}" for name, v in zip(breakdown.names[1:], others, strict=True)
    ]
    if breakdown.rounding:
        parts.append(f"rounding {signed(float(breakdown.rounding))}")
    return f"{'   '.join(parts)}   =   {total} {points(float(breakdown.printed_total))}"


def _draw(result: Result, pictures: Pictures, truth: float | None) -> Figure:
    breakdown, nearest = breakdown_of(result), nearest_exemplar(result)
    if nearest is None:
        raise DataError("no exemplar voted", where="exemplars", todo="score the dive again")
    exemplar = result.exemplars[nearest]
    pairs = aligned_pairs(result, exemplar)
    query = pictures.crops((pair.query_frame for pair in pairs), height_px=_FRAME_PX)
    other = [
        pictures.exemplar[pair.exemplar_frame] for pair in pairs if pair.exemplar_frame in pictures.exemplar
    ]
    heights = (0.45, _height_in(list(query.values())), 0.8, _height_in(other), 0.8, 1.9)
    figure = Figure(figsize=(_WIDTH_IN, sum(heights)))
    rows = []
    for k, height in enumerate(heights):
        below = sum(heights[k + 1 :])
        axes = figure.add_axes((0.01, below / sum(heights), 0.98, height / sum(heights)))
        axes.set_axis_off()
        rows.append(axes)
    title = f"{result.words or result.input.name}  {result.dive_number or ''}".strip()
    rows[0].text(0, 0.5, f"{title[:1].upper()}{title[1:]}", fontweight="bold", fontsize=13, va="center")
    _draw_frames(rows[1], list(query.values()))
    edges = shown_edges(result.stages)
    _draw_stages(
        rows[2], result, edges, f"this dive: {result.input.name}, frames {edges[0]} to {edges[-1] - 1}"
    )
    _draw_frames(rows[3], other)
    about = "" if other else " (no pictures of it are at hand)"
    _draw_stages(
        rows[4],
        result,
        exemplar.edges,
        f"exemplar: {exemplar.name}, {points(exemplar.score)} points{about}",
    )
    _draw_sums(
        rows[5],
        (
            (
                "against this exemplar, stage by stage",
                sum_line(breakdown_of_vote(result, nearest), "its vote"),
            ),
            (f"against the mean of all {len(result.exemplars)} exemplars", sum_line(breakdown, "score")),
        ),
    )
    notes = [] if truth is None else [f"judges' score {points(truth)}"]
    notes += [] if result.validated else ["not validated on real dives"]
    rows[5].text(0, 0.08, "; ".join(notes), va="bottom")
    return figure


def _height_in(images: list[Image]) -> float:
    """Height of a row of frames in inches, with a little room."""
    return 0.1 + max(
        (0.98 * _WIDTH_IN / len(images) * image.shape[0] / image.shape[1] for image in images), default=0.0
    )


def _draw_frames(axes: Axes, images: list[Image]) -> None:
    """Frames side by side."""
    for k, image in enumerate(images):
        box = axes.inset_axes((k / len(images), 0.05, 0.98 / len(images), 0.95))
        box.imshow(image, interpolation="antialiased", aspect="equal")
        box.set_axis_off()


def _draw_sums(axes: Axes, sums: tuple[tuple[str, str], ...]) -> None:
    """Each sum below its name; the last one is the score."""
    for k, (name, line) in enumerate(sums):
        last = k == len(sums) - 1
        axes.text(0, 0.95 - 0.36 * k, name, color=_QUIET, va="top")
        weight, colour = ("bold", _ACCENT) if last else ("normal", _INK)
        axes.text(0, 0.82 - 0.36 * k, line, color=colour, va="top", fontweight=weight, fontsize=12)


def _draw_stages(axes: Axes, result: Result, edges: list[int], name: str) -> None:
    """A bar with the predicted boundaries, as shares of what the network was shown."""
    start, end = edges[0], edges[-1]
    for k, stage in enumerate(result.stages):
        axes.barh(0, edges[k + 1] - edges[k], left=edges[k], height=0.5, color=_STAGES[k % 3])
        axes.text(
            (edges[k] + edges[k + 1]) / 2,
            0,
            stage.name,
            ha="center",
            va="center",
            color="white",
            clip_on=True,
        )
    for edge in edges[1:-1]:
        share = f"{(edge - start) / (end - start):.0%}"
        axes.text(edge, -0.32, share, ha="center", va="top", fontsize=9, color=_QUIET)
    axes.text(start, 0.32, name, va="bottom")
    axes.set_xlim(start, end)
    axes.set_ylim(-0.75, 0.8)
