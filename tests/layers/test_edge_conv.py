"""EdgeConv against plain loops over nodes and neighbours."""

import pytest
import torch

from stagescore.layers.edge_conv import EdgeConv


@torch.no_grad()
def by_loops(layer, nodes, possible, num_neighbours):
    out = torch.zeros(*nodes.shape[:2], layer.own.out_features)
    for n, dive in enumerate(nodes):
        for i, own in enumerate(dive):
            near = [
                (float((other - own).square().sum()), j) for j, other in enumerate(dive) if possible[i, j]
            ]
            chosen = [j for _, j in sorted(near)[:num_neighbours]] or [i]
            answers = [torch.relu(layer.own(own) + layer.difference(dive[j] - own)) for j in chosen]
            out[n, i] = torch.stack(answers).amax(dim=0)
    return out


@pytest.mark.parametrize("num_neighbours", [1, 3, 20])
def test_it_is_the_loop_twin(num_neighbours):
    torch.manual_seed(1)
    possible = torch.rand(9, 9) < 0.5
    possible.fill_diagonal_(False)
    possible[4] = False  # a node that may look at nobody
    layer = EdgeConv(in_width=5, width=7, possible=possible, num_neighbours=num_neighbours)
    nodes = torch.randn(3, 9, 5)
    torch.testing.assert_close(layer(nodes), by_loops(layer, nodes, possible, num_neighbours))


def test_neighbours_are_found_in_feature_space():
    possible = ~torch.eye(4, dtype=torch.bool)
    layer = EdgeConv(in_width=1, width=3, possible=possible, num_neighbours=1)
    nodes = torch.tensor([[[0.0], [10.0], [0.1], [9.0]]])
    # Node 0 looks at node 2 only, so that moving node 1 changes nothing for it.
    moved = torch.tensor([[[0.0], [20.0], [0.1], [9.0]]])
    torch.testing.assert_close(layer(nodes)[:, 0], layer(moved)[:, 0])
    nearer = torch.tensor([[[0.0], [0.05], [0.1], [9.0]]])
    assert not torch.allclose(layer(nodes)[:, 0], layer(nearer)[:, 0])
