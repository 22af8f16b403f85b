import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.regression.branch import DifferenceBranch, StageValues
from stagescore.regression.stage_weights import StageWeights
from stagescore.regression.vote import vote


def branch() -> DifferenceBranch:
    torch.manual_seed(0)
    return DifferenceBranch(in_width=6, width=8, num_steps=4, num_heads=2, num_layers=2).eval()


def test_stages_are_judged_one_by_one() -> None:
    """Decoder and MLP are shared over stages and see no other stage."""
    module = branch()
    query, exemplar = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 6)
    whole = module(query, exemplar)
    alone = torch.cat([module(query[:, k : k + 1], exemplar[:, k : k + 1]) for k in range(3)], dim=1)
    torch.testing.assert_close(whole, alone)


def test_the_exemplar_is_read_by_cross_attention() -> None:
    module = branch()
    query, exemplar = torch.randn(1, 1, 4, 6), torch.randn(1, 1, 4, 6)
    changed = exemplar.clone()
    changed[0, 0, 2] += 1
    assert not torch.allclose(module(query, exemplar), module(query, changed))


@pytest.mark.parametrize("normalisation", ["softmax", "sum"])
def test_stage_weights_add_up_to_one_and_begin_equal(normalisation) -> None:  # type: ignore[no-untyped-def]
    weights = StageWeights(num_stages=3, normalisation=normalisation)
    assert weights().tolist() == pytest.approx([1 / 3] * 3)
    weights.weights.data += torch.tensor([0.5, -0.2, 0.1])
    assert weights().sum().item() == pytest.approx(1.0)
    assert weights()[0] > weights()[2] > weights()[1]


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(6)))
def test_votes_ignore_the_order_of_exemplars(order: list[int]) -> None:
    deltas, scores = [0.1 * i**2 for i in range(6)], [60.0 + 7.3 * i for i in range(6)]
    names = [f"e{i}" for i in range(6)]
    shuffled = vote(
        [deltas[i] for i in order], [scores[i] for i in order], [names[i] for i in order], protocol="w/ DN"
    )
    assert shuffled == vote(deltas, scores, names, protocol="w/ DN")


def test_a_vote_needs_exemplars() -> None:
    with pytest.raises(DataError, match="0 differences"):
        vote([], [], [], protocol="w/ DN")
    with pytest.raises(DataError, match="votes twice"):
        vote([1.0, 1.0], [1.0, 1.0], ["a", "a"], protocol="w/ DN")


def test_values_of_stages_make_an_antisymmetric_difference_that_the_decoder_adds_to() -> None:
    torch.manual_seed(0)
    branch = DifferenceBranch(
        in_width=6,
        width=8,
        num_steps=4,
        num_heads=2,
        num_layers=1,
        values=StageValues(in_width=6, width=8, num_stages=3),
    ).eval()
    query, exemplar = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 6)
    at_first = branch(query, exemplar)
    assert torch.allclose(at_first, -branch(exemplar, query), atol=1e-6)
    assert torch.allclose(branch(query, query), torch.zeros(2, 3), atol=1e-6)
    with torch.no_grad():
        branch.difference[-1].bias.fill_(0.5)
    assert torch.allclose(branch(query, exemplar), at_first + 0.5, atol=1e-6)
    branch(query, exemplar).sum().backward()
    assert all(p.grad is not None for p in branch.parameters())
