"""How unlike the training dives a dive is: distances that hold what they promise, and come back from a file."""

from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.card_files import weights_hash
from stagescore.errors import CheckpointError, DataError
from stagescore.inference.familiarity import Familiarity, descriptors, film_share
from stagescore.tensors import StageFeatures
from stagescore.weights.checkpoint import Card, load_weights, save_weights


def drawn(count: int, seed: int, *, width: int = 60, shift: float = 0.0) -> torch.Tensor:
    """Dives that vary in ten directions by as much as in all others together."""
    random = torch.Generator().manual_seed(seed)
    plane = torch.randn(10, width, generator=torch.Generator().manual_seed(99))
    return (
        torch.randn(count, 10, generator=random) @ plane
        + torch.randn(count, width, generator=random)
        + shift * torch.ones(width)
    )


def test_one_in_twenty_dives_of_the_same_kind_is_farther_than_1() -> None:
    fitted = Familiarity.fit(drawn(300, 1), drawn(200, 2))
    far = float((fitted.distances(drawn(2000, 3)) > 1).float().mean())
    assert far == pytest.approx(0.05, abs=0.03)
    # Dives of the fit itself are nearer, so that the scale has to come from others.
    assert float((fitted.distances(drawn(300, 1)) > 1).float().mean()) < far


def test_other_dives_are_farther_the_more_they_differ_in_whatever_direction() -> None:
    fitted = Familiarity.fit(drawn(300, 1), drawn(200, 2))
    means = [float(fitted.distances(drawn(50, 4, shift=shift)).mean()) for shift in (0.0, 1.0, 3.0, 9.0)]
    assert means == sorted(means) and means[-1] > 3
    # A direction in which training dives do not vary at all counts as well.
    still = drawn(300, 1)
    still[:, -1] = 0.5
    moved = still[:5].clone()
    moved[:, -1] += 10.0
    fitted = Familiarity.fit(still, still[:100])
    assert (fitted.distances(moved) > 1.5 * fitted.distances(still[:5])).all()


def test_the_distance_is_that_of_mahalanobis_where_all_directions_are_kept() -> None:
    dives = drawn(400, 5, width=6)
    fitted = Familiarity.fit(dives, dives, num_components=5)
    values = dives.double().numpy()
    variances, axes = np.linalg.eigh(np.cov(values.T))
    away = (values - values.mean(axis=0)) @ axes
    wanted = np.sqrt((away**2 / variances).sum(axis=1))
    assert fitted.distances(dives).numpy() * fitted.far == pytest.approx(wanted, rel=1e-4)
    assert fitted.far == pytest.approx(float(np.quantile(wanted, 0.95)), rel=1e-4)


def test_without_held_out_dives_the_training_dives_are_held_out_in_turn() -> None:
    alone = Familiarity.fit(drawn(300, 1))
    assert alone.num_held_out == 0
    assert alone.far == pytest.approx(Familiarity.fit(drawn(300, 1), drawn(1000, 7)).far, rel=0.1)


def test_few_dives_are_refused() -> None:
    with pytest.raises(DataError, match="at least 20"):
        Familiarity.fit(drawn(19, 1), drawn(50, 2))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 50), st.floats(0, 50), st.floats(0.1, 5))
def test_the_share_of_the_film_falls_with_the_distance(one: float, other: float, scale: float) -> None:
    near, far = sorted((one, other))
    assert 0 < film_share(far, scale) <= film_share(near, scale) <= 1
    assert film_share(min(near, 1.0), scale) == 1
    assert film_share(1 + scale, scale) == pytest.approx(0.5)


def test_a_dive_is_described_by_its_static_stages_and_the_mean_of_its_views() -> None:
    first, second = (
        StageFeatures(fused=torch.ones(2, 3, 4, 5), static=torch.rand(2, 3, 4, 6)) for _ in range(2)
    )
    assert first.static is not None
    found = descriptors(first)
    assert found.shape == (2, 18)
    assert found[1, 6:12].tolist() == pytest.approx(first.static[1, 1].mean(dim=0).tolist())
    assert torch.allclose(descriptors(first, second), (found + descriptors(second)) / 2)
    assert torch.allclose(descriptors(first, second), descriptors(second, first))
    assert descriptors(StageFeatures(fused=torch.ones(2, 3, 4, 5))).shape == (2, 15)


def test_it_comes_back_with_its_weights_and_half_of_it_is_refused(tmp_path: Path) -> None:
    asked = tiny_runs.settings()
    model = tiny_runs.make_model(asked).eval()
    card = Card(
        name="tiny",
        model=asked.model,
        preprocessing=asked.data.preprocessing,
        trained_on="nothing",
        weights_hash=weights_hash(model),
    )
    fitted, path = Familiarity.fit(drawn(50, 1), drawn(30, 2)), tmp_path / "tiny.safetensors"
    save_weights(path, model, card, fitted)
    read = load_weights(path)
    assert read.familiarity is not None
    assert torch.equal(read.familiarity.distances(drawn(9, 3)), fitted.distances(drawn(9, 3)))
    assert read.card.familiarity["num_held_out"] == 30
    save_weights(path, model, read.card)
    assert load_weights(path).familiarity is None
    with pytest.raises(CheckpointError, match="not whole"):
        Familiarity.taken_from({"familiarity.mean": fitted.mean}, fitted.as_json())


def by_singular_values(dives: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """The same distances before they are scaled, from singular values; the other way round of the same fit."""
    dives, asked = dives.double(), asked.double()
    count, width = dives.shape
    mean = dives.mean(dim=0)
    _, singular, directions = torch.linalg.svd(dives - mean, full_matrices=False)
    variances = singular.square() / (count - 1)
    kept = max(min(24, count // 4, width - 1), 1)
    rest = max(float(variances[kept:].sum()) / max(width - kept, 1), 1e-9 * float(variances.sum()), 1e-12)
    along = (asked - mean) @ directions[:kept].T
    outside = ((asked - mean).square().sum(1) - along.square().sum(1)).clamp(min=0)
    return ((along.square() / variances[:kept].clamp(min=rest)).sum(1) + outside / rest).sqrt()


@pytest.mark.parametrize("width", [12, 60, 500])
@pytest.mark.parametrize("times", [1, 12])
def test_distances_are_those_of_singular_values(width: int, times: int) -> None:
    """Dives that come twelve times have fewer directions than components are asked for."""
    dives = drawn(120 // times, 5, width=width).repeat(times, 1)
    asked = torch.cat([dives[:3], drawn(5, 6, width=width, shift=2.0)])
    fitted = Familiarity.fit(dives, drawn(40, 7, width=width))
    raw = fitted.distances(asked) * fitted.far
    # Of dives without any variance beside their few directions, nearness is that of the mean's single precision.
    told = slice(0 if times == 1 else 3, None)
    torch.testing.assert_close(
        raw.double()[told], by_singular_values(dives, asked)[told], rtol=2e-3, atol=1e-3
    )


def test_dives_that_are_all_alike_give_distances_that_are_numbers() -> None:
    fitted = Familiarity.fit(torch.ones(40, 30))
    near, far = fitted.distances(torch.stack([torch.ones(30), torch.zeros(30)])).tolist()
    assert near <= 1 < far < float("inf")
