"""What `stagescore score` and `stagescore compare` write beside the numbers: report, overlay, films side by side.

Source: none needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from stagescore.atomic import write_bytes, write_files
from stagescore.media.film_writing import write_film
from stagescore.media.held import HeldMedia
from stagescore.media.info import DEFAULT_FRAME_RATE
from stagescore.printable import json_spelled
from stagescore.report.compare_page import compare_page, compared_pairs
from stagescore.report.film_kinds import Align, CompareFilm
from stagescore.report.ghost import ghost_frames, skeleton_ghosts
from stagescore.report.keyframes import AlignedPair, contact_frame, stage_at
from stagescore.report.measure_tables import measures_csv
from stagescore.report.overlay import LEAST_EDGE_PX, draw_pose, shown_frames
from stagescore.report.pictures import Pictures
from stagescore.report.result_folder import (
    REPORT,
    SUMMARY,
    film_pictures,
    pictures_in,
    shown_of_film,
    write_dive_report,
)
from stagescore.report.summary import summary_page
from stagescore.scoring.batch import NOT_WRITTEN
from stagescore.scoring.compare import DiveComparison
from stagescore.scoring.output_folder import COMPARED
from stagescore.scoring.result import Result
from stagescore.scoring.scored import Scored

OVERLAY, MEASURES = "overlay.mp4", "measures.csv"
COMPARE_PAGE, COMPARISON, GHOST = "compare.html", "compare.mp4", "ghost.mp4"
SIDE_BY_SIDE_RATE = 15.0
"""Frames per second of films side by side: half the usual speed, since they are looked at closely."""
STILL_S = 1.0
"""Seconds for which each moment of an exemplar is shown of which a bank keeps some moments only. Set by hand."""
_SIDE_HEIGHT_PX = 360
_DRAWN_EDGE_PX = 1280
"""Longer edge of what is drawn, in pixels, at most, unless the film's pictures are held already: what a screen shows beside a page.
300 frames of 1920 x 1080 take a third of the time to write so."""
_TEXT = (255, 255, 255)

Picture = UInt8[np.ndarray, "_ _ 3"]


def write_dive_files(scored: Scored, folder: Path) -> None:
    """Write `overlay.mp4`, where there is a film, and `report.html` with the joints it draws.

    Raises:
        DataError: One of them cannot be made or written.
    """
    # Where the pictures are held already, those of the report are made while the overlay is encoded, mostly outside of Python: a third of
    # a second for 100 frames. Else the overlay holds them as it goes through the film.
    held = isinstance(scored.media, HeldMedia)
    if scored.media is not None:
        drawn = HeldMedia.for_drawing(scored.media, shown_of_film(scored.result), _DRAWN_EDGE_PX)
        scored = replace(scored, media=drawn)
    with ThreadPoolExecutor(1, "pictures") as beside:
        coming = beside.submit(pictures_of, scored) if held else None
        if scored.media is not None and scored.poses is not None:
            rate = scored.media.info.frame_rate or DEFAULT_FRAME_RATE
            write_film(folder / OVERLAY, _overlay(scored), min(max(rate, 1.0), 120.0))
        write_dive_report(folder, scored.result, pictures_of(scored) if coming is None else coming.result())


def write_summary(results: Sequence[Result], folder: Path) -> None:
    """Write `summary.html` and `measures.csv` about a batch.

    Raises:
        DataError: They cannot be written.
    """
    dives = [(result.input.name, result) for result in results]
    # One that could not be written has no page, or that of an earlier run.
    without = {
        name
        for name, result in dives
        if not (folder / name / REPORT).is_file() or any(r.code == NOT_WRITTEN for r in result.reasons)
    }
    page = summary_page(dives, without_page=without)
    write_files({folder / SUMMARY: page.encode(), folder / MEASURES: measures_csv(dives)})


def pictures_of(scored: Scored) -> Pictures:
    """The pictures that the report shows."""
    poses = scored.poses
    known = poses is not None and poses.track.known.any()
    track, weak = (poses.track, poses.weak) if poses is not None and known else (None, None)
    return film_pictures(scored.result, scored.media, track, weak, scored.bank, scored.background)


def write_comparison(
    comparison: DiveComparison,
    first: Scored,
    second: Scored | None,
    folder: Path,
    *,
    film: CompareFilm = CompareFilm.side_by_side,
    align: Align = Align.centre,
) -> None:
    """Write `compare.json`, `compare.html`, and the films `compare.mp4` and `ghost.mp4`.

    Of an exemplar whose bank keeps neither pictures nor skeletons there is no film; one that is asked for as a ghost is an error.

    Args:
        comparison: Comparison of the two dives.
        first: The first dive.
        second: The second dive; None for an exemplar of the first one's bank.
        folder: Folder that has none of these files yet.
        film: Kind of film that is written.
        align: What lies on each other in a ghost.

    Raises:
        DataError: One of them cannot be made or written.
    """
    write_bytes(folder / COMPARED, json_spelled(comparison.model_dump_json(indent=1) + "\n").encode())
    pairs = compared_pairs(comparison)
    mine = _compared_pictures(first, [pair.query_frame for pair in pairs])
    if second is not None:
        theirs = _compared_pictures(second, [pair.exemplar_frame for pair in pairs])
    elif first.bank is None or comparison.exemplar is None:
        theirs = Pictures()
    else:
        theirs = Pictures(exemplar=pictures_in(first.bank, comparison.exemplar))
    write_bytes(folder / COMPARE_PAGE, compare_page(comparison, mine, theirs).encode())
    if film != CompareFilm.ghost:
        _write_side_by_side(comparison, first, second, pairs, theirs, folder / COMPARISON)
    if film != CompareFilm.side_by_side:
        _write_ghost(comparison, first, second, pairs, align, folder / GHOST)


def _write_side_by_side(
    comparison: DiveComparison,
    first: Scored,
    second: Scored | None,
    pairs: Sequence[AlignedPair],
    theirs: Pictures,
    path: Path,
) -> None:
    """Both dives beside each other; nothing where one of them has no pictures."""
    if first.media is None:
        return
    if second is not None:
        if second.media is not None:
            write_comparison_film(comparison, first, second, path)
        return
    pairs = [pair for pair in pairs if pair.exemplar_frame in theirs.exemplar]
    if not pairs:
        return
    mine = dict(_shown(first, sorted({pair.query_frame for pair in pairs})))
    stages = [stage.name for stage in comparison.stages]

    def beside() -> Iterator[Picture]:
        for pair in pairs:
            stage = stages[pair.stage]
            left = _told(_sized(mine[pair.query_frame]), f"A  {stage}  {pair.query_frame}")
            right = _told(_sized(theirs.exemplar[pair.exemplar_frame]), f"exemplar  {stage}")
            yield np.concatenate((left, right), axis=1)

    write_film(path, _held(beside()), SIDE_BY_SIDE_RATE)


def _write_ghost(
    comparison: DiveComparison,
    first: Scored,
    second: Scored | None,
    pairs: Sequence[AlignedPair],
    align: Align,
    path: Path,
) -> None:
    """The second dive, or the skeleton of the exemplar, laid over the first."""
    if second is not None:
        shown = (_told(image, text) for text, image in ghost_frames(comparison, first, second, align))
        write_film(path, shown, SIDE_BY_SIDE_RATE)
        return
    stages = [stage.name for stage in comparison.stages]
    kept = {} if first.bank is None else first.bank.skeletons.get(comparison.exemplar or "", {})
    stills = (_told(image, text) for text, image in skeleton_ghosts(pairs, stages, first, kept))
    write_film(path, _held(stills), SIDE_BY_SIDE_RATE)


def _held(stills: Iterable[Picture]) -> Iterator[Picture]:
    """Each picture for a while."""
    for still in stills:
        for _ in range(round(STILL_S * SIDE_BY_SIDE_RATE)):
            yield still


def _compared_pictures(scored: Scored, frames: Sequence[int]) -> Pictures:
    query, poses, span = dict(_shown(scored, sorted(set(frames)))), scored.poses, scored.result.input
    if poses is None or not poses.track.known.any():
        return Pictures(query=query)
    return Pictures(
        query=query,
        track=poses.track,
        track_frames=range(span.start_frame, span.end_frame),
        weak=poses.weak,
        contact_frame=contact_frame(scored.result),
    )


def write_comparison_film(comparison: DiveComparison, first: Scored, second: Scored, path: Path) -> None:
    """Both dives side by side on their common time base.

    Raises:
        DataError: It cannot be written.
    """
    mine = {frame: _sized(image) for frame, image in _frames(first, comparison, 0)}
    theirs = {frame: _sized(image) for frame, image in _frames(second, comparison, 1)}
    stages = [stage.name for stage in comparison.stages]

    def pairs() -> Iterator[Picture]:
        for moment in comparison.moments:
            if moment.second_frame is None:
                continue
            stage = stages[int(moment.time)]
            left = _told(mine[moment.first_frame], f"A  {stage}  {moment.first_frame}")
            right = _told(theirs[moment.second_frame], f"B  {stage}  {moment.second_frame}")
            yield np.concatenate((left, right), axis=1)

    write_film(path, pairs(), SIDE_BY_SIDE_RATE)


def _shown(scored: Scored, frames: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    if scored.media is None:
        return
    track = None if scored.poses is None else scored.poses.track
    yield from shown_frames(scored.media, frames, track, scored.result.input.start_frame)


def _frames(scored: Scored, comparison: DiveComparison, place: int) -> Iterator[tuple[int, Picture]]:
    pairs = [(moment.first_frame, moment.second_frame) for moment in comparison.moments]
    wanted = {pair[place] for pair in pairs}
    yield from _shown(scored, sorted(frame for frame in wanted if frame is not None))


def _overlay(scored: Scored) -> Iterator[Picture]:
    result, media, poses = scored.result, scored.media, scored.poses
    if media is None or poses is None:
        return
    span = result.input
    poses = poses.scaled(media.scale)
    scale = max(LEAST_EDGE_PX / max(media.info.width_px, media.info.height_px), 1.0)
    for row, (frame, image) in enumerate(media.frames(range(span.start_frame, span.end_frame))):
        box = None if poses.boxes_px is None else poses.boxes_px[row]
        drawn = draw_pose(image, poses.track.joints_px[row], poses.weak[row], box, scale)
        yield _told(drawn, f"{frame}  {_moment(result, frame)}")


def _moment(result: Result, frame: int) -> str:
    """Stage and event of a frame."""
    stage = stage_at(result, frame)
    told = "" if stage is None else result.stages[stage].name
    airborne, contact = result.events.first_airborne_frame, result.events.first_water_contact_frame
    if contact is not None and frame >= contact.frame:
        return f"{told}  (in the water)"
    return f"{told}  (in the air)" if airborne is not None and frame >= airborne.frame else told


def _sized(image: Picture) -> Picture:
    width = round(image.shape[1] * _SIDE_HEIGHT_PX / image.shape[0])
    return np.asarray(cv2.resize(image, (width, _SIDE_HEIGHT_PX), interpolation=cv2.INTER_AREA))


def _told(image: Picture, text: str) -> Picture:
    """The picture with a line of text on it."""
    drawn = image.copy()
    for colour, width in (((0, 0, 0), 3), (_TEXT, 1)):
        cv2.putText(drawn, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA)
    return np.asarray(drawn)
