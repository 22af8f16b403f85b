"""Films whose pixels are not square: pictures come with square ones, since bodies would be squeezed otherwise."""

from fractions import Fraction

import clips
import numpy as np
import pytest
from clips import Recipe

from stagescore.media import inspect_media, open_media


def disc_shape(picture: np.ndarray) -> tuple[int, int]:
    """Width and height of the bright disc, in pixels."""
    bright = picture.mean(-1) > 128
    return int(np.sum(bright.any(0))), int(np.sum(bright.any(1)))


def write_disc(path, ratio, *, diameter_px: int = 44):
    """A film of a disc that is round where pixels are `ratio` times as wide as high; stored as 96 x 96."""
    y, x = np.mgrid[:96, :96] + 0.5 - 48
    disc = ((x * float(ratio)) ** 2 + y**2 < (diameter_px / 2) ** 2)[..., None]
    picture = np.where(disc, 230, 20).astype(np.uint8).repeat(3, -1)
    recipe = Recipe(pixel_ratio=ratio, codec_options={"crf": "10"})
    return clips.write_video(path, recipe=recipe, pictures=[picture] * 6)


@pytest.mark.parametrize(
    "ratio", [Fraction(16, 15), Fraction(64, 45), Fraction(8, 9), Fraction(2), Fraction(1, 2)]
)
@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_a_disc_is_round(tmp_path, ratio, name):
    media = open_media(write_disc(tmp_path / name, ratio))
    picture = next(iter(media.frames()))[1]
    width_px, height_px = disc_shape(picture)
    assert (media.info.width_px, media.info.height_px) == (round(96 * ratio), 96)
    assert picture.shape[1::-1] == (round(96 * ratio), 96)
    assert abs(width_px - height_px) <= 2
    assert media.info.verdict == "ok"
    assert ["not square" in warning for warning in media.info.warnings] == [True]


def test_a_turned_film_is_scaled_before_it_is_turned(tmp_path):
    path = write_disc(tmp_path / "film.mp4", Fraction(2))
    clips.set_rotation(path, 90)
    media = open_media(path)
    assert (media.info.width_px, media.info.height_px) == (96, 192)
    width_px, height_px = disc_shape(next(iter(media.frames()))[1])
    assert abs(width_px - height_px) <= 2


@pytest.mark.parametrize("ratio", [None, Fraction(1), Fraction(4320, 4319), Fraction(1, 1000), Fraction(500)])
def test_square_pixels_and_ratios_that_cannot_be_are_left_alone(tmp_path, ratio):
    path = clips.write_video(
        tmp_path / "film.mp4", recipe=Recipe(codec_options=clips.B_FRAMES, pixel_ratio=ratio)
    )
    media = open_media(path)
    assert (media.info.width_px, media.info.height_px) == (clips.WIDTH_PX, clips.HEIGHT_PX)
    assert media.info.warnings == ()
    assert clips.read_all(media) == list(range(24))


def test_a_size_that_is_asked_for_is_given(tmp_path):
    media = open_media(write_disc(tmp_path / "film.mp4", Fraction(2)))
    picture = next(iter(media.frames(size_px=(96, 48))))[1]
    assert picture.shape == (48, 96, 3)
    assert np.ptp(disc_shape(picture)) <= 2
    assert inspect_media(tmp_path / "film.mp4").as_json()["width_px"] == 192
