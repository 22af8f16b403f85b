"""Weights by name: wherever a file of weights is wanted, a name will do, and the wrong kind is told."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from stagescore.errors import CheckpointError
from stagescore.weights.named import Kind, named_weights, names_of
from stagescore.weights.registry import SHIPPED


@pytest.mark.parametrize("network", SHIPPED, ids=lambda network: network.name)
@pytest.mark.parametrize("ending", ["", ".safetensors"])
def test_what_ships_goes_by_its_name_and_as_its_own_kind_only(network, ending: str) -> None:
    name = network.name.removesuffix(".safetensors") + ending
    assert named_weights(name, network.role).name == network.name
    others: set[Kind] = {"scorer", "exemplars", "events", "detector", "estimator", "image"} - {network.role}
    for other in others:
        with pytest.raises(CheckpointError, match=f"^{name}: it holds .* wanted here"):
            named_weights(name, other)


def test_a_file_is_told_by_its_header_wherever_it_lies(tmp_path: Path) -> None:
    shipped = named_weights("events", "events")
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(shipped.read_bytes())
    assert named_weights(copy, "events") == copy
    assert named_weights("mine", "events", weights_dir=tmp_path) == copy
    for name, folder in ((str(copy), None), ("mine", tmp_path)):
        with pytest.raises(
            CheckpointError, match="it holds an event network; weights that score are wanted here"
        ):
            named_weights(name, "scorer", weights_dir=folder)
    # What others wrote says nothing of itself; its reader finds out.
    copy.write_bytes(b"torn")
    assert named_weights(copy, "scorer") == copy


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("towr", "did you mean 'tower'"),
        ("nano.safetensorz", "did you mean 'nano'"),
        ("nowhere", "give a file, or one of nano, tower"),
        ("folder/nano", "there is no such file; weights that score are wanted here; did you mean 'nano'"),
        ("~/nowhere.safetensors", "there is no such file"),
        ("/", "this is a folder"),
        ("", "not found"),
        (".", "this is a folder"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest_name(name: str, words: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        named_weights(name, "scorer")
    assert words in str(caught.value)


def test_runs_are_taken_where_they_make_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nano").mkdir()
    monkeypatch.chdir(tmp_path)
    assert named_weights("nano", "scorer", runs=True) == Path("nano")
    assert named_weights("nano", "scorer").name == "nano.safetensors"
    with pytest.raises(CheckpointError, match="a file or the folder of a run"):
        named_weights("nowhere", "scorer", runs=True)


def test_image_networks_go_by_the_name_that_they_are_imported_as(tmp_path: Path) -> None:
    import torch

    with pytest.raises(CheckpointError, match="weights import FILE --as efficientnet-lite2"):
        named_weights("efficientnet-lite2", "image", weights_dir=tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / "efficientnet-lite2-imagenet.safetensors")
    for name in ("efficientnet-lite2", "efficientnet-lite2-imagenet.safetensors"):
        assert named_weights(name, "image", weights_dir=tmp_path).parent == tmp_path
    with pytest.raises(CheckpointError, match="get it from THERE, and put it into"):
        named_weights("resnet50.pth", "image", published="THERE")


def test_names_are_those_of_the_kind() -> None:
    assert names_of("estimator", "detector") == [
        "diver-detector", "pose-small", "movenet-multipose", "movenet-thunder",
    ]  # fmt: skip
