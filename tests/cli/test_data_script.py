"""The console script, as users start it, and the figures of the real labels by it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import makers
import pytest
from data_commands import FINE, KEYS, files

from stagescore.data.checks import JUDGING_TOLERANCE

COMMAND = Path(sys.executable).with_name("stagescore")


def command(*arguments, **options):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_the_script_keeps_its_two_streams_apart(tmp_path, mtl_aqa_folder):
    done = command("data", "check", "mtl-aqa", "--annotations", mtl_aqa_folder, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["dives"] == 4
    assert done.stderr.startswith("warning: ")
    failed = command("data", "check", "mtl-aqa", "--annotations", tmp_path, "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["status"] == "failed"
    assert len(failed.stderr.splitlines()) == 1


def test_the_script_writes_json_whatever_the_encoding(tmp_path):
    folder = makers.finediving(tmp_path / "a" / "finé", lambda t: t[FINE][("01", 1)].__setitem__(0, "pikè"))
    done = command(
        "data",
        "check",
        "finediving",
        "--annotations",
        folder,
        "--json",
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 1
    assert "finé" in json.loads(done.stdout)["error"]["where"]


def test_a_path_that_is_no_utf8_is_no_crash(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    shutil.copytree(makers.finediving(tmp_path / "a" / "f"), os.fsdecode(folder))
    done = subprocess.run(
        [COMMAND, b"data", b"import", b"finediving", b"--annotations", folder, b"--out", folder + b"/out", b"--json"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dives"] == 8


# The figures, by the commands that it names


@pytest.fixture(scope="module")
def real_runs(shared, tmp_path_factory):
    out = tmp_path_factory.mktemp("imports")
    data = shared / "data"
    fine = ["finediving", "--annotations", data / "finediving"]
    mtl = ["mtl-aqa", "--annotations", data / "mtl_aqa"]
    commands = {
        "check finediving": ["check", *fine, "--json"],
        "check mtl-aqa": ["check", *mtl, "--json", "--strict"],
        "import finediving": ["import", *fine, "--out", out / "one", "--json"],
        "again": ["import", *fine, "--out", out / "two", "--quiet"],
    }
    started = {
        name: subprocess.Popen(
            [COMMAND, "data", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name, arguments in commands.items()
    }
    finished = {
        name: (*process.communicate(timeout=120), process.returncode) for name, process in started.items()
    }
    return finished, out


@pytest.mark.slow
def test_the_real_finediving_figures(real_runs):
    stdout, stderr, code = real_runs[0]["check finediving"]
    assert (code, stderr) == (0, "")
    found = json.loads(stdout)
    assert set(KEYS) <= set(found)
    assert (found["dives"], found["train"], found["test"], found["dive_numbers"]) == (3000, 2251, 749, 52)
    assert found["overlap"] == 0
    assert found["cross_dataset_overlap"]["train_in_other_test"] == 268
    assert found["cross_dataset_overlap"]["test_in_other_train"] == 249
    assert found["transitions"]["unusable"] == 4
    assert [row["dive"] for row in found["rows"]["transitions"]] == ["03/24", "03/67", "03/71", "14/3"]
    assert all("-1" in row["what"] and "masked" in row["what"] for row in found["rows"]["transitions"])
    assert found["label_disagreements"] == len(found["rows"]["label_disagreements"]) == 10
    for number, count in found["judging_errors"].items():
        assert count == len(found["rows"]["judging_errors"][number])
    assert JUDGING_TOLERANCE == 0.051


@pytest.mark.slow
def test_the_real_mtl_aqa_figures(real_runs):
    stdout, stderr, code = real_runs[0]["check mtl-aqa"]
    assert code == 1
    assert "--strict" in stderr
    found = json.loads(stdout)
    assert (found["dives"], found["train"], found["test"]) == (1412, 1059, 353)
    assert found["transitions"]["none"] == 1412 - 1369
    assert found["cross_dataset_overlap"] == {
        "other": "finediving",
        "shared": 1369,
        "test_in_other_train": 268,
        "train_in_other_test": 249,
    }


@pytest.mark.slow
def test_the_real_import_is_whole_and_repeats_byte_for_byte(real_runs, real_finediving):
    finished, out = real_runs
    stdout, _, code = finished["import finediving"]
    assert code == 0
    assert json.loads(stdout)["dives"] == 3000
    assert finished["again"] == ("", "", 0)
    assert files(out / "one") == files(out / "two")
    assert set(files(out / "one")) == {"manifest.jsonl", "val_split.json", "check.json"}
    lines = (out / "one" / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == 3000
    held_out = set(json.loads((out / "one" / "val_split.json").read_text())["dives"])
    for line, dive in zip(lines, real_finediving.manifest, strict=True):
        row = json.loads(line)
        assert (row["event"], row["number"], row["score"]) == (dive.event, dive.number, dive.score)
        assert tuple(row["transitions"]) == dive.transitions
        assert row["validation"] == (dive.dive_id in held_out)
        assert not row["validation"] or row["split"] == "train"
