"""Where in a film the dive is: in a long one (`--start auto`), and in which shot of one with several.

Source: none. The film is looked through in overlapping windows within its shots; the deepest fall is the dive, and a
share of its length is kept before and after, about as much as FineDiving's clips have.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from jaxtyping import UInt8
from numpy import ndarray

from stagescore.diving import LEAST_FRAMES
from stagescore.errors import DataError
from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.pose.motion import EDGE_PX
from stagescore.scoring.checks import cuts
from stagescore.scoring.events import Flight, FlightFinder
from stagescore.scoring.motion_scan import MotionScan, scan_distinct_motion

WINDOW_FRAMES = 360
MOST_FRAMES = 40_000
_BEFORE, _AFTER = 0.7, 0.5
_HALF_SEEN = 0.2
_SURE = 0.5
"""Confidence of a flight of which a few frames are enough to say that it is a whole one."""
_STANDS = 0.2
"""Share of the flight for which a diver, or the water, is seen between it and another shot."""


def localize_action(media: Media, flights: FlightFinder) -> tuple[int, int]:
    """First frame of the dive and the frame after its last.

    Raises:
        DataError: Nobody falls, or the film is too long to be looked through.
    """
    if media.num_frames > MOST_FRAMES:
        raise DataError(
            f"the film has {media.num_frames} frames", where=media.info.path, todo="cut it, or give --start"
        )
    best: tuple[float, int, int] | None = None
    for begin, window in _windows(media):
        scan = _scan(window)
        edges = [0, *cuts_of(scan), scan.num_frames]
        for first, last in pairwise(edges):
            shot = scan.part(first, last)
            flight = _flight(shot, flights)
            if flight is None:
                continue
            merit = flight.fallen * (_HALF_SEEN if flight.starts_in_air or flight.ends_in_air else 1.0)
            if best is None or merit > best[0]:
                start, end = _around(flight, shot.num_frames)
                best = merit, begin + first + start, begin + first + end
    if best is None:
        raise DataError("no dive is found in it", where=media.info.path, todo="give --start and --end")
    return best[1:]


def cuts_of(scan: MotionScan) -> list[int]:
    """First frames of new shots; see `checks.cuts`. Repeated frames would make every other step look like a jump."""
    return [scan.distinct[cut] for cut in cuts(scan.small[scan.distinct])]


def only_whole_dive(scan: MotionScan, cuts: Sequence[int], flights: FlightFinder) -> tuple[int, int] | None:
    """The shot in which somebody leaves the board and reaches the water, if nobody falls in any other shot.

    A film of a dive may begin with the diver's face and end under water. Where two shots show a fall, one of them is a
    replay or another dive, or the dive is cut in two; which is meant is for the user to say.

    Args:
        scan: What moves in the clip.
        cuts: First frames of its second and later shots.
        flights: What finds a fall.
    """
    found: tuple[int, int] | None = None
    for start, end in pairwise([0, *cuts, scan.num_frames]):
        flight = _flight(scan.part(start, end), flights)
        if flight is None:
            continue
        if found is not None or not _is_whole(flight, start, end, scan.num_frames):
            return None
        found = start, end
    return found


def _is_whole(flight: Flight, start: int, end: int, num_frames: int) -> bool:
    """Whether a shot shows all of a flight; where another shot comes before or after, with some time between.

    A shot that begins or ends in mid-air looks like a flight that begins or ends a few frames from the cut.
    """
    if flight.confidence < _SURE or flight.starts_in_air or flight.ends_in_air:
        return False
    least = _STANDS * flight.num_frames
    begins = not start or (flight.first >= least and flight.apex > flight.first)
    return begins and (end == num_frames or end - start - flight.stop >= least)


def _windows(media: Media) -> Iterator[tuple[int, list[UInt8[ndarray, "h w 3"]]]]:
    """First frame and small pictures of windows that overlap by half; the film is decoded once."""
    window: list[UInt8[ndarray, "h w 3"]] = []
    scale = min(EDGE_PX / max(media.info.width_px, media.info.height_px), 1.0)
    size_px = max(round(media.info.width_px * scale), 8), max(round(media.info.height_px * scale), 8)
    for frame, picture in media.frames():
        window.append(scaled(picture, size_px))
        if len(window) == WINDOW_FRAMES or frame == media.num_frames - 1:
            yield frame + 1 - len(window), window
            window = window[WINDOW_FRAMES // 2 :]


def _scan(window: Sequence[UInt8[ndarray, "h w 3"]]) -> MotionScan:
    return scan_distinct_motion(lambda frames: [window[frame] for frame in frames], len(window))


def _flight(shot: MotionScan, flights: FlightFinder) -> Flight | None:
    if shot.num_frames < LEAST_FRAMES:
        return None
    heights = shot.heights_of_motion()
    return None if heights is None else flights.find(heights, shot.num_frames)


def _around(flight: Flight, num_frames: int) -> tuple[int, int]:
    length = flight.stop - flight.first
    return max(flight.first - round(_BEFORE * length), 0), min(
        flight.stop + round(_AFTER * length), num_frames
    )
