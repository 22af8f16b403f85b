"""The folder of a scored dive: its report, the joints that the report draws, and both made again from there.

NAME/result.json, report.html, joints.npz
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from pydantic import ValidationError

from stagescore.atomic import write_files
from stagescore.errors import CheckpointError, DataError
from stagescore.hashing import file_sha256
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.media.source import Media, open_media
from stagescore.pose.background_path import BackgroundPath
from stagescore.pose.npz_files import npz_bytes, read_npz
from stagescore.report.dive_report import dive_report, frames_wanted
from stagescore.report.keyframes import contact_frame, nearest_exemplar
from stagescore.report.overlay import shown_frames, skeleton_pictures
from stagescore.report.pictures import Pictures
from stagescore.report.strobe import FilmedFlight, Strobe, strobe_frames, strobe_of
from stagescore.scoring.poses import is_joints, joints_alone
from stagescore.scoring.result import Result
from stagescore.types import PoseTrack
from stagescore.weights.search import find_weights

RESULT, REPORT, JOINTS, SUMMARY = "result.json", "report.html", "joints.npz", "summary.html"


def film_pictures(
    result: Result,
    media: Media | None,
    track: PoseTrack | None = None,
    weak: Bool[np.ndarray, "frames joints"] | None = None,
    bank: ExemplarBank | None = None,
    background: BackgroundPath | None = None,
) -> Pictures:
    """Decode what a report shows; where there is no film, the joints are drawn instead.

    Args:
        result: Result of the film.
        media: The film, perhaps held smaller; None if it cannot be read.
        track: Joints in pixels of the film, a row for each frame that was used, from `result.input.start_frame` on.
        weak: Joints of the track that were filled or are doubtful.
        bank: Bank that may have pictures of the nearest exemplar.
        background: Place of the background in the frames that were used; found again by default.

    Raises:
        DataError: The film has changed, or the track has another number of rows.
    """
    return Pictures(
        query={}
        if media is None
        else dict(shown_frames(media, frames_wanted(result), track, result.input.start_frame)),
        track=track,
        track_frames=() if track is None else range(result.input.start_frame, result.input.end_frame),
        weak=weak,
        exemplar={} if bank is None else exemplar_pictures(result, bank),
        contact_frame=contact_frame(result),
        scale=np.ones(2) if media is None else media.scale,
        strobe=None if media is None else _strobe(result, media, track, background),
    )


def shown_of_film(result: Result) -> list[int]:
    """All frames of the film that a report needs, increasing: to be shown, or for the flight in one picture."""
    return sorted({*frames_wanted(result), *strobe_frames(result)})


def _strobe(
    result: Result, media: Media, track: PoseTrack | None, background: BackgroundPath | None
) -> Strobe | None:
    """The flight in one picture; None where the film does not show one, or too little of it."""
    if not strobe_frames(result) or media.info.kind == "joints":
        return None
    try:
        return strobe_of(FilmedFlight.of(result, media, track, background))
    except DataError:
        return None


def exemplar_pictures(result: Result, bank: ExemplarBank) -> dict[int, UInt8[np.ndarray, "_ _ 3"]]:
    """What a bank shows of the exemplar nearest to a dive, by sampled frame; empty where it has nothing to show."""
    nearest = nearest_exemplar(result)
    return {} if nearest is None else pictures_in(bank, result.exemplars[nearest].dive_id)


def pictures_in(bank: ExemplarBank, dive_id: str) -> dict[int, UInt8[np.ndarray, "_ _ 3"]]:
    """What a bank shows of one of its dives, by sampled frame: pictures, or its skeleton; empty where it has neither."""
    if dive_id not in bank.pictures and dive_id in bank.skeletons:
        return skeleton_pictures(bank.skeletons[dive_id])
    jpegs = bank.pictures.get(dive_id, {})
    decoded = {
        frame: cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) for frame, jpeg in jpegs.items()
    }
    return {
        frame: np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        for frame, image in decoded.items()
        if image is not None
    }


def bank_of(result: Result) -> ExemplarBank | None:
    """The bank that a dive was scored with, if it is among the weights on this machine."""
    try:
        path = find_weights(f"{result.networks.weights}-bank.safetensors") if result.networks else None
        known = path is not None and file_sha256(path) == getattr(result.networks, "bank_sha256", None)
        return ExemplarBank.load(path) if path is not None and known else None
    except CheckpointError:
        return None


def write_dive_report(folder: Path, result: Result, pictures: Pictures) -> None:
    """Write `report.html`, and `joints.npz` if there are joints.

    Raises:
        DataError: They cannot be written, or the result's parts do not add up.
    """
    files = {folder / REPORT: dive_report(result, pictures).encode()}
    if (track := pictures.track) is not None:
        weak = np.zeros(track.known.shape, np.bool_) if pictures.weak is None else pictures.weak
        marked = replace(track, filled=weak)
        files[folder / JOINTS] = npz_bytes(marked, track.known & ~weak)
    write_files(files)


def read_result(folder: Path) -> Result:
    """Read `result.json`.

    Raises:
        DataError: There is none, or it has another form.
    """
    path = folder / RESULT
    try:
        return Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"cannot read it ({error.strerror})",
            where=path,
            todo="name a folder that `stagescore score` wrote",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"{place}: {first['msg']}", where=path, todo="score the dive again") from None


def _film(path: Path, folder: Path) -> Path:
    """Where a film is: as it was named, from here or from beside its results."""
    near = (path, folder / path, folder.parent / path, folder.parent.parent / path)
    return next((place for place in near if place.exists()), path)


def _reopened(film: Path, result: Result) -> Media:
    given = result.input
    if is_joints(film):
        size_px = given.width_px, given.height_px
        return joints_alone(film, size_px, slowmo=given.slowmo, frame_rate=given.frame_rate)
    return open_media(film, slowmo=given.slowmo)


def scored_film(result: Result, folder: Path) -> Media:
    """The film of a dive that was scored before, or what stands in for it where joints alone were scored.

    Args:
        result: Result of the dive.
        folder: Folder of the result; the film is sought where the result names it, from here and from beside the folder.

    Raises:
        DataError: It is not there, cannot be read, or is another film.
    """
    film = _film(Path(result.input.path), folder)
    media = _reopened(film, result)
    if media.num_frames != result.input.num_frames or (
        film.is_file() and file_sha256(film) != result.input.sha256
    ):
        raise DataError("it is not the film that was scored", where=film, todo="put that film back")
    return media


def saved_joints(folder: Path) -> PoseTrack | None:
    """The joints of a dive that was scored before, in pixels of the film; None where none were found.

    Raises:
        DataError: They cannot be read.
    """
    return read_npz(folder / JOINTS) if (folder / JOINTS).exists() else None


def saved_pictures(result: Result, folder: Path) -> tuple[Pictures, str | None]:
    """What there is to show of a dive that was scored before.

    Returns:
        The pictures, and why there are no frames, in a sentence; None if there are.

    Raises:
        DataError: The joints cannot be read.
    """
    track = saved_joints(folder)
    media, missing = None, None
    try:
        media = scored_film(result, folder)
    except DataError as error:
        missing = f"{error}; the report has no pictures."
    weak = None if track is None else track.filled
    return film_pictures(result, media, track, weak, bank_of(result)), missing
