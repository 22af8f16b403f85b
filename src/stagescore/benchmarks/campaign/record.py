"""What came out of each input, kept line by line so that a campaign goes on where it was stopped, and counted."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from stagescore.config import Config
from stagescore.errors import DataError

Verdict = Literal[
    "read",
    "warned",
    "refused",
    "traceback",
    "internal",
    "crash",
    "time",
    "memory",
    "message",
    "outside",
    "spoke",
]
GOOD: tuple[Verdict, ...] = ("read", "warned", "refused")
"""Outcomes that are right: read, read with a warning, refused in one line."""
FAILURES: Mapping[Verdict, str] = {
    "traceback": "another error than a StagescoreError",
    "internal": "the product says itself that it is its own fault",
    "crash": "the process ended",
    "time": "it took too long",
    "memory": "it took too much memory",
    "message": "the refusal is not one printable line that says what to do",
    "outside": "a file was written elsewhere, or something was run",
    "spoke": "something was written to standard output or error",
}
"""Outcomes that are failures, and what they mean."""


class InputOutcome(Config):
    """What became of one input.

    Attributes:
        kind: Kind of the input.
        number: Number of the input; -1 for a whole sample.
        sample: Name of the sample that was damaged.
        damage: What was done to it, in words.
        verdict: What became of it.
        told: What the reader said, or what went wrong.
        seconds: Processor time that reading took, in seconds.
        peak_mb: Memory that reading took at most beyond what the process had, in MB; None where it is not known.
    """

    kind: str
    number: int
    sample: str
    damage: str
    verdict: Verdict
    told: str = ""
    seconds: float = 0.0
    peak_mb: float | None = None


class Records:
    """Outcomes in a file, one JSON object a line; a line that a kill has torn is left out.

    Args:
        path: File to write; gone on with where it is there.
        identity: What the inputs depend on besides their number.

    Raises:
        DataError: The file holds outcomes of other inputs, or cannot be read or written.
    """

    def __init__(self, path: Path, identity: Mapping[str, str | int]) -> None:
        self.path = path
        self.outcomes: list[InputOutcome] = []
        head = json.dumps({"campaign": dict(identity)})
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            if lines and lines[0] != head:
                raise DataError(
                    "it holds outcomes of other inputs",
                    where=path,
                    todo="name another folder, or give the same seed",
                )
            for line in lines[1:]:
                try:
                    self.outcomes.append(InputOutcome.model_validate_json(line))
                except ValidationError:
                    continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if not lines:
                path.write_text(head + "\n", encoding="utf-8")
            elif not path.read_bytes().endswith(b"\n"):
                with path.open("a", encoding="utf-8") as stream:
                    stream.write("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"the outcomes cannot be kept ({error})", where=path, todo="name another folder"
            ) from None

    @property
    def done(self) -> set[tuple[str, int]]:
        """Kind and number of the inputs whose outcomes are known."""
        return {(outcome.kind, outcome.number) for outcome in self.outcomes}

    def add(self, outcome: InputOutcome) -> None:
        """Keep one more."""
        self.outcomes.append(outcome)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(outcome.model_dump_json() + "\n")


def failures(outcomes: Iterable[InputOutcome]) -> list[InputOutcome]:
    """Those that are not right."""
    return [outcome for outcome in outcomes if outcome.verdict not in GOOD]


COLUMNS = (
    "kind",
    "inputs",
    "read",
    "read with a warning",
    "refused",
    "failed",
    "longest, s",
    "most memory, MB",
)


def rows(outcomes: Sequence[InputOutcome]) -> list[tuple[Any, ...]]:
    """A row for each kind, as `COLUMNS` says."""
    found = []
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        counts = Counter(outcome.verdict for outcome in own)
        peaks = [outcome.peak_mb for outcome in own if outcome.peak_mb is not None]
        good = [counts[verdict] for verdict in GOOD]
        longest = max(outcome.seconds for outcome in own)
        found.append(
            (
                kind,
                len(own),
                *good,
                len(own) - sum(good),
                round(longest, 2),
                round(max(peaks)) if peaks else None,
            )
        )
    return found


def markdown(outcomes: Sequence[InputOutcome]) -> str:
    """The table of `rows`."""
    lines = [" | ".join(COLUMNS), "|".join(["---"] * len(COLUMNS))]
    lines += [" | ".join("" if cell is None else str(cell) for cell in row) for row in rows(outcomes)]
    return "".join(f"| {line} |\n" if "---" not in line else f"|{line}|\n" for line in lines)
