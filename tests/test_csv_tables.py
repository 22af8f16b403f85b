"""Spreadsheets run nothing that stands in our tables, and whoever reads them back gets what was written."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.csv_tables import csv_table, read_cell
from stagescore.printable import printable


def cells(*values: object) -> list[str]:
    _, row = csv.reader(io.StringIO(csv_table([str(k) for k in range(len(values))], [values])))
    return row


@pytest.mark.parametrize(
    "name", ["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-1+cmd|' /C calc'!A0", "\uff1d1"]
)
def test_no_name_begins_as_a_formula_does(name: str) -> None:
    (written,) = cells(name)
    assert written[0] not in "=+-@\t\r\n\uff1d"
    assert read_cell(written) == printable(name, keep="\n")


def test_numbers_and_usual_names_stay_as_they_are() -> None:
    values = ("-1.50", -2.5, "1e-05 -2", "107B:0.500", "25-60", "'s-Gravenhage", "a, b", None)
    assert cells(*values) == [
        "-1.50",
        "-2.5",
        "1e-05 -2",
        "107B:0.500",
        "25-60",
        "'s-Gravenhage",
        "a, b",
        "",
    ]


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_any_text_comes_back(text: str) -> None:
    (written,) = cells(text)
    assert read_cell(written) == text
