"""What holds of every result, whatever the film: its parts add up, its frames lie in the film, and nothing in it contradicts the rest.

A reader cannot tell a result that is wrong inside from one that is right, so each sentence here is a law, not a goal.
Source: none.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np

from stagescore.inference.outcomes import TOLERANCE_FRAMES
from stagescore.report.result_folder import REPORT, RESULT, SUMMARY, read_result
from stagescore.scoring.output_folder import SUMMARY as SUMMARY_CSV
from stagescore.scoring.result import Result

_LINK = re.compile(r"""(?:href|src|poster)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_POINTS = 1e-6
"""Points by which sums may differ."""

Law = Callable[[Result], Iterator[str]]


def broken_laws(result: Result) -> list[str]:
    """What is wrong inside of a result, in sentences; empty where nothing is.

    Args:
        result: Any result, of whatever status.
    """
    return [told for law in _LAWS for told in law(result)]


def broken_folder_laws(folder: Path) -> list[str]:
    """What is wrong inside of the results of a folder, and with its files; each sentence begins with the dive's name.

    Args:
        folder: Folder that `stagescore score` wrote.

    Raises:
        DataError: A result cannot be read.
    """
    told = []
    dives = sorted(path.parent for path in folder.glob(f"*/{RESULT}"))
    results = {dive.name: read_result(dive) for dive in dives}
    for dive in dives:
        result = results[dive.name]
        told += [f"{dive.name}: {one}" for one in (*broken_laws(result), *_files(result, dive))]
    told += [f"{SUMMARY}: {one}" for one in _dead_links(folder / SUMMARY)]
    return [*told, *(f"{SUMMARY_CSV}: {one}" for one in _summary(folder / SUMMARY_CSV, results))]


def _status(result: Result) -> Iterator[str]:
    if (result.status == "ok") == bool(result.reasons):
        yield f"its status is {result.status} and it has {len(result.reasons)} reasons"
    if result.score is not None and result.status != "ok":
        yield f"it has a score though its status is {result.status}"
    if result.score is None and (result.interval or result.exemplars or result.judging):
        yield "it has no score, but an interval, votes or marks"


def _sums(result: Result) -> Iterator[str]:
    votes, score = result.exemplars, result.score
    if score is None:
        return
    if not 0 <= score < 200 or not np.isfinite(score):
        yield f"no dive has {score} points"
    if result.interval is not None and not result.interval[0] <= score <= result.interval[1]:
        yield "the score lies outside of its interval"
    if None not in (result.dive_number, result.difficulty, result.execution):
        product = (result.difficulty or 0.0) * (result.execution or 0.0)
        if abs(product - score) > _POINTS:
            yield "execution times difficulty is not the score"
    if votes:
        mean = float(np.mean([vote.vote for vote in votes])) + (result.prior.part if result.prior else 0.0)
        if not np.isclose(mean, score, rtol=0, atol=_POINTS):
            yield f"the votes and the prior give {mean}, the score is {score}"
        parts = [sum(sum(stage) for stage in vote.stage_deltas) - vote.delta for vote in votes]
        if np.abs(parts).max() > _POINTS:
            yield "parts of stages do not add up to the difference of a vote"
        shown = [stage.difference for stage in result.stages]
        if None in shown:
            yield "a stage has no difference though exemplars vote"
        elif abs(sum(shown) - np.mean([vote.delta for vote in votes])) > _POINTS:  # type: ignore[arg-type]
            yield "the stages' differences do not add up to the mean difference"
    elif any(stage.difference is not None for stage in result.stages):
        yield "a stage has a difference though no exemplar votes"


def _frames(result: Result) -> Iterator[str]:
    film, stages, events = result.input, result.stages, result.events
    if (
        not 0
        <= film.start_frame
        <= film.end_frame
        <= max(film.num_frames, film.end_frame * (film.num_frames == 0))
    ):
        yield f"frames {film.start_frame} to {film.end_frame} were used of {film.num_frames}"
    for stage in stages:
        if not film.start_frame <= stage.start_frame < stage.end_frame <= film.end_frame:
            yield f"the {stage.name} has frames {stage.start_frame} to {stage.end_frame}, outside of those used"
        if not stage.start_s < stage.end_s:
            yield f"the {stage.name} takes no time"
        shown = stage.shown_frames
        if shown and not stage.start_frame <= shown[0] < shown[1] <= stage.end_frame:
            yield f"the {stage.name} was shown outside of itself"
    for one, other in pairwise(stages):
        if one.end_frame != other.start_frame:
            yield f"between {one.name} and {other.name} is a gap, or they overlap"
    seen = [event.frame for event in (events.first_airborne_frame, events.first_water_contact_frame) if event]
    if any(not film.start_frame <= frame < film.end_frame for frame in seen):
        yield "an event lies outside of the frames used"
    if len(seen) == 2 and seen[0] >= seen[1]:
        yield "the water is touched before the board is left"
    angles = result.angles
    if angles is not None:
        if angles.frames != list(range(film.start_frame, film.end_frame)):
            yield "the angles are of other frames than those used"
        if any(len(curve) != len(angles.frames) for curve in (angles.knee, angles.hip, angles.trunk)):
            yield "an angle lacks frames"
        if angles.trunk_at_entry is not None and events.first_water_contact_frame is None:
            yield "it has an angle at an entry that was not seen"


def _agreement(result: Result) -> Iterator[str]:
    """Stages and events say the same, or a sentence says that they do not."""
    events, names = result.events, [stage.name for stage in result.stages]
    airborne, contact = events.first_airborne_frame, events.first_water_contact_frame
    partial = any(reason.code == "partial" for reason in result.reasons)
    if partial and airborne is not None and contact is not None:
        yield "it is said to be partial and shows take-off and water contact"
    if not result.exemplars and names:
        if partial and airborne is None and "take-off" in names and contact is not None:
            yield "a clip that begins in the air has a take-off"
        if partial and contact is None and "entry" in names and airborne is not None:
            yield "a clip that ends in the air has an entry"
    film = result.input
    slack = TOLERANCE_FRAMES * max((film.frame_rate or 0.0) * film.slowmo / 30.0, 1.0) + 1
    for stage in result.stages:
        late = stage.name == "flight" and airborne and airborne.frame - stage.start_frame > slack
        early = stage.name == "entry" and contact and stage.start_frame - contact.frame > slack
        if (late or early) and not any("one of the two is wrong" in told for told in result.warnings):
            yield f"the {stage.name} contradicts its event, and nothing says so"


def _files(result: Result, folder: Path) -> Iterator[str]:
    if result.status != "failed" and not (folder / REPORT).is_file():
        yield "it has no report"
    if (result.poses.source != "none") != (folder / "joints.npz").is_file():
        yield f"its joints are {result.poses.source}, and joints.npz is{'' if (folder / 'joints.npz').is_file() else ' not'} there"
    yield from (f"report: {one}" for one in _dead_links(folder / REPORT))


def _dead_links(page: Path) -> Iterator[str]:
    """Links and pictures of a page that lead nowhere."""
    if not page.is_file():
        return
    text = page.read_text(encoding="utf-8")
    anchors = set(re.findall(r"""\bid\s*=\s*["']([^"']+)["']""", text))
    for found in _LINK.finditer(text):
        link = urlsplit(unescape(found.group(1) or found.group(2) or ""))
        if link.scheme or link.netloc:
            continue
        if link.path and not (page.parent / unquote(link.path)).exists():
            yield f"{link.path} is not there"
        if not link.path and link.fragment and unquote(link.fragment) not in anchors:
            yield f"#{link.fragment} leads nowhere"


def _summary(path: Path, results: dict[str, Result]) -> Iterator[str]:
    if not path.is_file():
        yield "it is not there"
        return
    rows: dict[str, Any] = {
        row["name"]: row for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    }
    for name in sorted(rows.keys() - results.keys()):
        if rows[name]["status"] != "failed":
            yield f"{name} has no folder"
    for name, result in results.items():
        row = rows.get(name)
        if row is None:
            yield f"{name} is missing"
        elif row["status"] != result.status or bool(row["score"]) != (result.score is not None):
            yield f"{name} is {row['status']} here and {result.status} in its folder"


_LAWS: Sequence[Law] = (_status, _sums, _frames, _agreement)
