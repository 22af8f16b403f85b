"""A stroboscope picture: the diver at equal times in one picture, before the hall as it stands still.

Copies that stand near each other hide each other, near the highest point most of all. So the time between copies is the
shortest at which enough of each can be seen, and of several orders that one is laid that hides least.
Source: none. Numbers were set by hand on twenty real films (docs/log.md, 30 November 2026).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float

from stagescore.errors import DataError
from stagescore.media.scaling import scaled
from stagescore.media.source import Media
from stagescore.pose.background_path import BackgroundPath
from stagescore.pose.boxes import centres, long_edges
from stagescore.report.still_background import Image, Joints, StillBackground
from stagescore.scoring.motion_scan import distinct_frames, small_picture
from stagescore.scoring.result import Result
from stagescore.scoring.state import ScoringState
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

PAGE_EDGE_PX, FILE_EDGE_PX = 640, 1280
"""Longer edge of the frames, in pixels, at most: for a report, and for a picture of its own."""
_MOST_FRAMES = 48
"""Frames of a flight that are laid on each other, at most: of 10 m at 25 or 30 frames per second all of them."""
_BEFORE = 3
"""Frames before the flight that show the background beneath the first copies."""
_FEWEST, _MOST = 4, 12
"""Copies of the diver."""
_MOST_HIDDEN = 0.3
"""Share of a copy that others may hide."""
_SPARE = 3
"""Frames by which copies may begin later or end earlier than the flight, where less is hidden then."""
_COARSE = 4
"""Pixels of the canvas per pixel of the small one on which copies are tried."""
_LIMB = 0.14
"""Thickness of a limb in body lengths, where copies are tried."""
_COPY_SHARE = 0.5
"""How much of a pixel must be the diver to count for the place of the copy's number."""
_ROOM = 0.9
"""Body lengths around the outermost copies that are shown of the hall."""
_NOT_ONE_FLIGHT = ("cut", "replay", "still", "two-divers")
"""Reasons without a score that leave no flight of one diver in one shot."""
_LONG_EDGE_PX, _MOST_ENLARGED = 1400, 2.0
"""Longer edge to which the picture of a small film is enlarged, so that numbers can be read, and by how much at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strobe:
    """A stroboscope picture.

    Attributes:
        picture: The picture; copies are numbered from 1 in the order of time.
        frames: Frames of the film that the copies were taken from, in the order of time.
        times_s: Time of each of these frames after the first of them, in seconds of the file.
        hidden: Largest share of a copy that others hide, 0 to 1, by the outlines of the limbs.
    """

    picture: Image
    frames: tuple[int, ...]
    times_s: tuple[float, ...]
    hidden: float

    def told(self, slowmo: float = 1.0) -> str:
        """Which frames the copies are, and how long after each other, in a sentence.

        Args:
            slowmo: Factor by which the film is slowed down.
        """
        numbers = " to ".join(dict.fromkeys(("1", f"{len(self.frames)}")))
        names = ", ".join(map(str, self.frames))
        apart_s = self.times_s[-1] / max(len(self.times_s) - 1, 1) / slowmo
        return f"The diver every {apart_s:.2f} s, in frames {names} (copies {numbers})."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FilmedFlight:
    """A flight in a film, with what is known of the diver.

    Attributes:
        media: The film, perhaps held smaller.
        airborne: Frames from the first in the air to the first contact with the water.
        start: First frame of the film that was used.
        track: Joints in pixels of the film, a row for each frame from `start` on; None where none are known.
        background: Place of the background in the frames, in pixels of the film; None to find it again.
    """

    media: Media
    airborne: range
    start: int
    track: PoseTrack | None
    background: BackgroundPath | None = None

    @classmethod
    def of(
        cls,
        result: Result,
        media: Media,
        track: PoseTrack | None,
        background: BackgroundPath | None = None,
    ) -> "FilmedFlight":
        """The flight of a scored dive.

        Raises:
            DataError: It has none of a single diver in one shot.
        """
        airborne = flight_span(result)
        if airborne is None:
            raise _no_flight(media.info.path)
        start = result.input.start_frame
        return cls(media=media, airborne=airborne, start=start, track=track, background=background)

    @classmethod
    def seen_by(cls, state: ScoringState) -> "FilmedFlight":
        """The flight of a dive that was looked at and not scored.

        Raises:
            DataError: No flight of a single diver in one shot was found.
        """
        media, flight = state.working, state.flight
        wrong = [reason.text for reason in state.reasons if reason.code in _NOT_ONE_FLIGHT]
        if media is None or flight is None or wrong:
            raise _no_flight(str(state.path), " ".join(wrong))
        first = state.start + flight.first
        airborne = range(first, min(state.start + flight.stop, state.end - 1) + 1)
        track = None if state.poses is None else state.poses.track
        return cls(
            media=media, airborne=airborne, start=state.start, track=track, background=state.background
        )

    @property
    def frames(self) -> tuple[int, ...]:
        """Frames of the film that pictures of the flight are made from, increasing: evenly spread, with a few before it."""
        return _spread(self.airborne, self.start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PicturedFlight:
    """Pictures of a flight, and what is known of the diver in them.

    Attributes:
        pictures: Pictures of one size by frame, none of which repeats another.
        joints_px: Joints of the diver in pixels of the pictures; frames may lack.
        times_s: Time of each frame in seconds of the file.
        airborne: Frames from the first in the air to the first contact with the water.
        background: Place of the background in the pictures; None to find it.
    """

    pictures: Mapping[int, Image]
    joints_px: Joints
    times_s: Mapping[int, float]
    airborne: range
    background: BackgroundPath | None = None

    @classmethod
    def of(cls, flight: FilmedFlight, edge_px: int) -> "PicturedFlight":
        """Decode the pictures of a flight.

        Args:
            flight: The flight.
            edge_px: Longer edge of the pictures, in pixels, at most.

        Raises:
            DataError: The film has changed.
        """
        media, path, frames = flight.media, flight.background, flight.frames
        wide, high = media.info.width_px, media.info.height_px
        smaller = min(edge_px / max(wide, high), 1.0)
        size = max(round(smaller * wide), 1), max(round(smaller * high), 1)
        # Repeated frames would look as if the camera stood still in the middle of its pan.
        if path is not None and all(frame in path.frames for frame in frames):
            frames = tuple(frame for frame in frames if frame in path.maps)
        else:
            path = None
        pictures = {
            frame: picture if smaller == 1 else scaled(picture, size)
            for frame, picture in media.frames(frames)
        }
        scale = media.scale * (np.array(size) / (wide, high))
        if path is None:
            distinct = distinct_frames(np.stack([small_picture(picture) for picture in pictures.values()]))
            pictures = {frames[row]: pictures[frames[row]] for row in distinct}
        else:
            path = path.part(frames).scaled(scale)
        track, start = flight.track, flight.start
        return cls(
            pictures=pictures,
            joints_px={}
            if track is None
            else {frame: np.asarray(track.joints_px[frame - start] * scale) for frame in pictures},
            times_s={frame: float(media.times_s[frame]) for frame in pictures},
            airborne=flight.airborne,
            background=path,
        )


def _no_flight(where: str, why: str = "") -> DataError:
    what = "no flight of one diver was found in it"
    return DataError(
        f"{what} ({why})" if why else what, where=where, todo="use a film that shows one whole dive"
    )


def _spread(airborne: range, start: int) -> tuple[int, ...]:
    stride = -(-len(airborne) // _MOST_FRAMES)
    before = range(airborne.start - _BEFORE * stride, airborne.start, stride)
    return tuple(frame for frame in (*before, *airborne[::stride]) if frame >= start)


def flight_span(result: Result) -> range | None:
    """Frames from the first in the air to the first contact with the water; None without a flight of one diver in one shot.

    Where the clip does not show an event, the edge of the stage stands for it.
    """
    flight = next((stage for stage in result.stages if stage.name == "flight"), None)
    airborne, contact = result.events.first_airborne_frame, result.events.first_water_contact_frame
    first = flight.start_frame if flight is not None else None
    last = flight.end_frame - 1 if flight is not None else None
    first = first if airborne is None else airborne.frame
    last = last if contact is None else contact.frame
    if first is None or last is None or any(one.code in _NOT_ONE_FLIGHT for one in result.reasons):
        return None
    span = range(first, min(last, result.input.end_frame - 1) + 1)
    return span if len(span) > 1 else None


def strobe_frames(result: Result) -> tuple[int, ...]:
    """Frames of the film that the picture of a scored dive is made from, increasing; empty where no flight was found."""
    span = flight_span(result)
    return () if span is None else _spread(span, result.input.start_frame)


def strobe_of(flight: FilmedFlight, *, edge_px: int = PAGE_EDGE_PX, copies: int | None = None) -> Strobe:
    """The picture of a flight.

    Args:
        flight: The flight.
        edge_px: Longer edge of the frames that it is made from, in pixels, at most.
        copies: Number of copies; as many as can be seen beside each other by default.

    Raises:
        DataError: The motion of the camera could not be followed, the diver was not seen, or the film has changed.
    """
    return strobe(PicturedFlight.of(flight, edge_px), copies)


def strobe(flight: PicturedFlight, copies: int | None = None) -> Strobe:
    """Make the picture.

    Args:
        flight: Pictures of one shot, those of the flight and a few before it.
        copies: Number of copies; as many as can be seen beside each other by default.

    Raises:
        DataError: The motion of the camera could not be followed, or the diver was not seen often enough.
    """
    pictures = flight.pictures
    hall = StillBackground.of(pictures, flight.joints_px, flight.airborne, flight.background)
    shown = [frame for frame in sorted(pictures) if frame in flight.airborne and frame in hall.boxes_px]
    if len(shown) < 2:
        raise DataError("the diver is not seen in the air", todo="use a film that shows the flight")
    times_s = flight.times_s
    chosen = _choice(hall, {frame: times_s[frame] for frame in shown}, copies)
    frames = tuple(sorted(chosen.frames))
    return Strobe(
        picture=_composed(hall, pictures, chosen),
        frames=frames,
        times_s=tuple(times_s[frame] - times_s[frames[0]] for frame in frames),
        hidden=chosen.hidden,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Frames in the order in which they are laid, the last on top, and the largest share of one that others hide."""

    frames: tuple[int, ...]
    hidden: float


def _choice(hall: StillBackground, times_s: Mapping[int, float], copies: int | None) -> _Choice:
    """As many copies as can be seen; where that are too few, those that hide least."""
    bodies = {frame: _coarse_body(hall, frame) for frame in times_s}
    fewest, most = (min(one, len(times_s)) for one in ((_FEWEST, _MOST) if copies is None else (copies,) * 2))
    best: _Choice | None = None
    for number in range(most, fewest - 1, -1):
        for frames in _evenly(times_s, number):
            # Later copies on top, earlier ones on top, small ones on top.
            small = sorted(frames, key=lambda frame: -int(bodies[frame].sum()))
            for laid in (frames, frames[::-1], small):
                hidden = _hidden([bodies[frame] for frame in laid])
                if best is None or hidden < best.hidden:
                    best = _Choice(frames=tuple(laid), hidden=hidden)
        if best is not None and best.hidden <= _MOST_HIDDEN:
            break
    if best is None:
        raise DataError(f"{copies} copies are asked for", todo="ask for one or more")
    return best


def _evenly(times_s: Mapping[int, float], number: int) -> Iterator[list[int]]:
    """Frames nearest to so many equal times, which begin and end within some frames of the flight's ends."""
    frames, times = sorted(times_s), np.array([times_s[frame] for frame in sorted(times_s)])
    spare = min(_SPARE, (len(frames) - 1) // (2 * number))
    for early in range(spare + 1):
        for late in range(spare + 1):
            wanted = np.linspace(times[early], times[len(times) - 1 - late], number)
            rows = np.abs(times[None] - wanted[:, None]).argmin(axis=1)
            yield [frames[row] for row in dict.fromkeys(rows.tolist())]


def _hidden(laid: Sequence[Bool[np.ndarray, "_ _"]]) -> float:
    """Largest share of a copy that those laid after it hide."""
    above, most = np.zeros_like(laid[0]), 0.0
    for body in reversed(laid):
        most = max(most, float((body & above).sum() / max(body.sum(), 1)))
        above = above | body
    return most


def _coarse_body(hall: StillBackground, frame: int) -> Bool[np.ndarray, "_ _"]:
    """About where the diver is on the canvas, small."""
    drawn = np.zeros([-(-side // _COARSE) for side in hall.picture.shape[:2]], np.uint8)
    box, joints = hall.boxes_px[frame], hall.joints_px.get(frame)
    length = float(long_edges(box)) / _COARSE
    if joints is None:
        middle = hall.placed(frame, centres(box)[None])[0] / _COARSE
        cv2.circle(drawn, np.rint(middle).astype(int).tolist(), round(length / 3), 1, -1)
        return drawn > 0
    points = hall.placed(frame, joints) / _COARSE
    for start, end in MPII_16.bone_indices:
        if np.isfinite(points[[start, end]]).all():
            ends = np.rint(points[[start, end]]).astype(int).tolist()
            cv2.line(drawn, ends[0], ends[1], 1, max(round(_LIMB * length), 1))
    return drawn > 0


def _composed(hall: StillBackground, pictures: Mapping[int, Image], chosen: _Choice) -> Image:
    """The copies laid on the hall, cut to what is worth seeing, with a number at each."""
    canvas = hall.picture.astype(np.float32)
    size = canvas.shape[1], canvas.shape[0]
    rims: dict[int, Float[np.ndarray, "4"] | None] = {}
    for frame in chosen.frames:
        share = hall.cut_out(frame, pictures[frame])
        rims[frame] = None
        if not share.any():
            continue
        # Only the part of the canvas that the copy covers is looked at.
        left, top, right, bottom = _covered(share > 0, hall.maps[frame], size)
        there = np.array(((1.0, 0.0, -left), (0.0, 1.0, -top), (0.0, 0.0, 1.0))) @ hall.maps[frame]
        below, part = canvas[top:bottom, left:right], (right - left, bottom - top)
        share = cv2.warpPerspective(share, there, part)[..., None]
        below += share * (cv2.warpPerspective(pictures[frame], there, part) - below)
        rim = _rim(share > _COPY_SHARE)
        rims[frame] = None if rim is None else rim + np.array((left, top, left, top))
    copies = {frame: rim for frame, rim in rims.items() if rim is not None}
    if not copies:
        raise DataError("the diver cannot be told from the background", todo="use a sharper film")
    left, top, right, bottom = _cut(list(copies.values()), size)
    cut = np.clip(np.rint(canvas[top:bottom, left:right]), 0, 255).astype(np.uint8)
    scale = min(max(_LONG_EDGE_PX / max(cut.shape[:2]), 1.0), _MOST_ENLARGED)
    drawn = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    taken: list[tuple[int, int]] = []
    for number, frame in enumerate(sorted(rims), start=1):
        if frame in copies:
            _numbered(drawn, number, (copies[frame] - np.array((left, top, left, top))) * scale, taken)
    return np.asarray(drawn)


def _covered(
    mask: Bool[np.ndarray, "_ _"], place: Float[np.ndarray, "3 3"], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part of the canvas that places of a frame lie on, with a pixel of room."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    corners = [(x, y, 1.0) for x in columns[[0, -1]] for y in rows[[0, -1]]]
    there = (np.array(corners) @ place.T)[:, :2]
    low = np.clip(np.floor(there.min(axis=0)) - 1, 0, np.array(size) - 1).astype(int).tolist()
    high = np.clip(np.ceil(there.max(axis=0)) + 2, 1, size).astype(int).tolist()
    return low[0], low[1], high[0], high[1]


def _rim(mask: Bool[np.ndarray, "_ _ 1"]) -> Float[np.ndarray, "4"] | None:
    """Box around the places of a copy on the canvas; None where there are none."""
    rows, columns = np.nonzero(mask[..., 0])
    if not len(rows):
        return None
    return np.array((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), dtype=float)


def _cut(rims: Sequence[Float[np.ndarray, "4"]], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is shown."""
    table = np.stack(rims)
    room = _ROOM * float(np.median(long_edges(table)))
    low, high = table[:, :2].min(axis=0) - room, table[:, 2:].max(axis=0) + room
    left, top = np.clip(np.rint(low), 0, None).astype(int).tolist()
    right, bottom = np.minimum(np.rint(high), size).astype(int).tolist()
    return left, top, right, bottom


def _numbered(drawn: Image, number: int, box: Float[np.ndarray, "4"], taken: list[tuple[int, int]]) -> None:
    """The number of a copy, to its right; lower where another number stands already, whose place is noted."""
    size = max(drawn.shape[:2]) / _LONG_EDGE_PX
    text, font = f"{number}", cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), _ = cv2.getTextSize(text, font, size, 2)
    across = round(min(float(box[2]) + 8 * size, drawn.shape[1] - wide - 4))
    down = round(float(box[1] + box[3]) / 2)
    while any(abs(x - across) < 1.3 * wide and abs(y - down) < 1.3 * high for x, y in taken):
        down += max(high // 2, 1)
    taken.append((across, down))
    for colour, width in (((0, 0, 0), 5), ((255, 255, 255), 2)):
        cv2.putText(drawn, text, (across, down), font, size, colour, width, cv2.LINE_AA)
