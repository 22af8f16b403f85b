"""Damaged films: what can be read is given, and the verdict never hides that something is missing."""

import os
import subprocess
import sys

import av.logging
import clips
import pytest

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media
from stagescore.media.containers import audit_container

CONTAINERS = [
    "h264_faststart.mp4",
    "h264_fragmented.mp4",
    "mpeg4_bframes.avi",
    "h264.mkv",
    "vp8.webm",
    "rgb8.gif",
]


def cut_off(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("name", CONTAINERS)
def test_truncated_film_is_partial_and_its_first_frames_are_right(film, name):
    media = open_media(cut_off(film(name), 0.9))
    assert media.info.verdict == "partial"
    assert 1 <= media.info.num_frames < 24
    assert media.info.warnings
    codes = clips.read_all(media)
    whole = [code for code in codes[:-2] if code is not None]  # the last may be torn
    assert whole == list(range(len(codes)))[: len(whole)]


def test_truncated_film_counts_what_its_index_promised(film):
    info = inspect_media(cut_off(film("h264_faststart.mp4"), 0.8))
    assert info.num_frames + info.num_lost == 24
    info = inspect_media(cut_off(film("mpeg4_bframes.avi"), 0.8))
    assert info.num_frames + info.num_lost == 24


@pytest.mark.parametrize("name", ["h264.mp4", "mpeg4.mov"])
def test_film_without_its_index_is_unreadable_with_a_reason(film, name):
    path = cut_off(film(name), 0.5)
    info = inspect_media(path)
    assert (info.verdict, info.num_frames) == ("unreadable", 0)
    assert "cannot be read as a video" in info.reason
    with pytest.raises(DataError) as caught:
        open_media(path)
    assert str(path) in str(caught.value)
    assert caught.value.todo


@pytest.mark.parametrize(
    "name", ["h264_faststart.mp4", "mpeg4.mov", "mpeg4_bframes.avi", "h264.mkv", "ffv1.mkv"]
)
def test_damage_in_the_middle_is_noticed_although_all_frames_seem_to_be_there(film, name):
    path = film(name)
    content = bytearray(path.read_bytes())
    middle = {"mpeg4.mov": len(content) // 4}.get(name, len(content) * 3 // 4)
    content[middle : middle + 120] = bytes(b ^ 0x5A for b in content[middle : middle + 120])
    path.write_bytes(bytes(content))
    info = inspect_media(path)
    assert info.verdict == "partial"
    assert info.warnings


def test_gif_without_its_end_mark_is_partial(film):
    path = film("rgb8.gif")
    path.write_bytes(path.read_bytes()[:-1])
    info = inspect_media(path)
    assert (info.verdict, info.num_frames) == ("partial", 24)
    assert "end mark" in info.warnings[0]
    assert "cannot be told" in info.warnings[-1]


def test_bytes_after_the_end_do_not_matter(film):
    for name in ("h264.mp4", "mpeg4_bframes.avi", "rgb8.gif"):
        path = film(name)
        path.write_bytes(path.read_bytes() + b"\x00" * 40 + os.urandom(50))
        assert (inspect_media(path).verdict, inspect_media(path).num_frames) == ("ok", 24)


def declare(path, box: bytes, offset: int, value: int) -> None:
    """Overwrite a 32-bit number in the only box of this name."""
    content = bytearray(path.read_bytes())
    at = content.index(box) + 4 + offset
    content[at : at + 4] = value.to_bytes(4, "big")
    path.write_bytes(bytes(content))


def test_index_that_claims_fewer_frames_than_its_other_tables_is_noticed(film):
    path = film("h264.mp4")
    declare(path, b"stsz", 8, 20)
    info = inspect_media(path)
    assert info.verdict == "partial"
    assert (info.num_frames, info.num_lost) == (20, 4)


def test_edit_list_that_contradicts_the_duration_is_noticed(film):
    path = film("h264.mp4")
    declare(path, b"elst", 8, 400)  # milliseconds shown, of 960
    info = inspect_media(path)
    assert (info.verdict, info.num_frames) == ("partial", 10)


def test_avi_with_a_chunk_taken_out_is_noticed(film):
    path = film("mjpeg.avi")
    content = path.read_bytes()
    at = content.index(b"00dc", 6000)
    size = 8 + int.from_bytes(content[at + 4 : at + 8], "little")
    size += size & 1
    path.write_bytes(content[:at] + content[at + size :])
    info = inspect_media(path)
    assert info.verdict == "partial"
    assert (info.num_frames + info.num_lost) == 24


def test_webm_with_a_whole_block_taken_out_is_noticed(film):
    path = film("vp8.webm")
    content = bytearray(path.read_bytes())
    # The last block becomes an element that readers skip (`Void`), all lengths stay right.
    at = content.rindex(b"\xa3")
    while content[at + 1] & 0x80 == 0 or content[at + 2] != 0x81:
        at = content.rindex(b"\xa3", 0, at)
    content[at] = 0xEC
    path.write_bytes(bytes(content))
    info = inspect_media(path)
    assert info.num_frames == 23
    assert info.verdict == "partial"
    assert info.num_lost == 1


def test_audit_knows_nothing_of_other_formats(tmp_path):
    path = clips.write_video(tmp_path / "film.ts")
    audit = audit_container(path, 1, 0, 24)
    assert (audit.num_frames, audit.problems, audit.accounts_for_all) == (None, (), False)


def test_ffmpegs_messages_do_not_reach_the_user_and_log_settings_are_restored(film):
    path = film("mpeg4.mov")
    content = bytearray(path.read_bytes())
    content[300:420] = bytes(120)
    path.write_bytes(bytes(content))
    code = (
        "import sys, av.logging\n"
        "from stagescore.media import inspect_media, open_media\n"
        "before = av.logging.get_level(), av.logging.get_skip_repeated()\n"
        "for _ in range(2):\n"
        "    info = inspect_media(sys.argv[1])\n"
        "    assert info.verdict == 'partial', info\n"
        "    list(open_media(sys.argv[1]).frames())\n"
        "assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before\n"
    )
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_log_settings_of_the_caller_survive(film):
    av.logging.set_level(av.logging.FATAL)
    try:
        inspect_media(cut_off(film("h264.mkv"), 0.7))
        assert av.logging.get_level() == av.logging.FATAL
    finally:
        av.logging.set_level(None)


def test_several_threads_judge_at_the_same_time_each_its_own_file(films, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    torn = tmp_path / "torn.avi"
    torn.write_bytes((films / "mpeg4_bframes.avi").read_bytes())
    cut_off(torn, 0.85)
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda path: inspect_media(path).verdict, [films / "mpeg4.mov", torn] * 20))
    assert verdicts == ["ok", "partial"] * 20
    assert av.logging.get_level() is None


def test_second_reading_of_a_damaged_film_gives_the_same_frames(film):
    path = cut_off(film("mpeg4_bframes.avi"), 0.85)
    media = open_media(path)
    every = dict(media.frames())
    for index, picture in media.frames(range(0, media.num_frames, 3)):
        assert (picture == every[index]).all()
