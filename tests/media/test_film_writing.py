"""Films that we write: whole, the same each time, of the quality that was asked for."""

import errno
import os

import clips
import numpy as np
import pytest

from stagescore.errors import DataError
from stagescore.media import film_writing, open_media
from stagescore.media.film_writing import LOSSLESS_CRF, write_film


def test_a_film_of_odd_size_is_written_and_the_same_each_time(tmp_path):
    frames = [np.full((61, 83, 3), 10 * k, np.uint8) for k in range(12)]
    write_film(tmp_path / "a.mp4", frames, 29.97)
    write_film(tmp_path / "b.mp4", frames, 29.97)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    media = open_media(tmp_path / "a.mp4")
    assert media.info.verdict == "ok"
    assert media.num_frames == 12
    assert media.info.frame_rate == pytest.approx(29.97, abs=0.01)
    for k, picture in media.frames():
        assert abs(int(picture.mean()) - 10 * k) < 6


def test_nothing_to_write_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="no picture"):
        write_film(tmp_path / "a.mp4", [], 25)
    assert not list(tmp_path.iterdir())


def test_a_higher_rate_factor_loses_more_and_none_at_all_next_to_nothing(tmp_path):
    noise = np.random.default_rng(0).integers(-20, 20, (12, 48, 64, 1))
    grey = [(clips.bar_code(k).astype(int) + noise[k]).clip(0, 250).astype(np.uint8) for k in range(12)]
    errors = []
    for crf in (LOSSLESS_CRF, 18, 32):
        write_film(tmp_path / f"{crf}.mp4", grey, 25, crf=crf)
        found = [picture for _, picture in open_media(tmp_path / f"{crf}.mp4").frames()]
        errors.append(np.abs(np.array(found, int) - np.array(grey, int)).mean())
    assert errors[0] < 1 < errors[1] < errors[2]


def test_a_quality_that_the_encoder_does_not_know_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(film_writing, "CODECS", ("mpeg4",))
    with pytest.raises(DataError, match="mpeg4 knows no quality 18"):
        write_film(tmp_path / "a.mp4", [clips.bar_code(0)], 25, crf=18)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_is_told_without_temporary_names(tmp_path, monkeypatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / ".a.mp4.x.part.mp4"))

    monkeypatch.setattr(film_writing, "_encode", full)
    with pytest.raises(DataError, match=r"a\.mp4: cannot write \(No space left on device\)"):
        film_writing.write_film(tmp_path / "a.mp4", iter(()), 25)
    assert list(tmp_path.iterdir()) == []
