"""The dives of a film as clips and as a table: OUT/FILM-1.mp4, FILM-2.mp4, ..., OUT/dives.csv."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stagescore.atomic import write_text
from stagescore.csv_tables import csv_table
from stagescore.media.clips import copy_clips
from stagescore.media.streaming import seconds_of
from stagescore.scoring.inputs import name_of
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.dive_span import DiveSpan
from stagescore.scoring.sessions.film import dives_in_film

TABLE = "dives.csv"
_NUMBERS = (
    "begin",
    "end",
    "takeoff",
    "contact",
    "begin_s",
    "end_s",
    "takeoff_s",
    "contact_s",
    "confidence",
)
_LAST_FRAME_S = 0.001
"""Seconds after the last frame of a clip at which it ends: the frame itself is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDive:
    """A dive of a film, and what its clip is called.

    Attributes:
        name: Name of the dive.
        film: Path of the film.
        span: Place of the dive in the film.
    """

    name: str
    film: Path
    span: DiveSpan

    def as_json(self) -> dict[str, Any]:
        """All that is known, of types that JSON knows."""
        return {"name": self.name, "film": str(self.film), **asdict(self.span)}


def split_film(
    film: Path,
    detector: SessionDetector,
    out: Path,
    *,
    clips: bool = True,
    threads: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
    taken: Sequence[FoundDive] = (),
) -> list[FoundDive]:
    """Find the dives of a film and write each as a clip.

    Args:
        film: Path of the film.
        detector: A new detector.
        out: Folder of the clips.
        clips: Whether clips are written.
        threads: Threads that decode; 0 for as many as there are cores.
        progress: Called with what is done, how many seconds of the film are done, and of how many.
        taken: Dives of other films, whose names are not used again.

    Raises:
        DataError: It is no film, or a clip cannot be written.
    """
    length_s = max(int(seconds_of(film)), 1)

    def tell(time_s: float) -> None:
        progress(f"seconds of {film.name}", min(int(time_s), length_s), length_s)

    spans = list(dives_in_film(film, detector, threads=threads, progress=tell))
    name, used = name_of(film), {one.name.casefold() for one in taken}
    while any(f"{name}-{k}".casefold() in used for k in range(1, len(spans) + 1)):
        name = f"{name}-film"
    found = [FoundDive(name=f"{name}-{k}", film=film, span=span) for k, span in enumerate(spans, start=1)]
    if clips:
        ends = [(one.span.begin_s, one.span.end_s + _LAST_FRAME_S) for one in found]
        copy_clips(film, ends, [out / f"{one.name}.mp4" for one in found])
    return found


def dives_csv(found: Sequence[FoundDive]) -> str:
    """A row a dive; frames and seconds of the film, ends half-open in frames.

    Args:
        found: Dives of one film or more.
    """
    rows = [
        [one.name, str(one.film), *(getattr(one.span, name) for name in _NUMBERS), " ".join(one.span.told)]
        for one in found
    ]
    return csv_table(("name", "film", *_NUMBERS, "told"), rows)


def write_table(out: Path, table: str) -> None:
    """Write `dives.csv`.

    Args:
        out: Folder of the clips.
        table: Content of the file.

    Raises:
        DataError: It cannot be written.
    """
    write_text(out / TABLE, table)
