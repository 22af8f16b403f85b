"""Weights, banks and fits that ask for too much or hold what cannot be: refused in one line, before they take it."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import tiny_runs
import torch
from safetensors.torch import load_file, save_file

from stagescore.card_files import weights_hash
from stagescore.errors import CheckpointError, StagescoreError
from stagescore.pose.own_networks import load_network
from stagescore.scoring.bank_fit import BankFit
from stagescore.scoring.scoring_network import ScoringNetwork
from stagescore.weights.checkpoint import Card, load_weights, save_weights

SHIPPED = Path(__import__("stagescore").__file__).parent / "weights" / "shipped"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = tiny_runs.settings()
    model = tiny_runs.make_model(settings).eval()
    card = Card(
        name="tiny",
        model=settings.model,
        preprocessing=settings.data.preprocessing,
        trained_on="nothing",
        weights_hash=weights_hash(model),
    )
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save_weights(path, model, card)
    return path


def header_of(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length])


def with_card(source: Path, path: Path, text: str, key: str = "stagescore_card") -> Path:
    """The same tensors with another card."""
    save_file(load_file(source), path, {key: text})
    return path


def edited(source: Path, path: Path, *keys: str, value: Any) -> Path:
    card = json.loads(header_of(source)["__metadata__"]["stagescore_card"])
    inner = card
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return with_card(source, path, json.dumps(card))


EDITS: dict[str, tuple[tuple[str, ...], Any]] = {
    "wide": (("model", "regression", "width"), 10**9),
    "wide fusion": (("model", "segmentation", "width"), 2**20),
    "deep": (("model", "regression", "layers"), 10**6),
    "heads": (("model", "regression", "heads"), 10**9),
    "many widths": (("model", "skeleton", "widths"), [1] * 10**5),
    "steps": (("model", "pooling", "steps"), 10**9),
    "frames": (("preprocessing", "num_frames"), 10**9),
    "pictures": (("preprocessing",), {"num_frames": 4096, "width": 4096, "height": 4096}),
    "infinite": (("film_scale",), 1e999),
    "NaN in figures": (("figures",), {"srcc": float("nan")}),
    "wrong type": (("model", "regression", "width"), {"a": [1]}),
    "negative": (("model", "regression", "layers"), -3),
    "controls": (("name",), "nano\x1b[2J"),
    "deep figures": (("figures",), json.loads("[" * 900 + "]" * 900)),
    "films": (("training_films",), [{"dive_number": None, "height_m": None, "num_films": 10**9}]),
    "calibration": (("score_intervals",), {"base": 1.0}),
    "long": (("trained_on",), "x" * 10**7),
    "list": (("commands",), ["x"] * 10**6),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_card_that_asks_for_what_cannot_be_is_refused(tiny: Path, tmp_path: Path, name: str) -> None:
    keys, value = EDITS[name]
    path = edited(tiny, tmp_path / "edited.safetensors", *keys, value=value)
    with pytest.raises(CheckpointError, match=r"edited\.safetensors: ") as caught:
        load_weights(path)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("layers", [10**6, 63])
def test_a_network_much_larger_than_its_file_is_refused_before_it_is_built(
    tiny: Path, tmp_path: Path, layers: int
) -> None:
    path = edited(tiny, tmp_path / "edited.safetensors", "model", "regression", "layers", value=layers)
    with pytest.raises(CheckpointError, match=r"much larger than the file|do not fit"):
        load_weights(path)


def test_headers_are_bounded_before_they_are_parsed(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    for content in (
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**8) + b"{" + b" " * 10**6,
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 20) + b'{"__metadata__":[1]}',
        b"\0" * 4,
    ):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a stagescore weights file"):
            load_weights(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_tensors_with_numbers_that_cannot_be_are_refused(tiny: Path, tmp_path: Path, number: float) -> None:
    tensors = load_file(tiny)
    name = next(n for n in tensors if tensors[n].is_floating_point())
    tensors[name].view(-1)[0] = number
    path = tmp_path / "bad.safetensors"
    save_file(tensors, path, header_of(tiny)["__metadata__"])
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        load_weights(path)


def test_a_pose_network_is_not_got_from_an_address(tmp_path: Path) -> None:
    source = SHIPPED / "pose-small.safetensors"
    card = json.loads(header_of(source)["__metadata__"]["stagescore_pose_card"])
    card["network"] |= {"trunk": "hrnet", "variant": "hf-hub:somebody/something"}
    path = with_card(source, tmp_path / "pose.safetensors", json.dumps(card), "stagescore_pose_card")
    with pytest.raises(CheckpointError, match="not a stagescore pose network"):
        load_network(path)


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    """The shipped weights with their bank, in a folder of their own."""
    for name in ("tower", "tower-bank"):
        shutil.copy(SHIPPED / f"{name}.safetensors", tmp_path)
    return tmp_path / "tower.safetensors"


def spoiled_bank(tower: Path, spoil: Any) -> None:
    path = tower.with_name("tower-bank.safetensors")
    tensors, header = load_file(path), json.loads(header_of(path)["__metadata__"]["stagescore_bank"])
    rows = [json.loads(line) for line in header["manifest"].splitlines()]
    # Whoever spoils a bank on purpose leaves the hash out, as older banks do: what is wrong must be seen without it.
    header.pop("content_hash", None)
    spoil(tensors, header, rows)
    header["manifest"] = "".join(json.dumps(row) + "\n" for row in rows) if rows else ""
    save_file(tensors, path, {"stagescore_bank": json.dumps(header)})


def put(tensors: dict[str, torch.Tensor], name: str, value: Any) -> None:
    tensors[name] = value(tensors[name]).contiguous()


BANKS: dict[str, Any] = {
    "NaN": lambda t, h, r: t["static"].view(-1).__setitem__(7, float("nan")),
    "fewer stages": lambda t, h, r: put(t, "static", lambda x: x[:, :2]),
    "fewer edges": lambda t, h, r: put(t, "edges", lambda x: x[:, :3]),
    "narrower": lambda t, h, r: put(t, "static", lambda x: x[..., :64]),
    "one axis less": lambda t, h, r: put(t, "static", lambda x: x[:, :, 0]),
    "edges fall": lambda t, h, r: put(t, "edges", lambda x: x.flip(1)),
    "edges far": lambda t, h, r: put(t, "edges", lambda x: x + 10**12),
    "edges broken": lambda t, h, r: put(t, "edges", lambda x: x.float()),
    "fewer dives": lambda t, h, r: r.pop(),
    "no dives": lambda t, h, r: r.clear(),
    "a dive twice": lambda t, h, r: r.__setitem__(1, r[0]),
    "score": lambda t, h, r: r[3].update(score=1e6),
    "negative score": lambda t, h, r: r[3].update(score=-1),
    "difficulty": lambda t, h, r: r[3].update(difficulty=0),
    "height": lambda t, h, r: r[3].update(height_m="x"),
    "control": lambda t, h, r: r[3].update(event="\x07"),
    "other weights": lambda t, h, r: h.update(weights_hash="0" * 64),
    "kind": lambda t, h, r: h.update(kind="what?"),
    "version": lambda t, h, r: h.update(version=9),
    "hash": lambda t, h, r: h.update(content_hash="0" * 64),
    "row": lambda t, h, r: t["skeleton_rows"].__setitem__((0, 0), 10**6),
    "negative row": lambda t, h, r: t["skeleton_rows"].__setitem__((0, 0), -1),
    "joints": lambda t, h, r: put(t, "skeletons", lambda x: x[:, :3]),
    "strange tensor": lambda t, h, r: t.update(more=torch.zeros(3)),
}


@pytest.mark.parametrize("name", BANKS)
def test_a_bank_that_cannot_be_is_refused(tower: Path, name: str) -> None:
    own = load_weights(tower)
    spoiled_bank(tower, lambda t, h, r: None)
    assert len(ScoringNetwork.load(own).exemplars) == 128
    spoiled_bank(tower, BANKS[name])
    with pytest.raises(CheckpointError, match="bank") as caught:
        ScoringNetwork.load(own)
    assert "\n" not in str(caught.value)


def test_what_a_bank_holds_has_a_hash(tower: Path, tmp_path: Path) -> None:
    bank = load_weights(tower).bank()
    path = tmp_path / "again.safetensors"
    bank.save(path)
    tensors, metadata = load_file(path), header_of(path)["__metadata__"]
    tensors["static"][0, 0, 0, 0] += 1
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match="has changed since it was written"):
        bank.load(path)


def test_a_picture_of_a_bank_is_small(tower: Path) -> None:
    # A JPEG's header that declares 65,000 x 65,000 pixels, which nobody must decode.
    header = bytes.fromhex("ffd8ffc0001108fde8fde803011100021100031100ffd9")
    spoiled_bank(
        tower,
        lambda t, h, r: t.update(
            pictures=torch.tensor(list(header), dtype=torch.uint8),
            picture_rows=torch.tensor([[0, 3, len(header)]], dtype=torch.int32),
        ),
    )
    with pytest.raises(CheckpointError, match="one of its pictures"):
        load_weights(tower).bank()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 10**5,
        b"[" + b"0," * 10**6 + b"0]",
        b'{"weights_hash": "w", "slope": NaN, "validation": {"num_dives": 3, "mean_absolute_error": 1, "slope": 1}}',
        b'{"weights_hash": "w", "slope": 99, "validation": {"num_dives": 3, "mean_absolute_error": 1, "slope": 1}}',
        b'{"weights_hash": "w", "slope": 1, "validation": {"num_dives": 3, "mean_absolute_error": 1, "slope": 1},'
        b' "score_intervals": {"base": 1}}',
    ],
)
def test_a_fit_that_cannot_be_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bank.json").write_bytes(content)
    with pytest.raises(StagescoreError, match=r"bank\.json: the fit of the bank cannot be read"):
        BankFit.beside(tmp_path / "bank.safetensors", "w")
