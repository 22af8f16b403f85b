import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.data.manifest import read_manifest


def run(*arguments: str):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "dives"
    return out, run("simulate", out, "--dives", "2", "--size", "64x36", "--workers", "1", "--json")


def test_simulating_prints_one_document_and_writes_a_manifest_that_can_be_read(simulated) -> None:
    out, result = simulated
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["dives"] == 2
    dives = read_manifest(out)
    assert [len(list(Path(d.frames_path).glob("*.jpg"))) for d in dives] == [d.num_frames for d in dives]


def test_the_labels_of_simulated_dives_pass_the_check_of_real_ones(simulated) -> None:
    out, _ = simulated
    places = ["--frames", out / "frames", "--poses", out / "poses"]
    result = run("data", "check", "finediving", out / "annotations", *places, "--json", "--strict")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["transitions"]["unusable"] == 0


def test_a_folder_in_use_is_refused_and_can_be_resumed(simulated) -> None:
    out, _ = simulated
    before = (out / "manifest.jsonl").read_bytes()
    again = ["simulate", out, "--dives", "2", "--size", "64x36", "--workers", "1"]
    refused = run(*again)
    assert refused.exit_code == 1
    assert "--resume" in refused.stderr
    assert run(*again, "--resume").exit_code == 0
    assert (out / "manifest.jsonl").read_bytes() == before


@pytest.mark.parametrize("size", ["big", "256", "256x", "0x0"])
def test_a_size_that_is_none_is_wrong_usage(tmp_path, size) -> None:
    assert run("simulate", tmp_path / "x", "--size", size).exit_code == 2


def test_labels_are_named_once(tmp_path) -> None:
    assert run("data", "check", "csv").exit_code == 2
    assert run("data", "check", "csv", tmp_path / "a.csv", "--annotations", tmp_path / "a.csv").exit_code == 2


def test_a_relative_folder_will_do(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("simulate", "some/dives", "--dives", "2", "--size", "64x36", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert all(Path(d.frames_path).is_dir() for d in read_manifest(tmp_path / "some" / "dives"))
