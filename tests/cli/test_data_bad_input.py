"""Labels that are torn, hostile or nowhere: one line says so, and an earlier import stays as it was."""

import errno
import os
import pickle

import hostile
import makers
import pytest
from data_commands import FINE, INCONSISTENT, check, document, files, import_, run


def _cut(tables):
    tables[FINE] = pickle.dumps(tables[FINE], protocol=3)[:-40]


def _hostile(path):
    return lambda tables: tables[FINE].update({("01", 1): ["407c", hostile.Touch(path)]})


BROKEN = {
    "empty": lambda t: t.update({FINE: b""}),
    "torn": _cut,
    "no pickle": lambda t: t.update({FINE: b"PK\x03\x04 not a pickle"}),
    "missing fields": lambda t: t[FINE].update({("01", 1): ["407c", 88.0]}),
    "NaN score": lambda t: t[FINE][("01", 1)].__setitem__(1, float("nan")),
    "unknown dive in a split": lambda t: t["train_split.pkl"].append(("99", 9)),
    "dive twice in a split": lambda t: t["train_split.pkl"].append(("01", 2)),
    "dive in no split": lambda t: t["train_split.pkl"].remove(("01", 2)),
    "missing split": lambda t: t.update({"test_split.pkl": None}),
    "nonsense dive number": lambda t: t[FINE][("01", 1)].__setitem__(0, "abc"),
    "half a surrogate": lambda t: (t[FINE].update({("\ud800", 1): t[FINE][("01", 1)]}), t["train_split.pkl"].append(("\ud800", 1))),
    "escape sequences": lambda t: t["train_split.pkl"].append(("\x1b[31m\nred", 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_bad_labels_are_one_line_and_leave_an_earlier_import_as_it_was(tmp_path, finediving_folder, name):
    out = tmp_path / "out"
    import_(finediving_folder, out)
    before = files(out)
    broken = makers.finediving(tmp_path / "broken" / "f", BROKEN[name])
    for result in (import_(broken, out, "--json"), check("finediving", broken, "--json")):
        assert result.exit_code == 1
        assert result.exception is None or isinstance(result.exception, SystemExit)
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert str(broken) in line
        assert line.isprintable()
        error = document(result)["error"]
        assert set(error) == {"what", "where", "todo"}
        assert all(error.values())
    assert files(out) == before


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, protocol):
    canary = tmp_path / "canary"
    folder = makers.finediving(tmp_path / "broken" / "f", _hostile(canary), protocol=protocol)
    result = import_(folder, tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert not canary.exists()
    assert not (tmp_path / "out").exists()
    assert "posix.system" in result.stderr
    assert "nothing of the file was run" in result.stderr


@pytest.mark.parametrize("source", ["finediving", "mtl-aqa", "unlv-dive", "csv", "manifest"])
def test_a_path_that_does_not_exist_is_one_line(tmp_path, source):
    result = check(source, tmp_path / "none", "--json")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1 + (source == "mtl-aqa") * 0
    assert document(result)["status"] == "failed"


def test_a_full_disk_leaves_an_earlier_import_as_it_was(tmp_path, finediving_folder, monkeypatch):
    out = tmp_path / "out"
    import_(finediving_folder, out)
    before = files(out)
    changed = makers.finediving(tmp_path / "other" / "f", INCONSISTENT["minus one"])

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = import_(changed, out, "--json")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert document(result)["status"] == "failed"
    assert files(out) == before


def test_names_with_brackets_are_shown_as_they_are(tmp_path):
    path = tmp_path / "mine.csv"
    rows = "".join(f",50,205B,[/red]cup,{number}\n" for number in range(3))
    path.write_text(f"path,score,dive_number,event,number\n{rows}")
    out = tmp_path / "out"
    import_(path, out, source="csv")
    result = run("data", "exemplars", out, "[/red]cup/1")
    assert result.exit_code == 0, result.exception
    assert "[/red]cup/2" in result.stdout
