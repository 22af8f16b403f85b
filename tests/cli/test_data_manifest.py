"""`data floors`, `folds`, `stages` and `exemplars`."""

import pytest
from data_commands import document, import_, run

from stagescore.data.manifest import read_manifest


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


@pytest.mark.slow
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


def test_exemplars_of_an_unknown_dive_name_the_nearest(tmp_path, finediving_folder):
    import_(finediving_folder, tmp_path / "out")
    result = run("data", "exemplars", tmp_path / "out", "01/11", "--json")
    assert result.exit_code == 1
    assert "did you mean 01/1?" in result.stderr


def test_floors_of_few_dives_are_warned_about(tmp_path):
    rows = [f",{50 + 3 * k},407C,3.2,{'test' if k % 3 == 0 else 'train'}" for k in range(12)]
    (tmp_path / "few.csv").write_text("\n".join(["path,score,dive_number,difficulty,split", *rows]) + "\n")
    assert run("data", "import", "csv", tmp_path / "few.csv", "--out", tmp_path).exit_code == 0
    result = run("data", "floors", tmp_path, "--plot", tmp_path / "a.png", "--json")
    assert result.exit_code == 0
    assert "4 dives only" in result.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
