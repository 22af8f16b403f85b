"""The physical events of films against what somebody read off them by eye.

Labels are a JSON file beside the films: `{"film.mp4": {"first_airborne_frame": 34, "first_water_contact_frame": 76}}`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
        name: of the file.
        status: of its result.
        reasons: codes.
        true: first airborne frame and first frame that touches the water.
        found: the same; None where it was not seen.
        iou: intersection over union of the two spans, 0 where one event was not seen.
        rate: frames a second.
    """

    name: str
    status: str
    reasons: tuple[str, ...]
    true: tuple[int, int]
    found: tuple[int | None, int | None]
    iou: float
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
    scorer: Scorer, folder: Path, progress: Progress = lambda what, done, total: None
) -> list[ClipRow]:
    """Score the films of a folder and compare their events with the labels.

    Raises:
        DataError: the labels are missing or torn.
    """
    labels = read_json(folder / LABELS)
    if not isinstance(labels, dict):
        raise DataError("it names no films", where=folder / LABELS, todo="give labels by file name")
    rows = []
    for done, (name, label) in enumerate(sorted(labels.items())):
        progress("films", done, len(labels))
        try:
            true = int(label["first_airborne_frame"]), int(label["first_water_contact_frame"])
        except (TypeError, KeyError, ValueError):
            raise DataError(
                "a label lacks an event", where=f"{folder / LABELS}, {name}", todo="give both frames"
            ) from None
        open_media(folder / name)  # a film that is missing is no result
        rows.append(_row(name, scorer.score(folder / name), true))
    return rows


def _row(name: str, result: Result, true: tuple[int, int]) -> ClipRow:
    airborne, contact = result.events.first_airborne_frame, result.events.first_water_contact_frame
    first, last = (None if event is None else event.frame for event in (airborne, contact))
    return ClipRow(
        name=name,
        status=result.status,
        reasons=tuple(reason.code for reason in result.reasons),
        true=true,
        found=(first, last),
        iou=0.0 if first is None or last is None else span_iou((first, last), true),
        rate=result.input.frame_rate,
    )
