"""The hierarchical skeletal encoder: eq. 4 by loops, and every row of Table IV."""

import pytest
import torch

from stagescore.encoders.hierarchy import PAPER_LEVELS
from stagescore.encoders.joints import PlainJoints
from stagescore.encoders.skeletal import HierarchicalSkeletalEncoder, LevelGraphs, _adjacent
from stagescore.errors import ConfigError, DataError
from stagescore.layers.edge_conv import EdgeConv
from stagescore.skeleton import MPII_16


def encoder(**arguments):
    torch.manual_seed(0)
    return HierarchicalSkeletalEncoder(
        **{"joint_input": PlainJoints(), "width": 12, "widths": (8, 8)} | arguments
    ).eval()


@torch.no_grad()
def test_eq_4_by_loops():
    torch.manual_seed(0)
    adjacency = torch.stack([level.adjacency() for level in PAPER_LEVELS])
    graphs = LevelGraphs(in_width=5, width=6, adjacency=adjacency)
    torch.nn.init.normal_(graphs.adjacency)  # learned values, also where there is no edge
    nodes = torch.randn(2, 3, 16, 5)
    torch.nn.init.normal_(graphs.pointwise[4].bias)
    answers = graphs(nodes).unflatten(3, (3, 6)).unbind(3)
    for k, level in enumerate(PAPER_LEVELS):
        edges = (
            {(n, n) for n in level.nodes},
            {(outer, inner) for inner, outer in level.edges},
            set(level.edges),
        )
        for n in range(2):
            for t in range(3):
                for joint in range(16):
                    subsets = []
                    for s in range(3):
                        received = torch.zeros(6)
                        for other in range(16):
                            if (joint, other) in edges[s]:
                                mlp = torch.relu(graphs.mlp[s](nodes[n, t, other]))
                                received += graphs.adjacency[k, s, joint, other] * mlp
                        subsets.append(graphs.pointwise[3 * k + s](received))
                    torch.testing.assert_close(answers[k][n, t, joint], torch.cat(subsets))


@pytest.mark.parametrize("edge_conv", [True, False])
@pytest.mark.parametrize("levels", [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)])
@torch.no_grad()
def test_each_row_of_table_iv_sees_its_own_levels_only(levels, edge_conv):
    model = encoder(levels=levels, edge_conv=edge_conv)
    assert any(isinstance(m, EdgeConv) for m in model.modules()) == edge_conv
    visible = {node for level in levels for node in PAPER_LEVELS[level - 1].nodes}
    joints = torch.rand(1, 9, 16, 3).repeat(17, 1, 1, 1)  # the last dive stays as it is
    for joint in range(16):
        joints[joint, 4, joint, :2] += 0.3
    features = model(joints)
    moved = (features[:16] - features[16:]).abs().amax(dim=(1, 2)) > 1e-6
    assert set(moved.nonzero().flatten().tolist()) == visible


@pytest.mark.parametrize("levels", [(), (0,), (2, 1), (1, 1), (4,)])
def test_levels_that_do_not_exist_are_refused(levels):
    with pytest.raises(ConfigError, match="from 1 to 3"):
        encoder(levels=levels)


@torch.no_grad()
def test_without_edge_conv_distant_joints_do_not_meet_in_one_block():
    wrist, ankle = MPII_16.index("left_wrist"), MPII_16.index("left_ankle")
    joints = torch.rand(1, 9, 16, 3)
    changed = joints.clone()
    changed[:, :, wrist, :2] = joints[:, :, ankle, :2]  # nearest in feature space, too
    for edge_conv in (False, True):
        model = encoder(edge_conv=edge_conv, widths=(8,))
        before, after = (
            model.blocks(model.enter(model.joint_input(j)))[:, :, ankle] for j in (joints, changed)
        )
        assert torch.allclose(before, after, atol=1e-6) != edge_conv


def test_edge_conv_connects_adjacent_levels():
    near = _adjacent(range(16), (1, 2, 3), PAPER_LEVELS)
    pelvis, knee, ankle = (MPII_16.index(name) for name in ("pelvis", "left_knee", "left_ankle"))
    assert near[pelvis, knee]
    assert near[knee, ankle]
    assert not near[pelvis, ankle]
    assert not near.diagonal().any()
    assert torch.equal(near, near.T)


@torch.no_grad()
def test_time_is_seen_through_convolutions():
    model = encoder(edge_conv=False, widths=(8,))
    joints = torch.rand(1, 30, 16, 3)
    changed = joints.clone()
    changed[:, 15] += 0.3
    moved = ((model(joints) - model(changed)).abs().amax(dim=2)[0] > 1e-6).nonzero().flatten()
    assert moved.amin() == 11
    assert moved.amax() == 19


def test_joints_of_another_skeleton_are_refused_in_words():
    with pytest.raises(DataError, match=r"reads the 16 joints of mpii-16, and was given 17"):
        encoder()(torch.zeros(1, 2, 17, 3))
