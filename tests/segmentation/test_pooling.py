import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.segmentation.pooling import pool_stages


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 10), st.integers(0, 2))
def test_agrees_with_linear_interpolation(seed: int, steps: int, overlap: int) -> None:
    random = np.random.default_rng(seed)
    features = random.standard_normal((2, 20, 3)).astype(np.float32)
    edges = np.array([[0, *sorted(random.choice(np.arange(1, 20), 2, replace=False)), 20] for _ in range(2)])
    pooled = pool_stages(
        torch.from_numpy(features), torch.from_numpy(edges), num_steps=steps, overlap=overlap
    ).numpy()
    for dive in range(2):
        for stage in range(3):
            first = max(edges[dive, stage] - overlap, 0)
            last = min(edges[dive, stage + 1] - 1 + overlap, 19)
            for channel in range(3):
                expected = np.interp(
                    np.linspace(first, last, steps), np.arange(20), features[dive, :, channel]
                )
                np.testing.assert_allclose(pooled[dive, stage, :, channel], expected, atol=1e-5)


def test_one_frame_fills_all_steps() -> None:
    pooled = pool_stages(torch.arange(4.0).view(1, 4, 1), torch.tensor([[0, 1, 4]]), num_steps=3)
    assert pooled[0, 0, :, 0].tolist() == [0.0, 0.0, 0.0]


def test_one_step_is_the_middle() -> None:
    pooled = pool_stages(torch.arange(6.0).view(1, 6, 1), torch.tensor([[0, 3, 6]]), num_steps=1)
    assert pooled[0, :, 0, 0].tolist() == pytest.approx([1.0, 4.0])


def test_gradients_reach_the_frames_inside_only() -> None:
    features = torch.zeros(1, 9, 1, requires_grad=True)
    pool_stages(features, torch.tensor([[0, 3, 6, 9]]), num_steps=4)[:, 1].sum().backward()
    assert features.grad is not None
    assert (features.grad[0, :, 0] != 0).tolist() == [False] * 3 + [True] * 3 + [False] * 3
