"""One dive's clip, decoded as a store of clips keeps it: pixels and joints of some of its frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from stagescore.array_archives import read_arrays
from stagescore.data.preprocessing import Preprocessing, framed_joints, taken_pictures
from stagescore.diving import LEAST_FRAMES
from stagescore.errors import DataError
from stagescore.media.black_ends import is_black
from stagescore.media.first_shot import stray_frames
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media, open_media
from stagescore.pose.npz_files import read_npz
from stagescore.skeleton import MPII_16
from stagescore.types import Dive, PoseTrack

Joints = Literal["estimated", "exact"]
"""As a pose estimator gives them, or the truth about simulated dives."""

KINDS: tuple[Joints, ...] = ("estimated", "exact")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DecodedClip:
    """What is to be stored of a dive.

    Attributes:
        num_frames: Number of frames of the whole clip.
        indices: Indices in the clip of the frames that were taken, increasing.
        frames: RGB pictures, resized and not cropped; six channels where a window stands beside the whole frame.
        joints: Joints of each of `KINDS` in turn, as `preprocessing.framed_joints` has them; zero where there are none.
        kinds: Kinds of joints that the dive has, `estimated` or `exact`.
    """

    num_frames: int
    indices: tuple[int, ...]
    frames: UInt8[np.ndarray, "frames height width channels"]
    joints: Float[np.ndarray, "kinds frames joints 3"]
    kinds: tuple[Joints, ...]


def decode(dive: Dive, preprocessing: Preprocessing, truth: Path | None) -> DecodedClip:
    """Decode a dive's film and place its joints.

    Args:
        dive: Dive with frames.
        preprocessing: Number and size of the frames, and where they are taken from; the crop is not applied.
        truth: Folder with `<event>/<number>.npz` of simulated dives, for exact joints; None for none.

    Raises:
        DataError: The film or the joints are missing, damaged or unlike the labels, or the film is too short or black.
    """
    media = open_media(str(dive.frames_path))
    check_whole(dive, media)
    start, stop = media.content.start, media.content.stop
    if preprocessing.places_by_flight:
        start += stray_frames(media)  # `score` leaves them out as well
    indices = preprocessing.indices(dive.flight, (start, stop - 1))
    size_px = media.info.width_px, media.info.height_px
    tracks: dict[Joints, tuple[PoseTrack, tuple[int, int]]] = {}
    every = PoseTrack.unknown(media.num_frames)
    if dive.poses_path is not None:
        estimated = read_npz(Path(dive.poses_path)).mapped(MPII_16)
        tracks["estimated"] = estimated, size_px
        every = _at(estimated, np.arange(media.num_frames), media.num_frames)
    windows = preprocessing.windows(every, dive.flight, size_px)
    frames = taken_pictures(media, preprocessing, indices, windows)
    if all(is_black(frame[..., :3]) for frame in frames):
        raise DataError(
            f"the film of {dive.dive_id} is black",
            where=media.info.path,
            todo="get it again, or leave the dive out",
        )
    if truth is not None:
        tracks["exact"] = _exact(truth / dive.event / f"{dive.number}.npz", media.num_frames)
    joints = np.zeros((len(KINDS), preprocessing.num_frames, MPII_16.num_joints, 3), dtype=np.float32)
    for kind, (track, filmed_px) in tracks.items():
        nearest = _at(track, np.array(indices), media.num_frames)
        joints[KINDS.index(kind)] = framed_joints(nearest, filmed_px, preprocessing)
    return DecodedClip(
        num_frames=media.num_frames,
        indices=indices,
        frames=frames,
        joints=joints,
        kinds=tuple(tracks),
    )


def check_whole(dive: Dive, media: Media) -> None:
    """Refuse a film that cannot show the labelled dive.

    Args:
        dive: Dive with frames.
        media: Film of the dive, opened.

    Raises:
        DataError: The film is damaged, has another number of frames than the labels say, or too few to show a dive.
    """
    if media.info.verdict != "ok":
        raise DataError(
            f"the film of {dive.dive_id} is damaged ({media.info.warnings[0]})",
            where=media.info.path,
            todo="get it again, or leave the dive out",
        )
    if dive.num_frames is not None and media.num_frames != dive.num_frames:
        raise DataError(
            f"the film of {dive.dive_id} has {media.num_frames} frames, {dive.num_frames} are labelled",
            where=media.info.path,
            todo="extract the frames again, or leave the dive out",
        )
    if len(media.content) < LEAST_FRAMES:
        raise DataError(
            f"the film of {dive.dive_id} shows {_frames(len(media.content))}, and a dive needs {LEAST_FRAMES}",
            where=media.info.path,
            todo="get the whole film, or leave the dive out",
        )


def _frames(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


def _at(track: PoseTrack, wanted: Int[np.ndarray, " frames"], clip_frames: int) -> PoseTrack:
    """The poses nearest to some frames, where a track's are evenly spread over the clip."""
    there = np.array(sample_indices(0, clip_frames - 1, track.num_frames))
    nearest = np.abs(there[:, None] - wanted).argmin(0)
    return track.at(nearest)


def _exact(path: Path, clip_frames: int) -> tuple[PoseTrack, tuple[int, int]]:
    """True joints of a simulated dive in all its frames, and the size of its pictures."""
    try:
        arrays = read_arrays(path, ("joints_px", "size_px"))
        joints = arrays["joints_px"].astype(np.float64)
        width, height = (int(edge) for edge in arrays["size_px"])
    except (OSError, ValueError, LookupError, TypeError, OverflowError) as error:
        raise DataError(
            f"cannot read the exact joints ({str(error)[:80]})", where=path, todo="simulate the dives again"
        ) from None
    if joints.shape != (clip_frames, MPII_16.num_joints, 2):
        raise DataError(
            f"exact joints of shape {joints.shape} for {clip_frames} frames",
            where=path,
            todo="simulate the dives again",
        )
    return PoseTrack(joints, np.ones(joints.shape[:2])), (width, height)
