"""Clips that are copied show the very pictures of the film; a film is read from the middle as from the start, and in one small pass."""

from pathlib import Path

import av
import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.media.clips import copy_clips
from stagescore.media.film_writing import write_film
from stagescore.media.sound import sudden_sounds
from stagescore.media.source import open_media
from stagescore.media.streaming import StreamOptions, seconds_of, stream_film

NUM_FRAMES = 640


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bar that moves, so that every frame differs; key frames every 250 frames, as encoders do by default."""
    path = tmp_path_factory.mktemp("film") / "long.mp4"
    frames = (np.full((32, 48, 3), 30, np.uint8) for _ in range(NUM_FRAMES))

    def marked():
        for number, frame in enumerate(frames):
            frame[:, number % 48] = 255
            frame[number // 48, :] = 160
            yield frame

    write_film(path, marked(), 25.0, preset="veryfast")
    return path


def test_a_clip_has_the_films_own_pictures(film: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    copy_clips(film, [(12.0, 13.0)], [clip])
    whole, part = open_media(film), open_media(clip)
    assert part.info.verdict == "ok"
    pictures = [picture for _, picture in part.frames()]
    # A few frames after the end may be shown: others before the end refer to them.
    assert 26 <= len(pictures) <= 34
    for (_, there), here in zip(whole.frames(range(300, 326)), pictures, strict=False):
        np.testing.assert_array_equal(there, here)
    assert [one.name for one in tmp_path.iterdir()] == ["clip.mp4"]


def test_late_frames_are_the_same_without_decoding_from_the_start(film: Path) -> None:
    media = open_media(film)
    straight = dict(media.frames(range(400, NUM_FRAMES)))
    for first in (564, 600, 639):
        for index, picture in media.frames(range(first, NUM_FRAMES)):
            np.testing.assert_array_equal(picture, straight[index])


def test_frames_of_the_fast_pass_have_the_numbers_of_the_film(film: Path) -> None:
    media = open_media(film)
    seen = list(stream_film(film, StreamOptions(edge_px=48, threads=1, most_rate=1000.0)))
    assert NUM_FRAMES / 4 < len(seen) <= NUM_FRAMES
    assert all(small.time_s == pytest.approx(media.times_s[small.frame]) for small in seen)
    every = stream_film(film, StreamOptions(edge_px=24, threads=1, most_rate=1000.0, all_frames=True))
    numbers = [small.frame for small in every]
    assert numbers == list(range(NUM_FRAMES))
    assert seconds_of(film) == pytest.approx(NUM_FRAMES / 25, abs=0.1)


def test_pictures_of_the_fast_pass_come_no_faster_than_asked(film: Path) -> None:
    options = StreamOptions(edge_px=24, threads=1, most_rate=5.0, all_frames=True)
    seen = [small.time_s for small in stream_film(film, options)]
    np.testing.assert_allclose(np.diff(seen), 0.2, atol=1e-3)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film")
    for read in (lambda: next(stream_film(path)), lambda: sudden_sounds(path), lambda: seconds_of(path)):
        with pytest.raises(DataError, match="cannot be read as a video"):
            read()


def test_a_splash_is_heard_above_the_hum_of_a_hall(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    rate, random = 16_000, np.random.default_rng(0)
    times = np.arange(4 * rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * 120 * times) + 0.003 * random.standard_normal(len(times))
    sound[int(2.5 * rate) : int(2.8 * rate)] += (
        0.2 * random.standard_normal(int(0.3 * rate) + 1)[: int(2.8 * rate) - int(2.5 * rate)]
    )
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=rate)
        for part in sound.astype(np.float32)[: len(sound) // 1024 * 1024].reshape(-1, 1, 1024):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="fltp", layout="mono")
            frame.sample_rate = rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    heard = sudden_sounds(path)
    assert heard is not None
    assert heard.near(2.5, 0.15)
    assert not heard.near(1.5, 0.5)


def test_a_film_without_sound_has_no_sounds(film: Path) -> None:
    assert sudden_sounds(film) is None
