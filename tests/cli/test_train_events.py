"""`stagescore train-events`."""

import json
from pathlib import Path

import pytest
import stored_dives
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from stagescore.atomic import write_bytes
from stagescore.cli.main import app
from stagescore.data.manifest import Manifest, read_manifest
from stagescore.encoders.backbones import MOBILENET_V2, ImageBackbone
from stagescore.training import event_training
from stagescore.training.assembly.data import read_dives
from stagescore.training.settings import DataSettings
from stagescore.weights.event_weights import load_event_network


@pytest.mark.slow
def test_every_dive_gets_the_flight_of_a_network_that_has_not_seen_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_training, "EPOCHS", 1)
    source = stored_dives.folder(tmp_path_factory)
    dives = tuple(dive.with_changes(flight=(20, 55)) for dive in read_manifest(source))
    (tmp_path / "dives").mkdir()
    write_bytes(tmp_path / "dives" / "manifest.jsonl", Manifest(dives).to_bytes())
    (tmp_path / "dives" / "truth").symlink_to(source / "truth")
    torch.manual_seed(0)
    save_file(ImageBackbone(name=MOBILENET_V2).net.state_dict(), tmp_path / "imagenet.safetensors")
    marked = {
        Path(str(dive.frames_path)).name: {"first_airborne_frame": 22, "first_water_contact_frame": 57}
        for dive in dives[:2]
    }
    (tmp_path / "marked.json").write_text(json.dumps(marked))
    command = [
        "train-events",
        str(tmp_path / "dives"),
        "--imagenet",
        str(tmp_path / "imagenet.safetensors"),
        "--simulated",
        str(source),
        "--out",
        str(tmp_path / "events"),
        "--marked",
        str(tmp_path / "marked.json"),
        "--sealed",
        "--threads",
        "1",
        "--json",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["folds"]) == 5
    assert told["errors"]["fall of the body, marked by eye"]["median"] == [-2, -2]
    assert told["errors"]["with the network, hand marks"]["num_dives"] == len(dives)
    folder = Path(told["folds"]["five-fold/0"])
    assert load_event_network(folder / "events.safetensors")[1].name == "events five-fold/0"
    flights = json.loads((folder / "flights.json").read_text())
    assert set(flights) == {dive.dive_id for dive in dives}
    flights[dives[0].dive_id] = [11, 44]
    (folder / "flights.json").write_text(json.dumps(flights))
    read = read_dives(DataSettings(folder=str(tmp_path / "dives"), flights=str(folder / "flights.json")))
    assert read.manifest.dives[0].flight == (11, 44)


def test_marks_that_are_no_marks_are_refused(tmp_path: Path) -> None:
    from stagescore.cli.train_events import _by_eye
    from stagescore.errors import DataError

    (tmp_path / "marked.json").write_text('{"a.mp4": {"first_airborne_frame": "x"}}')
    with pytest.raises(DataError, match="cannot be read"):
        _by_eye(tmp_path / "marked.json", [])
