"""The curves of a run for TensorBoard, drawn anew from the run's log whenever it is taken up.

The log is the record (`log.jsonl`, cut at the checkpoint on resume); the curves only show it.
"""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from stagescore.errors import StagescoreError
from stagescore.training.loop import StepReport, read_log

_NOT_CURVES = frozenset({"step", "epoch", "skipped"})


class Curves:
    """Writes what the loop tells; a context manager."""

    def __init__(self, folder: Path | None) -> None:
        """Begin the curves; without TensorBoard (extra `train`) there are none.

        Args:
            folder: Folder of TensorBoard's files, inside the run's folder; None writes nothing.
        """
        self.folder = folder
        self.writer: Any = None

    def __enter__(self) -> "Curves":
        """Nothing is written before the loop has cut its log."""
        return self

    def add(self, report: StepReport) -> None:
        """Add a step."""
        if self.folder is None:
            return
        if self.writer is None:
            self._begin(self.folder, report.step)
        for name, value in (report.terms | report.figures).items() if self.writer is not None else ():
            self.writer.add_scalar(name, value, report.step)

    def _begin(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - takes a second
        except ModuleNotFoundError:
            # The log has all that the curves would show.
            self.folder = None
            return
        shutil.rmtree(folder, ignore_errors=True)
        self.writer = SummaryWriter(str(folder))
        try:
            rows = read_log(folder.parent)
        except StagescoreError:
            rows = []
        for row in rows:
            if row["step"] < step:
                for name, value in row.items():
                    if name not in _NOT_CURVES:
                        self.writer.add_scalar(name, value, row["step"])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        if self.writer is not None:
            self.writer.close()
