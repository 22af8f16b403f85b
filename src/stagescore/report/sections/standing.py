"""How the score stands: among the exemplars' scores, beside what is expected without the film, and for which films it holds."""

from stagescore.report import number_sentences as number
from stagescore.report import sentences as say
from stagescore.report.charts import Chart, Table, anchor_at, stacked
from stagescore.report.pictures import Pictures
from stagescore.report.score_breakdown import mean
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import Sentence, counted, points
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content | None:
    """The strip of scores and what is said beside it; warnings of a dive with a score stand in the section on trust."""
    content = {
        "strip_of_scores": standing_strip(result),
        "sentences": [
            one
            for one in (
                number.execution(result),
                number.dive_number(result),
                shown_on(result),
                *say.prior(result)[:1],
            )
            if one is not None
        ],
        "warnings": say.warnings(result) if result.score is None else [],
    }
    return content if any(content.values()) else None


def shown_on(result: Result) -> Sentence | None:
    """The kind of film that the network has been shown to work on."""
    if result.networks is None or not result.networks.shown_on:
        return None
    return Sentence(
        f"Its network {result.networks.weights} has been shown to work on: {result.networks.shown_on.rstrip('.')}.",
        ("networks.weights", "networks.shown_on"),
    )


def standing(result: Result) -> Sentence | None:
    """Where the score stands among the exemplars'."""
    if result.score is None or not result.exemplars:
        return None
    scores = [vote.score for vote in result.exemplars]
    below = sum(score < result.score for score in scores)
    return Sentence(
        f"Higher than {below} of {counted(len(scores), 'exemplar')} "
        f"({points(min(scores), 1)} to {points(max(scores), 1)}, mean {points(mean(scores), 1)}).",
        ("score", "exemplars[].score"),
    )


def standing_strip(result: Result) -> Chart | None:
    """The score and its interval on one line with the exemplars' scores."""
    caption = standing(result)
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
    for x, y in stacked([axis.at(score) for score in sorted(scores)]):
        drawing.dot(x, 66 - y, 5, "exemplar")
    at = axis.at(result.score)
    drawing.line(at, 26, at, 76, "query")
    drawing.text(at, 20, f"this dive {points(result.score)}", "strong", anchor_at(at))
    for tick in axis.ticks():
        drawing.text(axis.at(tick), 94, f"{tick:g}", "quiet", "middle")
    rows = [
        ["this dive", points(result.score)],
        *([vote.name, points(vote.score)] for vote in result.exemplars),
    ]
    table = Table(
        title="Scores in points",
        head=("dive", "points"),
        rows=rows,
        fields=("score", "exemplars[].dive_id", "exemplars[].score"),
    )
    return Chart(drawing=drawing.markup(), captions=[caption], table=table)


SECTION = Section(
    order=25,
    title="How the score stands",
    reads=(
        *("score", "interval", "exemplars", "networks", "execution", "difficulty"),
        *("dive_number", "dive_number_source", "recognised", "disagrees", "prior", "film_share", "warnings"),
    ),
    build=build,
)
