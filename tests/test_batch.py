"""What goes from disk to the losses keeps together what belongs together."""

from dataclasses import fields, replace

import pytest
import torch

from stagescore.batch import Batch, DiveLabels
from stagescore.errors import DataError
from stagescore.tensors import DiveInputs

YES = torch.tensor([True, True])


def labels() -> DiveLabels:
    scores = torch.tensor([60.0, 75.0])
    return DiveLabels(
        dive_ids=("event/1", "event/2"),
        edges=torch.tensor([[0, 4, 9, 12]] * 2),
        has_edges=YES,
        scores=scores,
        difficulties=torch.tensor([3.0, 2.5]),
        targets=scores,
        numbers=torch.zeros(2, 5, dtype=torch.long),
    )


def inputs() -> DiveInputs:
    frames = torch.zeros(2, 12, 3, 8, 8, dtype=torch.uint8)
    return DiveInputs(frames=frames, joints=torch.zeros(2, 12, 16, 3), has_video=YES, has_skeleton=YES)


def test_dives_that_nobody_grouped_are_compared_with_nobody() -> None:
    batch = Batch.of_single_dives(inputs(), labels())
    assert batch.pairs.shape == (0, 2) and batch.pair_groups.shape == (0,)
    assert batch.members.tolist() == [[0, 0], [1, 1]] and batch.num_groups == 2


def test_an_execution_is_a_score_by_its_difficulty() -> None:
    assert labels().executions.tolist() == [20.0, 30.0]
    unknown = replace(labels(), difficulties=torch.tensor([3.0, torch.nan]))
    with pytest.raises(DataError, match="event/2"):
        _ = unknown.executions


def test_on_a_device_it_is_the_same_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    # The device "meta" holds no values that could be checked.
    monkeypatch.setattr("stagescore.tensors._need_a_modality", lambda *_: None)
    batch = Batch.of_single_dives(inputs(), labels()).to("meta")
    assert batch.labels.dive_ids == labels().dive_ids and batch.num_groups == 2
    for part in (batch, batch.labels, batch.seen):
        tensors = [value for f in fields(part) if isinstance(value := getattr(part, f.name), torch.Tensor)]
        assert tensors and all(value.is_meta for value in tensors)


def test_a_dive_keeps_what_it_has_and_the_masks_allow() -> None:
    some = torch.tensor([True, False])
    kept = inputs().masked(video=some, skeleton=~some)
    assert kept.has_video.tolist() == [True, False] and kept.has_skeleton.tolist() == [False, True]
    with pytest.raises(DataError, match="neither video nor skeleton"):
        inputs().masked(video=some, skeleton=some)
