"""A result as a table and as a figure, for Python callers."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from stagescore.scoring.result_parts import Angles, Events, StageResult

_COLOURS = ("#4477aa", "#228833", "#cc6677")


def stage_table(stages: Sequence[StageResult]) -> pd.DataFrame:
    """A row for each stage, in the order of the dive."""
    rows = [stage.model_dump() for stage in stages]
    columns = ["name", "start_frame", "end_frame", "start_s", "end_s", "confidence", "difference"]
    return pd.DataFrame(rows, columns=columns)


def stage_figure(title: str, stages: Sequence[StageResult], events: Events, angles: Angles | None) -> Figure:
    """Stages and events above, angles below, over frames of the input.

    Args:
        title: Title of the figure, in words.
        stages: Stages in the order of the dive.
        events: Events that are marked where they were found.
        angles: Angles of the body; None where there are none.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    for colour, stage in zip(_COLOURS, stages, strict=False):
        upper.axvspan(stage.start_frame, stage.end_frame, color=colour, alpha=0.4)
        told = stage.name if stage.difference is None else f"{stage.name}\n{stage.difference:+.2f}"
        upper.text((stage.start_frame + stage.end_frame) / 2, 0.5, told, ha="center", va="center")
    marks = events.first_airborne_frame, events.first_water_contact_frame
    for event, name in zip(marks, ("airborne", "water contact"), strict=True):
        if event is not None:
            upper.axvline(event.frame, color="black", linestyle="--", label=f"{name} ({event.frame})")
    upper.set_yticks([])
    if any(marks):
        upper.legend(loc="upper right")
    upper.set_title(title)
    if angles is not None:
        for name in ("knee", "hip", "trunk"):
            values = [float("nan") if value is None else value for value in getattr(angles, name)]
            lower.plot(angles.frames, values, label=name)
        lower.legend(loc="upper right")
    lower.set_xlabel("frame")
    lower.set_ylabel("degrees")
    return figure
