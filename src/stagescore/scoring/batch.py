"""Many dives, one after another: a folder each, a summary, and one bad film never stops the others.

    OUT/NAME/result.json     and whatever `Extras` adds: report, overlay
    OUT/summary.csv          and whatever `finish` adds: summary.html

A dive's folder appears under its name when everything in it is written, so an interrupted batch leaves whole
results only.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from stagescore.atomic import write_bytes
from stagescore.csv_tables import csv_table
from stagescore.errors import DataError, StagescoreError
from stagescore.locking import alone_in
from stagescore.printable import writable
from stagescore.scoring.inputs import InputClip
from stagescore.scoring.options import ScoreOptions
from stagescore.scoring.result import Result
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer

RESULT, SUMMARY, COMPARED = "result.json", "summary.csv", "compare.json"
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

Extras = Callable[[Scored, Path], None]
"""Writes more about a dive into its folder."""
Finish = Callable[[Sequence[Result], Path], None]
"""Writes more about all dives."""
Progress = Callable[[str, int, int], None]


def new_folder(wanted: Path) -> Path:
    """The folder itself, or `DIR-2`, `DIR-3`, ... where results are in it already."""
    folder, number = wanted, 1
    while _holds_results(folder):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def score_batch(
    scorer: Scorer,
    clips: Sequence[InputClip],
    options: ScoreOptions,
    out: Path,
    *,
    extras: Extras = lambda scored, folder: None,
    finish: Finish = lambda results, out: None,
    progress: Progress = lambda what, done, total: None,
) -> list[Result]:
    """Score clips and write what came out.

    Args:
        scorer: Scorer with its weights loaded.
        clips: Films and folders of images that are scored, in this order.
        options: What the user says of the dives, the same for all.
        out: Folder for the results; see `new_folder`.
        extras: Writes what else is wanted of a dive; where it fails the result says so and is written all the same.
        finish: Writes what else is wanted of all dives, also when interrupted.
        progress: Called before every clip with what is done, how many are done, and of how many.

    Returns:
        The results as written, in the order of the clips.

    Raises:
        DataError: The folder cannot be written to, or another process writes results there.
    """
    results: list[Result] = []
    with alone_in(out):
        try:
            for done, clip in enumerate(clips):
                progress("dives", done, len(clips))
                # Not kept by name: the pictures of one film go before those of the next are decoded.
                results.append(
                    write_result(scorer.scored(clip.path, options, name=clip.name), out / clip.name, extras)
                )
        finally:
            if results:
                write_bytes(out / SUMMARY, summary_csv(results))
                finish(results, out)
    return results


def write_result(scored: Scored, folder: Path, extras: Extras) -> Result:
    """Write a dive's folder, whole or not at all; gives the result as written.

    Raises:
        DataError: It cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".scoring-"))
    except OSError as error:
        raise _unwritable(folder, error) from error
    result = scored.result
    try:
        try:
            extras(scored, staging)
        except OSError:
            raise  # the disk, and so every other file
        except Exception as error:  # whatever cannot be drawn, the result is worth having
            kind = "" if isinstance(error, StagescoreError) else f"{type(error).__name__}: "
            told = writable(f"A file could not be made: {kind}{error}.")
            result = result.model_copy(update={"warnings": [*result.warnings, told]})
        write_bytes(staging / RESULT, result.to_bytes())
        staging.chmod(0o755)
        staging.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
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


def _holds_results(folder: Path) -> bool:
    if not folder.exists():
        return False
    if not folder.is_dir():
        return True
    return any((folder / name).exists() for name in (SUMMARY, RESULT, COMPARED)) or any(
        folder.glob(f"*/{RESULT}")
    )


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot write ({error.strerror or error})",
        where=folder,
        todo="free some space or choose a folder you may write to",
    )
