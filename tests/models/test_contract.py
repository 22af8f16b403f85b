"""Every model of the registry keeps the contract of `models.base`, and so does the one that docs/add_a_model.md builds."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from stagescore.card_files import weights_hash
from stagescore.config import load_config
from stagescore.errors import ConfigError
from stagescore.inference.encoding import Encoded
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.familiarity import descriptors
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import predictor_of
from stagescore.inference.voting import bank_of
from stagescore.losses.contrast import stage_contrast
from stagescore.losses.segmentation import segmentation_losses
from stagescore.models import BUILDERS, build
from stagescore.models.base import ActionModel, LossFunctions
from stagescore.models.base_settings import BaseModelSettings
from stagescore.segmentation.stages import num_stages
from stagescore.tensors import DiveBatch, TrainingBatch, joined
from stagescore.training.settings import TrainSettings

TINY = {
    "hp-mcore": [
        "model.static.backbone=small", "model.static.widths=[4,4,8,8]", "model.static.width=8",
        "model.dynamic.trunk=small", "model.dynamic.widths=[4,4,8,8]", "model.dynamic.width=8",
        "model.skeleton.widths=[4,4,8,8]", "model.skeleton.width=8", "model.segmentation.width=8",
        "model.regression.width=8",
    ],
    "core": [
        "model.name=core", "model.dynamic.trunk=small", "model.dynamic.widths=[4,4,8,8]", "model.dynamic.mixed=false",
        "model.depth=3", "model.width=8",
    ],
}  # fmt: skip
FRAMES = 24
FUNCTIONS = LossFunctions(segmentation=segmentation_losses, contrast=stage_contrast)


def documented() -> dict[str, object]:
    """What the code of docs/add_a_model.md defines."""
    page = (Path(__file__).parents[2] / "docs" / "add_a_model.md").read_text()
    names: dict[str, object] = {"__name__": "documented"}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S):
        exec(compile(block, "docs/add_a_model.md", "exec"), names)
    return names


@pytest.fixture(params=[*sorted(BUILDERS), "documented"])
def settings(request: pytest.FixtureRequest) -> BaseModelSettings:
    if request.param == "documented":
        video = {"trunk": "small", "widths": [4, 4, 8, 8], "mixed": False}
        return documented()["VectorDifferenceSettings"](name="vector-difference", dynamic=video, width=8)
    return load_config(TrainSettings, None, TINY[request.param]).model


def built(settings: BaseModelSettings) -> ActionModel:
    return build(settings) if settings.name in BUILDERS else documented()["build_vector_difference"](settings)


@pytest.fixture
def model(settings: BaseModelSettings) -> ActionModel:
    torch.manual_seed(0)
    model = built(settings)
    model.prepare(lambda: [0.5, -1.5, 3.0, 6.0, -9.0])
    return model


def seen(count: int, seed: int = 1) -> DiveBatch:
    random = torch.Generator().manual_seed(seed)
    return DiveBatch(
        frames=torch.randint(0, 256, (count, FRAMES, 3, 32, 48), generator=random, dtype=torch.uint8),
        joints=torch.rand(count, FRAMES, 16, 3, generator=random) - 0.5,
        has_video=torch.ones(count, dtype=torch.bool),
        has_skeleton=torch.ones(count, dtype=torch.bool),
    )


def batch_of(settings: BaseModelSettings, scores: list[float]) -> TrainingBatch:
    stages = num_stages(settings.cut)
    edges = torch.linspace(0, FRAMES, stages + 1).long().expand(len(scores), -1)
    pairs = torch.combinations(torch.arange(len(scores)))
    return TrainingBatch(
        seen=seen(len(scores)),
        edges=edges,
        has_edges=torch.ones(len(scores), dtype=torch.bool),
        scores=torch.tensor(scores),
        numbers=torch.full((len(scores), 5), -1),
        pairs=pairs,
        pair_groups=torch.zeros(len(pairs), dtype=torch.long),
        members=torch.stack([torch.arange(len(scores)), torch.zeros(len(scores), dtype=torch.long)], 1),
        num_groups=1,
    )


@torch.no_grad()
def encoded(model: ActionModel, dives: DiveBatch, ids: tuple[str, ...]) -> Encoded:
    features = model.encode(dives)
    segmented = model.segment(features)
    return Encoded(
        dive_ids=ids,
        stages=model.represent(features, segmented.edges),
        edges=segmented.edges,
        log_probabilities=segmented.log_probabilities,
    )


def test_the_settings_say_what_the_model_is(settings: BaseModelSettings, model: ActionModel) -> None:
    assert settings.can_miss == model.can_miss
    assert settings.recognises == model.recognises
    assert settings.reads_video == ("video" in model.modalities)
    assert settings.needs.test == set(model.modalities) - set(model.can_miss)
    assert model.segment(model.encode(seen(2))).edges.shape == (2, num_stages(settings.cut) + 1)


def test_every_loss_has_its_name_and_every_parameter_a_gradient(
    settings: BaseModelSettings, model: ActionModel
) -> None:
    terms = model.losses(batch_of(settings, [21.0, 18.0, 25.5, 12.0]), FUNCTIONS)
    assert set(terms) == set(model.loss_names)
    assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert not without


def test_a_batch_is_its_dives_one_by_one(model: ActionModel) -> None:
    model.eval()
    dives = seen(3)
    together = encoded(model, dives, ("a", "b", "c"))
    each = []
    for row in range(3):
        alone = replace(dives, **{f.name: getattr(dives, f.name)[row : row + 1] for f in fields(dives)})
        each.append(encoded(model, alone, ("x",)).stages)
    for name, value in joined(each).named().items():
        torch.testing.assert_close(value, together.stages.named()[name], atol=1e-4, rtol=1e-4)
    again = encoded(model, dives, ("a", "b", "c")).stages.named()
    assert all(torch.equal(value, again[name]) for name, value in together.stages.named().items())


def test_saved_and_loaded_it_answers_the_same(
    settings: BaseModelSettings, model: ActionModel, tmp_path: Path
) -> None:
    torch.save(model.state_dict(), tmp_path / "state.pt")
    torch.manual_seed(5)
    other = built(settings)
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert weights_hash(other) == weights_hash(model)
    mine, theirs = (encoded(one.eval(), seen(2), ("a", "b")).stages for one in (model, other))
    assert all(torch.equal(value, theirs.named()[name]) for name, value in mine.named().items())


def test_a_bank_of_it_votes_and_never_asks_what_the_query_got(model: ActionModel, tmp_path: Path) -> None:
    import makers

    model.eval()
    dives = {d.dive_id: d for d in (makers.dive(k, score=50.0 + 5 * k, difficulty=3.0) for k in range(1, 5))}
    bank = bank_of(encoded(model, seen(4), tuple(dives)), dives, weights_hash(model))
    bank.save(tmp_path / "bank.safetensors", half=False)
    read = ExemplarBank.load(tmp_path / "bank.safetensors")
    query = encoded(model, seen(1, seed=7), ("q",))
    assert descriptors(query.stages).shape[0] == 1
    task = PredictionTask(protocol="w/o DN", execution=True)
    found = []
    for score in (10.0, 90.0):
        asked = makers.dive(99, score=score, difficulty=2.0)
        for held in (bank, read):
            one = predictor_of(model, task, held).predict(asked, [query.stages])
            parts = one.stage_deltas.sum(dim=(1, 2)).tolist()
            base = [2.0 * dives[i].score / 3.0 for i in one.prediction.exemplar_ids]
            assert list(one.prediction.votes) == pytest.approx(
                [b + p for b, p in zip(base, parts, strict=True)]
            )
            found.append(one.prediction.score)
    assert found == pytest.approx([found[0]] * 4)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.statc.on=true", "unknown setting 'model.statc'.*did you mean 'model.static'"),
        ("model.name=corre", "model.name is 'corre'.*did you mean 'core'"),
        ("model={name: core, thta: 3}", "unknown setting 'model.thta'.*did you mean 'model.theta'"),
        ("model={name: core, depth: 1}", "model.depth is 1"),
        ("model={name: core, dynamic: {mixed: true}}", "model is .*set model.dynamic.on=true"),
    ],
)
def test_settings_of_the_named_model_are_checked(override: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){told}"):
        load_config(TrainSettings, None, [override])
