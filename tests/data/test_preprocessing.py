import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.config import load_config
from stagescore.data.following import Follow
from stagescore.data.preprocessing import (
    Augmentation,
    Preprocessing,
    View,
    crop_of,
    framed_joints,
    times_of,
    view_of,
    viewed_edges,
    viewed_frames,
    viewed_joints,
)
from stagescore.errors import ConfigError, DataError
from stagescore.media.transform import Compose, Crop, HorizontalFlip, PosedFrames, Resize
from stagescore.types import PoseTrack, StageSpans

SMALL = Preprocessing(num_frames=12, width=23, height=16, crop_width=14, crop_height=11)
FILM_PX = (46, 24)  # of other proportions than SMALL

shares = st.floats(0, 1)
views = st.builds(View, flip=st.booleans(), crop_x=shares, crop_y=shares, shift=st.integers(-20, 20))


def film() -> PosedFrames:
    rng = np.random.default_rng(3)
    joints = rng.uniform(-5, 50, (SMALL.num_frames, 16, 2))
    confidence = rng.uniform(0.1, 1, (SMALL.num_frames, 16))
    joints[2, 5], confidence[2, 5] = np.nan, 0
    confidence[3, 6] = 0
    frames = rng.integers(0, 256, (SMALL.num_frames, FILM_PX[1], FILM_PX[0], 3)).astype(np.uint8)
    return PosedFrames(frames, PoseTrack(joints, confidence))


FILM = film()
RESIZED = Resize(SMALL.width, SMALL.height)(FILM)
JOINTS = framed_joints(FILM.poses, FILM_PX, SMALL)


def known(joints: np.ndarray) -> np.ndarray:
    return joints[..., 2] > 0


@settings(max_examples=30)
@given(views)
def test_pixels_and_joints_go_where_the_transforms_of_media_take_them(view: View) -> None:
    steps = (crop_of(view, SMALL), *((HorizontalFlip(),) if view.flip else ()))
    twin = Compose(steps)(RESIZED)
    times = [min(max(t - view.shift, 0), SMALL.num_frames - 1) for t in range(SMALL.num_frames)]
    np.testing.assert_array_equal(viewed_frames(RESIZED.frames, view, SMALL), twin.frames[times])
    seen = viewed_joints(JOINTS, view, SMALL)
    for place, time in enumerate(times):
        for joint in range(16):
            x, y, confidence = seen[place, joint]
            if twin.poses.confidence[time, joint] == 0:
                assert (x, y, confidence) == (0, 0, 0)
                continue
            pixel = np.array([x, y]) * SMALL.crop_height + [SMALL.crop_width / 2, SMALL.crop_height / 2]
            np.testing.assert_allclose(pixel, twin.poses.joints_px[time, joint], atol=1e-3)
            assert confidence == pytest.approx(twin.poses.confidence[time, joint])


def test_looking_twice_through_a_mirror_is_looking_without_one() -> None:
    whole = SMALL.model_copy(update={"crop_width": SMALL.width, "crop_height": SMALL.height})
    mirror = View(flip=True)
    twice = viewed_joints(viewed_joints(JOINTS, mirror, whole), mirror, whole)
    np.testing.assert_allclose(twice, JOINTS, atol=1e-5)
    again = viewed_frames(viewed_frames(RESIZED.frames, mirror, whole), mirror, whole)
    np.testing.assert_array_equal(again, RESIZED.frames)


def test_the_plain_view_is_the_middle_of_the_picture() -> None:
    for width in (20, 21, 22, 23):
        p = Preprocessing(num_frames=12, width=width, height=16, crop_width=14, crop_height=11)
        assert crop_of(View.plain(), p) == Crop.centred(p.size_px, *p.crop_px)
    crop = Crop.centred(SMALL.size_px, *SMALL.crop_px)
    seen = viewed_frames(RESIZED.frames, View.plain(), SMALL)
    np.testing.assert_array_equal(seen, crop(RESIZED).frames)


def test_a_joint_in_the_middle_of_the_film_is_at_the_origin_and_heights_are_the_unit() -> None:
    joints = np.zeros((1, 16, 2))
    joints[0, 0], joints[0, 1] = (23, 12), (23, 24)
    framed = framed_joints(PoseTrack(joints, np.ones((1, 16))), FILM_PX, SMALL)
    np.testing.assert_allclose(framed[0, 0], (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(framed[0, 1], (0, 0.5, 1), atol=1e-6)
    # The left edge lies half a width away, in heights of the resized picture.
    np.testing.assert_allclose(framed[0, 2], (-23 / 16 / 2, -0.5, 1), atol=1e-6)
    assert framed.dtype == np.float32


def test_brightness_and_contrast_change_every_pixel_by_the_formula() -> None:
    view = View(brightness=1.3, contrast=0.8)
    expected = (RESIZED.frames.astype(float) * 1.3 - 128) * 0.8 + 128
    plain = viewed_frames(np.clip(np.rint(expected), 0, 255).astype(np.uint8), View.plain(), SMALL)
    np.testing.assert_array_equal(viewed_frames(RESIZED.frames, view, SMALL), plain)


def test_tint_multiplies_each_colour_of_each_look() -> None:
    both = np.concatenate([RESIZED.frames, RESIZED.frames[..., ::-1]], axis=-1)
    looks = SMALL.model_copy(update={"follow": Follow(beside=True)})
    seen = viewed_frames(both, View(tint=(1.1, 1.0, 0.9)), looks)
    plain = viewed_frames(both, View.plain(), looks).astype(float)
    expected = np.clip(plain * np.array([1.1, 1.0, 0.9] * 2), 0, 255)
    np.testing.assert_allclose(seen, expected, atol=0.51)


def test_the_lower_the_quality_the_more_a_recoded_view_differs_and_its_colours_stay_in_place() -> None:
    rows = np.linspace(0, 1, SMALL.height)[:, None]
    colours = np.stack([220 * rows, 40 + 100 * rows, 30 + 0 * rows], axis=-1).astype(np.uint8)
    film = np.ascontiguousarray(np.broadcast_to(colours, RESIZED.frames.shape))
    plain = viewed_frames(film, View.plain(), SMALL).astype(float)
    errors = [
        np.abs(viewed_frames(film, View(quality=q), SMALL) - plain).mean(axis=(0, 1, 2)) for q in (95, 40, 5)
    ]
    assert errors[0].max() < 4  # red is not taken for blue
    assert errors[0].mean() < errors[1].mean() < errors[2].mean()


@given(st.integers(-100, 100), st.data())
def test_moved_stages_are_those_of_the_frames_that_are_shown(shift: int, data: st.DataObject) -> None:
    edges = (0, *sorted(data.draw(st.sets(st.integers(1, 95), min_size=2, max_size=2))), 96)
    moved = StageSpans(viewed_edges(edges, View(shift=shift)))  # tiles and leaves no stage empty
    shown = [sum(time >= edge for edge in edges[1:-1]) for time in times_of(View(shift=shift), 96)]
    labels = [sum(frame >= edge for edge in moved.edges[1:-1]) for frame in range(96)]
    if set(shown) == {0, 1, 2}:
        assert labels == shown
    assert set(labels) == {0, 1, 2}


def test_views_depend_on_seed_epoch_and_dive_and_use_their_range() -> None:
    augmentation = Augmentation(jitter=0.25, shift=2, tint=0.1, recode=0.5)
    drawn = [view_of(0, epoch, f"e/{dive}", augmentation) for epoch in range(5) for dive in range(40)]
    assert drawn == [view_of(0, epoch, f"e/{dive}", augmentation) for epoch in range(5) for dive in range(40)]
    assert len(set(drawn)) == len(drawn)
    assert view_of(1, 0, "e/0", augmentation) != drawn[0]
    assert {view.shift for view in drawn} == {-2, -1, 0, 1, 2}
    assert 0.35 < np.mean([view.flip for view in drawn]) < 0.6
    for name in ("crop_x", "crop_y"):
        values = [getattr(view, name) for view in drawn]
        assert min(values) < 0.05
        assert max(values) > 0.95
    for name in ("brightness", "contrast"):
        values = [getattr(view, name) for view in drawn]
        assert 1 / 1.25 <= min(values) < 0.84
        assert 1.19 < max(values) <= 1.25
    assert min(min(view.tint) for view in drawn) >= 1 / 1.1
    assert 1.09 < max(max(view.tint) for view in drawn) <= 1.1
    qualities = [view.quality for view in drawn if view.quality is not None]
    assert 0.35 < len(qualities) / len(drawn) < 0.65
    assert (min(qualities) < 15, max(qualities) > 70) == (True, True)
    off = Augmentation(flip=False, crop=False, jitter=0, shift=0)
    assert view_of(0, 0, "e/0", off) == View.plain()


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not fit"):
        load_config(Preprocessing, overrides=["width=64"])
    with pytest.raises(DataError, match="shares from 0 to 1"):
        View(crop_x=1.5)
    with pytest.raises(DataError, match="positive"):
        View(contrast=0)
    with pytest.raises(DataError, match="positive"):
        View(tint=(1, 0, 1))
    with pytest.raises(DataError, match="1 to 100"):
        View(quality=0)
    with pytest.raises(DataError, match="resize them"):
        viewed_frames(FILM.frames, View.plain(), SMALL)
