"""Frames and joints for a report, cut around the diver and packed as data URIs."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from stagescore.errors import DataError
from stagescore.media.images import jpeg_bytes
from stagescore.report.overlay import draw_pose
from stagescore.report.sentences import Sentence
from stagescore.report.strobe import Strobe
from stagescore.types import PoseTrack

Image = UInt8[np.ndarray, "_ _ 3"]
"""Red, green, blue, of any size."""

_QUALITY = 76
"""JPEG quality of the pictures in a report. Set by hand."""
_ROOM = 1.35
"""Side of a square, as a multiple of how far the joints spread. Set by hand."""
_LEAST_SHARE = 0.45
"""Smallest side of a square, as a share of the picture's height, so that board, water and splash can be seen beside the diver.
Set by hand."""
_DRIFT_SHARE = 0.2
"""How far to the side of the first water contact joints are followed, of the picture's height. In eighteen films of
UNLV-Dive the joints of divers and splashes stayed within 0.16 of it in the half second after it; one that was found on the pool's wall
lay 0.40 away."""


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture with its words.

    Attributes:
        uri: The picture as a data URI; None where there is no picture, and the words stand alone.
        alt: What the picture shows, for those who cannot see it.
        caption: The sentence under the picture.
    """

    uri: str | None
    alt: str
    caption: Sentence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """What there is to show of a dive; anything may be missing, and the report then says so.

    Attributes:
        query: Red, green, blue by frame of the input file; `dive_report.frames_wanted` says which are needed.
        track: The diver's joints, in pixels of the film.
        track_frames: Frame of the input file of each row of the track.
        weak: Joints that are drawn thin, since they were filled or are doubtful.
        exemplar: Red, green, blue by sampled frame of the nearest exemplar, as its bank holds them.
        contact_frame: Frame of the first water contact, after which a joint that is found may be anything; None where it
            is not known.
        scale: Width and height of the pictures of the query, as shares of those of the film.
        strobe: The flight in one picture; None where it could not be made.
    """

    query: Mapping[int, Image] = field(default_factory=dict)
    track: PoseTrack | None = None
    track_frames: Sequence[int] = ()
    weak: Bool[np.ndarray, "frames joints"] | None = None
    exemplar: Mapping[int, Image] = field(default_factory=dict)
    contact_frame: int | None = None
    scale: Float[np.ndarray, "2"] = field(default_factory=lambda: np.ones(2))
    strobe: Strobe | None = None

    def __post_init__(self) -> None:
        rows = 0 if self.track is None else self.track.num_frames
        if rows != len(self.track_frames):
            raise DataError(
                f"{rows} rows of joints and {len(self.track_frames)} frames", todo="name a frame for each row"
            )
        if self.weak is not None and len(self.weak) != rows:
            raise DataError(f"{len(self.weak)} rows say which joints are weak", todo=f"give {rows}")

    def strip(self, frames: Iterable[int], *, skeleton: bool = False, height_px: int = 240) -> dict[int, str]:
        """The same as `crops`, as data URIs."""
        crops = self.crops(frames, skeleton=skeleton, height_px=height_px)
        return {frame: data_uri(crop) for frame, crop in crops.items()}

    def crops(
        self, frames: Iterable[int], *, skeleton: bool = False, height_px: int = 240
    ) -> dict[int, Image]:
        """Frames of the query, all cut to squares of one size around the diver; whole where no joint is known.

        Args:
            frames: Frames of the input file; those that are missing are left out.
            skeleton: Whether the joints are drawn; frames without joints are then left out.
            height_px: Height of each picture.
        """
        shown = [frame for frame in dict.fromkeys(frames) if frame in self.query]
        if skeleton:
            shown = [frame for frame in shown if self._joints(frame) is not None]
        side = self._side(shown)
        followed = [] if side is None else self._followed_frames(self.query[shown[0]].shape[0])
        found = {}
        for frame in shown:
            image = self.query[frame]
            # Joints that are drawn stand in the middle of their picture, wherever they were found.
            corner = self._corner(image, side, frame if skeleton else _nearest(followed, frame))
            joints, row = self._joints(frame), self._row(frame)
            crop, scale = _cut(image, corner, side, height_px)
            if skeleton and joints is not None:
                weak = None if self.weak is None or row is None else self.weak[row]
                crop = draw_pose(crop, (joints - np.asarray(corner)) * scale, weak)
            found[frame] = crop
        return found

    def exemplar_strip(self, frames: Iterable[int], height_px: int = 240) -> dict[int, str]:
        """Sampled frames of the exemplar, whole; those that are missing are left out."""
        return {
            frame: data_uri(_cut(self.exemplar[frame], (0, 0), None, height_px)[0])
            for frame in dict.fromkeys(frames)
            if frame in self.exemplar
        }

    def _row(self, frame: int) -> int | None:
        return self.track_frames.index(frame) if frame in self.track_frames else None

    def _joints(self, frame: int) -> Float[np.ndarray, "joints 2"] | None:
        row = self._row(frame)
        if self.track is None or row is None or not self.track.known[row].any():
            return None
        return np.asarray(self.track.joints_px[row] * self.scale)

    def _side(self, frames: Sequence[int]) -> int | None:
        """Side of the squares in pixels; None where the diver's place is unknown: whole pictures."""
        joints = [found for frame in frames if (found := self._joints(frame)) is not None]
        if not joints:
            return None
        height, width = self.query[frames[0]].shape[:2]
        extent = max(float(np.ptp(found[np.isfinite(found).all(-1)], axis=0).max()) for found in joints)
        return int(min(max(_ROOM * extent, _LEAST_SHARE * height), height, width))

    def _corner(self, image: Image, side: int | None, nearest: int | None) -> tuple[int, int]:
        """Left and top of a square around the joints of a frame."""
        if side is None or nearest is None:
            return 0, 0
        room = np.array(image.shape[1::-1]) - side
        left, top = np.clip(np.rint(self._centre(nearest) - side / 2), 0, room).astype(int).tolist()
        return left, top

    def _centre(self, frame: int) -> Float[np.ndarray, "2"]:
        joints = self._joints(frame)
        return np.zeros(2) if joints is None else (np.nanmin(joints, axis=0) + np.nanmax(joints, axis=0)) / 2

    def _known_frames(self) -> list[int]:
        return [frame for frame in self.track_frames if self._joints(frame) is not None]

    def _followed_frames(self, height_px: int) -> list[int]:
        """Frames whose joints the crops follow: in the water only joints that were seen, and near the contact."""
        known, contact = self._known_frames(), self.contact_frame
        dry = [frame for frame in known if contact is None or frame <= contact]
        if not dry:
            return known
        place, far = self._centre(dry[-1])[0], _DRIFT_SHARE * height_px
        wet = [frame for frame in known[len(dry) :] if self._is_seen(frame)]
        return [*dry, *(frame for frame in wet if abs(self._centre(frame)[0] - place) <= far)]

    def _is_seen(self, frame: int) -> bool:
        """Whether any joint of a frame is neither filled nor doubtful."""
        row = self._row(frame)
        if self.track is None or row is None:
            return False
        known = self.track.known[row]
        return bool((known if self.weak is None else known & ~self.weak[row]).any())


def _nearest(frames: Sequence[int], frame: int) -> int | None:
    return min(frames, key=lambda other: (abs(other - frame), other), default=None)


def data_uri(image: Image) -> str:
    """A picture as a JPEG that stands in the page itself."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(image, _QUALITY)).decode("ascii")


def _cut(image: Image, corner: tuple[int, int], side: int | None, height_px: int) -> tuple[Image, float]:
    """A square (or the whole picture) at a height, and by how much it was scaled."""
    left, top = corner
    crop = image if side is None else image[top : top + side, left : left + side]
    scale = height_px / crop.shape[0]
    size = (round(crop.shape[1] * scale), height_px)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), size, interpolation=how)), scale
