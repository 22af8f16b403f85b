"""The physical events of films against what somebody read off them by eye.

Labels are a JSON file beside the films: `{"film.mp4": {"first_airborne_frame": 34, "first_water_contact_frame": 76}}`.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stagescore.errors import DataError
from stagescore.media.source import open_media
from stagescore.pose.formats import read_json
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer

LABELS = "labels.json"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """One film.

    Attributes:
        name: Name of the file.
        status: Status of the film's result.
        reasons: Codes of what speaks against a score.
        true: First airborne frame and first frame that touches the water, as read by eye; None where the film does not
            show it.
        found: First airborne frame and first frame that touches the water, as found; None where it was not seen.
        iou: Intersection over union of the two spans, 0 where one event was not seen; None where a label is missing.
        rate: Frames per second of the film; None where it is not known.
    """

    name: str
    status: str
    reasons: tuple[str, ...]
    true: tuple[int | None, int | None]
    found: tuple[int | None, int | None]
    iou: float | None
    rate: float | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def span_iou(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Intersection over union of two half-open spans.

    >>> span_iou((0, 10), (5, 15))
    0.3333333333333333
    """
    common = max(min(one[1], other[1]) - max(one[0], other[0]), 0)
    return common / max(one[1] - one[0] + other[1] - other[0] - common, 1)


def measure_real_clips(
    scorer: Scorer,
    folder: Path,
    labels_file: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> list[ClipRow]:
    """Score the films of a folder and compare their events with the labels.

    Args:
        scorer: Scorer that finds the events.
        folder: Folder of the films.
        labels_file: File of the labels; `labels.json` beside the films by default.
        progress: Called before every film with how many are done.

    Raises:
        DataError: The labels are missing or torn.
    """
    labels_file = labels_file or folder / LABELS
    labels = read_json(labels_file)
    if not isinstance(labels, dict):
        raise DataError("it names no films", where=labels_file, todo="give labels by file name")
    rows = []
    for done, (name, label) in enumerate(sorted(labels.items())):
        progress("films", done, len(labels))
        try:
            true = _frame(label["first_airborne_frame"]), _frame(label["first_water_contact_frame"])
        except (TypeError, KeyError, ValueError):
            raise DataError(
                "a label lacks an event",
                where=f"{labels_file}, {name}",
                todo="give both frames, null where the film does not show one",
            ) from None
        open_media(folder / name)  # a film that is missing is no result
        rows.append(_row(name, scorer.score(folder / name), true))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipEventErrors:
    """How far an event is found from where it was read, over several films.

    Attributes:
        event: Name of the event.
        num: Number of films in which both frames are known.
        median_frames: Median of found minus read, in frames.
        spread_frames: Standard deviation of found minus read, in frames.
        within_three: Share of the films in which the two are at most three frames apart.
    """

    event: str
    num: int
    median_frames: float
    spread_frames: float
    within_three: float


def event_errors(rows: Sequence[ClipRow]) -> list[ClipEventErrors]:
    """The errors of both events; events that no film has are left out."""
    errors = []
    for which, event in enumerate(("first airborne frame", "first water contact")):
        apart = [
            found - true
            for found, true in ((row.found[which], row.true[which]) for row in rows)
            if found is not None and true is not None
        ]
        if apart:
            errors.append(
                ClipEventErrors(
                    event=event,
                    num=len(apart),
                    median_frames=float(np.median(apart)),
                    spread_frames=float(np.std(apart)),
                    within_three=float(np.mean(np.abs(apart) <= 3)),
                )
            )
    return errors


def _frame(value: object) -> int | None:
    return None if value is None else int(str(value))


def _row(name: str, result: Result, true: tuple[int | None, int | None]) -> ClipRow:
    airborne, contact = result.events.first_airborne_frame, result.events.first_water_contact_frame
    first, last = (None if event is None else event.frame for event in (airborne, contact))
    iou = None
    if true[0] is not None and true[1] is not None:
        iou = 0.0 if first is None or last is None else span_iou((first, last), (true[0], true[1]))
    return ClipRow(
        name=name,
        status=result.status,
        reasons=tuple(reason.code for reason in result.reasons),
        true=true,
        found=(first, last),
        iou=iou,
        rate=result.input.frame_rate,
    )
