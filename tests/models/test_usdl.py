"""USDL: what is learned from a score, what is read out of a distribution, and how its pieces are made."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from made_batches import FUNCTIONS, batch_of, seen

from stagescore.config import load_config
from stagescore.errors import DataError
from stagescore.losses.score_distribution import distribution_losses, gaussian_targets
from stagescore.models import build
from stagescore.models.usdl import USDL, USDLSettings
from stagescore.regression.mlp_head import mlp_head
from stagescore.tensors import ClipVectors, DiveInputs, ScoreDistribution
from stagescore.training.settings import TrainSettings
from stagescore.weights.checkpoint import in_half_precision

SMALL = {"trunk": "small", "widths": (4, 4, 8, 8), "mixed": False}


def tiny(**changes: object) -> USDL:
    torch.manual_seed(0)
    model = build(USDLSettings(name="usdl", dynamic=SMALL, widths=(16, 8), **changes))  # type: ignore[arg-type]
    assert isinstance(model, USDL)
    return model.eval()


def vectors(model: USDL, count: int) -> ClipVectors:
    width = model.encoders.dynamic.width
    return ClipVectors(vectors=torch.randn(count, width, generator=torch.Generator().manual_seed(1)))


def test_the_published_head_has_as_many_parameters_as_the_official_code() -> None:
    head = mlp_head(in_width=1024, widths=(256, 128), out_width=101)
    assert sum(p.numel() for p in head.parameters()) == 308_325  # official code, counted
    assert [type(layer).__name__ for layer in head] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_defaults_are_the_published_ones() -> None:
    settings = USDLSettings(name="usdl")
    assert (settings.bins, settings.sigma, settings.highest) == (101, 5.0, 104.5)
    assert (settings.widths, settings.dynamic.trunk) == ((256, 128), "i3d")
    assert settings.readout == "expectation" and settings.loss_per_bin


def test_a_target_is_a_gaussian_over_the_bins_around_the_score() -> None:
    """A plain loop over bins, as the paper writes it."""
    values = torch.linspace(0, 104.5, 101)
    scores = torch.tensor([0.0, 62.7, 104.5])
    found = gaussian_targets(scores, values, 5.0).exp()
    for row, score in enumerate(scores.tolist()):
        centre = score * 100 / 104.5
        density = [math.exp(-((c - centre) ** 2) / (2 * 25.0)) for c in range(101)]
        assert found[row].tolist() == pytest.approx([d / sum(density) for d in density], abs=1e-6)
    assert (found[1] * values).sum().item() == pytest.approx(62.7, abs=1e-3)


def test_a_score_far_beyond_the_last_bin_still_has_a_target() -> None:
    target = gaussian_targets(torch.tensor([5_000.0]), torch.linspace(0, 30, 31), 1.0)
    assert target.isfinite().all() and target.exp().argmax() == 30


def test_the_loss_is_the_divergence_of_a_plain_loop() -> None:
    random = torch.Generator().manual_seed(2)
    said = torch.randn(3, 7, generator=random).log_softmax(1)
    wanted = torch.randn(3, 7, generator=random).log_softmax(1)
    by_hand = [
        sum(math.exp(q) * (q - p) for p, q in zip(*rows, strict=True))
        for rows in zip(said.tolist(), wanted.tolist(), strict=True)
    ]
    assert distribution_losses(said, wanted).tolist() == pytest.approx(by_hand, rel=1e-5)


def test_the_loss_of_a_model_is_that_of_the_official_code() -> None:
    """`KLDivLoss()` of PyTorch, as the official code calls it, is a mean over dives and bins."""
    model, scores = tiny(bins=21), [20.0, 50.0, 60.0, 90.0]
    batch = batch_of(USDLSettings(name="usdl"), seen(4), scores)
    found = model.losses(batch, FUNCTIONS)["distribution"]
    features = model.encode(batch.seen)
    said = model.predict(model.represent(features, model.segment(features).edges)).probabilities.log()
    wanted = gaussian_targets(torch.tensor(scores), model.values, model.sigma).exp()
    official = torch.nn.functional.kl_div(said, wanted, reduction="none").mean()
    assert found.item() == pytest.approx(official.item(), rel=1e-4)


def test_half_precision_rounds_the_weights_and_not_the_bins_of_the_score() -> None:
    model = tiny()
    rounded = in_half_precision(model)
    assert isinstance(rounded, USDL) and torch.equal(rounded.values, model.values)
    assert not torch.equal(rounded.values, rounded.values.half().float())
    assert not torch.equal(rounded.head[0].weight, model.head[0].weight)


def test_the_two_losses_of_a_model_differ_by_the_number_of_bins() -> None:
    found = []
    for per_bin in (True, False):
        model = tiny(bins=21, loss_per_bin=per_bin)
        settings = USDLSettings(name="usdl")
        terms = model.losses(batch_of(settings, seen(4), [20.0, 50.0, 60.0, 90.0]), FUNCTIONS)
        found.append(terms["distribution"].item())
    assert found[1] == pytest.approx(21 * found[0], rel=1e-5)


def test_it_learns_the_scores_of_two_dives() -> None:
    model, settings = tiny(loss_per_bin=False), USDLSettings(name="usdl")
    batch, wanted = batch_of(settings, seen(2), [30.0, 80.0]), [30.0, 80.0]
    with torch.no_grad():
        features = model.encode(batch.seen)  # once: what is learned here is the head
    batch = replace(batch, seen=features)
    optimiser = torch.optim.Adam(model.head.parameters(), 0.03)
    for _ in range(150):
        optimiser.zero_grad()
        model.losses(batch, FUNCTIONS)["distribution"].backward()
        optimiser.step()
    with torch.no_grad():
        found = model.predict(model.represent(features, model.segment(features).edges))
    assert found.mean.tolist() == pytest.approx(wanted, abs=2.0)
    # The target's own spread is 5 bins of 1.045 points.
    assert found.sd.tolist() == pytest.approx([5.2, 5.2], abs=1.0)


def test_the_expectation_tells_dives_apart_that_share_the_likeliest_bin() -> None:
    model = tiny()
    dives = vectors(model, 40)
    mean = model.predict(dives)
    likeliest = tiny(readout="argmax").predict(dives)
    assert torch.equal(mean.probabilities, likeliest.probabilities)
    assert torch.allclose(mean.probabilities.sum(1), torch.ones(40))
    torch.testing.assert_close(mean.chosen, mean.mean)
    assert set(likeliest.chosen.tolist()) <= set(model.values.tolist())
    assert len(set(likeliest.chosen.tolist())) < len(set(mean.chosen.tolist())) == 40


@pytest.mark.parametrize("trunk", ["i3d", "mobilenetv2", "efficientnet-lite0"])
def test_it_stands_behind_other_video_networks(trunk: str) -> None:
    overrides = ["model.name=usdl", "model.dynamic.mixed=false", f"model.dynamic.trunk={trunk}"]
    model = build(load_config(TrainSettings, None, overrides).model).eval()
    assert isinstance(model, USDL)
    yes = torch.ones(1, dtype=torch.bool)
    frames = torch.zeros(1, 16, 3, 32, 32, dtype=torch.uint8)
    with torch.no_grad():
        features = model.encode(DiveInputs(frames=frames, has_video=yes, has_skeleton=~yes))
        found = model.predict(model.represent(features, model.segment(features).edges))
    assert found.probabilities.shape == (1, 101)


def test_a_dive_without_a_film_is_refused() -> None:
    model, yes = tiny(), torch.ones(1, dtype=torch.bool)
    dive = DiveInputs(
        frames=torch.zeros(2, 16, 3, 32, 32, dtype=torch.uint8),
        joints=torch.zeros(2, 16, 16, 3),
        has_video=torch.tensor([True, False]),
        has_skeleton=torch.cat([yes, yes]),
    )
    with pytest.raises(DataError, match="no video, and this model cannot do without it"):
        model.encode(dive)


def test_quantiles_and_the_interval_of_a_distribution_are_those_of_its_bins() -> None:
    values = torch.tensor([[10.0, 20.0, 30.0, 40.0]])
    told = ScoreDistribution(
        values=values, probabilities=torch.tensor([[0.1, 0.4, 0.4, 0.1]]), chosen=torch.tensor([25.0])
    )
    assert told.mean.item() == pytest.approx(25.0)
    assert told.sd.item() == pytest.approx(math.sqrt(0.1 * 225 * 2 + 0.4 * 25 * 2))
    assert told.quantile(0.5).item() == pytest.approx(25.0)
    assert told.quantile(0.1).item() == pytest.approx(15.0)
    assert told.quantile(0.0).item() == pytest.approx(5.0)
    assert told.quantile(1.0).item() == pytest.approx(45.0)
    assert told.interval(0.9)[0].tolist() == pytest.approx([10.0, 40.0])
    certain = ScoreDistribution(
        values=values, probabilities=torch.tensor([[0.0, 0.0, 1.0, 0.0]]), chosen=torch.tensor([30.0])
    )
    assert certain.interval(0.9)[0].tolist() == pytest.approx([25.5, 34.5])
    both = ScoreDistribution.mean_of([told, certain])
    assert both.chosen.item() == pytest.approx(27.5) and both.mean.item() == pytest.approx(27.5)
    with pytest.raises(DataError, match="two bins or more"):
        ScoreDistribution(values=values[:, :1], probabilities=torch.ones(1, 1), chosen=torch.ones(1))
