import math

import numpy as np
import pytest
import stored_dives
import torch
from stored_dives import PREPROCESSING

from stagescore.batch import Batch
from stagescore.data.clip_store import ClipStore
from stagescore.data.preprocessing import Augmentation, View, view_of, viewed_frames, viewed_joints
from stagescore.data.samples import Samples
from stagescore.errors import DataError

AUGMENTATION = Augmentation(shift=4)


@pytest.fixture
def samples(tmp_path_factory) -> Samples:
    return Samples(stored_dives.store(tmp_path_factory), stored_dives.dives(tmp_path_factory))


def views_of(ids: list[str], epoch: int = 0) -> list[View]:
    return [view_of(0, epoch, dive_id, AUGMENTATION) for dive_id in ids]


def row(batch: Batch, place: int) -> list[torch.Tensor]:
    seen, labels = batch.seen, batch.labels
    return [x[place] for x in (seen.frames, seen.joints, labels.edges, labels.scores, labels.difficulties)]


def test_a_batch_holds_what_is_seen_and_what_is_labelled(samples) -> None:
    ids = list(samples.dives)
    batch = samples.batch(ids)
    assert batch.seen.frames.shape == (5, 96, 3, 28, 40)
    assert batch.seen.frames.dtype == torch.uint8
    assert batch.seen.joints.shape == (5, 96, 16, 3)
    assert (
        batch.seen.joints.dtype
        == batch.labels.scores.dtype
        == batch.labels.difficulties.dtype
        == torch.float32
    )
    assert batch.seen.has_video.all()
    assert batch.seen.has_skeleton.all()
    assert batch.labels.has_edges.all()
    for place, dive in enumerate(samples.dives.values()):
        assert batch.labels.dive_ids[place] == dive.dive_id
        assert batch.labels.scores[place] == pytest.approx(dive.score)
        assert batch.labels.difficulties[place] == pytest.approx(dive.difficulty)
        assert tuple(batch.labels.edges[place]) == samples.store.stages(dive).edges


def test_every_dive_is_seen_through_its_own_view(samples) -> None:
    ids = list(samples.dives)
    views = views_of(ids)
    batch = samples.batch(ids, views)
    for place, (dive_id, view) in enumerate(zip(ids, views, strict=True)):
        stored = samples.store[dive_id].row
        frames = viewed_frames(np.array(samples.store.frames[stored]), view, PREPROCESSING)
        np.testing.assert_array_equal(batch.seen.frames[place].permute(0, 2, 3, 1), frames)
        joints = viewed_joints(np.array(samples.store.joints()[stored]), view, PREPROCESSING)
        np.testing.assert_array_equal(batch.seen.joints[place], joints)
    assert (batch.labels.edges != samples.labels(ids).edges).any()  # some views are moved in time


def test_a_dive_looks_the_same_in_whatever_company(samples) -> None:
    ids = list(samples.dives)
    together = samples.batch(ids, views_of(ids))
    for place, dive_id in enumerate(ids):
        alone = samples.batch([dive_id], views_of([dive_id]))
        for ours, twin in zip(row(together, place), row(alone, 0), strict=True):
            assert torch.equal(ours, twin)


def test_labels_can_be_had_without_looking(samples) -> None:
    ids = list(samples.dives)[::-1]
    batch, labels = samples.batch(ids, views_of(ids)), samples.labels(ids, views_of(ids))
    assert labels.dive_ids == batch.labels.dive_ids
    for name in ("edges", "has_edges", "scores", "difficulties", "targets", "numbers"):
        assert torch.equal(getattr(labels, name), getattr(batch.labels, name))


def test_skeletons_can_be_had_without_the_video(samples) -> None:
    ids = list(samples.dives)
    whole, bare = samples.inputs(ids, views_of(ids)), samples.inputs(ids, views_of(ids), with_video=False)
    assert bare.frames is None and not bare.has_video.any()
    assert torch.equal(bare.joints, whole.joints)


def test_a_dive_of_which_nothing_is_to_be_seen_is_refused(tmp_path_factory, tmp_path) -> None:
    bare = stored_dives.dives(tmp_path_factory)[1].with_changes(poses_path=None)
    store = ClipStore.build([bare], tmp_path / "clips", PREPROCESSING, workers=1)
    with pytest.raises(DataError, match="neither video nor skeleton"):
        Samples(store, [bare]).inputs([bare.dive_id], with_video=False)


def test_channels_are_last_in_memory_when_frames_are_laid_out_one_after_another(samples) -> None:
    frames = samples.inputs(list(samples.dives)).frames.flatten(0, 1)
    assert frames.is_contiguous(memory_format=torch.channels_last)


def test_what_is_unknown_is_marked(tmp_path_factory, tmp_path) -> None:
    known, *others = stored_dives.dives(tmp_path_factory)
    bare = [others[0].with_changes(transitions=(), difficulty=None, poses_path=None)]
    store = ClipStore.build([known, *bare], tmp_path / "clips", PREPROCESSING, workers=1)
    batch = Samples(store, [known, *bare]).batch([known.dive_id, bare[0].dive_id])
    assert batch.labels.has_edges.tolist() == [True, False]
    assert batch.labels.edges[1].tolist() == [0, 32, 64, 96]
    assert math.isnan(batch.labels.difficulties[1])
    assert batch.seen.has_skeleton.tolist() == [True, False]
    assert not batch.seen.joints[1].any()
    assert Samples(store, bare).inputs([bare[0].dive_id]).joints is None


def test_exact_joints_on_request(samples) -> None:
    exact = Samples(samples.store, list(samples.dives.values()), joints="exact")
    ids = list(samples.dives)
    ours, estimated = exact.inputs(ids).joints, samples.inputs(ids).joints
    assert (ours[..., 2] == 1).all()
    off = (ours - estimated)[..., :2].norm(dim=-1)[estimated[..., 2] > 0]
    assert 0 < off.median() < 0.2


def test_unknown_dives_and_missing_views_are_refused(samples) -> None:
    with pytest.raises(DataError, match="nobody/1"):
        samples.batch(["nobody/1"])
    with pytest.raises(DataError, match="one view per dive"):
        samples.batch(list(samples.dives), [View.plain()])
    with pytest.raises(DataError, match="at least one"):
        samples.batch([])
    stranger = next(iter(samples.dives.values())).with_changes(event="elsewhere")
    with pytest.raises(DataError, match=r"elsewhere.*not stored"):
        Samples(samples.store, [stranger])
