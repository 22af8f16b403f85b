"""A second reading gives the frames of the first, or says truly why it cannot."""

import os

import clips
import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media, video


@pytest.fixture
def other_the_second_time(monkeypatch):
    """A function: from its call on, decoding leaves out the frame with this number."""

    def leave_out(number: int):
        frames = video._Decoding.frames

        def without(self):
            for index, frame in enumerate(frames(self)):
                if index != number:
                    yield frame

        monkeypatch.setattr(video._Decoding, "frames", without)

    return leave_out


def test_film_that_decodes_differently_is_not_said_to_be_changed(film, other_the_second_time):
    media = open_media(film("h264.mp4"))
    other_the_second_time(7)
    with pytest.raises(DataError, match="damaged") as caught:
        list(media.frames())
    assert "frame 7" in str(caught.value)
    assert "unchanged" not in str(caught.value)


def test_film_that_gives_fewer_frames_is_not_said_to_be_changed(film, other_the_second_time):
    media = open_media(film("h264.mp4"))
    other_the_second_time(23)
    with pytest.raises(DataError, match="damaged"):
        list(media.frames())


def test_film_that_was_overwritten_is_said_to_be_changed(film):
    path = film("h264.mp4")
    media = open_media(path)
    clips.write_video(path, 12)
    with pytest.raises(DataError, match="has changed since it was first read"):
        list(media.frames())


def test_film_that_was_replaced_by_one_of_its_size_and_time_is_said_to_be_changed(film, tmp_path):
    path = film("h264.mp4")
    media = open_media(path)
    before = path.stat()
    other = clips.write_video(tmp_path / "other.mp4", 12)
    other.write_bytes(other.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(DataError, match="has changed since it was first read"):
        list(media.frames())


def test_film_that_was_taken_away_is_said_to_be_gone(film):
    path = film("h264.mp4")
    media = open_media(path)
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        list(media.frames())


def with_an_unknown_colour_space(path, frames=(5, 6)):
    """Write into some ProRes pictures a matrix of colours (16) that nothing converts to RGB."""
    content = bytearray(path.read_bytes())
    at, number = 0, 0
    while (at := content.find(b"icpf", at)) >= 0:
        if number in frames:
            content[at + 4 + 16] = 16  # after the size of the header, version, maker, size, flags, rate
        number += 1
        at += 4
    path.write_bytes(bytes(content))
    return path


def test_pictures_that_cannot_be_converted_are_lost_and_the_rest_is_read_twice(tmp_path):
    recipe = clips.Recipe(codec="prores", pix_fmt="yuv422p10le")
    path = with_an_unknown_colour_space(clips.write_video(tmp_path / "film.mov", recipe=recipe))
    info = inspect_media(path)
    assert info.verdict == "partial"
    assert (info.num_frames, info.num_lost) == (22, 2)
    media = open_media(path)
    every = clips.read_all(media)
    assert every == [number for number in range(24) if number not in (5, 6)]
    picture = dict(media.frames([20]))[20]
    assert np.array_equal(picture, dict(media.frames())[20])
