"""Motions from what `score` and `annotate` leave in their folders, and from files of joints of any form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from stagescore.errors import ConfigError, DataError
from stagescore.hashing import file_sha256
from stagescore.json_files import read_object
from stagescore.media.images import natural_order
from stagescore.media.info import check_factor
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media, open_media
from stagescore.pose.formats import LabelledImage
from stagescore.pose.labels import NPZ, read_labels
from stagescore.pose.npz_files import read_measured, read_npz
from stagescore.report.annotation_files import QUALITY
from stagescore.report.exports.motion import Motion
from stagescore.report.result_folder import JOINTS, RESULT, read_result, scored_film
from stagescore.scoring.poses import frame_numbered, labelled_track
from stagescore.skeleton import MPII_16, Skeleton
from stagescore.types import PoseTrack


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadMotion:
    """A motion with what it was read from.

    Attributes:
        motion: Joints with the times of their frames.
        media: The film; None where it is not there.
        notes: What to know of it, in whole sentences.
    """

    motion: Motion
    media: Media | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a file tells of a film that is not there."""

    frame_rate: float | None = None
    slowmo: float = 1.0
    size_px: tuple[int, int] | None = None


def is_dive_folder(path: Path) -> bool:
    """Whether a folder is that of a dive that `score` or `annotate` wrote."""
    return path.is_dir() and ((path / RESULT).is_file() or (path / QUALITY).is_file())


def read_motion(
    source: Path,
    skeleton: Skeleton | None = None,
    *,
    film: Path | None = None,
    frame_rate: float | None = None,
) -> ReadMotion:
    """Read joints and the times of their frames.

    Args:
        source: Folder of a dive that `score` or `annotate` wrote, or joints in any form that `read_labels` reads.
        skeleton: Skeleton of the joints; told by their names or their number by default.
        film: Film, or folder of its images, that gives the times; by default the one that was scored or annotated.
        frame_rate: Frames per second of the film's file, which replace those of the film.

    Raises:
        DataError: Joints or film cannot be read, do not belong together, or hold nothing.
        ConfigError: Nothing says when the frames are shown.
    """
    if frame_rate is not None:
        check_factor("frame rate", frame_rate)
    if not is_dive_folder(source):
        return _of_labels(source, skeleton, film, frame_rate)
    if skeleton not in (None, MPII_16):
        raise ConfigError(
            f"joints in the folder of a dive are of {MPII_16.name}", todo="leave --skeleton out"
        )
    return (_of_result if (source / RESULT).is_file() else _of_annotation)(source, film, frame_rate)


def _of_result(folder: Path, film: Path | None, frame_rate: float | None) -> ReadMotion:
    result = read_result(folder)
    given = result.input
    if not (folder / JOINTS).is_file():
        raise DataError("it has no joints", where=folder, todo="score the dive with pose networks")
    track = read_npz(folder / JOINTS)
    media: Media | None = None
    notes: tuple[str, ...] = ()
    try:
        media = (
            scored_film(result, folder)
            if film is None and frame_rate is None
            else open_media(film or given.path, slowmo=given.slowmo, frame_rate=frame_rate)
        )
    except DataError as error:
        if film is not None:
            raise
        notes = (_without_film(error),)
    _check_length(media, given.num_frames, folder)
    return ReadMotion(
        motion=_motion(
            given.name,
            track,
            range(given.start_frame, given.end_frame),
            media,
            _Told(
                frame_rate=frame_rate or given.frame_rate,
                slowmo=given.slowmo,
                size_px=(given.width_px, given.height_px),
            ),
        ),
        media=media,
        notes=notes,
    )


def _of_annotation(folder: Path, film: Path | None, frame_rate: float | None) -> ReadMotion:
    quality, path = _quality_of(folder), folder / QUALITY
    try:
        name, source, told, asked = (quality[key] for key in ("name", "input", "media", "frames_asked_for"))
        num_frames, size_px = int(told["num_frames"]), (int(told["width_px"]), int(told["height_px"]))
        rate = frame_rate or told["frame_rate"]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"a field is missing ({error})", where=path, todo="annotate the film again") from None
    joints = folder / f"pred_comp_{name}{NPZ}"
    track, measured = read_npz(joints), read_measured(joints)
    if measured is not None:
        track = replace(track, filled=track.known & ~measured)
    frames = list(range(num_frames)) if asked is None else list(sample_indices(0, num_frames - 1, int(asked)))
    media: Media | None = None
    notes: tuple[str, ...] = ()
    try:
        media = open_media(film or source, frame_rate=frame_rate)
        if (
            film is None
            and Path(source).is_file()
            and file_sha256(Path(source)) != quality.get("input_sha256")
        ):
            media = None
            raise DataError("it is not the film that was annotated", where=source, todo="put that film back")
    except DataError as error:
        if film is not None:
            raise
        notes = (_without_film(error),)
    _check_length(media, num_frames, folder)
    return ReadMotion(
        motion=_motion(str(name), track, frames, media, _Told(frame_rate=rate, size_px=size_px)),
        media=media,
        notes=notes,
    )


def _of_labels(
    source: Path, skeleton: Skeleton | None, film: Path | None, frame_rate: float | None
) -> ReadMotion:
    media = None if film is None else open_media(film, frame_rate=frame_rate)
    named = film or source
    name, size_px = named.stem if named.is_file() else named.resolve().name, None
    if source.suffix.lower() == NPZ and source.is_file():
        track = read_npz(source, skeleton)
        _check_length(media, track.num_frames, source)
        frames = list(range(track.num_frames))
    else:
        labels = read_labels(source, skeleton)
        size_px = labels[0].size_px if labels else None
        track, frames = _numbered(labels) if media is None else _of_film(labels, media)
    if not frames:
        raise DataError(
            "it holds no joints" if media is None else "it holds no joints of this film",
            where=source,
            todo="give joints of one frame or more; those of a film are found by the names of their images",
        )
    told = _Told(frame_rate=frame_rate, size_px=size_px)
    return ReadMotion(motion=_motion(name, track, frames, media, told), media=media)


def _of_film(labels: Sequence[LabelledImage], media: Media) -> tuple[PoseTrack, list[int]]:
    """The frames of a film from the first that is labelled to the last."""
    track = labelled_track(labels, media, 0, media.num_frames)
    known = np.flatnonzero(track.known.any(1)).tolist()
    frames = list(range(known[0], known[-1] + 1)) if known else []
    return track.at(frames), frames


def _numbered(labels: Sequence[LabelledImage]) -> tuple[PoseTrack, list[int]]:
    """A row for each label, by the numbers that the images' names tell; where not all tell one of their own, by their order."""
    labels = sorted(labels, key=lambda label: natural_order(label.image))
    numbers = [frame_numbered(Path(label.image).name) for label in labels]
    told = [number for number in numbers if number is not None]
    frames = told if len(set(told)) == len(labels) else list(range(len(labels)))
    order = np.argsort(frames).tolist()
    return _track_of([labels[row] for row in order]), [frames[row] for row in order]


def _track_of(labels: Sequence[LabelledImage]) -> PoseTrack:
    """Labels as a row each."""
    skeleton = labels[0].skeleton if labels else MPII_16
    for label in labels:
        label.skeleton.require(skeleton, "the images before it", label.image, verb="have")
    derived = {joint for label in labels for joint in label.derived}
    shape = (len(labels), skeleton.num_joints)
    return PoseTrack(
        np.stack([label.joints_px for label in labels]) if labels else np.zeros((*shape, 2)),
        np.stack([label.certainty for label in labels]) if labels else np.zeros(shape),
        np.stack([label.known & ~label.visible for label in labels]) if labels else np.zeros(shape, np.bool_),
        skeleton,
        tuple(joint for joint in skeleton.joints if joint in derived),
    )


def _motion(name: str, track: PoseTrack, frames: Sequence[int], media: Media | None, told: _Told) -> Motion:
    if len(frames) != track.num_frames:
        raise DataError(
            f"{track.num_frames} rows of joints for {len(frames)} frames", where=name, todo="make it again"
        )
    kept = np.unique(np.asarray(frames, dtype=np.int64), return_index=True)[1]  # a short film repeats frames
    track, frames = track.at(kept), [int(frames[row]) for row in kept]
    rate = told.frame_rate if media is None else media.info.frame_rate or told.frame_rate
    if rate is None:
        raise ConfigError("nothing says when the frames are shown", todo="give the film by --film, or --fps")
    slowmo, size_px = told.slowmo, told.size_px
    if media is None:
        times_s: Float[np.ndarray, " frames"] = np.asarray(frames, dtype=np.float64) / rate
    else:
        times_s = media.times_s[frames] - media.times_s[0]
        size_px = media.info.width_px, media.info.height_px
    return Motion(
        name=name,
        track=track,
        frames=tuple(frames),
        times_s=times_s / slowmo,
        frame_rate=rate * slowmo,
        slowmo=slowmo,
        size_px=size_px,
    )


def _check_length(media: Media | None, num_frames: int, where: Path) -> None:
    if media is not None and media.num_frames != num_frames:
        raise DataError(
            f"it has joints of {num_frames} frames, and {media.info.path} has {media.num_frames}",
            where=where,
            todo="give the film that the joints are of",
        )


def _without_film(error: DataError) -> str:
    return f"{error}; times follow from the frame rate alone."


def _quality_of(folder: Path) -> dict[str, Any]:
    path = folder / QUALITY
    return read_object(path, what="quality of an annotation", todo="annotate the film again", finite=False)
