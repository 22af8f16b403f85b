import pytest
import torch

from stagescore.segmentation.segmenters import (
    AttentionSegmenter,
    DilatedSegmenter,
    FullyConnectedSegmenter,
    GRUSegmenter,
)

SEGMENTERS = [GRUSegmenter, FullyConnectedSegmenter, DilatedSegmenter, AttentionSegmenter]


@pytest.fixture(params=SEGMENTERS, ids=lambda kind: kind.__name__)
def segmenter(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    return request.param(in_width=6, num_transitions=2, width=8).eval()


def test_gives_logits_of_every_transition_and_frame(segmenter: torch.nn.Module) -> None:
    logits = segmenter(torch.randn(3, 20, 6))
    assert logits.shape[1:] == (3, 2, 20)
    assert logits.isfinite().all()


def test_a_batch_is_the_same_as_its_dives_one_by_one(segmenter: torch.nn.Module) -> None:
    features = torch.randn(3, 20, 6)
    alone = torch.cat([segmenter(features[i : i + 1]) for i in range(3)], dim=1)
    torch.testing.assert_close(segmenter(features), alone)


def test_every_parameter_learns(segmenter: torch.nn.Module) -> None:
    logits = segmenter(torch.randn(2, 20, 6))
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in segmenter.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", SEGMENTERS)
@pytest.mark.slow
def test_learns_where_a_step_is(kind: type[torch.nn.Module]) -> None:
    """Two steps in one feature: each segmenter finds them on dives it has not seen."""
    torch.manual_seed(0)
    segmenter = kind(in_width=2, num_transitions=2, width=16)
    optimizer = torch.optim.Adam(segmenter.parameters(), lr=1e-2)

    def dives(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        first = torch.randint(3, 10, (count,))
        second = torch.randint(12, 20, (count,))
        frame = torch.arange(24)
        past = torch.stack([frame >= first[:, None], frame >= second[:, None]], dim=-1).float()
        # what a single frame can tell as well: the difference to the frame before
        change = past.diff(dim=1, append=past[:, -1:])
        return past + 3 * change + 0.1 * torch.randn_like(past), torch.stack([first - 1, second - 1], 1)

    for _ in range(70):
        features, target = dives(8)
        logits = segmenter(features)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 2), target.expand(len(logits), -1, -1).flatten()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    features, target = dives(64)
    found = segmenter.eval()(features)[-1].argmax(-1)
    assert (found - target).abs().float().mean() < 0.5


def test_attention_reaches_no_further_than_its_windows() -> None:
    torch.manual_seed(0)
    segmenter = AttentionSegmenter(
        in_width=3, num_transitions=1, width=4, num_layers=1, num_refinements=1
    ).eval()
    features = torch.randn(1, 30, 3, requires_grad=True)
    segmenter(features)[0, 0, 0, 15].backward()
    # Instance norm sees every frame, by its mean and spread; without it only the window would.
    assert features.grad is not None
    near, far = features.grad[0, 13:18].abs().mean(), features.grad[0, 22:].abs().mean()
    assert near > 3 * far
