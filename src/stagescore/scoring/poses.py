"""The joints of the diver of a clip: from networks, from a file, or none. All that scoring knows of `pose`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from stagescore.errors import CheckpointError, ConfigError, DataError
from stagescore.media.images import image_paths, load_image
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media, without_pictures
from stagescore.pose.annotation import annotate
from stagescore.pose.formats import LabelledImage
from stagescore.pose.labels import read_labels
from stagescore.pose.loading import open_networks
from stagescore.pose.networks import PoseNetworks
from stagescore.pose.npz_files import read_npz
from stagescore.pose.plausibility import implausible
from stagescore.pose.tracking import Pointed
from stagescore.scoring.motion_scan import MotionScan
from stagescore.scoring.result_parts import PoseShares
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.types import PoseTrack
from stagescore.weights.registry import pose_networks

_DIGITS = 6
_LEAST_JOINTS = 8
"""Joints that a frame must have for a box around them. Set by hand: half of MPII's 16."""
_LEAST_CONFIDENCE = 0.1
"""Confidence below which a given joint is doubtful. Set by hand."""
_FEW_JOINTS = 0.3
"""Share of measured joints below which a warning says that little follows from them. Set by hand."""
_USUAL_ROWS = 96  # of FineDiving-Pose
_FRAME_NUMBER = re.compile(r"(?:.*_(?=\d{12}(?:\.|$)))?(?P<number>\d{1,12})(?:\.[a-zA-Z]+)?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Poses:
    """The joints of the diver in the frames that are used.

    Attributes:
        track: Joints of MPII's skeleton, in pixels of the film.
        weak: Joints that were filled or are doubtful.
        shares: How many of the joints were seen, filled or doubtful.
        boxes_px: The diver's box in each frame (left, top, right, bottom); NaN where there is none; None where no
            network looked.
        num_divers: Number of divers who fall; None where no network looked.
        warnings: What to know of the joints, in whole sentences.
        detector: File name of the network that found the diver; None where none looked.
        estimator: File name of the network that found the joints; None where none looked.
    """

    track: PoseTrack
    weak: Bool[np.ndarray, "frames joints"]
    shares: PoseShares
    boxes_px: Float[np.ndarray, "frames 4"] | None = None
    num_divers: int | None = None
    warnings: tuple[str, ...] = ()
    detector: str | None = None
    estimator: str | None = None

    def scaled(self, scale: Float[np.ndarray, "2"]) -> "Poses":
        """The same joints and boxes in a picture of another size.

        Args:
            scale: Width and height of the other picture, as shares of those of this one.
        """
        if (scale == 1).all():
            return self
        track = replace(self.track, joints_px=self.track.joints_px * scale)
        boxes = None if self.boxes_px is None else self.boxes_px * np.tile(scale, 2)
        return replace(self, track=track, boxes_px=boxes)

    def part(self, start: int, end: int) -> "Poses":
        """The joints of some of the frames, half-open; shares are of these."""
        track, weak = self.track.at(range(start, end)), self.weak[start:end]
        filled = np.zeros_like(weak) if track.filled is None else track.known & track.filled
        shares = PoseShares(
            source=self.shares.source,
            diver=self.shares.diver,
            measured=_share(track.known & ~weak),
            filled=_share(filled),
            doubtful=_share(track.known & weak & ~filled),
        )
        boxes = None if self.boxes_px is None else self.boxes_px[start:end]
        return replace(self, track=track, weak=weak, shares=shares, boxes_px=boxes)

    def doubting(self, doubtful: Bool[np.ndarray, "frames joints"]) -> "Poses":
        """The same with more joints that are doubtful.

        Args:
            doubtful: Joints that are not to be believed; those that are unknown or weak already stay what they are.
        """
        new = doubtful & self.track.known & ~self.weak
        if not new.any():
            return self
        share = _share(new)
        shares = self.shares.model_copy(
            update={
                "measured": round(max(self.shares.measured - share, 0.0), _DIGITS),
                "doubtful": round(self.shares.doubtful + share, _DIGITS),
            }
        )
        return replace(self, weak=self.weak | new, shares=shares)

    def boxes(self) -> Float[np.ndarray, "frames 4"]:
        """The detector's boxes, or those around the joints where no detector looked; NaN where there is none."""
        if self.boxes_px is not None:
            return self.boxes_px
        joints = np.where(self.track.known[..., None], self.track.joints_px, np.nan)
        boxes = np.full((len(joints), 4), np.nan)
        some = self.track.known.sum(1) >= _LEAST_JOINTS
        boxes[some, :2], boxes[some, 2:] = np.nanmin(joints[some], axis=1), np.nanmax(joints[some], axis=1)
        return boxes


def open_pose_networks(weights_dir: Path | None = None) -> PoseNetworks | str:
    """The networks on this machine, or why there are none, in a sentence."""
    try:
        return open_networks(pose_networks(weights_dir))
    except (CheckpointError, ConfigError) as error:
        return f"No pose networks: {error}"


def estimated_poses(
    media: Media, start: int, networks: PoseNetworks, scan: MotionScan, pointed: Pointed | None = None
) -> Poses:
    """Let the networks look at the distinct frames of a clip; others have the joints of the frame that they repeat.

    Args:
        media: The film, in the size in which it was watched.
        start: Frame of the film that the clip begins with.
        networks: Detector and estimator that look at the frames.
        scan: What moves in the clip.
        pointed: Place at which the user points: a frame among all of the clip, a box in pixels of that size.

    Returns:
        Joints and boxes in pixels of that size.

    Raises:
        DataError: The film cannot be read any more.
        NobodyThereError: Nobody is seen where the user points.
    """
    if pointed is not None:
        pointed = replace(pointed, frame=int(scan.rows[pointed.frame]))
    found = annotate(
        lambda: (image for _, image in media.frames([start + frame for frame in scan.distinct])),
        networks,
        scan.motions,
        pointed=pointed,
    )
    rows = scan.rows
    return Poses(
        track=found.track.at(rows),
        weak=(found.filled | found.doubtful)[rows],
        shares=PoseShares(
            source="estimated" if found.track.known.any() else "none",
            diver="found" if pointed is None else "given",
            measured=_share(found.measured),
            filled=_share(found.filled),
            doubtful=_share(found.doubtful),
        ),
        boxes_px=found.boxes_px[rows],
        num_divers=found.num_divers,
        warnings=found.warnings,
        detector=found.networks["detector"].name,
        estimator=found.networks["estimator"].name,
    )


def given_poses(path: Path, media: Media, start: int, end: int, *, skeleton: Skeleton | None = None) -> Poses:
    """Read the joints of a file, in any of the forms and skeletons, and map them to MPII's.

    Rows of an npz are the film's frames or those that are used, or evenly spread over these. Labelled images are
    found by their names: those of the folder's images, or the numbers of a film's frames.

    Args:
        path: File or folder of the joints: npz, the authors' JSON, COCO, LabelMe, OpenPose's folder or AlphaPose's
            list.
        media: The film.
        start: First frame that is used.
        end: Frame after the last that is used.
        skeleton: What the file's joints are; told by their names or their number by default.

    Raises:
        DataError: Unreadable, it does not fit the clip, or it does not hold the joints of a diver.
    """
    warnings = []
    if path.suffix.lower() == ".npz":
        read = _rows_of(path, skeleton)
        if read.num_frames not in (media.num_frames, end - start, _USUAL_ROWS):
            warnings.append(
                f"The file has {read.num_frames} rows of joints for {end - start} frames; "
                "they are taken to be evenly spread, each for the frames nearest to it."
            )
        _check_body(
            read, path, media, media.num_frames if read.num_frames == media.num_frames else end - start
        )
        track = _spread(read, media.num_frames, start, end)
    else:
        track = labelled_track(read_labels(path, skeleton), media, start, end)
        _check_body(track, path, media, end - start)
    given, track = track.skeleton, track.mapped(MPII_16)
    if given != MPII_16 or track.derived:
        warnings.append(_mapping_warning(given, track))
    if not track.known.any():
        raise DataError(
            f"it holds no joints of frames {start} to {end - 1}",
            where=path,
            todo="give the poses of this clip; images are matched by name",
        )
    filled = np.zeros(track.known.shape, dtype=bool) if track.filled is None else track.filled
    doubtful = track.known & ~filled & (track.confidence < _LEAST_CONFIDENCE)
    measured = _share(track.known & ~filled & ~doubtful)
    if measured < _FEW_JOINTS:
        warnings.append(
            f"Only {measured:.0%} of the joints are given and measured: what follows from them is weak."
        )
    return Poses(
        track=track,
        weak=filled | doubtful,
        shares=PoseShares(
            source="given", measured=measured, filled=_share(track.known & filled), doubtful=_share(doubtful)
        ),
        warnings=tuple(warnings),
    )


def _check_body(given: PoseTrack, path: Path, media: Media, num_frames: int) -> None:
    """Refuse joints that are not those of a diver; of a whole dive, where they stand for the film.

    Args:
        given: Joints of the file, a row for each of its frames.
        path: File of the joints.
        media: The film, or what stands in for it.
        num_frames: Frames of the film that the rows are spread over.

    Raises:
        DataError: They are not.
    """
    track, info = given.mapped(MPII_16), media.info
    known = track.known if track.filled is None else track.known & ~track.filled
    rate = track.num_frames * (info.frame_rate or DEFAULT_FRAME_RATE) * info.slowmo / max(num_frames, 1)
    picture_px = (info.width_px, info.height_px)
    told = implausible(track.joints_px, known, picture_px, rate, whole_dive=info.kind == "joints")
    if told is not None:
        raise DataError(
            f"these are not the joints of a diver: {told}",
            where=path,
            todo="give joints of one person, in the order of their skeleton and in pixels of this picture",
        )


def _mapping_warning(given: Skeleton, track: PoseTrack) -> str:
    """Which joints are derived, here or in the file already, and which are unknown."""
    told = [f"The poses have the joints of {given.name}."]
    seen = np.asarray(track.known.any(0))
    derived = track.skeleton.named(seen & track.skeleton.mask(track.derived))
    for joints, what in ((derived, "Derived from others"), (track.skeleton.named(~seen), "Unknown")):
        if joints:
            told.append(f"{what}: {', '.join(joint.replace('_', ' ') for joint in joints)}.")
    return " ".join(told)


def is_joints(path: Path) -> bool:
    """Whether a file holds joints and no film."""
    return path.suffix.lower() == ".npz" and path.is_file()


def joints_alone(
    path: Path, size_px: tuple[int, int] | None, *, slowmo: float = 1.0, frame_rate: float | None = None
) -> Media:
    """What stands in for the film of an npz of joints, a row a frame.

    Raises:
        DataError: Unreadable, empty, or nothing says how large the picture was.
    """
    num_frames = _rows_of(path).num_frames
    if size_px is None:
        raise DataError(
            "joints do not say how large the picture is",
            where=path,
            todo="give --size, such as 1920x1080; or give the film, and the joints by --poses",
        )
    return without_pictures(
        path, num_frames, size_px, slowmo=slowmo, frame_rate=frame_rate or DEFAULT_FRAME_RATE
    )


def _rows_of(path: Path, skeleton: Skeleton | None = None) -> PoseTrack:
    """The joints of an npz; one row or more.

    Raises:
        DataError: It is unreadable or empty.
    """
    read = read_npz(path, skeleton)
    if not read.num_frames:
        raise DataError("it holds no frames", where=path, todo="get or make the file again")
    return read


def no_poses(num_frames: int) -> Poses:
    """Nothing is known."""
    unknown = np.zeros((num_frames, MPII_16.num_joints), dtype=bool)
    return Poses(track=PoseTrack.unknown(num_frames), weak=unknown, shares=PoseShares(source="none"))


def _spread(track: PoseTrack, num_frames: int, start: int, end: int) -> PoseTrack:
    if track.num_frames == num_frames:
        rows = np.arange(start, end)
    elif track.num_frames == end - start:
        rows = np.arange(end - start)
    else:
        sampled = np.array(sample_indices(start, end - 1, track.num_frames))
        rows = np.abs(np.arange(start, end)[:, None] - sampled[None]).argmin(1)
    return track.at(rows)


def labelled_track(labels: Sequence[LabelledImage], media: Media, start: int, end: int) -> PoseTrack:
    """Labelled images as a row for each frame; those that are not visible count as filled.

    Args:
        labels: Labels, found by the names of their images: those of the folder's images, or the numbers of a film's frames.
        media: The film.
        start: First frame.
        end: Frame after the last.

    Raises:
        DataError: The labels are of several skeletons, or two are of the same frame.
    """
    skeleton = labels[0].skeleton if labels else MPII_16
    shape = (end - start, skeleton.num_joints)
    joints, confidence = np.full((*shape, 2), np.nan), np.zeros(shape)
    filled = np.zeros(shape, dtype=bool)  # a joint that is not visible was guessed
    derived: set[str] = set()
    for frame, label in _by_frame(labels, media).items():
        label.skeleton.require(skeleton, "the images before it", label.image, verb="have")
        if start <= frame < end:
            joints[frame - start] = label.joints_px
            confidence[frame - start] = label.certainty
            filled[frame - start] = label.known & ~label.visible
            derived |= set(label.derived)
    named = tuple(joint for joint in skeleton.joints if joint in derived)
    return PoseTrack(joints, confidence, filled, skeleton, named)


def _by_frame(labels: Sequence[LabelledImage], media: Media) -> dict[int, LabelledImage]:
    """The labels by the frames that their images' names tell; of two the one whose folder is called as the film.

    Raises:
        DataError: Two labels are of the same frame, and no folder tells which of them is meant.
    """
    names = _frame_names(media)
    places = {name.casefold(): frame for frame, name in enumerate(names)} | {
        name: frame for frame, name in enumerate(names)
    }
    folder = Path(media.info.path)
    own = {folder.name.casefold(), folder.stem.casefold()}
    found: dict[int, LabelledImage] = {}
    for label in labels:
        image = Path(label.image)
        keys = (label.image, image.stem, label.image.casefold(), image.stem.casefold())
        frame = next((places[key] for key in keys if key in places), None)
        if frame is None and media.info.kind == "video":
            own_number = image.name.removeprefix(folder.stem).lstrip("_- ")
            frame = next(
                filter(lambda one: one is not None, map(frame_numbered, (image.name, own_number))), None
            )
        if frame is None:
            continue
        earlier = found.setdefault(frame, label)
        if earlier is label:
            continue
        mine = [one for one in (earlier, label) if Path(one.image).parent.name.casefold() in own]
        if len(mine) != 1:
            raise DataError(
                f"{earlier.image} and {label.image} are both frame {frame}",
                where=folder,
                todo="give the labels of this clip alone, or name their folder as the film",
            )
        found[frame] = mine[0]
    return found


def frame_numbered(image: str) -> int | None:
    """The frame of a film that AlphaPose (`12.jpg`) or OpenPose (`film_000000000012`) names.

    >>> frame_numbered("12.jpg"), frame_numbered("film_000000000012"), frame_numbered("other_00012.jpg")
    (12, 12, None)
    """
    found = _FRAME_NUMBER.fullmatch(image)
    return None if found is None else int(found["number"])


def _frame_names(media: Media) -> Sequence[str]:
    """The names that `data frames` would give to a film's frames; those of the images of a folder."""
    if media.info.kind == "video":
        return [f"{frame:05d}" for frame in range(media.num_frames)]
    images = image_paths(Path(media.info.path))
    if len(images) != media.num_frames:
        images = [image for image in images if _is_readable(image)]
    return [image.stem for image in images]


def _is_readable(path: Path) -> bool:
    try:
        load_image(path)
    except DataError:
        return False
    return True


def _share(mask: np.ndarray) -> float:
    return round(float(mask.mean()), _DIGITS) if mask.size else 0.0
