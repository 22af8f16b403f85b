"""Files are found by the names that people write, and never guessed where two would fit."""

import unicodedata

import pytest

from stagescore.errors import DataError
from stagescore.named_files import FolderFiles


@pytest.fixture
def folder(tmp_path):
    for name in ("054.mp4", "films/IMG_0180.mov", "films/Müller 1.mp4", "twice/A.mp4", "twice/a.MP4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("054.mp4", "054.mp4"),
        ("054.MP4", "054.mp4"),
        (r"C:\Users\x\054.mp4", "054.mp4"),
        (r"films\img_0180.MOV", "films/IMG_0180.mov"),
        (r"D:\dives\Films\IMG_0180.MOV", "films/IMG_0180.mov"),
        ("/Users/x/films/IMG_0180.mov", "films/IMG_0180.mov"),
        (unicodedata.normalize("NFD", "films/Müller 1.mp4"), "films/Müller 1.mp4"),
        ("054", "054.mp4"),
        ("twice/A.mp4", "twice/A.mp4"),
        (r"twice\a.MP4", "twice/a.MP4"),
    ],
)
def test_a_file_is_found_as_another_system_calls_it(folder, written, found):
    assert FolderFiles(folder).find(written) == folder / found


@pytest.mark.parametrize("written", ["055.mp4", "54.mp4", r"C:\x\055.mp4", "x" * 300, "..", "a\0b"])
def test_no_other_file_is_taken(folder, written):
    found = FolderFiles(folder / "films").find(written)
    assert found in (None, folder / "films" / "..")


def test_two_files_that_fit_are_named(folder):
    with pytest.raises(DataError, match=r"'a\.mp4' may be '(A\.mp4|a\.MP4)' or '(A\.mp4|a\.MP4)'"):
        FolderFiles(folder / "twice").find("a.mp4")
