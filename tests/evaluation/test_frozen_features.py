"""A ridge on the features of a network that nothing was trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives
import torch
from evaluation_standins import weights_file

from stagescore.data.clip_store import ClipStore
from stagescore.errors import CheckpointError
from stagescore.evaluation.frozen_features import (
    PENALTIES,
    FrozenNetwork,
    frozen_features,
    ridge_scores,
)
from stagescore.types import Dive


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> FrozenNetwork:
    return FrozenNetwork.load(weights_file(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> ClipStore:
    """One that may be written to."""
    shown = stored_dives.store(tmp_path_factory)
    return ClipStore.build(
        stored_dives.dives(tmp_path_factory)[:2], tmp_path / "clips", shown.preprocessing, workers=1
    )


def some_dives(num: int, rng: np.random.Generator, execution: np.ndarray) -> list[Dive]:
    difficulty = rng.choice([2.0, 2.8, 3.4], size=num).tolist()
    return [
        Dive(
            dataset="invented",
            event="heats",
            number=k,
            recording=f"heats/{k}",
            split="train",
            difficulty=d,
            score=d * float(e),
        )
        for k, (d, e) in enumerate(zip(difficulty, execution, strict=True))
    ]


def test_execution_that_shows_in_the_features_is_found_and_times_the_difficulty() -> None:
    rng = np.random.default_rng(0)
    execution = rng.uniform(10, 28, size=60)
    features = rng.normal(size=(60, 40)) * 0.1
    features[:, 7] = 300 + 5 * execution
    features[:, 8] = 1.0  # never changes
    dives = some_dives(60, rng, execution)
    said = ridge_scores(dives[:45], features[:45], dives[45:], features[45:])
    truth = np.array([dive.score for dive in dives[45:]])
    assert np.corrcoef(said.scores, truth)[0, 1] > 0.9
    assert np.abs(said.scores - truth).mean() < 0.5 * np.abs(truth - truth.mean()).mean()


def test_noise_is_shrunk_to_the_mean_execution() -> None:
    rng = np.random.default_rng(1)
    dives = some_dives(40, rng, rng.uniform(10, 28, size=40))
    features = rng.normal(size=(40, 30))
    said = ridge_scores(dives[:30], features[:30], dives[30:], features[30:])
    mean = np.mean([dive.score / (dive.difficulty or 1) for dive in dives[:30]])
    executions = [s / (d.difficulty or 1) for s, d in zip(said.scores, dives[30:], strict=True)]
    assert said.penalty >= 1 and said.penalty in PENALTIES
    assert np.std(executions) < 2 and abs(np.mean(executions) - mean) < 2


def test_the_score_of_a_tested_dive_is_never_read() -> None:
    rng = np.random.default_rng(2)
    dives = some_dives(20, rng, rng.uniform(10, 28, size=20))
    features = rng.normal(size=(20, 10))
    lying = [dive.with_changes(score=99.0) for dive in dives[12:]]
    honest = ridge_scores(dives[:12], features[:12], dives[12:], features[12:])
    assert ridge_scores(dives[:12], features[:12], lying, features[12:]) == honest


def test_features_are_kept_beside_the_clips(
    network: FrozenNetwork, store: ClipStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = list(store.clips)
    first = frozen_features(network, store, ids[:1])
    asked: list[Any] = []
    describe = FrozenNetwork.describe
    monkeypatch.setattr(
        FrozenNetwork, "describe", lambda self, pictures: asked.append(pictures) or describe(self, pictures)
    )
    both = frozen_features(network, store, ids)
    assert len(asked) == 1, "the first dive is known"
    assert np.array_equal(both[:1], first) and not np.array_equal(both[0], both[1])
    assert np.array_equal(frozen_features(network, store, ids[::-1]), both[::-1])
    assert len(asked) == 1
    (kept,) = store.folder.glob("frozen-*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-100])
    assert np.array_equal(frozen_features(network, store, ids), both)
    assert len(asked) == 3, "a torn file is made anew"


def test_both_views_are_averaged(network: FrozenNetwork, store: ClipStore) -> None:
    ids = list(store.clips)
    plain, both = (frozen_features(network, store, ids, mirrored=m) for m in (False, True))
    mirrored = 2 * both - plain
    assert not np.allclose(mirrored, plain)
    assert plain.shape == both.shape == (2, 1280 * 2 * 5)


def test_each_part_of_the_window_has_its_own_features(network: FrozenNetwork) -> None:
    generator = torch.Generator().manual_seed(0)
    clip = torch.randint(0, 255, (10, 3, 32, 32), generator=generator, dtype=torch.uint8)
    changed = clip.clone()
    changed[-2:] = 0
    one, other = (np.reshape(network.describe(pictures), (5, -1)) for pictures in (clip, changed))
    assert np.allclose(one[:4], other[:4], atol=1e-5) and not np.allclose(one[4], other[4], atol=1e-3)


def test_another_file_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(b"no weights")
    for path in (torn, tmp_path / "missing.safetensors"):
        with pytest.raises(CheckpointError, match=path.name):
            FrozenNetwork.load(path)
