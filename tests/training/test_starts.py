"""What a run may start from."""

from pathlib import Path

import pytest
import tiny_runs
import torch
from safetensors.torch import save_file

from stagescore.errors import CheckpointError
from stagescore.training.assemble import load_start

ALONE = (
    "model.dynamic.on=false",
    "model.skeleton.on=false",
)


def weights(tmp_path: Path, *overrides: str) -> Path:
    torch.manual_seed(4)
    model = tiny_runs.make_model(tiny_runs.settings("run.seed=4", *overrides))
    save_file(dict(model.state_dict()), tmp_path / "alone.safetensors")
    return tmp_path / "alone.safetensors"


def test_the_whole_begins_where_its_static_branch_ended(tmp_path: Path) -> None:
    path = weights(tmp_path, *ALONE)
    settings = tiny_runs.settings(f"start.static_branch={path}")
    model, before = tiny_runs.make_model(settings), tiny_runs.make_model(settings)
    load_start(model, settings)
    alone = tiny_runs.make_model(tiny_runs.settings("run.seed=4", *ALONE))
    kept = alone.regression.state_dict()
    for name, value in model.regression.state_dict().items():
        wanted = before.regression.state_dict()[name] if name.startswith("fused.") else kept[name]
        assert torch.equal(value, wanted), name
    assert torch.equal(model.segmentation.state_dict()[key := next(iter(model.segmentation.state_dict()))],
                       before.segmentation.state_dict()[key])  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        (("model.regression.width=16",), ()),
        (("model.static.on=false",), ()),
        ((), ("model.static.on=false",)),
    ],
)
def test_a_branch_that_does_not_fit_is_refused(
    theirs: tuple[str, ...], mine: tuple[str, ...], tmp_path: Path
) -> None:
    settings = tiny_runs.settings(f"start.static_branch={weights(tmp_path, *theirs)}", *mine)
    with pytest.raises(CheckpointError, match="does not fit"):
        load_start(tiny_runs.make_model(settings), settings)
