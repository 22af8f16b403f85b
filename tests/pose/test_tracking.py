import numpy as np
import pytest
from made_clips import Clip, Seer

from stagescore.errors import DataError
from stagescore.pose.annotation import watch
from stagescore.pose.boxes import Detections, box_iou
from stagescore.pose.motion import FrameMotion
from stagescore.pose.tracking import (
    LONGEST_UNSEEN,
    MOST_CARRIED,
    FrameObservation,
    NobodyThereError,
    Pointed,
    camera_path,
    choose_diver,
    follow,
    pointed_diver,
)


def test_the_diver_is_chosen_though_the_detector_is_surer_of_spectators():
    clip = Clip()
    (views,), _ = watch(clip(), [Seer(clip)])
    choice = choose_diver(views)
    assert not choice.is_pair
    assert choice.fall > 5
    overlap = [
        box_iou(choice.diver.box(t), np.array([clip.diver_boxes[t][0]]))[0] for t in choice.diver.frames
    ]
    assert np.mean(overlap) > 0.8
    assert min(overlap) > 0.15
    assert len(choice.diver.frames) >= clip.num_frames - 2


def test_two_who_fall_together_are_reported():
    clip = Clip(divers=2)
    assert choose_diver(watch(clip(), [Seer(clip)])[0][0]).is_pair


def overlap_of(track, clip, diver):
    return np.mean([box_iou(track.box(t), np.array([clip.diver_boxes[t][diver]]))[0] for t in track.frames])


@pytest.mark.parametrize("diver", [0, 1])
@pytest.mark.parametrize("frame", [3, 20])
@pytest.mark.parametrize("how", ["point", "edge of the body", "box"])
def test_of_two_who_fall_together_the_one_who_is_pointed_at_is_followed(diver, frame, how):
    clip = Clip(divers=2)
    (views,), _ = watch(clip(), [Seer(clip)])
    left, top, right, bottom = clip.diver_boxes[frame][diver]
    place = {
        "point": f"{(left + right) / 2},{(top + bottom) / 2}",
        "edge of the body": f"{left + 2}, {bottom - 2}",
        "box": f"{left - 4},{top},{right},{bottom + 4}",
    }[how]
    choice = pointed_diver(views, Pointed.parse(f"{place}@{frame}"))
    assert choice.is_pair and choice.is_apart and choice.fall > 5
    assert overlap_of(choice.diver, clip, diver) > 0.7


def test_a_box_is_followed_though_the_detector_sees_nobody_in_it():
    clip = Clip()
    (views,), _ = watch(clip(), [Seer(clip, sees_divers=False)])
    assert choose_diver(views).diver is None
    left, top, right, bottom = clip.diver_boxes[15][0]
    choice = pointed_diver(views, Pointed.parse(f"{left},{top},{right},{bottom}@15"))
    assert overlap_of(choice.diver, clip, 0) > 0.5 and 15 in choice.diver.frames and not choice.is_pair


def test_where_nobody_is_nobody_is_followed():
    views = [still([box(50, 20 + 2 * t)], [0.9]) for t in range(20)]
    with pytest.raises(NobodyThereError, match="nobody is seen where you point"):
        pointed_diver(views, Pointed.parse("150,20@3"))


@pytest.mark.parametrize(
    "text", ["", "1,2", "1@2", "1,2,3@4", "a,b@3", "1,2@-3", "1,nan@2", "5,5,5,9@2", "9,9,1,1@2"]
)
def test_what_is_no_place_of_a_diver_says_how_to_write_one(text):
    with pytest.raises(DataError, match="@FRAME"):
        Pointed.parse(text)


def test_spectators_alone_are_nobody():
    clip = Clip(divers=0)
    assert choose_diver(watch(clip(), [Seer(clip)])[0][0]).diver is None
    assert choose_diver([]).diver is None


def test_a_judge_who_waves_and_stays_is_nobody():
    waving = [still([box(50 + 4 * (t % 2), 50 + 1.5 * (t % 3))], [0.9], moving=20.0) for t in range(30)]
    assert choose_diver(waving).diver is None


def still(boxes, sure, moving=5.0):
    people = Detections(np.array(boxes, float).reshape(-1, 4), np.array(sure, float))
    share = np.full((100, 200), moving, np.float32)
    return FrameObservation.of(people, FrameMotion(np.eye(2, 3), share, np.zeros((0, 4)), 1.0))


def box(x, y=50.0, size=20.0):
    return (x - size / 2, y - size / 2, x + size / 2, y + size / 2)


@pytest.mark.parametrize(
    ("together", "aside", "below", "size", "is_pair"),
    [
        (3, 45.0, 2.0, 20.0, True),
        (10, 45.0, 2.0, 20.0, False),  # too seldom: a reflection
        (3, 45.0, 25.0, 20.0, False),  # below: water
        (3, 5.0, 2.0, 20.0, False),  # the same person twice
        (3, 45.0, 2.0, 45.0, False),  # another size: a railing
    ],
)
def test_a_pair_is_known_by_being_seen_side_by_side_again_and_again(together, aside, below, size, is_pair):
    """Each time elsewhere, so that no track follows the second."""
    views = []
    for t in range(30):
        num = 1 + (t % together == 0)
        where = 100 + (-1, 1, 1.9)[t // together % 3] * aside
        people = [box(100, 20 + 2 * t), box(where, 20 + 2 * t + below, size)]
        views.append(still(people[:num], [0.9, 0.2][:num]))
    assert choose_diver(views).is_pair == is_pair


def fallen(t: int, begin: int = 12) -> float:
    return 0.25 * max(t - begin, 0) ** 2


def test_a_railing_that_is_taken_for_a_person_is_no_second_diver() -> None:
    """It is beside the diver until the camera leaves it; its track then goes on with the diver who falls past."""
    views = []
    for t in range(40):
        railing = [box(88, 66)] if t < 31 else []
        views.append(still([box(100, 40 + 0.28 * fallen(t)), *railing], [0.3] * (1 + len(railing))))
    tracks = [follow(views, 0, person) for person in (0, 1)]
    assert [track.frames.stop for track in tracks] == [40, 40]
    np.testing.assert_allclose(*(track.boxes_px[-1] for track in tracks))
    choice = choose_diver(views)
    assert choice.fall > 2
    assert not choice.is_pair


def test_parts_of_the_splash_are_no_second_diver() -> None:
    views = []
    for t in range(60):
        apart = min(1.2 * max(t - 26, 0), 20.0)
        y = 40 + fallen(min(t, 26))
        beside = [box(100 + apart, y)] if apart else []
        views.append(still([box(100 - apart, y), *beside], [0.3] * (1 + len(beside))))
    choice = choose_diver(views)
    assert choice.fall > 2
    assert not choice.is_pair


@pytest.mark.parametrize(("speed", "is_pair"), [(1.0, True), (0.9, True), (0.4, False)])
def test_who_falls_beside_the_diver_falls_as_fast(speed: float, is_pair: bool) -> None:
    """One far below the other, so that only the tracks tell it."""
    views = [
        still([box(60, 45 + 0.28 * fallen(t)), box(100, 20 + 0.28 * speed * fallen(t))], [0.3, 0.3])
        for t in range(40)
    ]
    assert choose_diver(views).is_pair == is_pair


def test_the_nearest_and_surest_is_followed_as_in_a_plain_loop():
    rng = np.random.default_rng(3)
    views, x = [], 60.0
    for _ in range(20):
        x += 2
        views.append(still([box(x + rng.normal()), box(x + 9), box(150)], [0.6, 0.2, 0.9]))
    track = follow(views, 0, 0)
    assert list(track.frames) == list(range(20))
    for t in range(1, 20):
        middles = (views[t].people.boxes_px[:, :2] + views[t].people.boxes_px[:, 2:]) / 2
        previous = (track.boxes_px[t - 1, :2] + track.boxes_px[t - 1, 2:]) / 2
        mine = (track.boxes_px[t, :2] + track.boxes_px[t, 2:]) / 2
        assert np.abs(middles - mine).sum(1).argmin() == 0
        assert np.abs(previous - mine).max() < 8


def test_a_detection_of_another_size_is_not_taken():
    views = [still([box(50)], [0.5]), still([box(50, size=60.0)], [0.9]), still([box(50)], [0.5])]
    track = follow(views, 0, 0)
    assert track.sources == ("network", "carried", "network")
    np.testing.assert_allclose(track.boxes_px[1], box(50))


def test_a_detection_that_does_not_move_is_not_taken_when_it_lies_elsewhere():
    views = [still([box(50)], [0.5]), still([box(59)], [0.9], moving=0.5)]
    assert len(follow(views, 0, 0).frames) == 1
    views = [still([box(50)], [0.5]), still([box(51)], [0.9], moving=0.5)]
    assert len(follow(views, 0, 0).frames) == 2


def panned(*steps_px: float | None) -> np.ndarray:
    """How far the camera has gone down frame by frame, after steps of which some are unknown."""

    def view(down):
        camera = None if down is None else np.array(((1.0, 0, 0), (0, 1, down)))
        motion = FrameMotion(camera, np.zeros((9, 9), np.float32), np.zeros((0, 4)), 1.0)
        return FrameObservation.of(Detections(np.zeros((0, 4)), np.zeros(0)), motion)

    return np.diff([float(step[1, 2]) for step in camera_path([view(step) for step in steps_px])])


def test_unknown_steps_of_the_camera_lie_evenly_between_known_ones() -> None:
    assert panned(None, -10, None, None, -16, -16, None) == pytest.approx((10, 12, 14, 16, 16, 0))
    assert panned(None, None, *(None,) * LONGEST_UNSEEN, -5) == pytest.approx(
        [0] * (LONGEST_UNSEEN + 1) + [5]
    )


def test_a_camera_that_halts_in_the_middle_of_a_pan_is_not_believed() -> None:
    assert panned(None, -10, -11, -12, 0.5, -14, -15, -16) == pytest.approx((10, 11, 12, 13, 14, 15, 16))
    # A pan that begins, ends or turns round is, and so is one that gains speed quickly as at few frames per second.
    for steps in (
        (0, 0, 0, -9, -10, -11, -12),
        (-12, -11, -10, 0, 0, 0),
        (9, 5, 1, -4, -9, -14),
        (-6, -20, -57, -92, -40),
    ):
        assert panned(None, *steps) == pytest.approx([-step for step in steps])


def test_who_is_unseen_for_too_long_is_lost_and_the_tail_is_dropped():
    views = [still([box(50)], [0.5])] + [still([], [])] * (MOST_CARRIED + 3) + [still([box(50)], [0.5])]
    assert list(follow(views, 0, 0).frames) == [0]
    views = [still([box(50)], [0.5])] + [still([], [])] * (MOST_CARRIED - 1) + [still([box(50)], [0.5])]
    assert len(follow(views, 0, 0).frames) == len(views)


def test_between_near_detections_boxes_are_on_the_line():
    views = [still([box(50)], [0.5]), still([], []), still([box(56)], [0.5])]
    np.testing.assert_allclose(follow(views, 0, 0).boxes_px[1], box(53))


@pytest.mark.parametrize("name", ["uploaded_video.mp4"])
@pytest.mark.slow
def test_a_real_diver_is_found_from_the_platform_to_the_water(shared, name):
    from stagescore.media import open_media
    from stagescore.pose.onnx_networks import open_detector

    pytest.importorskip("onnxruntime")
    weights = shared / "weights" / "movenet-multipose.onnx"
    if not weights.is_file():
        pytest.skip("no public networks beside the project")
    media = open_media(shared / "data" / "clips" / name)
    (views,), _ = watch((image for _, image in media.frames()), [open_detector(weights, 2)])
    choice = choose_diver(views)
    assert not choice.is_pair
    assert choice.diver.first == 0
    assert 88 <= choice.diver.frames.stop <= 100  # the water is touched in frame 91
    assert choice.fall > 5
    # In frame 56 the diver, tucked in mid-air, is seen by no detector; by eye about (171, 72).
    left, top, right, bottom = choice.diver.box(56)
    assert left < 171 < right
    assert top < 72 < bottom
