"""Whole inputs that are damaged, what they are made of, and how files of each ending are damaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import UInt8

from stagescore.benchmarks.campaign.archive_damage import archive_fuzzer
from stagescore.benchmarks.campaign.byte_damage import ANY_FILE, MOST_BYTES, Fuzzer
from stagescore.benchmarks.campaign.chance import Chance
from stagescore.benchmarks.campaign.part_forms import FORM_OF
from stagescore.benchmarks.campaign.pickle_damage import PICKLE
from stagescore.benchmarks.campaign.tensor_damage import NPY, SAFETENSORS
from stagescore.benchmarks.campaign.text_damage import ANY_TEXT, JSON_TEXT, TABLE_TEXT, XML_TEXT

Reader = Callable[[Path], str]
"""Reads an input as the product does and says what was worth a warning; empty where nothing was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A whole input.

    Attributes:
        name: Name of the sample, different from all others of its kind.
        files: Content of each file by its path in the input's folder.
        entry: Path that is given to the reader; empty for the folder itself.
        damaged: Paths of the files that may be damaged; empty for all.
        reader: Name of the reader.
    """

    name: str
    files: Mapping[str, bytes]
    entry: str = ""
    damaged: tuple[str, ...] = ()
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedInput:
    """An input that was made from a sample.

    Attributes:
        sample: The sample.
        files: Content of each file by its path.
        damage: What was done, in words.
    """

    sample: Sample
    files: Mapping[str, bytes]
    damage: str

    def write(self, folder: Path) -> Path:
        """Write all files; gives the path that the reader is given."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / self.sample.entry if self.sample.entry else folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """What samples are made from.

    Attributes:
        folder: Folder of a simulated data set.
        pictures: RGB pictures of one of its dives, around the take-off.
    """

    folder: Path
    pictures: tuple[UInt8[np.ndarray, "height width 3"], ...]

    def content(self, pattern: str) -> dict[str, bytes]:
        """Files by their name, of those that fit a pattern."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob(pattern))}


def whole(sample: Sample) -> DamagedInput:
    """A sample as it is."""
    return DamagedInput(sample=sample, files=sample.files, damage="none")


def damaged(samples: tuple[Sample, ...], chance: Chance) -> DamagedInput:
    """One of the samples with one of its files damaged; another sample with a file of that ending lends its content."""
    sample = chance.one_of(samples)
    name = chance.one_of(sample.damaged or sorted(sample.files))
    lenders = [
        content for one in samples for path, content in one.files.items() if _ending(path) == _ending(name)
    ]
    other = chance.one_of(lenders)
    content, told = sample.files[name], []
    for _turn in range(1 if not chance.happens(4) else 2):
        fuzzer = chance.one_of(fuzzers_of(name))
        try:
            content = fuzzer(content, other, chance)[:MOST_BYTES]
        except Exception:
            # The second damage may not understand what the first one left.
            content = chance.one_of(ANY_FILE)(content or b"\0", other, chance)
        told.append(fuzzer.__name__)
        if not content:
            break
    return DamagedInput(
        sample=sample, files={**sample.files, name: content}, damage=f"{name}: {', '.join(told)}"
    )


def fuzzers_of(name: str) -> tuple[Fuzzer, ...]:
    """What may be done to a file, told by its ending; damage that knows the form is as frequent as damage that does not."""
    special = _SPECIAL.get(_ending(name), ANY_TEXT)
    return (*ANY_FILE, *special * max(1, len(ANY_FILE) // len(special)))


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


_SPECIAL: dict[str, tuple[Fuzzer, ...]] = {ending: (form.fuzzer(),) for ending, form in FORM_OF.items()} | {
    ".json": JSON_TEXT,
    ".jsonl": JSON_TEXT,
    ".rels": XML_TEXT,
    ".xml": XML_TEXT,
    ".csv": TABLE_TEXT,
    ".pkl": PICKLE,
    ".npy": NPY,
    ".safetensors": SAFETENSORS,
}
_SPECIAL |= dict.fromkeys((".npz", ".xlsx", ".pth", ".pt"), (archive_fuzzer(fuzzers_of),))
