"""`data check` and `data import`: what they say where, and what they write."""

import json
import shutil

import makers
import numpy as np
import pytest
from data_commands import FINE, INCONSISTENT, KEYS, check, document, files, import_, run

from stagescore.data import finediving
from stagescore.data.manifest import read_manifest
from stagescore.data.splits import read_validation

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


# UNLV-Dive


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
