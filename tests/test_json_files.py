"""JSON of any depth is read or refused by an error that says where, by whoever reads a file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stagescore.errors import CheckpointError, DataError, StagescoreError
from stagescore.json_files import parse_json, read_json, read_object, strict_json

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "text", [DEEP, '{"a":' * 100_000, "[NaN]", "[1e999]", "[-Infinity]", "[1", "", "9" * 5000]
)
def test_what_is_no_json_of_numbers_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_numbers_that_are_none_are_read_where_they_may_be_there() -> None:
    low, high = parse_json("[-Infinity, 1e999]", finite=False)
    assert low == -high == float("-inf")
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(DEEP, finite=False)


def test_texts_that_steer_a_terminal_are_refused_by_the_strict_reader_alone() -> None:
    text = json.dumps({"a": ["\x1b[2J"]})
    assert parse_json(text) == {"a": ["\x1b[2J"]}
    with pytest.raises(ValueError, match="character"):
        strict_json(text)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (DEEP, "nested too deeply"),
        ("[]", "no object"),
        ('{"a": 1}', "has no b"),
        (None, "No such file"),
        ("\xff", "utf-8"),
    ],
)
def test_an_object_that_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, content: str | None, told: str
) -> None:
    path = tmp_path / "note.json"
    if content is not None:
        path.write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=told) as caught:
        read_object(path, ("a", "b"), what="note", todo="remove it")
    assert str(path) in str(caught.value) and "cannot read the note" in str(caught.value)


def _clip_store(folder: Path) -> object:
    from stagescore.data.clip_store import ClipStore
    from stagescore.data.preprocessing import Preprocessing

    return ClipStore.open(folder, Preprocessing())


def _feature_cache(folder: Path) -> object:
    from stagescore.training import feature_cache

    return feature_cache._read_index(folder)


def _notes(folder: Path) -> object:
    from stagescore.scoring import preparing

    return preparing._read(folder.parent)


def _log(folder: Path) -> object:
    from stagescore.training.loop import read_log

    return read_log(folder)


def _flights(folder: Path) -> object:
    from stagescore.training.event_folds import read_flights

    return read_flights(folder / "flights.json")


def _simulation(folder: Path) -> object:
    from stagescore.simulate.dataset import Order, simulate_dataset

    return simulate_dataset(folder, Order(num_dives=2, seed=0), workers=1, resume=True)


def _quality(folder: Path) -> object:
    from stagescore.report.exports import reading

    return reading._quality_of(folder)


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "clip store": ("index.json", _clip_store),
    "feature cache": ("index.json", _feature_cache),
    "notes of data prepare": ("1.json", _notes),
    "log of a run": ("log.jsonl", _log),
    "flights": ("flights.json", _flights),
    "simulation": ("truth/order.json", _simulation),
    "annotation": ("quality.json", _quality),
}


@pytest.mark.parametrize("content", [DEEP + "\n", '{"a": [NaN\n', "[]\n", '{"key": 1, "clips": 2}\n'])
@pytest.mark.parametrize("reader", READERS)
def test_files_of_ours_are_read_or_refused(tmp_path: Path, reader: str, content: str) -> None:
    name, read = READERS[reader]
    path = tmp_path / "folder" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    if content.startswith('{"key"') and reader in ("log of a run", "annotation"):
        assert read(tmp_path / "folder")  # any object is one of theirs
        return
    with pytest.raises(StagescoreError) as caught:
        read(tmp_path / "folder")
    assert str(tmp_path) in str(caught.value)


def test_a_row_of_a_log_is_told_by_its_line(tmp_path: Path) -> None:
    from stagescore.training.loop import read_log

    (tmp_path / "log.jsonl").write_text('{"step": 1, "srcc": NaN}\n' + DEEP + "\ntorn")
    with pytest.raises(CheckpointError, match="line 2 of the log is no row"):
        read_log(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "srcc": NaN}\ntorn')
    assert [row["step"] for row in read_log(tmp_path)] == [1]
