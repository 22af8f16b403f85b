r"""Tables as CSV that spreadsheets may open: no cell of them is run as a formula.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, which can call programs and send data away.
Such a cell gets an apostrophe in front, as spreadsheets write text themselves; numbers stay numbers.
Source: OWASP, "CSV injection".
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from stagescore.printable import printable

_FORMULA = re.compile("'*[=+\\-@\n\uff1d\uff0b\uff0d\uff20]")
"""The four beginnings, also in full width, and a new line before one of them, which some spreadsheets take for the same;
behind apostrophes, so that `read_cell` can tell ours from others."""
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)"
_NUMBERS = re.compile(rf"(?:{_NUMBER})(?: (?:{_NUMBER}))*")


def csv_table(columns: Iterable[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a row of headings.

    Args:
        columns: Headings of the columns.
        rows: Cells of each row; None for an empty one.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def read_cell(text: str) -> str:
    """What stood in a cell before `csv_table` wrote it.

    >>> read_cell("'=1+1.jpg"), read_cell("'s-Gravenhage"), read_cell("-1.5")
    ('=1+1.jpg', "'s-Gravenhage", '-1.5')
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value, keep="\n")  # quoted, and labels that are read back may have it
    return f"'{text}" if _FORMULA.match(text) and not _NUMBERS.fullmatch(text) else text
