"""The errors a user can meet: each says what is wrong, where, and what to do about it."""

from os import PathLike

from stagescore.printable import printable

LONGEST_PART = 600
"""Most characters of each part of an error; of longer ones the middle is left out. Set by hand."""


class StagescoreError(Exception):
    """Base of every expected failure; the command line prints it as one line and exits with 1.

    Args:
        what: What is wrong, as a short clause.
        where: File, row or key that it was found in.
        todo: What the user can do now.
    """

    def __init__(self, what: str, *, where: str | PathLike[str] = "", todo: str = "") -> None:
        self.what, self.where, self.todo = (
            _shortened(printable(str(part), keep="\t\r\n")) for part in (what, where, todo)
        )
        super().__init__(self.what, self.where, self.todo)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        line = f"{line}; {self.todo}" if self.todo else line
        return " ".join(line.split())

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from positional arguments when they come back from another process.
        return _rebuilt, (type(self), self.what, self.where, self.todo)

    def as_json(self) -> dict[str, str]:
        """The same three parts for `--json`."""
        return {"what": self.what, "where": self.where, "todo": self.todo}


def _shortened(text: str) -> str:
    """A text that fits onto a screen: files may hold names, keys and values of any length."""
    return text if len(text) <= LONGEST_PART else f"{text[: LONGEST_PART - 200]} … {text[-197:]}"


def _rebuilt(kind: type[StagescoreError], what: str, where: str, todo: str) -> StagescoreError:
    return kind(what, where=where, todo=todo)


class DataError(StagescoreError):
    """Labels, videos, frames or poses that cannot be used as they are."""


class UnsafePickleError(DataError):
    """A pickle that asks for something other than plain data; nothing of it has run."""


class CheckpointError(StagescoreError):
    """Weights or a training state that are missing, torn or made for something else."""


class ConfigError(StagescoreError):
    """A setting that does not exist or has a value that it cannot have."""


class RenamedSetting(FutureWarning):
    """A setting was given by an earlier name, which is taken for one release."""
