"""A film whose pictures stay in memory: the same pictures, decoded once, where they fit."""

from pathlib import Path

import numpy as np
import pytest

from stagescore.media import held, source
from stagescore.media.film_writing import write_film
from stagescore.media.held import HeldMedia
from stagescore.media.source import Media, open_media


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("held") / "film.mp4"
    random = np.random.default_rng(0)
    write_film(path, iter(random.integers(0, 255, (20, 32, 48, 3)).astype(np.uint8)), 25.0)
    return path


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Frames that were asked of the decoder, one entry for each time that the film was decoded."""
    decodings, read = [], source.read_video

    def reading(path, scan, indices):
        decodings.append(len(indices))
        return read(path, scan, indices)

    monkeypatch.setattr(source, "read_video", reading)
    return decodings


def test_pictures_are_the_same_and_decoded_once(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = dict(open_media(film).frames())
    media = HeldMedia.of(open_media(film))
    decodings = counted(monkeypatch)
    first = dict(media.frames())
    for wanted in (None, [3, 3, 7], [19], []):
        for frame, picture in media.frames(wanted):
            assert picture is first[frame] and np.array_equal(picture, plain[frame])
    assert media.sample(5).frames.shape == (5, 32, 48, 3)
    assert decodings == [20]


def test_who_stops_early_leaves_the_rest_to_be_decoded(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = HeldMedia.of(open_media(film))
    decodings = counted(monkeypatch)
    for frame, _ in media.frames():
        if frame == 4:
            break
    assert [frame for frame, _ in media.frames(range(5))] == list(range(5))
    assert decodings == [20]
    assert len(dict(media.frames())) == 20
    assert decodings == [20, 20]


def test_nobody_can_write_into_what_others_get(film: Path) -> None:
    _, picture = next(HeldMedia.of(open_media(film)).frames())
    with pytest.raises(ValueError, match="read-only"):
        picture[:] = 0


def test_a_film_that_does_not_fit_is_not_held(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = open_media(film)
    monkeypatch.setattr(held, "MOST_BYTES", 3 * 20 * 32 * 48 - 1)
    assert HeldMedia.of(media) is media
    monkeypatch.setattr(held, "MOST_BYTES", 3 * 20 * 32 * 48)
    kept = HeldMedia.of(media)
    list(kept.frames())
    assert type(kept.released()) is Media and media.released() is media
