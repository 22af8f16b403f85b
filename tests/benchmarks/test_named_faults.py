"""What the bench of captions counts, and that a plain fault is named on a simulated dive."""

from pathlib import Path

import pytest

from stagescore.benchmarks.named_faults import FAULTS, PERFECT, NamedDive, name_faults, tally
from stagescore.captions.grammar import Grammar


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


@pytest.mark.slow
def test_the_bench_goes_on_where_it_stopped(tmp_path: Path) -> None:
    first = name_faults(tmp_path, usual=12, each=1, seed=3)
    assert [one.fault for one in first] == [*FAULTS, PERFECT] and all(one.dives == 1 for one in first)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "said").iterdir()}
    (tmp_path / "said" / "0.json").unlink()
    assert name_faults(tmp_path, usual=12, each=1, seed=3) == first
    unchanged = [path for path, when in kept.items() if path.stat().st_mtime_ns == when]
    assert len(unchanged) == len(kept) - 1
