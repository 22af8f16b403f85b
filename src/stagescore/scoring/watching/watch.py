"""Dives scored one after the other as they come, with one scorer, into a folder like that of `score`.

A dive that arrives while another is scored waits. The summary is written again after every dive; an interruption drops the dive
under way and leaves a folder that another run can go on with.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stagescore.atomic import write_bytes
from stagescore.errors import DataError
from stagescore.scoring.batch import DiveWriter, Finish, names_of_dives, summary_csv, sweep
from stagescore.scoring.inputs import InputClip, named_apart
from stagescore.scoring.kept_results import is_free, kept_results
from stagescore.scoring.output_folder import SUMMARY
from stagescore.scoring.result import Result
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.watching.arrivals import Arrival, Arrivals


@dataclass(slots=True, kw_only=True, eq=False)
class DiveWatch:
    """Scores dives as they come.

    Attributes:
        scorer: Scorer with its weights loaded.
        writer: Writes the folder of each dive.
        arrivals: Dives as they come.
        finish: Writes what else is wanted of all dives, after each of them.
        resume: Whether results in the folder are kept that were made of the same film, options and networks.
        most: Number of dives after which the watch ends; None for never.
    """

    scorer: Scorer
    writer: DiveWriter
    arrivals: Arrivals
    finish: Finish
    resume: bool = False
    most: int | None = None

    def run(self, told: Callable[[Result, Arrival], None]) -> list[Result]:
        """Wait for dives and score them until there are enough, or until interrupted.

        Args:
            told: Told of each dive as it is done.

        Returns:
            The results in the order of arrival, without the angles of every frame, so that a long day stays small; the folders
            have all.

        Raises:
            DataError: No more dives can come, or the summary cannot be written; what is done is written before.
        """
        out, results, paths = self.writer.out, list[Result](), list[Path]()
        sweep(out)
        current: InputClip | None = None
        self.arrivals.start()
        try:
            while self.most is None or len(results) < self.most:
                arrival = self.arrivals.next()
                paths.append(arrival.path)
                current = named_apart(paths, free=partial(is_free, out))[-1]
                kept = self._kept(current) if self.resume else None
                found = kept or self.writer.write(self.scorer, current)
                current = None
                results += [_slim(result) for result in found]
                with suppress(DataError):  # a full disk: what comes may be smaller
                    self._summarise(results)
                for result in found:
                    told(result, arrival)
        except (KeyboardInterrupt, SystemExit):
            written = None if current is None else self._kept(current)
            # Whole before the interruption came.
            results += [_slim(result) for result in written or ()]
        finally:
            self.arrivals.stop()
            sweep(out)
            self._summarise(results)
        return results

    def _kept(self, clip: InputClip) -> list[Result] | None:
        out, options = self.writer.out, self.writer.options
        names = partial(names_of_dives, out, self.writer.taken, clip)
        return kept_results(self.scorer, options, clip, out, names)

    def _summarise(self, results: list[Result]) -> None:
        write_bytes(self.writer.out / SUMMARY, summary_csv(results))
        self.finish(results, self.writer.out)


def _slim(result: Result) -> Result:
    return result.model_copy(update={"angles": None})
