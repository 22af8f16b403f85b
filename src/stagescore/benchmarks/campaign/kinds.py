"""Kinds of inputs: their whole samples, their readers, and how each damaged input is made from seed, kind and number."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from stagescore.benchmarks.campaign import films, joints, labels, onnx_files, weights
from stagescore.benchmarks.campaign.chance import Chance
from stagescore.benchmarks.campaign.sample import DamagedInput, Reader, Sample, Simulated, damaged
from stagescore.data.manifest import MANIFEST, read_manifest
from stagescore.simulate.dataset import Order, simulate_dataset

_DIVES = Order(num_dives=4, seed=7, size_px=(112, 64))
_PICTURES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class InputKind:
    """A kind of inputs.

    Attributes:
        name: Name of the kind.
        samples: Function that makes the whole samples.
        readers: Readers by the names that samples call them.
    """

    name: str
    samples: Callable[[Simulated], tuple[Sample, ...]]
    readers: Mapping[str, Reader]


KINDS: Mapping[str, InputKind] = {
    kind.name: kind
    for kind in (
        InputKind(name="films", samples=films.film_samples, readers={"film": films.read_film}),
        InputKind(name="labels", samples=labels.label_samples, readers=labels.LABEL_READERS),
        InputKind(name="weights", samples=weights.weight_samples, readers=weights.WEIGHT_READERS),
        InputKind(name="onnx", samples=onnx_files.onnx_samples, readers=onnx_files.ONNX_READERS),
        InputKind(name="joints", samples=joints.joint_samples, readers=joints.JOINT_READERS),
    )
}


@dataclass(frozen=True)
class Making:
    """Makes the inputs of one kind.

    Attributes:
        kind: The kind.
        samples: Whole samples of it.
        seed: Seed of the damage.
    """

    kind: InputKind
    samples: tuple[Sample, ...]
    seed: int

    def input(self, number: int) -> DamagedInput:
        """The damaged input with a number; the same for the same seed and samples."""
        return damaged(self.samples, Chance("campaign", self.seed, self.kind.name, number))

    @cached_property
    def identity(self) -> str:
        """SHA-256 of all samples and of what damages them: others give other inputs for the same numbers."""
        digest = sha256()
        for name in ("chance.py", "part_forms.py", "sample.py"):
            digest.update(Path(__file__).with_name(name).read_bytes())
        for path in sorted(Path(__file__).parent.glob("*_damage.py")):
            digest.update(path.read_bytes())
        for sample in self.samples:
            for name, content in sorted(sample.files.items()):
                digest.update(f"{sample.name}/{name} {len(content)}\n".encode() + content)
        return digest.hexdigest()


@contextmanager
def simulated_dives() -> Iterator[Simulated]:
    """Four simulated dives in small pictures, for as long as samples are made of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate_dataset(folder, _DIVES, workers=1)
        dive = next(iter(read_manifest(folder / MANIFEST)))
        frames = sorted(Path(dive.frames_path or "").glob("*.jpg"))
        first = max(dive.transitions[0] - 2, 0)
        pictures = tuple(
            np.asarray(Image.open(path).convert("RGB")) for path in islice(frames, first, first + _PICTURES)
        )
        yield Simulated(folder=folder, pictures=pictures)
