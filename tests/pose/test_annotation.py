import numpy as np
import pytest
from made_clips import Clip, HeadUp, Seer

from stagescore.pose.annotation import annotate, find_divers, in_the_air
from stagescore.pose.boxes import Detections
from stagescore.pose.motion import FrameMotion
from stagescore.pose.networks import PoseNetworks
from stagescore.pose.tracking import FrameObservation, Pointed, Track


def annotated(clip, **more):
    return annotate(clip, PoseNetworks(Seer(clip, **more), HeadUp()))


def test_a_whole_clip_gives_the_joints_of_the_diver():
    clip = Clip(turning=0.2)
    found = annotated(clip)
    assert found.track.num_frames == clip.num_frames
    assert found.num_divers == 1
    seen = found.track.known.all(1)
    assert seen.mean() > 0.9
    middles = found.track.joints_px[seen].mean(1)
    assert np.abs(middles - (120.5, 80.5)).max() < 3
    assert not found.needs_review
    assert found.people.max() >= 1
    assert (found.measured & found.filled).sum() == 0
    assert len(found.track.derived) == 4


def test_a_second_detector_is_asked_for_a_second_diver():
    pair = Clip(divers=2)
    one = Seer(pair)
    one.clip = Clip()  # sees the hall and the first of them
    one.clip.frames = pair.frames
    found = annotate(pair, PoseNetworks(one, HeadUp()))
    assert (found.num_divers, found.needs_review) == (1, False)
    found = annotate(pair, PoseNetworks(one, HeadUp(), Seer(pair)))
    assert (found.num_divers, found.needs_review) == (2, True)
    assert found.quality()["networks"]["detector"]["name"] == "seer and seer"
    found = annotate(one.clip, PoseNetworks(one, HeadUp(), Seer(one.clip)))
    assert (found.num_divers, found.needs_review) == (1, False)


def test_whom_the_user_points_at_is_annotated_and_the_pair_is_still_told():
    pair = Clip(divers=2)
    left, top, right, bottom = pair.diver_boxes[10][1]
    found = annotate(
        pair,
        PoseNetworks(Seer(pair), HeadUp()),
        pointed=Pointed(10, np.array([left, top, right, bottom], float)),
    )
    assert (found.num_divers, found.needs_review) == (1, False)
    assert "the one that you pointed at" in found.warnings[-1]
    seen = found.track.known.all(1)
    assert np.abs(found.track.joints_px[seen].mean(1) - (180.5, 80.5)).max() < 3


def test_what_moves_tells_of_a_second_diver_whom_the_detector_does_not_see():
    pair = Clip(divers=2)
    one = Seer(pair)
    one.clip = Clip()
    one.clip.frames = pair.frames
    networks = PoseNetworks(one, HeadUp())
    assert find_divers(pair, networks, second_look=True)[1].is_pair
    assert not find_divers(pair, networks)[1].is_pair, (
        "`annotate` and `score` do not take the second look yet"
    )


def test_shares_add_up_and_name_the_networks():
    quality = annotated(Clip()).quality()
    assert quality["share_measured"] + quality["share_filled"] + quality["share_unknown"] == pytest.approx(
        1, abs=1e-5
    )
    assert quality["networks"]["detector"]["name"] == "seer"
    assert quality["networks"]["estimator"]["sha256"] == "1" * 64
    assert quality["divers"] == 1


def test_a_clip_that_starts_and_ends_in_the_air_is_told_and_is_no_reason_for_review():
    found = annotated(Clip())
    assert any("start in the air" in w for w in found.warnings)
    assert any("end in the air" in w for w in found.warnings)
    assert not found.needs_review


@pytest.mark.parametrize(
    ("clip", "more", "words"),
    [
        (Clip(divers=0), {}, "none of them moves like a diver"),
        (Clip(divers=1), {"sees_divers": False}, "none of them moves like a diver"),
        (Clip(num_frames=1), {}, "single frame"),
        (Clip(divers=2), {}, "Two divers"),
    ],
    ids=["no diver", "unseen", "one frame", "two"],
)
def test_what_cannot_be_told_needs_review(clip, more, words):
    found = annotated(clip, **more)
    assert found.needs_review
    assert any(words in warning for warning in found.warnings), found.warnings
    assert found.track.num_frames == clip.num_frames


def test_without_a_diver_nothing_is_invented():
    found = annotated(Clip(divers=0))
    assert not found.track.known.any()
    assert (found.track.confidence == 0).all()
    assert np.isnan(found.boxes_px).all()
    assert found.num_crops == 0


@pytest.mark.parametrize("frames", [7, 30, 96])
def test_resampling_takes_the_rows_of_finediving(frames):
    found = annotated(Clip())
    rows = np.linspace(0, 29, frames).astype(int)
    less = found.resampled(frames)
    np.testing.assert_array_equal(less.track.joints_px, found.track.joints_px[rows])
    np.testing.assert_array_equal(less.measured, found.measured[rows])


def track_of(heights: np.ndarray) -> tuple[Track, list[FrameObservation]]:
    """Somebody of 20 px whose box has these heights before a camera that stands still."""
    num = len(heights)
    boxes = np.stack([np.full(num, 40.0), heights - 10, np.full(num, 60.0), heights + 10], axis=1)
    motion = FrameMotion(np.eye(2, 3), np.zeros((9, 9), np.float32), np.zeros((0, 4)), 1.0)
    view = FrameObservation.of(Detections(np.zeros((0, 4)), np.zeros(0)), motion)
    return Track(0, boxes, np.ones(num), np.ones(num), ("network",) * num), [view] * num


def test_a_hurdle_is_no_start_in_the_air():
    frames = np.arange(70.0)
    flight = 40 + 0.3 * ((frames - 30) ** 2 - 100)
    flight[:20] = (
        flight[20] - 12 + 0.12 * (frames[:20] - 10) ** 2
    )  # the hurdle: up from the board and down to it
    assert in_the_air(*track_of(flight[:60]))[0] is False
    standing = np.where(frames < 20, flight[20], 40 + 0.3 * ((frames - 30) ** 2 - 100))
    assert in_the_air(*track_of(standing[:60]))[0] is False
    for start in (22, 28, 35):
        assert in_the_air(*track_of(flight[start:60])) == (True, True)
