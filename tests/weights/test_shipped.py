"""What ships with the package: small, whole, and as good as its cards say."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from stagescore.errors import CheckpointError
from stagescore.hashing import file_sha256
from stagescore.pose.networks import Detector, Estimator
from stagescore.pose.own_networks import load_network, open_own
from stagescore.weights.checkpoint import load_weights
from stagescore.weights.registry import OWN, KnownNetwork
from stagescore.weights.registry import SHIPPED as SHIPPED_NETWORKS
from stagescore.weights.search import places

SHIPPED = places()[-1].folder
MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def only_what_ships(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STAGESCORE_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_nano_is_small_and_says_what_it_is() -> None:
    weights = load_weights("nano")
    assert weights.path.parent == SHIPPED
    assert weights.path.stat().st_size < 20 * MEGABYTE
    card = weights.card
    assert "simulated" in card.trained_on and not card.validated and card.limits and card.commands
    for name in ("srcc", "rl2x100", "aiou50", "aiou75", "mae", "kendall"):
        figure = card.figures[name]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert card.figures["dives"] >= 300
    assert card.score_intervals["level"] == 0.9 and card.transition_confidence["temperature"] > 0


def test_its_bank_has_every_dive_number_twice() -> None:
    weights = load_weights("nano")
    bank = weights.bank()
    assert weights.path.with_name("nano-bank.safetensors").stat().st_size < 15 * MEGABYTE
    assert len(bank) >= 200
    assert min(Counter(dive.dive_number for dive in bank.dives).values()) >= 2
    assert {dive.split for dive in bank.dives} == {"train"}


def test_the_bank_of_other_weights_is_refused() -> None:
    bank = load_weights("nano").bank()
    with pytest.raises(CheckpointError, match="build the bank again"):
        bank.check("0" * 64)


def test_pose_networks_are_small_and_find_what_their_cards_say() -> None:
    paths = [SHIPPED / name for name in OWN.values()]
    assert sum(path.stat().st_size for path in paths) < 30 * MEGABYTE
    for path, kind in zip(paths, (Detector, Estimator), strict=True):
        network, card = load_network(path)
        assert isinstance(open_own(path), kind)
        assert "simulated" in card.trained_on and card.figures and card.limits and not card.validated
        assert all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())


@pytest.mark.parametrize("network", SHIPPED_NETWORKS, ids=lambda network: network.name)
def test_what_ships_is_listed_byte_for_byte(network: KnownNetwork) -> None:
    file = SHIPPED / network.name
    assert (file_sha256(file), file.stat().st_size) == (network.sha256, network.size)
