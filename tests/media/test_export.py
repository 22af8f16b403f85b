"""Frames written as a folder of images: complete or not at all."""

import json

import clips
import numpy as np
import pytest
from PIL import Image

from stagescore.errors import DataError
from stagescore.media import export, open_media
from stagescore.media.export import export_frames


def test_folder_holds_every_frame_and_says_where_it_came_from(films, tmp_path):
    media = open_media(films / "h264.mp4", slowmo=2.0)
    folder = export_frames(media, tmp_path / "new" / "frames")
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"{k:05d}.jpg" for k in range(24)), "frames.json"]
    codes = [clips.read_bar_code(np.array(Image.open(folder / name))) for name in names[:-1]]
    assert codes == list(range(24))
    content = json.loads((folder / "frames.json").read_text())
    assert content["schema_version"] == export.SCHEMA_VERSION
    assert content["media"] == media.info.as_json()
    assert content["frames"][10] == {
        "file": "00010.jpg",
        "index": 10,
        "time_s": pytest.approx(0.4),
        "real_time_s": pytest.approx(0.2),
    }


def test_chosen_frames_are_scaled_and_can_be_read_back(films, tmp_path):
    folder = export_frames(
        open_media(films / "h264.mp4"), tmp_path / "out", indices=[3, 3, 9], size_px=(32, 24)
    )
    assert [frame["index"] for frame in json.loads((folder / "frames.json").read_text())["frames"]] == [
        3,
        3,
        9,
    ]
    again = open_media(folder, frame_rate=25.0)
    assert (again.info.width_px, again.info.height_px, again.info.verdict) == (32, 24, "ok")
    assert clips.read_all(again) == [3, 3, 9]


@pytest.mark.parametrize("kind", ["folder", "full folder", "file", "dangling link"])
def test_what_exists_is_never_touched(films, tmp_path, kind):
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("mine")
    elif kind == "dangling link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        target.mkdir()
        if kind == "full folder":
            (target / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        export_frames(open_media(films / "h264.mp4"), target)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_when_it_fails_in_the_middle(films, tmp_path, monkeypatch, failure):
    save, num_saved = Image.Image.save, 0

    def fails_at_the_fifth(self, *args, **kwargs):
        nonlocal num_saved
        num_saved += 1
        if num_saved == 5:
            raise failure
        save(self, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", fails_at_the_fifth)
    with pytest.raises(DataError if isinstance(failure, OSError) else KeyboardInterrupt) as caught:
        export_frames(open_media(films / "h264.mp4"), tmp_path / "a" / "b" / "out")
    assert list(tmp_path.iterdir()) == []
    if isinstance(failure, OSError):
        assert "No space left" in str(caught.value)


def test_film_that_vanishes_leaves_nothing(film, tmp_path):
    path = film("h264.mp4")
    media = open_media(path)
    path.unlink()
    with pytest.raises(DataError):
        export_frames(media, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "settings", [{"quality": 0}, {"quality": 101}, {"size_px": (0, 5)}, {"indices": [99]}]
)
def test_impossible_settings_are_an_error_and_leave_nothing(films, tmp_path, settings):
    with pytest.raises(DataError):
        export_frames(open_media(films / "h264.mp4"), tmp_path / "out", **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_only_one_frame_is_in_memory_at_a_time(films, tmp_path, monkeypatch):
    import gc
    import weakref

    alive: list[weakref.ref] = []
    most = 0
    convert = Image.fromarray

    def counted(picture):
        nonlocal most
        alive.append(weakref.ref(picture))
        gc.collect()
        most = max(most, sum(ref() is not None for ref in alive))
        return convert(picture)

    monkeypatch.setattr(Image, "fromarray", counted)
    export_frames(open_media(films / "h264.mp4"), tmp_path / "out")
    assert len(alive) == 24
    assert most <= 2
