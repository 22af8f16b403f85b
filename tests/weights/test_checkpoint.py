import json
from pathlib import Path

import pytest
import tiny_runs
import torch
from safetensors.torch import load_file, save_file

from stagescore.card_files import weights_hash
from stagescore.errors import CheckpointError
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.weights.checkpoint import Card, in_half_precision, load_weights, save_weights


@pytest.fixture(scope="module")
def model() -> HPMCoRe:
    return tiny_runs.make_model(tiny_runs.settings()).eval()


def card(model: HPMCoRe) -> Card:
    settings = tiny_runs.settings()
    return Card(
        name="tiny",
        model=settings.model,
        preprocessing=settings.data.preprocessing,
        trained_on="nothing",
        limits=("everything",),
        weights_hash=weights_hash(model),
    )


def test_weights_come_back_with_everything_they_need(model: HPMCoRe, tmp_path: Path) -> None:
    save_weights(tmp_path / "tiny.safetensors", model, card(model))
    for name in ("tiny", str(tmp_path / "tiny.safetensors")):
        weights = load_weights(name, tmp_path)
        assert weights.card == card(model)
        assert weights_hash(weights.model) == weights_hash(model)
        assert not weights.model.training


def test_rounded_weights_take_half_the_space_and_come_back_exactly(model: HPMCoRe, tmp_path: Path) -> None:
    before = weights_hash(model)
    rounded = in_half_precision(model)
    assert weights_hash(model) == before and weights_hash(rounded) != before
    for (name, value), was in zip(rounded.state_dict().items(), model.state_dict().values(), strict=True):
        assert value.dtype == was.dtype, name
        torch.testing.assert_close(value, was, rtol=1e-3, atol=1e-7)
    for name, one in (("whole", model), ("half", rounded)):
        save_weights(tmp_path / f"{name}.safetensors", one, card(one))
        assert weights_hash(load_weights(name, tmp_path).model) == weights_hash(one)
    tensors = load_file(tmp_path / "half.safetensors")
    assert all(value.dtype == torch.float16 for value in tensors.values() if value.is_floating_point())
    sizes = [
        sum(v.nbytes for v in load_file(tmp_path / f"{n}.safetensors").values()) for n in ("half", "whole")
    ]
    assert sizes[0] < 0.6 * sizes[1]
    with torch.no_grad():
        next(rounded.parameters()).view(-1)[0] = 1e6
    with pytest.raises(CheckpointError, match="too large for half precision"):
        in_half_precision(rounded)


def test_weights_that_changed_are_refused(model: HPMCoRe, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(path, model, card(model))
    tensors = load_file(path)
    name = sorted(tensors)[0]
    tensors[name] = tensors[name] + 1
    save_file(tensors, path, {"stagescore_card": card(model).model_dump_json()})
    with pytest.raises(CheckpointError, match="the weights have changed"):
        load_weights(path)


@pytest.mark.parametrize("harm", ["torn", "no card", "unknown key", "wrong shape"])
def test_what_is_not_ours_is_refused(model: HPMCoRe, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "tiny.safetensors"
    save_weights(path, model, card(model))
    tensors = load_file(path)
    if harm == "torn":
        path.write_bytes(path.read_bytes()[:-50])
    elif harm == "no card":
        save_file(tensors, path)
    elif harm == "unknown key":
        content = json.loads(card(model).model_dump_json()) | {"surprise": 1}
        save_file(tensors, path, {"stagescore_card": json.dumps(content)})
    else:
        name = next(n for n in tensors if tensors[n].ndim == 2)
        tensors[name] = torch.zeros(1, 1)
        save_file(tensors, path, {"stagescore_card": card(model).model_dump_json()})
    with pytest.raises(CheckpointError, match=r"not a stagescore weights file|do not fit their card"):
        load_weights(path)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not found"):
        load_weights("nothing-of-the-kind", tmp_path)


def test_weights_without_a_bank_say_so(model: HPMCoRe, tmp_path: Path) -> None:
    save_weights(tmp_path / "tiny.safetensors", model, card(model))
    with pytest.raises(CheckpointError, match="cannot read the bank"):
        load_weights("tiny", tmp_path).bank()
