"""What the bench of captions counts, and that a plain fault is named on a simulated dive."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stagescore.benchmarks.named_faults import (
    FAULTS,
    PERFECT,
    FaultTally,
    NamedDive,
    is_visible,
    name_faults,
    tally,
)
from stagescore.captions.grammar import Grammar
from stagescore.cli.main import app


def said(fault: str, *named: str) -> NamedDive:
    return NamedDive(fault=fault, number="107B", height_m=3.0, named=named)


def test_a_fault_is_named_once_a_dive_and_everything_else_is_wrong() -> None:
    dives = [said("over", "entry_trunk", "splash_area"), said("over", "knee_bend"), said("over")]
    found = tally("over", dives)
    assert (found.dives, found.named, found.said, found.right) == (3, 1, 3, 2)
    clean = tally(PERFECT, [said(PERFECT, "knee_bend"), said(PERFECT)])
    assert (clean.named, clean.said, clean.right) == (0, 1, 0)


def test_every_fault_can_be_named() -> None:
    advised = Grammar.of("en").advised
    for faults, measures in FAULTS.values():
        assert measures <= advised and faults != type(faults)()


def test_faults_that_no_camera_sees_are_counted_and_said_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [fault for fault in FAULTS if not is_visible(fault)] == ["legs apart"]
    dives = {fault: said(fault, *sorted(measures)[:1]) for fault, (_, measures) in FAULTS.items()}
    dives |= {"legs apart": said("legs apart"), PERFECT: said(PERFECT)}

    def tallies(*_: object, **__: object) -> list[FaultTally]:
        return [tally(fault, [dive]) for fault, dive in dives.items()]

    monkeypatch.setattr("stagescore.benchmarks.named_faults.name_faults", tallies)
    words = ["bench", "captions", "--out", "nowhere"]
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (found["recall"], found["recall_visible"]) == (6 / 7, 1.0)
    printed = CliRunner().invoke(app, words)
    assert printed.exit_code == 0 and "6 of 7" in printed.output and "6 of 6" in printed.output
    dives["short"] = said("short", "knee_bend")
    assert CliRunner().invoke(app, words).exit_code == 1, "5 of 7 is less than 80 %"


@pytest.mark.slow
def test_the_bench_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = name_faults(tmp_path, usual=12, each=1, seed=3)
    assert [one.fault for one in first] == [*FAULTS, PERFECT] and all(one.dives == 1 for one in first)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "said").iterdir()}
    (tmp_path / "said" / "0.json").unlink()
    assert name_faults(tmp_path, usual=12, each=1, seed=3) == first
    unchanged = [path for path, when in kept.items() if path.stat().st_mtime_ns == when]
    assert len(unchanged) == len(kept) - 1
