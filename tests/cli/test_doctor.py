import json

from typer.testing import CliRunner

from stagescore.cli.main import app


def test_doctor_says_where_weights_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("STAGESCORE_WEIGHTS", str(tmp_path / "variable"))
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a.safetensors").touch()
    result = CliRunner().invoke(app, ["doctor", "--weights-dir", str(tmp_path / "given"), "--json"])
    found = json.loads(result.stdout)
    assert [place["origin"] for place in found["weights"]] == [
        "--weights-dir",
        "$STAGESCORE_WEIGHTS",
        "user cache",
        "package",
    ]
    assert found["weights"][0]["files"] == ["a.safetensors"]
    assert found["weights"][1]["files"] is None
    assert {"stagescore", "python", "packages", "extras", "devices", "codecs", "missing"} <= set(found)
    assert "timm" in found["extras"] and "timm" not in found["packages"]
    assert result.exit_code == bool(found["missing"])


def test_the_version_is_printed():
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("stagescore ")
