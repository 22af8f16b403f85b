"""Progress as plain lines."""

import io

import pytest
from rich.console import Console

from stagescore.cli import output


def test_the_time_left_is_that_of_the_work_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    written = io.StringIO()
    report = output.ProgressReport(Console(file=written, width=100))
    for done in range(1, 41):  # the first fold
        now[0] += 10.0
        report("epochs", done, 40)
    for done in range(1, 3):  # the next one, under the same name
        now[0] += 10.0
        report("epochs", done, 40)
    assert written.getvalue().splitlines()[-1] == "epochs: 2 of 40, about 380 s left"
