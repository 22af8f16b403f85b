"""The skeleton's levels and graphs, on the joints of MPII."""

import torch

from stagescore.encoders.hierarchy import PAPER_LEVELS, RELEASE_LEVELS, SUBSETS, outward_bones
from stagescore.skeleton import MPII_16


def names(pairs):
    return {(MPII_16.joints[a], MPII_16.joints[b]) for a, b in pairs}


def test_every_bone_once_away_from_the_thorax():
    bones = outward_bones()
    assert {frozenset(bone) for bone in bones} == {frozenset(bone) for bone in MPII_16.bone_indices}
    assert len(bones) == 15
    assert {
        ("pelvis", "right_hip"),
        ("left_hip", "left_knee"),
        ("left_elbow", "left_wrist"),
        ("upper_neck", "head_top"),
    } <= names(bones)


def test_the_three_levels_share_all_joints_and_bones_among_them():
    torso, middle, highest = PAPER_LEVELS
    assert sorted(joint for level in PAPER_LEVELS for joint in level.joints) == list(range(16))
    assert sorted(edge for level in PAPER_LEVELS for edge in level.edges) == sorted(outward_bones())
    assert {MPII_16.joints[j].split("_")[-1] for j in middle.joints} == {"elbow", "knee"}
    assert names(middle.edges) == {
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("hip", "knee"), ("shoulder", "elbow"))
    }
    assert {MPII_16.joints[j].split("_")[-1] for j in highest.joints} == {"wrist", "ankle", "top"}
    assert len(torso.joints) == 7


def test_subsets_are_identity_centrifugal_and_centripetal():
    assert SUBSETS == ("identity", "centrifugal", "centripetal")
    for level in (*PAPER_LEVELS, *RELEASE_LEVELS):
        identity, centrifugal, centripetal = level.adjacency()
        for node in range(16):
            assert identity[node, node] == (node in level.nodes)
        assert identity.sum() == len(level.nodes)
        for receiving in range(16):
            for giving in range(16):
                assert bool(centrifugal[receiving, giving]) == ((giving, receiving) in level.edges)
                assert bool(centripetal[receiving, giving]) == ((receiving, giving) in level.edges)
        for received in (centrifugal, centripetal):
            sums = received.sum(dim=1)
            torch.testing.assert_close(sums[sums > 0], torch.ones(int((sums > 0).sum())))


def test_the_release_connects_each_group_with_the_next():
    assert [len(level.edges) for level in RELEASE_LEVELS] == [4, 20, 20, 8]
    assert set(RELEASE_LEVELS[0].edges) == {(7, 6), (7, 8), (7, 12), (7, 13)}
    assert RELEASE_LEVELS[3].joints == (5, 0)
