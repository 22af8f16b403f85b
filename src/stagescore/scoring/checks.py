"""When not to score: small checks over cheap signals, each with a name and a reason in words.

Cuts are jumps of the colour histogram that the frames around them do not have and that no shift of the picture
explains; replays are frames that come again in their order; in a still image nothing changes. All look at pictures
of 96 pixels.
Source: none. Thresholds were set on 40 simulated dives, spliced and unspliced; those of cuts between shots of one camera
on 120 real dives of one pool and 200 splices of them (docs/log.md, 29 November 2026).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from stagescore.diving import LEAST_FRAMES
from stagescore.scoring.events import Flight
from stagescore.scoring.result_parts import Reason

REASONS: dict[str, str] = {
    "unreadable": "the input cannot be read",
    "damaged": "parts of the input are missing or damaged",
    "too-large": "the file or the clip is too large for one dive",
    "too-short": "fewer frames than can show a dive",
    "wrong-span": "the frames that are asked for do not exist",
    "wrong-edges": "the edges of the stages that are given lie outside of the frames",
    "wrong-diver": "nobody is seen where the diver is pointed at",
    "bad-poses": "the pose file does not fit the clip",
    "still": "nothing moves",
    "no-person": "nobody falls",
    "two-divers": "two divers",
    "cut": "another shot begins inside the clip",
    "replay": "the clip shows something twice",
    "partial": "the clip starts in the air, or ends before the diver is in the water",
    "no-difficulty": "these weights need a degree of difficulty",
    "unknown-difficulty": "the film may show a dive whose difficulty is not known",
    "no-weights-fit": "these weights cannot look at this clip",
    "program-error": "a defect of the program",
}
"""All codes of `Reason`, in words."""

FEW_FRAMES = 48
"""Below this many frames a warning says that boundaries are coarse. Set by hand."""
MOST_FRAMES = 1500
"""More frames are more than one dive. Set by hand: 50 seconds at 30 frames per second."""
MOST_BYTES = 4 * 2**30
"""Size above which a file is not opened. Set by hand."""
MOST_STRAY_FRAMES = 8
_MOST_STRAY_SHARE = 0.15
"""Frames of other shots that may be left out at either end: a number and a share of the clip, whichever is less. Set by hand."""

_CUT = 0.15
"""Share of the colours that change, times how unlike both pictures are, from which a step may be a cut. Set on the simulated
dives named above."""
_CUT_TIMES = 3.0
"""Multiple of the usual change around it that a cut must exceed. Set on the same dives."""
_CUT_NEIGHBOURS = 6
"""Steps on either side that say what is usual. Set by hand."""
_USUAL_CHANGE = 0.02
"""Added to the usual change, so that small changes in a still picture are no cut. Set by hand."""
_CUT_OF_ONE_CAMERA = 0.75
"""Set between the figures of real films and of splices of two of them (docs/log.md, 29 November 2026)."""
_LEFT_NEIGHBOURS = 4
"""Steps on either side among which what is left after a shift must stand out. Set by hand."""
_COLOUR_TIMES, _LEFT_TIMES = 1.5, 1.3
"""Times what is usual around that colours, and what is left after a shift, must change at a cut of one camera. Without a limit
for colours 2 of 59 real films were called cut, since shifted pictures of water never fit (docs/log.md)."""
_USUAL_LEFT = 1.0
"""Level of colour, added to what is left around, so that noise of a still picture is no cut. Set by hand."""
_DOUBLE_STEPS_REACH = 5
"""Steps on either side whose double steps are looked at. Set by hand."""
_CUT_AMONG_DOUBLE_STEPS = 1.5
"""A frame that was left out, as conversion to a lower rate does, doubles one step. Of 241 real films that kept 96, 80 and 60 %
of their frames 50 steps looked like cuts of one camera; 47 of them stay below this among the double steps around, and 1 of 113
splices of two such films (docs/log.md)."""
_FLASH_FRAMES = 2
"""Frames after which the old scene is back where a jump is a flash or a spoilt picture. Set by hand."""
_BACK_SHARE = 0.4
"""Share of the jump at a cut below which the scene before and after a flash differs: in a fast pan it is up to 0.31, of two shots
of one camera about 1 (docs/log.md, 30 November 2026)."""
_SAME_SCENE = 0.5
"""Likeness from which the scene before and after a flash is the same one. Set by hand."""
_BINS = (12, 4, 6)
"""Bins of hue, saturation and value. Set by hand."""
_STILL_CHANGE = 12
"""Grey levels by which some pixel must change for a step to move. Set on the simulated dives named above."""
_STILL_SHARE = 0.1
"""Share of the steps that move, below which a clip is a still image. Set on the same dives."""
_REPLAY_GAP = 12
"""Least number of frames between a picture and its replay. Set on the same dives, as the four numbers below."""
_REPLAY_FRAMES = 8
_REPLAY_SHARE = 0.12
"""Different pictures that must come again: a number and a share of the clip, whichever is more."""
_SAME_SHARE = 0.25
"""Share of the change over half a gap, below which two frames show the same."""
_LEAST_CHANGE = 1.0
"""Grey levels that count as the change of a frame that changes less; one below four times this is never part of a replay."""
_RISEN = 0.05
"""Share of the flight by which its highest point may lie before the first frame; it is not known more exactly. Set by hand."""
_GRAVITY = 9.81
_LEAST_OF_FALL = 0.68
"""Of the time of a free fall from the height to the water. Of 298 flights from 10 m marked by hand the shortest lasts 0.75 of it (the
marks come late, and hands touch the water before the body has fallen as far); two that the path of the body had cut short lasted
0.61 (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The frames of a clip that belong together.

    Attributes:
        start: First frame of the shot.
        end: Frame after the last of the shot.
        cuts: First frames of other shots inside of it.
        whole: Whether a whole dive, from board to water, was seen in it.
    """

    start: int
    end: int
    cuts: tuple[int, ...]
    whole: bool = False


def size_reason(num_bytes: int, where: str) -> Reason | None:
    """A file that is too large to be a dive."""
    if num_bytes <= MOST_BYTES:
        return None
    return Reason(
        code="too-large",
        text=f"{where} has {num_bytes / 2**30:.1f} GiB; cut the dive out of it (at most {MOST_BYTES // 2**30} GiB).",
    )


def length_reason(num_frames: int) -> Reason | None:
    """A clip of too few or too many frames."""
    if num_frames < LEAST_FRAMES:
        return Reason(
            code="too-short", text=f"The clip has {num_frames} frames; a dive needs {LEAST_FRAMES} or more."
        )
    if num_frames > MOST_FRAMES:
        return Reason(
            code="too-large",
            text=f"The clip has {num_frames} frames, more than one dive ({MOST_FRAMES}); "
            "say where the dive is with --start and --end, or use --start auto.",
        )
    return None


def cuts(small: UInt8[np.ndarray, "frames height width 3"]) -> list[int]:
    """First frames of new shots.

    The colours jump at a cut, much more than around it. Where both shots are of one camera, as in two dives from one
    platform, they jump less; but then what is left after the best shift of the picture is larger than anywhere around. A fast pan
    changes colours quickly as well, in many frames in a row; and where a frame was left out, the step is no larger than others
    over two frames around it.
    """
    if len(small) < 3:
        return []
    jumps = _jumps(small)
    laid = [_laid(before, after) for before, after in pairwise(small)]
    likeness, left = (np.array(values) for values in zip(*laid, strict=True))
    found = []
    for index, jump in enumerate(jumps):
        apart = float(jump * (1 - likeness[index]))
        times = float(jump / (np.median(_around(jumps, index, _CUT_NEIGHBOURS)) + _USUAL_CHANGE))
        more = float(left[index] / (_around(left, index, _LEFT_NEIGHBOURS).max() + _USUAL_LEFT))
        # Of water no shift fits well, whatever it is laid on: there the colours alone tell that nothing jumps.
        both_jump = times > _COLOUR_TIMES and more > _LEFT_TIMES
        of_one_camera = (
            both_jump
            and times * more * apart**0.5 > _CUT_OF_ONE_CAMERA
            and _among_double_steps(small, index, jump, left[index]) > _CUT_AMONG_DOUBLE_STEPS
        )
        if of_one_camera or (times > _CUT_TIMES and apart > _CUT):
            found.append(index + 1)
    return _without_flashes(found, small)


def _among_double_steps(
    small: UInt8[np.ndarray, "frames height width 3"], index: int, jump: float, left: float
) -> float:
    """How far a step stands out among the steps over two frames around it that do not go over it."""
    near = range(max(index - _DOUBLE_STEPS_REACH, 0), min(index + _DOUBLE_STEPS_REACH + 1, len(small) - 2))
    pairs = [small[[k, k + 2]] for k in near if k not in (index - 1, index)]
    if not pairs:
        return np.inf
    jumps = [float(_jumps(pair)[0]) for pair in pairs]
    lefts = [_laid(pair[0], pair[1])[1] for pair in pairs]
    times = jump / (float(np.median(jumps)) + _USUAL_CHANGE)
    more = left / (max(lefts) + _USUAL_LEFT)
    return float(times * more**0.5)


def _around(values: Float[np.ndarray, " steps"], index: int, reach: int) -> Float[np.ndarray, " near"]:
    return np.concatenate((values[max(index - reach, 0) : index], values[index + 1 : index + 1 + reach]))


def _without_flashes(found: Sequence[int], small: UInt8[np.ndarray, "frames height width 3"]) -> list[int]:
    """Without jumps around a few frames after which the old scene is back, as a spoilt picture or a flash makes them.

    Of the two jumps, into the flash and out of it, often only one is large enough to look like a cut.
    """
    return [
        cut
        for cut in found
        if not any(
            _is_back(small, cut, (cut - 1, cut + frames)) or _is_back(small, cut, (cut - 1 - frames, cut))
            for frames in range(1, _FLASH_FRAMES + 1)
        )
    ]


def _is_back(small: UInt8[np.ndarray, "frames height width 3"], cut: int, around: tuple[int, int]) -> bool:
    """Whether the frames before and after a flash show the same scene, far nearer to each other than the two at the cut."""
    before, after = around
    if before < 0 or after >= len(small):
        return False
    jump, back = (float(_jumps(small[[a, b]])[0]) for a, b in ((cut - 1, cut), around))
    return back < _BACK_SHARE * jump and _likeness(small[before], small[after]) > _SAME_SCENE


def main_shot(num_frames: int, cuts: Sequence[int], still: Sequence[bool] = ()) -> Shot:
    """Leave a few stray frames of other shots out at both ends, and shots there that are still images: titles, frozen frames.

    Args:
        num_frames: Number of frames of the clip.
        cuts: First frames of its second and later shots.
        still: Whether nothing moves, for each shot (`still_shots`); empty to take no shot for still.

    >>> main_shot(96, [3, 94])
    Shot(start=3, end=94, cuts=(), whole=False)
    >>> main_shot(96, [40])
    Shot(start=0, end=96, cuts=(40,), whole=False)
    >>> main_shot(96, [40], [True, False])
    Shot(start=40, end=96, cuts=(), whole=False)
    """
    stray = min(MOST_STRAY_FRAMES, int(_MOST_STRAY_SHARE * num_frames))
    start = max((cut for cut in cuts if cut <= stray), default=0)
    end = min((cut for cut in cuts if cut >= num_frames - stray), default=num_frames)
    moving = [
        (first, stop)
        for k, (first, stop) in enumerate(pairwise([0, *cuts, num_frames]))
        if start <= first and stop <= end and not (still and still[k])
    ]
    if moving:
        start, end = moving[0][0], moving[-1][1]
    return Shot(start, end, tuple(cut for cut in cuts if start < cut < end))


def still_shots(small: UInt8[np.ndarray, "frames height width 3"], cuts: Sequence[int]) -> list[bool]:
    """For each shot whether it is a still image, apart from noise; one of a single frame is none.

    Args:
        small: Pictures of all frames, scaled down.
        cuts: First frames of the second and later shots.
    """
    return [
        end - start > 1 and _moving_share(small[start:end]) < _STILL_SHARE
        for start, end in pairwise([0, *cuts, len(small)])
    ]


def cut_reason(shot: Shot, offset: int) -> Reason | None:
    """Cuts inside the clip.

    Args:
        shot: The frames that are used, and the cuts among them.
        offset: Frame of the input that frame 0 of the clip is.
    """
    if not shot.cuts:
        return None
    told = ", ".join(str(offset + cut) for cut in shot.cuts[:5])
    return Reason(
        code="cut",
        text=f"Another shot begins at frame {told}; give one shot with --start and --end.",
        start_frame=offset + shot.cuts[0],
        end_frame=offset + shot.end,
    )


def still_reason(small: UInt8[np.ndarray, "frames height width 3"]) -> Reason | None:
    """An image that stands still, apart from noise."""
    if len(small) < 2:
        return None
    share = _moving_share(small)
    if share >= _STILL_SHARE:
        return None
    return Reason(
        code="still", text=f"Nothing moves in {1 - share:.0%} of the frames: this is a still image."
    )


def replay_reason(small: UInt8[np.ndarray, "frames height width 3"], offset: int) -> Reason | None:
    """Moving pictures that come again, in their order."""
    num = len(small)
    if num < 2 * _REPLAY_GAP:
        return None
    grey = small.astype(np.float32).mean(-1).reshape(num, -1)
    grey = grey - grey.mean(1, keepdims=True)
    squares = (grey * grey).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * grey @ grey.T, 0) / grey.shape[1])
    near = (
        np.minimum(np.arange(num) + _REPLAY_GAP // 2, num - 1),
        np.maximum(np.arange(num) - _REPLAY_GAP // 2, 0),
    )
    changes = np.maximum(apart[np.arange(num), near[0]], apart[np.arange(num), near[1]])
    earlier = np.arange(num)[None] <= np.arange(num)[:, None] - _REPLAY_GAP
    best = np.where(earlier, apart, np.inf).argmin(1)
    same = apart[np.arange(num), best] < _SAME_SHARE * np.maximum(changes, _LEAST_CHANGE)
    same &= (changes > 4 * _LEAST_CHANGE) & earlier[np.arange(num), best]
    # Pictures count that come again in their order; of a slowed replay each may stand for several.
    again, last = [], -1
    for frame in np.flatnonzero(same).tolist():
        if last <= best[frame] <= last + _REPLAY_GAP or last < 0:
            again.append(frame)
            last = int(best[frame])
    distinct = len({int(best[frame]) for frame in again})
    if distinct < max(_REPLAY_FRAMES, _REPLAY_SHARE * num):
        return None
    return Reason(
        code="replay",
        text=f"{len(again)} frames from frame {offset + again[0]} on show again what was seen before: a replay.",
        start_frame=offset + again[0],
        end_frame=offset + again[-1] + 1,
    )


def divers_reason(num_divers: int | None) -> Reason | None:
    """Two people who fall together.

    Args:
        num_divers: Number of divers who fall, as tracked on detections; None where no network looked. Moving parts
            alone do not tell two divers from one: of ten clean dives two had a second part that fell beside the first,
            and pairs were one part.
    """
    if num_divers != 2:
        return None
    return Reason(code="two-divers", text="Two divers fall at the same time; only single dives are scored.")


def fall_reason(flight: Flight | None) -> Reason | None:
    """Nobody falls."""
    if flight is not None:
        return None
    return Reason(code="no-person", text="No diver found: nobody in the clip is in free fall.")


def short_fall_warning(seconds: float, height_m: float | None) -> str | None:
    """What is said of a flight that no fall from such a height can be; None where it can, or no height is known.

    Args:
        seconds: Time from the first airborne frame to the first water contact, in real seconds.
        height_m: Height of the board or platform in metres; None where it is not known.

    >>> short_fall_warning(1.4, 10.0) is None
    True
    """
    if height_m is None or seconds >= _LEAST_OF_FALL * (least := (2 * height_m / _GRAVITY) ** 0.5):
        return None
    return (
        f"The flight found takes {seconds:.2f} s; a fall from {height_m:g} m takes {least:.2f} s: take-off or water contact is in "
        "the wrong place, or the height or the frame rate is wrong."
    )


def partial_reason(flight: Flight | None, offset: int, begins_at_cut: bool = False) -> Reason | None:
    """The clip does not show the whole dive.

    Args:
        flight: The flight that was found; None where nobody falls.
        offset: Frame of the input that frame 0 of the clip is.
        begins_at_cut: Whether another shot comes before. Broadcasts show a take-off from the front and change the
            camera during it; then a shot is whole that begins while the diver still rises.
    """
    if flight is None:
        return None
    risen = flight.apex >= flight.first - _RISEN * flight.num_frames
    starts_in_air = (flight.no_takeoff and not risen) if begins_at_cut else flight.starts_in_air
    if not (starts_in_air or flight.ends_in_air):
        return None
    told = {
        (True, False): "starts in the air: there is no take-off",
        # Those that end up to 4 frames after the contact mostly count, too (docs/training.md): the body is still above the water.
        (False, True): "ends before the diver is in the water: there is no entry to judge",
        (
            True,
            True,
        ): "starts in the air and ends before the diver is in the water: there is neither take-off nor entry to judge",
    }[starts_in_air, flight.ends_in_air]
    return Reason(
        code="partial",
        text=f"The clip {told}. A part of a dive has no score.",
        start_frame=offset + flight.first,
        end_frame=offset + flight.stop,
    )


def _moving_share(small: UInt8[np.ndarray, "frames height width 3"]) -> float:
    """Share of the steps from frame to frame in which something moves, more than noise does."""
    change = np.abs(np.diff(small.astype(np.int16).mean(-1), axis=0)).max((1, 2))
    return float((change > _STILL_CHANGE).mean())


def _jumps(small: UInt8[np.ndarray, "frames height width 3"]) -> Float[np.ndarray, " steps"]:
    """Share of the colours that change from frame to frame."""
    histograms = []
    for picture in small:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
        histogram = cv2.calcHist([hsv], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256]).ravel()
        histograms.append(histogram / histogram.sum())
    return np.asarray(np.abs(np.diff(np.array(histograms, dtype=np.float64), axis=0)).sum(1) / 2)


def _likeness(before: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"]) -> float:
    """How well the middle of a picture is found again in the next, wherever it lies; at most 1."""
    return _laid(before, after)[0]


def _laid(before: UInt8[np.ndarray, "h w 3"], after: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float]:
    """How well the middle of a picture is found again in the next, and how much differs when it is laid on it there.

    Returns:
        The likeness, at most 1, and the mean difference, in levels of colour.
    """
    first, second = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, after))
    rows, columns = first.shape[0] // 4, first.shape[1] // 6
    middle = first[rows:-rows, columns:-columns]
    down = across = 0
    likeness = 1.0 if not second.std() else 0.0
    if middle.std():
        fits = np.nan_to_num(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED))
        top, left = np.unravel_index(int(fits.argmax()), fits.shape)
        down, across, likeness = int(top) - rows, int(left) - columns, float(fits.max())
    height, width = first.shape
    there = after[max(down, 0) : height + min(down, 0), max(across, 0) : width + min(across, 0)]
    here = before[max(-down, 0) : height - max(down, 0), max(-across, 0) : width - max(across, 0)]
    return likeness, float(cv2.absdiff(there, here).mean())
