"""Real films cut so that they begin or end near or in the flight: are those that begin or end in the air told, and no others?

Labels are those of `real_clips`. Each clip is a span of a film, so nothing is written or recoded. Source: none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stagescore.errors import DataError
from stagescore.pose.formats import read_json
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.scorer import Scorer

BEGINS = (-10, -4, -2, -1, 0, 2, 4, 6, 8, 10, 14)
"""Frames after the take-off at which clips begin; negative is before it. Set by hand, as `ENDS`."""
ENDS = (-14, -10, -6, -4, -2, -1, 0, 2, 4, 10)
"""Frames after the water contact up to which clips go; at 0 the frame before the contact is the last one."""
PARTIAL = "partial"
"""Code of the reason that such a clip gets."""

End = Literal["begins", "ends"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedFilm:
    """A film whose events were read by eye.

    Attributes:
        path: The film.
        takeoff: First airborne frame.
        contact: First frame that touches the water.
        begin: First frame of the dive's own shot.
    """

    path: Path
    takeoff: int
    contact: int
    begin: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CutRow:
    """All films cut at one distance from an event.

    Attributes:
        end: The end of the clips that is cut: where they begin, or where they end.
        offset: Frames from the event to the cut; negative is before it.
        num_clips: Films that can be cut there.
        in_air: Clips of which is said that this end is in the air.
        refused: Clips that get no score for being `partial`.
    """

    end: End
    offset: int
    num_clips: int
    in_air: int
    refused: int

    @property
    def is_in_air(self) -> bool:
        """Whether this end of the clips is in the air, by the marks."""
        return self.offset >= 0 if self.end == "begins" else self.offset <= 0


def marked_films(labels_file: Path, films: Mapping[str, Path]) -> list[MarkedFilm]:
    """Films whose labels name both events.

    Args:
        labels_file: Labels as for `real_clips`; `first_shot_frames` says how many frames of another shot come before.
        films: Path of each film, by the name of its file; others are left out.

    Raises:
        DataError: The labels are torn, or no film of theirs is there.
    """
    labels: Any = read_json(labels_file)
    found = []
    try:
        for name, label in sorted(labels.items()):
            events = label["first_airborne_frame"], label["first_water_contact_frame"]
            if name in films and None not in events:
                begin = int(label.get("first_shot_frames", 0))
                found.append(
                    MarkedFilm(path=films[name], takeoff=int(events[0]), contact=int(events[1]), begin=begin)
                )
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError(
            "a label lacks an event",
            where=labels_file,
            todo='give {"film.mp4": {"first_airborne_frame": 34, "first_water_contact_frame": 76}}',
        ) from None
    if not found:
        raise DataError(
            "none of the labelled films is there", where=labels_file, todo="name the folder of these films"
        )
    return found


def measure_cut_clips(
    films: Sequence[MarkedFilm],
    scorer_of: Callable[[Path], Scorer],
    progress: Progress = lambda what, done, total: None,
    *,
    begins: Sequence[int] = BEGINS,
    ends: Sequence[int] = ENDS,
) -> list[CutRow]:
    """Look at every film cut at every distance.

    Args:
        films: Marked films.
        scorer_of: The scorer that looks at a film: out of fold it is another one for each fold.
        progress: Called before every film with how many are done.
        begins: Frames after the take-off at which clips begin.
        ends: Frames after the contact up to which clips go.

    Raises:
        StagescoreError: A film cannot be read.
    """
    cuts: list[tuple[End, int]] = [("begins", offset) for offset in begins]
    cuts += [("ends", offset) for offset in ends]
    counts = {cut: [0, 0, 0] for cut in cuts}
    for done, film in enumerate(films):
        progress("films", done, len(films))
        scorer = scorer_of(film.path)
        for end, offset in cuts:
            start = film.takeoff + offset if end == "begins" else film.begin
            last = None if end == "begins" else film.contact + offset - 1
            if start < film.begin:
                continue
            state = scorer.observe(film.path, ScoreOptions(start=start, end=last))
            if last is not None and state.media is not None and last >= state.media.num_frames:
                continue
            flight = state.flight
            told = flight is not None and (flight.starts_in_air if end == "begins" else flight.ends_in_air)
            refused = any(reason.code == PARTIAL for reason in state.reasons)
            counts[end, offset] = [
                a + b for a, b in zip(counts[end, offset], (1, told, refused), strict=True)
            ]
    return [
        CutRow(end=end, offset=offset, num_clips=num, in_air=told, refused=refused)
        for (end, offset), (num, told, refused) in counts.items()
    ]
