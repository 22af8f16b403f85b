"""Two dives in one film: one as it was filmed, the other laid over it as a ghost, at the same share of the same stage.

The film ends where the first of both touches the water: in a splash nobody can be cut out. Both bodies are shown at one length. The ghost lies at the diver's centre of mass, or where it would be had both left the board
at one point. Of an exemplar that a bank holds as skeletons the skeleton is laid over the dive.
Source: none. Numbers were set by hand on real films.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from stagescore.errors import DataError
from stagescore.media.scaling import scaled
from stagescore.pose.boxes import centres
from stagescore.report.film_kinds import Align
from stagescore.report.keyframes import AlignedPair, contact_frame
from stagescore.report.still_background import Image, StillBackground
from stagescore.report.strobe import flight_span
from stagescore.scoring.compare import DiveComparison
from stagescore.scoring.scored import Scored
from stagescore.skeleton import MPII_16

EDGE_PX = 540
"""Edge of the square pictures of the film."""
_SIDE = 2.0
"""Body lengths that a picture shows."""
_READ_EDGE_PX = 960
"""Longer edge of the frames that are laid on each other, in pixels, at most."""
_SHARE, _RIM_SHARE = 0.6, 0.9
"""How much of what is seen is the ghost: on its body, and on the rim of it."""
_TINT = (90, 230, 255)
"""Red, green, blue of the ghost."""
_LENGTH_PERCENTILE = 80
"""Of the lengths that are seen, since a body that points at the camera looks shorter, and single joints are wrong."""
_STEADY = 5
"""Frames over which the centre is averaged."""
_MOST_FRAMES = 96
"""Frames that are read where a bank keeps some moments only: of 10 m at 30 frames per second all up to the water."""
_CHAIN = (("head_top", "thorax"), ("thorax", "pelvis"))
_LEGS = tuple(
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (("hip", "knee"), ("knee", "ankle"))
)


def body_length(joints: Float[np.ndarray, "frames joints 2"]) -> float | None:
    """Length of the stretched body from head to ankle, in the unit of the joints; None where it is never seen.

    Args:
        joints: Joints of MPII; NaN where unknown.
    """

    def lengths(bones: Sequence[tuple[str, str]]) -> Float[np.ndarray, "bones frames"]:
        ends = [(MPII_16.index(a), MPII_16.index(b)) for a, b in bones]
        return np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in ends])

    seen = lengths(_CHAIN).sum(axis=0) + lengths(_LEGS).sum(axis=0) / 2
    seen = seen[np.isfinite(seen)]
    return float(np.percentile(seen, _LENGTH_PERCENTILE)) if len(seen) else None


def centre_of_mass(joints: Float[np.ndarray, "joints 2"]) -> Float[np.ndarray, "2"] | None:
    """Centre of mass of the joints that are known; None where that is less than half of the body."""
    mass = np.isfinite(joints).all(axis=-1) * np.array(MPII_16.mass_shares)
    if mass.sum() < 0.5:
        return None
    return np.asarray((mass[:, None] * np.nan_to_num(joints)).sum(axis=0) / mass.sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FollowedDive:
    """A dive whose diver is followed on a still background.

    Attributes:
        pictures: Pictures by frame.
        hall: Background of the pictures, and where they lie on it.
        centres: Place of the diver on the canvas by frame.
        take_off: Place on the canvas of the lowest joint where the diver leaves the board.
        length_px: Length of the stretched body, in pixels of the pictures.
    """

    pictures: Mapping[int, Image]
    hall: StillBackground
    centres: Mapping[int, Float[np.ndarray, "2"]]
    take_off: Float[np.ndarray, "2"]
    length_px: float

    @classmethod
    def of(cls, scored: Scored, frames: Sequence[int]) -> "FollowedDive":
        """Follow the diver of a scored dive.

        Args:
            scored: The dive with its film and joints.
            frames: Frames of the film, increasing.

        Raises:
            DataError: There is no film, no flight, or hardly a joint, or the motion of the camera could not be followed.
        """
        media, poses, airborne = scored.media, scored.poses, flight_span(scored.result)
        where = scored.result.input.path
        if media is None or poses is None or airborne is None:
            raise DataError(
                "no diver was followed through a flight in it", where=where, todo="use a film of a whole dive"
            )
        size = media.info.width_px, media.info.height_px
        factor = min(_READ_EDGE_PX / max(size), 1.0)
        smaller = max(round(factor * size[0]), 1), max(round(factor * size[1]), 1)
        pictures = {
            frame: image if factor == 1 else scaled(image, smaller) for frame, image in media.frames(frames)
        }
        track = poses.scaled(media.scale * np.array(smaller) / size).track
        start = scored.result.input.start_frame
        joints = {frame: track.joints_px[frame - start] for frame in pictures}
        length = body_length(track.joints_px)
        hall = StillBackground.of(pictures, joints, airborne)
        if length is None or not hall.boxes_px:
            raise DataError(
                "hardly a joint of the diver was found in it",
                where=where,
                todo="give --poses, or another film",
            )
        places = _places(hall, sorted(pictures))
        return cls(
            pictures=pictures,
            hall=hall,
            centres=places,
            take_off=_lowest(hall, sorted(pictures), airborne.start),
            length_px=length,
        )

    def window(self, frame: int, shift: Float[np.ndarray, "2"] | None = None) -> Float[np.ndarray, "2 3"]:
        """Map from pixels of a frame to a square picture with the diver in its middle.

        Args:
            frame: One of the frames.
            shift: How far the diver is out of the middle, in pixels of the square; None for not at all.
        """
        scale = EDGE_PX / (_SIDE * self.length_px)
        there = np.linalg.inv(self.hall.maps[frame]) @ np.append(self.centres[frame], 1.0)
        move = EDGE_PX / 2 - scale * there[:2] + (0.0 if shift is None else shift)
        return np.array(((scale, 0.0, move[0]), (0.0, scale, move[1])))

    def from_take_off(self, frame: int) -> Float[np.ndarray, "2"]:
        """How far the diver is from the point of the take-off, in body lengths."""
        return np.asarray((self.centres[frame] - self.take_off) / self.length_px)

    def shown(self, frame: int, window: Float[np.ndarray, "2 3"]) -> Image:
        """The frame in a window."""
        return np.asarray(
            cv2.warpAffine(self.pictures[frame], window, (EDGE_PX, EDGE_PX), flags=cv2.INTER_CUBIC), np.uint8
        )

    def ghost(self, frame: int, window: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "_ _ 1"]:
        """How much of each pixel of a window is the ghost, 0 to 1."""
        body = self.hall.cut_out(frame, self.pictures[frame])
        return _rimmed(np.asarray(cv2.warpAffine(body, window, (EDGE_PX, EDGE_PX))))


def _rimmed(body: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w 1"]:
    """Share of a ghost whose rim can be seen before any background."""
    inside = (body > 0.5).astype(np.float64)
    rim = cv2.GaussianBlur(inside - cv2.erode(inside, np.ones((3, 3))), (0, 0), 0.8)
    return np.asarray(np.maximum(_SHARE * body, _RIM_SHARE * np.clip(rim, 0, 1)))[..., None]


def _places(hall: StillBackground, frames: Sequence[int]) -> dict[int, Float[np.ndarray, "2"]]:
    """The diver's centre on the canvas in every frame, averaged over neighbours."""
    table = []
    for frame in frames:
        joints = hall.joints_px.get(frame)
        middle = None if joints is None else centre_of_mass(joints)
        middle = centres(hall.boxes_px[frame]) if middle is None else middle
        table.append(hall.placed(frame, middle[None])[0])
    steady = []
    for k in range(len(table)):
        half = min(_STEADY // 2, k, len(table) - 1 - k)  # as many before as after, or a fall would lag
        steady.append(np.mean(table[k - half : k + half + 1], axis=0))
    return {frame: np.asarray(place) for frame, place in zip(frames, steady, strict=True)}


def _lowest(hall: StillBackground, frames: Sequence[int], take_off: int) -> Float[np.ndarray, "2"]:
    """Where the lowest joint is on the canvas when the diver leaves the board, or the lower edge of the box."""
    near = sorted(frames, key=lambda frame: abs(frame - take_off))
    frame = next((one for one in near if one in hall.joints_px), near[0])
    joints, box = hall.joints_px.get(frame), hall.boxes_px[frame]
    if joints is None:
        point = np.array(((box[0] + box[2]) / 2, box[3]))
    else:
        known = joints[np.isfinite(joints).all(axis=-1)]
        point = known[known[:, 1].argmax()]
    return np.asarray(hall.placed(frame, point[None])[0])


def ghost_frames(
    comparison: DiveComparison, first: Scored, second: Scored, align: Align = Align.centre
) -> Iterator[tuple[str, Image]]:
    """The steps of the common time base with both dives in one picture, and words about each.

    Args:
        comparison: Comparison of the two dives.
        first: The dive that is shown as it was filmed.
        second: The dive that is laid over it.
        align: What lies on each other: the centres of mass at every moment, or the points of the take-off.

    Raises:
        DataError: A diver could not be followed.
    """
    ends = [_in_water(one) for one in (first, second)]
    moments = [
        (one, one.second_frame)
        for one in comparison.moments
        if one.second_frame is not None and one.first_frame <= ends[0] and one.second_frame <= ends[1]
    ]
    mine = FollowedDive.of(first, sorted({one.first_frame for one, _ in moments}))
    theirs = FollowedDive.of(second, sorted({there for _, there in moments}))
    for moment, there in moments:
        here = moment.first_frame
        shift = np.zeros(2)
        if align == Align.take_off:
            shift = (theirs.from_take_off(there) - mine.from_take_off(here)) * (EDGE_PX / _SIDE)
        shown = mine.shown(here, mine.window(here))
        window = theirs.window(there, shift)
        stage = comparison.stages[int(moment.time)].name
        yield (
            f"{stage}  A {here}  ghost B {there}",
            laid_over(shown, theirs.shown(there, window), theirs.ghost(there, window)),
        )


def skeleton_ghosts(
    pairs: Sequence[AlignedPair],
    names: Sequence[str],
    first: Scored,
    skeletons: Mapping[int, Float[np.ndarray, "joints 2"]],
) -> Iterator[tuple[str, Image]]:
    """The moments that a bank keeps of an exemplar, with its skeleton laid over the dive.

    Args:
        pairs: Moments of the dive and of the exemplar.
        names: Names of the stages.
        first: The dive.
        skeletons: Joints of the exemplar by sampled frame, in any unit.

    Raises:
        DataError: The diver could not be followed, or nothing is known of the exemplar's body.
    """
    length = body_length(np.stack(list(skeletons.values()))) if skeletons else None
    if length is None:
        raise DataError(
            "the bank keeps no whole skeleton of the exemplar", todo="name its film as the second dive"
        )
    pairs = [pair for pair in pairs if pair.query_frame <= _in_water(first)]
    if not pairs:
        raise DataError(
            "the dive shows none of the moments that the bank keeps", todo="name a film as the second dive"
        )
    mine = FollowedDive.of(first, _all_between([pair.query_frame for pair in pairs]))
    for pair in pairs:
        joints = skeletons.get(pair.exemplar_frame)
        middle = None if joints is None else centre_of_mass(joints)
        if joints is None or middle is None:
            continue
        shown = mine.shown(pair.query_frame, mine.window(pair.query_frame))
        placed = (joints - middle) * (EDGE_PX / (_SIDE * length)) + EDGE_PX / 2
        body = np.zeros(shown.shape[:2], np.uint8)
        for start, end in MPII_16.bone_indices:
            if np.isfinite(placed[[start, end]]).all():
                ends = np.rint(placed[[start, end]]).astype(int).tolist()
                cv2.line(body, ends[0], ends[1], 1, max(EDGE_PX // 45, 1), cv2.LINE_AA)
        share = _rimmed(np.asarray(cv2.GaussianBlur(body.astype(np.float64), (0, 0), 1.0)))
        yield (
            f"{names[pair.stage]}  A {pair.query_frame}  ghost: exemplar",
            laid_over(shown, np.full_like(shown, 255), share),
        )


def laid_over(shown: Image, other: Image, share: Float[np.ndarray, "_ _ 1"]) -> Image:
    """A picture with another one laid over it in the colour of ghosts.

    Args:
        shown: The picture beneath.
        other: The picture above, of the same size.
        share: How much of each pixel is the picture above, 0 to 1.
    """
    grey = cv2.cvtColor(other, cv2.COLOR_RGB2GRAY).astype(np.float64)[..., None] / 255
    tinted = (0.5 + 0.5 * grey) * np.array(_TINT, dtype=np.float64)
    return np.asarray(np.clip(np.rint(shown + share * (tinted - shown)), 0, 255), dtype=np.uint8)


def _in_water(scored: Scored) -> int:
    """Frame of the first contact with the water; the last that was used where it is not known."""
    contact = contact_frame(scored.result)
    return scored.result.input.end_frame - 1 if contact is None else contact


def _all_between(frames: Sequence[int]) -> list[int]:
    """The frames and enough of those between them that the camera can be followed from one to the next."""
    stride = -(-(max(frames) + 1 - min(frames)) // _MOST_FRAMES)
    return sorted({*frames, *range(min(frames), max(frames) + 1, stride)})
