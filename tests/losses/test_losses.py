"""Each formula against its plain-loop twin."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.losses.contrast import info_nce, stage_contrast, triplet
from stagescore.losses.grouping import grouped_mean
from stagescore.losses.score import score_losses
from stagescore.losses.segmentation import segmentation_losses, smoothed_segmentation_losses

PAIRS = torch.tensor([[0, 1], [0, 2], [3, 2]])


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def vectors(seed: int = 0) -> torch.Tensor:
    return torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([0.1, 0.5, 2.0]))
def test_stage_contrast_is_equations_12_to_16(seed: int, tau: float) -> None:
    x = vectors(seed)
    found = stage_contrast(x, PAIRS, temperature=tau)
    for n, (q, e) in enumerate(PAIRS.tolist()):
        total = 0.0
        for mine, theirs in ((x[q], x[e]), (x[e], x[q])):
            for k in range(3):
                pos = math.exp(cosine(mine[k], theirs[k]) / tau)
                inter = sum(math.exp(cosine(mine[k], theirs[j]) / tau) for j in range(3) if j != k)
                intra = sum(math.exp(cosine(mine[k], mine[j]) / tau) for j in range(3) if j != k)
                total += -math.log(pos / (pos + inter + intra)) / 3 / 2
        assert found[n].item() == pytest.approx(total)


def test_info_nce_is_its_formula() -> None:
    x, tau = vectors(), 0.3
    found = info_nce(x, PAIRS, temperature=tau)
    for n, (q, e) in enumerate(PAIRS.tolist()):
        total = 0.0
        for mine, theirs in ((q, e), (e, q)):
            for k in range(3):
                pos = math.exp(cosine(x[mine, k], x[theirs, k]) / tau)
                everything = sum(
                    math.exp(cosine(x[mine, k], x[other, j]) / tau)
                    for other in range(4)
                    for j in range(3)
                    if other != mine
                )
                total += -math.log(pos / everything) / 3 / 2
        assert found[n].item() == pytest.approx(total)


def test_triplet_is_its_formula() -> None:
    x, margin = vectors(), 0.4
    found = triplet(x, PAIRS, margin=margin)
    for n, (q, e) in enumerate(PAIRS.tolist()):
        hinges = []
        for mine, theirs in ((x[q], x[e]), (x[e], x[q])):
            for k in range(3):
                near = 1 - cosine(mine[k], theirs[k])
                for j in range(3):
                    if j != k:
                        hinges += [
                            max(0.0, near - (1 - cosine(mine[k], far[j])) + margin) for far in (theirs, mine)
                        ]
        assert found[n].item() == pytest.approx(sum(hinges) / len(hinges))


@pytest.mark.parametrize("loss", [stage_contrast, info_nce, triplet])
def test_contrast_does_not_mind_which_dive_comes_first(loss) -> None:  # type: ignore[no-untyped-def]
    x = vectors()
    torch.testing.assert_close(loss(x, PAIRS), loss(x, PAIRS.flip(1)))


@pytest.mark.parametrize("loss", [stage_contrast, info_nce, triplet])
def test_contrast_is_lower_where_equal_stages_look_alike(loss) -> None:  # type: ignore[no-untyped-def]
    alike = torch.eye(3, 5).expand(4, 3, 5)
    mixed = alike.clone()
    mixed[1] = alike[1].roll(1, 0)
    assert loss(alike, PAIRS[:1]) < loss(mixed, PAIRS[:1])


def test_layer_normalisation_changes_the_critic() -> None:
    x = vectors() + 3
    assert not torch.allclose(stage_contrast(x, PAIRS), stage_contrast(x, PAIRS, normalisation="layer"))


def test_score_loss_is_both_directions() -> None:
    d_qe, d_eq, s_q, s_e = (torch.randn(6) for _ in range(4))
    found = score_losses(d_qe, d_eq, s_q - s_e).mean()
    by_hand = sum(
        ((d_qe[i] - (s_q[i] - s_e[i])) ** 2 + (d_eq[i] + (s_q[i] - s_e[i])) ** 2).item() for i in range(6)
    )
    assert found.item() == pytest.approx(by_hand / 6, rel=1e-5)


def test_segmentation_loss_is_cross_entropy_of_the_transitions() -> None:
    logits = torch.randn(2, 3, 2, 10)
    edges = torch.tensor([[0, 2, 5, 10], [0, 1, 9, 10], [0, 4, 6, 10]])
    found = segmentation_losses(logits, edges)
    for dive in range(3):
        by_hand = []
        for refinement in range(2):
            for i in range(2):
                p = logits[refinement, dive, i].softmax(-1)
                by_hand.append(-math.log(p[edges[dive, i + 1] - 1]))
        assert found[dive].item() == pytest.approx(sum(by_hand) / 4, rel=1e-5)


def test_smoothing_narrows_to_the_plain_loss() -> None:
    logits = torch.randn(1, 2, 2, 10)
    edges = torch.tensor([[0, 2, 5, 10], [0, 1, 9, 10]])
    narrow = smoothed_segmentation_losses(logits, edges, width_frames=0.05)
    torch.testing.assert_close(narrow, segmentation_losses(logits, edges))
    assert not torch.allclose(smoothed_segmentation_losses(logits, edges, width_frames=2.0), narrow)


def test_grouped_mean_weighs_groups_alike_and_skips_the_unknown() -> None:
    values = torch.tensor([1.0, 3.0, 8.0, math.nan])
    group = torch.tensor([0, 0, 1, 1])
    known = torch.tensor([True, True, True, False])
    assert grouped_mean(values, group, num_groups=2, known=known).item() == 5.0
    assert grouped_mean(values, group, num_groups=4, known=known).item() == 2.5


def test_grouped_mean_has_no_gradient_from_the_unknown() -> None:
    values = torch.tensor([1.0, math.nan], requires_grad=True)
    grouped_mean(values, torch.tensor([0, 0]), num_groups=1, known=torch.tensor([True, False])).backward()
    assert values.grad is not None and values.grad.tolist() == [1.0, 0.0]
