"""Films with several dives: which dives there are, and what their results are called."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stagescore.scoring import checks
from stagescore.scoring.motion_scan import small_picture
from stagescore.scoring.sessions.detector import SessionDetector
from stagescore.scoring.sessions.dive_span import DiveSpan
from stagescore.scoring.sessions.film import dives_in_film, dives_in_media, in_frames_of
from stagescore.scoring.state import ScoringState

_LEAST_S = 6.0
"""Seconds of a film, from which on it may show several dives; a clip of one dive has four. Set by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveOfFilm:
    """Which of the dives of a film a result is about.

    Attributes:
        number: Number of the dive, from 1.
        of: Number of dives in the film.
        begin: First frame that is used.
        end: Frame after the last that is used.
    """

    number: int
    of: int
    begin: int
    end: int

    @property
    def sentence(self) -> str:
        """What a result says of it."""
        which = "The dive" if self.of == 1 else f"Dive {self.number} of {self.of} in the film"
        return f"{which} was found in frames {self.begin} to {self.end - 1}; only these are used."


def numbered(name: str, number: int) -> list[str]:
    """Names of the results of some dives of one film.

    >>> numbered("training", 2)
    ['training-1', 'training-2']
    """
    return [f"{name}-{k}" for k in range(1, number + 1)]


def dives_of(state: ScoringState, detector: Callable[[float], SessionDetector]) -> list[DiveSpan]:
    """The dives of a film that was opened; none where it is scored as one clip.

    That is where frames, edges, joints or a diver are given, where there is one dive in a film short enough to be scored whole, where the same
    dive comes twice, and where none is found.

    Args:
        state: The dive, after its film was opened.
        detector: Makes a detector for a film, slowed down by a factor.

    Raises:
        DataError: The film cannot be read any more.
    """
    media, options = state.media, state.options
    given = (options.start, options.end, options.edges, options.poses, options.diver)
    if media is None or media.info.kind == "joints" or any(one is not None for one in given):
        return []
    is_long = media.num_frames > checks.MOST_FRAMES
    if not is_long and media.info.real_duration_s < _LEAST_S:
        return []
    finder = detector(options.slowmo)
    if is_long and media.info.kind == "video" and options.frame_rate is None:
        dives = in_frames_of(media, list(dives_in_film(state.path, finder)))
    else:
        dives = dives_in_media(media, finder)
    if is_long:
        return dives
    if len(dives) < 2:
        return []
    small = np.stack([small_picture(picture) for _, picture in media.frames()])
    return [] if checks.replay_reason(small, 0) else dives
