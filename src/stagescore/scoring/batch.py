"""Many dives: a folder each, a summary, and one bad film never stops the others.

    OUT/NAME/result.json, made_from.json     and whatever `Extras` adds: report, overlay
    OUT/NAME/traceback.txt                   where the program failed
    OUT/NAME-1/, NAME-2/, ...                the same for each dive of a film with several
    OUT/summary.csv                          and whatever `finish` adds: summary.html, measures.csv

A dive's folder appears under its name when everything in it is written, and the summary is written again after every dive:
whenever a batch is stopped, what is there is whole, and another run can go on with it (`kept_results`).
"""

import errno
import shutil
import tempfile
import traceback
import warnings
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import torch

from stagescore.atomic import write_bytes, write_text
from stagescore.csv_tables import csv_table
from stagescore.errors import DataError, StagescoreError
from stagescore.locking import Held, alone_in
from stagescore.printable import writable
from stagescore.scoring.first_look import ComingLook
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.kept_results import MADE_FROM, is_free, kept_results, made_from
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.output_folder import RESULT, SUMMARY
from stagescore.scoring.pipeline import sentence
from stagescore.scoring.result import Result
from stagescore.scoring.result_parts import InputFile, Reason
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.several_dives import DiveOfFilm, numbered
from stagescore.workers import Lost, each_in_workers

COLUMNS = (
    "name",
    "status",
    "score",
    "interval_low",
    "interval_high",
    "validated",
    "dive_number",
    "take_off_frames",
    "flight_frames",
    "entry_frames",
    "first_airborne_frame",
    "first_water_contact_frame",
    "reasons",
    "path",
    "network",
    "unfamiliarity",
    "film_share",
    "prior_score",
    "prior_sd",
    "dive_number_source",
    "recognised",
    "execution",
)

NOT_WRITTEN, WORKER_LOST = "not-written", "worker-lost"
"""Codes of dives that failed though nothing was wrong with their films."""
TRACEBACK = "traceback.txt"
"""File of a dive on which the program failed, for whoever mends the defect."""
_STAGING = ".scoring-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What disks answer that take nothing more."""

Extras = Callable[[Scored, Path], None]
"""Writes more about a dive into its folder."""
Finish = Callable[[Sequence[Result], Path], None]
"""Writes more about all dives."""
Progress = Callable[[str, int, int], None]


@runtime_checkable
class ScorerSource(Protocol):
    """Loads the same scorer in any process; it is pickled."""

    def load(self) -> Scorer:
        """The scorer, with its weights loaded."""


@dataclass(frozen=True, slots=True)
class BatchWorkers:
    """Processes that score the dives of a batch side by side.

    Each computes with as many threads as this process, since sums are rounded differently with another number.

    Attributes:
        num: Number of processes at most.
        source: Loads the scorer in each of them.
    """

    num: int
    source: ScorerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRun:
    """How a batch is run.

    Attributes:
        resume: Whether results in the folder are kept that were made of the same film, options and networks.
        workers: Processes that score side by side; None to score in this one.
        lock: Lock on the folder that this process holds; None to take it.
        coming: A first look at the film of one of the clips that is under way.
    """

    resume: bool = False
    workers: BatchWorkers | None = None
    lock: Held | None = None
    coming: ComingLook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiveWriter:
    """Scores dives of a batch and writes their folders.

    Attributes:
        options: What the user says of the dives, the same for all.
        out: Folder of all dives.
        extras: Writes what else is wanted of a dive.
        taken: Names of all films of the batch.
    """

    options: ScoreOptions
    out: Path
    extras: Extras
    taken: tuple[str, ...] = ()

    def write(self, scorer: Scorer, clip: InputClip, coming: ComingLook | None = None) -> list[Result]:
        """Score the dives of a film and write a folder for each; where that fails, the result says so.

        Args:
            scorer: Scorer with its weights loaded.
            clip: The film.
            coming: A first look at it that is under way.
        """
        # Not kept by name: the pictures of one dive go before those of the next are decoded.
        dives = scorer.scored_dives(
            clip.path,
            self.options,
            name=clip.name,
            named=partial(names_of_dives, self.out, self.taken, clip),
            coming=coming,
        )
        return [self._written(scorer, clip, *one) for one in dives]

    def _written(self, scorer: Scorer, clip: InputClip, scored: Scored, which: DiveOfFilm | None) -> Result:
        film = scored.result.input
        origin = made_from(scorer, self.options, clip.path, film.sha256, which)
        try:
            return write_result(scored, self.out / film.name, self.extras, origin)
        except DataError as error:
            return _failed(film, NOT_WRITTEN, sentence(error))


def names_of_dives(
    out: Path, taken: Collection[str], clip: InputClip, name: str, number: int
) -> Sequence[str]:
    """Names of the results of some dives of one film: `NAME-1`, `NAME-2`, ..., or `NAME-dive-1`, ... where one of these is taken.

    Args:
        out: Folder of all dives.
        taken: Names of all films of the batch.
        clip: The film.
        name: Name of the film's result if it had one dive.
        number: Number of its dives.
    """
    others = {one.casefold() for one in taken}
    while True:
        names = numbered(name, number)
        if not any(one.casefold() in others or not is_free(out, one, clip.path) for one in names):
            return names
        name = f"{name}-dive"


def score_batch(
    scorer: Scorer,
    clips: Sequence[InputClip],
    options: ScoreOptions,
    out: Path,
    *,
    extras: Extras = lambda scored, folder: None,
    finish: Finish = lambda results, out: None,
    progress: Progress = lambda what, done, total: None,
    how: BatchRun = BatchRun(),
) -> list[Result]:
    """Score clips and write what came out.

    Args:
        scorer: Scorer with its weights loaded.
        clips: Films and folders of images that are scored, in this order.
        options: What the user says of the dives, the same for all.
        out: Folder for the results; see `output_folder.claimed_folder`.
        extras: Writes what else is wanted of a dive; where it fails the result says so and is written all the same, unless
            the disk takes nothing more.
        finish: Writes what else is wanted of all dives: after each of them, and when interrupted.
        progress: Called with what is done, how many are done, and of how many, at first and after every clip.
        how: Whether earlier results are kept, and which processes score.

    Returns:
        The results as written, in the order of the clips, and those of one film in the order of its dives; a dive that could not be
        written has failed.

    Raises:
        DataError: Another process writes results there, or the summary cannot be written.
    """
    writer = DiveWriter(options=options, out=out, extras=extras, taken=tuple(clip.name for clip in clips))
    results: dict[int, list[Result]] = {}

    def keep() -> None:
        for place, clip in enumerate(clips):
            names = partial(names_of_dives, out, writer.taken, clip)
            kept = None if place in results else kept_results(scorer, options, clip, out, names)
            if kept is not None:
                results[place] = kept

    def summarise() -> None:
        ordered = [result for place in sorted(results) for result in results[place]]
        write_bytes(out / SUMMARY, summary_csv(ordered))
        finish(ordered, out)

    with ExitStack() as stack:
        lock = how.lock or stack.enter_context(alone_in(out))
        sweep(out)
        stack.callback(sweep, out)
        if how.resume:
            keep()
        try:
            progress("dives", len(results), len(clips))
            places = [place for place in range(len(clips)) if place not in results]
            coming = _results(writer, scorer, [clips[place] for place in places], how, lock)
            with closing(coming):
                for number, written in coming:
                    results[places[number]] = written
                    with suppress(DataError):  # a full disk: other dives may be smaller
                        summarise()
                    progress("dives", len(results), len(clips))
        except BaseException:
            keep()  # what was written while the interruption came
            if results:
                with suppress(DataError):
                    summarise()
            raise
        if results:
            summarise()
    return [result for place in range(len(clips)) for result in results[place]]


def _results(
    writer: DiveWriter,
    scorer: Scorer,
    clips: Sequence[InputClip],
    how: BatchRun,
    lock: Held,
) -> Generator[tuple[int, list[Result]]]:
    """Results of each clip with its place, as they come."""
    workers, look = how.workers, how.coming
    if workers is None:
        for place, clip in enumerate(clips):
            coming = look if look is not None and look.path == clip.path else None
            yield place, writer.write(scorer, clip, coming)
        return
    make = partial(_scoring_in_worker, writer, workers.source, torch.get_num_threads(), cv2.getNumThreads())
    with closing(each_in_workers(make, clips, min(workers.num, len(clips)), holding=lock)) as outcomes:
        for place, outcome in outcomes:
            if isinstance(outcome, Lost):
                yield place, [_of_lost(clips[place], outcome, writer.out)]
            else:
                yield place, outcome


def _scoring_in_worker(
    writer: DiveWriter, source: ScorerSource, num_threads: int, num_opencv_threads: int
) -> Callable[[InputClip], list[Result]]:
    torch.set_num_threads(num_threads)
    cv2.setNumThreads(num_opencv_threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the process that hands out work has loaded the same, and said it
        scorer = source.load()
    return partial(writer.write, scorer)


def _of_lost(clip: InputClip, lost: Lost, out: Path) -> Result:
    """Result of a dive whose worker ended, as far as it can be written."""
    how = "" if lost.exit_code is None else f" (exit code {lost.exit_code})"
    text = f"The process that scored this dive ended before it was done{how}; memory may have run out. Use --resume to score it again."
    unread = InputFile(
        name=clip.name,
        path=str(clip.path),
        sha256="",
        num_frames=0,
        width_px=0,
        height_px=0,
        duration_s=None,
        frame_rate=None,
        condition="unreadable",
        start_frame=0,
        end_frame=0,
    )
    result = _failed(unread, WORKER_LOST, text)
    with suppress(DataError):
        write_result(Scored(result=result), out / clip.name, lambda scored, folder: None)
    return result


def _failed(film: InputFile, code: str, text: str) -> Result:
    return Result(status="failed", reasons=[Reason(code=code, text=text)], input=film)


def write_result(scored: Scored, folder: Path, extras: Extras, origin: bytes | None = None) -> Result:
    """Write a dive's folder, whole or not at all; gives the result as written.

    Args:
        scored: Scored dive.
        folder: Folder of the dive; an earlier result in it is replaced, anything else is not.
        extras: Writes what else is wanted of the dive.
        origin: What the result was made of (`kept_results`); None where it is not to be kept by another run.

    Raises:
        DataError: It cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_STAGING))
    except OSError as error:
        raise _unwritable(folder, error) from error
    result = scored.result
    try:
        try:
            extras(scored, staging)
        except Exception as error:  # whatever cannot be drawn, the result is worth having
            disk = error if isinstance(error, OSError) else _disk_error(error)
            if disk is not None:
                raise _unwritable(folder, disk) from error
            kind = "" if isinstance(error, StagescoreError) else f"{type(error).__name__}: "
            told = writable(f"A file could not be made: {kind}{error}.")
            result = result.model_copy(update={"warnings": [*result.warnings, told]})
        write_bytes(staging / RESULT, result.to_bytes())
        if origin is not None:
            write_bytes(staging / MADE_FROM, origin)
        if scored.error is not None and not isinstance(scored.error, StagescoreError):
            write_text(staging / TRACEBACK, "".join(traceback.format_exception(scored.error)))
        staging.chmod(0o755)
        if (folder / RESULT).is_file():
            folder.rename(staging.with_name(f"{staging.name}-old"))
        staging.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(staging.with_name(f"{staging.name}-old"), ignore_errors=True)
    return result


def summary_csv(results: Sequence[Result]) -> bytes:
    """A row a dive; spans of frames are half-open."""
    rows = []
    for result in results:
        spans = {stage.name: f"{stage.start_frame}-{stage.end_frame}" for stage in result.stages}
        events = result.events.first_airborne_frame, result.events.first_water_contact_frame
        low, high = result.interval or (None, None)
        prior = result.prior
        rows.append(
            [
                result.input.name,
                result.status,
                *(None if value is None else f"{value:.2f}" for value in (result.score, low, high)),
                str(result.validated).lower(),
                result.dive_number,
                *(spans.get(name) for name in ("take-off", "flight", "entry")),
                *(None if event is None else event.frame for event in events),
                " ".join(reason.code for reason in result.reasons),
                result.input.path,
                None if result.networks is None else result.networks.weights,
                *(
                    None if value is None else f"{value:.3f}"
                    for value in (result.unfamiliarity, result.film_share)
                ),
                *((None, None) if prior is None else (f"{prior.score:.2f}", f"{prior.sd:.2f}")),
                result.dive_number_source,
                " ".join(f"{one.dive_number}:{one.probability:.3f}" for one in result.recognised),
                None if result.execution is None else f"{result.execution:.3f}",
            ]
        )
    return csv_table(COLUMNS, rows).encode()


def sweep(out: Path) -> None:
    """Remove what dives left that were being written when their process was killed."""
    for leftover in out.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _disk_error(error: BaseException | None) -> OSError | None:
    """The error of a disk that takes nothing more, from which another one came."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error
        error = error.__cause__
    return None


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot write ({error.strerror or error})",
        where=folder,
        todo="free some space or choose a folder you may write to",
    )
