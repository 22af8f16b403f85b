import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import hostile
import makers
import numpy as np
import pytest
import unlv_makers
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.data import finediving
from stagescore.data.checks import JUDGING_TOLERANCE
from stagescore.data.manifest import read_manifest
from stagescore.data.splits import read_validation

COMMAND = Path(sys.executable).with_name("stagescore")
FINE = finediving.FINE

KEYS = (
    "dives train test overlap dive_numbers score_range transitions judging_errors unchecked "
    "difficulty_disagreements label_disagreements cross_dataset_overlap"
).split()


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def document(result):
    """Standard output as the one JSON document that it must be."""
    return json.loads(result.stdout)


def check(source, folder, *options):
    return run("data", "check", source, "--annotations", folder, *options)


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What is said where


@pytest.mark.parametrize("source", ["finediving", "mtl-aqa"])
def test_check_has_the_keys_and_the_rows_behind_each(tmp_path, source):
    makers.finediving(tmp_path / "finediving")
    makers.mtl_aqa(tmp_path / "mtl_aqa")
    result = check(source, tmp_path / source.replace("-", "_"), "--json")
    assert result.exit_code == 0, result.stderr
    found = document(result)
    assert set(KEYS) <= set(found)
    assert set(found["judging_errors"]) == {"7", "5", "3"}
    counted = {"overlap", "judging_errors", "unchecked", "difficulty_disagreements", "label_disagreements"}
    assert counted <= set(found["rows"])
    assert found["cross_dataset_overlap"] == {
        "other": "mtl-aqa" if source == "finediving" else "finediving",
        "shared": 2,
        "test_in_other_train": 1,
        "train_in_other_test": 1,
    }


def test_check_counts_a_tiny_data_set(finediving_folder):
    found = document(check("finediving", finediving_folder, "--json"))
    assert (found["dives"], found["train"], found["test"], found["individual"]) == (8, 5, 3, 6)
    assert found["dive_numbers"] == 6
    assert found["transitions"] == {"2": 6, "3": 2, "unusable": 0}
    assert found["consistent"] is True
    assert found["cross_dataset_overlap"] is None


def test_text_goes_to_standard_output_and_names_the_rows(tmp_path):
    folder = makers.finediving(tmp_path / "a" / "f", lambda t: t[FINE][("01", 1)].__setitem__(3, [-1, 34]))
    result = check("finediving", folder)
    assert result.exit_code == 0
    assert "8 dives (5 train, 3 test; 6 individual)" in result.stdout
    assert "unusable transitions, stages masked: 01/1" in result.stdout
    assert result.stderr == ""


def test_quiet_says_nothing_and_quiet_json_only_the_document(finediving_folder):
    result = check("finediving", finediving_folder, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    result = check("finediving", finediving_folder, "--quiet", "--json")
    assert document(result)["dives"] == 8
    assert result.stderr == ""


def test_warnings_go_to_standard_error(mtl_aqa_folder):
    result = check("mtl-aqa", mtl_aqa_folder, "--json")
    assert document(result)["transitions"] == {"none": 4, "unusable": 0}
    assert "warning: FineDiving's labels are not at hand" in result.stderr


def test_the_other_data_set_without_its_clips_is_a_warning(tmp_path):
    fine = makers.finediving(tmp_path / "f" / "f", lambda t: t.update({finediving.COARSE: None}))
    mtl = makers.mtl_aqa(tmp_path / "m" / "m")
    result = check("mtl-aqa", mtl, "--other", fine, "--json")
    assert result.exit_code == 0
    assert document(result)["transitions"] == {"none": 4, "unusable": 0}
    assert finediving.COARSE in result.stderr


def test_a_broken_other_data_set_is_a_warning_unless_it_was_named(tmp_path):
    fine = makers.finediving(tmp_path / "finediving")
    mtl = makers.mtl_aqa(tmp_path / "mtl", lambda t: t.update({"train_split_0.pkl": b"torn"}))
    result = check("finediving", fine, "--json")
    assert result.exit_code == 0
    assert document(result)["cross_dataset_overlap"] is None
    assert "warning: the other data set's labels are left out" in result.stderr
    result = check("finediving", fine, "--other", mtl, "--json")
    assert result.exit_code == 1
    assert document(result)["status"] == "failed"


@pytest.mark.parametrize(
    "arguments",
    [
        ["data", "check"],
        ["data", "check", "finediving"],
        ["data", "check", "unknown", "--annotations", "."],
        ["data", "check", "finediving", "--annotations", ".", "--nonsense"],
        ["data", "floors", ".", "--split", "train"],
        ["data", "exemplars", ".", "a", "--protocol", "x"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""


# Strictness


INCONSISTENT = {
    "judging": lambda t: [t[name][("01", 1)].__setitem__(key, 50.0) for name, key in ((FINE, 1), (finediving.FINE_NAMED, "dive_score"))],
    "minus one": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([-1, 34])),
    "not increasing": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([34, 2])),
    "outside": lambda t: t[FINE][("01", 1)].__setitem__(3, np.array([2, 84])),
    "both splits": lambda t: t["train_split.pkl"].append(("01", 1)),
    "files disagree": lambda t: t[finediving.COARSE][("01", 1)].update(difficulty=3.3),
}  # fmt: skip


@pytest.mark.parametrize("name", INCONSISTENT)
def test_inconsistent_rows_are_exit_code_0_and_1_with_strict(tmp_path, name):
    folder = makers.finediving(tmp_path / "a" / "f", INCONSISTENT[name])
    result = check("finediving", folder, "--json")
    assert result.exit_code == 0
    assert document(result)["consistent"] is False
    assert document(result)["dives"] == 8
    result = check("finediving", folder, "--json", "--strict")
    assert result.exit_code == 1
    assert document(result)["consistent"] is False
    assert "--strict" in result.stderr


def test_consistent_rows_are_exit_code_0_with_strict(finediving_folder):
    assert check("finediving", finediving_folder, "--strict").exit_code == 0


def test_a_strict_import_of_inconsistent_rows_writes_nothing(tmp_path):
    folder = makers.finediving(tmp_path / "a" / "f", INCONSISTENT["minus one"])
    out = tmp_path / "out"
    result = run("data", "import", "finediving", "--annotations", folder, "--out", out, "--strict", "--json")
    assert result.exit_code == 1
    assert document(result)["status"] == "failed"
    assert not out.exists()


# Import


def import_(folder, out, *options, source="finediving"):
    return run("data", "import", source, "--annotations", folder, "--out", out, *options)


def test_import_writes_the_manifest_the_split_and_the_report(tmp_path, finediving_folder):
    out = tmp_path / "out"
    result = import_(finediving_folder, out, "--json")
    assert result.exit_code == 0, result.stderr
    assert set(files(out)) == {"manifest.jsonl", "val_split.json", "check.json"}
    found = document(result)
    assert found["written"] == [
        str(out / name) for name in ("manifest.jsonl", "val_split.json", "check.json")
    ]
    manifest = read_manifest(out)
    assert [d.with_changes(validation=False) for d in manifest] == list(
        finediving.load(finediving_folder).manifest
    )
    assert [d.dive_id for d in manifest if d.validation] == read_validation(out / "val_split.json")
    written = json.loads((out / "check.json").read_text())
    assert {key: found[key] for key in written} == written


def test_an_import_can_be_checked_and_measured(tmp_path, finediving_folder):
    out = tmp_path / "out"
    import_(finediving_folder, out)
    found = document(check("manifest", out, "--json"))
    assert (found["dives"], found["consistent"]) == (8, True)
    floors = document(run("data", "floors", out, "--json"))
    assert {bound["name"] for bound in floors["bounds"]} >= {
        "dive_number_mean",
        "difficulty_mean",
        "median_transitions",
    }
    exemplars = document(run("data", "exemplars", out, "01/1", "--json"))
    assert exemplars["exemplars"] == ["01/2"]
    assert exemplars["num_candidates"] == 1


def test_a_repeated_import_is_equal_byte_for_byte(tmp_path, finediving_folder):
    import_(finediving_folder, tmp_path / "one")
    import_(finediving_folder, tmp_path / "two")
    import_(finediving_folder, tmp_path / "one")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_import_of_people_s_own_labels(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("path,score,dive_number,split\n,50,205B,train\n,60,205B,train\n,55,205B,test\n")
    out = tmp_path / "out"
    assert import_(path, out, source="csv").exit_code == 0
    assert [dive.score for dive in read_manifest(out)] == [50, 60, 55]


def test_frames_and_poses_are_attached_or_named(tmp_path, finediving_folder):
    folder = tmp_path / "poses" / "01"
    folder.mkdir(parents=True)
    np.savez(folder / "pred_comp_1.npz", pred=np.ones((96, 16, 2)))
    (folder / "pred_comp_2.npz").write_bytes(b"torn")
    (tmp_path / "frames").mkdir()
    options = ["--poses", tmp_path / "poses", "--frames", tmp_path / "frames", "--json"]
    found = document(check("finediving", finediving_folder, *options))
    assert (found["missing_frames"], found["missing_poses"], found["pose_problems"]) == (8, 6, 1)
    assert found["rows"]["pose_problems"][0]["dive"] == "01/2"


# Bad input


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


# UNLV-Dive


@pytest.fixture
def unlv(tmp_path):
    """Labels of ten films, of which two are there."""
    numbers = (2, 9, 80, 100, 254, 255, 256, 257, 300, 301)
    folder = unlv_makers.arrays(tmp_path / "unlv")
    rows = [unlv_makers.row(n, **({"drop_begins": 5} if n == 9 else {})) for n in numbers]
    unlv_makers.table(folder, *rows)
    unlv_makers.film(folder / "films" / "002.mp4", stray=1)
    unlv_makers.film(folder / "films" / "254.avi", black=61)
    return folder


def test_unlv_dive_is_checked_with_its_films(unlv):
    result = check("unlv-dive", unlv, "--json")
    assert result.exit_code == 0, result.stderr
    report = document(result)
    assert (report["dives"], report["train"], report["test"]) == (10, 9, 1)
    assert report["rows"]["other_shots"] == [
        {"dive": "final/2", "what": "the film begins with 1 frame of another shot"}
    ]
    assert [row["dive"] for row in report["rows"]["transitions"]] == ["final/9"]
    assert report["missing_frames"] == 8
    assert "begin or end with black frames" in result.stderr
    assert check("unlv-dive", unlv, "--strict").exit_code == 1


def test_unlv_dive_is_imported_and_its_published_form_too(unlv, tmp_path):
    assert import_(unlv, tmp_path / "one", source="unlv-dive").exit_code == 0
    one = read_manifest(tmp_path / "one")["heats/254"]
    assert (one.num_frames, one.transitions) == (151, (80, 120))
    (unlv / "films.csv").unlink()
    options = ("--frames", unlv / "films")
    result = import_(unlv, tmp_path / "two", *options, source="unlv-dive")
    assert result.exit_code == 0
    assert "MTL-AQA's labels are not at hand" in result.stderr
    two = read_manifest(tmp_path / "two")
    assert len(two) == 370
    assert (two["heats/254"].num_frames, two["heats/254"].transitions) == (151, (80, 120))
    assert two["heats/254"].athlete is None


def test_unlv_dive_without_films_is_read_and_said(unlv):
    shutil.rmtree(unlv / "films")
    result = check("unlv-dive", unlv, "--json")
    assert (result.exit_code, document(result)["missing_frames"]) == (0, 0)
    assert "without films no dive has stages" in result.stderr


def test_folds_are_listed(unlv, tmp_path):
    import_(unlv, tmp_path / "out", source="unlv-dive")
    train = {dive.dive_id for dive in read_manifest(tmp_path / "out").select("train")}
    result = run("data", "folds", tmp_path / "out", "--protocol", "leave-one-contest-out", "--json")
    assert result.exit_code == 0, result.stderr
    report = document(result)
    assert {fold["name"] for fold in report["folds"]} == {"final", "semi-final", "heats"}
    sealed = set(report["sealed"])
    for fold in report["folds"]:
        assert set(fold["train"]) | set(fold["test"]) == train - sealed
    text = run("data", "folds", tmp_path / "out")
    assert "athlete-disjoint" in text.stdout
    assert run("data", "folds", tmp_path / "out", "--protocol", "x").exit_code == 2


def test_folds_that_need_athletes_are_refused_without_them(tmp_path, finediving_folder):
    import_(finediving_folder, tmp_path / "out")
    result = run("data", "folds", tmp_path / "out", "--json")
    assert result.exit_code == 1
    assert "the athlete is unknown" in document(result)["error"]["what"]
    result = run("data", "folds", tmp_path / "out", "--protocol", "five-fold", "--json")
    assert result.exit_code == 0
    assert "no dive is sealed" in result.stderr


def test_stages_of_dives_that_nobody_else_labels_cannot_be_compared(unlv, tmp_path, finediving_folder):
    import_(unlv, tmp_path / "out", source="unlv-dive")
    result = run("data", "stages", tmp_path / "out", "--annotations", finediving_folder, "--json")
    assert result.exit_code == 1
    assert "dives with hand marks" in document(result)["error"]["what"]


def test_stages_are_compared_with_real_labels(shared, tmp_path):
    folder = shared / "data" / "unlv_dive"
    if not folder.is_dir():
        pytest.skip("no real UNLV-Dive beside the project")
    (tmp_path / "none").mkdir()
    import_(folder, tmp_path / "out", "--frames", tmp_path / "none", source="unlv-dive")
    fine = shared / "data" / "finediving"
    report = document(run("data", "stages", tmp_path / "out", "--annotations", fine, "--json"))
    rows = {(row["dives"], row["stages"]): row for row in report["agreement"]}
    assert rows["fitted to", "hand marks"]["length_ratio"] == pytest.approx(1.15, abs=0.01)
    assert rows["sealed", "mapped"]["aiou75"] > rows["sealed", "hand marks"]["aiou75"]
    assert report["fitted_again"] == pytest.approx(report["map"], abs=0.005)


# Small commands


def test_explain_says_what_a_number_means():
    found = document(run("data", "explain", "5253b", "--json"))
    assert found["words"] == "back 2 1/2 somersaults, 1 1/2 twists, pike"
    assert found["usual_difficulty"]["10"] == 3.2
    assert "back 2 1/2 somersaults, 1 1/2 twists, pike" in run("data", "explain", "5253B").stdout
    result = run("data", "explain", "9999Z", "--json")
    assert result.exit_code == 1
    assert "is no dive number" in document(result)["error"]["what"]


def test_exemplars_of_an_unknown_dive_name_the_nearest(tmp_path, finediving_folder):
    import_(finediving_folder, tmp_path / "out")
    result = run("data", "exemplars", tmp_path / "out", "01/11", "--json")
    assert result.exit_code == 1
    assert "did you mean 01/1?" in result.stderr


# The console script, as users start it


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


def test_floors_of_few_dives_are_warned_about(tmp_path):
    rows = [f",{50 + 3 * k},407C,3.2,{'test' if k % 3 == 0 else 'train'}" for k in range(12)]
    (tmp_path / "few.csv").write_text("\n".join(["path,score,dive_number,difficulty,split", *rows]) + "\n")
    assert run("data", "import", "csv", tmp_path / "few.csv", "--out", tmp_path).exit_code == 0
    result = run("data", "floors", tmp_path, "--plot", tmp_path / "a.png", "--json")
    assert result.exit_code == 0
    assert "4 dives only" in result.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
