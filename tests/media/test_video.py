"""Whole films: every frame is there, in its place, at its time and upright, and the verdict is `ok`."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import clips
import numpy as np
import pytest
from clips import B_FRAMES, Recipe

from stagescore.errors import DataError
from stagescore.media import inspect_media, open_media, sample_indices

REAL_CLIPS = Path(__file__).parents[3] / "shared" / "data" / "clips"
MILLISECONDS = Fraction(1, 1000)


@pytest.mark.parametrize("name", clips.RECIPES)
def test_whole_film_is_ok_and_gives_every_frame_in_order(films, name):
    media = open_media(films / name)
    assert (media.info.verdict, media.info.num_frames, media.info.num_lost) == ("ok", 24, 0)
    assert clips.findings(media.info) == []
    assert (media.info.width_px, media.info.height_px) == (clips.WIDTH_PX, clips.HEIGHT_PX)
    assert media.info.frame_rate == pytest.approx(25)
    assert media.info.duration_s == pytest.approx(24 / 25, abs=0.002)
    assert not media.info.variable_rate
    assert np.allclose(np.diff(media.times_s), 0.04, atol=0.0011)
    assert clips.read_all(media) == list(range(24))


@pytest.mark.parametrize(
    ("name", "num_frames", "rate"),
    [
        ("uploaded_video.mp4", 117, 30),
        ("image35.gif", 96, 20),
        ("image41.gif", 96, 20),
        ("diving_sample.gif", 21, 10),
    ],
)
def test_real_clips_are_ok(name, num_frames, rate):
    if not (REAL_CLIPS / name).exists():
        pytest.skip("shared clips are not here")
    media = open_media(REAL_CLIPS / name)
    assert (media.info.verdict, media.info.num_frames, media.info.warnings) == ("ok", num_frames, ())
    assert media.info.frame_rate == pytest.approx(rate)
    assert sum(1 for _ in media.frames()) == num_frames


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx"), ("mov", "mpeg4")]
)
@pytest.mark.parametrize("kind", ["uneven", "pause"])
def test_variable_frame_rate_is_no_damage(tmp_path, suffix, codec, kind):
    steps = (
        np.random.default_rng(0).integers(20, 80, 23)
        if kind == "uneven"
        else np.where(np.arange(23) == 10, 160, 40)
    )
    stamps = [0, *np.cumsum(steps).tolist()]
    path = clips.write_video(
        tmp_path / f"film.{suffix}", recipe=Recipe(codec=codec, time_base=MILLISECONDS), stamps=stamps
    )
    media = open_media(path)
    assert (media.info.verdict, media.info.variable_rate, clips.findings(media.info)) == ("ok", True, [])
    assert np.allclose(media.times_s - media.times_s[0], np.array(stamps) / 1000, atol=0.0015)
    assert media.info.frame_rate == pytest.approx(23 / (stamps[-1] / 1000), rel=0.02)
    assert clips.read_all(media) == list(range(24))


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("open_gop.mp4", Recipe(codec_options={**B_FRAMES, "x264-params": "open-gop=1"})),
        ("plain.ts", Recipe(codec_options=B_FRAMES)),
        ("plain.flv", Recipe(codec_options=B_FRAMES)),
        ("b_frames.avi", Recipe(codec_options=B_FRAMES)),
        ("live.webm", Recipe(codec="libvpx", container_options={"live": "1"})),
        ("dash.mp4", Recipe(codec_options=B_FRAMES, container_options={"movflags": "+dash+frag_keyframe"})),
        (
            "hidden_frames.webm",
            Recipe(codec="libvpx", codec_options={"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ),
        (
            "hidden_frames_9.webm",
            Recipe(codec="libvpx-vp9", codec_options={"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ),
        ("mpeg2.mpg", Recipe(codec="mpeg2video", codec_options={"bf": "2"})),
        ("wmv2.wmv", Recipe(codec="wmv2")),
        ("one_a_second.mp4", Recipe(rate=1)),
        ("sound.mkv", Recipe(audio=True)),
        ("sound.avi", Recipe(codec="mpeg4", codec_options={"bf": "2"}, audio=True)),
        ("sound.ts", Recipe(codec_options={"bf": "2"}, audio=True)),
    ],
)
def test_unusual_but_whole_films_are_ok(tmp_path, name, recipe):
    media = open_media(clips.write_video(tmp_path / name, 40, recipe))
    assert (media.info.verdict, media.info.num_frames, clips.findings(media.info)) == ("ok", 40, [])
    assert media.info.frame_rate == pytest.approx(recipe.rate)
    assert clips.read_all(media) == list(range(40))


@pytest.mark.parametrize("num_frames", [1, 2, 3])
@pytest.mark.parametrize("name", ["h264.mp4", "vp8.webm", "mjpeg.avi", "rgb8.gif"])
def test_very_short_films_are_ok(tmp_path, name, num_frames):
    media = open_media(clips.write_named(tmp_path, name, num_frames))
    assert (media.info.verdict, clips.read_all(media)) == ("ok", list(range(num_frames)))
    assert media.info.duration_s == pytest.approx(num_frames / 25, abs=0.011)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_edit_list_of_a_cut_film_hides_frames_and_says_so(films, tmp_path, suffix):
    media = open_media(clips.cut_without_encoding(films / "h264.mp4", tmp_path / f"cut.{suffix}", first=15))
    assert media.info.verdict == "ok"
    assert clips.read_all(media) == list(range(15, 24))
    assert media.info.warnings == ("3 more frames are stored in the file; its edit list leaves them out.",)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "flv"])
def test_film_cut_at_a_key_frame_is_ok(films, tmp_path, suffix):
    media = open_media(clips.cut_without_encoding(films / "h264.mp4", tmp_path / f"cut.{suffix}", first=12))
    assert (media.info.verdict, clips.read_all(media)) == ("ok", list(range(12, 24)))


def test_film_cut_in_an_open_group_is_ok_but_names_the_frames_at_the_cut(tmp_path):
    recipe = Recipe(codec_options={**B_FRAMES, "x264-params": "open-gop=1"})
    whole = clips.write_video(tmp_path / "whole.mp4", recipe=recipe)
    media = open_media(clips.cut_without_encoding(whole, tmp_path / "cut.mkv", first=14))
    assert (media.info.verdict, clips.read_all(media)) == ("ok", list(range(12, 24)))
    assert "cannot be shown" in media.info.warnings[0]


def test_packed_b_frames_of_old_avi_files_are_all_found(tmp_path):
    media = open_media(clips.write_packed_b_frames(tmp_path / "packed.avi"))
    assert media.info.verdict == "ok"
    assert clips.read_all(media) == list(range(media.num_frames))
    assert np.all(np.diff(media.times_s) > 0)


def test_gif_with_uneven_delays_comment_and_local_palettes(tmp_path):
    from PIL import Image

    pictures = [Image.fromarray(clips.bar_code(number)) for number in range(24)]
    delays_ms = [40 + 40 * (number % 3) for number in range(24)]
    path = tmp_path / "pil.gif"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=delays_ms, loop=0, comment=b"words " * 200
    )
    media = open_media(path)
    assert (media.info.verdict, media.info.variable_rate, clips.read_all(media)) == (
        "ok",
        True,
        list(range(24)),
    )
    assert np.allclose(np.diff(media.times_s) * 1000, delays_ms[:-1])


CORNERS = {
    "top left": (220, 30, 30),
    "top right": (30, 220, 30),
    "bottom right": (30, 30, 220),
    "bottom left": (0, 0, 0),
}


def corner_colours(picture: np.ndarray) -> list[str]:
    """Which corner of the filmed picture stands at top left, top right, bottom right, bottom left."""
    seen = [picture[6, 6], picture[6, -7], picture[-7, -7], picture[-7, 6]]
    names = list(CORNERS)
    distances = [[np.abs(colour.astype(int) - CORNERS[name]).sum() for name in names] for colour in seen]
    return [names[int(np.argmin(row))] for row in distances]


@pytest.mark.parametrize("clockwise_deg", [0, 90, 180, 270])
def test_rotated_phone_film_comes_out_upright(tmp_path, clockwise_deg):
    # The phone stores the picture turned and asks to turn it clockwise by `clockwise_deg`.
    filmed = np.full((48, 80, 3), 128, dtype=np.uint8)
    filmed[:16, :16], filmed[:16, -16:] = CORNERS["top left"], CORNERS["top right"]
    filmed[-16:, -16:], filmed[-16:, :16] = CORNERS["bottom right"], CORNERS["bottom left"]
    stored = np.ascontiguousarray(np.rot90(filmed, clockwise_deg // 90))
    path = clips.write_video(
        tmp_path / "phone.mp4", pictures=[stored] * 5, recipe=Recipe(codec_options={"crf": "5"})
    )
    clips.set_rotation(path, clockwise_deg)
    media = open_media(path)
    assert media.info.rotation_deg == clockwise_deg
    assert (media.info.width_px, media.info.height_px) == (80, 48)
    _, picture = next(media.frames([3]))
    assert picture.shape == (48, 80, 3)
    assert corner_colours(picture) == list(CORNERS)
    assert media.sample(2, size_px=(40, 24)).frames.shape == (2, 24, 40, 3)


def test_frames_by_index_with_repeats(films):
    media = open_media(films / "h264.mp4")
    wanted = [2, 2, 7, 20, 20, 23]
    got = [(index, clips.read_bar_code(picture)) for index, picture in media.frames(wanted)]
    assert got == [(index, index) for index in wanted]
    assert list(media.frames([])) == []


def test_decoding_ends_with_the_last_wanted_frame(films, monkeypatch):
    media = open_media(films / "h264_faststart.mp4")
    num_packets = 0
    decode = av.packet.Packet.decode

    def counted(packet):
        nonlocal num_packets
        num_packets += 1
        return decode(packet)

    from stagescore.media import video

    class CountingPacket:
        def __init__(self, packet):
            self.packet = packet

        def __getattr__(self, name):
            return getattr(self.packet, name)

        def __bytes__(self):
            return bytes(self.packet)

        def decode(self):
            return counted(self.packet)

    packets = video._Decoding._packets
    monkeypatch.setattr(video._Decoding, "_packets", lambda self: map(CountingPacket, packets(self)))
    assert len(list(media.frames([1, 3]))) == 2
    assert num_packets < 12


@pytest.mark.parametrize("indices", [[24], [-1], [3, 2], [0, 5, 99]])
def test_frames_that_do_not_exist_are_an_error(films, indices):
    media = open_media(films / "h264.mp4")
    with pytest.raises(DataError):
        list(media.frames(indices))


def test_sample_takes_finedivings_frames_and_scales_them(films):
    media = open_media(films / "h264.mp4")
    clip = media.sample(9, first=2, last=18, size_px=(32, 24))
    assert clip.indices == tuple(np.linspace(2, 18, 9).astype(int).tolist())
    assert clip.frames.shape == (9, 24, 32, 3)
    assert [clips.read_bar_code(frame) for frame in clip.frames] == list(clip.indices)
    assert np.array_equal(clip.times_s, media.times_s[list(clip.indices)])


def test_sample_repeats_frames_of_a_film_that_is_too_short(films):
    clip = open_media(films / "vp8.webm").sample(96)
    assert (clip.indices[0], clip.indices[-1], clip.num_frames) == (0, 23, 96)
    assert [clips.read_bar_code(frame) for frame in clip.frames] == list(clip.indices)


@pytest.mark.parametrize(
    "arguments", [{"first": 5, "last": 4}, {"last": 24}, {"first": -1}, {"size_px": (0, 4)}]
)
def test_sample_outside_the_film_is_an_error(films, arguments):
    with pytest.raises(DataError):
        open_media(films / "h264.mp4").sample(4, **arguments)


@pytest.mark.parametrize(("first", "last", "num_frames"), [(0, 95, 96), (3, 3, 5), (0, 200, 7)])
def test_sample_indices_include_both_ends_and_never_decrease(first, last, num_frames):
    indices = sample_indices(first, last, num_frames)
    assert (indices[0], indices[-1], len(indices)) == (first, last, num_frames)
    assert all(a <= b for a, b in pairwise(indices))


def test_no_frames_asked_for_is_an_error():
    with pytest.raises(DataError, match="at least one"):
        sample_indices(0, 5, 0)


def test_slow_motion_keeps_file_time_and_gives_real_time(films):
    plain, slow = open_media(films / "h264.mp4"), open_media(films / "h264.mp4", slowmo=4.0)
    assert np.array_equal(plain.times_s, slow.times_s)
    assert (slow.info.frame_rate, slow.info.slowmo) == (plain.info.frame_rate, 4)
    assert slow.info.real_duration_s == pytest.approx(plain.info.duration_s / 4)
    assert slow.sample(5).real_times_s[-1] == pytest.approx(plain.times_s[-1] / 4)
    assert slow.info.as_json()["slowmo"] == 4
    assert slow.info.as_json()["real_duration_s"] == pytest.approx(0.24)


def test_frame_rate_given_by_the_user_replaces_the_files_and_says_so(films):
    media = open_media(films / "h264.mp4", frame_rate=50.0)
    assert (media.info.frame_rate, media.info.duration_s) == (50, pytest.approx(0.48))
    assert np.allclose(media.times_s, np.arange(24) / 50)
    assert "replaced" in media.info.warnings[0]


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["slowmo", "frame_rate"])
def test_impossible_factors_are_an_error(films, name, factor):
    with pytest.raises(DataError, match="positive"):
        inspect_media(films / "h264.mp4", **{name: factor})


def test_info_is_json_and_carries_the_files_hash(films):
    import hashlib
    import json

    info = inspect_media(films / "rgb8.gif")
    assert json.loads(json.dumps(info.as_json())) == info.as_json()
    assert info.sha256 == hashlib.sha256((films / "rgb8.gif").read_bytes()).hexdigest()


def test_a_file_that_changes_after_it_was_opened_is_an_error_not_a_mixture(film, films):
    path = film("h264.mp4")
    media = open_media(path)
    path.write_bytes((films / "h264_fragmented.mp4").read_bytes())
    with pytest.raises(DataError, match="has changed"):
        list(media.frames())
    path.unlink()
    with pytest.raises(DataError):
        list(media.frames())
