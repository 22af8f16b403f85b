"""The event network in a file."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from stagescore.errors import CheckpointError
from stagescore.models.event_network import EventNetwork
from stagescore.weights.event_weights import EventCard, load_event_network, save_event_network
from stagescore.weights.registry import known


@pytest.fixture
def written(tmp_path):
    torch.manual_seed(3)
    network = EventNetwork(width=8).eval()
    path = tmp_path / "events.safetensors"
    save_event_network(path, network, EventCard(name="made", width=8, trained_on="nothing"))
    return path, network


def test_what_is_read_answers_as_what_was_written(written) -> None:
    path, network = written
    read, card = load_event_network(path)
    described = torch.randn(1, 50, network.described)
    assert torch.equal(read(described), network(described))
    assert card.name == "made" and not read.training
    assert path.stat().st_size < 1_500_000


def test_changed_weights_are_noticed(written, tmp_path) -> None:
    path, _ = written
    from safetensors import safe_open

    with safe_open(path, "pt") as opened:
        header = opened.metadata()
    tensors = load_file(path)
    tensors["event_head.exit.bias"] += 1
    save_file(tensors, tmp_path / "changed.safetensors", header)
    with pytest.raises(CheckpointError, match="not those of the card"):
        load_event_network(tmp_path / "changed.safetensors")


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:1000], lambda b: b"", lambda b: b.replace(b"event_card", b"other_card")]
)
def test_torn_and_foreign_files_are_refused(written, tmp_path, spoil) -> None:
    path, _ = written
    (tmp_path / "bad.safetensors").write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r"not a stagescore event network|do not fit their card"):
        load_event_network(tmp_path / "bad.safetensors")
    with pytest.raises(CheckpointError, match="cannot read"):
        load_event_network(tmp_path / "missing.safetensors")


def test_what_ships_is_known_by_its_bytes() -> None:
    assert known("events").role == "events"
