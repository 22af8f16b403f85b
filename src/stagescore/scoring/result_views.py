"""A result as a table and as a figure, for Python callers."""

import pandas as pd
from matplotlib.figure import Figure

from stagescore.scoring.result import Result

_COLOURS = ("#4477aa", "#228833", "#cc6677")


def stage_table(result: Result) -> pd.DataFrame:
    """A row a stage, in the order of the dive."""
    rows = [stage.model_dump() for stage in result.stages]
    columns = ["name", "start_frame", "end_frame", "start_s", "end_s", "confidence", "difference"]
    return pd.DataFrame(rows, columns=columns)


def stage_figure(result: Result) -> Figure:
    """Stages and events above, angles below, over frames of the input."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2))
    for colour, stage in zip(_COLOURS, result.stages, strict=False):
        upper.axvspan(stage.start_frame, stage.end_frame, color=colour, alpha=0.4)
        told = stage.name if stage.difference is None else f"{stage.name}\n{stage.difference:+.2f}"
        upper.text((stage.start_frame + stage.end_frame) / 2, 0.5, told, ha="center", va="center")
    events = result.events.first_airborne_frame, result.events.first_water_contact_frame
    for event, name in zip(events, ("airborne", "water contact"), strict=True):
        if event is not None:
            upper.axvline(event.frame, color="black", linestyle="--", label=f"{name} ({event.frame})")
    upper.set_yticks([])
    if any(events):
        upper.legend(loc="upper right")
    score = "no score" if result.score is None else f"{result.score:.2f} points"
    upper.set_title(f"{result.input.name}: {score} ({result.status})")
    if result.angles is not None:
        for name in ("knee", "hip", "trunk"):
            values = [float("nan") if value is None else value for value in getattr(result.angles, name)]
            lower.plot(result.angles.frames, values, label=name)
        lower.legend(loc="upper right")
    lower.set_xlabel("frame")
    lower.set_ylabel("degrees")
    return figure
