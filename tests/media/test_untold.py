"""Losses that a container can tell are told; where nobody can tell, the film says so."""

import struct

import clips
import pytest
from clips import B_FRAMES, Recipe

from stagescore.media import inspect_media, open_media

AT_END, IN_PICTURE = clips.UNTOLD
H264 = Recipe(codec_options=B_FRAMES)


def tag_starts(content: bytes) -> list[int]:
    """Places at which the tags of an FLV begin."""
    starts, at = [], 13
    while at < len(content):
        starts.append(at)
        at += 11 + int.from_bytes(content[at + 1 : at + 4], "big") + 4
    return starts


@pytest.fixture
def flv(tmp_path):
    return clips.write_video(tmp_path / "film.flv", 24, H264)


@pytest.mark.parametrize("num_tags", [5, 12, 20])
@pytest.mark.parametrize("torn_bytes", [0, 30])
def test_flv_that_was_cut_off_is_partial_and_counts_what_it_promised(flv, num_tags, torn_bytes):
    content = flv.read_bytes()
    flv.write_bytes(content[: tag_starts(content)[num_tags] + torn_bytes])
    info = inspect_media(flv)
    assert info.verdict == "partial"
    assert info.num_frames + info.num_lost == 24


def test_flv_of_which_only_the_end_is_missing_is_partial(flv):
    content = flv.read_bytes()
    flv.write_bytes(content[: tag_starts(content)[-2]])
    assert inspect_media(flv).verdict == "partial"


def test_flv_with_a_torn_chain_is_partial(flv):
    content = bytearray(flv.read_bytes())
    start = tag_starts(bytes(content))[10]
    struct.pack_into(">I", content, start - 4, 12345)
    flv.write_bytes(bytes(content))
    assert "length" in inspect_media(flv).warnings[0]


@pytest.mark.parametrize("codec", ["flv", "libx264"])
@pytest.mark.parametrize("audio", [True, False])
def test_whole_flv_is_ok_and_has_nothing_to_say(tmp_path, codec, audio):
    path = clips.write_video(tmp_path / "film.flv", 24, Recipe(codec=codec, audio=audio))
    info = inspect_media(path)
    assert (info.verdict, info.num_frames, info.warnings) == ("ok", 24, ())


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("live.flv", Recipe(codec_options=B_FRAMES, container_options={"flvflags": "no_duration_filesize"})),
        ("film.ts", H264),
        ("film.mpg", Recipe(codec="mpeg2video")),
        ("live.mkv", Recipe(codec_options=B_FRAMES, container_options={"live": "1"})),
    ],
)
def test_a_film_that_does_not_say_how_long_it_is_says_that(tmp_path, name, recipe):
    info = inspect_media(clips.write_video(tmp_path / name, 24, recipe))
    assert (info.verdict, info.num_frames) == ("ok", 24)
    assert [warning.endswith(AT_END) for warning in info.warnings] == [True]


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("film.webm", Recipe(codec="libvpx")),
        ("film9.webm", Recipe(codec="libvpx-vp9")),
        ("film.mov", Recipe(codec="prores", pix_fmt="yuv422p10le")),
        ("raw.avi", Recipe(codec="rawvideo")),
        ("hevc.mp4", Recipe(codec="libx265", codec_options={"x265-params": "log-level=none"})),
    ],
)
def test_a_codec_that_does_not_notice_damage_is_named(tmp_path, name, recipe):
    path = clips.write_video(tmp_path / name, 24, recipe)
    info = inspect_media(path)
    assert info.verdict == "ok"
    assert [warning.endswith(IN_PICTURE) for warning in info.warnings] == [True]
    assert info.codec in info.warnings[0]


def test_damage_under_a_checksum_of_the_container_is_told_whatever_the_codec(tmp_path):
    path = clips.write_video(tmp_path / "film.mkv", 24, Recipe(codec="libvpx"))
    assert inspect_media(path).warnings == ()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = bytes(byte ^ 0x5A for byte in content[middle : middle + 8])
    path.write_bytes(bytes(content))
    assert inspect_media(path).verdict == "partial"


def test_the_notes_do_not_make_a_film_partial(tmp_path):
    media = open_media(clips.write_video(tmp_path / "film.ts", 24, H264))
    assert media.info.verdict == "ok"
    assert clips.read_all(media) == list(range(24))
