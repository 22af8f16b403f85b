"""The regression tree of CoRe: its size, its paths, its leaves."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stagescore.regression.regression_tree import (
    RegressionTree,
    difference_of,
    leaf_edges,
    leaf_of,
    place_in_leaf,
)

# Quantiles of the absolute differences in the worked example: 0, 0.5, 1.2, 2, 3, 4.2, 6, 9, then theta.
UPPER = [0.0, 0.5, 1.2, 2.0, 3.0, 4.2, 6.0, 9.0, 30.0]
EDGES = torch.tensor([*(-x for x in UPPER[:0:-1]), *UPPER])


def test_it_has_the_published_size() -> None:
    tree = RegressionTree(in_width=2049)
    assert tree.num_leaves == 16
    assert sum(p.numel() for p in tree.parameters()) == 2_510_382


@torch.no_grad()
def test_leaves_are_reached_along_their_own_path() -> None:
    torch.manual_seed(0)
    tree = RegressionTree(in_width=7, width=6, depth=4).eval()
    pairs = torch.randn(3, 7)
    log_p, places = tree(pairs)
    assert torch.allclose(log_p.exp().sum(1), torch.ones(3), atol=1e-6)
    for row in range(3):
        for leaf in range(8):
            node, total = tree.entry(pairs[row]), 0.0
            for level in range(3):
                place, way = leaf >> (3 - level), (leaf >> (2 - level)) & 1
                classify, split = tree.classify[level], tree.split[level]
                ways = classify.weight[2 * place : 2 * place + 2, :, 0] @ node
                ways = (ways + classify.bias[2 * place : 2 * place + 2]).log_softmax(0)
                total = total + ways[way]
                first = (2 * place + way) * 6
                node = torch.relu(
                    split.weight[first : first + 6, :, 0] @ node + split.bias[first : first + 6]
                )
            answer = tree.place.weight[leaf, :, 0] @ node + tree.place.bias[leaf]
            assert log_p[row, leaf].item() == pytest.approx(float(total), abs=1e-5)
            assert places[row, leaf].item() == pytest.approx(float(answer), abs=1e-5)


@pytest.mark.parametrize(
    ("difference", "leaf", "place"),
    [
        (2.5, 11, 0.5),
        (-2.5, 4, 0.5),
        (0.0, 8, 0.0),
        (2.0, 11, 0.0),
        (-2.0, 4, 1.0),
        (45.0, 15, 36 / 21),
        (-45.0, 0, -15 / 21),
    ],
)
def test_the_worked_example(difference: float, leaf: int, place: float) -> None:
    found = leaf_of(torch.tensor([difference]), EDGES)
    assert found.item() == leaf
    assert place_in_leaf(torch.tensor([difference]), found, EDGES).item() == pytest.approx(place, abs=1e-6)


@given(st.lists(st.floats(-29, 29, allow_subnormal=False), min_size=1, max_size=60), st.floats(-29, 29))
def test_a_difference_comes_back_from_its_leaf(differences: list[float], asked: float) -> None:
    edges = torch.from_numpy(leaf_edges(differences, num_leaves=16, largest=30.0))
    assert (edges.diff() >= 0).all() and torch.equal(edges, -edges.flip(0))
    one = torch.tensor([asked], dtype=torch.float64)
    leaf = leaf_of(one, edges)
    left, right = edges[leaf].item(), edges[leaf + 1].item()
    assert left <= asked <= right
    assert difference_of(leaf, place_in_leaf(one, leaf, edges), edges).item() == pytest.approx(
        asked, abs=1e-9
    )


def test_as_many_training_pairs_lie_in_each_leaf() -> None:
    differences = np.random.default_rng(0).normal(size=4000)
    edges = torch.from_numpy(leaf_edges(differences.tolist(), num_leaves=16, largest=30.0))
    counts = torch.bincount(leaf_of(torch.from_numpy(differences), edges), minlength=16)
    assert counts.min() > 200 and counts.max() < 300


def test_leaves_of_no_width_take_no_pair() -> None:
    edges = torch.from_numpy(leaf_edges([0.0] * 90 + [5.0] * 10, num_leaves=16, largest=30.0)).float()
    found = leaf_of(torch.tensor([0.0, 5.0, -5.0]), edges)
    assert ((edges[found + 1] - edges[found]) > 0).all()
    assert place_in_leaf(torch.tensor([0.0]), torch.tensor([8]), edges).item() == 0.5
