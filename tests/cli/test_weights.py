import json

import pytest
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.weights.registry import KNOWN, SHIPPED


def run(*arguments):
    return CliRunner().invoke(app, ["weights", *map(str, arguments)])


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)


def test_every_network_is_listed_with_all_that_is_known(tmp_path):
    listed = json.loads(run("list", "--json").stdout)["networks"]
    assert [n["name"] for n in listed] == [n.name for n in (*SHIPPED, *KNOWN)]
    assert all(n[key] for n in listed for key in ("source", "licence", "sha256", "size"))
    assert {n["name"] for n in listed if n["path"] is None} == {n.name for n in KNOWN}
    text = run("list").stdout
    assert "Apache-2.0" in text


def test_what_is_not_here_has_no_path():
    done = run("path", KNOWN[0].name)
    assert done.exit_code == 1
    assert "not found" in done.stderr
    assert run("path", "none").exit_code == 1
    assert run("verify").exit_code == 0
    assert run("verify", KNOWN[0].name).exit_code == 1


def test_a_torn_file_fails_the_check(tmp_path):
    (tmp_path / KNOWN[0].name).write_bytes(b"torn")
    done = run("verify", "--weights-dir", tmp_path, "--json")
    assert done.exit_code == 1
    (result,) = (n for n in json.loads(done.stdout)["networks"] if n["name"] == KNOWN[0].name)
    assert "cut short" in result["error"]["what"]


def test_the_real_networks_are_found_checked_and_imported(shared, tmp_path, monkeypatch):
    folder = shared / "weights"
    if not (folder / KNOWN[0].name).is_file():
        pytest.skip("no public networks beside the project")
    monkeypatch.setenv("STAGESCORE_WEIGHTS", str(folder))
    assert run("path", KNOWN[0].name).stdout.strip() == str(folder / KNOWN[0].name)
    assert run("verify").exit_code == 0
    done = run("import", folder / KNOWN[0].name, "--json")
    assert done.exit_code == 0
    assert str(tmp_path) in json.loads(done.stdout)["path"]


def test_get_takes_another_address_and_checks_what_comes(tmp_path):
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"other bytes")
    done = run("get", KNOWN[0].name, "--url", wrong.as_uri())
    assert done.exit_code == 1
    assert "cut short" in done.stderr
