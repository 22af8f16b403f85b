"""Variants of a film are what their names say, and nothing else."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))

import clips

from stagescore.benchmarks.variants import VARIANTS, Variant, chosen_variants, write_variant
from stagescore.errors import DataError
from stagescore.media import open_media
from stagescore.media.film_writing import LOSSLESS_CRF, write_film
from stagescore.media.source import Media

NUM_FRAMES, RATE = 30, 30


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """A second of bar codes, 128 x 96, a bright square at the left in every frame."""
    frames = [clips.bar_code(k, 128, 96) for k in range(NUM_FRAMES)]
    for frame in frames:
        frame[40:56, 4:12] = 255
    path = tmp_path_factory.mktemp("film") / "dive.mp4"
    write_film(path, frames, RATE, crf=LOSSLESS_CRF)
    return open_media(path)


def made(film: Media, name: str, folder: Path) -> tuple[Media, tuple[int, ...]]:
    (variant,) = chosen_variants([name])
    shown = write_variant(film, variant, folder / f"{name}.mp4")
    return open_media(folder / f"{name}.mp4"), shown


def pictures(media: Media) -> np.ndarray:
    return np.array([picture for _, picture in media.frames()], int)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_frame_shows_the_frame_that_is_said(film: Media, variant: Variant, tmp_path: Path) -> None:
    media, shown = made(film, variant.name, tmp_path)
    assert media.info.verdict == "ok"
    assert media.num_frames == len(shown)
    read = clips.read_all(media)
    if variant.mirrored:
        read = [clips.read_bar_code(picture[:, ::-1]) for _, picture in media.frames()]
    if variant.cut_off:
        padded = [np.pad(p, ((5, 5), (6, 6), (0, 0)), mode="edge") for _, p in media.frames()]
        read = [clips.read_bar_code(picture) for picture in padded]
    assert read == list(shown)


@pytest.mark.parametrize("rate", [24, 30, 50, 60])
def test_another_rate_lasts_as_long_and_keeps_the_order(film: Media, rate: int, tmp_path: Path) -> None:
    media, shown = made(film, f"rate-{rate}", tmp_path)
    assert media.info.frame_rate == pytest.approx(rate)
    assert media.info.duration_s == pytest.approx(film.info.duration_s, abs=1e-3)
    # At the middle of each new frame the film shows the frame that is said.
    assert [int((k + 0.5) / rate * RATE) for k in range(rate)] == list(shown)


@pytest.mark.parametrize(("lines", "width"), [(240, 320), (480, 640), (720, 960), (1080, 1440)])
def test_lines_keep_the_proportions(film: Media, lines: int, width: int, tmp_path: Path) -> None:
    media, _ = made(film, f"lines-{lines}", tmp_path)
    assert (media.info.width_px, media.info.height_px) == (width, lines)


def test_a_film_is_cropped_on_every_side(film: Media, tmp_path: Path) -> None:
    media, _ = made(film, "cropped", tmp_path)
    # 5 % are 6.4 and 4.8 pixels.
    assert (media.info.width_px, media.info.height_px) == (128 - 12, 96 - 10)
    assert np.abs(pictures(media) - pictures(film)[:, 5:-5, 6:-6]).max() <= 4


def test_a_film_is_mirrored(film: Media, tmp_path: Path) -> None:
    media, _ = made(film, "mirrored", tmp_path)
    assert np.abs(pictures(media) - pictures(film)[:, :, ::-1]).max() <= 4


@pytest.mark.parametrize(("name", "gain"), [("brighter", 1.2), ("darker", 0.8)])
def test_brightness_changes_by_a_fifth_and_stays_within_white(
    film: Media, name: str, gain: float, tmp_path: Path
) -> None:
    media, _ = made(film, name, tmp_path)
    assert np.abs(pictures(media) - np.minimum(pictures(film) * gain, 255)).max() <= 4


@pytest.mark.parametrize(("name", "first", "last"), [("still-before", 20, 0), ("still-after", 0, 20)])
def test_twenty_still_frames_at_an_end(film: Media, name: str, first: int, last: int, tmp_path: Path) -> None:
    _, shown = made(film, name, tmp_path)
    assert list(shown) == [0] * first + list(range(NUM_FRAMES)) + [NUM_FRAMES - 1] * last


def test_recoding_loses_the_more_the_higher_the_factor(film: Media, tmp_path: Path) -> None:
    sizes = []
    for crf in (18, 23, 28, 32):
        made(film, f"crf-{crf}", tmp_path)
        sizes.append((tmp_path / f"crf-{crf}.mp4").stat().st_size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_black_ends_are_no_part_of_a_variant(tmp_path: Path) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    write_film(tmp_path / "a.mp4", [black] * 3 + [clips.bar_code(k) for k in range(3, 20)] + [black], 25)
    media, shown = made(open_media(tmp_path / "a.mp4"), "still-before", tmp_path)
    assert list(shown) == [3] * 20 + list(range(3, 20))
    assert clips.read_all(media) == list(shown)


def test_a_variant_that_does_not_exist_is_named() -> None:
    with pytest.raises(DataError, match=r"'upside-down'.*mirrored"):
        chosen_variants(["mirrored", "upside-down"])
