"""Sudden sounds of a film: a board that is left, water that is hit. A hint only, since pools are loud.

The sound is filtered by the difference of neighbouring samples, which leaves hissing and cracking and takes humming away, and its
loudness is kept fifty times a second. A sound is sudden where it is much louder than the second around it. Source: none.
"""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.media.video import FORMATS

_RATE = 50
"""Loudness values per second."""
_SAMPLES = 16_000
"""Samples per second that are listened to: splashes hiss up to 8 kHz."""
_AROUND_S = 1.0
"""Seconds on either side that say what is usual. Set by hand, as all of these."""
_TIMES = 3.0
"""Multiple of the usual loudness from which on a sound is sudden."""


@dataclass(frozen=True, slots=True, eq=False)
class SuddenSounds:
    """When something is suddenly loud.

    Attributes:
        times_s: Time of each sudden sound, increasing, in seconds of the film.
    """

    times_s: Float[np.ndarray, " sounds"]

    def near(self, time_s: float, reach_s: float) -> bool:
        """Whether there is a sudden sound near a time.

        Args:
            time_s: Time, in seconds of the film.
            reach_s: Seconds before and after that are near.
        """
        first, last = np.searchsorted(self.times_s, (time_s - reach_s, time_s + reach_s))
        return bool(last > first)


def sudden_sounds(path: Path) -> SuddenSounds | None:
    """The sudden sounds of a film; None where it has no sound track, or one that cannot be decoded.

    Args:
        path: Path of a film.

    Raises:
        DataError: It is no film.
    """
    try:
        container = av.open(
            f"file:{path}", container_options={"format_whitelist": FORMATS}, metadata_errors="ignore"
        )
    except Exception as error:
        raise DataError(
            f"it cannot be read as a video ({error})",
            where=path,
            todo="check that it plays in a video player",
        ) from error
    with container:
        track = next(iter(container.streams.audio), None)
        if track is None:
            return None
        loud: list[float] = []
        rest = np.zeros(0, np.float32)
        begin_s: float | None = None
        resampler = AudioResampler(format="flt", layout="mono", rate=_SAMPLES)
        size = _SAMPLES // _RATE
        try:
            for frame in container.decode(track):
                begin_s = float(frame.time or 0.0) if begin_s is None else begin_s
                for part in resampler.resample(frame):
                    rest = np.concatenate((rest, part.to_ndarray().ravel()))
                whole = len(rest) // size * size
                hiss = np.diff(rest[:whole], prepend=rest[:1]).reshape(-1, size)
                loud += np.sqrt((hiss**2).mean(1)).tolist()
                rest = rest[whole:]
        except Exception:  # damage in the sound takes nothing from the pictures
            if not loud:
                return None
    return SuddenSounds((begin_s or 0.0) + onsets(np.array(loud)) / _RATE)


def onsets(loudness: Float[np.ndarray, " values"]) -> Float[np.ndarray, " sounds"]:
    """Where a loudness rises far above what is usual around it.

    Args:
        loudness: Loudness, evenly spread over time.

    Returns:
        Index of the first loud value of each sudden sound.

    >>> onsets(np.array([1.0] * 60 + [9.0] * 3 + [1.0] * 60)).tolist()
    [60.0]
    """
    if not len(loudness):
        return np.zeros(0)
    reach = int(_AROUND_S * _RATE)
    padded = np.pad(loudness, reach, mode="edge")
    # Of every half second around, so that an hour takes no hour.
    strides = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)[:, ::5]
    usual = np.median(strides, axis=1)
    is_loud = loudness > _TIMES * (usual + 1e-6)
    begins = is_loud & ~np.concatenate(([False], is_loud[:-1]))
    return np.flatnonzero(begins).astype(np.float64)
