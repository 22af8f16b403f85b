"""The figures of a report: a drawing, what it shows in words, and the same as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stagescore.report import sentences as say
from stagescore.report.balance import Balance, mean_of_branch, sum_of_stage
from stagescore.report.moments import seconds_at, shown_edges, smallest, stage_at
from stagescore.report.sentences import Sentence, points, signed
from stagescore.report.svg import Anchor, Axis, Drawing
from stagescore.scoring.result import ExemplarVote, Result
from stagescore.types import STAGE_NAMES

_ROW = 46
_CURVE = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text.

    Attributes:
        title: what it shows.
        head: names of the columns.
        rows: the first cell names the row.
        fields: of the result, that it was made from.
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
class Figure:
    """A drawing with its words and its table.

    Attributes:
        drawing: SVG.
        captions: what to see in it.
        table: the same in numbers.
    """

    drawing: Markup
    captions: Sequence[Sentence]
    table: Table


def standing_strip(result: Result) -> Figure | None:
    """The score and its interval on one line with the exemplars' scores."""
    caption = say.standing(result)
    if caption is None or result.score is None:
        return None
    scores = [vote.score for vote in result.exemplars]
    around = [*scores, result.score, *(result.interval or ())]
    axis = Axis(min(around), max(around), margin=4)
    drawing = Drawing(
        104,
        f"Score {points(result.score)} among the exemplars' scores {', '.join(map(points, sorted(scores)))}",
    )
    if result.interval is not None:
        drawing.rect(axis.at(result.interval[0]), axis.at(result.interval[1]), 34, 34, "band")
    drawing.line(0, 76, 100, 76, "axis")
    for x, y in _stacked([axis.at(score) for score in sorted(scores)]):
        drawing.dot(x, 66 - y, 5, "exemplar")
    at = axis.at(result.score)
    drawing.line(at, 26, at, 76, "query")
    drawing.text(at, 20, f"this dive {points(result.score)}", "strong", _anchor(at))
    for tick in axis.ticks():
        drawing.text(axis.at(tick), 94, f"{tick:g}", "quiet", "middle")
    rows = [
        ["this dive", points(result.score)],
        *([vote.dive_id, points(vote.score)] for vote in result.exemplars),
    ]
    table = Table(
        title="Scores in points",
        head=("dive", "points"),
        rows=rows,
        fields=("score", "exemplars[].dive_id", "exemplars[].score"),
    )
    return Figure(drawing=drawing.markup(), captions=[caption], table=table)


def timeline(result: Result) -> Figure:
    """The stages, their confidence and the events over time."""
    happened = result.events.first_airborne_frame, result.events.first_water_contact_frame
    places = [event.frame for event in happened if event is not None]
    start, end = min([result.stages[0].start_frame, *places]), max([result.stages[-1].end_frame, *places])
    axis = Axis(start, end)
    spans = ", ".join(f"{s.name} {s.start_s:.2f} to {s.end_s:.2f} seconds" for s in result.stages)
    drawing = Drawing(140, f"Timeline: {spans}")
    for k, stage in enumerate(result.stages):
        left, right = axis.at(stage.start_frame), axis.at(stage.end_frame)
        drawing.rect(left, right, 28, 36, _style("stage", result, k))
        x, anchor = _place_of_name(left, right)
        drawing.text(x, 16, stage.name, "strong", anchor)
    for k, (event, what) in enumerate(zip(happened, ("leaves the board", "touches the water"), strict=True)):
        if event is not None:
            at, y = axis.at(event.frame), 88 + 20 * k
            drawing.line(at, 24, at, y - 12, "query")
            drawing.text(at, y, f"{what} {_seconds(result, event.frame)}", "accent", _anchor(at))
    drawing.line(0, 112, 100, 112, "axis")
    drawing.text(0, 130, _seconds(result, start), "quiet")
    drawing.text(100, 130, _seconds(result, end), "quiet", "end")
    rows = [
        [
            stage.name,
            f"{stage.start_frame} to {stage.end_frame - 1}",
            f"{stage.start_s:.2f} to {stage.end_s:.2f}",
            f"{stage.confidence:.2f}",
            *([] if stage.difference is None else [signed(stage.difference)]),
        ]
        for stage in result.stages
    ]
    table = Table(
        title="Stages",
        head=(
            "stage",
            "frames",
            "seconds",
            "confidence",
            *(["points"] if any(s.difference is not None for s in result.stages) else []),
        ),
        rows=rows,
        fields=("stages",),
    )
    return Figure(
        drawing=drawing.markup(),
        captions=[say.stage_times(result), say.stage_confidence(result), *say.events(result)],
        table=table,
    )


def steps(balance: Balance, num_exemplars: int) -> Figure:
    """From the mean exemplar to the score, stage by stage."""
    totals = [balance.parts[0]]
    for part in balance.parts[1:]:
        totals.append(totals[-1] + part)
    least = max(max(totals) - min(totals), 1.0)
    axis = Axis(min(totals) - 0.25 * least, max(totals) + 0.3 * least)  # room for the numbers
    caption = say.sum_of_parts(balance, num_exemplars)
    drawing = Drawing(_ROW * (len(totals) + 1) + 4, caption.text)
    for row, (name, value) in enumerate(zip(balance.names, balance.printed, strict=True)):
        y = row * _ROW
        drawing.text(0, y + 16, name, "strong" if not row else "")
        drawing.text(100, y + 16, points(float(value)) if not row else signed(float(value)), "figure", "end")
        drawing.line(0, y + 30, 100, y + 30, "hair")
        if row:
            style = "loss" if totals[row] < totals[row - 1] else "gain"
            drawing.rect(axis.at(totals[row - 1]), axis.at(totals[row]), y + 23, 14, style)
            drawing.line(axis.at(totals[row]), y + 23, axis.at(totals[row]), y + 23 + _ROW + 14, "drop")
        else:
            drawing.line(axis.at(totals[0]), y + 23, axis.at(totals[0]), y + 23 + _ROW + 14, "drop")
    y = _ROW * len(totals)
    drawing.text(0, y + 16, "Score", "strong accent")
    drawing.text(100, y + 16, f"{balance.printed_total}", "figure accent", "end")
    drawing.line(0, y + 30, 100, y + 30, "hair")
    drawing.dot(axis.at(balance.total), y + 30, 7, "query")
    return Figure(drawing=drawing.markup(), captions=[caption], table=balance_table(balance))


def balance_table(balance: Balance) -> Table:
    """The parts as printed, the rounding if there is any, the total; and all digits beside them."""
    rows = [
        [name, points(float(printed)) if not k else signed(float(printed)), repr(part)]
        for k, (name, printed, part) in enumerate(
            zip(balance.names, balance.printed, balance.parts, strict=True)
        )
    ]
    if balance.rounding:
        rows.append(["Rounding of the printed parts", signed(float(balance.rounding)), ""])
    rows.append(["Score", f"{balance.printed_total}", repr(balance.total)])
    return Table(
        title="The parts add up to the score",
        head=("part", "points", "all digits"),
        rows=rows,
        fields=balance.fields,
    )


def votes(result: Result) -> Figure:
    """Each exemplar's difference in each stage."""
    values = [[sum_of_stage(vote, k) for vote in result.exemplars] for k in range(len(result.stages))]
    axis = _around_zero([value for stage in values for value in stage])
    drawing = Drawing(
        64 * len(values) + 26,
        "Each exemplar's difference in each stage; a bar marks the mean. The table has the numbers.",
    )
    for k, stage in enumerate(result.stages):
        y, mean = 64 * k, stage.difference or 0.0
        drawing.text(0, y + 16, stage.name, "strong")
        drawing.text(100, y + 16, signed(mean), "figure", "end")
        drawing.line(0, y + 40, 100, y + 40, "hair")
        for x, lift in _stacked([axis.at(value) for value in sorted(values[k])]):
            drawing.dot(x, y + 40 - lift / 2, 4.5, "exemplar")
        drawing.line(axis.at(mean), y + 26, axis.at(mean), y + 54, "query")
    bottom = 64 * len(values)
    drawing.line(axis.at(0), 24, axis.at(0), bottom, "zero")
    drawing.text(axis.at(0), bottom + 16, "as good as the exemplar", "quiet", "middle")
    drawing.text(0, bottom + 16, f"{signed(axis.low, 1)}", "quiet")
    drawing.text(100, bottom + 16, f"{signed(axis.high, 1)}", "quiet", "end")
    rows = [
        [vote.dive_id, vote.dive_number or "–", points(vote.score)]
        + [signed(sum_of_stage(vote, k)) for k in range(len(result.stages))]
        + [points(vote.vote)]
        for vote in result.exemplars
    ]
    table = Table(
        title="Exemplars and their votes, in points",
        head=("exemplar", "number", "its score", *(stage.name for stage in result.stages), "its vote"),
        rows=rows,
        fields=("exemplars",),
    )
    return Figure(drawing=drawing.markup(), captions=[say.spread(result)], table=table)


def branch_bars(result: Result) -> Figure | None:
    """Mean difference of each stage in each branch."""
    caption = say.branches(result)
    if caption is None:
        return None
    count = len(result.branches)
    means = [[mean_of_branch(result, k, b) for b in range(count)] for k in range(len(result.stages))]
    axis = _around_zero([value for row in means for value in row])
    drawing = Drawing(
        (20 + 30 * count) * len(means) + 4, "Mean difference by stage and branch. The table has the numbers."
    )
    y = 0
    for stage, row in zip(result.stages, means, strict=True):
        drawing.text(0, y + 14, stage.name, "strong")
        for b, value in enumerate(row):
            top = y + 20 + 30 * b
            drawing.text(0, top + 13, result.branches[b], "quiet")
            drawing.text(100, top + 13, signed(value), "figure", "end")
            drawing.rect(axis.at(0), axis.at(value), top + 18, 7, "loss" if value < 0 else "gain")
            drawing.line(axis.at(0), top + 15, axis.at(0), top + 28, "zero")
        y += 20 + 30 * count
    rows = [
        [stage.name, *map(signed, row), signed(sum(row))]
        for stage, row in zip(result.stages, means, strict=True)
    ]
    table = Table(
        title="Mean difference by branch, in points",
        head=("stage", *result.branches, "together"),
        rows=rows,
        fields=("branches", "exemplars[].stage_deltas", "stages[].difference"),
    )
    return Figure(drawing=drawing.markup(), captions=[caption], table=table)


def aligned_bars(result: Result, exemplar: ExemplarVote, index: int) -> Figure | None:
    """The stages of the query and of an exemplar as shares of what the network was shown of each."""
    caption = say.nearest(result)
    if caption is None or len(exemplar.edges) != len(result.stages) + 1:
        return None
    query_edges = shown_edges(result.stages)
    drawing = Drawing(
        108,
        "Stages of this dive and of the exemplar as shares of what the network was shown of each. The table has the numbers.",
    )
    for row, (name, edges) in enumerate((("this dive", query_edges), (exemplar.dive_id, exemplar.edges))):
        axis = Axis(edges[0], edges[-1])
        drawing.text(0, 54 * row + 15, name, "strong" if not row else "")
        for k in range(len(result.stages)):
            drawing.rect(
                axis.at(edges[k]), axis.at(edges[k + 1]), 54 * row + 22, 20, _style("stage", result, k)
            )
    rows = []
    for k, stage in enumerate(result.stages):
        shares = [
            f"{100 * (edges[k + 1] - edges[k]) / (edges[-1] - edges[0]):.0f} %"
            for edges in (query_edges, exemplar.edges)
        ]
        rows.append([stage.name, *shares, signed(sum_of_stage(exemplar, k))])
    table = Table(
        title="Stages as shares of what the network was shown, and this dive's difference to the exemplar in points",
        head=("stage", "this dive", "exemplar", "points"),
        rows=rows,
        fields=(
            "stages[].start_frame",
            "stages[].end_frame",
            "stages[].shown_frames",
            f"exemplars[{index}].edges",
            f"exemplars[{index}].stage_deltas",
        ),
    )
    captions = [caption, say.against(result, index), say.shown_part(result)]
    return Figure(drawing=drawing.markup(), captions=[told for told in captions if told], table=table)


def angle_curves(result: Result) -> Figure | None:
    """Knee, hip and trunk over the frames."""
    if result.angles is None or not result.angles.frames:
        return None
    angles = result.angles
    axis = Axis(angles.frames[0], max(angles.frames[-1], angles.frames[0] + 1))
    captions = say.angles(result)
    drawing = Drawing(
        3 * (_CURVE + 42) + 18, " ".join(caption.text for caption in captions) or "Joint angles over time"
    )
    xs = [axis.at(frame) for frame in angles.frames]
    bottom = 3 * (_CURVE + 42)
    for k, (name, values, top_means) in enumerate(
        (
            ("Knees", angles.knee, "stretched"),
            ("Hips", angles.hip, "stretched"),
            ("Trunk to the vertical", angles.trunk, "head down"),
        )
    ):
        top = k * (_CURVE + 42) + 26
        drawing.text(0, top - 9, name, "strong")
        for stage_index, stage in enumerate(result.stages):
            left, right = axis.at(stage.start_frame), axis.at(min(stage.end_frame, angles.frames[-1]))
            drawing.rect(max(left, 0), min(right, 100), top, _CURVE, _style("wash", result, stage_index))
        drawing.curve(xs, [None if v is None else v / 180 for v in values], top, _CURVE, "curve")
        drawing.text(100, top - 9, f"top: 180° {top_means}", "quiet", "end")
        for event in (result.events.first_airborne_frame, result.events.first_water_contact_frame):
            if event is not None:
                drawing.line(axis.at(event.frame), top, axis.at(event.frame), top + _CURVE, "event")
        if k < 2 and len(result.stages) == 3:
            low = _lowest(result, values)
            if low is not None:
                at, y = axis.at(low[0]), top + _CURVE * (1 - low[1] / 180)
                drawing.dot(at, y, 4.5, "query")
                drawing.text(
                    at, y - 10 if low[1] < 90 else y + 20, f"{low[1]:.0f}°", "accent strong", "middle"
                )
    drawing.text(0, bottom + 6, _seconds(result, angles.frames[0]), "quiet")
    drawing.text(100, bottom + 6, _seconds(result, angles.frames[-1]), "quiet", "end")
    rows = [
        [f"{frame}", *("–" if v is None else f"{v:.0f}" for v in values)]
        for frame, *values in zip(angles.frames, angles.knee, angles.hip, angles.trunk, strict=True)
    ]
    table = Table(
        title="Angles in degrees", head=("frame", "knees", "hips", "trunk"), rows=rows, fields=("angles",)
    )
    return Figure(drawing=drawing.markup(), captions=captions, table=table)


def attention_bars(result: Result) -> Figure | None:
    """Attention of the fusion over the sampled frames."""
    if not result.attention or not result.attention_frames or not result.stages:
        return None
    frames, weights = result.attention_frames, result.attention
    axis = Axis(frames[0], frames[-1] + 1)
    stages = [stage_at(result, frame) for frame in frames]
    evenly = [weight * stages.count(stage) for weight, stage in zip(weights, stages, strict=True)]
    top = max(*evenly, 1.0)
    captions = [*say.attention(result), say.even_attention()]
    drawing = Drawing(132, " ".join(caption.text for caption in captions))
    for k, stage in enumerate(result.stages):
        left, right = max(axis.at(stage.start_frame), 0), min(axis.at(stage.end_frame), 100)
        drawing.rect(left, right, 22, 90, _style("wash", result, k))
        x, anchor = _place_of_name(left, right)
        drawing.text(x, 14, stage.name, "", anchor)
    width = 70 / len(frames)
    for frame, times in zip(frames, evenly, strict=True):
        x, height = axis.at(frame), 88 * times / top
        drawing.rect(x, x + width, 112 - height, height, "bar")
    drawing.line(0, 112 - 88 / top, 100, 112 - 88 / top, "zero")
    drawing.line(0, 112, 100, 112, "axis")
    drawing.text(0, 128, _seconds(result, frames[0]), "quiet")
    drawing.text(100, 128, _seconds(result, frames[-1]), "quiet", "end")
    rows = [
        [f"{frame}", f"{weight:.4f}", f"{times:.2f}"]
        for frame, weight, times in zip(frames, weights, evenly, strict=True)
    ]
    head = ("frame", "attention", "times an even look")
    table = Table(
        title="Attention, adding up to 1 in each stage",
        head=head,
        rows=rows,
        fields=("attention", "attention_frames"),
    )
    return Figure(drawing=drawing.markup(), captions=captions, table=table)


def _seconds(result: Result, frame: int) -> str:
    time = seconds_at(result, frame)
    return f"frame {frame}" if time is None else f"{time:.2f}\u00a0s"


def _lowest(result: Result, values: Sequence[float | None]) -> tuple[int, float] | None:
    """In flight."""
    frames = result.angles.frames if result.angles else []
    return smallest(values, frames, result.stages[1].start_frame, result.stages[1].end_frame)


def _style(kind: str, result: Result, stage: int) -> str:
    """A stage has its colour whichever others were seen."""
    return f"{kind}{STAGE_NAMES.index(result.stages[stage].name)}"


def _anchor(x: float) -> Anchor:
    return "start" if x < 25 else "end" if x > 75 else "middle"


def _place_of_name(left: float, right: float) -> tuple[float, Anchor]:
    """In the middle of a stage, unless the name of a short stage would leave the drawing."""
    middle = (left + right) / 2
    return (0.0, "start") if middle < 12 else (100.0, "end") if middle > 90 else (middle, "middle")


def _around_zero(values: Sequence[float]) -> Axis:
    """Zero in the middle: what was lost lies left, what was won right."""
    largest = max(max(map(abs, values), default=0.0), 0.5) * 1.05
    return Axis(-largest, largest)


def _stacked(xs: Sequence[float]) -> list[tuple[float, float]]:
    """Dots that would cover each other, one above the other.

    >>> _stacked([10.0, 10.5, 40.0])
    [(10.0, 0.0), (10.5, 9.0), (40.0, 0.0)]
    """
    placed: list[tuple[float, float]] = []
    for x in xs:
        level = 0.0
        while any(abs(x - other) < 2.5 and level == lift for other, lift in placed) and level < 27:
            level += 9.0
        placed.append((x, level))
    return placed
