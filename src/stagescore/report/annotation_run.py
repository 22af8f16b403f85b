"""Annotating many clips: what is a clip, what is done already, and one bad clip never stops the others."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from stagescore.atomic import remove_unfinished
from stagescore.errors import DataError, StagescoreError
from stagescore.hashing import file_sha256
from stagescore.json_files import read_json
from stagescore.media.images import image_paths, load_image
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media, open_media
from stagescore.pose.annotation import annotate
from stagescore.pose.loading import open_networks
from stagescore.pose.networks import NetworkFiles, PoseNetworks
from stagescore.report.annotation_files import (
    AUTHORS,
    COCO,
    LABELME,
    OVERLAY,
    QUALITY,
    finish,
    write_annotation,
    write_overlay,
)
from stagescore.shortages import shortage_of
from stagescore.workers import worker_pool

FILM_SUFFIXES = tuple(".mp4 .m4v .mov .avi .mkv .webm .gif .mpg .mpeg .ts .mts .flv .wmv .ogv .mxf".split())
"""Endings by which films are found in a folder; a file that is named itself may have any."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How clips are annotated.

    Attributes:
        out: Folder that gets a folder for each clip.
        networks: Files of the networks that find the diver and the joints.
        num_frames: Number of rows of the result, evenly spread over the film; None for one row per frame.
        threads: Number of threads of each network.
    """

    out: Path
    networks: NetworkFiles
    num_frames: int | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class ClipSource:
    """A film or a folder of images.

    Attributes:
        path: Path of the film or folder.
        name: Name of the clip: the file's name without its ending, or the folder's.
    """

    path: Path
    name: str


def clips_of(path: Path) -> list[ClipSource]:
    """The clips that a path names: a file or a folder of images is one, a folder of films is a batch.

    Raises:
        DataError: There is nothing, or the folder holds films and images.
    """
    if not path.is_dir():
        if not path.exists():
            raise DataError("it does not exist", where=path, todo="check the path")
        return [ClipSource(path, path.stem)]
    images = image_paths(path)
    films = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in FILM_SUFFIXES)
    films = [film for film in films if not film.name.startswith(".")]
    if images and films:
        raise DataError(
            f"the folder holds {len(images)} images and {len(films)} films",
            where=path,
            todo="keep the frames of a clip and the films of a batch in folders of their own",
        )
    if images:
        return [ClipSource(path, path.resolve().name)]
    if not films:
        raise DataError(
            "the folder holds neither images nor films",
            where=path,
            todo="give films, a folder of films, or the folders that hold the frames of a clip each",
        )
    return [ClipSource(film, film.stem) for film in films]


def annotate_clips(
    clips: Sequence[ClipSource],
    settings: Settings,
    *,
    workers: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> list[dict[str, Any]]:
    """Annotate clips; those that are done already, from the same input by the same networks, are kept.

    Args:
        clips: Clips that are annotated, in this order.
        settings: Networks, number of rows and folder of the results.
        workers: Number of processes; the result does not depend on it.
        progress: Called before the first clip and after every one with what is done, how many are done, and of how
            many.

    Returns:
        A result a clip, in their order: `status` is `ok` or `failed`; with the content of `quality.json`,
        or the error.
    """
    results: dict[int, dict[str, Any]] = {}
    seen: dict[str, Path] = {}
    todo: list[int] = []
    for index, clip in enumerate(clips):
        if clip.name in seen:
            error = DataError(
                f"another clip is called {clip.name} too ({seen[clip.name]})",
                where=clip.path,
                todo="annotate it into another folder",
            )
            results[index] = _failed(clip, error)
        else:
            seen[clip.name] = clip.path
            todo.append(index)
    progress("clips", len(results), len(clips))
    for index, result in _each([clips[index] for index in todo], settings, workers):
        results[todo[index]] = result
        progress("clips", len(results), len(clips))
    return [results[index] for index in range(len(clips))]


def _each(
    clips: Sequence[ClipSource], settings: Settings, workers: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    if workers == 1 or len(clips) < 2:
        for index, clip in enumerate(clips):
            yield index, annotate_clip(clip, settings)
        return
    left = list(range(len(clips)))
    try:
        for index, result in _in_processes(clips, left, settings, workers):
            left.remove(index)
            yield index, result
    except BrokenProcessPool:  # a film that kills its process: the rest one by one, each in its own
        for index in list(left):
            try:
                yield from _in_processes(clips, [index], settings, 1)
            except BrokenProcessPool:
                error = DataError(
                    "its process was killed",
                    where=clips[index].path,
                    todo="check the film and the free memory",
                )
                yield index, _failed(clips[index], error)


def _in_processes(
    clips: Sequence[ClipSource], indices: Sequence[int], settings: Settings, workers: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    with worker_pool(workers, interruptible=True) as pool:
        futures = {pool.submit(annotate_clip, clips[index], settings): index for index in indices}
        for future in as_completed(futures):
            yield futures[future], future.result()


def annotate_clip(clip: ClipSource, settings: Settings) -> dict[str, Any]:
    """Annotate one clip and write its files; whatever goes wrong is in the result."""
    try:
        return {"status": "ok", "folder": str(settings.out / clip.name), **_annotated(clip, settings)}
    except StagescoreError as error:
        return _failed(clip, error)
    except Exception as error:
        what = f"internal error ({type(error).__name__}: {error})"
        return _failed(
            clip, shortage_of(error) or DataError(what, where=clip.path, todo="please report this bug")
        )


def _annotated(clip: ClipSource, settings: Settings) -> dict[str, Any]:
    networks = _networks(settings.networks, settings.threads)
    folder = settings.out / clip.name
    made_from = {
        "input": str(clip.path),
        "input_sha256": _input_sha256(clip.path),
        "frames_asked_for": settings.num_frames,
    }
    if done := _done(folder, clip.name, made_from, networks):
        return done
    (folder / QUALITY).unlink(missing_ok=True)
    remove_unfinished(folder, folder / LABELME)
    media = open_media(clip.path)
    annotation = annotate(lambda: (image for _, image in media.frames()), networks)
    rows = list(range(media.num_frames))
    rate = media.info.frame_rate or DEFAULT_FRAME_RATE
    if settings.num_frames is not None:
        rows = list(sample_indices(0, media.num_frames - 1, settings.num_frames))
        annotation = annotation.resampled(settings.num_frames)
        rate *= settings.num_frames / media.num_frames
    images = _image_names(media, clip.path, rows)
    quality = write_annotation(folder, clip.name, annotation, images, made_from)
    write_overlay(folder, annotation, (image for _, image in media.frames(rows)), min(max(rate, 1.0), 120.0))
    quality["media"] = {key: value for key, value in media.info.as_json().items() if key != "path"}
    quality["warnings"] += media.info.warnings
    quality["needs_review"] |= media.info.verdict != "ok"
    finish(folder, quality)
    return quality


def _done(
    folder: Path, name: str, made_from: dict[str, Any], networks: PoseNetworks
) -> dict[str, Any] | None:
    """What `quality.json` says, if the clip is whole and was made from the same things."""
    try:
        quality: dict[str, Any] = read_json(folder / QUALITY, finite=False)
        used = {role: found["sha256"] for role, found in quality["networks"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    files = (f"pred_comp_{name}.npz", AUTHORS, COCO, OVERLAY)
    if not all((folder / file).is_file() for file in files):
        return None
    wanted = {role: identity.sha256 for role, identity in networks.identities.items()}
    if used == wanted and all(
        quality.get(key) == made_from[key] for key in ("input_sha256", "frames_asked_for")
    ):
        return quality
    raise DataError(
        "it holds the annotation of another film, of other networks or other --frames",
        where=folder,
        todo="choose another --out, or remove the folder",
    )


@lru_cache(maxsize=1)
def _networks(files: NetworkFiles, threads: int) -> PoseNetworks:
    return open_networks(files, threads)


def _input_sha256(path: Path) -> str:
    try:
        if path.is_file():
            return file_sha256(path)
        digest = sha256()
        for image in image_paths(path):
            digest.update(f"{image.name}\0{file_sha256(image)}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise DataError(
            f"it cannot be read ({error.strerror})", where=path, todo="check permissions"
        ) from error


def _image_names(media: Media, path: Path, rows: Sequence[int]) -> list[str]:
    """Names of the images of a folder; for a film those that `stagescore data frames` gives its frames."""
    if media.info.kind == "video":
        return [f"{row:05d}.jpg" for row in range(len(rows))]
    images = image_paths(path)
    if len(images) != media.num_frames:
        images = [image for image in images if _is_readable(image)]
    return [images[row].name for row in rows]


def _is_readable(path: Path) -> bool:
    try:
        load_image(path)
    except DataError:
        return False
    return True


def _failed(clip: ClipSource, error: StagescoreError) -> dict[str, Any]:
    return {"status": "failed", "name": clip.name, "input": str(clip.path), "error": error.as_json()}
