"""Interlaced films: found by their frames' marks, made whole, and said to be interlaced."""

import clips
import numpy as np
import pytest
from clips import Recipe

from stagescore.media import deinterlacing, open_media, video

WIDTH_PX, HEIGHT_PX, NUM_FRAMES = 160, 96, 10
SPEED_PX = 8
"""Pixels by which the bar moves from one frame to the next."""
INTERLACED = Recipe(codec_options={"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "10"})
NAMES = {
    "film.mp4": INTERLACED,
    "film.ts": INTERLACED,
    "film.mpg": Recipe(codec="mpeg2video", codec_options={"flags": "+ildct+ilme", "b": "8M"}),
}


def bar_at(moment: float) -> np.ndarray:
    """A bright bar, 24 pixels wide, on its way to the right; `moment` counts frames."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 30, np.uint8)
    left = round(20 + SPEED_PX * moment)
    picture[:, left : left + 24] = 220
    return picture


def woven(number: int, *, top_first: bool = True) -> np.ndarray:
    """A frame as an interlaced camera takes it: half of its lines half a frame later."""
    picture = bar_at(number)
    picture[int(top_first) :: 2] = bar_at(number + 0.5)[int(top_first) :: 2]
    return picture


def comb(picture: np.ndarray) -> float:
    """How much neighbouring lines differ, in levels of 255."""
    rows = picture.mean(-1)
    return float(np.abs(np.diff(rows, axis=0)).mean())


def written(path, recipe, num_frames=NUM_FRAMES):
    return clips.write_video(path, recipe=recipe, pictures=[woven(number) for number in range(num_frames)])


@pytest.mark.parametrize("name", NAMES)
def test_combs_are_gone_and_frames_keep_their_number_and_place(tmp_path, name):
    media = open_media(written(tmp_path / name, NAMES[name]))
    assert (media.info.verdict, media.info.num_frames) == ("ok", NUM_FRAMES)
    assert "interlaced" in " ".join(media.info.warnings)
    pictures = [picture for _, picture in media.frames()]
    assert len(pictures) == NUM_FRAMES
    for number, picture in enumerate(pictures):
        assert comb(picture[2:-2]) < 0.3 * comb(woven(number))
        # A bar may be up to half a frame's way off, whichever of the two moments is kept.
        bright = np.flatnonzero(picture[HEIGHT_PX // 2].mean(-1) > 125)
        assert abs(bright.mean() - (20 + SPEED_PX * number + 11.5)) <= SPEED_PX / 2 + 1


def test_single_frames_are_those_of_a_whole_reading(tmp_path):
    media = open_media(written(tmp_path / "film.mp4", INTERLACED))
    every = dict(media.frames())
    for indices in ([0], [4, 4, 7], [NUM_FRAMES - 1]):
        for index, picture in media.frames(indices):
            assert np.array_equal(picture, every[index])


@pytest.mark.parametrize("num_frames", [1, 2])
def test_very_short_films_lose_no_frame(tmp_path, num_frames):
    media = open_media(written(tmp_path / "film.mp4", INTERLACED, num_frames))
    assert sum(1 for _ in media.frames()) == num_frames


def test_a_film_that_is_not_interlaced_is_left_alone(films):
    media = open_media(films / "h264.mp4")
    assert not media._scan.deinterlaced
    assert media.info.warnings == ()


def test_without_the_filter_the_film_is_read_as_it_is_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "can_deinterlace", lambda: False)
    media = open_media(written(tmp_path / "film.mp4", INTERLACED))
    assert deinterlacing.interlaced_note(deinterlaced=False) in media.info.warnings
    assert comb(list(media.frames())[5][1]) > 0.7 * comb(woven(5))
