"""Where the points went: from the mean exemplar to the score, by stage, by exemplar and by branch of the network."""

from stagescore.report.charts import Chart, Table, axis_around_zero, stacked
from stagescore.report.pictures import Pictures
from stagescore.report.score_breakdown import (
    ScoreBreakdown,
    adds_up,
    breakdown_of,
    mean,
    mean_of_branch,
    sum_of_stage,
)
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, capitalized, counted, listed, points, signed
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result

_ROW = 46


def build(result: Result, pictures: Pictures) -> Content | None:
    """The three figures; nothing for a score that is not made of parts."""
    if not adds_up(result):
        return None
    breakdown = breakdown_of(result)
    return {
        "steps": steps(breakdown, len(result.exemplars)),
        "votes": votes(result),
        "branches": branch_bars(result),
    }


def sum_of_parts(breakdown: ScoreBreakdown, num_exemplars: int) -> Sentence:
    """The score as a sum."""
    start, *stages = breakdown.printed
    parts = ", ".join(
        f"{name.lower()} {signed(float(v))}" for name, v in zip(breakdown.names[1:], stages, strict=True)
    )
    whose = "The exemplar has" if num_exemplars == 1 else f"The {num_exemplars} exemplars have"
    mean_of = "" if num_exemplars == 1 else " on average"
    tail = f"; {signed(float(breakdown.rounding))} is rounding" if breakdown.rounding else ""
    return Sentence(
        f"{whose} {points(float(start))} points{mean_of}. With {parts} that makes {breakdown.printed_total}{tail}.",
        breakdown.fields,
    )


def branches(result: Result) -> Sentence | None:
    """What each branch of the network says."""
    if len(result.branches) < 2 or not result.exemplars:
        return None
    stages = range(len(result.stages))
    sums = [sum(mean_of_branch(result, k, b) for k in stages) for b in range(len(result.branches))]
    parts = [f"the {name} branch {signed(value)}" for name, value in zip(result.branches, sums, strict=True)]
    return Sentence(
        f"{capitalized(listed(parts))} points, all stages together.",
        ("branches", "exemplars[].stage_deltas"),
    )


def spread(result: Result) -> Sentence:
    """How far the votes lie apart."""
    votes = [vote.vote for vote in result.exemplars]
    return Sentence(
        f"{counted(len(votes), 'vote')}, from {points(min(votes))} to {points(max(votes))}; their mean is {points(mean(votes))}.",
        ("exemplars[].score", "exemplars[].delta"),
    )


def steps(breakdown: ScoreBreakdown, num_exemplars: int) -> Chart:
    """From the mean exemplar to the score, stage by stage."""
    totals = [breakdown.parts[0]]
    for part in breakdown.parts[1:]:
        totals.append(totals[-1] + part)
    least = max(max(totals) - min(totals), 1.0)
    axis = Axis(min(totals) - 0.25 * least, max(totals) + 0.3 * least)  # room for the numbers
    caption = sum_of_parts(breakdown, num_exemplars)
    drawing = Drawing(_ROW * (len(totals) + 1) + 4, caption.text)
    for row, (name, value) in enumerate(zip(breakdown.names, breakdown.printed, strict=True)):
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
    drawing.text(100, y + 16, f"{breakdown.printed_total}", "figure accent", "end")
    drawing.line(0, y + 30, 100, y + 30, "hair")
    drawing.dot(axis.at(breakdown.total), y + 30, 7, "query")
    return Chart(drawing=drawing.markup(), captions=[caption], table=breakdown_table(breakdown))


def breakdown_table(breakdown: ScoreBreakdown) -> Table:
    """The parts as printed, the rounding if there is any, the total; and all digits beside them."""
    rows = [
        [name, points(float(printed)) if not k else signed(float(printed)), repr(part)]
        for k, (name, printed, part) in enumerate(
            zip(breakdown.names, breakdown.printed, breakdown.parts, strict=True)
        )
    ]
    if breakdown.rounding:
        rows.append(["Rounding of the printed parts", signed(float(breakdown.rounding)), ""])
    rows.append(["Score", f"{breakdown.printed_total}", repr(breakdown.total)])
    return Table(
        title="The parts add up to the score",
        head=("part", "points", "all digits"),
        rows=rows,
        fields=breakdown.fields,
    )


def votes(result: Result) -> Chart:
    """Each exemplar's difference in each stage."""
    values = [[sum_of_stage(vote, k) for vote in result.exemplars] for k in range(len(result.stages))]
    axis = axis_around_zero([value for stage in values for value in stage])
    drawing = Drawing(
        64 * len(values) + 26,
        "Each exemplar's difference in each stage; a bar marks the mean. The table has the numbers.",
    )
    for k, stage in enumerate(result.stages):
        y, average = 64 * k, stage.difference or 0.0
        drawing.text(0, y + 16, stage.name, "strong")
        drawing.text(100, y + 16, signed(average), "figure", "end")
        drawing.line(0, y + 40, 100, y + 40, "hair")
        for x, lift in stacked([axis.at(value) for value in sorted(values[k])]):
            drawing.dot(x, y + 40 - lift / 2, 4.5, "exemplar")
        drawing.line(axis.at(average), y + 26, axis.at(average), y + 54, "query")
    bottom = 64 * len(values)
    drawing.line(axis.at(0), 24, axis.at(0), bottom, "zero")
    drawing.text(axis.at(0), bottom + 16, "as good as the exemplar", "quiet", "middle")
    drawing.text(0, bottom + 16, f"{signed(axis.low, 1)}", "quiet")
    drawing.text(100, bottom + 16, f"{signed(axis.high, 1)}", "quiet", "end")
    return Chart(drawing=drawing.markup(), captions=[spread(result)], table=_vote_table(result))


def _vote_table(result: Result) -> Table:
    rows = [
        [vote.name, vote.dive_number or "–", points(vote.score)]
        + [signed(sum_of_stage(vote, k)) for k in range(len(result.stages))]
        + [points(vote.vote)]
        for vote in result.exemplars
    ]
    return Table(
        title="Exemplars and their votes, in points",
        head=("exemplar", "number", "its score", *(stage.name for stage in result.stages), "its vote"),
        rows=rows,
        fields=("exemplars",),
    )


def branch_bars(result: Result) -> Chart | None:
    """Mean difference of each stage in each branch; None for a network of one branch."""
    caption = branches(result)
    if caption is None:
        return None
    count = len(result.branches)
    means = [[mean_of_branch(result, k, b) for b in range(count)] for k in range(len(result.stages))]
    axis = axis_around_zero([value for row in means for value in row])
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
    return Chart(drawing=drawing.markup(), captions=[caption], table=table)


SECTION = Section(
    order=40,
    title="Where the points went",
    reads=("score", "stages", "exemplars", "branches", "prior"),
    build=build,
    printed=False,
)
