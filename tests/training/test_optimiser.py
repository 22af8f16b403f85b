import pytest
import torch
from torch import nn

from stagescore.errors import ConfigError
from stagescore.training.optimiser import Schedule, make_optimiser, set_rates


def network() -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            "encoders": nn.ModuleDict({"static": nn.Linear(2, 2), "dynamic": nn.Linear(2, 2)}),
            "head": nn.Linear(2, 1),
        }
    )


def test_the_longest_path_decides_the_rate() -> None:
    groups = {"encoders": 0.5, "encoders.static": 0.1}
    optimiser = make_optimiser(network(), groups, learning_rate=1.0)
    assert sorted(group["lr"] for group in optimiser.param_groups) == [0.1, 0.5, 1.0]
    set_rates(optimiser, 0.5)
    assert sorted(group["lr"] for group in optimiser.param_groups) == [0.05, 0.25, 0.5]


def test_factor_zero_freezes() -> None:
    net = network()
    make_optimiser(net, {"encoders": 0.0}, learning_rate=1.0)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]


def test_the_empty_path_is_everything_that_no_other_group_names() -> None:
    net = network()
    optimiser = make_optimiser(net, {"": 0.0, "head": 1.0}, learning_rate=2.0)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    assert [group["lr"] for group in optimiser.param_groups] == [2.0]


def test_a_path_that_names_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="no parameter below 'encoder'"):
        make_optimiser(network(), {"encoder": 0.1}, learning_rate=1.0)
    with pytest.raises(ConfigError, match="every parameter is frozen"):
        make_optimiser(nn.Linear(1, 1), {"weight": 0, "bias": 0}, learning_rate=1)


def test_the_release_schedule_rises_again() -> None:
    """PyTorch's CosineAnnealingLR with T_max = 20 goes on past its bottom; ours does the same if asked."""
    parameter = nn.Parameter(torch.zeros(1))
    twin = torch.optim.lr_scheduler.CosineAnnealingLR(torch.optim.SGD([parameter], lr=1.0), T_max=20)
    ours = Schedule(period_steps=20, restart_cosine=True)
    for step in range(50):
        twin.optimizer.step()
        twin.step()
        assert ours.factor(step) == pytest.approx(twin.get_last_lr()[0], abs=1e-6)
    assert Schedule(period_steps=20).factor(35) == pytest.approx(0.0)
