"""Tables are read as spreadsheets of any country write them, and what cannot be told is refused in one line."""

import datetime
import io
import zipfile

import pytest
from openpyxl import Workbook

from stagescore.errors import DataError
from stagescore.spreadsheets import numbers_in, read_table

ROWS = (("path", "score", "marks"), ("Müller 1.MP4", "61,5", "7 6,5 7"), ("b.mp4", "45,00", ""))


def written(rows, separator):
    return "".join(separator.join(row) + "\r\n" for row in rows)


def contents(table):
    return (table.columns, *(row.cells for row in table.rows))


@pytest.fixture
def read(tmp_path):
    def from_bytes(content):
        path = tmp_path / "dives.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path)

    return from_bytes


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_separators_and_letters_of_every_kind_are_read(read, separator, coding):
    assert contents(read(written(ROWS, separator).encode(coding))) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        'path,score,marks\n"Müller 1.MP4","61,5","7 6,5 7"\nb.mp4,"45,00",\n',
        " path ; score ;marks\n Müller 1.MP4 ;61,5 ; 7 6,5 7\nb.mp4;45,00;\n\n;;\n ; ; \n",
        'path;score;marks\n"Müller 1.MP4" ;"61,5" ; "7 6,5 7" \nb.mp4;45,00;\n',
        "sep=;\r\npath;score;marks\r\nMüller 1.MP4;61,5;7 6,5 7\r\nb.mp4;45,00;\r\n",
        "\n;;\npath;score;marks\nMüller 1.MP4;61,5;7 6,5 7\nb.mp4;45,00;",
        "path;score;marks;;\nMüller 1.MP4;61,5;7 6,5 7;;\nb.mp4;45,00;;;\n",
        "path;;score;marks\rMüller 1.MP4;;61,5;7 6,5 7\rb.mp4;;45,00;\r",
    ],
)
def test_quotes_spaces_and_what_is_empty_change_nothing(read, text):
    assert contents(read(text)) == ROWS


def test_a_line_is_counted_as_an_editor_counts_it(read):
    table = read("sep=;\npath;score\n\na;1\n\n\nb;2\n")
    assert [row.line for row in table.rows] == [4, 7]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,score\na.mp4,61,5\n", "line 2: the row has another number of fields"),
        ("path;;score\na.mp4;x;6\n", "column 2 has values and no name"),
        ('path;score\n"a;5\n', "quotes are closed"),
        ('path;score\n"a" ;5\n"b;5\nc;6\n', "quotes are closed"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "save it as CSV or xlsx"),
        (b"path;score\n\x81\x8d;5\n", "neither UTF-8"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(read, content, words):
    with pytest.raises(DataError, match=r"dives\.csv") as caught:
        read(content)
    assert words in str(caught.value)


def archive(parts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return stream.getvalue()


def workbook(*sheets):
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_excel_files_are_read_with_numbers_dates_and_texts(read):
    day = datetime.datetime(2026, 5, 7)
    rows = [
        [None, None, None, None],
        ["path", " score ", "frames", "event", None],
        ["a.mp4", 0.1 + 0.2, 90, day, None],
        [],
        ["b.mp4", "61,5", 90.0, day.replace(hour=9)],
    ]
    table = read(workbook([], rows))
    assert contents(table) == (
        ("path", "score", "frames", "event"),
        ("a.mp4", "0.3", "90", "2026-05-07"),
        ("b.mp4", "61,5", "90", "2026-05-07 09:00:00"),
    )
    assert [row.line for row in table.rows] == [3, 5]
    assert table.where.endswith("sheet Sheet 1")


def test_the_value_that_excel_has_computed_is_read_and_a_missing_one_is_named(read):
    content = workbook([["path", "score"], ["a.mp4", "=3*20.5"]])
    with pytest.raises(DataError, match="formula in cell B2 has no value"):
        read(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archived:
        parts = {name: archived.read(name) for name in archived.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<v />" in parts[sheet] or b"<v></v>" in parts[sheet]
    parts[sheet] = parts[sheet].replace(b"<v />", b"<v>61.5</v>").replace(b"<v></v>", b"<v>61.5</v>")
    assert read(archive(parts)).rows[0].cells == ("a.mp4", "61.5")


@pytest.mark.parametrize(
    "content",
    [
        archive({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
        archive({"xl/workbook.xml": "<workbook/>"}),
        workbook([["path", "score"], ["a", 1]])[:-300],
        archive({"xl/workbook.xml": bytes(80 * 2**20)}),
    ],
    ids=["ods", "hollow", "torn", "bomb"],
)
def test_other_archives_and_damaged_ones_are_refused_in_one_line(read, content):
    with pytest.raises(DataError, match=r"dives\.csv") as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_cell_at_the_far_end_of_a_sheet_is_refused_and_takes_no_time(read):
    book = Workbook()
    book.active["A1"], book.active["XFD900000"] = "path", "x"
    stream = io.BytesIO()
    book.save(stream)
    with pytest.raises(DataError, match="delete what is below the dives"):
        read(stream.getvalue())


@pytest.mark.parametrize("text", ["7,5,7,5,8,0", "abc", "1_0", "nan", "7..5", "0x1"])
def test_what_is_no_number_or_may_be_two_is_refused(text):
    with pytest.raises(ValueError, match=r"is no number|in two ways"):
        numbers_in(text)
