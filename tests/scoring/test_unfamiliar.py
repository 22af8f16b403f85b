"""Of two networks the one speaks that knows such films, and a score comes from the film as far as the film is familiar."""

import csv
import io
import math
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives
import tiny_runs
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import made_scorer

from stagescore.card_files import weights_hash
from stagescore.data.samples import Samples
from stagescore.data.score_prior import Expectation
from stagescore.errors import CheckpointError
from stagescore.inference.exemplar_bank import ExemplarBank
from stagescore.inference.familiarity import Familiarity, descriptors, film_share
from stagescore.models.hp_mcore import HPMCoRe
from stagescore.report.dive_report import dive_report
from stagescore.report.pictures import Pictures
from stagescore.report.score_breakdown import PRIOR_PART, breakdown_of
from stagescore.scoring import batch
from stagescore.scoring.blending import blended, blended_half_width
from stagescore.scoring.result import Result
from stagescore.scoring.scoring_network import ScoringNetwork, load_networks
from stagescore.tensors import DiveInputs
from stagescore.types import Dive
from stagescore.weights import registry
from stagescore.weights.checkpoint import load_weights, save_weights

KNOWN: dict[str, Any] = {"dive_number": "107B", "difficulty": 3.0, "height_m": 10.0}


def inverted(dives: DiveInputs) -> DiveInputs:
    """Another kind of film: dark is bright."""
    assert dives.frames is not None
    return replace(dives, frames=255 - dives.frames)


def familiar_with(model: HPMCoRe, dives: DiveInputs) -> Familiarity:
    """As if trained on many films like these."""
    with torch.no_grad():
        features = model.encode(
            replace(dives, has_skeleton=torch.zeros(len(dives.has_video), dtype=torch.bool))
        )
        found = descriptors(model.represent(features, model.segment(features).edges))
    random = torch.Generator().manual_seed(1)
    many = found.repeat(12, 1)
    return Familiarity.fit(many + 0.3 * found.std(dim=0) * torch.randn(many.shape, generator=random))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ScoringNetwork]:
    """The same network twice, as if trained on films as they are and on inverted ones."""
    (network,) = made_scorer.scorer(tmp_path_factory).scoring_networks
    dives = stored_dives.dives(tmp_path_factory)
    samples = Samples(stored_dives.store(tmp_path_factory), dives)
    seen = samples.inputs([dive.dive_id for dive in dives[1:]])
    found = {}
    for name, kind in (("plain", seen), ("inverted", inverted(seen))):
        card = network.card.model_copy(update={"name": name, "shown_on": f"{name} films"})
        found[name] = replace(network, card=card, familiarity=familiar_with(network.model, kind))
    return found


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A dive that neither network knows, as it is and inverted."""
    dive: Dive = stored_dives.dives(tmp_path_factory)[0]
    images = [np.array(Image.open(path)) for path in sorted(Path(str(dive.frames_path)).glob("*.jpg"))]
    other = made_scorer.write_frames(tmp_path_factory.mktemp("films") / "inverted", [255 - i for i in images])
    return {"plain": str(dive.frames_path), "inverted": str(other)}


@pytest.mark.parametrize("kind", ["plain", "inverted"])
def test_each_film_goes_to_the_network_that_knows_its_kind(
    two: dict[str, ScoringNetwork], film: dict[str, str], kind: str
) -> None:
    other = "inverted" if kind == "plain" else "plain"
    result = made_scorer.scorer_of(two["plain"], two["inverted"]).score(film[kind])
    assert result.status == "ok" and result.networks is not None
    assert result.networks.weights == kind and result.networks.shown_on == f"{kind} films"
    asked = result.networks.asked
    assert result.unfamiliarity == asked[kind] < asked[other]
    alone = made_scorer.scorer_of(two[kind]).score(film[kind])
    assert result.score == alone.score
    # Nothing is mixed where the card does not ask for it.
    assert result.film_share is None and (result.prior is None or result.prior.part == 0)


def test_a_network_that_knows_no_films_speaks_only_if_no_other_knows(
    two: dict[str, ScoringNetwork], film: dict[str, str]
) -> None:
    without = replace(two["inverted"], familiarity=None)
    assert made_scorer.scorer_of(without, two["plain"]).score(film["inverted"]).networks.weights == "plain"
    alone = made_scorer.scorer_of(without).score(film["plain"])
    assert alone.networks.weights == "inverted" and alone.unfamiliarity is None


@pytest.mark.parametrize(("distance", "speaks"), [(0.9, "plain"), (1.5, "inverted")])
def test_a_network_without_a_prior_speaks_of_films_like_its_own_only(
    two: dict[str, ScoringNetwork], film: dict[str, str], distance: float, speaks: str
) -> None:
    without_prior = replace(two["plain"], familiarity=made_scorer.always(distance))
    with_prior = made_scorer.executing(two["inverted"], 1.9)
    result = made_scorer.scorer_of(without_prior, with_prior).score(film["plain"], **KNOWN)
    assert result.networks is not None and result.networks.weights == speaks
    # Where it is the only one it speaks all the same.
    assert made_scorer.scorer_of(without_prior).score(film["plain"], **KNOWN).networks.weights == "plain"


def test_the_parts_with_that_of_the_prior_add_up_to_the_score(
    two: dict[str, ScoringNetwork], film: dict[str, str]
) -> None:
    results = {
        d: made_scorer.scorer_of(made_scorer.executing(two["plain"], d)).score(film["plain"], **KNOWN)
        for d in (0.5, 1.8, 2.6)
    }
    network_score = results[0.5].score
    for distance, result in results.items():
        assert result.status == "ok" and result.prior is not None
        share = film_share(distance)
        assert result.film_share == pytest.approx(share)
        assert result.score == pytest.approx(share * network_score + (1 - share) * result.prior.score)
        votes = np.mean([vote.vote for vote in result.exemplars])
        assert result.score == pytest.approx(votes + result.prior.part)
        balance = breakdown_of(result)
        assert (PRIOR_PART in balance.names) == (distance > 1)
        assert "prior" in dive_report(result, Pictures()) and "has been shown to work on" in dive_report(
            result, Pictures()
        )
    halves = [(r.interval[1] - r.interval[0]) / 2 for r in results.values()]
    assert halves == sorted(halves) and halves[0] < halves[1]
    assert results[1.8].prior.group == "107B, 10 m" and results[1.8].prior.num_dives > 100


def test_an_unfamiliar_film_has_no_score_and_everything_else(
    two: dict[str, ScoringNetwork], film: dict[str, str], tmp_path: Path
) -> None:
    far = made_scorer.executing(two["plain"], 3.5)
    scorer = made_scorer.scorer_of(far)
    result = scorer.score(film["plain"], **KNOWN)
    assert (result.status, result.score, result.interval) == ("needs_review", None, None)
    assert [reason.code for reason in result.reasons] == ["unfamiliar"]
    assert len(result.stages) == 3 and result.events.first_airborne_frame is not None
    assert result.film_share < 0.2 and result.prior is not None and not result.exemplars
    page = dive_report(result, Pictures())
    assert "expected" in page and "3.5 times" in page
    (row,) = csv.DictReader(io.StringIO(batch.summary_csv([result]).decode()))
    assert row["network"] == "plain" and float(row["unfamiliarity"]) == 3.5
    assert float(row["film_share"]) == pytest.approx(result.film_share, abs=1e-3)
    assert float(row["prior_score"]) == pytest.approx(result.prior.score, abs=0.01)
    assert float(row["prior_sd"]) == pytest.approx(result.prior.sd, abs=0.01)
    assert Result.model_validate_json(result.to_bytes()) == result
    # Not too far: there is a score again.
    assert (
        made_scorer.scorer_of(made_scorer.executing(two["plain"], 2.9)).score(film["plain"], **KNOWN).status
        == "ok"
    )
    # Without a difficulty there is neither a prior nor a score.
    bare = made_scorer.scorer_of(made_scorer.executing(two["plain"], 1.5)).score(film["plain"])
    assert (bare.reasons[0].code, bare.prior, bare.score) == ("no-difficulty", None, None)


def test_what_is_expected_depends_on_who_dives(two: dict[str, ScoringNetwork], film: dict[str, str]) -> None:
    scorer = made_scorer.scorer_of(made_scorer.executing(two["plain"], 2.0))
    groups = {sex: scorer.score(film["plain"], sex=sex, **KNOWN).prior for sex in ("men", "women")}
    assert [prior.group for prior in groups.values()] == ["107B, 10 m, men", "107B, 10 m, women"]


def test_a_mirrored_film_gets_the_same_score(
    two: dict[str, ScoringNetwork], film: dict[str, str], tmp_path: Path
) -> None:
    images = [np.array(Image.open(path)) for path in sorted(Path(film["plain"]).glob("*.jpg"))]
    for name, change in (("as-filmed", lambda image: image), ("mirrored", lambda image: image[:, ::-1])):
        made_scorer.write_frames(tmp_path / name, [np.ascontiguousarray(change(image)) for image in images])
    both = replace(two["plain"], card=two["plain"].card.model_copy(update={"mirrored": True}))
    found = {}
    for name, network in (("both", both), ("one", two["plain"])):
        scorer = made_scorer.scorer_of(network)
        found[name] = [
            scorer.score(tmp_path / film_name, exemplars=len(network.bank))
            for film_name in ("as-filmed", "mirrored")
        ]
    first, second = found["both"]
    assert first.score == pytest.approx(second.score, abs=1e-3)
    assert first.unfamiliarity == pytest.approx(second.unfamiliarity, rel=1e-3)
    assert abs(found["one"][0].score - found["one"][1].score) > 2e-3
    assert first.score == pytest.approx(np.mean([one.score for one in found["one"]]), abs=1e-3)
    assert sum(s.difference for s in first.stages) + np.mean(
        [v.score for v in first.exemplars]
    ) == pytest.approx(first.score)


@settings(max_examples=60, deadline=None)
@given(
    half=st.floats(1, 40),
    sd=st.floats(1, 25),
    distances=st.lists(st.floats(0, 12), min_size=2, max_size=6),
    scale=st.floats(0.2, 4),
)
def test_intervals_only_grow_with_the_distance(
    half: float, sd: float, distances: list[float], scale: float
) -> None:
    found = [
        blended_half_width(half, sd, unfamiliarity=distance, scale=scale) for distance in sorted(distances)
    ]
    assert all(one <= two + 1e-9 for one, two in pairwise(found))
    assert blended_half_width(half, sd, unfamiliarity=1.0, scale=scale) == pytest.approx(half)
    for distance, width in zip(sorted(distances), found, strict=True):
        share, beyond = film_share(distance, scale), max(distance - 1, 0)
        mixture = math.sqrt(share * (half * (1 + beyond)) ** 2 + (1 - share) * sd**2)
        assert width >= mixture - 1e-9


def test_a_blend_lies_between_the_network_and_the_prior() -> None:
    prior = Expectation(score=70.0, sd=10.0, num_dives=20, group="107B, 10 m")
    found = blended(90.0, (78.0, 102.0), prior, unfamiliarity=2.0, scale=1.0)
    assert (found.score, found.prior_part) == (80.0, -10.0)
    assert found.interval is not None
    assert found.interval[1] - 80.0 == pytest.approx(math.sqrt(0.5 * 24**2 + 0.5 * (1.6449 * 10) ** 2))
    assert blended(90.0, None, prior, unfamiliarity=2.0, scale=1.0).interval is None
    assert blended(90.0, (78.0, 102.0), prior, unfamiliarity=0.3, scale=1.0).score == 90.0


def test_all_networks_that_ship_are_asked_and_a_bank_chooses_its_own(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_scorer.weights_dir(tmp_path_factory)
    first = load_weights("tiny", folder)
    other = tiny_runs.make_model(tiny_runs.settings()).eval()
    next(other.parameters()).data.add_(1.0)
    card = first.card.model_copy(update={"name": "other", "weights_hash": weights_hash(other)})
    bank = ExemplarBank.load(folder / "tiny-bank.safetensors")
    for name in ("tiny.safetensors", "tiny-bank.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    save_weights(tmp_path / "other.safetensors", other, card)
    replace(bank, weights_hash=card.weights_hash).save(tmp_path / "other-bank.safetensors")
    nano = next(network for network in registry.SHIPPED if network.role == "scorer")
    listed = [replace(nano, name=f"{name}.safetensors") for name in ("tiny", "other", "not-yet-there")]
    monkeypatch.setattr(registry, "SHIPPED", tuple(listed))
    assert [one.card.name for one in load_networks(weights_dir=tmp_path)] == ["tiny", "other"]
    assert [one.card.name for one in load_networks("other", weights_dir=tmp_path)] == ["other"]
    own = tmp_path / "own.safetensors"
    own.write_bytes((tmp_path / "other-bank.safetensors").read_bytes())
    assert [one.card.name for one in load_networks(bank=own, weights_dir=tmp_path)] == ["other"]
    replace(bank, weights_hash="0" * 64).save(own)
    with pytest.raises(CheckpointError, match="build the bank again"):
        load_networks(bank=own, weights_dir=tmp_path)
    monkeypatch.setattr(registry, "SHIPPED", tuple(listed[2:]))
    with pytest.raises(CheckpointError, match="no network that scores"):
        load_networks(weights_dir=tmp_path)
