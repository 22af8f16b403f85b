"""The dive beside the exemplar that differs least from it, stage by stage."""

from stagescore.report.charts import Chart, Table, stage_style
from stagescore.report.keyframes import (
    AlignedPair,
    aligned_pairs,
    nearest_exemplar,
    shown_edges,
    whole_edges,
)
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.score_breakdown import sum_of_stage
from stagescore.report.sections import Content, Section
from stagescore.report.sentences import TIMES, Sentence, listed, moment, points, short_moment, signed
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.result import Result


def build(result: Result, pictures: Pictures) -> Content | None:
    """Bars and pictures of both; nothing without a score, or where the exemplar has other stages."""
    index = nearest_exemplar(result)
    if result.score is None or index is None:
        return None
    bars = aligned_bars(result, index)
    if bars is None:
        return None
    pairs = aligned_pairs(result, result.exemplars[index])
    query = pictures.strip(pair.query_frame for pair in pairs)
    other = pictures.exemplar_strip(pair.exemplar_frame for pair in pairs)
    rows = [
        (
            stage.name,
            [
                shot
                for pair in pairs
                if pair.stage == k
                for shot in (_shot(result, pair, query), _exemplar_shot(result, index, pair, other))
                if shot is not None
            ],
        )
        for k, stage in enumerate(result.stages)
    ]
    return {
        "bars": bars,
        "rows": rows if query else [],
        "paired": bool(other),
        "note": None if other else no_exemplar_pictures(index),
    }


def frames(result: Result) -> tuple[int, ...]:
    """The query's frames of the aligned pairs."""
    index = nearest_exemplar(result)
    if index is None:
        return ()
    return tuple(pair.query_frame for pair in aligned_pairs(result, result.exemplars[index]))


def nearest(result: Result, index: int) -> Sentence:
    """The exemplar that is shown beside the query."""
    vote, where = result.exemplars[index], f"exemplars[{index}]"
    number = f" ({vote.dive_number})" if vote.dive_number else ""
    names = ("dive_id", "dive_number", "score", "delta")
    return Sentence(
        f"The exemplar that differs least, stage by stage, is {vote.name}{number}: "
        f"{points(vote.score)} points; it votes for {points(vote.vote)}.",
        (*(f"{where}.{name}" for name in names), "exemplars[].stage_deltas"),
    )


def against(result: Result, index: int) -> Sentence:
    """This dive against one exemplar, by stage."""
    vote = result.exemplars[index]
    parts = [f"{stage.name} {signed(sum_of_stage(vote, k))}" for k, stage in enumerate(result.stages)]
    return Sentence(
        f"Against it, in points: {listed(parts)}; together {signed(vote.delta)}.",
        (f"exemplars[{index}].stage_deltas", f"exemplars[{index}].delta"),
    )


def shown_part(result: Result) -> Sentence | None:
    """Which part of the dive stands beside the exemplar; None where it is the whole."""
    shown, whole = shown_edges(result.stages), whole_edges(result.stages)
    if not shown or (shown[0], shown[-1]) == (whole[0], whole[-1]):
        return None
    return Sentence(
        f"Of this dive the network was shown {moment(result, shown[0])} to {moment(result, shown[-1] - 1)}, and of the "
        "exemplar the part around its flight likewise; bars and pictures side by side are of these parts.",
        ("stages[].shown_frames", *TIMES),
    )


def no_exemplar_pictures(index: int) -> Sentence:
    """Why only one dive is shown."""
    return Sentence(
        "No pictures of the exemplar are at hand, so its stages and numbers are shown without them.",
        (f"exemplars[{index}].edges",),
    )


def aligned_bars(result: Result, index: int) -> Chart | None:
    """The stages of the query and of an exemplar as shares of what the network was shown of each."""
    exemplar = result.exemplars[index]
    if len(exemplar.edges) != len(result.stages) + 1:
        return None
    bars = (("this dive", shown_edges(result.stages)), (exemplar.name, exemplar.edges))
    drawing = Drawing(
        108,
        "Stages of this dive and of the exemplar as shares of what the network was shown of each. The table has the numbers.",
    )
    for row, (name, edges) in enumerate(bars):
        axis = Axis(edges[0], edges[-1])
        drawing.text(0, 54 * row + 15, name, "strong" if not row else "")
        for k, stage in enumerate(result.stages):
            left, right = axis.at(edges[k]), axis.at(edges[k + 1])
            drawing.rect(left, right, 54 * row + 22, 20, stage_style("stage", stage))
    rows = []
    for k, stage in enumerate(result.stages):
        shares = [f"{100 * (edges[k + 1] - edges[k]) / (edges[-1] - edges[0]):.0f} %" for _, edges in bars]
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
    captions = [nearest(result, index), against(result, index), shown_part(result)]
    return Chart(drawing=drawing.markup(), captions=[told for told in captions if told], table=table)


def _shot(result: Result, pair: AlignedPair, uris: dict[int, str]) -> CaptionedPicture | None:
    if pair.query_frame not in uris:
        return None
    caption = Sentence(
        f"This dive, {short_moment(result, pair.query_frame)}",
        tuple(f"stages[{pair.stage}].{name}" for name in ("start_frame", "end_frame", "shown_frames")),
    )
    return CaptionedPicture(uris[pair.query_frame], f"This dive, {_share(result, pair)}", caption)


def _exemplar_shot(
    result: Result, index: int, pair: AlignedPair, uris: dict[int, str]
) -> CaptionedPicture | None:
    if pair.exemplar_frame not in uris:
        return None
    num_shown = result.exemplars[index].edges[-1]
    caption = Sentence(
        f"Exemplar, frame {pair.exemplar_frame} of {num_shown} shown to the network",
        (f"exemplars[{index}].edges",),
    )
    return CaptionedPicture(uris[pair.exemplar_frame], f"The exemplar, {_share(result, pair)}", caption)


def _share(result: Result, pair: AlignedPair) -> str:
    return f"{pair.share:.0%} into the {result.stages[pair.stage].name}"


SECTION = Section(
    order=50,
    title="Beside the nearest exemplar",
    reads=("exemplars", "stages", "score"),
    build=build,
    frames=frames,
    printed=False,
)
