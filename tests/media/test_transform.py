"""Joints and pixels move together: a bright spot painted at a joint is found at the moved joint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagescore.errors import DataError
from stagescore.media.transform import Compose, Crop, HorizontalFlip, PosedFrames, Resize, Rotate
from stagescore.skeleton import MPII_16
from stagescore.types import PoseTrack

WIDTH_PX, HEIGHT_PX = 96, 72
SPOT_PX = 5.0


def spot(x: float, y: float, width: int = WIDTH_PX, height: int = HEIGHT_PX) -> np.ndarray:
    """A smooth bright spot whose centroid lies at (x, y); the first pixel's centre is (0.5, 0.5)."""
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    bright = 250 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * (SPOT_PX / 2) ** 2))
    return np.repeat(np.rint(bright).astype(np.uint8)[..., None], 3, axis=2)


def centroid(picture: np.ndarray) -> np.ndarray:
    weight = picture[..., 0].astype(np.float64)
    across, down = np.meshgrid(np.arange(picture.shape[1]) + 0.5, np.arange(picture.shape[0]) + 0.5)
    return np.array([(weight * across).sum(), (weight * down).sum()]) / weight.sum()


def posed_at(x: float, y: float, joint: int = 9) -> PosedFrames:
    joints = np.full((1, MPII_16.num_joints, 2), np.nan)
    joints[0, joint] = x, y
    confidence = np.zeros((1, MPII_16.num_joints))
    confidence[0, joint] = 0.75
    return PosedFrames(spot(x, y)[None], PoseTrack(joints, confidence))


def some_poses(num_frames: int = 2) -> PoseTrack:
    rng = np.random.default_rng(3)
    joints = rng.uniform(0, 70, (num_frames, MPII_16.num_joints, 2))
    joints[0, 4] = np.nan
    confidence = rng.uniform(0.1, 1, (num_frames, MPII_16.num_joints))
    confidence[0, 4] = 0
    return PoseTrack(joints, confidence, rng.random((num_frames, MPII_16.num_joints)) < 0.5)


def some_frames(num_frames: int = 2) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 255, (num_frames, HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8)


# All transforms that keep the middle of the picture, where the spots are, within the picture.
resizes = st.builds(Resize, st.integers(60, 200), st.integers(60, 200))
crops = st.builds(Crop, st.integers(-9, 9), st.integers(-9, 9), st.integers(85, 110), st.integers(62, 80))
turns = st.builds(Rotate, st.floats(-180, 180))
flips = st.just(HorizontalFlip())
single = st.one_of(resizes, crops, turns, flips)
# Composed in the test: beartype draws random numbers when it checks a tuple, strategies must not.
chains = st.tuples(st.one_of(resizes, turns, flips), single)
places = st.tuples(st.floats(38, 58), st.floats(28, 44))


@settings(max_examples=150, deadline=None)
@given(transform=single, place=places)
def test_spot_is_found_at_the_moved_joint(transform, place):
    check_spot(transform, place)


@settings(max_examples=80, deadline=None)
@given(transforms=chains, place=places)
def test_spot_is_found_at_the_moved_joint_after_several_transforms(transforms, place):
    check_spot(Compose(transforms), place)


def check_spot(transform, place):
    moved = transform(posed_at(*place))
    joint = moved.poses.joints_px[0, 9]  # head_top, which has no left and right
    width, height = moved.size_px
    if not (12 < joint[0] < width - 12 and 12 < joint[1] < height - 12):
        return  # part of the spot is cut off
    assert moved.poses.confidence[0, 9] == 0.75
    assert np.abs(centroid(moved.frames[0]) - joint).max() < 0.2


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Resize(WIDTH_PX * 2, HEIGHT_PX // 2), (60.0, 10.0)),
        (Crop(10, 5, 50, 40), (20.0, 15.0)),
        (HorizontalFlip(), (66.0, 20.0)),
        (Rotate(90.0), (64.0, 18.0)),  # clockwise about (48, 36): what was 16 above is then 16 to the right
        (Compose((HorizontalFlip(), Crop(6, 0, 60, 60))), (60.0, 20.0)),
        (Compose(()), (30.0, 20.0)),
    ],
)
def test_known_points(transform, expected):
    moved = transform(posed_at(30.0, 20.0))
    assert np.allclose(moved.poses.joints_px[0, 9], expected)


def test_pixels_and_joints_of_a_quarter_turn_by_hand():
    picture = np.zeros((1, 5, 5, 3), np.uint8)
    picture[0, 0, 4] = 255  # top right
    turned = Rotate(90.0)(PosedFrames(picture)).frames[0]
    assert np.argwhere(turned[..., 0] > 200).tolist() == [[4, 4]]  # bottom right


@given(transforms=st.lists(single, max_size=4), place=places)
@settings(max_examples=50, deadline=None)
def test_matrix_of_a_composition_is_the_product(transforms, place):
    posed = posed_at(*place)
    stepwise = posed
    for transform in transforms:
        stepwise = transform(stepwise)
    at_once = Compose(tuple(transforms))(posed)
    assert np.array_equal(stepwise.frames, at_once.frames)
    assert np.allclose(stepwise.poses.joints_px, at_once.poses.joints_px, equal_nan=True)


def test_flipping_twice_changes_nothing():
    posed = PosedFrames(some_frames(), some_poses())
    twice = HorizontalFlip()(HorizontalFlip()(posed))
    assert np.array_equal(twice.frames, posed.frames)
    assert np.allclose(twice.poses.joints_px, posed.poses.joints_px, equal_nan=True)
    assert np.array_equal(twice.poses.confidence, posed.poses.confidence)
    assert np.array_equal(twice.poses.filled, posed.poses.filled)


def test_flip_gives_the_left_hand_the_name_of_the_right():
    poses = some_poses()
    flipped = HorizontalFlip()(PosedFrames(some_frames(), poses)).poses
    left, right = MPII_16.index("left_wrist"), MPII_16.index("right_wrist")
    assert np.allclose(flipped.joints_px[:, right, 0], WIDTH_PX - poses.joints_px[:, left, 0])
    assert np.allclose(flipped.joints_px[:, right, 1], poses.joints_px[:, left, 1])
    assert np.array_equal(flipped.confidence[:, right], poses.confidence[:, left])
    assert np.array_equal(flipped.filled[:, right], poses.filled[:, left])


def test_two_flips_in_a_composition_keep_names():
    posed = PosedFrames(some_frames(), some_poses())
    chain = Compose((HorizontalFlip(), Resize(40, 30), HorizontalFlip()))
    assert not chain.mirrors
    assert np.allclose(chain(posed).poses.joints_px, Resize(40, 30)(posed).poses.joints_px, equal_nan=True)


def test_crop_and_uncrop_restore_what_was_inside():
    posed = PosedFrames(some_frames(), some_poses())
    back = Crop(-20, -10, WIDTH_PX, HEIGHT_PX)(Crop(20, 10, 50, 40)(posed))
    assert np.array_equal(back.frames[:, 10:50, 20:70], posed.frames[:, 10:50, 20:70])
    assert not back.frames[:, :10].any()
    assert not back.frames[:, :, 70:].any()
    assert np.allclose(back.poses.joints_px, posed.poses.joints_px, equal_nan=True)


def test_joint_outside_the_picture_keeps_its_coordinates_and_unknown_stays_unknown():
    posed = PosedFrames(some_frames(), some_poses())
    cropped = Crop(60, 60, 10, 10)(posed).poses
    assert np.isnan(cropped.joints_px[0, 4]).all()
    assert cropped.joints_px[np.isfinite(cropped.joints_px)].min() < 0
    assert cropped.known.sum() == posed.poses.known.sum()


@given(width=st.integers(1, 300), height=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_resize_keeps_relative_positions(width, height):
    poses = Resize(width, height)(PosedFrames(some_frames(), some_poses())).poses
    relative = poses.joints_px / (width, height)
    assert np.allclose(relative, some_poses().joints_px / (WIDTH_PX, HEIGHT_PX), equal_nan=True)


@pytest.mark.parametrize(
    "transform",
    [Resize(30, 20), Crop(-5, 3, 40, 90), HorizontalFlip(), Rotate(33.0), Compose((Rotate(5.0),))],
)
def test_works_without_poses_and_without_frames(transform):
    moved = transform(PosedFrames(some_frames()))
    assert moved.poses is None
    assert moved.size_px == transform.size_after((WIDTH_PX, HEIGHT_PX))
    assert transform(PosedFrames(some_frames(0))).frames.shape[0] == 0


def test_hashed_crop_is_decided_by_its_key_alone_and_reaches_every_place():
    places = {Crop.hashed((20, 18), 16, 16, (seed, "dive", 7)) for seed in range(300)}
    assert Crop.hashed((20, 18), 16, 16, (5, "dive", 7)) == Crop.hashed((20, 18), 16, 16, (5, "dive", 7))
    assert {crop.left_px for crop in places} == set(range(5))
    assert {crop.top_px for crop in places} == set(range(3))


@pytest.mark.parametrize("make", [Crop.centred, lambda *size: Crop.hashed(*size, (1,))])
def test_crop_larger_than_the_picture_is_an_error(make):
    with pytest.raises(DataError, match="does not fit"):
        make((100, 50), 64, 64)


@pytest.mark.parametrize(
    "make", [lambda: Resize(0, 5), lambda: Crop(0, 0, 5, -1), lambda: Rotate(float("nan"))]
)
def test_impossible_transforms_are_an_error(make):
    with pytest.raises(DataError):
        make()


def test_frames_and_poses_of_different_length_are_an_error():
    with pytest.raises(DataError, match="2 frames and 3 poses"):
        PosedFrames(some_frames(2), some_poses(3))
