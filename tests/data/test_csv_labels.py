import pytest

from stagescore.data import csv_labels
from stagescore.errors import DataError


def count(path):
    return 96


def write(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


FULL = (
    "path,score,dive_number,difficulty,height_m,marks,transitions,frames,split,event,number,athlete\n"
    'a.mp4,88,407c,3.2,10,"9.5 9 9.5 9 8.5 9.5 8.5",29;65,,test,cup,7,anna\n'
    ",61.5,,,,,,,,,,\n"
)


def test_every_column_is_read(tmp_path):
    (tmp_path / "a.mp4").touch()
    first, second = csv_labels.load(write(tmp_path, FULL), count).manifest
    assert (first.event, first.number, first.dataset, first.split) == ("cup", 7, "mine", "test")
    assert first.dive_number == "407C"
    assert first.marks == (9.5, 9.0, 9.5, 9.0, 8.5, 9.5, 8.5)
    assert first.transitions == (29, 65)
    assert first.num_frames == 96
    assert (first.athlete, second.athlete) == ("anna", None)
    assert (first.height_m, first.height_source) == (10.0, "named")
    assert first.frames_path == str(tmp_path / "a.mp4")
    assert (second.dive_id, second.score, second.split) == ("mine/3", 61.5, "train")
    assert (second.difficulty, second.dive_number, second.num_frames, second.frames_path) == (None,) * 4


def test_path_and_score_are_enough(tmp_path):
    (dive,) = csv_labels.load(write(tmp_path, "score,path\n50,\n"), count).manifest
    assert dive.score == 50


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbfpath,score\r\n,50\r\n")
    assert len(csv_labels.load(path, count).manifest) == 1


def test_the_frames_column_saves_counting(tmp_path):
    (tmp_path / "a.mp4").touch()

    def never(path):
        raise AssertionError

    (dive,) = csv_labels.load(write(tmp_path, "path,score,frames\na.mp4,5,80\n"), never).manifest
    assert dive.num_frames == 80


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'path'"),
        ("path\na\n", "no column 'score'"),
        ("path,score\n", "no rows"),
        ("path,score,splitt\n,5,test\n", "did you mean 'split'"),
        ("path,score,score\n,5,6\n", "stands twice"),
        ("path,score,event\n,,cup\n", "line 2: the score is missing"),
        ("path,score\n,nan\n", "line 2: the score is 'nan'"),
        ("path,score\n,inf\n", "score is 'inf'"),
        ("path,score\n,abc\n", "score is 'abc'"),
        ("path,score\n,5 6\n", "score is '5 6'"),
        ("path,score\n,-5\n", "score is -5"),
        ("path,score\n,5\n,6,7\n", "line 3: the row has another number of fields"),
        ("path,score\n5\n", "line 2: the row has another number of fields"),
        ("path,score\nnone.mp4,5\n", "there is no"),
        ("path,score\n" + "x" * 300 + ",5\n", "there is no"),
        ("path,score\na\x00b,5\n", "mine.csv"),
        ("path,score,split\n,5,dev\n", "line 2: the split is 'dev'"),
        ("path,score,dive_number\n,5,999Z\n", "line 2: '999Z' is no dive number"),
        ("path,score,transitions\n,5,3.5\n", "give whole numbers"),
        ("path,score,transitions\n,5,1e300\n", "give whole numbers"),
        ("path,score,transitions\n,5,nan\n", "transitions is 'nan'"),
        ("path,score,difficulty\n,5,0\n", "difficulty is 0"),
        ("path,score,height_m\n,5,-3\n", "height is -3"),
        ("path,score,frames\n,5,0\n", "0 frames"),
        ("path,score,number\n,5,1\n,6,1\n", "mine.csv, mine/1: the same dive stands twice"),
        ('path,score\n"a,5\n', "cannot read"),
        (b"path,score\n\x81\xfe,5\n", "UTF-8"),
    ],
)
def test_bad_input_is_one_line_that_names_the_place(tmp_path, text, words):
    with pytest.raises(DataError) as caught:
        csv_labels.load(write(tmp_path, text), count)
    line = str(caught.value)
    assert words in line
    assert "mine.csv" in line
    assert "\n" not in line


def test_a_video_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.mp4").touch()

    def broken(path):
        raise DataError("the file is empty", where=path)

    with pytest.raises(DataError, match=r"a\.mp4: the file is empty"):
        csv_labels.load(write(tmp_path, "path,score\na.mp4,5\n"), broken)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="cannot read the labels"):
            csv_labels.load(path, count)


EUROPEAN = (
    "\ufeffDatei;Punkte;Sprungnummer;Schwierigkeit;Höhe;Wertungen;Wettkampf;Verein\r\n"
    "Max Müller 054.MP4;61,5;305B;3,0;3 m;7 6,5 7 7 6,5 7 6,5;Stadtmeisterschaft;SV\r\n"
    "C:\\Users\\x\\films\\Anna.mov;67,2;407 c;3,2;10;7 7 7 7 7 7 7 7 7 7 7;Synchronspringen;\r\n"
    ";45,00;105b;2,4;3;;;\r\n;;;;;;;\r\n"
)


def test_a_table_as_excel_writes_it_in_europe_is_read(tmp_path):
    (tmp_path / "films").mkdir()
    for name in ("Max Müller 054.mp4", "films/Anna.MOV"):
        (tmp_path / name).touch()
    labels = csv_labels.load(write(tmp_path, EUROPEAN), count)
    max_, anna, third = labels.manifest
    assert (max_.score, max_.difficulty, max_.height_m) == (61.5, 3.0, 3.0)
    assert max_.marks == (7.0, 6.5, 7.0, 7.0, 6.5, 7.0, 6.5)
    assert max_.frames_path == str(tmp_path / "Max Müller 054.mp4")
    assert anna.frames_path == str(tmp_path / "films/Anna.MOV")
    assert (anna.dive_number, anna.synchronised, max_.synchronised) == ("407C", True, False)
    assert (third.score, third.marks, third.frames_path) == (45.0, (), None)
    assert labels.ignored == ("columns that mean nothing here are ignored: 'Verein'",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path;score\nx/a.mp4;5\ny/A.MP4;6\n", "line 3: 'x/a.mp4' and 'y/A.MP4' would both be"),
        ("path;score;marks\n;5;07. Mai\n", "a spreadsheet has made a date of it"),
        ('path,score,marks\n,5,"7,5,7,5,8,0"\n', "separate the numbers by spaces"),
        ("path;score\n;1.234,5\n", "score is '1.234,5'"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path, text, words):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(DataError, match=r"mine\.csv") as caught:
        csv_labels.load(write(tmp_path, text), count)
    assert words in str(caught.value)


def test_films_that_cannot_be_read_are_named_all_at_once(tmp_path):
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).touch()

    def count_frames(path):
        if path.name == "b.mp4":
            return 90
        raise DataError("it cannot be read as a video", where=path.name, todo="convert it")

    with pytest.raises(DataError) as caught:
        csv_labels.load(write(tmp_path, "path,score\na.mp4,5\nb.mp4,6\nc.mp4,7\n"), count_frames)
    assert "2 films cannot be read: line 2, a.mp4: it cannot" in str(caught.value)
    assert "line 4, c.mp4: it cannot be read as a video" in str(caught.value)
