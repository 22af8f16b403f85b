"""One test of everything a model must do, over presets and over the rows of the paper's tables."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stagescore.batch import Batch, DiveLabels
from stagescore.card_files import weights_hash
from stagescore.config import load_config
from stagescore.diving import NumberClasses
from stagescore.errors import ConfigError, DataError
from stagescore.models import build
from stagescore.models.base import LossFunctions
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.models.hp_mcore.settings import HPMCoReSettings
from stagescore.tensors import DiveInputs, StageFeatures
from stagescore.training.assembly.model import make_objective
from stagescore.training.settings import ObjectiveSettings

# A model small enough for a test: one clip's worth of frames, tiny widths.
TINY = {
    "static": {"backbone": "small", "widths": [8, 8, 8, 8], "width": 8},
    "dynamic": {"trunk": "small", "widths": [8, 8, 8, 8], "width": 8},
    "skeleton": {"widths": [8, 8], "width": 8},
    "segmentation": {"width": 8},
    "regression": {"width": 8, "heads": 2, "layers": 1},
}
FRAMES = 24

# Rows of Tables III to VII and IX, each by configuration alone.
TABLES: dict[str, dict[str, object]] = {
    "full": {},
    "III DVE": {"static.on": False, "skeleton.on": False},
    "III SVE": {"dynamic.on": False, "skeleton.on": False},
    "III HSE": {"static.on": False, "dynamic.on": False},
    "III DVE+HSE": {"static.on": False},
    "III DVE+SVE": {"skeleton.on": False},
    "IV level 1": {"skeleton.levels": [1]},
    "IV level 2": {"skeleton.levels": [2]},
    "IV level 3": {"skeleton.levels": [3]},
    "IV pair": {"skeleton.levels": [1, 3]},
    "IV without EdgeConv": {"skeleton.edge_conv": False},
    "V 1": {"segmentation.stages": "1"},
    "V 2": {"segmentation.stages": "2"},
    "V 2*": {"segmentation.stages": "2*"},
    "VI fully connected": {"segmentation.network": "fully-connected"},
    "VI TCN": {"segmentation.network": "tcn"},
    "VI ASFormer": {"segmentation.network": "asformer"},
    "VII 3": {"pooling.steps": 3},
    "VII 10": {"pooling.steps": 10},
    "IX addition": {"fusion.mode": "addition"},
    "IX dot product": {"fusion.mode": "dot-product"},
    "skeleton values": {"fusion.skeleton_values": True},
    "release": {
        "static.multi_branch": False,
        "dynamic.mixed": False,
        "skeleton.grouping": "release",
        "skeleton.levels": [1, 2, 3, 4],
        "segmentation.reads": "static",
        "segmentation.decoding": "equal-shares",
        "pooling.overlap": 1,
        "regression.average_branches": True,
        "regression.stage_weights": "sum",
    },
    "with stand-ins": {"stand_ins": True, "skeleton.relative": True},
    "recognises the dive number": {"recognition.on": True},
    "nano's branches": {
        "stand_ins": True,
        "fusion.skeleton_values": True,
        "regression.average_branches": True,
    },
}


def settings(row: str) -> HPMCoReSettings:
    overrides = [
        f"{group}={{{', '.join(f'{k}: {str(v).lower() if isinstance(v, bool) else v}' for k, v in inner.items())}}}"
        for group, inner in TINY.items()
    ]
    base = load_config(HPMCoReSettings, None, overrides).model_dump()
    for key, value in TABLES[row].items():
        group, _, name = key.rpartition(".")
        (base[group] if group else base)[name] = value
    return HPMCoReSettings.model_validate(base)


def model_of(row: str) -> HPMCoRe:
    torch.manual_seed(0)
    return build(settings(row))


def dives(count: int = 3, seed: int = 0) -> DiveInputs:
    random = torch.Generator().manual_seed(seed)
    return DiveInputs(
        frames=torch.randint(0, 256, (count, FRAMES, 3, 32, 32), generator=random, dtype=torch.uint8),
        joints=torch.rand(count, FRAMES, 16, 3, generator=random) - torch.tensor([0.5, 0.5, 0.0]),
        has_video=torch.ones(count, dtype=torch.bool),
        has_skeleton=torch.ones(count, dtype=torch.bool),
    )


def edges_for(model: HPMCoRe, count: int) -> torch.Tensor:
    stages = model.regression.stage_weights().shape[0]
    return torch.tensor([[FRAMES * k // stages for k in range(stages + 1)]] * count)


def training_batch(model: HPMCoRe, seen: DiveInputs | None = None) -> Batch:
    seen = seen or dives(4)
    count = len(seen.has_video)
    scores = torch.tensor([50.0, 60.0, 75.0, 90.0])[:count]
    numbers = torch.tensor([NumberClasses.of(code) for code in ("107B", "5253B", None, "626C")])[:count]
    return Batch(
        seen=seen,
        labels=DiveLabels(
            dive_ids=("a", "b", "c", "d")[:count],
            edges=edges_for(model, count),
            has_edges=torch.ones(count, dtype=torch.bool),
            scores=scores,
            difficulties=torch.full((count,), 3.0),
            targets=scores,
            numbers=numbers,
        ),
        pairs=torch.tensor([[0, 1], [2, 3]]),
        pair_groups=torch.tensor([0, 1]),
        members=torch.tensor([[0, 0], [1, 0], [2, 1], [3, 1]]),
        num_groups=2,
    )


def with_labels(batch: Batch, **labels: torch.Tensor) -> Batch:
    return replace(batch, labels=replace(batch.labels, **labels))


@pytest.fixture(params=TABLES, scope="module")
def model(request: pytest.FixtureRequest) -> HPMCoRe:
    return model_of(request.param)


def test_encodes_cuts_and_compares(model: HPMCoRe) -> None:
    model.eval()
    with torch.no_grad():
        features = model.encode(dives())
        edges = model.segment(features).edges
        assert (edges[:, 0] == 0).all() and (edges[:, -1] == FRAMES).all() and (edges.diff(dim=1) > 0).all()
        stages = model.represent(features, edges)
        asking, asked = stages.select(torch.tensor([0, 0])), stages.select(torch.tensor([1, 2]))
        comparison = model.compare(asking, asked, torch.zeros(2))
    assert comparison.delta.shape == (2,)
    torch.testing.assert_close(comparison.delta, comparison.stage_deltas.sum(dim=(1, 2)))


def test_every_parameter_has_a_gradient_and_every_loss_its_name(model: HPMCoRe) -> None:
    model.train()
    objective = make_objective(model, ObjectiveSettings())
    seen = dives(4)
    if model.stand_ins is not None:
        seen = DiveInputs(
            frames=seen.frames,
            joints=seen.joints,
            has_video=torch.tensor([True, True, True, False]),
            has_skeleton=torch.tensor([True, False, True, True]),
        )
    model.zero_grad()
    terms = objective(training_batch(model, seen))
    assert set(terms) == {*model.loss_names, "total"}
    terms["total"].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    missing = [n for n, p in model.named_parameters() if not p.grad.abs().max() > 0]  # type: ignore[union-attr]
    # ReLUs of so small a network may be dead; a part that is never reached is not.
    assert len(missing) <= 0.1 * len(list(model.parameters())), missing


def test_a_batch_is_the_same_as_its_dives_one_by_one(model: HPMCoRe) -> None:
    model.eval()
    seen = dives()
    with torch.no_grad():
        edges = edges_for(model, 3)
        together = model.represent(model.encode(seen), edges)
        for k in range(3):
            one = DiveInputs(
                frames=seen.frames[k : k + 1] if seen.frames is not None else None,
                joints=seen.joints[k : k + 1] if seen.joints is not None else None,
                has_video=seen.has_video[k : k + 1],
                has_skeleton=seen.has_skeleton[k : k + 1],
            )
            alone = model.represent(model.encode(one), edges[k : k + 1])
            for a, b in ((together.fused, alone.fused), (together.static, alone.static)):
                if a is not None and b is not None:
                    torch.testing.assert_close(a[k : k + 1], b, atol=1e-5, rtol=1e-4)


def test_saved_and_loaded_it_is_the_same(model: HPMCoRe, tmp_path: Path) -> None:
    model.eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    state = torch.load(tmp_path / "weights.pt", weights_only=True)
    before = weights_hash(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert weights_hash(model) != before
    model.load_state_dict(state)
    assert weights_hash(model) == before


def test_the_same_twice_in_eval(model: HPMCoRe) -> None:
    model.eval()
    with torch.no_grad():
        first, second = (model.encode(dives()) for _ in range(2))
    for a, b in (
        (first.static, second.static),
        (first.dynamic, second.dynamic),
        (first.skeleton, second.skeleton),
    ):
        assert a is None or (b is not None and torch.equal(a, b))


def test_teacher_forcing_is_a_value_not_a_second_forward() -> None:
    model = model_of("full").eval()
    with torch.no_grad():
        features = model.encode(dives())
        own = model.segment(features).edges
        other = torch.tensor([[0, 5, 11, FRAMES]] * 3)
        assert not torch.equal(own, other)
        a, b = model.represent(features, own), model.represent(features, other)
    assert a.fused is not None and b.fused is not None and not torch.allclose(a.fused, b.fused)


def test_without_a_skeleton_the_alpha_term_is_zero() -> None:
    model = model_of("full").eval()
    seen = dives()
    blind = DiveInputs(
        frames=seen.frames, has_video=seen.has_video, has_skeleton=torch.zeros(3, dtype=torch.bool)
    )
    with torch.no_grad():
        edges = edges_for(model, 3)
        without = model.represent(model.encode(blind), edges)
        assert model.fusion is not None and model.fusion.alpha is not None
        model.fusion.alpha.zero_()
        zero = model.represent(model.encode(seen), edges)
    assert without.fused is not None and zero.fused is not None
    torch.testing.assert_close(without.fused, zero.fused)


def test_a_dive_without_video_can_be_scored_where_stand_ins_were_learned() -> None:
    seen = dives()
    unseen = DiveInputs(
        joints=seen.joints, has_video=torch.zeros(3, dtype=torch.bool), has_skeleton=seen.has_skeleton
    )
    model = model_of("with stand-ins").eval()
    with torch.no_grad():
        features = model.encode(unseen)
        stages = model.represent(features, model.segment(features).edges)
        assert model.compare(stages, stages, torch.zeros(3)).delta.isfinite().all()
    with pytest.raises(DataError, match=r"no video, and this model cannot do without it.*modality dropout"):
        model_of("full").eval().encode(unseen)


def test_a_model_that_reads_the_skeleton_alone_refuses_a_dive_without_one() -> None:
    lacking = replace(dives(), has_skeleton=torch.tensor([True, False, True]))
    with pytest.raises(DataError, match=r"no skeleton, and this model cannot do without it.*give its joints"):
        model_of("III HSE").eval().encode(lacking)
    assert model_of("full").eval().encode(lacking).has_skeleton.tolist() == [True, False, True]


def test_settings_that_make_no_model_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        load_config(HPMCoReSettings, None, ["static.on=false", "dynamic.on=false", "skeleton.on=false"])


def test_the_segmentation_reads_what_there_is_where_its_branch_is_off() -> None:
    tiny = settings("full").model_dump()
    tiny["skeleton"]["on"], tiny["segmentation"]["reads"] = False, "skeleton"
    assert build(HPMCoReSettings.model_validate(tiny)).segmentation.reads == "dynamic"


def test_a_weight_for_a_loss_the_model_lacks_is_refused() -> None:
    from stagescore.losses.contrast import stage_contrast
    from stagescore.losses.segmentation import segmentation_losses
    from stagescore.training.objective import Objective

    with pytest.raises(ConfigError, match="one weight a loss"):
        Objective(
            model=model_of("full"),
            functions=LossFunctions(segmentation=segmentation_losses, contrast=stage_contrast),
            weights={"score": 1.0},
        )


def test_a_missing_label_does_not_reach_the_loss() -> None:
    """A dive without labelled stages is cut where the model would cut it, and not segmented."""
    model = model_of("full").train()
    objective = make_objective(model, ObjectiveSettings())
    batch = training_batch(model)
    masked = with_labels(
        batch, edges=batch.labels.edges.clone(), has_edges=torch.tensor([True, True, False, False])
    )
    torch.manual_seed(0)
    first = objective(masked)
    masked.labels.edges[2:] = torch.tensor([0, 1, 2, FRAMES])
    torch.manual_seed(0)
    second = objective(masked)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_head_for_dive_numbers_changes_nothing_else() -> None:
    """The other parts begin with the same weights, and the other losses are the same numbers."""
    plain, recognising = model_of("full"), model_of("recognises the dive number")
    state = plain.state_dict()
    more = recognising.state_dict()
    assert {name for name in more if name not in state} == {
        name for name in more if name.startswith("encoders.numbers.")
    }
    assert all(torch.equal(more[name], value) for name, value in state.items())
    terms, with_number = (
        make_objective(model.eval(), ObjectiveSettings())(training_batch(model))
        for model in (plain, recognising)
    )
    assert with_number.keys() - terms.keys() == {"number"}
    assert all(torch.equal(with_number[name], terms[name]) for name in terms if name != "total")
    torch.testing.assert_close(with_number["total"], terms["total"] + 0.1 * with_number["number"])


def test_an_unknown_dive_number_does_not_reach_the_loss() -> None:
    model = model_of("recognises the dive number").eval()
    objective = make_objective(model, ObjectiveSettings())
    batch = training_batch(model)
    first = objective(batch)["number"]
    assert torch.equal(objective(with_labels(batch, targets=batch.labels.targets + 1))["number"], first)
    # The group of the third and fourth dive then knows nothing and counts with 0.
    batch.labels.numbers[3] = -1
    first_group = replace(
        batch,
        num_groups=1,
        members=batch.members[:2],
        pairs=batch.pairs[:1],
        pair_groups=batch.pair_groups[:1],
    )
    torch.testing.assert_close(objective(batch)["number"], objective(first_group)["number"] / 2)
    batch.labels.numbers[:] = -1
    assert objective(batch)["number"] == 0


@torch.no_grad()
def test_an_averaged_branch_that_reads_the_skeleton_is_not_asked_of_a_dive_without_one() -> None:
    """Whatever else is in the batch, and whoever of the two lacks it; other dives are averaged as ever."""
    model = model_of("nano's branches").eval()
    batch = dives(4)
    batch = replace(batch, has_skeleton=torch.tensor([True, False, True, True]))
    features = model.encode(batch)
    stages = model.represent(features, edges_for(model, 4))
    asking, asked = torch.tensor([0, 1, 2, 0]), torch.tensor([2, 2, 1, 3])
    pairs = stages.select(asking), stages.select(asked), torch.zeros(4)
    whole = model.compare(*pairs).delta
    fused, static = (model.single_branch(branch).compare(*pairs).delta for branch in ("fused", "static"))
    lacking = torch.tensor([False, True, True, False])
    torch.testing.assert_close(whole, torch.where(lacking, static, (fused + static) / 2))
    assert not torch.isclose(fused, static).any()
    # The same alone, and joined again.
    alone = [stages.select(torch.tensor([k])) for k in range(4)]
    again = StageFeatures.join(alone)
    torch.testing.assert_close(
        model.compare(again.select(asking), again.select(asked), torch.zeros(4)).delta, whole
    )
    assert model.represent(model.encode(dives(2)), edges_for(model, 2)).has_fused is None
