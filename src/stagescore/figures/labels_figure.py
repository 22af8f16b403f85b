"""A picture of labels: what the dive number alone says, where the stages lie, and the room for a model."""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from stagescore.atomic import write_bytes
from stagescore.data.manifest import Manifest
from stagescore.evaluation.floors import Bound, Floors
from stagescore.types import STAGE_NAMES

_INK = "#1f2d3a"
_FLOOR, _CEILING, _ROOM = "#c8553d", "#2a7f62", "#d9e6f2"
_STAGES = ("#8fb8de", "#2f6690", "#16425b")
_NUM_SHOWN = 24
_ROOM_FOR_A_LABEL = 0.45


def write_labels_figure(manifest: Manifest, floors: Floors, path: Path) -> None:
    """Draw the picture into a PNG file.

    Args:
        manifest: Manifest of the dives.
        floors: Floors and ceilings of the same manifest.
        path: File to write; written atomically.

    Raises:
        DataError: It cannot be written.
    """
    with mpl.rc_context(
        {"font.size": 9, "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK}
    ):
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        by_number, stages, room = figure.subplots(1, 3, width_ratios=(1.1, 1.2, 1))
        _draw_dive_numbers(by_number, manifest)
        _draw_stages(stages, manifest)
        _draw_room(room, floors)
        for axes in (by_number, stages, room):
            axes.spines[["top", "right"]].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=130, metadata={"Software": None})
    write_bytes(path, content.getvalue())


def _draw_dive_numbers(axes: Axes, manifest: Manifest) -> None:
    """Each dive's score beside its dive number's mean: the spread is what a video has to explain."""
    scores: dict[str, list[float]] = {}
    for dive in manifest:
        if dive.dive_number:
            scores.setdefault(dive.dive_number, []).append(dive.score)
    common = sorted(scores, key=lambda number: -len(scores[number]))[:_NUM_SHOWN]
    common.sort(key=lambda number: float(np.mean(scores[number])))
    for row, number in enumerate(common):
        values = scores[number]
        axes.plot(values, [row] * len(values), "o", ms=3, mew=0, alpha=0.35, color=_STAGES[1])
        axes.plot([np.mean(values)] * 2, [row - 0.35, row + 0.35], color=_FLOOR, lw=2)
    axes.set_yticks(range(len(common)), common, fontsize=7)
    axes.set_xlabel("final score, points")
    axes.set_title("Scores by dive number\n(bar: mean, all that a number says)", fontsize=9, loc="left")


def _draw_stages(axes: Axes, manifest: Manifest) -> None:
    """Labelled stages of some dives, in the order of their first transition."""
    spans = [(dive, found) for dive in manifest if (found := dive.stages()) is not None]
    spans.sort(key=lambda item: item[1].edges[1] / item[1].num_frames)
    shown = spans[:: max(1, len(spans) // _NUM_SHOWN)][:_NUM_SHOWN]
    for row, (_, found) in enumerate(shown):
        for stage, (start, end) in enumerate(found.spans):
            axes.barh(
                row, (end - start) / found.num_frames, left=start / found.num_frames, color=_STAGES[stage]
            )
    axes.set_yticks(
        range(len(shown)), [dive.dive_number or dive.dive_id[-12:] for dive, _ in shown], fontsize=7
    )
    axes.set_xlabel("share of the clip")
    axes.set_xlim(0, 1)
    axes.set_title("Labelled stages", fontsize=9, loc="left")
    if shown:
        axes.legend(
            axes.containers[:3],
            STAGE_NAMES,
            ncols=3,
            fontsize=7,
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1, 1),
        )


def _draw_room(axes: Axes, floors: Floors) -> None:
    """Floors and ceilings of rank correlation; a model belongs into the shaded room."""
    bounds = [(bound, bound.srcc) for bound in _distinct(floors) if bound.srcc is not None]
    floor = max((value for bound, value in bounds if bound.kind == "floor"), default=None)
    ceiling = max((value for bound, value in bounds if bound.kind == "ceiling"), default=None)
    if floor is not None and ceiling is not None:
        axes.axvspan(floor, ceiling, color=_ROOM, zorder=0)
        axes.text((floor + ceiling) / 2, -0.75, "room for a model", ha="center", fontsize=8)
    for row, (bound, value) in enumerate(bounds):
        axes.barh(row, value, height=0.55, color=_FLOOR if bound.kind == "floor" else _CEILING)
        inside = value > _ROOM_FOR_A_LABEL  # else the label stands behind the figure
        axes.text(
            0.01 if inside else max(value, 0.0) + (0.12 if value > 0 else 0.3),
            row,
            _label(bound),
            va="center",
            fontsize=6.5,
            color="white" if inside else _INK,
        )
        axes.text(max(value, 0.0) + 0.01, row, f"{value:.3f}", va="center", fontsize=7)
    axes.set_ylim(len(bounds) - 0.4, -1.1)
    axes.set_yticks([])
    axes.set_xlim(min([0.0, *(value - 0.05 for _, value in bounds)]), 1.12)
    axes.set_xlabel("Spearman's rank correlation (SRCC)")
    axes.set_title("Floors without a video, ceilings of the judges", fontsize=9, loc="left")


def _distinct(floors: Floors) -> list[Bound]:
    """Without synchronised dives, the rows of all dives and of individual ones are the same."""
    rows = {(b.name, b.kind, b.num_train, b.num_test): b for b in floors.bounds}
    return list(rows.values())


def _label(bound: Bound) -> str:
    return f"{bound.name.replace('_', ' ')}, {bound.dives.split(' (')[0].removesuffix(' dives')}"
