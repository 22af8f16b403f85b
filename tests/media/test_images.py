"""Folders of images as films."""

import struct
import zlib

import clips
import numpy as np
import pytest
from PIL import Image

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media


def write_images(folder, numbers, name="{:05d}.png"):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        Image.fromarray(clips.bar_code(number)).save(folder / name.format(number))
    return folder


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "png", "bmp", "webp", "JPG"])
def test_images_of_every_format_are_frames(tmp_path, suffix):
    media = open_media(write_images(tmp_path / "film", range(1, 8), f"{{:05d}}.{suffix}"), frame_rate=10.0)
    assert (media.info.kind, media.info.verdict, media.info.num_frames) == ("images", "ok", 7)
    assert (media.info.frame_rate, media.info.warnings, media.info.sha256) == (10, (), None)
    assert np.allclose(media.times_s, np.arange(7) / 10)
    assert clips.read_all(media) == list(range(1, 8))
    assert media.sample(3, size_px=(32, 24)).frames.shape == (3, 24, 32, 3)


def test_numbers_are_sorted_as_numbers(tmp_path):
    media = open_media(write_images(tmp_path / "film", range(12), "img{}.png"))
    assert clips.read_all(media) == list(range(12))


def test_unknown_frame_rate_assumes_25_and_says_so(tmp_path):
    media = open_media(write_images(tmp_path / "film", range(5)))
    assert media.info.frame_rate is None
    assert media.times_s[1] == pytest.approx(1 / 25)
    assert "25 per second" in media.info.warnings[0]


def test_gap_in_the_numbers_is_a_lost_frame_and_keeps_its_time(tmp_path):
    media = open_media(write_images(tmp_path / "film", [3, 4, 5, 7, 8, 11]), frame_rate=10.0)
    assert (media.info.verdict, media.info.num_frames, media.info.num_lost) == ("partial", 6, 3)
    assert np.allclose(media.times_s, [0, 0.1, 0.2, 0.4, 0.5, 0.8])
    assert "3 numbers are missing" in media.info.warnings[0]


def test_every_fifth_frame_kept_on_purpose_is_no_gap(tmp_path):
    info = inspect_media(write_images(tmp_path / "film", range(0, 50, 5)), frame_rate=5.0)
    assert (info.verdict, info.num_lost, info.duration_s) == ("ok", 0, pytest.approx(2.0))


def test_truncated_image_is_lost_and_the_others_keep_their_places(tmp_path):
    folder = write_images(tmp_path / "film", range(6), "{:03d}.jpg")
    content = (folder / "002.jpg").read_bytes()
    (folder / "002.jpg").write_bytes(content[: len(content) // 2])
    media = open_media(folder)
    assert (media.info.verdict, media.info.num_frames, media.info.num_lost) == ("partial", 5, 1)
    assert "002.jpg" in media.info.warnings[0]
    assert clips.read_all(media) == [0, 1, 3, 4, 5]


def test_hidden_files_sub_folders_and_other_files_are_ignored(tmp_path):
    folder = write_images(tmp_path / "film", range(3))
    (folder / ".00003.png").write_bytes(b"rubbish")
    (folder / "frames.json").write_text("{}")
    write_images(folder / "00004.png", [4])
    assert (inspect_media(folder).verdict, inspect_media(folder).num_frames) == ("ok", 3)


def test_mixed_sizes_are_an_error_that_names_both(tmp_path):
    folder = write_images(tmp_path / "film", range(3))
    Image.new("RGB", (80, 60)).save(folder / "00003.png")
    assert inspect_media(folder).verdict == "unreadable"
    with pytest.raises(DataError, match=r"80 x 60.*64 x 48"):
        open_media(folder)


def test_one_pixel_images_are_unreadable(tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "1.png")
    info = inspect_media(tmp_path)
    assert info.verdict == "unreadable"


def test_only_broken_images_are_unreadable(tmp_path):
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    assert "none of its images" in inspect_media(tmp_path).reason


def test_decompression_bomb_is_not_unpacked(tmp_path):
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)

    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    (write_images(tmp_path / "film", range(3)) / "00003.png").write_bytes(bomb)
    info = inspect_media(tmp_path / "film")
    assert (info.verdict, info.num_frames, info.num_lost) == ("partial", 3, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_makes_the_picture_upright(tmp_path, orientation):
    upright = Image.fromarray(clips.bar_code(37, 64, 48))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transpositions that store it as the tag says
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "1.jpg", exif=exif, quality=95)
    media = open_media(tmp_path)
    assert (media.info.width_px, media.info.height_px) == (64, 48)
    assert clips.read_all(media) == [37]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16", "1", "CMYK"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode):
    picture = Image.fromarray(clips.bar_code(5))
    if mode == "I;16":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(tmp_path / "1.png")
    else:
        picture.convert(mode).save(tmp_path / ("1.jpg" if mode == "CMYK" else "1.png"))
    assert clips.read_all(open_media(tmp_path)) == [5]


def test_image_replaced_after_opening_is_an_error(tmp_path):
    media = open_media(write_images(tmp_path / "film", range(3)))
    Image.new("RGB", (80, 60)).save(tmp_path / "film" / "00001.png")
    with pytest.raises(DataError, match="changed"):
        list(media.frames())
