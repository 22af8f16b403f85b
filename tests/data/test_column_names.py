"""Columns are known by many names in five languages; what is misspelt or stands twice is named."""

import zipfile

import pytest
from openpyxl import Workbook

from stagescore.data.column_names import LabelTable, is_column
from stagescore.errors import DataError
from stagescore.spreadsheets import Spreadsheet, SpreadsheetRow, read_table


def table(names, *rows):
    cells = [SpreadsheetRow(line, tuple(row)) for line, row in enumerate(rows, start=2)]
    return Spreadsheet(columns=tuple(names), rows=tuple(cells), where="dives.csv")


def known(names, *rows):
    return LabelTable.of(table(names, *rows), ("path", "score"))


@pytest.mark.parametrize(
    "names",
    [
        ("File", "Points", "DN", "DD", "Height", "Judges"),
        ("Film", "Final score", "Dive", "Tariff", "Board height", "Awards"),
        ("Datei", "Punkte", "Sprungnummer", "Schwierigkeit", "Höhe (m)", "Wertungen"),
        (
            "Video",
            "Gesamtpunkte",
            "Sprung-Nr.",
            "Schwierigkeitsgrad",
            "HOEHE_M".replace("OE", "Ö"),
            "Kampfrichter",
        ),
        ("Fichier", "Points", "Numéro de plongeon", "Coefficient", "Hauteur", "Notes des juges"),
        ("archivo", "puntuación", "Número de salto", "dificultad", "altura", "jueces"),
        ("nome file", "punteggio", "numero tuffo", "coefficiente di difficoltà", "altezza", "voti"),
    ],
)
def test_names_of_five_languages_mean_the_same(names):
    cells = ("a.mp4", "61,5", "305B", "3,0", "3", "7 7 7")
    labels = known(names, cells)
    found = labels.cells(labels.table.rows[0])
    assert found == dict(
        zip(("path", "score", "dive_number", "difficulty", "height_m", "marks"), cells, strict=True)
    )
    assert labels.ignored == ()


@pytest.mark.parametrize("prefix", ["J", "Judge ", "judge_", "Kampfrichter ", "Juge ", "Juez", "giudice "])
def test_marks_of_a_column_for_each_judge_are_put_together_in_their_order(prefix):
    names = ["path", "score", *(f"{prefix}{number}" for number in (2, 1, 3, 10, 5))]
    labels = known(names, ("", "5", "7", "6,5", "8", "9", ""))
    assert labels.cells(labels.table.rows[0])["marks"] == "6,5 7 8  9"


def test_marks_for_execution_come_before_those_for_synchronisation():
    names = ["path", "score", *(f"S{n}" for n in range(1, 6)), *(f"E{n}" for n in range(1, 7))]
    labels = known(names, ("", "5", *"12345", *"ABCDEF"))
    assert labels.cells(labels.table.rows[0])["marks"].split() == [*"ABCDEF", *"12345"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("pth", "score"), "there is no column 'path'; is 'pth' meant?"),
        (("path", "scroe"), "there is no column 'score'; is 'scroe' meant?"),
        (("path", "club"), "there is no column 'score'; name it"),
        (("Datei", "video", "score"), "the columns 'Datei' and 'video' both give the path"),
        (("path", "Punkte", "score"), "the columns 'Punkte' and 'score' both give the score"),
        (("path", "score", "score"), "the column 'score' stands twice"),
        (("path", "score", "marks", "J1"), "the columns 'marks' and 'J1' both give the marks"),
        (("path", "score", "J1", "Judge 1"), "the columns 'J1' and 'Judge 1' both give the mark 1"),
        (("path", "score", "dificulty"), "did you mean 'difficulty'?"),
        (("path", "score", "Schwierigkiet"), "did you mean 'Schwierigkeit'?"),
    ],
)
def test_a_wrong_name_is_told_with_the_one_that_is_meant(names, words):
    with pytest.raises(DataError, match=r"dives\.csv") as caught:
        known(names)
    assert words in str(caught.value)


def test_columns_that_mean_nothing_here_are_ignored_and_told():
    assert known(("path", "score", "Verein", "date", "remarks")).ignored == ("Verein", "date", "remarks")


def test_notes_are_marks_where_they_are_numbers_and_remarks_elsewhere():
    labels = known(("path", "score", "Notes"), ("", "5", "7 6,5 7"), ("", "5", ""))
    assert labels.cells(labels.table.rows[0])["marks"] == "7 6,5 7"
    assert known(("path", "score", "notes"), ("", "5", "over-rotated")).ignored == ("notes",)


TABLE = [["Datei", "Punkte", "DN"], ["a.mp4", "61,5", "107B"], ["b.mp4", "54", "405B"]]
TITLES = [["Vereinsmeisterschaft, Halle 3"], [], ["Stand: 3. Mai 2026", "Ergebnis"]]


def read_labels(path):
    found = LabelTable.of(read_table(path, known=is_column), ("path", "score"))
    return [found.cells(row) for row in found.table.rows], [row.line for row in found.table.rows]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("padded", [False, True])
def test_titles_above_the_names_of_the_columns_are_left_out(tmp_path, delimiter, padded):
    rows = [[*row, *[""] * (3 - len(row))] if padded else row for row in [*TITLES, *TABLE]]
    path = tmp_path / "a.csv"
    path.write_text("".join(delimiter.join(row) + "\r\n" for row in rows), encoding="utf-16")
    cells, lines = read_labels(path)
    assert cells == [
        {"path": "a.mp4", "score": "61,5", "dive_number": "107B"},
        {"path": "b.mp4", "score": "54", "dive_number": "405B"},
    ]
    assert lines == [5, 6]


def test_titles_of_a_sheet_are_left_out(tmp_path):
    book = Workbook()
    for row in (*TITLES, *TABLE):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    cells, lines = read_labels(tmp_path / "a.xlsx")
    assert [cell["path"] for cell in cells] == ["a.mp4", "b.mp4"] and lines == [5, 6]


def test_a_table_without_titles_keeps_its_first_row_and_a_misspelt_name_is_still_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Pfadd;Punkte;Film 2\na.mp4;61;Datei\n", encoding="utf-8")
    with pytest.raises(DataError, match="Pfadd"):
        read_labels(path)


@pytest.mark.parametrize("coding", ["mac_roman", "cp1252", "utf-8", "utf-8-sig"])
def test_letters_of_old_codings_are_those_that_were_written(tmp_path, coding):
    path = tmp_path / "a.csv"
    path.write_text("Datei;Punkte;Höhe;Name\nsprung_ä.mp4;61;10;José Müßig\n", encoding=coding)
    ((cells,), _) = read_labels(path)
    assert cells == {"path": "sprung_ä.mp4", "score": "61", "height_m": "10", "athlete": "José Müßig"}


@pytest.mark.parametrize(
    ("part", "words"),
    [("content.xml", "LibreOffice"), ("Index/Document.iwa", "Numbers"), ("xl/workbook.bin", "binary form")],
)
def test_documents_of_other_programs_are_told_by_name(tmp_path, part, words):
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr(part, "x")
    with pytest.raises(DataError, match=f"{words}.*save it as CSV or xlsx"):
        read_labels(tmp_path / "a.ods")
