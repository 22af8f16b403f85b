"""A number that changes without anybody meaning it to is found here."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import golden


@pytest.mark.parametrize("row", golden.ROWS)
def test_golden_numbers(row: str) -> None:
    expected, found = json.loads(golden.FILE.read_text())[row], golden.numbers(row)
    assert found["delta"] == pytest.approx(expected["delta"], rel=5e-4, abs=1e-5)
    assert found["terms"] == pytest.approx(expected["terms"], rel=1e-3, abs=1e-3)
    assert found["edges"] == expected["edges"]


def test_golden_numbers_are_no_constants() -> None:
    """The ramps reach the answers: dives differ, rows differ."""
    rows = json.loads(golden.FILE.read_text())
    assert len({tuple(row["delta"]) for row in rows.values()}) == len(rows)
    assert all(len(set(row["delta"])) == 3 for row in rows.values())
