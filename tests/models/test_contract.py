"""Every model of the registry keeps the contract of `models.base`, and so does the one that docs/add_a_model.md builds."""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from unittest.mock import patch

import makers
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from made_batches import FRAMES, FUNCTIONS, batch_of, seen

from stagescore.batch import Batch, DiveLabels
from stagescore.card_files import weights_hash
from stagescore.config import load_config
from stagescore.diving import NumberClasses
from stagescore.errors import ConfigError
from stagescore.inference.encoding import Encoded, encode_dives
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.prediction import PredictionTask
from stagescore.inference.predictors import exemplar_bank, predictor_of
from stagescore.inference.voting import bank_of
from stagescore.models import BUILDERS, build
from stagescore.models.base import ActionModel, ContrastiveModel, DirectModel
from stagescore.models.base_settings import BaseModelSettings
from stagescore.segmentation.stages import num_stages
from stagescore.tensors import DiveInputs, joined
from stagescore.training.loop import Loop, Schedules, TrainComponents
from stagescore.training.objective import Objective
from stagescore.training.optimiser import Schedule, make_optimiser
from stagescore.training.settings import TrainSettings
from stagescore.training.steps import BatchSampler
from stagescore.types import Dive

SMALL_VIDEO = "model.dynamic.trunk=small", "model.dynamic.widths=[4,4,8,8]"
TINY = {
    "hp-mcore": [
        "model.static.backbone=small", "model.static.widths=[4,4,8,8]", "model.static.width=8",
        *SMALL_VIDEO, "model.dynamic.width=8", "model.skeleton.widths=[8,8]", "model.skeleton.width=8",
        "model.segmentation.width=8", "model.regression.width=8", "model.stand_ins=true",
        "model.recognition.on=true", "model.recognition.width=4",
    ],
    "core": ["model.name=core", *SMALL_VIDEO, "model.dynamic.mixed=false", "model.depth=3", "model.width=8"],
    "usdl": ["model.name=usdl", *SMALL_VIDEO, "model.dynamic.mixed=false", "model.widths=[16,8]"],
}  # fmt: skip
"""Small, with stand-ins and the recognition of dive numbers where a model may have them."""
EXECUTION = PredictionTask(protocol="w/o DN", execution=True)


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
    """The documented model is entered in the table, as its page asks."""
    with patch.dict(BUILDERS, {"vector-difference": documented()["build_vector_difference"]}):
        return build(settings)


@pytest.fixture
def model(settings: BaseModelSettings) -> ActionModel:
    torch.manual_seed(0)
    model = built(settings)
    model.prepare(lambda: [0.5, -1.5, 3.0, 6.0, -9.0])
    return model


def seen_as_the_model_may(model: ActionModel, count: int) -> DiveInputs:
    """Dives of which one lacks what the model can do without, so that whatever stands in for it is used."""
    dives = seen(count)
    last = torch.arange(count) == count - 1
    return replace(dives, has_video=~last) if "video" in model.can_miss else dives


class Given:
    """A source of dives that are the same films whatever their labels say; it may be told other labels."""

    def __init__(self, dives: list[Dive], films: DiveInputs, **labels: torch.Tensor) -> None:
        self.dives = {dive.dive_id: dive for dive in dives}
        self.films, self.labels = films, labels

    def training(self, dive_ids: Sequence[str], *, epoch: int) -> Batch:
        return self.plain(dive_ids)

    def plain(self, dive_ids: Sequence[str]) -> Batch:
        rows = torch.tensor([list(self.dives).index(dive_id) for dive_id in dive_ids])
        dives = [self.dives[dive_id] for dive_id in dive_ids]
        labels = {
            "dive_ids": tuple(dive_ids),
            "edges": torch.tensor([[0, 8, 16, FRAMES]]).expand(len(rows), -1),
            "has_edges": torch.ones(len(rows), dtype=torch.bool),
            "scores": torch.tensor([dive.score for dive in dives]),
            "difficulties": torch.tensor([dive.difficulty or math.nan for dive in dives]),
            "targets": torch.tensor([dive.score for dive in dives]),
            "numbers": torch.tensor([NumberClasses.of(dive.dive_number) for dive in dives]),
        }
        films = {f.name: getattr(self.films, f.name)[rows] for f in fields(self.films)}
        return Batch.of_single_dives(DiveInputs(**films), DiveLabels(**(labels | self.labels)))


@torch.no_grad()
def encoded(model: ActionModel, dives: DiveInputs, ids: tuple[str, ...]) -> Encoded:
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
    assert settings.compares == model.compares == isinstance(model, ContrastiveModel)
    assert isinstance(model, ContrastiveModel | DirectModel)
    assert settings.needs == model.needs
    assert model.segment(model.encode(seen(2))).edges.shape == (2, num_stages(settings.cut) + 1)


def test_every_loss_has_its_name_and_every_parameter_a_gradient(
    settings: BaseModelSettings, model: ActionModel
) -> None:
    batch = batch_of(settings, seen_as_the_model_may(model, 4), [21.0, 18.0, 25.5, 12.0])
    terms = model.losses(batch, FUNCTIONS)
    assert set(terms) == set(model.loss_names)
    assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
    sum(terms.values()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())]
    assert not without


@torch.no_grad()
def test_the_head_for_dive_numbers_says_of_described_frames_what_encoding_says(model: ActionModel) -> None:
    """So the head can be learned anew on descriptions that are made once."""
    model.eval()
    films = seen(2)
    told = model.encode(films).number_logits
    assert (model.number_head is not None) == (told is not None) == model.recognises
    if model.number_head is not None:
        torch.testing.assert_close(model.number_head(model.describe_frames(films.frames)), told)


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


def test_a_bank_of_it_votes_and_its_parts_add_up(model: ActionModel, tmp_path: Path) -> None:
    if not model.compares:
        pytest.skip("it has no exemplars")
    model.eval()
    dives = {d.dive_id: d for d in (makers.dive(k, score=50.0 + 5 * k, difficulty=3.0) for k in range(1, 5))}
    bank = bank_of(encoded(model, seen(4), tuple(dives)), dives, weights_hash(model))
    bank.save(tmp_path / "bank.safetensors", half=False)
    read = ExemplarBank.load(tmp_path / "bank.safetensors")
    query = encoded(model, seen(1, seed=7), ("q",))
    asked, found = makers.dive(99, score=10.0, difficulty=2.0), []
    for held in (bank, read):
        one = predictor_of(model, EXECUTION, held).predict(asked, [query.stages])
        parts = one.stage_deltas.sum(dim=(1, 2)).tolist()
        base = [2.0 * dives[i].score / 3.0 for i in one.prediction.exemplar_ids]
        assert list(one.prediction.votes) == pytest.approx([b + p for b, p in zip(base, parts, strict=True)])
        found.append(one.prediction.score)
    assert found[0] == pytest.approx(found[1])
    with pytest.raises(ConfigError, match="compares with exemplars, and there are none"):
        predictor_of(model, EXECUTION, None)


def test_a_prediction_reads_no_label_of_the_query(model: ActionModel) -> None:
    """Score, marks, number and transitions of the query are others, and nothing that is said of it changes."""
    pool = [makers.dive(k, score=50.0 + 5 * k) for k in range(1, 5)]
    query = makers.dive(99, score=10.0, marks=(5.0,) * 7, dive_number="107B", transitions=(3, 9))
    other = makers.dive(99, score=90.0, marks=(9.5,) * 7, dive_number="5253B", transitions=(40, 80))
    bank = exemplar_bank(model, Given(pool, seen(4)), pool)
    found = []
    for asked, labels in (
        (query, {}),
        (other, {"edges": torch.tensor([[0, 2, 3, FRAMES]]), "scores": torch.tensor([math.nan])}),
    ):
        views = [encode_dives(model, Given([asked], seen(1, seed=7), **labels), [asked.dive_id])]
        (one,) = predictor_of(model, EXECUTION, bank).predict_all(views, {asked.dive_id: asked})
        found.append((one.prediction, views[0]))
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1].edges, found[1][1].edges)
    told, again = (view.stages.named() for _, view in found)
    assert told.keys() == again.keys() and all(torch.equal(told[name], again[name]) for name in told)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(settings: BaseModelSettings, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    dives = [makers.dive(k, score=50.0 + 5 * k) for k in range(1, 6)]
    source = Given(dives, seen(5))

    def loop(name: str, epochs: int) -> Loop:
        torch.manual_seed(3)
        model = built(settings)
        model.prepare(lambda: [0.5, -1.5, 3.0, 6.0, -9.0])
        weights = dict.fromkeys(model.loss_names, 0.01)
        return Loop(
            folder=tmp_path / name,
            components=TrainComponents(
                objective=Objective(model=model, functions=FUNCTIONS, weights=weights),
                model=model,
                optimiser=make_optimiser(model, {}, learning_rate=1e-3),
            ),
            source=source,
            sampler=BatchSampler(
                dives=tuple(dives),
                seed=1,
                pairing="all" if settings.compares else "none",
                group_size=3,
                groups=2,
                protocol="w/o DN",
                cut=settings.cut,
            ),
            schedules=Schedules(epochs=epochs, rate=Schedule(), checkpoint_steps=1, validate_epochs=0),
        )

    whole, first, second = loop("whole", 2), loop("stopped", 1), loop("stopped", 2)
    before = {name: value.clone() for name, value in whole.model.state_dict().items()}
    for one in (whole, first):
        assert len(list(one.run())) > 0
    second.resume()
    assert len(list(second.run())) > 0
    states = whole.model.state_dict(), second.model.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert any(not torch.equal(value, states[0][name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("model.statc.on=true", "unknown setting 'model.statc'.*did you mean 'model.static'"),
        ("model.name=corre", "model.name is 'corre'.*did you mean 'core'"),
        ("model={name: core, thta: 3}", "unknown setting 'model.thta'.*did you mean 'model.theta'"),
        ("model={name: core, depth: 1}", "model.depth is 1"),
        ("model={name: core, dynamic: {mixed: true}}", "model is .*set model.dynamic.on=true"),
        ("model={name: usdl, dynamic: {mixed: true}}", "model is .*set model.dynamic.on=true"),
        ("model={name: usdl, readout: mean}", "model.readout is 'mean'"),
        ("batches.pairing=none", "learns from pairs; set it to all or one-partner"),
    ],
)
def test_settings_of_the_named_model_are_checked(override: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){told}"):
        load_config(TrainSettings, None, [override])
