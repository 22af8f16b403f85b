"""Films that show the same dive are found: the same file, recoded, mirrored, cut elsewhere, at another frame rate."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

import made_scorer
from made_results import made_result

from stagescore.benchmarks.variants import Variant, write_variant
from stagescore.media.source import Media, open_media
from stagescore.scoring.bank_copies import FilmStrip, copies_among
from stagescore.scoring.result_parts import Events

NUM_FRAMES = 60


def film(folder: Path, name: str, seed: int) -> Path:
    """A body of some grey squares that turn while they fall, before a wall that stays."""
    rng = np.random.default_rng(seed)
    wall = np.random.default_rng(9).integers(60, 120, size=(9, 16, 1))
    wall = np.kron(wall, np.ones((10, 10, 3))).astype(np.uint8)
    turn, side, shades = rng.uniform(0.1, 0.5), rng.uniform(40, 110), rng.integers(140, 255, size=3)
    frames = []
    for k in range(NUM_FRAMES):
        image = wall.copy()
        for arm, shade in enumerate(shades):
            x = int(side + 12 * (arm - 1) * np.cos(turn * k))
            y = int(min(8 + 0.022 * k * k, 80) + 12 * (arm - 1) * np.sin(turn * k))
            image[max(y - 5, 0) : y + 5, max(x - 5, 0) : x + 5] = shade
        frames.append(image)
    return made_scorer.write_frames(folder / name, frames)


def strip(path: Path, sha256: str = "") -> FilmStrip:
    media = open_media(str(path))
    return strip_of(media, sha256 or path.name)


def strip_of(media: Media, sha256: str) -> FilmStrip:
    """The strip of a film whose flight was not found."""
    result = made_result(events=Events())
    used = {"sha256": sha256, "start_frame": 0, "end_frame": media.num_frames}
    return FilmStrip.of(media, result.model_copy(update={"input": result.input.model_copy(update=used)}))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dive, variants of its film, and two other dives before the same wall."""
    folder = tmp_path_factory.mktemp("films")
    made = {name: film(folder, name, seed) for seed, name in enumerate(("dive", "second", "third"))}
    for variant in (
        Variant(name="mirrored", mirrored=True),
        Variant(name="recoded", crf=28),
        Variant(name="small", lines=60),
        Variant(name="brighter", gain=1.2),
        Variant(name="other-rate", rate=30),
        Variant(name="later", before=15),
        Variant(name="cropped", cut_off=0.05),
    ):
        made[variant.name] = folder / f"{variant.name}.mp4"
        write_variant(open_media(str(made["dive"])), variant, made[variant.name])
    return made


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("mirrored", "mirrored"),
        ("recoded", "alike"),
        ("small", "alike"),
        ("brighter", "alike"),
        ("other-rate", "alike"),
        ("later", "alike"),
        ("cropped", "alike"),
    ],
)
def test_a_film_that_was_changed_shows_the_same_dive(films: dict[str, Path], name: str, how: str) -> None:
    (copy,) = copies_among(["a.mp4", "b.mp4"], [strip(films["dive"]), strip(films[name])])
    assert (copy.first, copy.second, copy.how) == ("a.mp4", "b.mp4", how)
    assert copy.words.startswith("a.mp4 and b.mp4 show the same dive")


def test_other_dives_before_the_same_wall_are_no_copies(films: dict[str, Path]) -> None:
    names = ["dive", "second", "third"]
    assert copies_among(names, [strip(films[name]) for name in names]) == ()


def test_the_same_file_is_told_by_its_bytes_also_where_there_are_no_pictures() -> None:
    blank = [strip_of_nothing("1f"), strip_of_nothing("1f"), strip_of_nothing("2e")]
    (copy,) = copies_among(["a.npz", "b.npz", "c.npz"], blank)
    assert copy.words == "a.npz and b.npz are the same file"


def strip_of_nothing(sha256: str) -> FilmStrip:
    result = made_result()
    return FilmStrip.of(
        None, result.model_copy(update={"input": result.input.model_copy(update={"sha256": sha256})})
    )
