"""What the report and the command line say of the dive number that the film shows, and of execution where there is no score."""

from stagescore.report.sentences import Sentence, points
from stagescore.scoring.result import Result


def dive_number(result: Result) -> Sentence | None:
    """Which number it is, or which it may be; None where no network recognised one."""
    if not result.recognised:
        return None
    fields = ("recognised", "dive_number", "dive_number_source", "disagrees", "score", "difficulty")
    return Sentence(f"Dive number: {_told(result)}", fields)


def execution(result: Result) -> Sentence | None:
    """What the score would be made of, where only the difficulty is missing."""
    if result.execution is None or result.score is not None:
        return None
    return Sentence(
        f"Execution: {points(result.execution)} of 30; times the degree of difficulty that is the score.",
        ("execution", "score"),
    )


def _told(result: Result) -> str:
    first, *others = result.recognised
    if result.dive_number_source == "recognised":
        return f"{first.words.replace('(', '(recognised, ')}."
    likely = f"most likely {first.words}"
    if others:
        *between, last = others
        likely = ", ".join([likely, *(one.words for one in between)]) + f" or {last.words}"
    if result.dive_number_source == "given":
        if result.disagrees:
            return f"{result.dive_number} (given), but the film looks like {first.words}."
        return f"{result.dive_number} (given); by the film alone {likely}."
    if result.score is None or result.difficulty is None:
        return f"{likely}."
    return (
        f"{likely}. The score is the mean over all numbers that it may be, by their probability; their mean difficulty is "
        f"{result.difficulty:.2f}."
    )
