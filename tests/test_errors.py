import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagescore.errors import (
    LONGEST_PART,
    CheckpointError,
    ConfigError,
    DataError,
    StagescoreError,
    UnsafePickleError,
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("it is empty"), "it is empty"),
        (DataError("it is empty", where=Path("a/b")), "a/b: it is empty"),
        (DataError("it is empty", where="a", todo="fill it"), "a: it is empty; fill it"),
        (DataError("two\n lines", where="a\nb"), "a b: two lines"),
        (DataError("\x1b[31mred\x07", where="\udcff"), "\ufffd: \\x1b[31mred\\x07"),
    ],
)
def test_an_error_is_one_line(error, line):
    assert str(error) == line


@given(st.text(st.characters(exclude_categories=[])), st.text(st.characters(exclude_categories=[])))
def test_any_text_gives_a_line_that_can_be_printed(what, where):
    line = str(StagescoreError(what, where=where))
    line.encode()
    assert not {unicodedata.category(one) for one in line} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(line) & set("\u202a\u202d\u202e\u2066\u2067\u2068\u200e\u200f\ufeff")


def test_the_parts_are_kept_for_json():
    assert DataError("a", where="b", todo="c").as_json() == {"what": "a", "where": "b", "todo": "c"}


def test_the_family():
    assert issubclass(UnsafePickleError, DataError)
    assert all(issubclass(kind, StagescoreError) for kind in (DataError, CheckpointError, ConfigError))


def test_what_files_hold_cannot_make_an_error_endless():
    error = DataError("a point is labelled " + "9" * 10_000 + "!", where="x" * 5000, todo="y" * 5000)
    assert len(str(error)) < 3 * LONGEST_PART + 10
    assert str(error).count(" … ") == 3 and "!; y" in str(error)
    assert DataError("z" * LONGEST_PART).what == "z" * LONGEST_PART
