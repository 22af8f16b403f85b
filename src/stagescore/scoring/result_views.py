"""A result as a table and as a figure, for Python callers."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from stagescore.scoring.result_parts import Angles, Events, InputFile, StageResult

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


def frame_table(film: InputFile, stages: Sequence[StageResult], angles: Angles | None) -> pd.DataFrame:
    """A row for each frame that was used; times are of a film with evenly spaced frames, NaN where the rate is not known.

    Args:
        film: The film with the frames that were used.
        stages: Stages in the order of the dive.
        angles: Angles of the body; None where there are none.
    """
    frames = range(film.start_frame, film.end_frame)
    names = {frame: stage.name for stage in stages for frame in range(stage.start_frame, stage.end_frame)}
    rate = film.frame_rate
    table = pd.DataFrame(
        {
            "frame": list(frames),
            "time_s": [float("nan") if rate is None else frame / rate for frame in frames],
            "stage": [names.get(frame) for frame in frames],
        }
    )
    for name in ("knee", "hip", "trunk"):
        values = [None] * len(frames) if angles is None else getattr(angles, name)
        table[f"{name}_deg"] = pd.array([float("nan") if v is None else v for v in values], dtype=float)
    return table
