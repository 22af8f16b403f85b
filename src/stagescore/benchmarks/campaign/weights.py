"""Files of weights: networks of ours with card and bank, fits of banks, checkpoints of runs, networks that others published."""

import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from stagescore.benchmarks.campaign.archive_damage import archive_of, members_of
from stagescore.benchmarks.campaign.sample import Reader, Sample, Simulated
from stagescore.card_files import weights_hash
from stagescore.config import load_config
from stagescore.data.clip_store import ClipStore
from stagescore.data.dive_sources import LiveSource, Views
from stagescore.data.manifest import read_manifest
from stagescore.data.samples import Samples
from stagescore.inference.encoding import encode_dives
from stagescore.inference.voting import bank_of
from stagescore.models import build
from stagescore.models.event_network import EventNetwork
from stagescore.pose.loading import open_detector, open_estimator
from stagescore.pose.network_card import NetworkSettings, PoseCard
from stagescore.pose.own_networks import build_network, save_network
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.result_parts import Validation
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.training.checkpoints import read_file, write_file
from stagescore.training.settings import TrainSettings
from stagescore.weights.checkpoint import Card, load_weights, save_weights
from stagescore.weights.event_weights import EventCard, load_event_network, save_event_network
from stagescore.weights.pretrained import fitting, read_tensors

_SETTINGS = (
    "model.static={backbone: small, widths: [8, 8, 8, 8], width: 8}",
    "model.dynamic={trunk: small, widths: [8, 8, 8, 8], width: 8}",
    "model.skeleton={relative: true, widths: [8, 8], width: 8}",
    "model.segmentation.width=8",
    "model.regression={width: 8, heads: 2, layers: 1, dropout: 0.1, points: 10}",
    "model.stand_ins=true",
    "data.preprocessing={num_frames: 96, width: 56, height: 32, crop_width: 40, crop_height: 28}",
)
"""A network of a few thousand weights."""
_NAME, _BANK, _FIT = "tiny.safetensors", "tiny-bank.safetensors", "tiny-bank.json"
_WIDTHS = (8, 8, 8, 8)
_WANTED = "conv.weight"
_ADDRESS = re.compile(rb"X[\x0c-\x10]\0\0\0\d{12,16}")
"""How PyTorch's old form calls a storage: by its place in memory, which is another one each time."""


def weight_samples(simulated: Simulated) -> tuple[Sample, ...]:
    """Weights with bank and fit, each damaged apart, and one of every other kind; random numbers are those of seed 0."""
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        place = Path(folder)
        files = _scoring_network(simulated.folder, place)
        found = [
            Sample(
                name=f"scoring network, {name}",
                files=files,
                entry=_NAME,
                damaged=(name,),
                reader="scoring network",
            )
            for name in (_NAME, _BANK, _FIT)
        ]
        network = EventNetwork(width=8)
        save_event_network(
            place / "events.safetensors", network, EventCard(name="events", width=8, trained_on="nothing")
        )
        for finds, name in (("boxes", "detector"), ("joints", "estimator")):
            settings = NetworkSettings.model_validate(
                {"finds": finds, "widths": _WIDTHS, "blocks": 1, "width_px": 64, "height_px": 64}
            )
            card = PoseCard(name=name, network=settings, trained_on="nothing", weights_hash="")
            save_network(place / f"{name}.safetensors", build_network(settings).state_dict(), card)
        write_file(
            place / "step-00000001.ckpt",
            {"step": 1, "model": _state(), "names": ["a", "b"], "rates": {"a": 0.5}},
        )
        found += [
            Sample(name=path.name, files={path.name: path.read_bytes()}, entry=path.name, reader=reader)
            for reader, path in (
                ("event network", place / "events.safetensors"),
                ("detector", place / "detector.safetensors"),
                ("estimator", place / "estimator.safetensors"),
                ("checkpoint", place / "step-00000001.ckpt"),
            )
        ]
    for name, content in _published().items():
        found.append(Sample(name=name, files={name: content}, entry=name, reader="published weights"))
    return tuple(found)


def read_scoring_network(path: Path) -> str:
    """Load weights with the bank and the fit beside them."""
    ScoringNetwork.load(load_weights(path))
    return ""


def read_event_network(path: Path) -> str:
    """Load an event network."""
    load_event_network(path)
    return ""


def read_detector(path: Path) -> str:
    """Open a detector of ours."""
    open_detector(path)
    return ""


def read_estimator(path: Path) -> str:
    """Open an estimator of ours."""
    open_estimator(path)
    return ""


def read_checkpoint(path: Path) -> str:
    """Read a state of a run."""
    read_file(path)
    return ""


def read_published(path: Path) -> str:
    """Read the tensors that a network wants out of a file that others published, and compute with them."""
    address = "https://example.org"
    wanted = {_WANTED: _state()[_WANTED]}
    taken = fitting(wanted, read_tensors(path, address), where=path, published=address)
    float(taken[_WANTED].double().sum())
    return ""


WEIGHT_READERS: Mapping[str, Reader] = {
    "scoring network": read_scoring_network,
    "event network": read_event_network,
    "detector": read_detector,
    "estimator": read_estimator,
    "checkpoint": read_checkpoint,
    "published weights": read_published,
}


def _state() -> dict[str, Tensor]:
    """Tensors of a network that others might have published."""
    return {
        "conv.weight": torch.arange(8 * 3 * 3 * 3).reshape(8, 3, 3, 3) / 100,
        "norm.running_var": torch.ones(8),
        "norm.num_batches_tracked": torch.tensor(7),
        "fc.weight": torch.eye(16, 8).t(),
    }


def _published() -> dict[str, bytes]:
    """The same tensors in the forms that PyTorch has had, and as safetensors."""
    found = {"published.safetensors": save({name: value.contiguous() for name, value in _state().items()})}
    for name, content, new in (
        ("published.pth", _state(), True),
        ("wrapped.pt", {"state_dict": {f"module.{n}": v for n, v in _state().items()}, "epoch": 3}, True),
        # One tensor: the old form sorts storages by their place in memory.
        ("old.bin", {_WANTED: _state()[_WANTED]}, False),
    ):
        stream = io.BytesIO()
        torch.save(content, stream, _use_new_zipfile_serialization=new)
        written = stream.getvalue()
        found[name] = archive_of(members_of(written)) if new else _ADDRESS.sub(b"X\1\0\0\x000", written)
    return found


def _scoring_network(dives_folder: Path, folder: Path) -> dict[str, bytes]:
    """A tiny network with random weights, with its exemplars and a fit of them."""
    settings = load_config(TrainSettings, None, list(_SETTINGS))
    dives = {dive.dive_id: dive for dive in read_manifest(dives_folder)}
    store = ClipStore.build(
        tuple(dives.values()),
        folder / "clips",
        settings.data.preprocessing,
        truth=dives_folder / "truth",
        workers=1,
    )
    model = build(settings.model).eval()
    encoded = encode_dives(model, LiveSource(Samples(store, tuple(dives.values())), Views()), list(dives))
    card = Card(
        name="tiny",
        model=settings.model,
        preprocessing=settings.data.preprocessing,
        trained_on="nothing",
        score_intervals={"base": 5.0, "quantile": 1.7, "level": 0.9, "num_dives": 100},
        weights_hash=weights_hash(model),
    )
    save_weights(folder / _NAME, model, card)
    bank_of(encoded, dives, card.weights_hash).save(folder / _BANK)
    fit = BankFit(weights_hash=card.weights_hash, slope=1.0, validation=_validation())
    (folder / _FIT).write_text(fit.model_dump_json())
    return {name: (folder / name).read_bytes() for name in (_NAME, _BANK, _FIT)}


def _validation() -> Validation:
    told: dict[str, Any] = {"num_dives": 4, "mean_absolute_error": 5.0, "slope": 1.0}
    return Validation.model_validate(told)
