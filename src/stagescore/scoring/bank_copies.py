"""Copies of one dive among the films of a bank, which must not predict each other.

The same file is told by its bytes. A film that was recoded, scaled, mirrored or cut elsewhere is told by what moves in
it: small grey pictures of the flight, less what stays in them, are sought in the other film at every time. The network's
features do not tell: those of a recoded, brighter or mirrored film are as far away (0.2 to 1.2 of the median distance between
dives) as those of another dive (0.4 and more).
Source: none; normalised cross-correlation is textbook.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float

from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.scoring.bank_validation import Folds
from stagescore.scoring.result import Result

ALIKE = 0.95
"""Correlation from which two films show the same dive. Copies of three real films that were recoded (crf 28), made brighter
or mirrored had 0.996 to 1.0, eight that were cropped by 3 to 8 % on each side 0.975 and more, and of 990 pairs of different dives before
one camera none more than 0.921 (`stagescore bench bank`)."""
_SIZE_PX = 32, 18
"""Width and height of the small pictures. Set by hand."""
_CUT_OFF = (0.025, 0.05, 0.075)
"""Shares of the picture that may be cut off on each side of a copy. Set by hand."""
_NUM_MOMENTS = 12
"""Number of moments of the flight that are sought in another film. Set by hand."""
_AROUND_S = 0.2
"""Seconds before and after the flight that belong to these moments. Set by hand."""
_MORE_S = 0.5
"""Seconds on either side by which the flight may be found elsewhere in a copy. Set by hand."""
_MOST_PICTURES = 400
"""Number of pictures of a film in which no flight was found: then all frames that are used are looked at. Set by hand."""
_HOW = {
    "same file": "are the same file",
    "alike": "show the same dive",
    "mirrored": "show the same dive, one of them mirrored",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmCopy:
    """Two films that show the same dive.

    Attributes:
        first: Name of one film.
        second: Name of the other film.
        how: Whether they are the same file, look alike, or look alike with left and right exchanged.
    """

    first: str
    second: str
    how: Literal["same file", "alike", "mirrored"]

    @property
    def words(self) -> str:
        """The same in words.

        >>> FilmCopy(first="a.mp4", second="b.mp4", how="mirrored").words
        'a.mp4 and b.mp4 show the same dive, one of them mirrored'
        """
        return f"{self.first} and {self.second} {_HOW[self.how]}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilmStrip:
    """A film, as its copies are found by it.

    Attributes:
        sha256: SHA-256 of the film, in hexadecimal.
        pictures: Small grey pictures around the flight, less their mean over time; none of joints without a film.
        times_s: Time of each picture, in seconds of the film.
        moments: Rows of `pictures` that are sought in other films, in the order of time.
    """

    sha256: str
    pictures: Float[np.ndarray, "frames height width"]
    times_s: Float[np.ndarray, " frames"]
    moments: tuple[int, ...]

    @classmethod
    def of(cls, media: Media | None, result: Result) -> "FilmStrip":
        """The strip of a film that was scored.

        Args:
            media: The film; None where it could not be read.
            result: Result of the film, of which the flight is read.

        Raises:
            DataError: The film cannot be read any more.
        """
        if media is None or media.info.kind == "joints":
            return cls(
                sha256=result.input.sha256,
                pictures=np.zeros((0, *_SIZE_PX[::-1])),
                times_s=np.zeros(0),
                moments=(),
            )
        return cls.around(media, _flight(result, media.num_frames), sha256=result.input.sha256)

    @classmethod
    def around(cls, media: Media, flight: tuple[int, int], *, sha256: str) -> "FilmStrip":
        """The strip of a film whose flight is known.

        Args:
            media: The film.
            flight: First and last frame of the flight.
            sha256: SHA-256 of the film, in hexadecimal.

        Raises:
            DataError: The film cannot be read any more.
        """
        times = media.times_s[: media.num_frames]
        first, last = float(times[flight[0]]), float(times[flight[1]])
        inside = np.flatnonzero((times >= first - _MORE_S) & (times <= last + _MORE_S))
        frames = inside[:: max(1, -(-len(inside) // _MOST_PICTURES))].tolist()
        pictures = np.stack([_small(image) for _, image in media.frames(frames)])
        wanted = np.linspace(first - _AROUND_S, last + _AROUND_S, _NUM_MOMENTS)
        return cls(
            sha256=sha256,
            pictures=pictures - pictures.mean(axis=0),
            times_s=times[frames],
            moments=tuple(_nearest(times[frames], wanted).tolist()),
        )

    def likeness(self, other: "FilmStrip", *, mirrored: bool = False) -> float:
        """Largest correlation of the moments of this film with pictures of another one, at whatever time, -1 to 1.

        Either film may be a part of the other's picture, cut off alike on all sides.

        Args:
            other: The other film.
            mirrored: Whether to exchange left and right in it.
        """
        if not self.moments or not other.moments:
            return -1.0
        sought = self.pictures[list(self.moments)]
        seen = other.pictures[..., ::-1] if mirrored else other.pictures
        pairs = [(sought, seen)]
        pairs += [(middles(sought, cut), seen) for cut in _CUT_OFF]
        pairs += [(sought, middles(seen, cut)) for cut in _CUT_OFF]
        return max(self._best_time(one, two, other) for one, two in pairs)

    def _best_time(
        self,
        sought: Float[np.ndarray, "moments height width"],
        seen: Float[np.ndarray, "frames height width"],
        other: "FilmStrip",
    ) -> float:
        """Largest correlation of pictures of this film's moments with those of another one, over the times at which these may be."""
        after_s = self.times_s[list(self.moments)] - self.times_s[self.moments[0]]
        begins_s = other.times_s[other.times_s + after_s[-1] <= other.times_s[-1] + 1e-6]
        # A film that is shorter than the moments is compared from its beginning.
        begins_s = begins_s if len(begins_s) else other.times_s[:1]
        rows = _nearest(other.times_s, (begins_s[:, None] + after_s).ravel()).reshape(len(begins_s), -1)
        products = np.stack([np.einsum("nhw,nhw->n", sought, seen[row]).sum() for row in rows])
        squares = np.einsum("nhw,nhw->n", seen, seen)[rows].sum(axis=1) * float((sought * sought).sum())
        return float((products / np.sqrt(np.maximum(squares, 1e-9))).max())


def middles(
    pictures: Float[np.ndarray, "frames height width"], cut_off: float
) -> Float[np.ndarray, "frames height width"]:
    """The middles of pictures in the size of the whole ones.

    Args:
        pictures: Small pictures.
        cut_off: Share of the width that is cut off at the left and at the right, and of the height at top and bottom.
    """
    height, width = pictures.shape[1:]
    left, top = cut_off * width, cut_off * height
    # From each pixel's middle to where it lies in the whole picture.
    scale = 1 - 2 * cut_off
    matrix = np.array([[scale, 0, left + (scale - 1) / 2], [0, scale, top + (scale - 1) / 2]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(one, matrix, (width, height), flags=flags) for one in pictures])


def copies_among(
    names: Sequence[str],
    strips: Sequence[FilmStrip],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> tuple[FilmCopy, ...]:
    """Every pair of films that show the same dive.

    Args:
        names: Names of the films.
        strips: What the films are compared by.
        progress: Called before every comparison with what is done, how many are done, and of how many.
    """
    found: list[FilmCopy] = []
    pairs = list(combinations(range(len(names)), 2))
    for done, (one, two) in enumerate(pairs):
        progress("pairs of films", done, len(pairs))
        first, second = strips[one], strips[two]
        how: Literal["same file", "alike", "mirrored"] | None = None
        if first.sha256 == second.sha256:
            how = "same file"
        elif first.likeness(second) >= ALIKE:
            how = "alike"
        elif first.likeness(second, mirrored=True) >= ALIKE:
            how = "mirrored"
        if how is not None:
            found.append(FilmCopy(first=names[one], second=names[two], how=how))
    return tuple(found)


def folds_of(names: Sequence[str], copies: Sequence[FilmCopy]) -> Folds:
    """Folds in which all copies of a dive are held out together, also copies of copies.

    Args:
        names: Names of the films, each once.
        copies: Pairs of films that show the same dive.

    >>> pairs = [FilmCopy(first="a", second="c", how="alike"), FilmCopy(first="c", second="d", how="alike")]
    >>> folds_of(["a", "b", "c", "d"], pairs).groups
    (0, 1, 0, 0)
    """
    groups = {name: number for number, name in enumerate(names)}
    for copy in copies:
        kept, gone = sorted((groups[copy.first], groups[copy.second]))
        groups = {name: kept if group == gone else group for name, group in groups.items()}
    return Folds(tuple(groups[name] for name in names))


def _flight(result: Result, num_frames: int) -> tuple[int, int]:
    """First and last frame of the flight; all frames that were used where it was not found."""
    events, film = result.events, result.input
    first, last = events.first_airborne_frame, events.first_water_contact_frame
    begin = film.start_frame if first is None else first.frame
    end = film.end_frame - 1 if last is None else last.frame
    begin, end = (min(max(frame, 0), num_frames - 1) for frame in (begin, max(begin, end)))
    return begin, end


def _nearest(times: Float[np.ndarray, " frames"], wanted: Float[np.ndarray, " moments"]) -> np.ndarray:
    """The row of the time that is nearest to each wanted one."""
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(times) - 1)
    return np.where(wanted - times[before] <= times[after] - wanted, before, after)


def _small(image: np.ndarray) -> Float[np.ndarray, "height width"]:
    return np.asarray(scaled(image, _SIZE_PX).mean(axis=2), dtype=np.float32)
