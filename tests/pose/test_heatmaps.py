"""Joints become heat maps and come back where they were."""

import math

import numpy as np
import pytest
import torch

from stagescore.pose.heatmaps import (
    MOST_PEAKS,
    STRIDE,
    gaussian_maps,
    joints_of_maps,
    map_loss,
    peaks_of_maps,
)

SIZE = (128, 96)


def points(num: int, margin: float, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform(margin, np.array(SIZE) - margin, (num, 16, 2)).astype(np.float32))


def test_maps_are_gaussians_around_the_middles_of_cells() -> None:
    where = points(2, 4.0)
    shown = torch.ones(2, 16, dtype=torch.bool)
    shown[1, 3] = False
    maps = gaussian_maps(where, shown, SIZE, 1.5)
    assert maps.shape == (2, 16, 24, 32)
    for row, column in ((0, 0), (7, 20), (23, 31)):
        x, y = where[0, 5].tolist()
        across, down = column + 0.5 - x / STRIDE, row + 0.5 - y / STRIDE
        assert maps[0, 5, row, column] == pytest.approx(math.exp(-(across**2 + down**2) / 4.5), abs=1e-5)
    assert not maps[1, 3].any()


@pytest.mark.parametrize("sigma", [1.5, 2.0])
def test_a_round_trip_is_exact_to_a_tenth_of_a_pixel(sigma: float) -> None:
    where = points(20, 5 * STRIDE)
    found = joints_of_maps(gaussian_maps(where, torch.ones(20, 16, dtype=torch.bool), SIZE, sigma), sigma)
    assert (found[..., :2] - where).abs().max() < 0.1
    assert (found[..., 2] > 0.8).all()


def test_at_the_rim_places_are_still_within_a_cell() -> None:
    where = points(20, 0.5, seed=1)
    found = joints_of_maps(gaussian_maps(where, torch.ones(20, 16, dtype=torch.bool), SIZE, 1.5), 1.5)
    assert (found[..., :2] - where).abs().max() < STRIDE


def test_the_step_is_that_of_a_parabola_through_the_logarithms() -> None:
    # A map whose blurred logarithm is a parabola with a cross term: the plain solution of two equations.
    true = np.array([10.3, 7.8])
    shape = np.array([[0.5, 0.15], [0.15, 0.3]])
    y, x = np.mgrid[:24, :32] + 0.5
    off = np.stack((x - true[0], y - true[1]), axis=-1)
    map_ = np.exp(-0.5 * np.einsum("yxi,ij,yxj->yx", off, shape, off))
    found = joints_of_maps(torch.from_numpy(map_)[None, None], 1.5)[0, 0, :2].numpy()
    np.testing.assert_allclose(found, true * STRIDE, atol=0.15)


def test_noise_does_not_move_a_joint_far() -> None:
    where = points(10, 5 * STRIDE, seed=2)
    maps = gaussian_maps(where, torch.ones(10, 16, dtype=torch.bool), SIZE, 1.5)
    maps += 0.02 * torch.randn(maps.shape, generator=torch.Generator().manual_seed(0))
    assert (joints_of_maps(maps, 1.5)[..., :2] - where).abs().max() < 1.5


def test_an_empty_map_has_no_confidence_and_no_nan() -> None:
    found = joints_of_maps(torch.zeros(1, 16, 24, 32), 1.5)
    assert found.isfinite().all() and not found[..., 2].any()


def test_the_loss_counts_known_maps_only_and_is_1_for_empty_ones() -> None:
    wanted = gaussian_maps(points(2, 20.0), torch.ones(2, 16, dtype=torch.bool), SIZE, 1.5)
    known = torch.zeros(2, 16, dtype=torch.bool)
    known[0, 2] = known[1, 9] = True
    answer = torch.zeros_like(wanted)
    assert map_loss(answer, wanted, known, 1.5) == pytest.approx(1.0, abs=0.01)
    answer[0, 2], answer[1, 9] = wanted[0, 2], wanted[1, 9]
    assert map_loss(answer, wanted, known, 1.5) == 0
    assert map_loss(wanted + 1, wanted, known & False, 1.5) == 0


def test_peaks_are_the_high_places_of_a_map_the_highest_first() -> None:
    points = torch.tensor([[[20.0, 40.0], [90.0, 60.0]]])
    maps = gaussian_maps(points, torch.ones(1, 2, dtype=torch.bool), (128, 96), 1.5)
    peaks = peaks_of_maps((0.3 * maps[:, :1] + 0.8 * maps[:, 1:]), 1.5)
    assert peaks.shape == (1, 1, MOST_PEAKS, 3)
    (first, second, *others) = peaks[0, 0].numpy()
    np.testing.assert_allclose((first[:2], second[:2]), ((90, 60), (20, 40)), atol=STRIDE)
    assert first[2] > second[2] > 0.15
    assert all(other[2] == 0 for other in others)
