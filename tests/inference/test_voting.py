from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_runs
import torch

from stagescore.card_files import weights_hash
from stagescore.diving import NUM_NUMBER_CLASSES
from stagescore.errors import CheckpointError, DataError
from stagescore.inference.dive_numbers import recognise_number
from stagescore.inference.encoding import Encoded, encode_dives
from stagescore.inference.exemplar_bank import ExemplarBank, pictured_frames
from stagescore.inference.prediction import PredictedDive, PredictionTask
from stagescore.inference.voting import Voting, bank_of
from stagescore.media.images import jpeg_bytes
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.training.steps import dropped_modalities
from stagescore.types import Dive


@pytest.fixture(scope="module")
def model() -> HPMCoRe:
    return tiny_runs.make_model(tiny_runs.settings()).eval()


@pytest.fixture(scope="module")
def encoded(model: HPMCoRe, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    source = tiny_runs.live(tmp_path_factory)
    return encode_dives(model, source, sorted(source.dives))


@pytest.fixture(scope="module")
def bank(model: HPMCoRe, encoded: Encoded, tmp_path_factory: pytest.TempPathFactory) -> ExemplarBank:
    return bank_of(encoded, tiny_runs.live(tmp_path_factory).dives, weights_hash(model))


def voted(
    model: HPMCoRe, bank: ExemplarBank, views: list[Encoded], dives: dict[str, Dive], **task: Any
) -> list[PredictedDive]:
    voting = Voting(model=model, bank=bank, task=PredictionTask(protocol="w/o DN", **task))
    return voting.predict_all(views, dives)


def test_a_query_never_votes_for_itself_and_parts_add_up(
    model: HPMCoRe, encoded: Encoded, bank: ExemplarBank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = tiny_runs.live(tmp_path_factory).dives
    for one in voted(model, bank, [encoded], dives, num=10):
        assert one.dive.dive_id not in one.prediction.exemplar_ids
        assert len(one.prediction.votes) == len(dives) - 1
        scores = [dives[name].score for name in one.prediction.exemplar_ids]
        deltas = one.stage_deltas.sum(dim=(1, 2)).tolist()
        by_hand = [score + delta for score, delta in zip(scores, deltas, strict=True)]
        assert list(one.prediction.votes) == pytest.approx(by_hand, abs=1e-4)


def test_exemplars_may_stand_in_any_order(
    model: HPMCoRe, encoded: Encoded, bank: ExemplarBank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = tiny_runs.live(tmp_path_factory).dives
    order = torch.tensor([3, 0, 4, 1, 2])
    turned = ExemplarBank(
        dives=tuple(bank.dives[k] for k in order),
        stages=bank.stages.select(order),
        edges=bank.edges[order],
        weights_hash=bank.weights_hash,
    )
    first = voted(model, bank, [encoded], dives, num=3)
    second = voted(model, turned, [encoded], dives, num=3)
    for a, b in zip(first, second, strict=True):
        assert a.prediction.exemplar_ids == b.prediction.exemplar_ids
        assert a.prediction.score == pytest.approx(b.prediction.score, abs=1e-4)


def test_executions_are_multiplied_back(
    model: HPMCoRe, encoded: Encoded, bank: ExemplarBank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = tiny_runs.live(tmp_path_factory).dives
    one = voted(model, bank, [encoded], dives, execution=True)[0]
    difficulty = one.dive.difficulty
    assert difficulty is not None
    executions = [dives[name].execution for name in one.prediction.exemplar_ids]
    deltas = one.stage_deltas.sum(dim=(1, 2)) / difficulty
    by_hand = [
        difficulty * (e + d) for e, d in zip(executions, deltas.tolist(), strict=True) if e is not None
    ]
    assert list(one.prediction.votes) == pytest.approx(by_hand, rel=1e-4)


def test_views_are_averaged_difference_by_difference(
    model: HPMCoRe, encoded: Encoded, bank: ExemplarBank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = tiny_runs.live(tmp_path_factory).dives
    other = replace(encoded, stages=encoded.stages.select(torch.tensor([1, 2, 3, 4, 0])))
    first, second, both = (
        voted(model, bank, views, dives) for views in ([encoded], [other], [encoded, other])
    )
    for a, b, mean in zip(first, second, both, strict=True):
        assert torch.allclose(mean.stage_deltas, (a.stage_deltas + b.stage_deltas) / 2, atol=1e-5)
        assert mean.prediction.score == pytest.approx((a.prediction.score + b.prediction.score) / 2, abs=1e-3)
    with pytest.raises(DataError, match="different dives"):
        voted(model, bank, [encoded, replace(other, dive_ids=other.dive_ids[::-1])], dives)


def test_a_bank_comes_back_from_disk(model: HPMCoRe, bank: ExemplarBank, tmp_path: Path) -> None:
    bank.save(tmp_path / "bank.safetensors", half=False)
    again = ExemplarBank.load(tmp_path / "bank.safetensors")
    assert [dive.dive_id for dive in again.dives] == [dive.dive_id for dive in bank.dives]
    assert all(dive.frames_path is None for dive in again.dives)
    assert again.stages.fused is not None and bank.stages.fused is not None
    assert torch.equal(again.stages.fused, bank.stages.fused)
    again.check(weights_hash(model))
    with pytest.raises(CheckpointError, match="was encoded with weights"):
        again.check("0" * 64)


def test_pictures_come_back_with_their_exemplars(bank: ExemplarBank, tmp_path: Path) -> None:
    frames = pictured_frames(bank.edges[0].tolist())
    pictures = {
        dive.dive_id: {frame: jpeg_bytes(np.full((8, 8 + row, 3), frame, np.uint8), 60) for frame in frames}
        for row, dive in enumerate(bank.dives[:-1])
    }
    replace(bank, pictures=pictures).save(tmp_path / "bank.safetensors")
    assert ExemplarBank.load(tmp_path / "bank.safetensors").pictures == pictures
    bank.save(tmp_path / "plain.safetensors")
    assert ExemplarBank.load(tmp_path / "plain.safetensors").pictures == {}


@pytest.mark.parametrize("harm", ["cut", "other", "missing"])
def test_a_damaged_bank_is_refused(bank: ExemplarBank, tmp_path: Path, harm: str) -> None:
    path = tmp_path / "bank.safetensors"
    if harm != "missing":
        bank.save(path)
        content = path.read_bytes()
        path.write_bytes(content[:-10] if harm == "cut" else b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(CheckpointError):
        ExemplarBank.load(path)


def test_an_empty_bank_cannot_vote(
    model: HPMCoRe, encoded: Encoded, bank: ExemplarBank, tmp_path_factory: pytest.TempPathFactory
) -> None:
    dives = tiny_runs.live(tmp_path_factory).dives
    own = bank.dives[0]
    alone = replace(bank, dives=(own,), stages=bank.stages.select(torch.tensor([0])), edges=bank.edges[:1])
    voting = Voting(model=model, bank=alone, task=PredictionTask())
    with pytest.raises(DataError, match="there is no exemplar"):
        voting.predict(dives[own.dive_id], [encoded.stages.select(torch.tensor([0]))])


@pytest.mark.parametrize("missing", ["video", "skeleton"])
def test_what_is_missing_changes_the_features(
    model: HPMCoRe, encoded: Encoded, missing: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = tiny_runs.live(tmp_path_factory)
    without = encode_dives(model, source, encoded.dive_ids, missing=missing)
    assert without.stages.fused is not None and encoded.stages.fused is not None
    assert not torch.allclose(without.stages.fused, encoded.stages.fused)


def test_no_dive_loses_both_modalities_and_masks_do_not_depend_on_company() -> None:
    ids = [f"dive{k}" for k in range(4000)]
    video, skeleton = dropped_modalities(ids, video=0.15, skeleton=0.15, seed=1, epoch=2)
    assert (video | skeleton).all()
    assert (~video).float().mean().item() == pytest.approx(0.15, abs=0.02)
    assert (~skeleton).float().mean().item() == pytest.approx(0.15, abs=0.02)
    alone = [dropped_modalities([i], video=0.15, skeleton=0.15, seed=1, epoch=2)[0].item() for i in ids[:50]]
    assert alone == video[:50].tolist()


def test_a_bank_remembers_whose_fused_features_are_of_no_use(bank: ExemplarBank, tmp_path: Path) -> None:
    lacking = torch.arange(len(bank)) == 1
    marked = replace(bank, stages=replace(bank.stages, has_fused=~lacking))
    marked.save(tmp_path / "bank.safetensors")
    read = ExemplarBank.load(tmp_path / "bank.safetensors").stages.has_fused
    assert read is not None and torch.equal(read, ~lacking)
    bank.save(tmp_path / "plain.safetensors")
    assert ExemplarBank.load(tmp_path / "plain.safetensors").stages.has_fused is None


def test_a_dive_number_is_recognised_with_probabilities(
    model: HPMCoRe, encoded: Encoded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(encoded.stages.num_dives, sum(NUM_NUMBER_CLASSES), generator=random)
    stages = replace(encoded.stages, number_logits=logits)
    one = stages.select(torch.tensor([0]))
    candidates = ("407C", "107B", "5253B", "626C")
    found = recognise_number([one], candidates)
    assert found == recognise_number([one], candidates[::-1])
    assert {code for code, _ in found} == set(candidates)
    probabilities = [probability for _, probability in found]
    assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) == pytest.approx(1)
    unsure = recognise_number([one], candidates, temperature=50.0)
    assert [code for code, _ in unsure] == [code for code, _ in found]
    assert unsure[0][1] < found[0][1]
    with pytest.raises(DataError, match="one dive at a time"):
        recognise_number([stages], candidates)
    with pytest.raises(DataError, match="does not recognise dive numbers"):
        recognise_number([encoded.stages.select(torch.tensor([0]))], candidates)
    mirrored = replace(
        one, number_logits=one.number_logits + 2 * torch.randn(one.number_logits.shape, generator=random)
    )
    mean = replace(one, number_logits=(one.number_logits + mirrored.number_logits) / 2)
    assert recognise_number([one, mirrored], candidates) == recognise_number([mean], candidates) != found
