"""The page about two dives: points stage by stage, frames side by side, and the angles of both on one time base."""

from collections.abc import Sequence

from stagescore.report.charts import Chart, Table
from stagescore.report.keyframes import AlignedPair, pairs_of_stages, shown_edges, whole_edges
from stagescore.report.pictures import CaptionedPicture, Pictures
from stagescore.report.rendering import render
from stagescore.report.sentences import Sentence, points, signed
from stagescore.report.svg import Axis, Drawing
from stagescore.scoring.compare import DiveComparison

_PANEL, _GAP = 110, 44
_ANGLES = (("Knees", "stretched"), ("Hips", "stretched"), ("Trunk to the vertical", "head down"))
_NOTHING = 0.05
"""Points below which dives or stages count as equal. Set by hand."""
_NONE = Pictures()


def compare_page(comparison: DiveComparison, first: Pictures = _NONE, second: Pictures = _NONE) -> str:
    """The page about two dives, or about one and an exemplar of the bank.

    Args:
        comparison: Comparison of the two dives, as `scoring.compare` gives it.
        first: Pictures of the first dive, at the frames of `compared_pairs`; may be empty.
        second: Pictures of the second dive, or of the exemplar; may be empty.
    """
    return render(
        "compare.html.j2",
        names=names_of(comparison),
        exemplar=comparison.exemplar,
        verdict=verdict(comparison),
        scores=scores(comparison),
        trust=_trust(comparison),
        stages=stage_figure(comparison),
        beside=frames_beside(comparison, first, second),
        angles=angle_figure(comparison),
    )


def names_of(comparison: DiveComparison) -> tuple[str, str]:
    """What the two dives are called."""
    first = comparison.first.input.name
    if comparison.second is None:
        return first, f"exemplar {comparison.exemplar}"
    second = comparison.second.input.name
    return first, second if second != first else f"{second} (2)"


def verdict(comparison: DiveComparison) -> Sentence:
    """Who is ahead, and in which stage most."""
    first, second = names_of(comparison)
    most = max(comparison.stages, key=lambda stage: abs(stage.difference))
    if abs(comparison.difference) < _NOTHING:
        told = f"{first} and {second} are seen as equal."
    else:
        ahead, behind = (first, second) if comparison.difference > 0 else (second, first)
        told = f"{ahead} is seen {points(abs(comparison.difference))} points ahead of {behind}."
    if abs(most.difference) >= _NOTHING:
        told += f" The {most.name} differs most: {signed(most.difference)} points for {first}."
    # Names of films keep their case; "the exemplar" may begin the sentence.
    if comparison.second is None and told.startswith(second):
        told = told[:1].upper() + told[1:]
    return Sentence(told, ("difference", "stages[].difference"))


def scores(comparison: DiveComparison) -> Sentence | None:
    """What each of them is worth beside its exemplars, and why that is not the same difference."""
    first, second = names_of(comparison)
    if comparison.second is None:
        other, field = comparison.exemplar_score, "exemplar_score"
    else:
        other, field = comparison.second.score, "second.score"
    if comparison.first.score is None or other is None:
        return None
    told = f"Scored on their own, {first} comes to {points(comparison.first.score)} points and {second} to {points(other)}."
    if comparison.second is None:
        told = f"{first} comes to {points(comparison.first.score)} points beside its exemplars; {second} has {points(other)}."
    return Sentence(
        f"{told} The difference on this page is of one comparison alone, the score of several.",
        ("first.score", field),
    )


def stage_figure(comparison: DiveComparison) -> Chart:
    """A bar a stage, to the right where the first dive is ahead."""
    first, second = names_of(comparison)
    largest = max((abs(stage.difference) for stage in comparison.stages), default=0.0)
    axis = Axis(-max(largest, 1.0), max(largest, 1.0), margin=2)
    drawing = Drawing(
        44 * len(comparison.stages) + 20, "Difference of points a stage. The table has the numbers."
    )
    for row, stage in enumerate(comparison.stages):
        y = 44 * row
        drawing.text(0, y + 14, stage.name, "strong")
        drawing.text(100, y + 14, signed(stage.difference), "figure", "end")
        style = "loss" if stage.difference < 0 else "gain"
        drawing.rect(axis.at(0), axis.at(stage.difference), y + 20, 12, style)
        drawing.line(axis.at(0), y + 16, axis.at(0), y + 36, "zero")
    bottom = 44 * len(comparison.stages) + 14
    drawing.text(0, bottom, f"{second} ahead", "quiet")
    drawing.text(100, bottom, f"{first} ahead", "quiet", "end")
    rows = [
        [stage.name, *map(signed, stage.by_branch), signed(stage.difference)] for stage in comparison.stages
    ]
    rows.append(["together", *("" for _ in comparison.branches), signed(comparison.difference)])
    table = Table(
        title=f"Points, {first} less {second}",
        head=("stage", *comparison.branches, "together"),
        rows=rows,
        fields=("stages[].difference", "stages[].by_branch", "difference"),
    )
    return Chart(drawing=drawing.markup(), captions=[], table=table)


def compared_pairs(comparison: DiveComparison) -> tuple[AlignedPair, ...]:
    """The moments of both dives that the page shows side by side, three a stage.

    Beside an exemplar only what the network was shown of the dive is laid, since of the exemplar nothing else is kept.
    """
    stages = comparison.first.stages
    if comparison.second is not None:
        return pairs_of_stages(whole_edges(stages), whole_edges(comparison.second.stages))
    return pairs_of_stages(shown_edges(stages), comparison.exemplar_edges or [])


def frames_beside(
    comparison: DiveComparison, first: Pictures, second: Pictures
) -> list[tuple[str, list[CaptionedPicture]]]:
    """By stage: frames of both dives in turn; empty where one of them has no pictures."""
    pairs = compared_pairs(comparison)
    mine = first.strip(pair.query_frame for pair in pairs)
    frames = [pair.exemplar_frame for pair in pairs]
    theirs = second.exemplar_strip(frames) if comparison.second is None else second.strip(frames)
    if not mine or not theirs:
        return []
    names = names_of(comparison)
    rows: list[tuple[str, list[CaptionedPicture]]] = []
    edges: tuple[str, ...] = "start_frame", "end_frame"
    counted = "A, frame {}", "B, frame {}"
    if comparison.second is None:
        edges = (*edges, "shown_frames")
        num_shown = (comparison.exemplar_edges or [0])[-1]
        counted = counted[0], f"B, frame {{}} of {num_shown} shown to the network"
    for k, stage in enumerate(comparison.first.stages):
        fields = (
            tuple(f"first.stages[{k}].{edge}" for edge in edges),
            (
                ("exemplar_edges",)
                if comparison.second is None
                else tuple(f"second.stages[{k}].{edge}" for edge in edges)
            ),
        )
        shots = []
        for pair in (pair for pair in pairs if pair.stage == k):
            shown = zip((mine, theirs), (pair.query_frame, pair.exemplar_frame), strict=True)
            for place, (uris, frame) in enumerate(shown):
                if frame in uris:
                    caption = Sentence(counted[place].format(frame), fields[place])
                    alt = f"{names[place]}, {pair.share:.0%} into the {stage.name}"
                    shots.append(CaptionedPicture(uris[frame], alt, caption))
        rows.append((stage.name, shots))
    return rows


def angle_figure(comparison: DiveComparison) -> Chart | None:
    """Knees, hips and trunk of both dives, stage by stage on a common width; None where no joints are known."""
    moments = comparison.moments
    if all(angle is None for moment in moments for angle in (*moment.first_angles, *moment.second_angles)):
        return None
    first, second = names_of(comparison)
    axis = Axis(0, len(comparison.stages))
    xs = [axis.at(moment.time) for moment in moments]
    drawing = Drawing(
        len(_ANGLES) * (_PANEL + _GAP) + 40,
        f"Knee, hip and trunk angles of {first} and {second}, aligned by stage. The table has the numbers.",
    )
    drawing.line(0, 10, 4, 10, "curve")
    drawing.text(5, 15, first)
    drawing.line(50, 10, 54, 10, "curve other")
    drawing.text(
        55, 15, second if comparison.second is not None else f"{second}: its joints are not kept", ""
    )
    for k, (name, top_means) in enumerate(_ANGLES):
        top = 40 + k * (_PANEL + _GAP) + 18
        drawing.text(0, top - 8, name, "strong")
        drawing.text(100, top - 8, f"top: 180° {top_means}", "quiet", "end")
        for stage in range(len(comparison.stages)):
            drawing.rect(axis.at(stage), axis.at(stage + 1), top, _PANEL, f"wash{stage}")
        drawing.curve(xs, _shares([m.second_angles[k] for m in moments]), top, _PANEL, "curve other")
        drawing.curve(xs, _shares([m.first_angles[k] for m in moments]), top, _PANEL, "curve")
    bottom = 40 + len(_ANGLES) * (_PANEL + _GAP) - 8
    for number, stage_result in enumerate(comparison.stages):
        drawing.text(axis.at(number + 0.5), bottom, stage_result.name, "quiet", "middle")
    rows = [
        [f"{moment.time:.2f}", *(_degrees(a) for a in (*moment.first_angles, *moment.second_angles))]
        for moment in moments
    ]
    table = Table(
        title="Angles in degrees; time is the stage (0, 1, 2) and the share of it",
        head=("time", "A knees", "A hips", "A trunk", "B knees", "B hips", "B trunk"),
        rows=rows,
        fields=("moments[].first_angles", "moments[].second_angles"),
    )
    return Chart(drawing=drawing.markup(), captions=[], table=table)


def _trust(comparison: DiveComparison) -> Sentence | None:
    if comparison.first.validated:
        return None
    if known := comparison.first.validation:
        return Sentence(known.gain_words, ("first.validation",))
    return Sentence("The weights were never validated on real dives.", ("first.validated",))


def _shares(degrees: Sequence[float | None]) -> list[float | None]:
    return [None if angle is None else angle / 180 for angle in degrees]


def _degrees(angle: float | None) -> str:
    return "–" if angle is None else f"{angle:.0f}"
