"""Five simulated dives in small pictures, and a store of their clips, made once for all tests."""

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "simulate"))

import standins_of_simulation as standins

from stagescore.data.clip_store import ClipStore
from stagescore.data.manifest import read_manifest
from stagescore.data.preprocessing import Preprocessing
from stagescore.simulate.dataset import Order, simulate_dataset
from stagescore.types import Dive

PREPROCESSING = Preprocessing(num_frames=96, width=56, height=32, crop_width=40, crop_height=28)


@cache
def _made(base: Path) -> tuple[Path, tuple[Dive, ...], ClipStore]:
    out = base / "simulated" / "dives"
    simulate_dataset(out, Order(num_dives=5, seed=7, size_px=(112, 64)), stage=standins.STAGE)
    dives = tuple(read_manifest(out))
    store = ClipStore.build(
        dives, base / "simulated" / "clips", PREPROCESSING, truth=out / "truth", workers=1
    )
    return out, dives, store


def folder(factory: pytest.TempPathFactory) -> Path:
    return _made(factory.getbasetemp())[0]


def dives(factory: pytest.TempPathFactory) -> tuple[Dive, ...]:
    return _made(factory.getbasetemp())[1]


def store(factory: pytest.TempPathFactory) -> ClipStore:
    """With exact joints; tests must not change it."""
    return _made(factory.getbasetemp())[2]
