"""What a run may start from."""

from pathlib import Path

import pytest
import tiny_runs
import torch
from safetensors.torch import save_file

from stagescore.errors import CheckpointError
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.tensors import DiveInputs
from stagescore.training.assembly.starting_weights import load_matching, load_start

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
    load_start(model, settings.start)
    alone = tiny_runs.make_model(tiny_runs.settings("run.seed=4", *ALONE))
    kept = alone.regression.state_dict()
    for name, value in model.regression.state_dict().items():
        wanted = before.regression.state_dict()[name] if name.startswith("fused.") else kept[name]
        assert torch.equal(value, wanted), name
    assert torch.equal(model.segmentation.state_dict()[key := next(iter(model.segmentation.state_dict()))],
                       before.segmentation.state_dict()[key])  # fmt: skip


@torch.no_grad()
def test_both_branches_that_were_trained_alone_are_averaged(tmp_path: Path) -> None:
    """So the whole begins as good as an ensemble of the two."""
    runs = {
        "static": ALONE,
        "fused": ("model.static.on=false", "model.fusion.skeleton_values=true"),
    }
    paths, models = {}, {}
    for name, overrides in runs.items():
        (tmp_path / name).mkdir()
        paths[name] = weights(tmp_path / name, *overrides)
        models[name] = tiny_runs.make_model(tiny_runs.settings("run.seed=4", *overrides)).eval()
    settings = tiny_runs.settings(
        "model.fusion.skeleton_values=true",
        "model.regression.average_branches=true",
        *(f"start.{name}_branch={path}" for name, path in paths.items()),
    )
    whole = tiny_runs.make_model(settings).eval()
    load_start(whole, settings.start)
    for name, model in models.items():  # encoders come from `start.model`
        for part in model.encoders.state_dict().keys() & whole.encoders.state_dict().keys():
            whole.encoders.state_dict()[part].copy_(model.encoders.state_dict()[part])
        if name == "fused":
            torch.testing.assert_close(
                whole.segmentation.state_dict(), model.segmentation.state_dict(), rtol=0, atol=0
            )
    video = torch.randint(0, 256, (2, 24, 3, 32, 32), dtype=torch.uint8)
    both = torch.ones(2, dtype=torch.bool)
    batch = DiveInputs(frames=video, joints=torch.rand(2, 24, 16, 3), has_video=both, has_skeleton=both)
    edges = torch.tensor([[0, 6, 15, 24], [0, 8, 16, 24]])

    def difference(model: HPMCoRe) -> torch.Tensor:
        stages = model.represent(model.encode(batch), edges)
        one, other = (stages.select(torch.tensor([row])) for row in (0, 1))
        return model.compare(one, other, torch.zeros(1)).delta

    alone = torch.stack([difference(model) for model in models.values()])
    torch.testing.assert_close(difference(whole), alone.mean(0))
    assert not torch.isclose(alone[0], alone[1])


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
        load_start(tiny_runs.make_model(settings), settings.start)


RECOGNISING = 'model.recognition={"on": true, width: 4}'


def test_a_model_that_recognises_dive_numbers_starts_from_one_that_does_not(tmp_path: Path) -> None:
    """All else is loaded whole, not the encoders alone, and the head is new."""
    path = weights(tmp_path)
    settings = tiny_runs.settings(RECOGNISING, f"start.model={path}")
    model, new = tiny_runs.make_model(settings), tiny_runs.make_model(settings).state_dict()
    load_start(model, settings.start)
    theirs = tiny_runs.make_model(tiny_runs.settings("run.seed=4")).state_dict()
    for name, value in model.state_dict().items():
        assert torch.equal(value, (new if name.startswith("encoders.numbers.") else theirs)[name]), name


def test_a_head_for_dive_numbers_is_taken_over_and_left_out_where_there_is_none(tmp_path: Path) -> None:
    path = weights(tmp_path, RECOGNISING)
    theirs = tiny_runs.make_model(tiny_runs.settings("run.seed=4", RECOGNISING)).state_dict()
    for overrides in ((RECOGNISING,), ()):
        model = tiny_runs.make_model(tiny_runs.settings(*overrides))
        load_matching(model, [path])
        assert all(torch.equal(value, theirs[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("width", [2, 8])
def test_a_head_for_dive_numbers_of_another_size_is_refused(tmp_path: Path, width: int) -> None:
    path = weights(tmp_path, RECOGNISING)
    model = tiny_runs.make_model(tiny_runs.settings(f'model.recognition={{"on": true, width: {width}}}'))
    with pytest.raises(CheckpointError, match=r"for example at encoders\.numbers\."):
        load_matching(model, [path])
