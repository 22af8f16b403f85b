"""A film whose pictures stay in memory: the same pictures, decoded once, where they fit."""

from pathlib import Path

import numpy as np
import pytest

from stagescore.media import held, source
from stagescore.media.film_writing import write_film
from stagescore.media.held import HeldMedia
from stagescore.media.scaling import scaled
from stagescore.media.source import Media, open_media


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("held") / "film.mp4"
    coarse = np.random.default_rng(0).integers(90, 170, (20, 4, 6, 3)).astype(np.uint8)
    write_film(path, (scaled(picture, (48, 32)) for picture in coarse), 25.0)
    return path


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Frames that were asked of the decoder, one entry for each time that the film was decoded."""
    decodings, read = [], source.read_video

    def reading(path, scan, indices, size_px):
        decodings.append(len(indices))
        return read(path, scan, indices, size_px)

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


def test_the_frames_that_are_used_are_held_as_large_as_fits(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = open_media(film)
    monkeypatch.setattr(held, "LEAST_EDGE_PX", 24)
    monkeypatch.setattr(held, "MOST_BYTES", 3 * 10 * 16 * 24)
    small = HeldMedia.of(media, range(5, 15))
    assert (small.info.width_px, small.info.height_px) == (24, 16) and small.scale.tolist() == [0.5, 0.5]
    decodings = counted(monkeypatch)
    plain = dict(media.frames())
    for _ in range(2):
        for frame, picture in small.frames(range(5, 15)):
            assert np.abs(picture.astype(int) - scaled(plain[frame], (24, 16))).mean() < 4
    assert decodings == [20, 10]
    # Frames outside of the span are shown and not kept.
    assert [frame for frame, _ in small.frames([2])] == [frame for frame, _ in small.frames([2])] == [2]
    assert decodings == [20, 10, 1, 1] and small.released() is media
    # Where they would become too small, the film stays as it is.
    assert HeldMedia.of(media, range(20)) is media
    # Where they fit, so do they.
    assert HeldMedia.of(media, range(2)).scale.tolist() == [1.0, 1.0]


def test_what_is_held_already_stays(film: Path) -> None:
    media = HeldMedia.of(open_media(film))
    assert HeldMedia.of(media, range(3)) is media


def test_pictures_for_drawing_are_at_most_so_large_and_only_those_that_are_shown_again_are_held(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = open_media(film)
    drawn = HeldMedia.for_drawing(media, [3, 7], 24)
    assert (drawn.info.width_px, drawn.info.height_px) == (24, 16)
    decodings = counted(monkeypatch)
    assert {picture.shape for _, picture in drawn.frames()} == {(16, 24, 3)}
    assert [frame for frame, _ in drawn.frames([3, 7])] == [3, 7]
    assert decodings == [20]
    assert [frame for frame, _ in drawn.frames([3, 4])] == [3, 4]
    assert decodings == [20, 2]
    # A film that is small enough keeps its size.
    assert HeldMedia.for_drawing(media, [3], 480).scale.tolist() == [1.0, 1.0]


def test_a_film_that_is_held_already_is_drawn_as_it_is(film: Path) -> None:
    media = HeldMedia.of(open_media(film))
    assert HeldMedia.for_drawing(media, [3], 24) is media
