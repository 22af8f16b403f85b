"""How a batch that was read becomes the batch that the objective reads."""

from dataclasses import replace

import pytest
import tiny_runs
import torch

from stagescore.data.dive_sources import LiveSource
from stagescore.errors import DataError
from stagescore.training.groups import BatchGroups


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> LiveSource:
    return tiny_runs.live(tmp_path_factory)


def only_batch(source: LiveSource) -> BatchGroups:
    return tiny_runs.sampler(source, groups=9).epoch(0)[0]


def test_a_dive_of_two_groups_is_read_once_and_counts_in_both(source: LiveSource) -> None:
    groups = only_batch(source)
    batch = tiny_runs.sampler(source).load(source, groups, 0)
    ids = batch.labels.dive_ids
    assert sorted(ids) == sorted(source.dives)
    standing = [(ids[row], group) for row, group in batch.members.tolist()]
    assert standing == [(i, n) for n, group in enumerate(groups.groups) for i in group.dive_ids]
    assert len(standing) > len(ids)
    pairs = zip(batch.pairs.tolist(), batch.pair_groups.tolist(), strict=True)
    compared = [(n, frozenset((ids[one], ids[other]))) for (one, other), n in pairs]
    assert len(compared) == len(set(compared)) == 6
    assert all(pair <= set(groups.groups[n].dive_ids) for n, pair in compared)


def test_targets_are_in_the_unit_that_is_predicted(source: LiveSource) -> None:
    groups = only_batch(source)
    dives = [source.dives[dive_id] for dive_id in groups.dive_ids]
    scores = torch.tensor([dive.score for dive in dives])
    for execution, wanted in (
        (False, scores),
        (True, scores / torch.tensor([dive.difficulty for dive in dives])),
    ):
        labels = tiny_runs.sampler(source, execution=execution).load(source, groups, 0).labels
        torch.testing.assert_close(labels.targets, wanted)
        torch.testing.assert_close(labels.scores, scores)


def test_an_execution_of_an_unknown_difficulty_is_refused(
    source: LiveSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = only_batch(source)
    plain = source.samples.labels
    monkeypatch.setattr(
        source.samples,
        "labels",
        lambda *given: replace(plain(*given), difficulties=torch.full((len(given[0]),), torch.nan)),
    )
    with pytest.raises(DataError, match=groups.dive_ids[0]):
        tiny_runs.sampler(source, execution=True).load(source, groups, 0)
    assert tiny_runs.sampler(source).load(source, groups, 0)


@pytest.mark.parametrize(("cut", "edges"), [("1", 2), ("2*", 3), ("3", 4)])
def test_edges_are_those_of_the_stages_of_the_model(source: LiveSource, cut: str, edges: int) -> None:
    groups = only_batch(source)
    read = source.training(groups.dive_ids, epoch=0).labels.edges
    cut_edges = tiny_runs.sampler(source, cut=cut).load(source, groups, 0).labels.edges
    assert cut_edges.shape == (len(read), edges)
    assert torch.equal(cut_edges[:, [0, -1]], read[:, [0, -1]])


def test_dives_lose_a_modality_as_often_as_asked_and_never_both(source: LiveSource) -> None:
    groups = only_batch(source)
    sampler = tiny_runs.sampler(source, drop_video=0.4, drop_skeleton=0.4)
    seen = [sampler.load(source, groups, epoch).seen for epoch in range(12)]
    video = torch.cat([one.has_video for one in seen])
    skeleton = torch.cat([one.has_skeleton for one in seen])
    assert (video | skeleton).all()
    for kept in (video, skeleton):
        assert 0.4 < kept.float().mean() < 0.8
    everything = tiny_runs.sampler(source, drop_video=0.0, drop_skeleton=0.0).load(source, groups, 0).seen
    assert everything.has_video.all() and everything.has_skeleton.all()
