"""A network of a few thousand random weights with its card and bank, and films of simulated dives, made once."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_dives
import tiny_runs
import torch
from PIL import Image

from stagescore.card_files import weights_hash
from stagescore.data.dive_sources import LiveSource
from stagescore.data.samples import Samples
from stagescore.data.score_prior import ScorePrior
from stagescore.inference.encoding import encode_dives
from stagescore.inference.familiarity import Familiarity
from stagescore.inference.voting import bank_of
from stagescore.scoring.events import Flight
from stagescore.scoring.motion_scan import HeightCurve
from stagescore.scoring.pipeline import Tools
from stagescore.scoring.scored import Scored
from stagescore.scoring.scorer import Scorer
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.weights.checkpoint import Card, save_weights


class GivenFlight:
    """Says what it is told to."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def find(self, curve: HeightCurve, num_frames: int) -> Flight:
        values: dict[str, Any] = {
            "first": num_frames // 3,
            "stop": 2 * num_frames // 3,
            "apex": num_frames / 2.5,
            "misfit": 0.03,
            "fallen": 6.0,
            "gravity": 0.01,
            "starts_in_air": False,
            "no_takeoff": False,
            "ends_in_air": False,
        }
        return Flight(**(values | self.changes))


def weights_dir(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "scoring" / "weights"
    if folder.exists():
        return folder
    torch.set_num_threads(1)
    settings = tiny_runs.settings()
    torch.manual_seed(0)
    model = tiny_runs.make_model(settings).eval()
    dives = stored_dives.dives(factory)
    source = LiveSource(Samples(stored_dives.store(factory), dives), tiny_runs.VIEWS)
    encoded = encode_dives(model, source, [dive.dive_id for dive in dives])
    card = Card(
        name="tiny",
        model=settings.model,
        preprocessing=settings.data.preprocessing,
        trained_on="nothing",
        score_intervals={"base": 5.0, "quantile": 1.7, "level": 0.9, "num_dives": 100},
        weights_hash=weights_hash(model),
    )
    folder.mkdir(parents=True)
    save_weights(folder / "tiny.safetensors", model, card)
    bank = bank_of(encoded, {dive.dive_id: dive for dive in dives}, card.weights_hash)
    bank.save(folder / "tiny-bank.safetensors")
    return folder


def scorer(factory: pytest.TempPathFactory) -> Scorer:
    """Without pose networks, wherever the tests run."""
    loaded = Scorer.load("tiny", weights_dir=weights_dir(factory), event_network=False)
    loaded.networks = "None in tests."
    return loaded


@dataclass(frozen=True)
class TinySource:
    """Loads the tiny network, with the flight given, in any process."""

    folder: Path

    def load(self) -> Scorer:
        loaded = Scorer.load("tiny", weights_dir=self.folder, event_network=False)
        loaded.networks, loaded.flights = "None in tests.", GivenFlight()
        return loaded


@dataclass(frozen=True)
class DiesAt:
    """Ends its own process, as the system does where memory runs out, at one dive; writes a page of the others."""

    name: str

    def __call__(self, scored: Scored, folder: Path) -> None:
        if scored.result.input.name == self.name:
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "report.html").write_text(f"{scored.result.score}")


def given_to_commands(factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of commands for the weights; the flight is given: simulated dives of tests are too small to be watched."""
    load = Scorer.load

    def loaded(*arguments: Any, **named: Any) -> Scorer:
        scorer = load(*arguments, **named)
        scorer.networks, scorer.flights, scorer.events = "None in tests.", GivenFlight(), None
        return scorer

    monkeypatch.setattr(Scorer, "load", loaded)
    return ["--weights", "tiny", "--weights-dir", str(weights_dir(factory))]


def write_frames(folder: Path, frames: list[np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")
    return folder


def scorer_of(*networks: ScoringNetwork) -> Scorer:
    return Scorer(networks, networks="None in tests.", flights=GivenFlight())


def executing(network: ScoringNetwork, distance: float | None = None, **card: Any) -> ScoringNetwork:
    """Predicts execution and blends; at a given distance from whatever film, if asked for."""
    changes = {"target": "execution", "blends_with_prior": True} | card
    network = replace(network, card=network.card.model_copy(update=changes))
    return network if distance is None else replace(network, familiarity=always(distance))


@dataclass(frozen=True, kw_only=True, eq=False)
class Always(Familiarity):
    """Says the same of every film."""

    distance: float

    def distances(self, dives: torch.Tensor) -> torch.Tensor:
        return torch.full((len(dives),), self.distance)


def always(distance: float) -> Always:
    return Always(
        mean=torch.zeros(1),
        axes=torch.zeros(1, 1),
        rest_sd=1.0,
        far=1.0,
        num_dives=20,
        num_held_out=0,
        distance=distance,
    )


def no_tools() -> Tools:
    """What the first step works with: nothing."""
    return Tools(
        scoring_networks=(),
        pose_networks="None in tests.",
        flights=GivenFlight(),
        events=None,
        prior=ScorePrior.shipped(),
    )
