"""Tables as people keep them: CSV as spreadsheets write it in any country, and Excel's xlsx.

Source: RFC 4180 for the quoting of CSV. What differs in life: Excel separates fields by the list separator of the country
(a semicolon wherever a comma is the decimal sign), writes a tab where it is asked for "Unicode text", begins UTF-8 with a
byte-order mark, and keeps to Windows-1252 otherwise (of a Mac, Mac Roman); a first line `sep=;` names the separator. Above the
names of the columns people put a title, a date, an empty line.
Values stay text here: whoever knows what a column means reads its numbers (`numbers_in`).
"""

import csv
import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagescore.errors import DataError
from stagescore.zip_archives import UNREADABLE, read_member

# Set by hand, far above any list of dives.
MAX_BYTES = 64 * 2**20
MAX_ROWS = 100_000
MAX_CELLS = 2_000_000
_DELIMITERS = "\t;,|"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_OTHER_ARCHIVES = {
    "content.xml": "LibreOffice or OpenOffice (such as ods)",
    "Index/Document.iwa": "Apple's Numbers",
    "xl/workbook.bin": "Excel in its binary form (xlsb)",
}
"""Files within the archives of other programs, and what these are called."""
_SAVE_AS = "save it as CSV or xlsx"
_LETTERS = frozenset("äöüßéèêëàâçñóòôíìîïúùûáÄÖÜÉÈÑÇ")
_SIGNS = frozenset("°\u2019\u2018\u201c\u201d\u2013\u2026ºª\xa0")
"""Signs other than letters in tables of these languages: degrees, quotes, dashes, spaces."""
_MOST_TITLES = 20
"""Rows among which the names of the columns are looked for. Set by hand."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DATE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{0,4}|\d{1,2}[. -]+[^\W\d]{3,10}\.?([ -]\d{2,4})?|[^\W\d]{3,10}[ -]\d{2,4}"
)


@dataclass(frozen=True, slots=True)
class SpreadsheetRow:
    """One row of a table below its first.

    Attributes:
        line: Number of the row's last line in the file, or of the row in the sheet, from 1.
        cells: Text of each column's field, without spaces around it.
    """

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreadsheet:
    """A table with named columns.

    Attributes:
        columns: Names of the columns as the file spells them, without spaces around them.
        rows: Rows that are not empty, each with a field for every column.
        where: File, and sheet where it has several, as errors name it.
    """

    columns: tuple[str, ...]
    rows: tuple[SpreadsheetRow, ...]
    where: str


Known = Callable[[str], bool]
"""Whether a text is the name of a column that is known."""


def read_table(path: Path, what: str = "labels", *, known: Known = lambda name: False) -> Spreadsheet:
    """Read a table from a CSV or xlsx file; which of the two it is, its content tells.

    Empty rows, columns without name and content, and titles above the names of the columns are left out.

    Args:
        path: CSV file in UTF-8, UTF-16, Windows-1252 or Mac Roman whose fields are separated by commas, semicolons, tabs
            or bars; or xlsx file, of which the first sheet is read that is not empty.
        what: What the table holds, in a word, as errors name it.
        known: Tells names of columns, by which the row of these is found below a title; without it the first row that is
            not empty has them.

    Raises:
        DataError: It cannot be read, is another kind of file, or a row has another number of fields than the first.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot read the {what} ({str(error)[:80]})", where=path, todo="check the path"
        ) from None
    if size > MAX_BYTES:
        raise DataError(f"{size} bytes are too large for a table", where=path, todo="check the path")
    if content.startswith(_OLD_OFFICE):
        raise DataError(
            "it is an xls file of old Excel, or an Excel file with a password", where=path, todo=_SAVE_AS
        )
    if content.startswith(b"PK\x03\x04"):
        return _read_xlsx(content, path, what, known)
    return _as_table(_csv_rows(content, path, what, known), str(path), known)


def numbers_in(text: str, *, whole: bool = False) -> list[float]:
    """The numbers of a field, separated by spaces, semicolons, bars or slashes, with a decimal point or comma.

    Commas separate numbers where they cannot be decimal: before a space, beside decimal points, or of whole numbers.

    Args:
        text: Content of the field.
        whole: Whether the numbers are whole ones, so that every comma separates two.

    Raises:
        ValueError: Something else stands there, or its commas can be read in two ways.

    >>> numbers_in("7 6,5 7;7 6.5"), numbers_in("7,5, 8,0, 7"), numbers_in("7,6.5,8"), numbers_in("41,88", whole=True)
    ([7.0, 6.5, 7.0, 7.0, 6.5], [7.5, 8.0, 7.0], [7.0, 6.5, 8.0], [41.0, 88.0])
    """
    found: list[float] = []
    for written in re.split(r"[\s;|/]+", text.strip("'\u2019 \t")):
        word = written.rstrip(",")
        parts = [word]
        if whole or word.count(",") > 1 or ("," in word and "." in word):
            parts = [part for part in word.split(",") if part]
            if not whole and "." not in word and len(parts) % 2 == 0 and set(parts[1::2]) <= {"0", "5"}:
                raise ValueError(f"the commas of {word} can be read in two ways")
        for part in parts:
            if part and not _NUMBER.fullmatch(part):
                raise ValueError(f"{part} is no number")
            found.extend([float(part.replace(",", "."))] if part else [])
    return found


def looks_like_a_date(text: str) -> bool:
    """Whether a field holds a date, which spreadsheets make of `7.5` and `7-5` where these are a day of a month.

    >>> [looks_like_a_date(text) for text in ("07. Mai", "2026-05-07", "7-May", "7.5", "abc")]
    [True, True, True, False, False]
    """
    return _DATE.fullmatch(text.strip()) is not None


def _csv_rows(content: bytes, path: Path, what: str, known: Known) -> list[SpreadsheetRow]:
    text = _decoded(content, path, what)
    named = re.match(r'"?sep=(.)"?[^\S\r\n]*(\r\n?|\n)', text, re.IGNORECASE)
    skipped = 0
    if named is not None:
        text, skipped = text[named.end() :], 1
    try:
        delimiter = named[1] if named is not None else _delimiter_of(text, known)
        return [SpreadsheetRow(row.line + skipped, row.cells) for row in _fields(text, delimiter)]
    except csv.Error as error:
        raise DataError(
            f"cannot read the {what} ({str(error)[:80]})",
            where=path,
            todo="give a table whose quotes are closed: a CSV file in UTF-8, or an xlsx file",
        ) from None


def _decoded(content: bytes, path: Path, what: str) -> str:
    """The text of a CSV file; UTF-16 without a mark is told by the zero byte of its first sign."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        codings = ["utf-16"]
    elif content[1:2] == b"\0" or content[:1] == b"\0":
        codings = ["utf-16-le" if content[1:2] == b"\0" else "utf-16-be"]
    else:
        codings = ["utf-8-sig", *(["mac_roman"] if _of_a_mac(content) else []), "cp1252"]
    for coding in codings:
        try:
            return content.decode(coding)
        except UnicodeDecodeError:
            continue
    raise DataError(
        f"cannot read the {what} (its letters are neither UTF-8 nor UTF-16 nor Windows-1252)",
        where=path,
        todo="save it as CSV in UTF-8, or as xlsx",
    )


def _of_a_mac(content: bytes) -> bool:
    """Whether a text that is no UTF-8 is Mac Roman, every byte of which means something, and not Windows-1252.

    As Mac Roman it must have letters of European languages and no others, and more of them than as Windows-1252.
    """
    as_mac, as_windows = (content.decode(coding, errors="ignore") for coding in ("mac_roman", "cp1252"))
    others = {sign for sign in as_mac if not sign.isascii()} - _LETTERS - _SIGNS
    num_as_mac, num_as_windows = (sum(sign in _LETTERS for sign in text) for text in (as_mac, as_windows))
    return not others and num_as_mac > num_as_windows


def _delimiter_of(text: str, known: Known) -> str:
    """What separates names of columns; else the most fields of the first line that is not empty.

    A semicolon rather than a decimal comma.
    """
    lines = [line for line in text.splitlines() if line.strip(_DELIMITERS + ' "')]
    for line in lines[:_MOST_TITLES]:
        for delimiter in _DELIMITERS:
            if sum(known(cell.strip(' "')) for cell in line.split(delimiter)) > 1:
                return delimiter
    header = next(iter(lines), "")
    unquoted = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=unquoted.count) if any(sign in unquoted for sign in _DELIMITERS) else ","


def _fields(text: str, delimiter: str) -> list[SpreadsheetRow]:
    """The fields of every row; first with strict quotes, then with spaces behind the closing ones.

    Raises:
        csv.Error: Quotes that are not closed.
    """
    try:
        return list(_split(text, delimiter, strict=True))
    except csv.Error as error:
        if "expected after" not in str(error):
            raise
        rows = list(_split(text, delimiter, strict=False))
        if any("\n" in cell or "\r" in cell for row in rows for cell in row.cells):
            raise
        return rows


def _split(text: str, delimiter: str, *, strict: bool) -> Iterator[SpreadsheetRow]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict
    )
    for row in reader:
        yield SpreadsheetRow(reader.line_num, tuple(cell.strip() for cell in row))


def _place_of_names(rows: Sequence[SpreadsheetRow], known: Known) -> int:
    """Place of the row that names the columns, below titles: the first with two known names, else with one among others."""
    first = [sum(map(known, row.cells)) for row in rows[:_MOST_TITLES]]
    several = [place for place, num in enumerate(first) if num > 1]
    one = [place for place, num in enumerate(first) if num == 1 and sum(map(bool, rows[place].cells)) > 1]
    return next(iter((*several, *one)), 0)


def _as_table(rows: Iterable[SpreadsheetRow], where: str, known: Known) -> Spreadsheet:
    """A table of rows, the first of which that is no title names the columns.

    Raises:
        DataError: A row has another number of fields, or there are too many rows.
    """
    filled = [row for row in rows if any(row.cells)]
    if not filled:
        return Spreadsheet(columns=(), rows=(), where=where)
    if len(filled) > MAX_ROWS:
        raise DataError(
            f"{len(filled)} rows are too many for a table of dives", where=where, todo="check the file"
        )
    place = _place_of_names(filled, known)
    header, body = filled[place].cells, filled[place + 1 :]
    width = max(column for column, name in enumerate(header, start=1) if name)
    for row in body:
        if len(row.cells) < width or any(row.cells[width:]):
            raise DataError(
                "the row has another number of fields than the line with the names of the columns",
                where=f"{where}, line {row.line}",
                todo="correct the row; a value with a comma stands between quotes where commas separate the fields",
            )
    kept = [column for column in range(width) if header[column] or any(row.cells[column] for row in body)]
    for column in kept:
        if not header[column]:
            raise DataError(
                f"column {column + 1} has values and no name",
                where=where,
                todo=f"name the columns in line {filled[place].line}",
            )
    return Spreadsheet(
        columns=tuple(" ".join(header[column].split()) for column in kept),
        rows=tuple(SpreadsheetRow(row.line, tuple(row.cells[column] for column in kept)) for row in body),
        where=where,
    )


def _read_xlsx(content: bytes, path: Path, what: str, known: Known) -> Spreadsheet:
    from openpyxl import load_workbook  # noqa: PLC0415  # takes a third of a second, and most tables are CSV

    content = _unpacked_xlsx(content, path, what)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and checks of input that are not read
            values, formulas = (
                load_workbook(io.BytesIO(content), read_only=True, data_only=kept, keep_links=False)
                for kept in (True, False)
            )
            for sheet, source in zip(values.worksheets, formulas.worksheets, strict=True):
                where = str(path) if len(values.worksheets) == 1 else f"{path}, sheet {sheet.title}"
                rows = _sheet_rows(sheet, source, where) if sheet.sheet_state == "visible" else []
                if rows:
                    return _as_table(_as_wide(rows), where, known)
    except DataError:
        raise
    except Exception as error:  # what a damaged file raises is not foreseen by openpyxl
        raise DataError(
            f"cannot read the {what} ({' '.join(str(error).split())[:80] or type(error).__name__})",
            where=path,
            todo="save it as xlsx or CSV again",
        ) from None
    return Spreadsheet(columns=(), rows=(), where=str(path))


def _unpacked_xlsx(content: bytes, path: Path, what: str) -> bytes:
    """The same file without compression, so that openpyxl cannot unpack more than the list of its parts says.

    Raises:
        DataError: It is no xlsx file, or too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sizes = {part.filename: part.file_size for part in archive.infolist()}
            for name, program in _OTHER_ARCHIVES.items():
                if name in sizes:
                    raise DataError(f"it is a document of {program}", where=path, todo=_SAVE_AS)
            if "xl/workbook.xml" not in sizes:
                raise DataError("it is neither an xlsx nor a CSV file", where=path, todo=_SAVE_AS)
            if (total := sum(sizes.values())) > MAX_BYTES:
                raise DataError(
                    f"it unpacks to {total} bytes, too many for a table", where=path, todo=_SAVE_AS
                )
            unpacked = io.BytesIO()
            with zipfile.ZipFile(unpacked, "w") as plain:
                for name in sizes:
                    plain.writestr(name, read_member(archive, name))
    except UNREADABLE as error:
        raise DataError(
            f"cannot read the {what} ({str(error)[:80]})", where=path, todo="save the file again"
        ) from None
    return unpacked.getvalue()


def _sheet_rows(sheet: Any, formulas: Any, where: str) -> list[SpreadsheetRow]:
    """The rows of a sheet that are not empty.

    Raises:
        DataError: The sheet is too large, or a formula has no value.
    """
    for one in (sheet, formulas):
        one.reset_dimensions()  # files may claim a million empty rows, or too few
    rows: list[SpreadsheetRow] = []
    num_cells = 0
    for number, (cells, sources) in enumerate(zip(sheet.rows, formulas.rows, strict=True), start=1):
        num_cells += len(cells)
        if number > MAX_ROWS or num_cells > MAX_CELLS:
            raise DataError(
                f"it goes on for more than {MAX_ROWS} rows or {MAX_CELLS} cells",
                where=where,
                todo="delete what is below the dives and beside them",
            )
        for cell, source in zip(cells, sources, strict=True):
            if cell.value is None and source.value is not None:
                raise DataError(
                    f"the formula in cell {source.coordinate} has no value in the file",
                    where=where,
                    todo="open the file in a spreadsheet program and save it there, or save it as CSV",
                )
        row = SpreadsheetRow(number, tuple(_cell_text(cell.value) for cell in cells))
        if any(row.cells):
            rows.append(row)
    return rows


def _as_wide(rows: Sequence[SpreadsheetRow]) -> list[SpreadsheetRow]:
    """The same rows, all as wide as the widest; xlsx files leave empty cells at the end out."""
    width = max(len(row.cells) for row in rows)
    return [SpreadsheetRow(row.line, row.cells + ("",) * (width - len(row.cells))) for row in rows]


def _cell_text(value: object) -> str:
    """A cell as a spreadsheet shows it: numbers with at most 15 digits, days without their midnight."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip()
