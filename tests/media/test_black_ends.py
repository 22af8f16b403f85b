"""Black frames at the ends of a film are left out and said; nothing else is."""

import clips
import numpy as np
import pytest
from clips import Recipe
from PIL import Image

from stagescore.media import inspect_media, open_media
from stagescore.media.black_ends import BlackEnds, is_black

BLACK = np.zeros((clips.HEIGHT_PX, clips.WIDTH_PX, 3), np.uint8)
NOISY = np.random.default_rng(0).integers(0, 15, BLACK.shape).astype(np.uint8)


def film(path, before, after, num=10, recipe=None, black=BLACK):
    pictures = [*[black] * before, *(clips.bar_code(n) for n in range(num)), *[black] * after]
    return clips.write_video(path, recipe=recipe, pictures=pictures)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 0), (0, 2), (5, 1)])
@pytest.mark.parametrize(
    ("suffix", "recipe"),
    [
        ("mp4", Recipe()),
        ("avi", Recipe(codec="mpeg4", codec_options={"g": "12", "bf": "2"})),
        ("mov", Recipe(codec="mjpeg", pix_fmt="yuvj420p")),
        ("gif", Recipe(codec="gif", pix_fmt="rgb8")),
    ],
)
def test_black_ends_are_counted_and_left_out(tmp_path, suffix, recipe, before, after):
    media = open_media(film(tmp_path / f"a.{suffix}", before, after, recipe=recipe))
    assert (media.info.verdict, media.num_frames) == ("ok", before + 10 + after)
    assert (media.info.black_start, media.info.black_end) == (before, after)
    assert media.content == range(before, before + 10)
    assert media.sample(10).indices == tuple(media.content)
    assert [clips.read_bar_code(frame) for frame in media.sample(10).frames] == list(range(10))
    # Frames keep the numbers that they have in the file.
    assert len(list(media.frames())) == before + 10 + after
    assert media.info.as_json()["black_start"] == before


def test_it_is_said_how_many(tmp_path):
    info = inspect_media(film(tmp_path / "a.mp4", 1, 4))
    assert info.warnings == (
        "1 black frame before the first picture is left out.",
        "4 black frames after the last picture are left out.",
    )


def test_noise_is_black_and_dark_pictures_are_not():
    assert is_black(BLACK)
    assert is_black(NOISY)
    lit = BLACK.copy()
    lit[:4, :10] = 200  # a clock in the corner: 1.3 % of the picture
    assert not is_black(lit)
    assert not is_black(np.full_like(BLACK, 25))  # the night scene, evenly dim
    blue = BLACK.copy()
    blue[..., 2] = 60  # dark water
    assert not is_black(blue)


def test_a_picture_that_is_faded_in_is_kept(tmp_path):
    faded = [(clips.bar_code(9) * (step / 8)).astype(np.uint8) for step in range(1, 9)]
    path = clips.write_video(tmp_path / "a.mp4", pictures=[BLACK, *faded])
    assert open_media(path).info.black_start == 1


def test_black_frames_inside_stay(tmp_path):
    pictures = [clips.bar_code(1), BLACK, BLACK, clips.bar_code(2)]
    media = open_media(clips.write_video(tmp_path / "a.mp4", pictures=pictures))
    assert media.content == range(4)


def test_a_film_that_is_black_as_a_whole_is_not_emptied(tmp_path):
    media = open_media(clips.write_video(tmp_path / "a.mp4", pictures=[BLACK] * 6))
    assert media.content == range(6)
    assert media.info.warnings == ()


def test_a_folder_of_images_likewise(tmp_path):
    for number, picture in enumerate([NOISY, NOISY, clips.bar_code(3), clips.bar_code(4), BLACK]):
        Image.fromarray(picture).save(tmp_path / f"{number:03d}.png")
    media = open_media(tmp_path)
    assert media.content == range(2, 4)
    assert [clips.read_bar_code(frame) for frame in media.sample(2).frames] == [3, 4]


def test_the_counter_needs_no_frame_twice():
    ends = BlackEnds()
    for black in (True, True, False, True, False, True):
        ends.add(black=black)
    assert ends.counts() == (2, 1)
